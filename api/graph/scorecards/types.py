"""Scorecards and their results as the graph shows them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID

import strawberry

import api.graph.pipeline.enums  # noqa: F401 - describes DealStatus
from api.along import Along, Told
from api.context import Context, Reads, Some, common
from api.engine import Many, Ones
from api.explain import ExplainStep, explain_steps
from api.graph.scorecards.definitions import Kpi, ScorecardTemplate, kpis_of_versions, templates_of_versions
from api.graph.scorecards.loaders import (
    Key,
    explanations,
    results_of,
    scorecards,
    series_of,
)
from api.loaders import column, loads
from api.relay import Node, global_id, node_loader
from api.rows import PLACE, FromRow, Made, Rows, Wanted, keys_of, one_of
from api.scalars import Ratio
from api.sight import Kind, each
from domain.org.model import Scope
from domain.scorecards.explain import Asked
from domain.scorecards.model import (
    Status,
    Subject,
)
from sql.pool import Record
from sql.queries import Columns, queries

_read = queries("scorecard_read")

LazyRep = Annotated["Rep", strawberry.lazy("api.graph.org.types")]  # type: ignore[name-defined]  # noqa: F821
LazyTeam = Annotated["Team", strawberry.lazy("api.graph.org.types")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="A week of a KPI's series.")
class KpiWeek:
    week: date = strawberry.field(description="The first day of the week.")
    value: Decimal | None = strawberry.field(description="The value. Null where there was none.")
    target: Decimal | None = strawberry.field(description="The target of that week.")
    ratio: Ratio | None = strawberry.field(description="The value to the target. Null as on `KpiResult`.")
    status: Status = strawberry.field(description="How it stood.")

    @classmethod
    def of(cls, row: Record) -> "KpiWeek":
        """From a stored result."""
        return cls(
            week=row["week"],
            value=row["value"],
            target=row["target"],
            ratio=row["ratio"],
            status=Status(row["status"]),
        )


async def _series(ctx: Context, asked: Sequence[Asked]) -> list[list[KpiWeek]]:
    return [[KpiWeek.of(row) for row in rows] for rows in await series_of(ctx, asked)]


async def _explanations(ctx: Context, asked: Sequence[Asked]) -> Sequence[list[ExplainStep] | None]:
    return each(await explanations(ctx, asked), explain_steps)


async def _leading(ctx: Context, results: "Sequence[KpiResult]") -> list[bool]:
    kpis = await ctx.load_each(kpis_of_versions, [(result.kpi_id, result.kpi_version) for result in results])
    return [kpi is not None and kpi.leading for kpi in kpis]


def _asked(subject: str, subject_id: UUID, week: date, kpi_id: UUID) -> Asked:
    return Asked(Subject(subject), subject_id, week, kpi_id)


@strawberry.type(description="A KPI on a scorecard of a week. Kept up to date by the workers.")
class KpiResult(FromRow):
    kpi_id: strawberry.Private[UUID]
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

    kpi: Kpi = loads(kpis_of_versions, "kpi_id", "kpi_version", description="The KPI, in the version that was used.")
    leading: bool = column(_leading, description="Whether the KPI moves before the outcome does.")
    series: list[KpiWeek] = loads(
        _series, "asked", description="This week and those before it, twelve at most, the oldest first."
    )
    explain: list[ExplainStep] = loads(
        _explanations,
        "asked",
        description="How the numbers come about, down to facts and versions, computed now. Of the facts of a team's "
        "members those that the viewer sees.",
    )

    made: ClassVar = {
        "asked": Made(_asked, ["subject", "subject_id", "week", "kpi_id"]),
        "status": one_of(Status, "status"),
    }


@common
async def _results_of(reads: Reads, keys: Sequence[Key], columns: Columns | None) -> Many[KpiResult]:
    return Rows(KpiResult, await results_of(reads, keys, columns)).listed(PLACE, len(keys))


_keys = keys_of("key")


async def _results(
    ctx: Context, cards: "Sequence[Scorecard]", wanted: Wanted = None
) -> Sequence[list[KpiResult] | None]:
    return await ctx.load_each(Some(_results_of, KpiResult.columns(wanted, PLACE)), _keys(cards))


# Types of `org` name those of this module: what loads them is looked up when it is called.
def _ids(cards: "Sequence[Scorecard]", subject: Subject) -> list[UUID | None]:
    return [key.subject_id if key.subject is subject else None for key in _keys(cards)]


async def _rep(ctx: Context, cards: "Sequence[Scorecard]") -> Sequence[Any]:
    from api.graph.org.types import reps_by_id

    return await ctx.load_each(reps_by_id, _ids(cards, Subject.REP))


async def _team(ctx: Context, cards: "Sequence[Scorecard]") -> Sequence[Any]:
    from api.graph.org.types import teams_by_id

    return await ctx.load_each(teams_by_id, _ids(cards, Subject.TEAM))


_KEY = ("subject", "subject_id", "week")


@strawberry.type(description="A week of a rep or a team. Kept up to date by the workers.")
class Scorecard(FromRow, Node):
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

    rep: LazyRep | None = column(
        _rep,
        needs=["key", "subject"],
        description="The rep. Null on a team's, or when the viewer does not see it today.",
    )
    team: LazyTeam | None = column(
        _team,
        needs=["key", "subject"],
        description="The team. Null on a rep's, or when the viewer does not see it today.",
    )
    template: ScorecardTemplate = loads(
        templates_of_versions, "template_version", description="The template, in the version that was used."
    )
    results: list[KpiResult] = column(
        _results,
        needs=["key"],
        along=Along(lambda: KpiResult, _read.results_by_key, ["subject_id", "subject", "week"], many=True),
        description="Its KPIs, in the template's order.",
    )

    made: ClassVar = {
        "id": Made(lambda *columns: global_id("Scorecard", Key.of(*columns)), _KEY),
        "key": Made(Key.of, _KEY),
        "template_version": Made(lambda *columns: columns, ["template_id", "template_version"]),
        "subject": one_of(Subject, "subject"),
        "status": one_of(Status, "status"),
    }


async def scorecard_at(ctx: Context, subject: Subject, subject_id: UUID, day: date | None) -> Scorecard | None:
    """The scorecard of the day's week (default: the current one). None when there is none, or it is not seen."""
    return (await scorecards_at(ctx, subject, [subject_id], day))[0]


