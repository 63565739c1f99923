"""Disputes: a rep doubts a line, the approver answers, and what was wrong is adjusted."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.errors import Rejected, reject, stale
from domain.events import Change, Event
from domain.feed.actions import announce as announce_item
from domain.feed.actions import note
from domain.feed.model import LIVE, Act, Status
from domain.incentives import stored
from domain.incentives.crediting import written
from domain.incentives.model import Dispute, DisputeAct, DisputeStatus
from domain.incentives.sight import visible_pay
from domain.incentives.statements import adjust
from domain.org import actions as org
from domain.org.model import Scope
from domain.work import Tx, Work
from sql.pool import Record, uuid7
from sql.queries import queries

_incentives = queries("incentives")
_statements = queries("statements")

_PRIORITY = Decimal(70)


@dataclass(frozen=True, slots=True)
class Redress:
    """What an accepted dispute adds to the statement of the period, of the kind of the line's, that holds `day`."""

    amount: Decimal
    currency: str
    day: date


async def dispute_open(work: Work, line_id: UUID, *, text: str) -> Dispute:
    """Doubt a line of one's own statement. Who approves the statement gets an action item that names no amount.

    Raises `Rejected`: NOT_FOUND for a line of somebody else's too, ALREADY_OPEN, BLANK, TOO_LONG.
    """
    problems = written(text, "text")
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        line = await tx.row(_statements.lines_by_id, [line_id])
        if line is None or tx.viewer.rep_id is None or line["rep_id"] != tx.viewer.rep_id:
            raise reject("NOT_FOUND", "No line of your statements has this id.", "lineId")
        [statement] = await tx.fetch(_statements.statements_for_update, [line["statement_id"]])
        dispute_id, item_id = uuid7(), uuid7()
        assignee_id = await _approver(tx, statement)
        calendar = await org.calendar(tx)
        period = calendar.period(stored.statement(statement).period_kind, statement["starts_on"])
        title = f"Dispute of {tx.viewer.name or 'a rep'} on the statement of {period.key}"
        body = "Read what is disputed on the statement, and answer there."
        await tx.execute(
            _statements.dispute_item_add, item_id, title, body, line["rep_id"], assignee_id, _PRIORITY, None, tx.now
        )
        row = await tx.row(
            _statements.dispute_add,
            dispute_id,
            line["rep_id"],
            line["statement_id"],
            line_id,
            item_id,
            tx.viewer.actor_id,
            tx.now,
        )
        if row is None:
            raise reject("ALREADY_OPEN", "This line is disputed already.", "lineId")
        await note(tx, [(item_id, Act.CREATED, None, {})])
        announce_item(tx, item_id, line["rep_id"], assignee_id, Status.OPEN, Change.CREATED)
        await _tell(tx, row, DisputeAct.OPENED, text)
        tx.audit("disputeOpen", "Dispute", str(dispute_id), line=str(line_id))
        return stored.dispute(row)


async def dispute_comment(work: Work, dispute_id: UUID, *, text: str) -> Dispute:
    """Words on the timeline of a dispute that is open. Raises `Rejected`: NOT_FOUND, CLOSED, BLANK, TOO_LONG."""
    problems = written(text, "text")
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        row = await _lock(tx, dispute_id, None)
        await _tell(tx, row, DisputeAct.COMMENTED, text)
        return stored.dispute(row)


async def dispute_resolve(
    work: Work,
    dispute_id: UUID,
    *,
    accepted: bool,
    answer: str,
    redress: Redress | None = None,
    expected_version: int | None = None,
) -> Dispute:
    """Answer a dispute, and with `redress` adjust a statement in the same step.

    Raises `Rejected`: NOT_FOUND, FORBIDDEN for who may not write pay, CLOSED, STALE_VERSION, BLANK, INVALID (redress of
    what is rejected), and what `adjustment_post` refuses.
    """
    problems = written(answer, "answer")
    if problems:
        raise Rejected(*problems)
    if redress is not None and not accepted:
        raise reject("INVALID", "What is rejected is not redressed.", "redress")
    async with work.transaction() as tx:
        row = await _lock(tx, dispute_id, expected_version)
        if Scope.INCENTIVES_WRITE not in tx.viewer.scopes or row["rep_id"] == tx.viewer.rep_id:
            raise reject("FORBIDDEN", "Who approves pay answers, and nobody their own dispute.", "id")
        line_id = None
        if redress is not None:
            [line] = await tx.fetch(_statements.lines_by_id, [row["line_id"]])
            period = (await org.calendar(tx)).period(stored.ledger_line(line).period_kind, redress.day)
            posted = await adjust(
                tx, row["rep_id"], period, redress.amount, redress.currency, f"Dispute: {answer}", "redress", when="day"
            )
            line_id = posted.line_id
        status = DisputeStatus.ACCEPTED if accepted else DisputeStatus.REJECTED
        return await _close(tx, row, "disputeResolve", status, answer, line_id)


