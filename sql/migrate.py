"""Brings a database to the present: `migrations/*.sql`, in order of their `depends`, each in its transaction.

The previous release may serve meanwhile. A migration that cannot have its locks soon lets go of them, so that those who
queue behind it wait for seconds, and tries again.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import asyncpg

FOLDER = Path(__file__).parent / "migrations"

# Any number of processes may start at once; one migrates, the others wait for it.
_LOCK = "select pg_advisory_lock(hashtext('attain.migrate'))"

_LOCK_SECONDS = 2.0
_TRIES = 10

_LONGEST = """
select pid, application_name, extract(epoch from clock_timestamp() - xact_start)::int as seconds
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
order by xact_start limit 1
"""


class Unreachable(Exception):
    """The address leads to no database that lets us in; the message is Postgres's or the system's."""


class Blocked(Exception):
    """Others hold what a migration must lock; the message says who, and what to do."""


async def migrate(
    url: str,
    *,
    folder: Path = FOLDER,
    waiting: Callable[[str], None] = lambda _: None,
    lock_seconds: float = _LOCK_SECONDS,
    tries: int = _TRIES,
) -> list[str]:
    """Apply what is missing and return the names applied. Safe to call at every start.

    Needs a login that may create roles and tables; the application itself runs as the role `attain_app`. `waiting`
    hears of a migration that waits, and for whom; it waits so many times for so many seconds. Raises `Unreachable`,
    `Blocked`.
    """
    from pogo_core.error import BadMigrationError  # the API and workers look only whether there is anything to do
    from pogo_core.util.migrate import apply

    logging.getLogger("pogo_core").setLevel(logging.ERROR)  # it warns of every migration that it applies
    connection = await connect(url)
    try:
        await connection.execute(_LOCK)
        await connection.execute(f"set lock_timeout = '{lock_seconds:g}s'")
        before = await _applied(connection)
        for number in range(1, tries + 1):
            try:
                await apply(connection, folder, schema_name="public")
                break
            except BadMigrationError as failure:
                if not isinstance(failure.__cause__, asyncpg.LockNotAvailableError):
                    raise
                name = min(_names(folder) - await _applied(connection))
                blocked = f"{name} waits for a table{await _longest(connection)}"
                if number == tries:
                    raise Blocked(
                        f"{blocked}. It was tried {tries} times, and nothing of it was applied. End that session "
                        "or wait for it, and run `attain migrate` again."
                    ) from None
                waiting(f"{blocked}: try {number} of {tries}")
                await asyncio.sleep(lock_seconds)  # those who queued behind us go first
        return sorted(await _applied(connection) - before)
    finally:
        await connection.close()


async def _longest(connection: asyncpg.Connection) -> str:
    """Who probably holds it: the transaction that has been open for longest."""
    row = await connection.fetchrow(_LONGEST)
    if row is None:
        return ""
    return f" that session {row['pid']} ({row['application_name'] or 'unnamed'}) may hold, {row['seconds']} s by now"


async def pending(url: str) -> list[str]:
    """The migrations that the database does not have yet. Raises `Unreachable`."""
    connection = await connect(url)
    try:
        return sorted(_names(FOLDER) - await _applied(connection))
    finally:
        await connection.close()


def _names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.sql")}


async def connect(url: str) -> asyncpg.Connection:
    """As the login itself, which owns the tables. Raises `Unreachable`."""
    try:
        return await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise Unreachable(str(failure) or type(failure).__name__) from failure


async def _applied(connection: asyncpg.Connection) -> set[str]:
    if not await connection.fetchval("select to_regclass('public._pogo_migration') is not null"):
        return set()
    return {row[0] for row in await connection.fetch("select migration_id from public._pogo_migration")}
