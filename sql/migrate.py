"""Brings a database to the present: `migrations/*.sql`, in order of their `depends`, each in its transaction."""

from pathlib import Path

import asyncpg
from pogo_core.util.migrate import apply

FOLDER = Path(__file__).parent / "migrations"

# Any number of processes may start at once; one migrates, the others wait for it.
_LOCK = "select pg_advisory_lock(hashtext('attain.migrate'))"


async def migrate(url: str) -> list[str]:
    """Apply what is missing and return the names applied. Safe to call at every start.

    Needs a login that may create roles and tables; the application itself runs as the role `attain_app`.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_LOCK)
        before = await _applied(connection)
        await apply(connection, FOLDER, schema_name="public")
        return sorted(await _applied(connection) - before)
    finally:
        await connection.close()


async def pending(url: str) -> list[str]:
    """The migrations that the database does not have yet."""
    connection = await asyncpg.connect(url)
    try:
        return sorted({path.stem for path in FOLDER.glob("*.sql")} - await _applied(connection))
    finally:
        await connection.close()


async def _applied(connection: asyncpg.Connection) -> set[str]:
    if not await connection.fetchval("select to_regclass('public._pogo_migration') is not null"):
        return set()
    return {row[0] for row in await connection.fetch("select migration_id from public._pogo_migration")}
