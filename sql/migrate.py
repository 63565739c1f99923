"""Brings a database to the present: `migrations/*.sql`, in order of their `depends`, each in its transaction."""

import logging
from pathlib import Path

import asyncpg
from pogo_core.util.migrate import apply

FOLDER = Path(__file__).parent / "migrations"

# Any number of processes may start at once; one migrates, the others wait for it.
_LOCK = "select pg_advisory_lock(hashtext('attain.migrate'))"

logging.getLogger("pogo_core").setLevel(logging.ERROR)  # it warns of every migration that it applies


class Unreachable(Exception):
    """The address leads to no database that lets us in; the message is Postgres's or the system's."""


async def migrate(url: str) -> list[str]:
    """Apply what is missing and return the names applied. Safe to call at every start. Raises `Unreachable`.

    Needs a login that may create roles and tables; the application itself runs as the role `attain_app`.
    """
    connection = await _connect(url)
    try:
        await connection.execute(_LOCK)
        before = await _applied(connection)
        await apply(connection, FOLDER, schema_name="public")
        return sorted(await _applied(connection) - before)
    finally:
        await connection.close()


async def pending(url: str) -> list[str]:
    """The migrations that the database does not have yet. Raises `Unreachable`."""
    connection = await _connect(url)
    try:
        return sorted({path.stem for path in FOLDER.glob("*.sql")} - await _applied(connection))
    finally:
        await connection.close()


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise Unreachable(str(failure) or type(failure).__name__) from failure


async def _applied(connection: asyncpg.Connection) -> set[str]:
    if not await connection.fetchval("select to_regclass('public._pogo_migration') is not null"):
        return set()
    return {row[0] for row in await connection.fetch("select migration_id from public._pogo_migration")}
