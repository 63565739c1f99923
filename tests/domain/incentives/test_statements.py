"""Approving, locking, paying, adjusting and exporting: two at once, out of turn, and again."""

import asyncio
import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest

from domain.errors import Rejected
from domain.incentives.model import Approval, State
from domain.incentives.payroll import payroll_export
from domain.incentives.statements import adjustment_post, period_lock, period_pay, statements_approve
from domain.recompute import recompute
from domain.work import Work
from tests.domain.incentives.conftest import DECEMBER, MONTH, NOVEMBER, Company, plan


@pytest.fixture
async def paid(company: Company) -> Company:
    """Ann has 1,200 and Bob 340.50 for November."""
    await company.publish(plan(), "ann", "bob")
    await company.deal("d1", "ann", date(2026, 11, 20), "12000")
    await company.deal("d2", "bob", date(2026, 11, 21), "3405")
    await company.settle()
    return company


async def seen(company: Company, rep: str) -> Approval:
    statement = await company.statement(rep, NOVEMBER)
    assert statement is not None
    return Approval(statement.statement_id, statement.version)


def codes(refusal: pytest.ExceptionInfo[Rejected]) -> list[str]:
    return [problem.code for problem in refusal.value.problems]


async def adjust(work: Work, company: Company, amount: str, month: date = NOVEMBER) -> None:
    await adjustment_post(
        work,
        rep_id=company.reps["ann"],
        kind=MONTH,
        starts_on=month,
        amount=Decimal(amount),
        currency="USD",
        reason="Agreed",
    )


async def test_of_two_who_approve_at_once_the_second_is_told(paid: Company) -> None:
    approval = await seen(paid, "ann")
    both = await asyncio.gather(
        *(statements_approve(paid.as_(name), [approval]) for name in ("cleo", "carl")), return_exceptions=True
    )
    refused = [outcome for outcome in both if isinstance(outcome, Rejected)]
    assert [refusal.problems[0].code for refusal in refused] == ["STALE_VERSION"]
    [row] = await paid.fetch("select approved_by from statement where org_id = $1 and state = 'APPROVED'")
    assert row["approved_by"] in (paid.users["cleo"], paid.users["carl"])


async def test_a_deal_after_the_approval_makes_an_estimate_of_it_again(paid: Company) -> None:
    approval = await seen(paid, "ann")
    await statements_approve(paid.as_("cleo"), [approval])
    await paid.deal("d3", "ann", date(2026, 11, 22), "10")
    await paid.settle()
    statement = await paid.statement("ann", NOVEMBER)
    assert statement is not None
    assert statement.state is State.ESTIMATED
    with pytest.raises(Rejected) as refusal:
        await statements_approve(paid.as_("cleo"), [approval])
    assert codes(refusal) == ["STALE_VERSION"]


async def test_a_period_is_locked_when_all_of_it_is_approved_and_over(paid: Company) -> None:
    await statements_approve(paid.as_("cleo"), [await seen(paid, "ann")])
    with pytest.raises(Rejected) as refusal:
        await period_lock(paid.as_("cleo"), MONTH, NOVEMBER)
    assert codes(refusal) == ["NOT_APPROVED"]
    with pytest.raises(Rejected) as refusal:
        await period_lock(paid.as_("cleo"), MONTH, DECEMBER)
    assert codes(refusal) == ["OUT_OF_RANGE"]
    await paid.lock(NOVEMBER)
    with pytest.raises(Rejected) as refusal:
        await period_lock(paid.as_("cleo"), MONTH, NOVEMBER)
    assert codes(refusal) == ["ALREADY_LOCKED"]


async def test_a_period_is_not_locked_over_facts_that_wait(paid: Company) -> None:
    await paid.deal("d3", "ann", date(2026, 11, 22), "10")
    with pytest.raises(Rejected) as refusal:
        await paid.lock(NOVEMBER)
    assert codes(refusal) == ["NOT_SETTLED"]
    await paid.settle()
    await paid.lock(NOVEMBER)
    assert await paid.total("ann", NOVEMBER) == "1201.00"


async def test_a_lock_during_a_recompute_waits_and_loses_nothing(paid: Company) -> None:
    await statements_approve(paid.as_("cleo"), [await seen(paid, "ann"), await seen(paid, "bob")])
    await paid.deal("d3", "ann", date(2026, 11, 22), "10")
    system = Work.system(paid.work.db, paid.work.viewer.org_id, paid.work.now)
    async with system.transaction() as tx:
        computed = await recompute(system.joining(tx))
        locking = asyncio.create_task(period_lock(paid.as_("cleo"), MONTH, NOVEMBER))
        while not await paid.fetch(
            "select from pg_locks where locktype = 'advisory' and not granted and $1::uuid is not null"
        ):
            assert not locking.done()
            await asyncio.sleep(0)
    assert computed
    with pytest.raises(Rejected) as refusal:
        await locking
    assert codes(refusal) == ["NOT_APPROVED"]
    assert await paid.total("ann", NOVEMBER) == "1201.00"


