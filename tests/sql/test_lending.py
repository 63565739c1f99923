"""Connections are lent to one at a time, handed on in turn, and replaced when they are of no more use."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from sql.lending import Connection, Connections, Lent
from sql.pool import Database, Unavailable
from sql.queries import Query

NOBODY = UUID(int=0)


@pytest.fixture
async def two(database_url: str) -> AsyncIterator[Connections]:
    async def connect() -> Connection:
        return await asyncpg.connect(database_url)

    connections = Connections(connect, 2)
    yield connections
    connections.terminate()


async def pid(lent: Lent) -> int:
    return int(await lent.connection.fetchval("select pg_backend_pid()"))


async def test_the_last_one_back_goes_out_first(two: Connections) -> None:
    first, second = await two.lend(), await two.lend()
    assert two.count() == (2, 0)
    two.give_back(second)
    two.give_back(first)
    assert two.count() == (0, 2)
    assert await two.lend() is first


async def test_one_that_sees_the_organisation_goes_out_before_the_last_one_back(two: Connections) -> None:
    mine, theirs = await two.lend(), await two.lend()
    mine.org_id, theirs.org_id = UUID(int=1), UUID(int=2)
    two.give_back(mine)
    two.give_back(theirs)
    assert await two.lend(UUID(int=1)) is mine
    two.give_back(mine)
    assert await two.lend(UUID(int=3)) is theirs  # the other was of use more recently
    assert await two.lend(UUID(int=2)) is mine


async def test_those_who_wait_are_served_in_the_order_in_which_they_came(two: Connections) -> None:
    held = [await two.lend(), await two.lend()]
    served: list[int] = []

    async def wait(number: int) -> None:
        lent = await two.lend()
        served.append(number)
        two.give_back(lent)

    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(wait(number))
        await asyncio.sleep(0)
        two.give_back(held[0])
    assert served == [0, 1, 2, 3]
    two.give_back(held[1])
    assert two.count() == (0, 2)


async def test_who_gives_up_in_its_turn_passes_it_on(two: Connections) -> None:
    held = [await two.lend(), await two.lend()]
    quitter, next_ = asyncio.create_task(two.lend()), asyncio.create_task(two.lend())
    await asyncio.sleep(0)
    two.give_back(held[0])
    quitter.cancel()  # it was handed the connection, and has not run since
    assert await next_ is held[0]
    with pytest.raises(asyncio.CancelledError):
        await quitter


async def test_one_that_broke_is_replaced_for_who_waits(two: Connections) -> None:
    held = [await two.lend(), await two.lend()]
    waiting = asyncio.create_task(two.lend())
    await asyncio.sleep(0)
    held[0].connection.terminate()
    two.give_back(held[0])
    fresh = await waiting
    assert fresh not in held
    assert await pid(fresh)


async def test_one_that_broke_while_idle_is_not_lent(two: Connections) -> None:
    lent = await two.lend()
    two.give_back(lent)
    lent.connection.terminate()
    assert await pid(await two.lend())
    assert two.count() == (1, 0)


async def test_what_was_left_in_a_transaction_is_undone(two: Connections) -> None:
    lent = await two.lend()
    await lent.connection.execute("begin; create table left_behind ()")
    two.give_back(lent)
    assert lent.connection.is_closed()
    assert await (await two.lend()).connection.fetchval("select to_regclass('left_behind')") is None


async def test_a_statement_that_was_given_up_does_not_disturb_the_next(two: Connections) -> None:
    lent = await two.lend()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lent.connection.execute("select pg_sleep(60)")
    two.give_back(lent)
    again = await two.lend()
    assert again is lent
    assert await again.connection.fetchval("select 7") == 7


GIVEN_UP = {
    "cancelled": (Query("test.sleep", "select pg_sleep(60), $1::uuid"), TimeoutError),
    "unfit": (Query("test.unfit", "select $1::uuid, $2::int"), asyncpg.DataError),
}


@pytest.mark.parametrize("how", GIVEN_UP)
async def test_a_session_in_which_a_statement_was_given_up_leaves_its_connection_to_nobody(
    database_url: str, how: str
) -> None:
    """Begun or only read: Postgres would go on counting its time, and end somebody else's statement for it."""
    query, failure = GIVEN_UP[how]
    pid_of = Query("test.pid", "select pg_backend_pid(), $1::uuid")
    db = await Database.open(database_url, size=1)
    before = await value_of(db, pid_of)
    with pytest.raises(failure):
        async with asyncio.timeout(0.2), db.session(NOBODY) as session:
            await session.fetch(query, *(["no number"] if how == "unfit" else []))
    assert await value_of(db, pid_of) != before
    await db.close()


