"""KPIs defined and scorecard templates published."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import writes
from api.context import Info
from api.errors import Payload
from api.graph.scorecards.definitions import Kpi, ScorecardTemplate
from api.graph.scorecards.loaders import kpi_versions, template_versions
from api.relay import uuid_of
from api.scalars import Ratio
from domain.calendar import PeriodKind
from domain.errors import reject
from domain.org.model import Scope
from domain.pipeline.model import DealStatus
from domain.scorecards import actions
from domain.scorecards import formula as formulas
from domain.scorecards.formula import Dated, Facts, Field, Formula, Measure, Response
from domain.scorecards.model import Category, Definition, Direction, Line, Unit

_DEFAULT = Line(UUID(int=0), Decimal(1), Decimal(1))
_DEPTH = 4


@strawberry.input(description="Which facts count; what is left out does not restrict.")
class KpiFilterInput:
    kinds: list[str] = strawberry.field(default_factory=list, description="Kinds of activities, for example CALL.")
    outcomes: list[str] = strawberry.field(default_factory=list, description="Outcomes of activities.")
    channels: list[str] = strawberry.field(default_factory=list, description="Channels of leads.")
    statuses: list[DealStatus] = strawberry.field(default_factory=list, description="Statuses of deals.")
    products: list[str] = strawberry.field(default_factory=list, description="Products of deals.")

    def meant(self) -> formulas.Filter:
        """As the domain has it."""
        return formulas.Filter(
            tuple(self.kinds),
            tuple(self.outcomes),
            tuple(self.channels),
            tuple(status.value for status in self.statuses),
            tuple(self.products),
        )


@strawberry.input(description="The number of facts.")
class KpiCountInput:
    facts: Facts = strawberry.field(description="What to count.")
    dated: Dated = strawberry.field(
        default=Dated.OCCURRED, description="Which day decides; deals and credits need OPENED, CLOSED or OPEN."
    )
    where: KpiFilterInput = strawberry.field(default_factory=KpiFilterInput, description="Which facts.")


@strawberry.input(description="A field of facts, summed or averaged.")
class KpiFieldInput:
    facts: Facts = strawberry.field(description="What to read.")
    field: Field = strawberry.field(description="The number; it must be one that such facts have.")
    dated: Dated = strawberry.field(
        default=Dated.OCCURRED, description="Which day decides; deals and credits need OPENED, CLOSED or OPEN."
    )
    where: KpiFilterInput = strawberry.field(default_factory=KpiFilterInput, description="Which facts.")


@strawberry.input(description="The share of leads that were answered in time.")
class KpiSlaInput:
    until: Response = strawberry.field(description="What stops the clock.")
    within_minutes: int = strawberry.field(description="Business minutes from the arrival.")
    where: KpiFilterInput = strawberry.field(default_factory=KpiFilterInput, description="Which leads.")


@strawberry.input(description="What is left of a quota at the end of the week.")
class KpiQuotaLeftInput:
    measure: Measure = strawberry.field(description="What the quota is set in.")
    period: PeriodKind = strawberry.field(description="MONTH, QUARTER or YEAR: the quota's period that holds that day.")


@strawberry.input(description="One formula over another.")
class KpiRatioInput:
    numerator: "KpiFormulaInput" = strawberry.field(description="Above the line.")
    denominator: "KpiFormulaInput" = strawberry.field(description="Below the line; over nothing the KPI is null.")


@strawberry.input(description="One formula times another.")
class KpiProductInput:
    left: "KpiFormulaInput" = strawberry.field(description="One factor.")
    right: "KpiFormulaInput" = strawberry.field(description="The other.")


@strawberry.input(one_of=True, description="How a KPI is computed: one of these.")
class KpiFormulaInput:
    count: KpiCountInput | None = strawberry.field(default=strawberry.UNSET, description="The number of facts.")
    sum: KpiFieldInput | None = strawberry.field(default=strawberry.UNSET, description="A sum; 0 over nothing.")
    mean: KpiFieldInput | None = strawberry.field(default=strawberry.UNSET, description="A mean; null over nothing.")
    median: KpiFieldInput | None = strawberry.field(default=strawberry.UNSET, description="A median.")
    sla: KpiSlaInput | None = strawberry.field(default=strawberry.UNSET, description="Compliance with an SLA.")
    quota_left: KpiQuotaLeftInput | None = strawberry.field(
        default=strawberry.UNSET, description="What is left of a quota."
    )
    ratio: KpiRatioInput | None = strawberry.field(default=strawberry.UNSET, description="One over another.")
    product: KpiProductInput | None = strawberry.field(default=strawberry.UNSET, description="One times another.")

    def meant(self, depth: int = 0) -> Formula:
        """As the domain has it. Raises `Rejected` for formulas within formulas within formulas."""
        if depth > _DEPTH:
            raise reject("TOO_DEEP", "Ratios and products nest at most three deep.", "input", "formula")
        if self.ratio:
            return formulas.Ratio(self.ratio.numerator.meant(depth + 1), self.ratio.denominator.meant(depth + 1))
        if self.product:
            return formulas.Product(self.product.left.meant(depth + 1), self.product.right.meant(depth + 1))
        if self.sla:
            return formulas.Sla(self.sla.until, self.sla.within_minutes, self.sla.where.meant())
        if self.quota_left:
            return formulas.QuotaLeft(self.quota_left.measure, self.quota_left.period)
        if self.count:
            return formulas.Count(self.count.facts, self.count.dated, self.count.where.meant())
        made: Callable[..., Formula]
        for given, made in ((self.sum, formulas.Sum), (self.mean, formulas.Mean), (self.median, formulas.Median)):
            if given:
                return made(given.facts, given.field, given.dated, given.where.meant())
        raise reject("REQUIRED", "Name one formula.", "input", "formula")


@strawberry.input(description="A KPI, or the next version of the one that has this key.")
class KpiDefineInput:
    key: str = strawberry.field(description="The organisation's own name: a-z, 0-9 and _. It is the same ever after.")
    name: str = strawberry.field(description="What people call it.")
    description: str = strawberry.field(default="", description="What it means; at most 2,000 characters.")
    category: Category = strawberry.field(description="What it tells of; the same in every version.")
    unit: Unit = strawberry.field(description="What its values count; the same in every version.")
    direction: Direction = strawberry.field(default=Direction.HIGHER_IS_BETTER, description="Which way is better.")
    leading: bool = strawberry.field(default=False, description="Whether it moves before the outcome does.")
    prorated: bool = strawberry.field(
        default=False,
        description="Whether the weekly target shrinks with the workdays available: counts and sums only.",
    )
    window_weeks: int = strawberry.field(
        default=1, description="So many weeks the value of a week looks at, that one included; at most 52."
    )
    formula: KpiFormulaInput = strawberry.field(description="How it is computed.")
    valid_from: date | None = strawberry.field(
        default=None, description="For weeks that begin on this day or later; the current week by default."
    )


@strawberry.input(description="A KPI on a scorecard.")
class ScorecardTemplateKpiInput:
    kpi_id: strawberry.ID = strawberry.field(description="The KPI.")
    weight: Decimal = strawberry.field(description="Its weight in the score, relative to the others'.")
    weekly_target: Decimal = strawberry.field(description="What is expected of a full week, in the KPI's unit.")
    on_track: Ratio = strawberry.field(
        default=Ratio(_DEFAULT.on_track), description="From this ratio up it is ON_TRACK."
    )
    at_risk: Ratio = strawberry.field(
        default=Ratio(_DEFAULT.at_risk), description="From this ratio up it is AT_RISK, below OFF_TRACK."
    )


@strawberry.input(description="A scorecard template, or the next version of the one that has this key.")
class ScorecardTemplatePublishInput:
    key: str = strawberry.field(description="The organisation's own name: a-z, 0-9 and _. It is the same ever after.")
    name: str = strawberry.field(description="What people call it.")
    kpis: list[ScorecardTemplateKpiInput] = strawberry.field(
        description="Three to five, in their order; at least one of each category."
    )
    team_id: strawberry.ID | None = strawberry.field(
        default=None, description="For this team and those below. With neither team nor role, for everybody."
    )
    role: str | None = strawberry.field(default=None, description="For this job role.")
    valid_from: date | None = strawberry.field(
        default=None, description="For weeks that begin on this day or later; the current week by default."
    )


@strawberry.type(description="The KPI defined.")
class KpiDefinePayload(Payload):
    kpi: Kpi | None = strawberry.field(default=None, description="The new version. Null when nothing was done.")


@strawberry.type(description="The template published.")
class ScorecardTemplatePublishPayload(Payload):
    scorecard_template: ScorecardTemplate | None = strawberry.field(
        default=None, description="The new version. Null when nothing was done."
    )


@strawberry.type
class ScorecardsMutation:
    @writes(
        Scope.SCORECARDS_WRITE,
        "Defines a KPI, always as a new version: results of earlier weeks keep theirs. Results from its first week on "
        "are computed anew. Defining the same again changes nothing.",
    )
    async def kpi_define(
        self, info: Info, input: Annotated[KpiDefineInput, strawberry.argument(description="What it is.")]
    ) -> KpiDefinePayload:
        definition = Definition(
            key=input.key,
            name=input.name,
            description=input.description,
            category=input.category,
            unit=input.unit,
            formula=input.formula.meant(),
            direction=input.direction,
            leading=input.leading,
            prorated=input.prorated,
            window_weeks=input.window_weeks,
        )
        kpi = await actions.kpi_define(info.context.work(), definition, input.valid_from)
        info.context.forget()
        row = await info.context.load(kpi_versions, (kpi.kpi_id, kpi.version))
        return KpiDefinePayload(user_errors=[], kpi=Kpi.of(row))

    @writes(
        Scope.SCORECARDS_WRITE,
        "Publishes a scorecard template, always as a new version. Refused, with every reason, unless it has three to "
        "five KPIs and at least one of each category. Scorecards from its first week on are computed anew.",
    )
    async def scorecard_template_publish(
        self,
        info: Info,
        input: Annotated[ScorecardTemplatePublishInput, strawberry.argument(description="What it has, and for whom.")],
    ) -> ScorecardTemplatePublishPayload:
        unknown = UUID(int=0)
        template = await actions.template_publish(
            info.context.work(),
            key=input.key,
            name=input.name,
            lines=tuple(
                Line(uuid_of(k.kpi_id, "Kpi") or unknown, k.weight, k.weekly_target, k.on_track, k.at_risk)
                for k in input.kpis
            ),
            team_id=(uuid_of(input.team_id, "Team") or unknown) if input.team_id is not None else None,
            role=input.role,
            valid_from=input.valid_from,
        )
        info.context.forget()
        row = await info.context.load(template_versions, (template.template_id, template.version))
        return ScorecardTemplatePublishPayload(user_errors=[], scorecard_template=ScorecardTemplate.of(row))
