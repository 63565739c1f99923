"""Quotas, plans, attainment and leaderboards as nodes.

Amounts are `Decimal` with `currency` beside them, not `Money`: the same field counts units or calls where the measure
does.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

import strawberry

import api.graph.quotas.enums  # noqa: F401  describes the enums before the types show them
from api.context import Context
from api.explain import ExplainStep, explain_steps
from api.graph.quotas.carried import CARRIED, Carried, LazyRep, OfPeriod
from api.graph.quotas.loaders import attainments, explanations, quotas_by_id, versions_of
from api.loaders import column, loads
from api.periods import Period
from api.relay import Node, global_id, node_loader
from api.rows import Made, node_id, one_of
from api.scalars import CurrencyCode, Ratio
from api.sight import each
from domain.calendar import PeriodKind
from domain.org.model import Scope
from domain.quotas.model import (
    NO_KPI,
    AttainmentKey,
    Measure,
    PaceBasis,
    Plan,
    PlanMethod,
    PlanStatus,
    ProrationBasis,
    QuotaSource,
    Reason,
    Subject,
)
from domain.quotas.rows import plan_from_row
from sql.pool import Record
from sql.queries import queries

if TYPE_CHECKING:
    from api.graph.org.types import Rep

_quotas = queries("quotas")


@strawberry.type(description="What a quota said from when it was set until it was changed.")
class QuotaVersion:
    version: int = strawberry.field(description="Counts from 1.")
    amount: Decimal = strawberry.field(description="The full quota, in `currency` or in what the measure counts.")
    seasonality: list[Decimal] = strawberry.field(description="Weights of the period's parts; empty is even.")
    proration_basis: ProrationBasis = strawberry.field(description="How much of it a part of the period carries.")
    pace_basis: PaceBasis = strawberry.field(description="By which share of the period something is expected by now.")
    ramp: list[Ratio] = strawberry.field(description="Shares of the full quota in the first months after hire.")
    note: str | None = strawberry.field(description="Why it was set. Null when nobody said.")
    created_at: datetime = strawberry.field(description="When it was set.")
    created_by: str | None = strawberry.field(description="Who set it. Null when it was not a person.")

    @classmethod
    def of(cls, row: Record) -> "QuotaVersion":
        """From a row of `attainment.versions`."""
        return cls(
            version=row["version"],
            amount=row["amount"],
            seasonality=row["seasonality"],
            proration_basis=ProrationBasis(row["proration_basis"]),
            pace_basis=PaceBasis(row["pace_basis"]),
            ramp=row["ramp"],
            note=row["note"],
            created_at=row["created_at"],
            created_by=row["created_by"],
        )


async def _versions(ctx: Context, ids: Sequence[UUID]) -> list[list[QuotaVersion]]:
    return [[QuotaVersion.of(row) for row in rows] for rows in await versions_of(ctx, ids)]


async def _attainments_of_quotas(ctx: Context, quotas: "Sequence[Quota]") -> "Sequence[Attainment | None]":
    keys = [
        AttainmentKey(one.subject, one.subject_id, one.measure, one.kpi_uuid, one.period.kind, one.period.starts_on)
        for one in quotas
    ]
    return await ctx.load_each(attainments_at, keys)


@strawberry.type(description="What somebody is to attain in a period: one for each subject, measure and period.")
class Quota(OfPeriod, Carried, Node):
    quota_id: strawberry.Private[UUID]
    version: int = strawberry.field(description="The version in force; pass it as expectedVersion to change it.")
    amount: Decimal = strawberry.field(description="The full quota, in `currency` or in what the measure counts.")
    currency: CurrencyCode | None = strawberry.field(description="The organisation's. Null for UNITS and KPI.")
    seasonality: list[Decimal] = strawberry.field(
        description="Weights of the period's parts: 4 quarters or 12 months of a year, 3 months of a quarter. "
        "Empty is even."
    )
    proration_basis: ProrationBasis = strawberry.field(description="How much of it a part of the period carries.")
    pace_basis: PaceBasis = strawberry.field(description="By which share of the period something is expected by now.")
    ramp: list[Ratio] = strawberry.field(
        description="Shares of the full quota in the first, second, ... month after hire; full afterwards."
    )
    note: str | None = strawberry.field(description="Why it was set. Null when nobody said.")
    created_at: datetime = strawberry.field(description="When it was first set.")
    updated_at: datetime = strawberry.field(description="When the version in force was set.")

    versions: list[QuotaVersion] = loads(_versions, "quota_id", description="Every version, the latest first.")
    attainment: "Attainment | None" = column(
        _attainments_of_quotas, description="How far the subject got. Null until it was computed."
    )

    made: ClassVar = CARRIED | {
        "id": node_id("Quota", "quota_id"),
        "proration_basis": one_of(ProrationBasis, "proration_basis"),
        "pace_basis": one_of(PaceBasis, "pace_basis"),
        "updated_at": Made(lambda changed_at: changed_at, ["changed_at"]),
    }


async def _explanations(ctx: Context, keys: Sequence[tuple[AttainmentKey, date]]) -> list[list[ExplainStep]]:
    return [explain_steps(steps) for steps in await explanations(ctx, keys)]


_KEY = ("subject", "subject_id", "measure", "kpi_id", "period_kind", "starts_on")


def _key_of(
    subject: str, subject_id: UUID, measure: str, kpi_id: UUID, period_kind: str, starts_on: date
) -> AttainmentKey:
    kpi = None if kpi_id == NO_KPI else kpi_id
    return AttainmentKey(Subject(subject), subject_id, Measure(measure), kpi, PeriodKind(period_kind), starts_on)


@strawberry.type(
    description="How far a subject got with its quota. Kept up to date by the workers; numbers that depend on today "
    "are as of the organisation's local day, that day included."
)
class Attainment(OfPeriod, Carried, Node):
    ends_on: strawberry.Private[date]
    key: strawberry.Private[AttainmentKey]
    currency: CurrencyCode | None = strawberry.field(
        description="Of all amounts here: the organisation's. Null for UNITS and KPI, which count."
    )
    quota: Decimal | None = strawberry.field(
        description="What is to be attained: prorated and ramped for a rep; for others their own, or the sum of what "
        "is below. Null with reason NO_QUOTA."
    )
    quota_source: QuotaSource | None = strawberry.field(description="Where the quota comes from. Null without one.")
    attained: Decimal = strawberry.field(
        description="The sum of what was won or counted in the period, by whoever was in the team on that day."
    )
    ratio: Ratio | None = strawberry.field(description="attained / quota. Null with a reason where there is no quota.")
    gap: Decimal | None = strawberry.field(
        description="attained - quota: how far ahead, negative when behind. Null without a quota."
    )
    expected: Decimal | None = strawberry.field(description="What should be attained by now. Null without a quota.")
    pace_ratio: Ratio | None = strawberry.field(description="attained / expected. Null with a reason.")
    projected: Decimal | None = strawberry.field(
        description="attained / elapsed share of the period: where it ends at this pace. Null before the period."
    )
    projected_ratio: Ratio | None = strawberry.field(description="projected / quota. Null with a reason.")
    required_per_workday: Decimal | None = strawberry.field(
        description="What is left of the quota / workdays left after today; 0 once it is met. Null without a quota, "
        "and when no workday is left."
    )
    reason: Reason | None = strawberry.field(description="Why numbers are null. Null when none is.")
    calendar_version: int = strawberry.field(description="The version of the calendar that was used.")
    computed_at: datetime = strawberry.field(description="When these numbers became what they are.")
    inputs_through: datetime = strawberry.field(description="The latest change of facts that they include.")

    explain: list[ExplainStep] = loads(
        _explanations,
        "key",
        "ends_on",
        description="How the numbers come about, down to credits and quota versions, computed now.",
    )

    made: ClassVar = CARRIED | {
        "id": Made(lambda *columns: global_id("Attainment", _key_of(*columns)), _KEY),
        "key": Made(_key_of, _KEY),
        "quota_source": one_of(QuotaSource, "quota_source"),
        "reason": one_of(Reason, "reason"),
    }


async def _ranked_rep(ctx: Context, entries: "Sequence[LeaderboardEntry]") -> "Sequence[Rep | None]":
    from api.graph.org.types import reps_by_id

    return await ctx.load_each(reps_by_id, [entry.rep_id for entry in entries])


@strawberry.type(description="A rep's place on a leaderboard.")
class LeaderboardEntry:
    rank: int = strawberry.field(description="From 1; equals share a rank, and the next one is skipped.")
    rep_id: strawberry.Private[UUID]
    name: str = strawberry.field(description="The rep's name; leaderboards are open to the whole organisation.")
    value: Decimal = strawberry.field(description="What was attained, or the value of the KPI.")
    ratio: Ratio | None = strawberry.field(description="The value to its quota or target. Null without a target.")

    rep: LazyRep | None = column(
        _ranked_rep, description="The rep. Null when the viewer does not see more of it than its place here."
    )

    @classmethod
    def of(cls, row: Record) -> "LeaderboardEntry":
        """From a ranked row."""
        return cls(rank=row["rank"], rep_id=row["rep_id"], name=row["name"], value=row["value"], ratio=row["ratio"])


@strawberry.type(description="A line of a quota plan.")
class QuotaPlanLine(Carried):
    amount: Decimal = strawberry.field(description="The proposed quota.")
    history: Decimal | None = strawberry.field(
        description="What was attained a full period on average before. Null where there is no history."
    )


@strawberry.type(
    description="Quotas proposed for the reps of a team or of the organisation, to be approved as a whole."
)
class QuotaPlan(Node):
    name: str = strawberry.field(description="What it is called; the note of its quotas.")
    status: PlanStatus = strawberry.field(description="Whether it is in force.")
    version: int = strawberry.field(description="Pass it as expectedVersion to approve it.")
    measure: Measure = strawberry.field(description="What its quotas count.")
    period: Period = strawberry.field(description="The period of its quotas.")
    method: PlanMethod = strawberry.field(description="How it divides.")
    over_assignment: Ratio = strawberry.field(description="Share assigned to reps on top of the subject's own quota.")
    currency: CurrencyCode | None = strawberry.field(description="Of the amounts. Null for UNITS.")
    lines: list[QuotaPlanLine] = strawberry.field(description="The subject's own quota, then the reps'.")
    proposed_at: datetime = strawberry.field(description="When it was proposed.")
    approved_at: datetime | None = strawberry.field(description="When it was approved. Null while it waits.")

    @classmethod
    def of(cls, plan: Plan, currency: str) -> "QuotaPlan":
        """As the domain has it."""
        request, period = plan.request, Period.of(plan.request.period)
        return cls(
            id=global_id("QuotaPlan", plan.plan_id),
            name=request.name,
            status=plan.status,
            version=plan.version,
            measure=request.measure,
            period=period,
            method=request.method,
            over_assignment=Ratio(request.over_assignment),
            currency=None if request.measure is Measure.UNITS else CurrencyCode(currency),
            lines=[
                QuotaPlanLine(
                    subject=line.subject,
                    subject_id=line.subject_id,
                    measure=request.measure,
                    kpi_uuid=None,
                    period=period,
                    amount=line.amount,
                    history=line.history,
                )
                for line in plan.lines
            ],
            proposed_at=plan.proposed_at,
            approved_at=plan.approved_at,
        )


async def attainments_at(ctx: Context, keys: Sequence[AttainmentKey]) -> Sequence[Attainment | None]:
    """Attainments by their keys. None where there is none, or it is not seen."""
    calendar = await ctx.calendar()
    return each(await attainments(ctx, keys), lambda row: Attainment.of(row, calendar=calendar))


async def currency_of(ctx: Context) -> str:
    """The organisation's currency."""
    return str(await ctx.load(_currency, None))


