"""Reconciliation finds nothing when all is well, and names what differs when not."""

import json
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import asyncpg
import pytest

from domain.incentives.explain import explain, verified
from domain.incentives.payroll import payroll_export
from domain.incentives.reconcile import Finding, Kind, reconcile
from domain.incentives.trace import Mismatch
from domain.org.actions import calendar
from tests.domain.incentives.conftest import MONTH, NOVEMBER, Company, plan


@pytest.fixture
async def closed(company: Company) -> Company:
    """November is locked and exported; one deal came too late."""
    await company.publish(plan(), "ann", "bob")
    await company.deal("d1", "ann", date(2026, 11, 20), "12000")
    await company.deal("d2", "bob", date(2026, 11, 21), "3405")
    await company.settle()
    await company.lock(NOVEMBER)
    await payroll_export(company.as_("cleo"), MONTH, NOVEMBER)
    await company.deal("d3", "bob", date(2026, 11, 22), "100")
    await company.settle()
    return company


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who can do what the application cannot."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def found(company: Company) -> list[Finding]:
    async with company.work.db.session(company.work.viewer.org_id) as session:
        time = await calendar(session)
        return await reconcile(session, time, time.local_day(company.work.now))


async def test_nothing_is_found_when_all_is_well(closed: Company) -> None:
    assert await found(closed) == []


async def test_facts_that_wait_are_told_first(closed: Company) -> None:
    await closed.deal("d4", "bob", date(2026, 12, 1), "100")
    assert [finding.kind for finding in await found(closed)] == [Kind.UNSETTLED]


@pytest.mark.parametrize(
    ("meddle", "kinds"),
    [
        ("update earning set amount = amount + 1 where org_id = $1 and kind = 'EARNING'", {"LEDGER_OF_CREDITS"}),
        ("update credit set amount = amount + 1 where org_id = $1", {"CREDITS_OF_DEAL", "LEDGER_OF_CREDITS"}),
        ("delete from credit where org_id = $1", {"CREDITS_OF_DEAL", "LEDGER_OF_CREDITS"}),
        (
            "update statement set earned = earned + 1, total = total + 1 where org_id = $1",
            {"STATEMENT_OF_LINES", "EXPORT_OF_STATEMENTS"},
        ),
        ("update statement set state = 'ESTIMATED' where org_id = $1", {"STATE_OF_STATEMENT"}),
        ("update statement set locked_at = locked_at - interval '1 day' where org_id = $1", {"LINE_AFTER_LOCK"}),
        ("update payroll_export set csv = csv || ' ' where org_id = $1", {"EXPORT_OF_STATEMENTS"}),
        (
            "insert into earning select (jsonb_populate_record(e, jsonb_build_object('line_id', gen_random_uuid()))).*"
            " from earning e where org_id = $1 and kind = 'EARNING'",
            {"PAID_TWICE", "STATEMENT_OF_LINES"},
        ),
        (
            "insert into earning select (jsonb_populate_record(e, jsonb_build_object("
            "'line_id', gen_random_uuid(), 'kind', 'REVERSAL', 'reverses', line_id, 'amount', 1 - amount,"
            " 'calculation_id', null))).* from earning e where org_id = $1 and kind = 'EARNING'",
            {"REVERSAL_OF_LINE", "LEDGER_OF_CREDITS"},
        ),
    ],
)
async def test_what_differs_is_named(closed: Company, owner: asyncpg.Connection, meddle: str, kinds: set[str]) -> None:
    await owner.execute(meddle, closed.work.viewer.org_id)
    assert {finding.kind.value for finding in await found(closed)} >= kinds


async def test_a_line_explains_itself_and_executes_again_without_a_database(closed: Company) -> None:
    await closed.undo("d3")
    await closed.settle()
    lines = await closed.lines()
    async with closed.work.db.session(closed.work.viewer.org_id) as session:
        explained = await explain(session, [row["line_id"] for row in lines])
    assert {row["kind"] for row in lines} == {"EARNING", "REVERSAL"}
    for row in lines:
        document = json.loads(json.dumps(explained[row["line_id"]].document()))
        assert verified(document) == row["amount"]
        document["line"]["amount"] = str(row["amount"] + Decimal("0.01"))
        with pytest.raises(Mismatch):
            verified(document)
