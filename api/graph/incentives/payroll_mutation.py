"""Root fields that approve, lock, adjust, dispute and export pay."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import writes
from api.context import Context, Info
from api.errors import Payload
from api.graph.incentives.payroll import PayrollExport, exports_by_id
from api.graph.incentives.statements import (
    Dispute,
    Statement,
    StatementLine,
    disputes_by_id,
    lines_by_id,
    statements_by_id,
)
from api.periods import PeriodInput, named_period
from api.relay import uuid_of
from api.scalars import CurrencyCode
from domain.calendar import Period
from domain.errors import reject
from domain.incentives import disputes, payroll, statements
from domain.incentives.model import Approval
from domain.incentives.model import Statement as Stored
from domain.org.model import Scope

_NOBODY = UUID(int=0)

Locked = Annotated[PeriodInput, strawberry.argument(description="A month, quarter or year that is paid.")]
DisputeId = Annotated[strawberry.ID, strawberry.argument(description="The dispute's global id.")]
DisputeText = Annotated[str, strawberry.argument(description="In words, at most 4,000 characters.")]


@strawberry.input(description="A statement as it was read.")
class StatementApprovalInput:
    id: strawberry.ID = strawberry.field(description="Its global id.")
    expected_version: int = strawberry.field(description="Its version: what was read is what is approved.")


@strawberry.input(description="An amount of money.")
class MoneyInput:
    amount: Decimal = strawberry.field(description="In units of the currency, exact; negative takes away.")
    currency: CurrencyCode = strawberry.field(description="The payee's currency.")


@strawberry.input(description="An adjustment by hand.")
class AdjustmentInput:
    rep_id: strawberry.ID = strawberry.field(description="Whose pay.")
    period: PeriodInput = strawberry.field(description="On the statement of this month, quarter or year; not locked.")
    amount: MoneyInput = strawberry.field(description="What it adds.")
    reason: str = strawberry.field(description="Why, in words; the payee reads it.")


@strawberry.input(description="What an accepted dispute adds to the rep's pay.")
class RedressInput:
    day: date = strawberry.field(
        description="On the statement of the period that holds this day, as long as the line's; not locked."
    )
    amount: MoneyInput = strawberry.field(description="What it adds.")

    def stated(self) -> disputes.Redress:
        """As the domain has it."""
        return disputes.Redress(self.amount.amount, self.amount.currency, self.day)


@strawberry.type(description="The outcome of statementApprove.")
class StatementApprovePayload(Payload):
    statements: list[Statement] = strawberry.field(
        default_factory=list, description="The approved ones, in the order of the items. Empty when refused."
    )


@strawberry.type(description="The outcome of periodLock.")
class PeriodLockPayload(Payload):
    statements: list[Statement] = strawberry.field(
        default_factory=list, description="All statements of the period, now locked. Empty when refused."
    )


@strawberry.type(description="The outcome of periodPay.")
class PeriodPayPayload(Payload):
    statements: list[Statement] = strawberry.field(
        default_factory=list, description="All statements of the period, now paid. Empty when refused."
    )


@strawberry.type(description="The outcome of adjustmentPost.")
class AdjustmentPostPayload(Payload):
    line: StatementLine | None = strawberry.field(default=None, description="The line posted. Null when refused.")


@strawberry.type(description="What became of a dispute.")
class DisputePayload(Payload):
    dispute: Dispute | None = strawberry.field(default=None, description="As it is now. Null when nothing was done.")


@strawberry.type(description="The dispute opened.")
class DisputeOpenPayload(DisputePayload):
    pass


@strawberry.type(description="The dispute with what was said.")
class DisputeCommentPayload(DisputePayload):
    pass


@strawberry.type(description="The dispute with its answer.")
class DisputeResolvePayload(DisputePayload):
    pass


@strawberry.type(description="The dispute taken back.")
class DisputeWithdrawPayload(DisputePayload):
    pass


@strawberry.type(description="The outcome of payrollExport.")
class PayrollExportPayload(Payload):
    payroll_export: PayrollExport | None = strawberry.field(
        default=None, description="The run. `repeats` says that the period was exported before. Null when refused."
    )


async def paid_period(ctx: Context, given: PeriodInput, *path: str) -> Period:
    """The period that is meant. Raises `Rejected` for a name that is none."""
    try:
        return await named_period(ctx, given)
    except ValueError as error:
        raise reject("INVALID", f"{error}.", *path) from None


@strawberry.type
class PayrollMutation:
    @writes(
        Scope.INCENTIVES_WRITE,
        "Find statements right as they were read, all or none. When their numbers change they are estimated again. "
        "Nobody approves their own.",
    )
    async def statement_approve(
        self,
        info: Info,
        items: Annotated[list[StatementApprovalInput], strawberry.argument(description="At most 1,000.")],
    ) -> StatementApprovePayload:
        ctx = info.context
        approvals = [Approval(uuid_of(item.id, "Statement") or _NOBODY, item.expected_version) for item in items]
        approved = await statements.statements_approve(ctx.work(), approvals)
        return StatementApprovePayload(user_errors=[], statements=await _shown(ctx, approved))

    @writes(
        Scope.INCENTIVES_WRITE,
        "Freeze all statements of a period that is over, once they are approved. What would change them goes to the "
        "open period from then on.",
    )
    async def period_lock(self, info: Info, period: Locked) -> PeriodLockPayload:
        ctx = info.context
        asked = await paid_period(ctx, period, "period")
        locked = await statements.period_lock(ctx.work(), asked.kind, asked.starts_on)
        return PeriodLockPayload(user_errors=[], statements=await _shown(ctx, locked))

    @writes(Scope.INCENTIVES_WRITE, "Say that a locked and exported period was paid.")
    async def period_pay(self, info: Info, period: Locked) -> PeriodPayPayload:
        ctx = info.context
        asked = await paid_period(ctx, period, "period")
        paid = await statements.period_pay(ctx.work(), asked.kind, asked.starts_on)
        return PeriodPayPayload(user_errors=[], statements=await _shown(ctx, paid))

    @writes(
        Scope.INCENTIVES_WRITE,
        "Add to or take from a statement by hand, with a reason that the payee reads. Nobody adjusts their own.",
    )
    async def adjustment_post(
        self, info: Info, input: Annotated[AdjustmentInput, strawberry.argument(description="What, and why.")]
    ) -> AdjustmentPostPayload:
        ctx = info.context
        asked = await paid_period(ctx, input.period, "input", "period")
        line = await statements.adjustment_post(
            ctx.work(),
            rep_id=uuid_of(input.rep_id, "Rep") or _NOBODY,
            kind=asked.kind,
            starts_on=asked.starts_on,
            amount=input.amount.amount,
            currency=input.amount.currency,
            reason=input.reason,
        )
        (shown,) = await lines_by_id(ctx, [line.line_id])
        return AdjustmentPostPayload(user_errors=[], line=shown)

    @writes(
        Scope.FEED_WRITE,
        "Doubt a line of one's own statement. Who approves it gets an action item that names no amount.",
    )
    async def dispute_open(
        self,
        info: Info,
        line_id: Annotated[strawberry.ID, strawberry.argument(description="The line's global id.")],
        text: DisputeText,
    ) -> DisputeOpenPayload:
        line = uuid_of(line_id, "StatementLine") or _NOBODY
        opened = await disputes.dispute_open(info.context.work(), line, text=text)
        return DisputeOpenPayload(user_errors=[], dispute=await _dispute(info.context, opened.dispute_id))

    @writes(Scope.FEED_WRITE, "Say something on the timeline of an open dispute that the viewer sees.")
    async def dispute_comment(self, info: Info, id: DisputeId, text: DisputeText) -> DisputeCommentPayload:
        said = await disputes.dispute_comment(info.context.work(), uuid_of(id, "Dispute") or _NOBODY, text=text)
        return DisputeCommentPayload(user_errors=[], dispute=await _dispute(info.context, said.dispute_id))

    @writes(
        Scope.INCENTIVES_WRITE,
        "Answer a dispute. One that is accepted may adjust a statement of the rep in the same step.",
    )
    async def dispute_resolve(
        self,
        info: Info,
        id: DisputeId,
        accepted: Annotated[bool, strawberry.argument(description="Whether the line was wrong.")],
        answer: DisputeText,
        redress: Annotated[
            RedressInput | None, strawberry.argument(description="What it adds to the rep's pay, if anything.")
        ] = None,
        expected_version: Annotated[
            int | None,
            strawberry.argument(description="Its version as it was read. Left out, the last one wins."),
        ] = None,
    ) -> DisputeResolvePayload:
        ctx = info.context
        added = redress.stated() if redress else None
        resolved = await disputes.dispute_resolve(
            ctx.work(),
            uuid_of(id, "Dispute") or _NOBODY,
            accepted=accepted,
            answer=answer,
            redress=added,
            expected_version=expected_version,
        )
        return DisputeResolvePayload(user_errors=[], dispute=await _dispute(ctx, resolved.dispute_id))

    @writes(Scope.FEED_WRITE, "Take back one's own dispute.")
    async def dispute_withdraw(self, info: Info, id: DisputeId, text: DisputeText) -> DisputeWithdrawPayload:
        gone = await disputes.dispute_withdraw(info.context.work(), uuid_of(id, "Dispute") or _NOBODY, text=text)
        return DisputeWithdrawPayload(user_errors=[], dispute=await _dispute(info.context, gone.dispute_id))

    @writes(
        Scope.INCENTIVES_WRITE,
        "Export a locked period to payroll, as CSV and JSON with control totals. A second export gives the same bytes, "
        "and says so.",
    )
    async def payroll_export(self, info: Info, period: Locked) -> PayrollExportPayload:
        ctx = info.context
        asked = await paid_period(ctx, period, "period")
        export = await payroll.payroll_export(ctx.work(), asked.kind, asked.starts_on)
        (shown,) = await exports_by_id(ctx, [export.export_id])
        return PayrollExportPayload(user_errors=[], payroll_export=shown)


async def _shown(ctx: Context, stored: Sequence[Stored]) -> list[Statement]:
    shown = await statements_by_id(ctx, [statement.statement_id for statement in stored])
    return [statement for statement in shown if statement is not None]


async def _dispute(ctx: Context, dispute_id: UUID) -> Dispute | None:
    (shown,) = await disputes_by_id(ctx, [dispute_id])
    return shown