async def _currency(ctx: Context, keys: Sequence[None]) -> list[str]:
    currency = await ctx.value(_quotas.organization_currency)
    return [currency for _ in keys]


@node_loader("Quota", Scope.QUOTAS_READ)
async def _quota_nodes(ctx: Context, keys: Sequence[str]) -> list[Node | None]:
    rows = await quotas_by_id(ctx, [_uuid(key) for key in keys])
    calendar = await ctx.calendar()
    return [Quota.of(row, calendar=calendar) if row else None for row in rows]


@node_loader("Attainment", Scope.QUOTAS_READ)
async def _attainment_nodes(ctx: Context, keys: Sequence[str]) -> Sequence[Node | None]:
    return await ctx.load_each(attainments_at, [_key(key) for key in keys])


@node_loader("QuotaPlan", Scope.QUOTAS_READ)
async def _plan_nodes(ctx: Context, keys: Sequence[str]) -> list[Node | None]:
    """Plans are for those who see everybody."""
    if not ctx.viewer.sees_everybody:
        return [None for _ in keys]
    ids = [_uuid(key) for key in keys]
    found = {row["plan_id"]: plan_from_row(row) for row in await ctx.fetch(_quotas.plans_by_ids, ids)}
    currency = await currency_of(ctx)
    return [QuotaPlan.of(found[plan_id], currency) if plan_id in found else None for plan_id in ids]


def _uuid(text: str) -> UUID:
    """A key that is no uuid is that of nothing."""
    try:
        return UUID(text)
    except ValueError:
        return NO_KPI


def _key(text: str) -> AttainmentKey | None:
    try:
        return AttainmentKey.parse(text)
    except ValueError:
        return None
