"""KPIs, templates and scorecards as the graph shows them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry

import api.graph.pipeline.enums  # noqa: F401 - describes DealStatus
from api.context import Context, Info
from api.explain import ExplainStep, explain_steps
from api.graph.scorecards.enums import FormulaType
from api.graph.scorecards.loaders import (
    Key,
    all_kpi_versions,
    all_template_versions,
    explanations,
    kpi_versions,
    kpis_now,
    lines_of,
    results_of,
    scorecards,
    series_of,
    template_versions,
    templates_now,
)
from api.relay import Node, global_id, node_loader, nodes_by_uuid
from api.scalars import Ratio
from domain.calendar import PeriodKind
from domain.org.model import Scope
from domain.pipeline.model import DealStatus
from domain.scorecards import model
from domain.scorecards.explain import Asked
from domain.scorecards.model import (
    Category,
    Dated,
    Direction,
    Facts,
    Field,
    Measure,
    Response,
    Status,
    Subject,
    Unit,
)
from sql.pool import Record

LazyRep = Annotated["Rep", strawberry.lazy("api.graph.org.types")]  # type: ignore[name-defined]  # noqa: F821
LazyTeam = Annotated["Team", strawberry.lazy("api.graph.org.types")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="Which facts a formula counts; an empty list does not restrict.")
class KpiFilter:
    kinds: list[str] = strawberry.field(description="Kinds of activities.")
    outcomes: list[str] = strawberry.field(description="Outcomes of activities.")
    channels: list[str] = strawberry.field(description="Channels of leads.")
    statuses: list[DealStatus] = strawberry.field(description="Statuses of deals.")
    products: list[str] = strawberry.field(description="Products of deals.")


@strawberry.type(description="How a KPI is computed: what it measures, or the formulas that it combines.")
class KpiFormula:
    type: FormulaType = strawberry.field(description="The kind of formula; it says which of the fields are set.")
    facts: Facts | None = strawberry.field(default=None, description="What it reads. Null for combinations.")
    field: Field | None = strawberry.field(default=None, description="What it sums or averages; otherwise null.")
    dated: Dated | None = strawberry.field(default=None, description="Which day decides. Null for combinations.")
    where: KpiFilter | None = strawberry.field(default=None, description="Which facts. Null for combinations.")
    until: Response | None = strawberry.field(default=None, description="What stops the clock of an SLA; else null.")
    within_minutes: int | None = strawberry.field(
        default=None, description="Business minutes that an SLA allows; otherwise null."
    )
    measure: Measure | None = strawberry.field(default=None, description="What the quota is set in; otherwise null.")
    period: PeriodKind | None = strawberry.field(default=None, description="The quota's period; otherwise null.")
    terms: list["KpiFormula"] = strawberry.field(
        default_factory=list, description="Numerator and denominator, or the two factors; empty for a measure."
    )

    @classmethod
    def of(cls, formula: model.Formula) -> "KpiFormula":
        """As the domain has it."""
        kind = FormulaType(model.formula_type(formula))
        match formula:
            case model.Ratio(one, other) | model.Product(one, other):
                return cls(type=kind, terms=[cls.of(one), cls.of(other)])
            case model.QuotaLeft(measure, period):
                return cls(type=kind, measure=measure, period=period)
            case model.Sla(until, minutes, where):
                return cls(type=kind, facts=Facts.LEAD, until=until, within_minutes=minutes, where=_filter(where))
            case model.Count(facts, dated, where):
                return cls(type=kind, facts=facts, dated=dated, where=_filter(where))
            case _:
                return cls(
                    type=kind,
                    facts=formula.facts,
                    field=formula.field,
                    dated=formula.dated,
                    where=_filter(formula.where),
                )


def _filter(where: model.Filter) -> KpiFilter:
    return KpiFilter(
        kinds=list(where.kinds),
        outcomes=list(where.outcomes),
        channels=list(where.channels),
        statuses=[DealStatus(status) for status in where.statuses],
        products=list(where.products),
    )


@strawberry.type(description="Something that is measured each week, as one of its versions defines it.")
class Kpi(Node):
    kpi_id: strawberry.Private[UUID]
    key: str = strawberry.field(description="The organisation's own name for it; the same in every version.")
    version: int = strawberry.field(description="Counts its definitions, from 1.")
    valid_from: date = strawberry.field(description="The version holds for weeks that begin on this day or later.")
    name: str = strawberry.field(description="What people call it.")
    description: str = strawberry.field(description="What it means.")
    category: Category = strawberry.field(description="What it tells of.")
    unit: Unit = strawberry.field(description="What its values count.")
    direction: Direction = strawberry.field(description="Which way is better.")
    leading: bool = strawberry.field(description="Whether it moves before the outcome does.")
    prorated: bool = strawberry.field(description="Whether its weekly target shrinks with the workdays available.")
    window_weeks: int = strawberry.field(description="So many weeks the value of a week looks at, that one included.")
    formula: KpiFormula = strawberry.field(description="How it is computed.")
    created_at: datetime = strawberry.field(description="When this version was defined.")

    @strawberry.field(description="Every version, the newest first.")
    async def versions(self, info: Info) -> list["Kpi"]:
        return [Kpi.of(row) for row in await info.context.load(all_kpi_versions, self.kpi_id)]

    @classmethod
    def of(cls, row: Record) -> "Kpi":
        """From a row of a version."""
        return cls(
            id=global_id("Kpi", row["kpi_id"]),
            kpi_id=row["kpi_id"],
            key=row["key"],
            version=row["version"],
            valid_from=row["valid_from"],
            name=row["name"],
            description=row["description"],
            category=Category(row["category"]),
            unit=Unit(row["unit"]),
            direction=Direction(row["direction"]),
            leading=row["is_leading"],
            prorated=row["prorated"],
            window_weeks=row["window_weeks"],
            formula=KpiFormula.of(model.formula_from_json(row["formula"])),
            created_at=row["created_at"],
        )


@strawberry.type(description="A KPI on a scorecard template.")
class ScorecardTemplateKpi:
    kpi_uuid: strawberry.Private[UUID]
    weight: Decimal = strawberry.field(description="Its weight in the score, relative to the others'.")
    weekly_target: Decimal = strawberry.field(description="What is expected of a full week, in the KPI's unit.")
    on_track: Ratio = strawberry.field(description="From this ratio up it is ON_TRACK.")
    at_risk: Ratio = strawberry.field(description="From this ratio up it is AT_RISK, below OFF_TRACK.")

    @strawberry.field(description="The KPI, as it is defined today.")
    async def kpi(self, info: Info) -> Kpi:
        row: Any = await info.context.load(kpis_now, self.kpi_uuid)  # a template names only KPIs that there are
        return Kpi.of(row)


@strawberry.type(description="Which KPIs a scorecard has, for whom, with which weights and targets: one version of it.")
class ScorecardTemplate(Node):
    template_id: strawberry.Private[UUID]
    team_uuid: strawberry.Private[UUID | None]
    key: str = strawberry.field(description="The organisation's own name for it; the same in every version.")
    version: int = strawberry.field(description="Counts its publications, from 1.")
    valid_from: date = strawberry.field(description="The version holds for weeks that begin on this day or later.")
    name: str = strawberry.field(description="What people call it.")
    role: str | None = strawberry.field(description="The job role that it is for. Null when it is not for one.")
    created_at: datetime = strawberry.field(description="When this version was published.")

    @strawberry.field(
        description="The team that it is for, with those below. Null when it is for a role or for everybody, and when "
        "the viewer does not see the team."
    )
    async def team(self, info: Info) -> LazyTeam | None:
        from api.graph.org.types import teams_by_id

        return await info.context.load(teams_by_id, self.team_uuid) if self.team_uuid else None

    @strawberry.field(description="Its KPIs, three to five, in their order.")
    async def kpis(self, info: Info) -> list[ScorecardTemplateKpi]:
        return [
            ScorecardTemplateKpi(
                kpi_uuid=row["kpi_id"],
                weight=row["weight"],
                weekly_target=row["weekly_target"],
                on_track=Ratio(row["on_track"]),
                at_risk=Ratio(row["at_risk"]),
            )
            for row in await info.context.load(lines_of, (self.template_id, self.version))
        ]

    @strawberry.field(description="Every version, the newest first.")
    async def versions(self, info: Info) -> list["ScorecardTemplate"]:
        rows = await info.context.load(all_template_versions, self.template_id)
        return [ScorecardTemplate.of(row) for row in rows]

    @classmethod
    def of(cls, row: Record) -> "ScorecardTemplate":
        """From a row of a version."""
        return cls(
            id=global_id("ScorecardTemplate", row["template_id"]),
            template_id=row["template_id"],
            team_uuid=row["team_id"],
            key=row["key"],
            version=row["version"],
            valid_from=row["valid_from"],
            name=row["name"],
            role=row["role"],
            created_at=row["created_at"],
        )


@strawberry.type(description="A week of a KPI's series.")
class KpiWeek:
    week: date = strawberry.field(description="The first day of the week.")
    value: Decimal | None = strawberry.field(description="The value. Null where there was none.")
    target: Decimal | None = strawberry.field(description="The target of that week.")
    ratio: Ratio | None = strawberry.field(description="The value to the target. Null as on `KpiResult`.")
    status: Status = strawberry.field(description="How it stood.")


@strawberry.type(description="A KPI on a scorecard of a week. Kept up to date by the workers.")
class KpiResult:
    asked: strawberry.Private[Asked]
    kpi_version: int = strawberry.field(description="The version of the KPI that was used.")
    weight: Decimal = strawberry.field(description="Its weight in the score, relative to the others'.")
    value: Decimal | None = strawberry.field(
        description="The value, in the KPI's unit; of a running week what there is by now. Null over no facts."
    )
    numerator: Decimal | None = strawberry.field(description="What a rate has above the line. Null for a median.")
    denominator: Decimal | None = strawberry.field(description="What a rate has below. Null for counts and sums.")
    sample: int = strawberry.field(description="How many facts the value rests on.")
    target: Decimal | None = strawberry.field(
        description="The target of the week, prorated by the workdays available; a team's is the sum of its members' "
        "where values add up."
    )
    ratio: Ratio | None = strawberry.field(
        description="Value / target, or target / value where lower is better: 1 is par, more is better. Null without a "
        "value, with a target of 0, and for a value of 0 where lower is better."
    )
    gap: Decimal | None = strawberry.field(
        description="How far ahead of the target, negative when behind, in the KPI's unit. Null without a value."
    )
    status: Status = strawberry.field(description="How it stands.")
    trend: Ratio | None = strawberry.field(
        description="Relative change against the mean of the four weeks before: 0.1 is a tenth up, whichever way is "
        "better. Null with fewer than two such weeks."
    )
    computed_at: datetime = strawberry.field(description="When these numbers became what they are.")
    inputs_through: datetime = strawberry.field(description="The latest change of facts that they include.")

    @strawberry.field(description="The KPI, in the version that was used.")
    async def kpi(self, info: Info) -> Kpi:
        return Kpi.of(await info.context.load(kpi_versions, (self.asked.kpi_id, self.kpi_version)))

    @strawberry.field(description="Whether the KPI moves before the outcome does.")
    async def leading(self, info: Info) -> bool:
        row = await info.context.load(kpi_versions, (self.asked.kpi_id, self.kpi_version))
        return bool(row["is_leading"])

    @strawberry.field(description="This week and those before it, twelve at most, the oldest first.")
    async def series(self, info: Info) -> list[KpiWeek]:
        return [
            KpiWeek(
                week=row["week"],
                value=row["value"],
                target=row["target"],
                ratio=row["ratio"],
                status=Status(row["status"]),
            )
            for row in await info.context.load(series_of, self.asked)
        ]

    @strawberry.field(description="How the numbers come about, down to facts and versions, computed now.")
    async def explain(self, info: Info) -> list[ExplainStep]:
        return explain_steps(await info.context.load(explanations, self.asked))

    @classmethod
    def of(cls, row: Record) -> "KpiResult":
        """From a stored result."""
        return cls(
            asked=Asked(Subject(row["subject"]), row["subject_id"], row["week"], row["kpi_id"]),
            kpi_version=row["kpi_version"],
            weight=row["weight"],
            value=row["value"],
            numerator=row["numerator"],
            denominator=row["denominator"],
            sample=row["sample"],
            target=row["target"],
            ratio=row["ratio"],
            gap=row["gap"],
            status=Status(row["status"]),
            trend=row["trend"],
            computed_at=row["computed_at"],
            inputs_through=row["inputs_through"],
        )


@strawberry.type(description="A week of a rep or a team. Kept up to date by the workers.")
class Scorecard(Node):
    key: strawberry.Private[Key]
    template_version: strawberry.Private[tuple[UUID, int]]
    subject: Subject = strawberry.field(description="Whose it is.")
    week: date = strawberry.field(description="The first day of the week.")
    workdays: int = strawberry.field(description="Workdays of the week; of a team, of all its members together.")
    workdays_available: int = strawberry.field(
        description="Those of them on which the rep was there: hired, not gone, not on leave."
    )
    score: Decimal | None = strawberry.field(
        description="100 times the weighted mean of the ratios, uncapped: 100 is every KPI at par. KPIs without a "
        "ratio are left out; null when none has one."
    )
    status: Status = strawberry.field(description="The score between the weighted thresholds of its KPIs.")
    calendar_version: int = strawberry.field(description="The version of the calendar that was used.")
    computed_at: datetime = strawberry.field(description="When these numbers became what they are.")
    inputs_through: datetime = strawberry.field(description="The latest change of facts that they include.")

    @strawberry.field(description="The rep. Null on a team's, or when the viewer does not see it today.")
    async def rep(self, info: Info) -> LazyRep | None:
        from api.graph.org.types import reps_by_id

        return await info.context.load(reps_by_id, self.key.subject_id) if self.subject is Subject.REP else None

    @strawberry.field(description="The team. Null on a rep's, or when the viewer does not see it today.")
    async def team(self, info: Info) -> LazyTeam | None:
        from api.graph.org.types import teams_by_id

        return await info.context.load(teams_by_id, self.key.subject_id) if self.subject is Subject.TEAM else None

    @strawberry.field(description="The template, in the version that was used.")
    async def template(self, info: Info) -> ScorecardTemplate:
        return ScorecardTemplate.of(await info.context.load(template_versions, self.template_version))

    @strawberry.field(description="Its KPIs, in the template's order.")
    async def results(self, info: Info) -> list[KpiResult]:
        return [KpiResult.of(row) for row in await info.context.load(results_of, self.key)]

    @classmethod
    def of(cls, row: Record) -> "Scorecard":
        """From a stored scorecard."""
        key = Key(Subject(row["subject"]), row["subject_id"], row["week"])
        return cls(
            id=global_id("Scorecard", key),
            key=key,
            template_version=(row["template_id"], row["template_version"]),
            subject=key.subject,
            week=key.week,
            workdays=row["workdays"],
            workdays_available=row["workdays_available"],
            score=row["score"],
            status=Status(row["status"]),
            calendar_version=row["calendar_version"],
            computed_at=row["computed_at"],
            inputs_through=row["inputs_through"],
        )


async def scorecard_at(ctx: Context, subject: Subject, subject_id: UUID, day: date | None) -> Scorecard | None:
    """The scorecard of the day's week (default: the current one). None when there is none, or it is not seen."""
    calendar = await ctx.calendar()
    key = Key(subject, subject_id, calendar.week(day or calendar.local_day(ctx.now)))
    row = await ctx.load(scorecards, key)
    return Scorecard.of(row) if row else None


async def _kpis(ctx: Context, ids: Sequence[UUID]) -> list[Node | None]:
    return [Kpi.of(row) if row else None for row in await kpis_now(ctx, ids)]


async def _templates(ctx: Context, ids: Sequence[UUID]) -> list[Node | None]:
    return [ScorecardTemplate.of(row) if row else None for row in await templates_now(ctx, ids)]


nodes_by_uuid("Kpi", Scope.SCORECARDS_READ, _kpis)
nodes_by_uuid("ScorecardTemplate", Scope.SCORECARDS_READ, _templates)


@node_loader("Scorecard", Scope.SCORECARDS_READ)
async def _scorecard_nodes(ctx: Context, keys: Sequence[str]) -> list[Any]:
    parsed = [Key.parse(key) for key in keys]
    known = [key for key in parsed if key]
    rows = dict(zip(known, await scorecards(ctx, known), strict=True)) if known else {}
    return [Scorecard.of(row) if key and (row := rows[key]) else None for key in parsed]
