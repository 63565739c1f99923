"""The sums that are kept of facts tell what the facts tell."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal

from domain.org.actions import calendar
from domain.pipeline.model import DealStatus
from domain.scorecards.definitions import definitions
from domain.scorecards.formula import QuotaLeft
from domain.scorecards.measures import Due, measure
from domain.scorecards.model import Measured, Subject
from domain.scorecards.roster import Weeks
from tests.conftest import MakeOrg
from tests.domain.scorecards.conftest import NOW, WEEK, Company, at, make_company

KPIS = ("calls", "sales_cycle", "pipeline_coverage", "lead_to_quote_sla", "revenue")
Statements = Callable[[], AbstractContextManager[list[str]]]


async def busy(make_org: MakeOrg) -> Company:
    """Facts of every kind on many days, of reps of whom one has moved."""
    company = await make_company(make_org)
    await company.publish(*KPIS)
    await company.move("ann", "south", WEEK - timedelta(days=9))
    for i in range(8):
        day = WEEK - timedelta(days=5 * i)
        rep = ("ann", "ben", "cyd")[i % 3]
        await company.call(rep, day, count=i + 1)
        await company.lead(rep, at(day), f"lead{i}", quoted_at=at(day) + timedelta(hours=i))
        await company.deal(rep, day - timedelta(days=7 * i), day, amount=Decimal(100 + i))
        await company.deal(rep, day - timedelta(days=3 * i), name="Open", status=DealStatus.OPEN)
    return company


async def told(company: Company, *, from_sums: bool) -> dict[Due, Measured]:
    """What each operand comes to for each team over one week and over thirteen, week after week."""
    async with company.work.db.session(company.work.viewer.org_id) as session:
        time = await calendar(session)
        weeks = Weeks(time)
        dues = [
            Due(leaf, Subject.TEAM, team_id, weeks.before(week, window - 1), weeks.end(week))
            for leaf in (await definitions(session)).operands()
            for team_id in company.teams.values()
            for week in weeks.through(weeks.before(WEEK, 9), WEEK)
            for window in (1, 13)
        ]
        assert not any(isinstance(due.leaf, QuotaLeft) for due in dues)
        return await measure(session, time, dues, NOW, from_sums=from_sums)


async def test_sums_tell_what_facts_tell(make_org: MakeOrg) -> None:
    company = await busy(make_org)
    await company.recompute()
    counted = await told(company, from_sums=False)
    read = await told(company, from_sums=True)
    assert len(counted) > 100
    assert {due: (m.sample, m.total or 0, m.low, m.high) for due, m in read.items()} == {
        due: (m.sample, m.total or 0, m.low, m.high) for due, m in counted.items()
    }


async def test_an_operand_that_nothing_looks_at_any_more_is_forgotten_and_one_that_is_new_is_whole(
    make_org: MakeOrg,
) -> None:
    company = await busy(make_org)
    await company.recompute()
    before = await company.run("select operand_id from operand where org_id = $1")
    await company.publish("meetings", "calls", "win_rate", "margin", key="other", since=WEEK)
    await company.recompute()
    after = await company.run("select operand_id from operand where org_id = $1")
    assert {row[0] for row in before} < {row[0] for row in after}
    assert await told(company, from_sums=True) == await told(company, from_sums=False)


async def test_a_fact_loads_nobody_but_its_rep(make_org: MakeOrg, statements: Statements) -> None:
    company = await busy(make_org)
    await company.recompute()
    await company.call("ben", WEEK, prefix="new")
    with statements() as ran:
        await company.recompute()
    assert "sums.teams" not in ran
    assert len([name for name in ran if name == "scorecards.activities_measured"]) == 2
    result = await company.result("sales", "calls")
    assert result is not None
    await company.recompute_all()
    again = await company.result("sales", "calls")
    assert again is not None
    assert (again["value"], again["target"]) == (result["value"], result["target"])


async def test_a_new_week_begins_for_everybody(make_org: MakeOrg) -> None:
    company = await busy(make_org)
    await company.recompute()
    next_week = company.at(NOW + timedelta(days=7))
    await next_week.call("ben", date(2026, 11, 24), prefix="next")
    await next_week.recompute()
    rows = await company.run(
        "select subject_id from scorecard where org_id = $1 and week = $2", WEEK + timedelta(days=7)
    )
    assert {row[0] for row in rows} == {*company.reps.values(), *company.teams.values()}