def scorecards_along(subject: Subject, id_of: str) -> Along:
    """The same, along with subjects of a kind, whose ids are in a column."""

    async def tell(ctx: Context, week: date | None = None) -> Told:
        calendar = await ctx.calendar()
        of_week = calendar.week(week or calendar.local_day(ctx.now))
        return Told([subject, of_week], await (ctx.sight() if subject is Subject.REP else ctx.team_sight()))

    return Along(lambda: Scorecard, _read.by_key, [id_of], tell, of=id_of)


async def scorecards_at(
    ctx: Context, subject: Subject, ids: Sequence[UUID], day: date | None, wanted: Wanted = None
) -> Sequence[Scorecard | None]:
    """The same of many."""
    calendar = await ctx.calendar()
    week = calendar.week(day or calendar.local_day(ctx.now))
    return await ctx.load_each(Some(_of_week, subject, week, Scorecard.columns(wanted, PLACE)), ids)


async def _of_week(
    ctx: Context, ids: Sequence[UUID], subject: Subject, week: date, columns: Columns | None
) -> Sequence[Scorecard | None]:
    return await _seen_scorecards(ctx, [Key(subject, subject_id, week) for subject_id in ids], columns)


_KINDS: dict[str, Kind] = {Subject.REP: "reps", Subject.TEAM: "teams"}


async def _seen_scorecards(ctx: Context, keys: Sequence[Key], columns: Columns | None) -> Sequence[Scorecard | None]:
    cards = await ctx.whoever_asks(Some(_stored_scorecards, columns), keys)
    guards = ((_KINDS[key.subject], key.subject_id, None) for key in keys)
    return await ctx.shown(["reps", "teams"], guards, cards)


async def _stored_scorecards(reads: Reads, keys: Sequence[Key], columns: Columns | None) -> Ones[Scorecard]:
    return Rows(Scorecard, await scorecards(reads, keys, columns)).placed(PLACE, len(keys))


@node_loader("Scorecard", Scope.SCORECARDS_READ)
async def _scorecard_nodes(ctx: Context, keys: Sequence[str]) -> Sequence[Scorecard | None]:
    return await ctx.load_each(Some(_seen_scorecards, None), [Key.parse(key) for key in keys])
