"""What is committed is numbered: each once, without a gap, whoever relays."""

import asyncio
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from domain.events import CHANNEL, Change, Event
from domain.work import Work
from settings import Settings
from sql.queries import queries
from tests.conftest import MakeOrg
from workers.relay import Relay, number

_live = queries("live")


async def _happen(work: Work, count: int = 1) -> None:
    async with work.transaction() as tx:
        for _ in range(count):
            tx.record(Event("org.team", Change.UPDATED, "Team", str(uuid4())))


async def _log(work: Work) -> list[int]:
    async with work.db.session(work.viewer.org_id) as session:
        return [row["seq"] for row in await session.fetch(_live.log_after, 0, 10_000)]


async def test_concurrent_commits_and_relays_leave_no_gap_and_no_double(make_org: MakeOrg) -> None:
    work = await make_org()
    org_id = work.viewer.org_id
    done = asyncio.Event()

    async def relay() -> None:
        while not done.is_set():
            await number(work.db, org_id)

    relays = [asyncio.create_task(relay()) for _ in range(3)]
    await asyncio.gather(*(_happen(work, 1 + i % 3) for i in range(60)))
    done.set()
    await asyncio.gather(*relays)
    await number(work.db, org_id)

    expected = 1 + sum(1 + i % 3 for i in range(60))  # the first is the organisation's own creation
    assert await _log(work) == list(range(1, expected + 1))


async def test_what_is_rolled_back_is_never_told(make_org: MakeOrg) -> None:
    work = await make_org()
    await number(work.db, work.viewer.org_id)
    before = await _log(work)

    async def fail() -> None:
        async with work.transaction() as tx:
            tx.record(Event("org.team", Change.UPDATED, "Team", str(uuid4())))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await fail()

    await number(work.db, work.viewer.org_id)
    assert await _log(work) == before


async def test_a_commit_wakes_the_relay_which_publishes_and_enqueues(
    make_org: MakeOrg, database_url: str, valkey_url: str
) -> None:
    work = await make_org()
    org_id = work.viewer.org_id
    valkey = Redis.from_url(valkey_url)
    jobs: asyncio.Queue[tuple[str, UUID]] = asyncio.Queue()

    async def enqueue(job: str, org: UUID) -> None:
        if org == org_id:
            jobs.put_nowait((job, org))

    # A sweep that would take an hour shows that the notification alone did it.
    settings = Settings(database_url=database_url, valkey_url=valkey_url, sweep_seconds=3600)
    relay = Relay(work.db, valkey, settings, enqueue)
    running = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(10), valkey.pubsub() as heard:
            await heard.subscribe(CHANNEL)
            await relay.listening.wait()
            async with work.transaction() as tx:
                tx.record(Event("org.team", Change.UPDATED, "Team", str(uuid4())))
                tx.mark(None, work.now.date(), None)
            assert await jobs.get() == ("recompute", org_id)
            async for message in heard.listen():
                if message["type"] == "message" and org_id.hex.encode() in message["data"]:
                    break
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await valkey.aclose()
    assert await _log(work) == [1, 2]
