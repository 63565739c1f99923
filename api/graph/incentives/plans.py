"""Incentive plans, their versions, and who is on them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graph.incentives.document import PlanTerms
from api.graph.incentives.objectives import Scored, ScoredObjective, objectives_scored
from api.graph.org.types import Rep, User, reps_by_id, users_by_id
from api.loaders import loads
from api.periods import PeriodInput, period_of
from api.relay import Node, global_id
from api.scalars import Money, money
from api.sight import Seen, in_sight
from domain.calendar import PeriodKind
from domain.incentives.codec import from_json
from domain.incentives.model import PlanStatus
from domain.incentives.plan import Plan
from sql.pool import Record
from sql.queries import queries

_read = queries("incentive_read")


async def plans_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[IncentivePlan | None]":
    """Plans that the viewer sees: all, or the published ones of the reps in sight."""
    sight = await ctx.sight()
    rows = await ctx.fetch(_read.plans_page, sight, list(ids), None, None, None, len(ids))
    found = {row["plan_id"]: IncentivePlan.of(row, drafts=sight is None) for row in rows}
    return [found.get(plan_id) for plan_id in ids]


async def versions_of_plan(ctx: Context, ids: Sequence[UUID]) -> "list[list[IncentivePlanVersion]]":
    """Published versions of plans, the newest first."""
    found: dict[UUID, list[IncentivePlanVersion]] = defaultdict(list)
    for row in await ctx.fetch(_read.plan_versions_of, list(ids)):
        found[row["plan_id"]].append(IncentivePlanVersion.of(row))
    return [found[plan_id] for plan_id in ids]


async def assignments_of_plan(ctx: Context, ids: Sequence[UUID]) -> "list[list[IncentiveAssignment]]":
    """Who is on each plan, as far as the viewer sees the reps."""
    found: dict[UUID, list[IncentiveAssignment]] = defaultdict(list)
    pay = await ctx.pay_sight()
    for row in await ctx.fetch(_read.assignments_of_plans, list(ids), await ctx.sight()):
        found[row["plan_id"]].append(IncentiveAssignment.of(row, pay))
    return [found[plan_id] for plan_id in ids]


async def assignments_of_rep(ctx: Context, ids: Sequence[UUID]) -> "list[list[IncentiveAssignment]]":
    """The plans that each rep is on, the latest first."""
    found: dict[UUID, list[IncentiveAssignment]] = defaultdict(list)
    pay = await ctx.pay_sight()
    for row in await ctx.fetch(_read.assignments_of_reps, list(ids)):
        found[row["rep_id"]].append(IncentiveAssignment.of(row, pay))
    return [found[rep_id] for rep_id in ids]


@strawberry.type(description="A published version of an incentive plan. It never changes.")
class IncentivePlanVersion:
    published_by_id: strawberry.Private[UUID | None]
    version: int = strawberry.field(description="Counts what was published, from 1.")
    terms: Any = strawberry.field(graphql_type=PlanTerms, description="What it says.")
    starts_on: date = strawberry.field(description="The first day on which it is in force.")
    ends_on: date | None = strawberry.field(
        description="The first day on which it is not; a later version ends it sooner. Null is open."
    )
    published_at: datetime = strawberry.field(description="When.")
    published_by: User | None = loads(
        users_by_id, "published_by_id", description="By whom. Null when it was not a person."
    )

    @classmethod
    def of(cls, row: Record) -> "IncentivePlanVersion":
        """From a row of `plan_versions_of`."""
        return cls(
            published_by_id=row["published_by"],
            version=row["version"],
            terms=from_json(Plan, row["document"]),
            starts_on=row["starts_on"],
            ends_on=row["ends_on"],
            published_at=row["published_at"],
        )


@strawberry.type(description="A rep is on a plan for some days.")
class IncentiveAssignment:
    rep_id: strawberry.Private[UUID]
    plan_id: strawberry.Private[UUID]
    starts_on: date = strawberry.field(description="The first day.")
    ends_on: date | None = strawberry.field(description="The day after the last. Null is open.")
    target: Money | None = strawberry.field(
        description="The rep's own target of a period, where components pay a share of one. Null when none is set, and "
        "when the viewer does not see the rep's pay."
    )
    acknowledged_version: int | None = strawberry.field(
        description="The newest version of the plan that the rep acknowledged. Null when none was."
    )
    acknowledged_at: datetime | None = strawberry.field(description="When. Null when none was.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="Who. Null when not seen.")
    plan: "IncentivePlan | None" = loads(plans_by_id, "plan_id", description="The plan. Null when not seen.")

    @strawberry.field(
        description="The objectives of an MBO that were set for the rep, or scored, in one of the plan's periods."
    )
    async def objectives(
        self, info: Info, period: Annotated[PeriodInput, strawberry.argument(description="The period that is paid.")]
    ) -> list[ScoredObjective]:
        asked = await period_of(info.context, period)
        return await info.context.load(objectives_scored, Scored(self.plan_id, self.rep_id, asked.starts_on))

    @classmethod
    def of(cls, row: Record, pay: Seen) -> "IncentiveAssignment":
        """From a row of `assignments_of_plans`; `pay` are the reps whose pay is seen, None all."""
        seen = in_sight(pay, row["rep_id"])
        return cls(
            rep_id=row["rep_id"],
            plan_id=row["plan_id"],
            starts_on=row["starts_on"],
            ends_on=row["ends_on"],
            target=money(row["target"], row["currency"]) if seen and row["currency"] else None,
            acknowledged_version=row["acknowledged_version"],
            acknowledged_at=row["acknowledged_at"],
        )


@strawberry.type(description="An incentive plan: drafted, published in versions that never change, archived.")
class IncentivePlan(Node):
    plan_id: strawberry.Private[UUID]
    drafted_by_id: strawberry.Private[UUID | None]
    key: str = strawberry.field(description="The organisation's own name for it; does not change.")
    name: str = strawberry.field(description="What people call it.")
    status: PlanStatus = strawberry.field(description="Whether it pays.")
    period: PeriodKind = strawberry.field(description="How often it pays; fixed once it was published.")
    version: int = strawberry.field(description="Counts every change; pass it as expectedVersion.")
    published_version: int | None = strawberry.field(description="The newest published version. Null before the first.")
    draft: Any = strawberry.field(
        graphql_type=PlanTerms | None,
        description="What the next version is to say. Null when nothing is drafted, and for those who see only their "
        "own plans.",
    )
    drafted_at: datetime | None = strawberry.field(description="When the draft was saved. Null without one.")
    archived_on: date | None = strawberry.field(
        description="The first day on which it pays no more. Null while it does."
    )
    created_at: datetime = strawberry.field(description="When it was first drafted.")
    drafted_by: User | None = loads(
        users_by_id, "drafted_by_id", description="Who saved the draft. Null without one, or when it was not a person."
    )
    versions: list[IncentivePlanVersion] = loads(
        versions_of_plan, "plan_id", description="Every published version, the newest first."
    )
    assignments: list[IncentiveAssignment] = loads(
        assignments_of_plan, "plan_id", description="Who is on it, by name, as far as the viewer sees the reps."
    )

    @strawberry.field(
        graphql_type=PlanTerms | None,
        description="What the newest published version says. Null before the first.",
    )
    async def terms(self, info: Info) -> Any:
        versions = await info.context.load(versions_of_plan, self.plan_id)
        return versions[0].terms if versions else None

    @classmethod
    def of(cls, row: Record, *, drafts: bool) -> "IncentivePlan":
        """From a row of `plans_page`; with `drafts`, what is drafted is shown."""
        draft = drafts and row["draft"] is not None
        status = PlanStatus.PUBLISHED if row["published"] else PlanStatus.DRAFT
        return cls(
            id=global_id("IncentivePlan", row["plan_id"]),
            plan_id=row["plan_id"],
            drafted_by_id=row["drafted_by"] if draft else None,
            key=row["key"],
            name=row["name"],
            status=PlanStatus.ARCHIVED if row["archived_on"] else status,
            period=PeriodKind(row["period_kind"]),
            version=row["version"],
            published_version=row["published"],
            draft=from_json(Plan, row["draft"]) if draft else None,
            drafted_at=row["drafted_at"] if draft else None,
            archived_on=row["archived_on"],
            created_at=row["created_at"],
        )
