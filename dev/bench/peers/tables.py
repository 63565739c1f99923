"""`python tables.py DATABASE_URL ORG TODAY PERIOD STARTS_ON`: make the peers' tables (tables.sql)."""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

import asyncpg


async def main(url: str, org: str, *values: str) -> None:
    """Raises what Postgres raises."""
    script = Path(__file__).with_name("tables.sql").read_text(encoding="utf-8")
    for name, value in zip(("TODAY", "PERIOD", "STARTS_ON"), values, strict=True):
        quoted = "'" + value.replace("'", "''") + "'"
        script = script.replace(f"${name}", quoted if name == "PERIOD" else f"{quoted}::date")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script.replace("$ORG", f"'{UUID(org)}'::uuid"))
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
