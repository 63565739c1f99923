"""Attainment and leaderboards, live."""

from datetime import date
from typing import Annotated

import strawberry

from api.context import Context
from api.graph.quotas.boards import Board, Leaderboard
from api.graph.quotas.on_subject import KpiArgument, MeasureArgument, PeriodArgument, kpi_of
from api.graph.quotas.query import AttainmentFilter, SubjectIdFilter, attainment_page
from api.graph.quotas.types import Attainment
from api.live import Logged, live, node_of_event
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


async def _attainment_of(
    ctx: Context,
    event: Logged,
    period: PeriodInput,
    group_by: Subject = Subject.REP,
    filter: AttainmentFilter | None = None,
) -> Attainment | None:
    """The attainment that changed, when it is of the period and among those asked for."""
    if not await _same_period(ctx, event, period):
        return None
    subject = global_id(group_by.capitalize(), event.data["subject_id"])
    if filter is not None and filter.subject_id and subject not in filter.subject_id.in_:
        return None
    if filter is not None and filter.team_id:
        only = AttainmentFilter(
            measure=filter.measure,
            kpi_id=filter.kpi_id,
            subject_id=SubjectIdFilter(in_=[subject]),
            team_id=filter.team_id,
        )
        if not (await attainment_page(ctx, period, group_by, only, 1, None)).nodes:
            return None
    node = await node_of_event(ctx, event)
    return node if isinstance(node, Attainment) else None


async def _same_period(ctx: Context, event: Logged, given: PeriodInput) -> bool:
    period = await period_of(ctx, given)
    starts_on = date.fromisoformat(event.data["starts_on"])
    return period.kind.value == event.data["period_kind"] and period.starts_on == starts_on


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


async def _board_of(
    ctx: Context,
    event: Logged,
    period: PeriodInput,
    measure: Measure = Measure.REVENUE,
    kpi_id: strawberry.ID | None = None,
    team_id: strawberry.ID | None = None,
    first: int | None = None,
) -> Leaderboard | None:
    if not await _same_period(ctx, event, period):
        return None
    return await _board(ctx, period, measure, kpi_id, team_id, first)


@strawberry.type
class QuotasSubscription:
    attainment_changed = live(
        "quotas.attainment",
        scope=Scope.QUOTAS_READ,
        description="Attainments of a period as they change; first those that are now, at most 200.",
        snapshot=_attainments,
        matches=_concerns,
        node=_attainment_of,
    )
    leaderboard_changed = live(
        "quotas.leaderboard",
        scope=Scope.QUOTAS_READ,
        description="The top of a leaderboard, whenever a place on it may have changed.",
        snapshot=_board,
        matches=_ranks,
        node=_board_of,
    )
