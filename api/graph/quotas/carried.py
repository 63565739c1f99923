"""Who carries a quota or an attainment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

import api.graph.quotas.enums  # noqa: F401  describes the enums before the types show them
from api.context import Context
from api.graph.scorecards.definitions import Kpi, kpis_by_id
from api.loaders import column, loads
from api.periods import Period
from api.relay import global_id
from api.rows import FromRow, Made, one_of
from domain.calendar import Calendar, PeriodKind
from domain.quotas.model import (
    NO_KPI,
    Measure,
    Subject,
)
from sql.pool import Record

if TYPE_CHECKING:
    from api.graph.org.types import Rep, Team, Territory


LazyRep = Annotated["Rep", strawberry.lazy("api.graph.org.types")]
LazyTeam = Annotated["Team", strawberry.lazy("api.graph.org.types")]
LazyTerritory = Annotated["Territory", strawberry.lazy("api.graph.org.types")]


# Types of `org` name those of this module: what loads them is looked up when it is called.
def _ids(carried: "Sequence[Carried]", subject: Subject) -> list[UUID | None]:
    return [one.subject_id if one.subject is subject else None for one in carried]


async def _rep(ctx: Context, carried: "Sequence[Carried]") -> "list[Rep | None]":
    from api.graph.org.types import reps_by_id

    return await ctx.load_each(reps_by_id, _ids(carried, Subject.REP))


async def _team(ctx: Context, carried: "Sequence[Carried]") -> "list[Team | None]":
    from api.graph.org.types import teams_by_id

    return await ctx.load_each(teams_by_id, _ids(carried, Subject.TEAM))


async def _territory(ctx: Context, carried: "Sequence[Carried]") -> "list[Territory | None]":
    from api.graph.org.types import territories_by_id

    return await ctx.load_each(territories_by_id, _ids(carried, Subject.TERRITORY))


_SUBJECT = ("subject", "subject_id")


@strawberry.type(description="Who carries a quota or an attainment, and what is counted.")
class Carried:
    subject: Subject = strawberry.field(description="What kind of subject it is.")
    subject_id: strawberry.Private[UUID]
    measure: Measure = strawberry.field(description="What is counted.")
    kpi_uuid: strawberry.Private[UUID | None]
    period: Period = strawberry.field(description="The period that it is for.")

    @strawberry.field(description="The KPI that is counted. Null unless the measure is KPI.")
    def kpi_id(self) -> strawberry.ID | None:
        return global_id("Kpi", self.kpi_uuid) if self.kpi_uuid else None

    kpi: Kpi | None = loads(
        kpis_by_id, "kpi_uuid", description="The KPI, as it is defined today. Null unless the measure is KPI."
    )
    rep: LazyRep | None = column(
        _rep, needs=_SUBJECT, description="The rep. Null when the subject is another kind, or not seen."
    )
    team: LazyTeam | None = column(
        _team, needs=_SUBJECT, description="The team. Null when the subject is another kind, or not seen."
    )
    territory: LazyTerritory | None = column(
        _territory, needs=_SUBJECT, description="The territory. Null when the subject is another kind."
    )


class OfPeriod(FromRow):
    """A view of a row whose period the calendar has to name."""

    calendar: Calendar

    @classmethod
    def of(cls, row: Record, calendar: Calendar) -> Self:  # type: ignore[override]
        """A view of the row."""
        view = super().of(row)
        view.calendar = calendar
        return view


def _kpi(one: OfPeriod) -> UUID | None:
    kpi_id: UUID = one.row["kpi_id"]
    return None if kpi_id == NO_KPI else kpi_id


def _period(one: OfPeriod) -> Period:
    row = one.row
    period = Period.of(one.calendar.period(PeriodKind(row["period_kind"]), row["starts_on"]))
    period.starts_on, period.ends_on = row["starts_on"], row["ends_on"]
    return period


CARRIED = {
    "subject": one_of(Subject, "subject"),
    "measure": one_of(Measure, "measure"),
    "kpi_uuid": Made(_kpi, ["kpi_id"]),
    "period": Made(_period, ["period_kind", "starts_on", "ends_on"]),
}
"""The fields of `Carried` from a row."""
