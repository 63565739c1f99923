"""What reps, teams and territories show of quotas and attainment: mixins for their types."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.along import Along, Told
from api.auth import Requires
from api.context import Context, Some
from api.engine import Many
from api.graph.quotas.loaders import quotas_of, seen
from api.graph.quotas.types import Attainment, Quota, attainments_at
from api.loaders import column
from api.periods import PeriodInput, period_of
from api.relay import uuid_of
from api.rows import PLACE, Rows, Wanted, keys_of
from domain.org.model import Scope
from domain.quotas.model import NO_KPI, AttainmentKey, Measure, Subject
from sql.queries import queries

_attainment = queries("attainment")

PeriodArgument = Annotated[
    PeriodInput, strawberry.argument(description="A week, month, quarter or year of the fiscal calendar.")
]
MeasureArgument = Annotated[Measure, strawberry.argument(description="What is counted.")]
KpiArgument = Annotated[
    strawberry.ID | None, strawberry.argument(description="The KPI, when the measure is KPI; otherwise left out.")
]


def kpi_of(measure: Measure, kpi_id: strawberry.ID | None) -> UUID | None:
    """The KPI meant; an id that is none is that of a KPI without numbers."""
    return (uuid_of(kpi_id or "", "Kpi") or NO_KPI) if measure is Measure.KPI else None


def _quotas_of(subject: Subject, id_of: str, description: str) -> Any:
    ids = keys_of(id_of)

    async def load(
        ctx: Context, subjects: Sequence[Any], period: PeriodArgument, wanted: Wanted = None
    ) -> Sequence[list[Quota] | None]:
        days = await period_of(ctx, period)
        columns = Quota.columns(wanted, PLACE)
        return await ctx.load_each(Some(_quotas, subject, days.starts_on, days.ends_on, columns), ids(subjects))

    async def tell(ctx: Context, period: PeriodInput) -> Told:
        days = await period_of(ctx, period)
        told = [subject, days.starts_on, days.ends_on, *await seen(ctx)]
        return Told(told, beside={"calendar": await ctx.calendar()})

    along = Along(lambda: Quota, _attainment.quotas_of_subject, [id_of], tell, many=True)
    return column(load, needs=[id_of], along=along, description=description, extensions=[Requires(Scope.QUOTAS_READ)])


async def _quotas(ctx: Context, ids: Sequence[UUID], *of: Any) -> Many[Quota]:
    rows = await quotas_of(ctx, ids, *of)
    return Rows(Quota, rows, calendar=await ctx.calendar()).listed(PLACE, len(ids))


def _attainment_of(subject: Subject, id_of: str, description: str) -> Any:
    ids = keys_of(id_of)

    async def load(
        ctx: Context,
        subjects: Sequence[Any],
        period: PeriodArgument,
        measure: MeasureArgument = Measure.REVENUE,
        kpi_id: KpiArgument = None,
    ) -> Sequence[Attainment | None]:
        days, kpi = await period_of(ctx, period), kpi_of(measure, kpi_id)
        keys = [AttainmentKey(subject, one, measure, kpi, days.kind, days.starts_on) for one in ids(subjects)]
        return await ctx.load_each(attainments_at, keys)

    return column(load, needs=[id_of], description=description, extensions=[Requires(Scope.QUOTAS_READ)])


@strawberry.type
class QuotasOnRep:
    rep_id: strawberry.Private[UUID]
    quotas: list[Quota] | None = _quotas_of(
        Subject.REP, "rep_id", "Its quotas of periods that share a day with this one."
    )
    attainment: Attainment | None = _attainment_of(
        Subject.REP,
        "rep_id",
        "How far it got. Null when quotas are set for no period of exactly these days, when it has neither quota nor "
        "anything attained, and when the viewer does not see it.",
    )


@strawberry.type
class QuotasOnTeam:
    team_id: strawberry.Private[UUID]
    quotas: list[Quota] | None = _quotas_of(
        Subject.TEAM, "team_id", "Its own quotas of periods that share a day with this one."
    )
    attainment: Attainment | None = _attainment_of(
        Subject.TEAM, "team_id", "How far it got with the teams below it. Null as on a rep."
    )


@strawberry.type
class QuotasOnTerritory:
    territory_id: strawberry.Private[UUID]
    quotas: list[Quota] | None = _quotas_of(
        Subject.TERRITORY,
        "territory_id",
        "Its own quotas of periods that share a day with this one. For those who see everybody.",
    )
    attainment: Attainment | None = _attainment_of(
        Subject.TERRITORY,
        "territory_id",
        "What was won in it and in the territories below. Null as on a rep; for those who see everybody.",
    )
