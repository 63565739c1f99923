"""KPIs and templates as the graph shows them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry

import api.graph.pipeline.enums  # noqa: F401 - describes DealStatus
from api.context import Context, Reads, Unchanging, common
from api.graph.scorecards.enums import FormulaType
from api.graph.scorecards.loaders import (
    Version,
    all_kpi_versions,
    all_template_versions,
    kpi_versions,
    kpis_now,
    lines_of,
    template_versions,
    templates_now,
)
from api.loaders import column, loads
from api.relay import Node, global_id, nodes_by_uuid
from api.scalars import Ratio
from domain.calendar import PeriodKind
from domain.org.model import Scope
from domain.pipeline.model import DealStatus
from domain.scorecards import formula as formulas
from domain.scorecards.formula import Dated, Facts, Field, Measure, Response
from domain.scorecards.model import Category, Direction, Unit
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
    def of(cls, formula: formulas.Formula) -> "KpiFormula":
        """As the domain has it."""
        kind = FormulaType(formulas.formula_type(formula))
        match formula:
            case formulas.Ratio(one, other) | formulas.Product(one, other):
                return cls(type=kind, terms=[cls.of(one), cls.of(other)])
            case formulas.QuotaLeft(measure, period):
                return cls(type=kind, measure=measure, period=period)
            case formulas.Sla(until, minutes, where):
                return cls(type=kind, facts=Facts.LEAD, until=until, within_minutes=minutes, where=_filter(where))
            case formulas.Count(facts, dated, where):
                return cls(type=kind, facts=facts, dated=dated, where=_filter(where))
            case _:
                return cls(
                    type=kind,
                    facts=formula.facts,
                    field=formula.field,
                    dated=formula.dated,
                    where=_filter(formula.where),
                )


def _filter(where: formulas.Filter) -> KpiFilter:
    return KpiFilter(
        kinds=list(where.kinds),
        outcomes=list(where.outcomes),
        channels=list(where.channels),
        statuses=[DealStatus(status) for status in where.statuses],
        products=list(where.products),
    )


@common
async def kpis_by_id(reads: Reads, ids: Sequence[UUID]) -> "list[Kpi | None]":
    """KPIs as they are defined today."""
    return [Kpi.of(row) if row else None for row in await kpis_now(reads, ids)]


@Unchanging
async def kpis_of_versions(reads: Reads, versions: Sequence[Version]) -> "list[Kpi]":
    """Certain versions of KPIs, which exist."""
    return [Kpi.of(row) for row in await kpi_versions(reads, versions)]


async def _versions_of_kpis(ctx: Context, ids: Sequence[UUID]) -> "list[list[Kpi]]":
    return [[Kpi.of(row) for row in rows] for rows in await all_kpi_versions(ctx, ids)]


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

    versions: list["Kpi"] = loads(_versions_of_kpis, "kpi_id", description="Every version, the newest first.")

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
            formula=KpiFormula.of(formulas.formula_from_json(row["formula"])),
            created_at=row["created_at"],
        )


@strawberry.type(description="A KPI on a scorecard template.")
class ScorecardTemplateKpi:
    kpi_uuid: strawberry.Private[UUID]
    weight: Decimal = strawberry.field(description="Its weight in the score, relative to the others'.")
    weekly_target: Decimal = strawberry.field(description="What is expected of a full week, in the KPI's unit.")
    on_track: Ratio = strawberry.field(description="From this ratio up it is ON_TRACK.")
    at_risk: Ratio = strawberry.field(description="From this ratio up it is AT_RISK, below OFF_TRACK.")

    # A template names only KPIs that there are.
    kpi: Kpi = loads(kpis_by_id, "kpi_uuid", description="The KPI, as it is defined today.")

    @classmethod
    def of(cls, row: Record) -> "ScorecardTemplateKpi":
        """From a line of a version of a template."""
        return cls(
            kpi_uuid=row["kpi_id"],
            weight=row["weight"],
            weekly_target=row["weekly_target"],
            on_track=Ratio(row["on_track"]),
            at_risk=Ratio(row["at_risk"]),
        )


@Unchanging
async def templates_of_versions(reads: Reads, versions: Sequence[Version]) -> "list[ScorecardTemplate]":
    """Certain versions of templates, which exist."""
    return [ScorecardTemplate.of(row) for row in await template_versions(reads, versions)]


async def _versions_of_templates(ctx: Context, ids: Sequence[UUID]) -> "list[list[ScorecardTemplate]]":
    return [[ScorecardTemplate.of(row) for row in rows] for rows in await all_template_versions(ctx, ids)]


async def _lines_of_templates(ctx: Context, versions: Sequence[Version]) -> list[list[ScorecardTemplateKpi]]:
    return [[ScorecardTemplateKpi.of(row) for row in rows] for rows in await lines_of(ctx, versions)]


async def _team_of_template(ctx: Context, templates: "Sequence[ScorecardTemplate]") -> Sequence[Any]:
    from api.graph.org.types import teams_by_id  # here, because teams show their scorecards

    return await ctx.load_each(teams_by_id, [template.team_uuid for template in templates])


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

    team: LazyTeam | None = column(
        _team_of_template,
        description="The team that it is for, with those below. Null when it is for a role or for everybody, and when "
        "the viewer does not see the team.",
    )
    kpis: list[ScorecardTemplateKpi] = loads(
        _lines_of_templates, "template_id", "version", description="Its KPIs, three to five, in their order."
    )
    versions: list["ScorecardTemplate"] = loads(
        _versions_of_templates, "template_id", description="Every version, the newest first."
    )

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


async def _templates(ctx: Context, ids: Sequence[UUID]) -> list[Node | None]:
    return [ScorecardTemplate.of(row) if row else None for row in await templates_now(ctx, ids)]


nodes_by_uuid("Kpi", Scope.SCORECARDS_READ, kpis_by_id)
nodes_by_uuid("ScorecardTemplate", Scope.SCORECARDS_READ, _templates)
