"""Attainment and leaderboards, live."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from api.context import Context
from api.graph.quotas.boards import Board, Leaderboard
from api.graph.quotas.on_subject import KpiArgument, MeasureArgument, PeriodArgument, kpi_of
from api.graph.quotas.query import AttainmentFilter, SubjectIdFilter, attainment_page
from api.graph.quotas.types import Attainment
from api.live import Logged, live, nodes_of_events
from api.periods import PeriodInput, period_of
from api.relay import MAX_PAGE, global_id
from domain.org.model import Scope
from domain.quotas.model import Measure, Subject

Group = Annotated[Subject, strawberry.argument(description="Of whom.")]
Filter = Annotated[AttainmentFilter | None, strawberry.argument(description="Which ones.")]
TeamArgument = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only reps in this team or below it; all of the organisation by default."),
]
Top = Annotated[int | None, strawberry.argument(description="How many places; 50 by default, at most 200.")]


async def _attainments(
    ctx: Context, period: PeriodArgument, group_by: Group = Subject.REP, filter: Filter = None
) -> list[Attainment]:
    """The first page; a screen that shows more fetches more."""
    return (await attainment_page(ctx, period, group_by, filter, MAX_PAGE, None)).nodes


def _concerns(
    event: Logged, period: PeriodInput, group_by: Subject = Subject.REP, filter: AttainmentFilter | None = None
) -> bool:
    asked = filter or AttainmentFilter()
    return bool(event.data["subject"] == group_by) and _same_measure(event, asked.measure, asked.kpi_id)


def _same_measure(event: Logged, measure: Measure, kpi_id: strawberry.ID | None) -> bool:
    kpi = kpi_of(measure, kpi_id)
    return bool(event.data["measure"] == measure and event.data["kpi_id"] == (str(kpi) if kpi else None))


async def _attainments_of(
    ctx: Context,
    events: Sequence[Logged],
    period: PeriodInput,
    group_by: Subject = Subject.REP,
    filter: AttainmentFilter | None = None,
) -> Sequence[Attainment | None]:
    """The attainments that changed, those of the period and among those asked for."""
    subjects = [
        global_id(group_by.capitalize(), event.data["subject_id"]) if same else None
        for event, same in zip(events, await _same_period(ctx, events, period), strict=True)
    ]
    asked = {subject for subject in subjects if subject}
    if filter is not None and filter.subject_id:
        asked &= set(filter.subject_id.in_)
    if filter is not None and filter.team_id and asked:
        only = AttainmentFilter(
            measure=filter.measure,
            kpi_id=filter.kpi_id,
            subject_id=SubjectIdFilter(in_=sorted(asked)),
            team_id=filter.team_id,
        )
        within = (await attainment_page(ctx, period, group_by, only, MAX_PAGE, None)).nodes
        asked = {global_id(group_by.capitalize(), one.key.subject_id) for one in within}
    return await nodes_of_events(
        ctx, [event if subject in asked else None for event, subject in zip(events, subjects, strict=True)]
    )


async def _same_period(ctx: Context, events: Sequence[Logged], given: PeriodInput) -> list[bool]:
    period = await period_of(ctx, given)
    asked = period.kind.value, period.starts_on.isoformat()
    return [(event.data["period_kind"], event.data["starts_on"]) == asked for event in events]


async def _board(
    ctx: Context,
    period: PeriodArgument,
    measure: MeasureArgument = Measure.REVENUE,
    kpi_id: KpiArgument = None,
    team_id: TeamArgument = None,
    first: Top = None,
) -> Leaderboard | None:
    return Leaderboard.of(Board(measure, kpi_of(measure, kpi_id), await period_of(ctx, period), team_id, first))


def _ranks(
    event: Logged,
    period: PeriodInput,
    measure: Measure = Measure.REVENUE,
    kpi_id: strawberry.ID | None = None,
    team_id: strawberry.ID | None = None,
    first: int | None = None,
) -> bool:
    return _same_measure(event, measure, kpi_id)


async def _boards_of(
    ctx: Context,
    events: Sequence[Logged],
    period: PeriodInput,
    measure: Measure = Measure.REVENUE,
    kpi_id: strawberry.ID | None = None,
    team_id: strawberry.ID | None = None,
    first: int | None = None,
) -> list[Leaderboard | None]:
    board = await _board(ctx, period, measure, kpi_id, team_id, first)
    return [board if same else None for same in await _same_period(ctx, events, period)]


@strawberry.type
class QuotasSubscription:
    attainment_changed = live(
        "quotas.attainment",
        scope=Scope.QUOTAS_READ,
        description="Attainments of a period as they change; first those that are now, at most 200.",
        snapshot=_attainments,
        matches=_concerns,
        nodes=_attainments_of,
    )
    leaderboard_changed = live(
        "quotas.leaderboard",
        scope=Scope.QUOTAS_READ,
        description="The top of a leaderboard, whenever a place on it may have changed.",
        snapshot=_board,
        matches=_ranks,
        nodes=_boards_of,
    )
