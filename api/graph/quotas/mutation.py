"""Quotas set, proposed and approved."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import writes
from api.context import Context, Info
from api.errors import Payload
from api.graph.quotas.loaders import quotas_by_id
from api.graph.quotas.on_subject import kpi_of
from api.graph.quotas.types import Quota, QuotaPlan, currency_of
from api.periods import PeriodInput, named_period
from api.relay import uuid_of
from api.scalars import CurrencyCode, Ratio
from domain.errors import Problem, Rejected, reject
from domain.org.model import Scope
from domain.quotas.actions import quota_plan_approve, quota_plan_propose, quotas_set
from domain.quotas.model import (
    NO_KPI,
    Measure,
    PaceBasis,
    PlanMethod,
    PlanRequest,
    ProrationBasis,
    QuotaItem,
    Subject,
    Terms,
)
from domain.quotas.model import Quota as StoredQuota
from sql.queries import queries

_attainment = queries("attainment")


@strawberry.input(one_of=True, description="Who carries a quota, by one of these.")
class QuotaSubjectInput:
    rep_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="A rep.")
    rep_external_id: str | None = strawberry.field(default=strawberry.UNSET, description="A rep, by its externalId.")
    team_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="A team.")
    team_external_id: str | None = strawberry.field(default=strawberry.UNSET, description="A team, by its externalId.")
    territory_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="A territory.")
    territory_external_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="A territory, by its externalId."
    )
    organization: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: the organisation as a whole."
    )

    def named(self, org_id: UUID) -> tuple[Subject, UUID | None, str | None]:
        """The kind of subject with its id, or the externalId to find it by. An id that is none is that of nobody."""
        for subject, node_id, external_id in (
            (Subject.REP, self.rep_id, self.rep_external_id),
            (Subject.TEAM, self.team_id, self.team_external_id),
            (Subject.TERRITORY, self.territory_id, self.territory_external_id),
        ):
            if node_id or external_id:
                return subject, uuid_of(node_id, subject.capitalize()) if node_id else None, external_id or None
        return Subject.ORGANIZATION, org_id if self.organization else None, None


@strawberry.input(description="How a quota is spread over its period.")
class QuotaTermsInput:
    """The base of inputs that state the terms of quotas."""

    seasonality: list[Decimal] = strawberry.field(
        default_factory=list,
        description="Weights of the 4 quarters or 12 months of a year, or of the 3 months of a quarter; they need not "
        "sum to 1. Empty is even.",
    )
    proration_basis: ProrationBasis = strawberry.field(
        default=ProrationBasis.DAYS, description="How much of it a rep carries who was there for a part of the period."
    )
    pace_basis: PaceBasis = strawberry.field(
        default=PaceBasis.DAYS, description="By which share of the period something is expected by now."
    )
    ramp: list[Ratio] = strawberry.field(
        default_factory=list,
        description="Shares of the full quota, 0 to 1, in a rep's first, second, ... month after hire; full "
        "afterwards.",
    )

    def terms(self, amount: Decimal) -> Terms:
        """As the domain states them."""
        return Terms(amount, tuple(self.seasonality), self.proration_basis, self.pace_basis, tuple(self.ramp))


@strawberry.input(description="A quota as it should be. One exists for each subject, measure, KPI and period.")
class QuotaInput(QuotaTermsInput):
    subject: QuotaSubjectInput = strawberry.field(description="Who carries it.")
    measure: Measure = strawberry.field(default=Measure.REVENUE, description="What it counts.")
    kpi_id: strawberry.ID | None = strawberry.field(default=None, description="The KPI, when the measure is KPI.")
    period: PeriodInput = strawberry.field(description="The period that it is for.")
    amount: Decimal = strawberry.field(
        description="The full quota, 0 or more, in the organisation's currency or in what the measure counts."
    )
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="When given, it must be the organisation's: a safeguard for imports."
    )
    note: str | None = strawberry.field(default=None, description="Why it is set.")
    expected_version: int | None = strawberry.field(
        default=None,
        description="The version that you saw; when another is in force by now nothing is set. 0: there is none yet.",
    )


@strawberry.input(one_of=True, description="How a plan divides quotas among reps.")
class QuotaPlanMethodInput:
    even: "EvenMethodInput | None" = strawberry.field(
        default=strawberry.UNSET, description="A total, the same for each."
    )
    history: "HistoryMethodInput | None" = strawberry.field(
        default=strawberry.UNSET,
        description="A total, by what each attained in the last periods. Who has no history is taken at the mean.",
    )
    growth: "GrowthMethodInput | None" = strawberry.field(
        default=strawberry.UNSET, description="What each attained a period on average, times one plus the growth."
    )


@strawberry.input(description="A total, the same for each.")
class EvenMethodInput:
    total: Decimal = strawberry.field(description="The quota of the team or organisation.")


@strawberry.input(description="A total, by what each attained.")
class HistoryMethodInput:
    total: Decimal = strawberry.field(description="The quota of the team or organisation.")
    periods: int = strawberry.field(default=4, description="How many periods of the same length before, 1 to 20.")


@strawberry.input(description="What each attained, and more.")
class GrowthMethodInput:
    growth: Ratio = strawberry.field(description="0.1 for 10 % more.")
    periods: int = strawberry.field(default=4, description="How many periods of the same length before, 1 to 20.")


@strawberry.input(description="Quotas to be proposed for the reps of a team or of the organisation.")
class QuotaPlanInput(QuotaTermsInput):
    name: str = strawberry.field(description="What the plan is called; the note of its quotas.")
    team_id: strawberry.ID | None = strawberry.field(
        default=None, description="For the reps of this team and of those below; of the organisation by default."
    )
    measure: Measure = strawberry.field(default=Measure.REVENUE, description="REVENUE, MARGIN or UNITS.")
    period: PeriodInput = strawberry.field(description="The period of the quotas.")
    method: QuotaPlanMethodInput = strawberry.field(description="How they are divided.")
    over_assignment: Ratio = strawberry.field(
        default=Ratio(Decimal(0)),
        description="Share assigned to reps on top: with 0.1 their quotas sum to 110 % of the team's own. 0 to 1.",
    )


@strawberry.type(description="The outcome of quotasSet.")
class QuotasSetPayload(Payload):
    quotas: list[Quota] = strawberry.field(
        default_factory=list, description="The quotas in force, in the order of the items. Empty when nothing was set."
    )


@strawberry.type(description="The outcome of quotaPlanPropose.")
class QuotaPlanProposePayload(Payload):
    quota_plan: QuotaPlan | None = strawberry.field(default=None, description="The proposal. Null when refused.")


@strawberry.type(description="The outcome of quotaPlanApprove.")
class QuotaPlanApprovePayload(Payload):
    quota_plan: QuotaPlan | None = strawberry.field(
        default=None, description="The plan, now in force. Null when refused."
    )
    quotas: list[Quota] = strawberry.field(
        default_factory=list, description="Its quotas, in the order of the plan's lines. Empty when refused."
    )


@strawberry.type
class QuotasMutation:
    @writes(
        Scope.QUOTAS_WRITE,
        "Set up to 1,000 quotas, all or none. A change makes a new version; the same again changes nothing, so it can "
        "be retried. Each bad item is reported by its path.",
    )
    async def quotas_set(
        self,
        info: Info,
        items: Annotated[list[QuotaInput], strawberry.argument(description="The quotas, at most 1,000.")],
    ) -> QuotasSetPayload:
        ctx = info.context
        set_ = await quotas_set(ctx.work(), await _items(ctx, items))
        return QuotasSetPayload(user_errors=[], quotas=await _shown(ctx, set_))

    @writes(
        Scope.QUOTAS_WRITE,
        "Propose quotas for the reps who are there in a period. Parts sum to the total to the smallest unit. Nothing "
        "is in force until the plan is approved.",
    )
    async def quota_plan_propose(
        self, info: Info, input: Annotated[QuotaPlanInput, strawberry.argument(description="How to divide what.")]
    ) -> QuotaPlanProposePayload:
        ctx = info.context
        plan = await quota_plan_propose(ctx.work(), await _request(ctx, input))
        return QuotaPlanProposePayload(user_errors=[], quota_plan=QuotaPlan.of(plan, await currency_of(ctx)))

    @writes(Scope.QUOTAS_WRITE, "Set every quota of a proposed plan, in one step.")
    async def quota_plan_approve(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The plan's global id.")],
        expected_version: Annotated[int, strawberry.argument(description="The version that you saw.")],
    ) -> QuotaPlanApprovePayload:
        ctx = info.context
        plan, set_ = await quota_plan_approve(ctx.work(), uuid_of(id, "QuotaPlan") or NO_KPI, expected_version)
        return QuotaPlanApprovePayload(
            user_errors=[], quota_plan=QuotaPlan.of(plan, await currency_of(ctx)), quotas=await _shown(ctx, set_)
        )


async def _shown(ctx: Context, quotas: Sequence[StoredQuota]) -> list[Quota]:
    calendar = await ctx.calendar()
    rows = await quotas_by_id(ctx, [quota.quota_id for quota in quotas])
    return [Quota.of(row, calendar=calendar) for row in rows if row]


async def _items(ctx: Context, items: Sequence[QuotaInput]) -> list[QuotaItem]:
    """Raises `Rejected` with each period that is none, by its path. A subject that is not known stays nobody."""
    subjects = await _subjects(ctx, [item.subject for item in items])
    wanted, problems = [], []
    for i, (item, (subject, subject_id)) in enumerate(zip(items, subjects, strict=True)):
        try:
            period = await named_period(ctx, item.period)
        except ValueError as error:
            problems.append(Problem("INVALID", f"{error}.", ("items", str(i), "period")))
            continue
        wanted.append(
            QuotaItem(
                subject,
                subject_id,
                item.measure,
                period,
                item.terms(item.amount),
                kpi_of(item.measure, item.kpi_id) if item.kpi_id or item.measure is not Measure.KPI else None,
                item.currency,
                item.note,
                item.expected_version,
            )
        )
    if problems:
        raise Rejected(*problems)
    return wanted


async def _subjects(ctx: Context, given: Sequence[QuotaSubjectInput]) -> list[tuple[Subject, UUID]]:
    named = [subject.named(ctx.viewer.org_id) for subject in given]
    by_key = [(i, subject, external_id) for i, (subject, _, external_id) in enumerate(named) if external_id]
    found: dict[int, UUID] = {}
    if by_key:
        columns = (list(column) for column in zip(*by_key, strict=True))
        rows = await ctx.fetch(_attainment.subjects_by_external_id, *columns)
        found = {row["position"]: row["id"] for row in rows}
    return [(subject, known or found.get(i) or NO_KPI) for i, (subject, known, _) in enumerate(named)]


async def _request(ctx: Context, given: QuotaPlanInput) -> PlanRequest:
    try:
        period = await named_period(ctx, given.period)
    except ValueError as error:
        raise reject("INVALID", f"{error}.", "input", "period") from None
    method, total, growth, periods = PlanMethod.EVEN, None, Decimal(0), 4
    if given.method.even:
        total = given.method.even.total
    elif given.method.history:
        method, total, periods = PlanMethod.HISTORY, given.method.history.total, given.method.history.periods
    elif given.method.growth:
        method, growth, periods = PlanMethod.GROWTH, given.method.growth.growth, given.method.growth.periods
    team_id = None if given.team_id is None else uuid_of(given.team_id, "Team") or NO_KPI
    return PlanRequest(
        given.name,
        Subject.TEAM if team_id else Subject.ORGANIZATION,
        team_id or ctx.viewer.org_id,
        given.measure,
        period,
        method,
        total,
        growth,
        periods,
        given.over_assignment,
        given.terms(Decimal(0)),
    )
