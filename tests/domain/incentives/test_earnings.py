"""What the workers make of deals, plans and refunds: lines that sum to what is due, and nothing else."""

from datetime import date
from decimal import Decimal

import asyncpg
import pytest

from domain.dirty import Touch
from domain.incentives.codec import from_json
from domain.incentives.components import Commission
from domain.incentives.crediting import credits_by_hand, overlay_set
from domain.incentives.inputs import Inputs
from domain.incentives.model import CreditItem, OverlayItem
from domain.incentives.payout import calculate
from domain.incentives.plan import Plan
from domain.incentives.plans import incentive_plan_leave
from domain.incentives.terms import ClawbackWindow, CreditRole, Draw, Tier, TierMode
from domain.pipeline.model import DealStatus
from sql.queries import Query
from tests.domain.incentives.conftest import DECEMBER, NOVEMBER, OCTOBER, Company, plan

RETROACTIVE = Commission(
    key="commission",
    tiers=(
        Tier(start=Decimal(0), end=Decimal(150_000), rate=Decimal("0.04")),
        Tier(start=Decimal(150_000), rate=Decimal("0.08"), mode=TierMode.RETROACTIVE),
    ),
)


async def test_a_deal_that_is_won_is_paid_on_the_statement_of_its_month(company: Company) -> None:
    await company.publish(plan(), "ann")
    await company.deal("d1", "ann", date(2026, 11, 20), "12000")
    await company.settle()
    assert await company.total("ann", NOVEMBER) == "1200.00"
    assert await company.statement("ann", DECEMBER) is None
    assert await company.statement("bob", NOVEMBER) is None
    [event] = await company.events("incentives.statement")
    assert (event["change"], event["rep_id"]) == ("CREATED", company.reps["ann"])
    assert event["data"] == {"period_kind": "MONTH", "starts_on": "2026-11-01", "state": "ESTIMATED"}


async def test_nothing_that_changes_writes_nothing(company: Company) -> None:
    await company.publish(plan(), "ann")
    await company.deal("d1", "ann", date(2026, 11, 20), "12000")
    await company.settle()
    before = await company.lines()
    async with company.work.transaction() as tx:
        tx.mark(None, date(2026, 1, 1), None)
        tx.mark(company.reps["ann"], date(2026, 1, 1), None, Touch.EARNINGS)
    await company.settle()
    assert await company.lines() == before
    assert len(await company.events("incentives.statement")) == 1


async def test_a_deal_dated_ahead_leaves_what_the_running_period_paid(company: Company) -> None:
    await company.publish(plan(), "ann")
    await company.deal("d1", "ann", date(2026, 12, 2), "12000")
    await company.settle()
    await company.deal("d2", "ann", date(2026, 12, 20), "3000")
    await company.deal("d3", "ann", date(2027, 1, 20), "5000")
    await company.settle()
    assert await company.total("ann", DECEMBER) == "1500.00"
    assert await company.statement("ann", date(2027, 1, 1)) is None
    assert "REVERSAL" not in [row["kind"] for row in await company.lines()]


async def test_a_split_pays_each_its_share(company: Company) -> None:
    await company.publish(plan(), "ann", "bob")
    await company.deal("d1", "ann", date(2026, 11, 20), "40000", splits={"ann": "0.5", "bob": "0.5"})
    await company.settle()
    assert await company.total("ann", NOVEMBER) == await company.total("bob", NOVEMBER) == "2000.00"


async def test_a_refund_below_a_retroactive_edge_lowers_the_whole_period(company: Company) -> None:
    """Row 19."""
    await company.publish(plan(RETROACTIVE), "ann")
    await company.deal("d1", "ann", date(2026, 11, 3), "140000")
    await company.deal("d2", "ann", date(2026, 11, 20), "20000")
    await company.settle()
    assert await company.total("ann", NOVEMBER) == "12800.00"
    await company.undo("d2")
    await company.settle()
    assert await company.total("ann", NOVEMBER) == "5600.00"
    kinds = [row["kind"] for row in await company.lines()]
    assert sorted(kinds) == ["EARNING", "EARNING", "EARNING", "REVERSAL", "REVERSAL"]


