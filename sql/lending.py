"""Connections to Postgres, lent one at a time: one that sees the organisation already, where there is one.

asyncpg's own pool takes longer to lend a connection than Postgres takes to answer a short question: it makes a proxy, a
context and a shielded task each time. This one pops a list.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

Connection = asyncpg.Connection

# What has been idle for longer may have been cut by something on the way, without a word.
_IDLE_SECONDS = 300.0
_PARTING_SECONDS = 5.0
# Prepared on one connection. Postgres keeps what it parsed and planned of each.
_MOST_STATEMENTS = 200
# On our side, so that Postgres may wait for the rest of a statement; the last two are of arguments that do not fit.
GIVEN_UP = (asyncio.CancelledError, TimeoutError, asyncpg.InterfaceError, asyncpg.DataError)


class Lent:
    """A connection, the organisation that it was last told to see, and the statements that are prepared on it."""

    __slots__ = ("connection", "org_id", "since", "statements")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.org_id: UUID | None = None
        self.since = 0.0
        self.statements: dict[str, PreparedStatement] = {}

    async def prepare(self, text: str) -> PreparedStatement:
        """A statement for next time too. asyncpg forgets those that nobody holds."""
        statement = await self.connection.prepare(text)
        if len(self.statements) >= _MOST_STATEMENTS:
            self.statements.clear()
        self.statements[text] = statement
        return statement


class Connections:
    """At most `most` of them, made by `connect` when they are needed."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._idle: list[Lent] = []
        self._lent: set[Lent] = set()
        self._made = 0  # or being made
        self._waiting: deque[asyncio.Future[Lent | None]] = deque()
        self._closed = False
        self._back = asyncio.Event()
        self._parting: set[asyncio.Task[None]] = set()

    def count(self) -> tuple[int, int]:
        """How many are lent, and how many idle."""
        return len(self._lent), len(self._idle)

    async def lend(self, org_id: UUID | None = None) -> Lent:
        """One that works, as far as can be seen; where there is a choice, one that sees this organisation already.

        Raises what connecting raises, and `InterfaceError` once closed.
        """
        while True:
            if self._closed:
                raise asyncpg.InterfaceError("The connections are closed.")
            lent = self._pop(org_id)
            if lent is not None:
                self._lent.add(lent)
                return lent
            if self._made < self._most:
                return await self._make()
            lent = await self._turn()
            if lent is not None:
                return lent

    def give_back(self, lent: Lent, failure: BaseException | None = None) -> None:
        """Take it back, with what went wrong meanwhile.

        One that was left in a transaction is thrown away, and Postgres undoes what it did; so is one on which a
        statement was given up. It may have been read and not begun, and Postgres goes on counting its time until the
        next one has the blame. Nobody waits for Postgres to hear of it.
        """
        connection = lent.connection
        given_up = isinstance(failure, GIVEN_UP)
        if self._closed or given_up or connection.is_closed() or connection.is_in_transaction():
            self._lent.discard(lent)
            self._drop(lent, given_up)
        elif not self._hand_over(lent):
            self._lent.discard(lent)
            lent.since = asyncio.get_running_loop().time()
            self._idle.append(lent)
        if not self._lent:
            self._back.set()

    async def close(self) -> None:
        """Close all, those that are lent when they are back."""
        self._closed = True
        while self._hand_over(None):
            pass
        while self._lent:
            self._back.clear()
            await self._back.wait()
        await asyncio.gather(*self._parting, *(lent.connection.close() for lent in self._idle))
        self._idle.clear()

    def terminate(self) -> None:
        """Close all without a word."""
        self._closed = True
        for parting in self._parting:
            parting.cancel()
        for lent in (*self._idle, *self._lent):
            lent.connection.terminate()

    def _pop(self, org_id: UUID | None) -> Lent | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            lent = self._idle.pop(self._place(org_id))
            if not lent.connection.is_closed() and now - lent.since < _IDLE_SECONDS:
                return lent
            self._drop(lent)
        return None

    def _place(self, org_id: UUID | None) -> int:
        """Of the one to lend: telling Postgres what to see takes as long as asking it something."""
        last = len(self._idle) - 1
        if org_id is None:
            return last
        for place in range(last, -1, -1):
            if self._idle[place].org_id == org_id:
                return place
        return 0  # whose organisation has not been asked about for the longest time

    async def _make(self) -> Lent:
        self._made += 1
        try:
            lent = Lent(await self._connect())
        except BaseException:
            self._made -= 1
            self._hand_over(None)
            raise
        self._lent.add(lent)
        return lent

    async def _turn(self) -> Lent | None:
        """Wait, first come first served, for one that comes back, or for None: there is room to make one."""
        future: asyncio.Future[Lent | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it was our turn: somebody else's, then
                lent = future.result()
                self._hand_over(None) if lent is None else self.give_back(lent)
            raise

    def _hand_over(self, lent: Lent | None) -> bool:
        """To who has waited longest; False when nobody does."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(lent)
                return True
        return False

    def _drop(self, lent: Lent, given_up: bool = False) -> None:
        if given_up and not self._closed:
            parting = asyncio.create_task(_part(lent.connection))
            self._parting.add(parting)
            parting.add_done_callback(self._parting.discard)
        else:
            lent.connection.terminate()
        self._made -= 1
        self._hand_over(None)


async def _part(connection: Connection) -> None:
    """Have Postgres end the statement, for whose locks others wait, and hang up; without a word when it is silent."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        async with asyncio.timeout(_PARTING_SECONDS):
            await connection.close()