async def dispute_withdraw(work: Work, dispute_id: UUID, *, text: str) -> Dispute:
    """Take a doubt back, with a word. Raises `Rejected`: NOT_FOUND for somebody else's too, CLOSED, BLANK."""
    problems = written(text, "text")
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        row = await _lock(tx, dispute_id, None)
        if row["rep_id"] != tx.viewer.rep_id:
            raise reject("NOT_FOUND", "No dispute of yours has this id.", "id")
        return await _close(tx, row, "disputeWithdraw", DisputeStatus.WITHDRAWN, text, None)


async def _lock(tx: Tx, dispute_id: UUID, expected_version: int | None) -> Record:
    """The dispute, open and locked, as far as the viewer sees the rep's pay."""
    row = await tx.row(_statements.dispute_for_update, dispute_id)
    if row is not None:
        seen = await visible_pay(tx.session, tx.viewer, (await org.calendar(tx)).local_day(tx.now))
        if seen is not None and row["rep_id"] not in seen:
            row = None
    if row is None:
        raise reject("NOT_FOUND", "No dispute has this id.", "id")
    if expected_version is not None and row["version"] != expected_version:
        raise Rejected(stale(row["version"]))
    if row["status"] != DisputeStatus.OPEN:
        raise reject("CLOSED", f"This dispute is {row['status'].lower()} already.", "id")
    return row


async def _close(tx: Tx, row: Record, action: str, status: DisputeStatus, text: str, line_id: UUID | None) -> Dispute:
    closed = await tx.row(_statements.dispute_close, row["dispute_id"], status, tx.now)
    if closed is None:
        raise RuntimeError("a locked dispute is gone")
    item = await tx.row(_statements.dispute_item, row["item_id"])
    if item is not None and item["status"] in LIVE:
        outcome = f"The dispute was {status.lower()}."
        await tx.execute(_statements.item_done, row["item_id"], outcome, tx.now)
        await note(tx, [(row["item_id"], Act.COMPLETED, outcome, {})])
        announce_item(tx, row["item_id"], row["rep_id"], item["assignee_id"], Status.DONE, Change.UPDATED)
    await _tell(tx, closed, DisputeAct(status.value), text, line_id)
    tx.audit(action, "Dispute", str(row["dispute_id"]), status=status)
    return stored.dispute(closed)


async def _tell(tx: Tx, row: Record, act: DisputeAct, text: str, line_id: UUID | None = None) -> None:
    """Note it on the timeline, and tell those who may see the rep's pay."""
    key = row["dispute_id"]
    await tx.execute(_statements.dispute_event_add, key, uuid7(), act, tx.viewer.actor_id, text, line_id, tx.now)
    change = Change.CREATED if act is DisputeAct.OPENED else Change.UPDATED
    data = {"statement_id": str(row["statement_id"]), "status": row["status"]}
    tx.record(Event("incentives.dispute", change, "Dispute", str(key), row["rep_id"], data=data))


async def _approver(tx: Tx, statement: Record) -> UUID | None:
    """Who approved the statement, if they may still; else who has been a compensation admin longest."""
    admins = [row["user_id"] for row in await tx.fetch(_incentives.comp_admins)]
    others = [user_id for user_id in admins if user_id != tx.viewer.user_id]
    approved_by: UUID | None = statement["approved_by"]
    return approved_by if approved_by in others else next(iter(others), None)
