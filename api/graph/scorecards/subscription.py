"""Scorecards, live."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import strawberry

from api.context import Context
from api.filters import OrderDirection
from api.graph.scorecards.on_subject import WeekArgument
from api.graph.scorecards.query import ScorecardFilter, scorecard_page
from api.graph.scorecards.types import Scorecard, scorecard_at
from api.live import Logged, live, nodes_of_events
from api.relay import MAX_PAGE, uuid_of
from domain.org.model import Scope
from domain.scorecards.model import Subject

RepId = Annotated[strawberry.ID | None, strawberry.argument(description="Only this rep's.")]
TeamId = Annotated[strawberry.ID | None, strawberry.argument(description="Only this team's own.")]


async def _scorecards(
    ctx: Context, rep_id: RepId = None, team_id: TeamId = None, week: WeekArgument = None
) -> list[Scorecard]:
    """The week's scorecards: the one asked for, or those of all teams and reps, the highest scores first."""
    if rep_id is not None or team_id is not None:
        kind, text = (Subject.REP, rep_id) if rep_id is not None else (Subject.TEAM, team_id)
        known = uuid_of(text or "", kind.capitalize())
        found = await scorecard_at(ctx, kind, known, week) if known else None
        return [found] if found else []
    shown: list[Scorecard] = []
    for subject in (Subject.TEAM, Subject.REP):
        asked = ScorecardFilter(week=week, subject=subject)
        shown += (await scorecard_page(ctx, asked, OrderDirection.DESC, MAX_PAGE - len(shown), None)).nodes
    return shown


def _concerns(
    event: Logged, rep_id: strawberry.ID | None = None, team_id: strawberry.ID | None = None, week: date | None = None
) -> bool:
    if rep_id is not None:
        return uuid_of(rep_id, "Rep") == event.rep_id
    return team_id is None or uuid_of(team_id, "Team") == event.team_id


async def _scorecards_of(
    ctx: Context,
    events: Sequence[Logged],
    rep_id: strawberry.ID | None = None,
    team_id: strawberry.ID | None = None,
    week: date | None = None,
) -> Sequence[Scorecard | None]:
    """The scorecards that changed, those of the week asked for."""
    calendar = await ctx.calendar()
    asked = calendar.week(week or calendar.local_day(ctx.now)).isoformat()
    return await nodes_of_events(ctx, [event if event.data["week"] == asked else None for event in events])


@strawberry.type
class ScorecardsSubscription:
    scorecard_changed = live(
        "scorecards.scorecard",
        scope=Scope.SCORECARDS_READ,
        description="Scorecards of a week as they change; first those that are now, teams before reps, at most 200.",
        snapshot=_scorecards,
        matches=_concerns,
        nodes=_scorecards_of,
    )
