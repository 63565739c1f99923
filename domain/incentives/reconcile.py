"""Holds the ledger against credits, credits against deals, statements against lines, exports against statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.calendar import Calendar
from domain.incentives import stored
from domain.incentives.book import Book
from domain.incentives.known import Cell
from domain.incentives.ledger import difference
from domain.incentives.loading import load, load_plans
from domain.incentives.model import LedgerLine
from domain.money import quantum
from sql.pool import Record, Session
from sql.queries import Query, queries

_earnings = queries("earnings")
_incentives = queries("incentives")
_reconcile = queries("reconcile")


class Kind(StrEnum):
    """What does not agree."""

    UNSETTLED = "UNSETTLED"
    CREDITS_OF_DEAL = "CREDITS_OF_DEAL"
    LEDGER_OF_CREDITS = "LEDGER_OF_CREDITS"
    STATEMENT_OF_LINES = "STATEMENT_OF_LINES"
    REVERSAL_OF_LINE = "REVERSAL_OF_LINE"
    PAID_TWICE = "PAID_TWICE"
    LINE_AFTER_LOCK = "LINE_AFTER_LOCK"
    STATE_OF_STATEMENT = "STATE_OF_STATEMENT"
    EXPORT_OF_STATEMENTS = "EXPORT_OF_STATEMENTS"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree: what it is (a deal, a statement, a line, an export), what is there and what should
    be. `rep_id` where it is about one rep."""

    kind: Kind
    subject: str
    expected: str
    found: str
    rep_id: UUID | None = None


async def reconcile(session: Session, calendar: Calendar, today: date) -> list[Finding]:
    """Everything that does not agree; nothing when all is well.

    The ledger is held against a calculation of every rep and period from the facts as they are. While facts wait to be
    computed, only that is found. Look at one moment (`Database.snapshot`), or find the halves of what is being written.
    """
    if await session.value(_reconcile.waiting):
        return [Finding(Kind.UNSETTLED, "dirty marks", "none", "some")]
    organization = await session.row(_incentives.organization)
    currency = organization["currency"] if organization else "USD"
    digits = -int(quantum(currency).as_tuple().exponent)
    findings = [
        Finding(Kind.CREDITS_OF_DEAL, str(row["deal_id"]), str(row["expected"]), str(row["found"]))
        for row in await session.fetch(_reconcile.deals_without_their_credits, digits)
    ]
    findings += await _ledger(session, calendar, today)
    checks: Sequence[tuple[Kind, Query, str]] = (
        (Kind.STATEMENT_OF_LINES, _reconcile.statements_off_their_lines, "statement_id"),
        (Kind.REVERSAL_OF_LINE, _reconcile.reversals_that_miss, "line_id"),
        (Kind.PAID_TWICE, _reconcile.lines_paid_twice, "key"),
        (Kind.LINE_AFTER_LOCK, _reconcile.lines_after_the_lock, "line_id"),
        (Kind.STATE_OF_STATEMENT, _reconcile.statements_out_of_step, "statement_id"),
        (Kind.EXPORT_OF_STATEMENTS, _reconcile.exports_off_their_statements, "export_id"),
    )
    for kind, query, subject in checks:
        findings += [_finding(kind, row, subject) for row in await session.fetch(query)]
    return findings


def _finding(kind: Kind, row: Record, subject: str) -> Finding:
    expected = {Kind.PAID_TWICE: "1", Kind.LINE_AFTER_LOCK: "0"}.get(kind) or str(row["expected"])
    return Finding(kind, str(row[subject]), expected, str(row["found"]), row.get("rep_id"))


async def _ledger(session: Session, calendar: Calendar, today: date) -> list[Finding]:
    """What a recompute of everything would write."""
    plans = await load_plans(session)
    if not plans:
        return []
    first = min(book.starts_on for book in plans.values())
    reps = sorted(row["rep_id"] for row in await session.fetch(_reconcile.paid_reps))
    # All at once: a budget is shared by everybody.
    book = await load(session, calendar, today, plans, dict.fromkeys(reps, first))
    held = await _held(session, book)
    found = {one.cell: one for one in book.run()[0]}
    findings = []
    for cell in sorted({*found, *held}):
        kind = plans[cell.plan_id].kind
        lines = list(difference(cell, kind, held.get(cell, {}), found.get(cell)))
        if lines:
            have = sum((line.amount for line in held.get(cell, {}).values()), Decimal(0))
            due = have + sum((line.amount for line in lines), Decimal(0))
            subject = f"{plans[cell.plan_id].key} of {calendar.period(kind, cell.starts_on).key}"
            findings.append(Finding(Kind.LEDGER_OF_CREDITS, subject, str(due), str(have), cell.rep_id))
    return findings


async def _held(session: Session, book: Book) -> dict[Cell, dict[str, LedgerLine]]:
    held: dict[Cell, dict[str, LedgerLine]] = {}
    reps = list(book.start)
    for row in await session.fetch(_earnings.lines_that_hold, reps, [date.min] * len(reps)):
        line = stored.ledger_line(row)
        if line.plan_id is not None:
            held.setdefault(Cell(line.origin_starts_on, line.plan_id, line.rep_id), {})[line.key] = line
    return held
