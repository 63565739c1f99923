"""From a mark to a number: claimed, computed, told; by whoever comes first, and once."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime

from domain import recompute
from domain.work import Work
from sql.queries import queries
from tests.conftest import MakeOrg

_live = queries("live")


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
