"""What is of everybody is recomputed step by step, a transaction at a time."""

from datetime import date, timedelta

import pytest

from domain import recompute
from domain.pipeline.actions import activities_ingest
from domain.pipeline.model import ActivityItem
from domain.work import Tx
from sql.pool import Database
from tests.loop.company import WEEK, Company, at, difference

_STEPS = "select * from recompute_step where org_id = $1 order by step, subject, subject_id, operand_id"
_WAKE_UPS = "select kind from org_work where org_id = $1 and kind = 'RECOMPUTE'"


@pytest.fixture
async def company(db: Database, monkeypatch: pytest.MonkeyPatch) -> Company:
    """A company with a past, where so little fits in a transaction that everything takes many."""
    company = await Company.found(db)
    await company.live_through()
    monkeypatch.setattr("domain.scorecards.results.ROOM", 30)
    return company


async def test_steps_come_to_the_same_as_all_at_once(company: Company) -> None:
    before = await company.results()
    for table in ("scorecard", "kpi_result", "operand"):
        await company.run(f"delete from {table} where org_id = $1")  # noqa: S608
    await company.stale()
    left = []
    while await recompute.recompute(company.system):
        left.append(len(await company.run(_STEPS)))
        assert bool(await company.run(_WAKE_UPS)) is bool(left[-1])
    assert len(left) > 10
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert difference(before, await company.results()) == []


async def test_facts_and_people_that_change_meanwhile_count(company: Company) -> None:
    await company.publish("calls", "sales_cycle", "pipeline_coverage", "margin", since=WEEK - timedelta(weeks=8))
    days = [WEEK - timedelta(weeks=i % 9) for i in range(40)]
    for n, day in enumerate(days):
        item = ActivityItem(f"new{n}", ("ann", "cyd")[n % 2], "CALL", at(day))
        assert (await activities_ingest(company.work, "crm", [item])).created == 1
        await recompute.recompute(company.system)
        if n == 30:
            await company.publish("meetings", "win_rate", "revenue", "calls", since=WEEK - timedelta(weeks=4))
            await company.pass_time(24)
    assert await company.run(_STEPS)
    await company.drain()
    meanwhile = await company.results()
    await company.compute_anew()
    assert difference(meanwhile, await company.results()) == []


async def test_teams_wait_until_their_sums_are_whole(company: Company) -> None:
    """A KPI that is new is told of nobody in part: what is shown of a team is what was, or what is."""
    before = await _calls(company)
    for table in ("operand", "fact_sum"):
        await company.run(f"delete from {table} where org_id = $1")  # noqa: S608
    await company.stale()
    seen = set()
    for n in range(30):
        item = ActivityItem(f"new{n}", "ann", "MEETING", at(WEEK))
        await activities_ingest(company.work, "crm", [item])
        await recompute.recompute(company.system)
        seen.add(tuple(sorted((await _calls(company)).items())))
    assert seen == {tuple(sorted(before.items()))}


async def test_who_is_killed_leaves_the_steps_to_the_next(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await company.results()
    await company.stale()
    await recompute.recompute(company.system)
    steps = await company.run(_STEPS)
    assert steps
    flush = Tx._flush

    async def killed(tx: Tx) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(Tx, "_flush", killed)
    with pytest.raises(RuntimeError, match="killed"):
        await recompute.recompute(company.system)
    monkeypatch.setattr(Tx, "_flush", flush)
    assert await company.run(_STEPS) == steps
    assert await company.run(_WAKE_UPS)
    await company.drain()
    assert difference(before, await company.results()) == []


async def _calls(company: Company) -> dict[date, object]:
    rows = await company.run(
        "select week, value from kpi_result where org_id = $1 and subject_id = $2 and kpi_id = $3",
        company.teams["sales"],
        company.kpis["calls"],
    )
    return {row["week"]: row["value"] for row in rows}
