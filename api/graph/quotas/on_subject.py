"""What reps, teams and territories show of quotas and attainment: mixins for their types."""

from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.extensions import FieldExtension

from api.auth import Requires
from api.context import Info
from api.graph.quotas.loaders import quotas_of
from api.graph.quotas.types import Attainment, Quota, attainment_at
from api.periods import PeriodInput, period_of
from api.relay import uuid_of
from domain.org.model import Scope
from domain.quotas.model import NO_KPI, AttainmentKey, Measure, Subject

_SCOPE: list[FieldExtension] = [Requires(Scope.QUOTAS_READ)]

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


async def _quotas(info: Info, subject: Subject, subject_id: UUID, given: PeriodInput) -> list[Quota]:
    period = await period_of(info.context, given)
    calendar = await info.context.calendar()
    rows = await info.context.load(quotas_of, (subject, subject_id, period.starts_on, period.ends_on))
    return [Quota.of(row, calendar) for row in rows]


async def _attainment(
    info: Info, subject: Subject, subject_id: UUID, given: PeriodInput, measure: Measure, kpi_id: strawberry.ID | None
) -> Attainment | None:
    period = await period_of(info.context, given)
    key = AttainmentKey(subject, subject_id, measure, kpi_of(measure, kpi_id), period.kind, period.starts_on)
    return await attainment_at(info.context, key)


@strawberry.type
class QuotasOnRep:
    rep_id: strawberry.Private[UUID]

    @strawberry.field(description="Its quotas of periods that share a day with this one.", extensions=_SCOPE)
    async def quotas(self, info: Info, period: PeriodArgument) -> list[Quota]:
        return await _quotas(info, Subject.REP, self.rep_id, period)

    @strawberry.field(
        description="How far it got. Null when quotas are set for no period of exactly these days, when it has neither "
        "quota nor anything attained, and when the viewer does not see it.",
        extensions=_SCOPE,
    )
    async def attainment(
        self, info: Info, period: PeriodArgument, measure: MeasureArgument = Measure.REVENUE, kpi_id: KpiArgument = None
    ) -> Attainment | None:
        return await _attainment(info, Subject.REP, self.rep_id, period, measure, kpi_id)


@strawberry.type
class QuotasOnTeam:
    team_id: strawberry.Private[UUID]

    @strawberry.field(description="Its own quotas of periods that share a day with this one.", extensions=_SCOPE)
    async def quotas(self, info: Info, period: PeriodArgument) -> list[Quota]:
        return await _quotas(info, Subject.TEAM, self.team_id, period)

    @strawberry.field(
        description="How far it got with the teams below it. Null as on a rep.",
        extensions=_SCOPE,
    )
    async def attainment(
        self, info: Info, period: PeriodArgument, measure: MeasureArgument = Measure.REVENUE, kpi_id: KpiArgument = None
    ) -> Attainment | None:
        return await _attainment(info, Subject.TEAM, self.team_id, period, measure, kpi_id)


@strawberry.type
class QuotasOnTerritory:
    territory_id: strawberry.Private[UUID]

    @strawberry.field(
        description="Its own quotas of periods that share a day with this one. For those who see everybody.",
        extensions=_SCOPE,
    )
    async def quotas(self, info: Info, period: PeriodArgument) -> list[Quota]:
        return await _quotas(info, Subject.TERRITORY, self.territory_id, period)

    @strawberry.field(
        description="What was won in it and in the territories below. Null as on a rep; for those who see everybody.",
        extensions=_SCOPE,
    )
    async def attainment(
        self, info: Info, period: PeriodArgument, measure: MeasureArgument = Measure.REVENUE, kpi_id: KpiArgument = None
    ) -> Attainment | None:
        return await _attainment(info, Subject.TERRITORY, self.territory_id, period, measure, kpi_id)
