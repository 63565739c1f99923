"""Connections that know their organisation.

`Database.session(org_id)` lends a connection on which row-level security sees that organisation and nothing else; every
query takes the organisation as `$1` besides. `Database.transaction(org_id)` is the same inside one transaction.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

import asyncpg
import orjson
import uuid_utils.compat

from sql.lending import GIVEN_UP, Connection, Connections, Lent
from sql.queries import Query

Record = asyncpg.Record
# What a caller may retry: the server went away, is starting, or gave up on a lock or a statement.
Unavailable = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process slept in the middle
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,  # a migration changed the table under a running transaction
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # the connection failed a moment ago, and asyncpg has not closed it yet
    OSError,  # refused, reset, timed out; no such name, no such socket
)

# Names of the statements of the current operation, when a test or a metric asks for them.
statements: ContextVar[list[str] | None] = ContextVar("statements", default=None)

_CLOSE_SECONDS = 5.0
_SEE = "select set_config('attain.org_id', $1, false)"


def uuid7() -> uuid.UUID:
    """A new id, ordered by time."""
    return uuid_utils.compat.uuid7()


def _dumps(value: object) -> str:
    return orjson.dumps(value, default=_encode, option=orjson.OPT_NON_STR_KEYS).decode()


def _encode(value: object) -> str:
    if isinstance(value, Decimal | uuid.UUID):  # ids that come from rows are a subclass, which orjson leaves to us
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Session:
    """A connection bound to one organisation. Every call names a `Query` and leaves out `$1`."""

    __slots__ = ("_lent", "org_id")

    def __init__(self, lent: Lent, org_id: uuid.UUID) -> None:
        self._lent = lent
        self.org_id = org_id

    async def fetch(self, query: Query, *args: object) -> list[Record]:
        """All rows."""
        rows: list[Record] = await self._ask("fetch", query, args)
        return rows

    async def row(self, query: Query, *args: object) -> Record | None:
        """The first row, or None."""
        row: Record | None = await self._ask("fetchrow", query, args)
        return row

    async def value(self, query: Query, *args: object) -> Any:
        """The first column of the first row, or None."""
        return await self._ask("fetchval", query, args)

    async def _ask(self, how: str, query: Query, args: tuple[object, ...]) -> Any:
        """By a prepared statement: asyncpg's search for one takes half as long as Postgres takes for a short answer."""
        _count(query)
        lent, text = self._lent, query.text
        statement = lent.statements.get(text) or await lent.prepare(text)
        try:
            return await getattr(statement, how)(self.org_id, *args)
        except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError) as stale:  # after a migration
            lent.statements.clear()
            if isinstance(stale, asyncpg.OutdatedSchemaCacheError) or lent.connection.is_in_transaction():
                raise
        return await getattr(lent.connection, how)(text, self.org_id, *args)

    async def execute(self, query: Query, *args: object) -> int:
        """Run it; the number of rows it touched."""
        _count(query)
        status = await self._lent.connection.execute(query.text, self.org_id, *args)
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0


def _count(query: Query) -> None:
    seen = statements.get()
    if seen is not None:
        seen.append(query.name)


class Database:
    """The process's pool. `open` it once, `close` it at the end."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @classmethod
    async def open(cls, url: str, *, size: int = 10, timeout_ms: int = 10_000) -> "Database":
        """Connect as the role `attain_app`, which row-level security binds."""

        async def connect() -> Connection:
            connection = await asyncpg.connect(
                url,
                command_timeout=timeout_ms / 1000 + 1,
                server_settings={
                    "application_name": "attain",
                    "timezone": "UTC",
                    "statement_timeout": str(timeout_ms),
                    "lock_timeout": str(timeout_ms),
                    "idle_in_transaction_session_timeout": "30000",
                    # Whoever is killed leaves its locks within a second, also in the middle of a statement.
                    "client_connection_check_interval": "1000",
                    # What is asked for lies in memory, or on a disk that does not turn. Postgres's 4 is of one that
                    # does: it reads small tables through for each row of a page instead of looking the row up.
                    "random_page_cost": "1.1",
                },
            )
            try:
                await connection.execute("set role attain_app")
                for kind in ("json", "jsonb"):
                    await connection.set_type_codec(
                        kind, encoder=_dumps, decoder=orjson.loads, schema="pg_catalog", format="text"
                    )
            except BaseException:
                connection.terminate()
                raise
            return connection

        connections = Connections(connect, size)
        connections.give_back(await connections.lend())  # now is when to hear that it cannot be reached
        return cls(connections)

    async def close(self) -> None:
        """Let go of every connection; of one whose server does not answer, without a word."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connections.close()
        except Unavailable:
            self._connections.terminate()

    def connections(self) -> tuple[int, int]:
        """How many connections are in use, and how many idle."""
        return self._connections.count()

    def session(self, org_id: uuid.UUID) -> "_Lending":
        """A connection that sees one organisation; each statement is its own transaction."""
        return _Lending(self._connections, org_id)

    def transaction(self, org_id: uuid.UUID) -> AbstractAsyncContextManager[Session]:
        """The same inside one transaction: all of it happens, or nothing."""
        return self._transaction(org_id)

    def snapshot(self, org_id: uuid.UUID) -> AbstractAsyncContextManager[Session]:
        """Reads that all see the same moment, whatever is committed meanwhile."""
        return self._transaction(org_id, isolation="repeatable_read", readonly=True)

    @asynccontextmanager
    async def _transaction(self, org_id: uuid.UUID, **options: Any) -> AsyncIterator[Session]:
        async with self.session(org_id) as session:
            transaction = session._lent.connection.transaction(**options)
            await transaction.start()
            try:
                yield session
            except GIVEN_UP:
                raise  # the connection goes, and Postgres undoes what it did; it need not say so
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()

    async def system(self, query: Query, *args: object) -> list[Record]:
        """Run a query on the few tables that belong to no organisation (work to do, versions)."""
        _count(query)
        lent = await self._connections.lend()
        try:
            rows = await lent.connection.fetch(query.text, *args)
        except BaseException as failure:
            self._connections.give_back(lent, failure)
            raise
        self._connections.give_back(lent)
        return rows


class _Lending:
    """A session from the beginning of a block to its end."""

    __slots__ = ("_connections", "_lent", "_org_id")

    def __init__(self, connections: Connections, org_id: uuid.UUID) -> None:
        self._connections = connections
        self._org_id = org_id

    async def __aenter__(self) -> Session:
        self._lent = lent = await self._connections.lend(self._org_id)
        if lent.org_id != self._org_id:
            lent.org_id = None
            try:
                await lent.connection.execute(_SEE, str(self._org_id))
            except BaseException as failure:
                self._connections.give_back(lent, failure)
                raise
            lent.org_id = self._org_id
        return Session(lent, self._org_id)

    async def __aexit__(self, _type: object, failure: BaseException | None, _traceback: object) -> None:
        self._connections.give_back(self._lent, failure)


class Listener:
    """A connection of its own that hears NOTIFY on a channel. `lost` turns true when it is gone."""

    def __init__(self, url: str, channel: str, heard: Callable[[str], None]) -> None:
        self._url = url
        self._channel = channel
        self._heard = heard
        self.lost = False

    async def __aenter__(self) -> "Listener":
        self._connection = await asyncpg.connect(self._url, server_settings={"application_name": "attain-listener"})
        self._connection.add_termination_listener(self._terminated)
        await self._connection.add_listener(self._channel, self._notified)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._connection.terminate()

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._heard(str(payload))

    def _terminated(self, _connection: object) -> None:
        self.lost = True