async def test_a_locked_period_stays_and_its_difference_goes_to_the_open_one_linked(company: Company) -> None:
    """Rule 8."""
    await company.publish(plan(RETROACTIVE), "ann")
    await company.deal("d1", "ann", date(2026, 11, 3), "140000")
    await company.deal("d2", "ann", date(2026, 11, 20), "20000")
    await company.settle()
    await company.lock(NOVEMBER)
    locked = await company.statement("ann", NOVEMBER)
    await company.undo("d2")
    await company.deal("d3", "ann", date(2026, 12, 2), "1000")
    await company.settle()
    assert await company.statement("ann", NOVEMBER) == locked
    december = await company.statement("ann", DECEMBER)
    assert december is not None
    assert (december.earned, december.carried) == (Decimal(40), Decimal(-7200))
    late = [row for row in await company.lines() if row["posted_on"] != row["origin_starts_on"]]
    assert {row["origin_starts_on"] for row in late} == {NOVEMBER}
    first = {row["line_id"] for row in await company.lines() if row["posted_on"] == NOVEMBER}
    assert {row["reverses"] for row in late if row["kind"] == "REVERSAL"} == first


async def test_a_late_deal_of_a_locked_period_without_a_statement_is_paid_in_the_open_one(company: Company) -> None:
    await company.publish(plan(), "ann", "bob")
    await company.deal("d1", "ann", date(2026, 10, 3), "1000")
    await company.settle()
    await company.lock(OCTOBER)
    await company.deal("d2", "bob", date(2026, 10, 20), "5000")
    await company.settle()
    assert await company.statement("bob", OCTOBER) is None
    assert await company.total("bob", NOVEMBER) == "500.00"


async def test_what_is_reversed_whole_ends_at_nothing_but_what_was_locked(company: Company) -> None:
    await company.publish(plan(RETROACTIVE), "ann")
    await company.deal("d1", "ann", date(2026, 11, 3), "160000")
    await company.deal("d2", "ann", date(2026, 12, 3), "160000")
    await company.settle()
    await company.lock(NOVEMBER)
    for key in ("d1", "d2"):
        await company.undo(key)
    await company.settle()
    assert await company.total("ann", NOVEMBER) == "12800.00"
    assert await company.total("ann", DECEMBER) == "-12800.00"


async def test_who_leaves_the_plan_is_not_paid_for_what_comes_after(company: Company) -> None:
    version = await company.publish(plan(), "ann")
    await company.deal("d1", "ann", date(2026, 12, 3), "1000")
    await company.deal("d2", "ann", date(2026, 12, 10), "5000")
    await company.settle()
    await incentive_plan_leave(company.as_("cleo"), version.plan_id, [company.reps["ann"]], date(2026, 12, 10))
    await company.settle()
    assert await company.total("ann", DECEMBER) == "100.00"
    await incentive_plan_leave(company.as_("cleo"), version.plan_id, [company.reps["ann"]], date(2026, 1, 1))
    await company.settle()
    assert await company.total("ann", DECEMBER) == "0.00"


async def test_a_manager_is_paid_for_what_the_team_sells_as_of_the_day(company: Company) -> None:
    override = Commission(key="override", rate=Decimal("0.03"), credits=CreditRole.TEAM)
    await company.publish(plan(override, name="Managers"), "mia")
    await company.deal("d1", "ann", date(2026, 11, 3), "100000")
    await company.deal("d2", "bob", date(2026, 11, 3), "200000")
    await company.deal("d3", "mia", date(2026, 11, 3), "50000")
    await company.settle()
    assert await company.total("mia", NOVEMBER) == "9000.00"


async def test_an_overlay_and_a_credit_by_hand_count(company: Company) -> None:
    beside = Commission(key="overlay", rate=Decimal("0.1"), credits=CreditRole.OVERLAY)
    await company.publish(plan(Commission(key="own", rate=Decimal("0.1")), beside), "bob")
    item = OverlayItem(company.reps["bob"], Decimal("0.5"), NOVEMBER, "Specialist", product="Radar")
    await overlay_set(company.as_("cleo"), item)
    await company.deal("d1", "ann", date(2026, 11, 3), "1000", product="Radar")
    await company.deal("d2", "ann", date(2026, 11, 4), "7000", product="Sonar")
    by_hand = CreditItem(company.reps["bob"], date(2026, 11, 9), Decimal(200), "Referral")
    await credits_by_hand(company.as_("cleo"), [by_hand])
    await company.settle()
    assert await company.total("bob", NOVEMBER) == "70.00"
    async with company.as_("cleo").transaction() as tx:
        tx.mark(None, NOVEMBER, None)
    await company.settle()
    assert await company.total("bob", NOVEMBER) == "70.00"


