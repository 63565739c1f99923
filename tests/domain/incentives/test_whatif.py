"""What if: the same numbers as the ledger's, and nothing written."""

from datetime import date
from decimal import Decimal

import pytest

from domain.incentives.components import Commission, Spiff
from domain.incentives.plan import Plan
from domain.incentives.terms import Cap, CapScope, Sharing, Tier, TierMode
from domain.incentives.whatif import Estimate, IfWon, Simulated, estimate, simulate
from domain.org.actions import calendar
from tests.domain.incentives.conftest import DECEMBER, NOVEMBER, OCTOBER, Company, plan

TODAY = date(2026, 12, 15)
LIFTED = Commission(
    key="commission",
    tiers=(
        Tier(start=Decimal(0), end=Decimal(10_000), rate=Decimal("0.1")),
        Tier(start=Decimal(10_000), rate=Decimal("0.2"), mode=TierMode.RETROACTIVE),
    ),
)


async def estimated(company: Company, *deals: IfWon) -> list[Estimate]:
    async with company.work.db.session(company.work.viewer.org_id) as session:
        return await estimate(session, await calendar(session), TODAY, company.reps["ann"], deals)


async def simulated(company: Company, document: Plan, key: str = "ae") -> list[Simulated]:
    async with company.work.db.session(company.work.viewer.org_id) as session:
        return await simulate(session, await calendar(session), TODAY, key, document, OCTOBER, TODAY)


async def written(company: Company) -> list[int]:
    tables = ("earning", "statement", "calculation", "outbox", "incentive_plan_version", "dirty_mark")
    return [
        (await company.fetch(f"select count(*) as n from {table} where org_id = $1"))[0]["n"]  # noqa: S608
        for table in tables
    ]


async def test_an_estimate_says_what_a_deal_would_add(company: Company) -> None:
    await company.publish(plan(LIFTED), "ann")
    await company.deal("d1", "ann", date(2026, 12, 2), "9000")
    await company.settle()
    before = await written(company)
    [december] = await estimated(company, IfWon(date(2026, 12, 20), Decimal(2_000)))
    assert (december.now, december.then) == (Decimal(900), Decimal(2_200))
    assert await written(company) == before
    await company.deal("d2", "ann", TODAY, "2000")
    await company.settle()
    assert await company.total("ann", DECEMBER) == "2200.00"


@pytest.mark.parametrize(("sharing", "due"), [(Sharing.FIRST_COME, 450), (Sharing.PRO_RATA, 600)])
async def test_an_estimate_leaves_of_a_budget_what_others_claim(company: Company, sharing: Sharing, due: int) -> None:
    prize = Spiff(
        key="launch",
        starts_on=OCTOBER,
        ends_on=date(2027, 1, 1),
        per_unit=Decimal(450),
        caps=(Cap(amount=Decimal(1_350), scope=CapScope.BUDGET, sharing=sharing),),
    )
    await company.publish(plan(prize), "ann", "bob", "mia")
    one = Decimal(1)
    await company.deal("d1", "mia", date(2026, 11, 9), "100", units=one)  # paid in November: 900 are left
    await company.deal("d2", "bob", date(2026, 12, 1), "100", units=one)
    await company.settle()
    assert [await company.total(rep, DECEMBER) for rep in ("ann", "bob")] == [None, "450.00"]
    thought_of = [IfWon(date(2026, 12, day), Decimal(100), units=one) for day in (10, 11)]
    [december] = await estimated(company, *thought_of)
    assert (december.now, december.then) == (Decimal(0), Decimal(due))
    for day in (10, 11):
        await company.deal(f"d{day}", "ann", date(2026, 12, day), "100", units=one)
    await company.settle()
    assert [await company.total(rep, DECEMBER) for rep in ("ann", "bob")] == [f"{due}.00", f"{900 - due}.00"]


async def test_an_estimate_looks_into_the_months_to_come(company: Company) -> None:
    await company.publish(plan(LIFTED), "ann")
    found = await estimated(company, IfWon(date(2027, 2, 1), Decimal(2_000)))
    assert [(one.period.key, one.now, one.then) for one in found] == [
        ("2026-12", Decimal(0), Decimal(0)),
        ("2027-02", Decimal(0), Decimal(200)),
    ]


async def test_a_simulation_says_what_each_rep_would_have_got(company: Company) -> None:
    await company.publish(plan(Commission(key="commission", rate=Decimal("0.1"))), "ann", "bob")
    await company.deal("d1", "ann", date(2026, 10, 2), "9000")
    await company.deal("d2", "ann", date(2026, 11, 2), "11000")
    await company.deal("d3", "bob", date(2026, 11, 2), "500")
    await company.settle()
    before = await written(company)
    found = {one.rep_id: (one.before, one.after) for one in await simulated(company, plan(LIFTED))}
    assert found[company.reps["ann"]] == (Decimal(2_000), Decimal(3_100))
    assert found[company.reps["bob"]] == (Decimal(50), Decimal(50))
    assert await written(company) == before
    await company.publish(plan(LIFTED))
    await company.settle()
    assert [await company.total("ann", month) for month in (OCTOBER, NOVEMBER)] == ["900.00", "2200.00"]


async def test_a_plan_that_nobody_is_on_is_simulated_for_those_who_are_eligible(company: Company) -> None:
    await company.deal("d1", "ann", date(2026, 10, 2), "9000")
    found = {one.rep_id: (one.before, one.after) for one in await simulated(company, plan(LIFTED), "new")}
    assert found[company.reps["ann"]] == (Decimal(0), Decimal(900))
