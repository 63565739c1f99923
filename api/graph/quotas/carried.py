"""Who carries a quota or an attainment."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

import api.graph.quotas.enums  # noqa: F401  describes the enums before the types show them
from api.along import Along, Told
from api.context import Context, Some
from api.graph.scorecards.definitions import Kpi, kpis_by_id
from api.loaders import column, loads
from api.periods import Period
from api.relay import global_id
from api.rows import FromRow, Made, Wanted, keys_of, one_of
from domain.calendar import Calendar, PeriodKind
from domain.quotas.model import (
    NO_KPI,
    Measure,
    Subject,
)
from sql.queries import queries

if TYPE_CHECKING:
    from api.graph.org.types import Rep, Team, Territory

_directory = queries("directory")

LazyRep = Annotated["Rep", strawberry.lazy("api.graph.org.types")]
LazyTeam = Annotated["Team", strawberry.lazy("api.graph.org.types")]
LazyTerritory = Annotated["Territory", strawberry.lazy("api.graph.org.types")]


# Types of `org` name those of this module: what loads them is looked up when it is called.
_subjects = keys_of("subject", "subject_id")


def _ids(carried: "Sequence[Carried]", subject: Subject) -> list[UUID | None]:
    return [one_id if kind is subject else None for kind, one_id in _subjects(carried)]


async def _rep(ctx: Context, carried: "Sequence[Carried]", wanted: Wanted = None) -> "Sequence[Rep | None]":
    from api.graph.org.types import Rep, reps_by_id

    return await ctx.load_each(Some(reps_by_id, Rep.columns(wanted, "rep_id")), _ids(carried, Subject.REP))


def _rep_kind() -> "type[Rep]":
    from api.graph.org.types import Rep

    return Rep


async def _reps_told(ctx: Context) -> Told | None:
    from api.graph.org.types import reps_told

    return await reps_told(ctx)


async def _team(ctx: Context, carried: "Sequence[Carried]") -> "Sequence[Team | None]":
    from api.graph.org.types import teams_by_id

    return await ctx.load_each(teams_by_id, _ids(carried, Subject.TEAM))


async def _territory(ctx: Context, carried: "Sequence[Carried]") -> "Sequence[Territory | None]":
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
        _rep,
        needs=_SUBJECT,
        along=Along(_rep_kind, _directory.rep_of_subject, ["subject_id", "subject"], _reps_told, of="subject_id"),
        description="The rep. Null when the subject is another kind, or not seen.",
    )
    team: LazyTeam | None = column(
        _team, needs=_SUBJECT, description="The team. Null when the subject is another kind, or not seen."
    )
    territory: LazyTerritory | None = column(
        _territory, needs=_SUBJECT, description="The territory. Null when the subject is another kind."
    )


class OfPeriod(FromRow):
    """A view of a row whose period the calendar has to name: `of(row, calendar=...)`."""

    shared = ("calendar",)


def _kpi(kpi_id: UUID) -> UUID | None:
    return None if kpi_id == NO_KPI else kpi_id


def _period(calendar: Calendar, kind: str, starts_on: date, ends_on: date) -> Period:
    period = Period.of(calendar.period(PeriodKind(kind), starts_on))
    period.starts_on, period.ends_on = starts_on, ends_on
    return period


CARRIED = {
    "subject": one_of(Subject, "subject"),
    "measure": one_of(Measure, "measure"),
    "kpi_uuid": Made(_kpi, ["kpi_id"]),
    "period": Made(_period, ["calendar", "period_kind", "starts_on", "ends_on"]),
}
"""The fields of `Carried` from a row."""