async def test_a_statement_that_a_migration_changed_is_prepared_anew(database_url: str) -> None:
    """But not in a transaction, which has failed with it."""
    everything = Query("test.everything", "select * from changed where $1::uuid is not null")
    owner = await asyncpg.connect(database_url)
    await owner.execute("create table changed as select 1 as a; grant select on changed to attain_app")
    db = await Database.open(database_url, size=1)
    try:
        async with db.session(NOBODY) as session:
            assert [dict(row) for row in await session.fetch(everything)] == [{"a": 1}]
            await owner.execute("alter table changed add column b int")
            assert [dict(row) for row in await session.fetch(everything)] == [{"a": 1, "b": None}]
            assert tuple(await session.row(everything) or ()) == (1, None)
        await owner.execute("alter table changed drop column b")
        with pytest.raises(Unavailable):
            async with db.transaction(NOBODY) as session:
                await session.fetch(everything)
        async with db.transaction(NOBODY) as session:
            assert [dict(row) for row in await session.fetch(everything)] == [{"a": 1}]
    finally:
        await db.close()
        await owner.execute("drop table changed")
        await owner.close()


async def test_a_connection_holds_so_many_statements_and_no_more(database_url: str) -> None:
    held = Query("test.held", "select count(*) from pg_prepared_statements where $1::uuid is not null")
    db = await Database.open(database_url, size=1)
    async with db.session(NOBODY) as session:
        for number in range(450):
            assert await session.value(Query("test.one", f"select {number}, $1::uuid")) == number
        assert await session.value(held) < 250
    await db.close()


async def value_of(db: Database, query: Query) -> object:
    async with db.session(NOBODY) as session:
        return await session.value(query)


async def test_without_a_server_nobody_waits_for_ever() -> None:
    async def connect() -> Connection:
        raise ConnectionRefusedError

    none = Connections(connect, 1)
    outcomes = await asyncio.gather(*(none.lend() for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionRefusedError] * 3


async def test_closing_waits_for_those_that_are_lent(two: Connections) -> None:
    lent, other = await two.lend(), await two.lend()
    waiting = asyncio.create_task(two.lend())
    closing = asyncio.create_task(two.close())
    await asyncio.sleep(0)
    two.give_back(other)
    assert await lent.connection.fetchval("select 1") == 1
    assert not closing.done()
    two.give_back(lent)
    await closing
    with pytest.raises(asyncpg.InterfaceError):
        await waiting
    assert lent.connection.is_closed()
    assert other.connection.is_closed()


@pytest.mark.parametrize("in_transaction", [False, True])
async def test_what_was_given_up_ends_in_postgres_too_and_nobody_waits_for_that(
    database_url: str, in_transaction: bool
) -> None:
    """A lock that somebody else holds stands for all that takes long."""
    lock = Query("test.lock", "select pg_advisory_xact_lock(72), $1::uuid")
    waiting = "select exists (select from pg_locks where locktype = 'advisory' and objid = 72 and not granted)"
    holder = await asyncpg.connect(database_url)
    await holder.execute("select pg_advisory_lock(72)")
    db = await Database.open(database_url, size=1, timeout_ms=600_000)

    async def wait() -> None:
        async with (db.transaction if in_transaction else db.session)(NOBODY) as session:
            await session.execute(lock)

    task = asyncio.create_task(wait())
    async with asyncio.timeout(60):
        while not await holder.fetchval(waiting):
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert db.connections() == (0, 0)
        while await holder.fetchval(waiting):
            pass
    await db.close()
    await holder.close()


async def test_who_is_killed_in_the_middle_of_a_statement_leaves_its_locks(database_url: str) -> None:
    db = await Database.open(database_url, size=1, timeout_ms=600_000)
    killed = (await db._connections.lend()).connection
    await killed.execute("select pg_advisory_lock(4711)")
    asking = asyncio.create_task(killed.execute("select pg_sleep(600)"))
    other = await asyncpg.connect(database_url)
    asleep = "select count(*) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'"
    while not await other.fetchval(asleep, killed.get_server_pid()):
        pass
    killed.terminate()  # hangs up without a word, as the kernel does for who is killed
    async with asyncio.timeout(60):
        await other.execute("select pg_advisory_lock(4711)")
    assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], asyncpg.ConnectionDoesNotExistError)
    await other.close()
    await db.close()