async def test_a_worker_that_dies_on_the_way_pays_nothing_twice_and_loses_nothing(paid: Company) -> None:
    await paid.deal("d3", "ann", date(2026, 11, 22), "10")
    before = await paid.lines()
    system = Work.system(paid.work.db, paid.work.viewer.org_id, paid.work.now)

    async def killed() -> None:
        async with system.transaction() as tx:
            await recompute(system.joining(tx))
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await killed()
    assert await paid.lines() == before
    await paid.settle()
    assert await paid.total("ann", NOVEMBER) == "1201.00"
    await paid.settle()
    assert len(await paid.lines()) == len(before) + 1


async def test_an_adjustment_goes_to_an_open_period_with_its_reason(paid: Company) -> None:
    await adjust(paid.as_("cleo"), paid, "-50.25")
    assert await paid.total("ann", NOVEMBER) == "1149.75"
    await paid.lock(NOVEMBER)
    with pytest.raises(Rejected) as refusal:
        await adjust(paid.as_("cleo"), paid, "10")
    assert codes(refusal) == ["LOCKED"]
    with pytest.raises(Rejected) as refusal:
        await adjust(paid.as_("cleo"), paid, "0.001", DECEMBER)
    assert codes(refusal) == ["OUT_OF_RANGE"]
    await paid.settle()
    assert await paid.total("ann", NOVEMBER) == "1149.75"


async def test_nobody_approves_or_adjusts_what_they_get(paid: Company) -> None:
    for act in (statements_approve(paid.as_("ann"), [await seen(paid, "ann")]), adjust(paid.as_("ann"), paid, "10")):
        with pytest.raises(Rejected) as refusal:
            await act
        assert codes(refusal) == ["OWN_PAY"]


async def test_an_export_is_of_a_locked_period_and_says_what_it_sums_to(paid: Company) -> None:
    with pytest.raises(Rejected) as refusal:
        await payroll_export(paid.as_("cleo"), MONTH, NOVEMBER)
    assert codes(refusal) == ["NOT_LOCKED"]
    await paid.lock(NOVEMBER)
    export = await payroll_export(paid.as_("cleo"), MONTH, NOVEMBER)
    assert (export.run, export.repeats, export.rows, export.totals) == (1, None, 2, {"USD": Decimal("1540.50")})
    rows = list(csv.DictReader(io.StringIO(export.csv.decode())))
    assert [(row["rep"], row["drawn"], row["total"]) for row in rows] == [
        ("ann", "0.00", "1200.00"),
        ("bob", "0.00", "340.50"),
    ]
    document = json.loads(export.json)
    assert document["controlTotals"] == {"USD": "1540.50"}
    assert document["rows"] == rows


async def test_no_name_in_an_export_is_a_formula_to_a_spreadsheet(paid: Company) -> None:
    await paid.fetch("update rep set name = '=1+1', external_id = '@bob' where org_id = $1 and external_id = 'bob'")
    await paid.lock(NOVEMBER)
    export = await payroll_export(paid.as_("cleo"), MONTH, NOVEMBER)
    bob, _ = csv.DictReader(io.StringIO(export.csv.decode()))
    assert (bob["rep"], bob["name"], bob["total"]) == ("'@bob", "'=1+1", "340.50")
    assert json.loads(export.json)["rows"][0] | {"rep": "@bob", "name": "=1+1"} == json.loads(export.json)["rows"][0]


async def test_a_second_export_says_so_and_gives_the_same_bytes(paid: Company) -> None:
    await paid.lock(NOVEMBER)
    first = await payroll_export(paid.as_("cleo"), MONTH, NOVEMBER)
    await paid.fetch("update rep set name = 'Renamed' where org_id = $1")
    second = await payroll_export(paid.as_("carl"), MONTH, NOVEMBER)
    assert (second.run, second.repeats) == (2, first.export_id)
    assert second.export_id != first.export_id
    assert (second.csv, second.json, second.totals) == (first.csv, first.json, first.totals)


async def test_a_period_is_paid_once_after_its_export(paid: Company) -> None:
    await paid.lock(NOVEMBER)
    with pytest.raises(Rejected) as refusal:
        await period_pay(paid.as_("cleo"), MONTH, NOVEMBER)
    assert codes(refusal) == ["NOT_EXPORTED"]
    await payroll_export(paid.as_("cleo"), MONTH, NOVEMBER)
    assert {statement.state for statement in await period_pay(paid.as_("cleo"), MONTH, NOVEMBER)} == {State.PAID}
    with pytest.raises(Rejected) as refusal:
        await period_pay(paid.as_("cleo"), MONTH, NOVEMBER)
    assert codes(refusal) == ["ALREADY_PAID"]
