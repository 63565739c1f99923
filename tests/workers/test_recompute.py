"""From a mark to a number: claimed, computed, told; by whoever comes first, and once."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

from domain import recompute
from domain.work import Work
from settings import Settings
from sql.queries import Query, queries
from tests.conftest import MakeOrg
from workers.jobs import Jobs

_live = queries("live")
_COACH_MARKS = Query("test.coach_marks", "select from coach_mark where org_id = $1")


async def _mark(work: Work, days: int = 1) -> None:
    async with work.transaction() as tx:
        for i in range(days):
            tx.mark(None, date(2026, 11, 2 + i), date(2026, 11, 2 + i))


async def _marks(work: Work) -> int:
    async with work.db.session(work.viewer.org_id) as session:
        return len(await session.fetch(_live.marks))


async def test_a_run_claims_every_mark_and_a_second_finds_nothing_to_do(make_org: MakeOrg) -> None:
    work = await make_org()
    await _mark(work, days=5)

    assert await recompute.recompute(work)
    assert await _marks(work) == 0
    assert not await recompute.recompute(work)


async def test_a_run_that_fails_leaves_the_marks(make_org: MakeOrg) -> None:
    work = await make_org()
    await _mark(work)
    before = await _marks(work)

    async def interrupted() -> None:
        async with work.transaction() as tx:
            await tx.fetch(_live.recompute_claim)
            raise asyncio.CancelledError

    task = asyncio.create_task(interrupted())
    await asyncio.wait([task])
    assert task.cancelled()
    assert await _marks(work) == before


async def test_runs_side_by_side_leave_nothing_undone(make_org: MakeOrg) -> None:
    work = await make_org()

    async def drain() -> None:
        while await recompute.recompute(work):
            pass

    async def write_and_wake(n: int) -> None:
        await _mark(work, days=1 + n % 3)
        await drain()

    await asyncio.gather(*(write_and_wake(n) for n in range(12)))
    assert await _marks(work) == 0


async def test_what_is_marked_while_a_job_runs_is_worked_through(
    make_org: MakeOrg, database_url: str, valkey_url: str
) -> None:
    work = await make_org()
    jobs = Jobs(work.db, Settings(database_url=database_url, valkey_url=valkey_url))
    async with asyncio.timeout(30):
        for _ in range(10):
            await _mark(work)
            jobs.begin("recompute", work.viewer.org_id)
        while await _marks(work):
            pass
    await jobs.close()


async def test_a_rep_is_coached_at_once_and_again_when_its_numbers_change_soon(
    make_org: MakeOrg, database_url: str, valkey_url: str
) -> None:
    work = await make_org()
    jobs = Jobs(work.db, Settings(database_url=database_url, valkey_url=valkey_url))

    async def changed() -> None:
        async with work.transaction() as tx:
            tx.coach(uuid4())

    async def coached() -> None:
        async with work.db.session(work.viewer.org_id) as session:
            while await session.fetch(_COACH_MARKS):
                pass

    async with asyncio.timeout(30):
        for _ in range(2):
            await changed()
            jobs.begin("coach", work.viewer.org_id)
            await coached()
    await jobs.close()


async def test_a_new_day_is_worked_through_once(make_org: MakeOrg) -> None:
    work = await make_org()

    assert await recompute.new_day(work)
    assert await _marks(work) > 0
    assert not await recompute.new_day(work)


async def test_after_days_without_workers_all_of_them_are_looked_at_again(make_org: MakeOrg) -> None:
    work = await make_org(now=datetime(2026, 6, 26, 12, tzinfo=UTC))
    await recompute.new_day(work)
    while await recompute.recompute(work):
        pass

    await recompute.new_day(replace(work, now=datetime(2026, 7, 3, 12, tzinfo=UTC)))

    async with work.db.session(work.viewer.org_id) as session:
        marks = await session.fetch(_live.marks)
    assert [(mark["from_day"], mark["through_day"]) for mark in marks] == [(date(2026, 6, 26), None)]