async def test_a_recoverable_draw_is_carried_from_month_to_month(company: Company) -> None:
    """Row 16, from its third month on."""
    document = plan(Commission(key="commission", rate=Decimal("0.1")), draw=Draw(amount=Decimal(2_000)))
    await company.publish(document, "ann", since=OCTOBER)
    for day, amount in ((date(2026, 10, 5), "15000"), (date(2026, 11, 5), "23750"), (date(2026, 12, 5), "30000")):
        await company.deal(str(day), "ann", day, amount)
    await company.settle()
    totals = [await company.total("ann", month) for month in (OCTOBER, NOVEMBER, DECEMBER)]
    assert totals == ["2000.00", "2000.00", "2875.00"]
    await company.deal("2026-10-05", "ann", date(2026, 10, 5), "19000")
    await company.settle()
    totals = [await company.total("ann", month) for month in (OCTOBER, NOVEMBER, DECEMBER)]
    assert totals == ["2000.00", "2275.00", "3000.00"]


async def test_a_clawback_window_takes_back_its_share_of_what_was_locked(company: Company) -> None:
    """Rows 17 and 18: half of what was paid; what was never locked is voided."""
    windows = (ClawbackWindow(days=90, share=Decimal("0.5")),)
    await company.publish(plan(clawback=windows), "ann")
    await company.deal("d1", "ann", date(2026, 11, 3), "100000")
    await company.deal("d2", "ann", date(2026, 12, 3), "70000")
    await company.settle()
    await company.lock(NOVEMBER)
    for key in ("d1", "d2"):
        await company.deal(key, "ann", date(2026, 12, 14), "1", status=DealStatus.LOST)
    await company.settle()
    assert await company.total("ann", NOVEMBER) == "10000.00"
    assert await company.total("ann", DECEMBER) == "-5000.00"
    [line] = [row for row in await company.lines() if row["kind"] == "CLAWBACK"]
    assert line["amount"] == Decimal(-5_000)
    await company.deal("d1", "ann", date(2026, 11, 3), "100000")
    await company.settle()
    assert await company.total("ann", DECEMBER) == "0.00"


async def test_a_window_takes_back_what_the_deal_paid_and_not_what_is_credited_by_hand_for_it(company: Company) -> None:
    await company.publish(plan(clawback=(ClawbackWindow(days=90, share=Decimal("0.5")),)), "ann")
    await company.deal("d1", "ann", date(2026, 11, 3), "100000")
    [deal] = await company.fetch("select deal_id from deal where org_id = $1")
    by_hand = CreditItem(company.reps["ann"], date(2026, 11, 9), Decimal(2_000), "The partner's part", deal["deal_id"])
    await credits_by_hand(company.as_("cleo"), [by_hand])
    await company.settle()
    await company.lock(NOVEMBER)
    await company.deal("d1", "ann", date(2026, 12, 14), "1", status=DealStatus.LOST)
    await company.settle()
    assert await company.total("ann", NOVEMBER) == "10200.00"
    assert await company.total("ann", DECEMBER) == "-5000.00"
    await company.deal("d1", "ann", date(2026, 11, 3), "100000")
    await company.settle()
    assert await company.total("ann", DECEMBER) == "0.00"


async def test_every_line_follows_again_from_what_was_stored_with_it(company: Company) -> None:
    await company.publish(plan(RETROACTIVE, draw=Draw(amount=Decimal(6_000))), "ann")
    await company.deal("d1", "ann", date(2026, 11, 3), "140000")
    await company.settle()
    await company.deal("d2", "ann", date(2026, 11, 20), "20000")
    await company.settle()
    rows = await company.fetch(
        "select e.key, e.amount, c.inputs, v.document from earning e"
        " join calculation c using (org_id, calculation_id)"
        " join incentive_plan_version v on (v.org_id, v.plan_id, v.version) = (c.org_id, c.plan_id, c.plan_version)"
        " where e.org_id = $1"
    )
    assert len(rows) > 3
    for row in rows:
        result = calculate(from_json(Plan, row["document"]), from_json(Inputs, row["inputs"]))
        assert {line.key: line.amount for line in result.lines}[row["key"]] == row["amount"]


@pytest.mark.parametrize("change", ["update earning set amount = 0", "delete from earning", "delete from calculation"])
async def test_the_application_cannot_change_the_ledger(company: Company, change: str) -> None:
    async with company.work.db.session(company.work.viewer.org_id) as session:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute(Query("test", f"{change} where org_id = $1"))
