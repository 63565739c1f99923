"""What commands share: the settings that they need, the database behind them, and one line when they cannot go on."""

import asyncio
import os
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import UUID

import typer
from pydantic import ValidationError

from settings import Settings, settings

DATA = Path(".attain")
DataDir = Annotated[Path, typer.Option("--data-dir", help="Where `attain up` keeps its data.")]
Org = Annotated[UUID | None, typer.Option("--org", help="The organisation's id, if the database has several.")]


def settings_with(*needed: str) -> Settings:
    """The environment's settings, those needed among them; else one line that names each variable at fault."""
    try:
        known = settings()
    except ValidationError as failure:
        for error in failure.errors():
            name = str(error["loc"][0])
            meant = Settings.model_fields[name].description
            print(f"attain: ATTAIN_{name.upper()}: {error['msg']} ({meant})", file=sys.stderr)
        raise typer.Exit(1) from None
    for unknown, meant in _misspelt():
        print(f"attain: {unknown} is no setting, and has no effect. Is {meant} meant?", file=sys.stderr)
    missing = [f"ATTAIN_{name.upper()}" for name in needed if not getattr(known, name)]
    if missing:
        fail(f"Set {' and '.join(missing)}, or run `attain up`, which needs no settings.")
    return known


def _misspelt() -> Iterator[tuple[str, str]]:
    """Variables of the environment that look much like one of ours, with that one."""
    ours = [f"ATTAIN_{name.upper()}" for name in Settings.model_fields]
    for name in sorted(os.environ):
        if name.startswith("ATTAIN_") and not name.startswith("ATTAIN_TEST_") and name not in ours:
            yield from ((name, meant) for meant in get_close_matches(name, ours, 1, 0.8))


def check_database(known: Settings) -> None:
    """Refuse a database that is away or behind the code."""
    from sql.migrate import Unreachable, pending

    try:
        waiting = asyncio.run(pending(known.database_url))
    except Unreachable as failure:
        fail(f"The database cannot be reached: {failure}")
    if waiting:
        fail(f"The database lacks {len(waiting)} migrations: run `attain migrate`.")


def join(data_dir: Path) -> None:
    """Take from a running `attain up` what the environment does not say."""
    file = data_dir / "env"
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)


def fail(message: str) -> NoReturn:
    """End here, with one line that names what to do."""
    print(f"attain: {message}", file=sys.stderr)
    raise typer.Exit(1)


async def org_of(known: Settings, email: str, org: UUID | None) -> UUID:
    """The organisation in which this address is an active user."""
    from sql.pool import Database
    from sql.queries import queries

    db = await Database.open(known.database_url, size=1)
    try:
        candidates = [org] if org else [row["org_id"] for row in await db.system(queries("live").organizations)]
        found = []
        for org_id in candidates:
            async with db.session(org_id) as session:
                if await session.row(queries("access").user_by_email, email):
                    found.append(org_id)
    finally:
        await db.close()
    if len(found) != 1:
        fail(
            f"{email} is an active user of {len(found)} organisations: choose one with --org."
            if found
            else f"No active user has the address {email}."
        )
    return UUID(str(found[0]))
