"""Root fields that read incentives."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import reads
from api.context import Context, Info
from api.errors import bad_request
from api.graph.incentives.payroll import PayrollExport, ReconciliationFinding, exports_by_id
from api.graph.incentives.plans import IncentivePlan, plans_by_id
from api.graph.incentives.statements import (
    Dispute,
    Due,
    Statement,
    disputes_by_id,
    lines_by_id,
    statements_by_id,
    statements_of_reps,
)
from api.graph.org.types import After, First
from api.periods import PeriodInput, period_of
from api.relay import KINDS, Connection, decode_cursor, nodes_by_uuid, page, page_size, uuid_of
from domain.incentives.model import DisputeStatus, PlanStatus, State
from domain.incentives.reconcile import reconcile
from domain.org.model import Scope
from sql.queries import queries

_read = queries("incentive_read")
_attainment = queries("attainment")

_NOBODY = UUID(int=0)

RepId = Annotated[strawberry.ID, strawberry.argument(description="The rep's global id.")]
PayPeriod = Annotated[
    PeriodInput, strawberry.argument(description="The month, quarter or year that is paid, as the plans have it.")
]


@strawberry.input(description="Which plan statuses.")
class IncentivePlanStatusFilter:
    in_: list[PlanStatus] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which incentive plans.")
class IncentivePlanFilter:
    status: IncentivePlanStatusFilter | None = strawberry.field(default=None, description="Whether they pay.")


@strawberry.input(description="Which states of statements.")
class StatementStateFilter:
    in_: list[State] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which statements; all conditions hold together.")
class StatementFilter:
    period: PeriodInput | None = strawberry.field(default=None, description="Of this period.")
    rep_id: strawberry.ID | None = strawberry.field(default=None, description="Of this rep.")
    team_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of reps who today are in this team or in one below it."
    )
    state: StatementStateFilter | None = strawberry.field(default=None, description="How far they are.")


@strawberry.input(description="Which statuses of disputes.")
class DisputeStatusFilter:
    in_: list[DisputeStatus] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which disputes; all conditions hold together.")
class DisputeFilter:
    rep_id: strawberry.ID | None = strawberry.field(default=None, description="Of this rep.")
    status: DisputeStatusFilter | None = strawberry.field(default=None, description="How they stand.")


@strawberry.type
class IncentivesQuery:
    @reads(
        Scope.INCENTIVES_READ,
        "Incentive plans by key: all of them, or for managers and reps the published ones that reps in sight are on.",
    )
    async def incentive_plans(
        self,
        info: Info,
        filter: Annotated[IncentivePlanFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[IncentivePlan]:
        ctx, size = info.context, page_size(first)
        sight = await ctx.sight()
        statuses = filter.status.in_ if filter and filter.status else None
        place = decode_cursor(after, str)[0] if after is not None else None
        rows = await ctx.fetch(_read.plans_page, sight, None, None, statuses, place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_read.plans_count, sight, statuses))

        return page(
            rows, size, after, lambda row: IncentivePlan.of(row, drafts=sight is None), lambda row: (row["key"],), count
        )

    @reads(Scope.INCENTIVES_READ, "An incentive plan, by its id or its key. Null when it is not seen.")
    async def incentive_plan(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its global id.")] = None,
        key: Annotated[str | None, strawberry.argument(description="Its key.")] = None,
    ) -> IncentivePlan | None:
        if (id is None) == (key is None):
            raise bad_request("Give either `id` or `key`.")
        ctx = info.context
        if id is not None:
            return await ctx.load(plans_by_id, uuid_of(id, "IncentivePlan") or _NOBODY)
        sight = await ctx.sight()
        rows = await ctx.fetch(_read.plans_page, sight, None, key, None, None, 1)
        return IncentivePlan.of(rows[0], drafts=sight is None) if rows else None

    @reads(Scope.INCENTIVES_READ, "What a rep earns in a period. Null without one, and when its pay is not seen.")
    async def statement(self, info: Info, rep_id: RepId, period: PayPeriod) -> Statement | None:
        asked = await period_of(info.context, period)
        due = Due(uuid_of(rep_id, "Rep") or _NOBODY, asked.kind, asked.starts_on)
        return await info.context.load(statements_of_reps, due)

    @reads(Scope.INCENTIVES_READ, "Statements of those whose pay the viewer sees, the latest period first.")
    async def statements(
        self,
        info: Info,
        filter: Annotated[StatementFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Statement]:
        return await statements_page(info.context, filter, first, after)

    @reads(Scope.INCENTIVES_READ, "Disputes of those whose pay the viewer sees, the latest first.")
    async def disputes(
        self,
        info: Info,
        filter: Annotated[DisputeFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Dispute]:
        ctx, size, asked = info.context, page_size(first), filter or DisputeFilter()
        rep_id = None if asked.rep_id is None else uuid_of(asked.rep_id, "Rep") or _NOBODY
        statuses = asked.status and asked.status.in_
        pay = await ctx.pay_sight()
        place = decode_cursor(after, KINDS[datetime], KINDS[UUID]) if after is not None else (None, None)
        rows = await ctx.fetch(_read.disputes_page, pay, None, rep_id, statuses, *place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_read.disputes_count, pay, rep_id, statuses))

        return page(rows, size, after, Dispute.of, lambda row: (row["opened_at"], row["dispute_id"]), count)

    @reads(
        Scope.INCENTIVES_READ,
        "Runs of payroll exports, the latest first; for those who see everybody's pay.",
    )
    async def payroll_exports(
        self,
        info: Info,
        period: Annotated[PeriodInput | None, strawberry.argument(description="Of this period.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[PayrollExport]:
        ctx, size = info.context, page_size(first)
        asked = await period_of(ctx, period) if period else None
        which = (asked and asked.kind, asked and asked.starts_on)
        place = decode_cursor(after, KINDS[UUID])[0] if after is not None else None
        seen = await ctx.pay_sight() is None
        rows = await ctx.fetch(_read.exports_page, None, *which, place, size + 1) if seen else []
        calendar = await ctx.calendar()

        async def count() -> int:
            return int(await ctx.value(_read.exports_count, *which)) if seen else 0

        return page(
            rows, size, after, lambda row: PayrollExport.of(row, calendar), lambda row: (row["export_id"],), count
        )

    @reads(
        Scope.INCENTIVES_WRITE,
        "Holds the ledger against the facts, credits against deals, statements against lines, exports against "
        "statements: what does not agree, nothing when all is well.",
    )
    async def reconciliation(self, info: Info) -> list[ReconciliationFinding]:
        ctx = info.context
        async with ctx.db.snapshot(ctx.viewer.org_id) as session:
            found = await reconcile(session, await ctx.calendar(), await ctx.today())
        return [ReconciliationFinding.of(finding) for finding in found]


async def statements_page(
    ctx: Context, filter: StatementFilter | None, first: int | None, after: str | None
) -> Connection[Statement]:
    """A page of statements of those whose pay the viewer sees, the latest period first."""
    size, asked = page_size(first), filter or StatementFilter()
    period = await period_of(ctx, asked.period) if asked.period else None
    which = (
        await ctx.pay_sight(),
        await _reps(ctx, asked),
        period and period.kind,
        period and period.starts_on,
        period and period.ends_on,
        asked.state and asked.state.in_,
    )
    place = decode_cursor(after, KINDS[date], KINDS[UUID]) if after is not None else (None, None)
    rows = await ctx.fetch(_read.statements_page, *which, *place, size + 1)
    calendar = await ctx.calendar()

    async def count() -> int:
        return int(await ctx.value(_read.statements_count, *which))

    return page(
        rows,
        size,
        after,
        lambda row: Statement.of(row, calendar),
        lambda row: (row["starts_on"], row["statement_id"]),
        count,
    )


async def _reps(ctx: Context, asked: StatementFilter) -> list[UUID] | None:
    """The reps asked for; None is all."""
    named = None if asked.rep_id is None else {uuid_of(asked.rep_id, "Rep") or _NOBODY}
    if asked.team_id is None:
        return None if named is None else list(named)
    rows = await ctx.fetch(_attainment.members, uuid_of(asked.team_id, "Team") or _NOBODY, await ctx.today())
    within = {row["rep_id"] for row in rows}
    return sorted(within if named is None else named & within)


nodes_by_uuid("IncentivePlan", Scope.INCENTIVES_READ, plans_by_id)
nodes_by_uuid("Statement", Scope.INCENTIVES_READ, statements_by_id)
nodes_by_uuid("StatementLine", Scope.INCENTIVES_READ, lines_by_id)
nodes_by_uuid("Dispute", Scope.INCENTIVES_READ, disputes_by_id)
nodes_by_uuid("PayrollExport", Scope.INCENTIVES_READ, exports_by_id)
