"""Statements: approving them, locking and paying a period, adjusting by hand."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.calendar import Period, PeriodKind
from domain.errors import Problem, Rejected, at_most, reject, stale
from domain.events import Change
from domain.incentives import stored
from domain.incentives.crediting import written
from domain.incentives.model import Approval, LedgerLine, State, Statement
from domain.incentives.outcome import LineKind
from domain.incentives.posting import announce, append, open_statements
from domain.money import LARGEST, quantum
from domain.org import actions as org
from domain.work import Tx, Work
from sql.pool import uuid7
from sql.queries import queries

_statements = queries("statements")


async def statements_approve(work: Work, approvals: Sequence[Approval]) -> list[Statement]:
    """Find statements right, as they were seen; all or none.

    Of two who approve the same one, the second is told. A line that comes later makes an estimate of it again. Raises
    `Rejected` with each problem by path: TOO_MANY, NOT_FOUND, DUPLICATE, STALE_VERSION, INVALID_STATE, OWN_PAY (nobody
    approves what they get themselves).
    """
    at_most(approvals)
    async with work.transaction() as tx:
        ids = [approval.statement_id for approval in approvals]
        rows = {row["statement_id"]: row for row in await tx.fetch(_statements.statements_for_update, ids)}
        problems = []
        for i, approval in enumerate(approvals):
            at = ("items", str(i))
            row = rows.get(approval.statement_id)
            if row is None:
                problems.append(Problem("NOT_FOUND", "No statement has this id.", (*at, "id")))
            elif approval.statement_id in ids[:i]:
                problems.append(Problem("DUPLICATE", "It stands twice in this call.", (*at, "id")))
            elif row["version"] != approval.expected_version:
                problems.append(stale(row["version"], *at))
            elif row["state"] != State.ESTIMATED:
                problems.append(Problem("INVALID_STATE", f"It is {row['state']} already.", (*at, "id")))
            elif row["rep_id"] == tx.viewer.rep_id:
                problems.append(Problem("OWN_PAY", "Somebody else approves what you get.", (*at, "id")))
        if problems:
            raise Rejected(*problems)
        approved = await tx.fetch(_statements.statements_approve, ids, tx.viewer.actor_id, tx.now)
        announce(tx, approved, Change.UPDATED)
        for row in approved:
            tx.audit("statementApprove", "Statement", str(row["statement_id"]))
        now = {row["statement_id"]: stored.statement(row) for row in approved}
        return [now[statement_id] for statement_id in ids]


async def period_lock(work: Work, kind: PeriodKind, starts_on: date) -> list[Statement]:
    """Freeze all statements of a period that is over. What would have changed them goes to a later one from now on.

    Waits for a recomputation under way. Raises `Rejected`: OUT_OF_RANGE for no period or one that runs still,
    ALREADY_LOCKED, NOT_SETTLED while facts about it wait to be computed, NOTHING_TO_LOCK without statements (a lock
    stays, so one by mistake would), NOT_APPROVED.
    """
    async with work.transaction() as tx:
        await tx.execute(_statements.ledger_lock)
        calendar = await org.calendar(tx)
        period = calendar.period(kind, starts_on)
        if kind is PeriodKind.WEEK or period.starts_on != starts_on or period.ends_on > calendar.local_day(tx.now):
            raise reject("OUT_OF_RANGE", "Lock a month, a quarter or a year once it is over.", "period")
        if await tx.row(_statements.period_locked, kind, starts_on):
            raise reject("ALREADY_LOCKED", "This period is locked.", "period")
        if await tx.value(_statements.unsettled, starts_on, period.ends_on):
            text = "Facts about this period are being put into its statements: try again in a moment."
            raise reject("NOT_SETTLED", text, "period")
        rows = await tx.fetch(_statements.statements_of_period, kind, starts_on)
        if not rows:
            text = "No statement is of this period: plans pay by other periods, or nobody was on one."
            raise reject("NOTHING_TO_LOCK", text, "period")
        waiting = [row for row in rows if row["state"] != State.APPROVED]
        if waiting:
            text = f"{len(waiting)} of {len(rows)} statements are not approved."
            raise reject("NOT_APPROVED", text, "period", waiting=len(waiting))
        who = (tx.viewer.actor_id, tx.now)
        await tx.execute(_statements.period_lock, kind, starts_on, period.ends_on, *who)
        locked = await tx.fetch(_statements.statements_lock, kind, starts_on, *who)
        announce(tx, locked, Change.UPDATED)
        tx.audit("periodLock", None, period.key, statements=len(locked))
        return [stored.statement(row) for row in locked]


async def period_pay(work: Work, kind: PeriodKind, starts_on: date) -> list[Statement]:
    """Say that a locked period was paid. Raises `Rejected`: NOT_LOCKED, NOT_EXPORTED, ALREADY_PAID."""
    async with work.transaction() as tx:
        await tx.execute(_statements.ledger_lock)
        row = await tx.row(_statements.period_locked, kind, starts_on)
        if row is None:
            raise reject("NOT_LOCKED", "Lock the period first.", "period")
        if row["paid_at"] is not None:
            raise reject("ALREADY_PAID", "This period is paid.", "period")
        if not await tx.fetch(_statements.exports_of_period, kind, starts_on):
            raise reject("NOT_EXPORTED", "Payroll has not got this period: export it first.", "period")
        who = (tx.viewer.actor_id, tx.now)
        await tx.execute(_statements.period_pay, kind, starts_on, *who)
        paid = await tx.fetch(_statements.statements_pay, kind, starts_on, *who)
        announce(tx, paid, Change.UPDATED)
        tx.audit("periodPay", None, (await org.calendar(tx)).period(kind, starts_on).key, statements=len(paid))
        return [stored.statement(row) for row in paid]


async def adjustment_post(
    work: Work, *, rep_id: UUID, kind: PeriodKind, starts_on: date, amount: Decimal, currency: str, reason: str
) -> LedgerLine:
    """Add to or take from a statement of a period that is not locked, by hand and with a reason.

    Raises `Rejected`: NOT_FOUND, OUT_OF_RANGE, INVALID_CURRENCY, LOCKED, BLANK, OWN_PAY.
    """
    problems = written(reason, "input", "reason")
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        period = (await org.calendar(tx)).period(kind, starts_on)
        if kind is PeriodKind.WEEK or period.starts_on != starts_on:
            raise reject("OUT_OF_RANGE", "Statements are of months, quarters and years.", "input", "period")
        return await adjust(tx, rep_id, period, amount, currency, reason, "input")


async def adjust(
    tx: Tx, rep_id: UUID, period: Period, amount: Decimal, currency: str, reason: str, *path: str, when: str = "period"
) -> LedgerLine:
    """Post an adjustment within a transaction; refusals as of `adjustment_post`, below `path`; `when` is the field
    that says the period."""
    await tx.execute(_statements.ledger_lock)
    row = await tx.row(_statements.payee_currency, rep_id)
    if row is None:
        raise reject("NOT_FOUND", "No rep has this id.", *path, "repId")
    if rep_id == tx.viewer.rep_id:
        raise reject("OWN_PAY", "Somebody else adjusts what you get.", *path, "repId")
    if currency != row["currency"]:
        raise reject("INVALID_CURRENCY", f"This rep is paid in {row['currency']}.", *path, "amount")
    unit = quantum(currency)
    if amount == 0 or not abs(amount) < LARGEST or amount % unit:
        raise reject("OUT_OF_RANGE", f"An adjustment is a multiple of {unit}, and not 0.", *path, "amount")
    if await tx.row(_statements.period_locked, period.kind, period.starts_on):
        raise reject("LOCKED", "This period is locked: adjust a later one.", *path, when)
    [statement] = await open_statements(tx, [(rep_id, period, currency)], tx.now)
    line_id = uuid7()
    line = LedgerLine(
        line_id=line_id,
        statement_id=statement.statement_id,
        rep_id=rep_id,
        period_kind=period.kind,
        origin_starts_on=period.starts_on,
        kind=LineKind.ADJUSTMENT,
        plan_id=None,
        plan_version=None,
        component=None,
        deal_id=None,
        key=f"adjustment:{line_id}",
        base=None,
        amount=amount,
        currency=currency,
        calculation_id=None,
        reverses=None,
        reason=reason,
    )
    await append(tx, [line], None)
    # The ledger says how much, to those who see pay; the audit log is read by others too.
    tx.audit("adjustmentPost", "Rep", str(rep_id), line=str(line_id))
    return line
