"""What reps and teams show of their scorecards: mixins for their types."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import Requires
from api.context import Context
from api.graph.scorecards.types import Scorecard, scorecards_along, scorecards_at
from api.loaders import column
from api.rows import Wanted, keys_of
from domain.org.model import Scope
from domain.scorecards.model import Subject

WeekArgument = Annotated[
    date | None, strawberry.argument(description="Any day of the week; the current week by default.")
]

_reps, _teams = keys_of("rep_id"), keys_of("team_id")


async def _of_reps(
    ctx: Context, reps: "Sequence[ScorecardsOnRep]", week: WeekArgument = None, wanted: Wanted = None
) -> Sequence[Scorecard | None]:
    return await scorecards_at(ctx, Subject.REP, _reps(reps), week, wanted)


async def _of_teams(
    ctx: Context, teams: "Sequence[ScorecardsOnTeam]", week: WeekArgument = None, wanted: Wanted = None
) -> Sequence[Scorecard | None]:
    return await scorecards_at(ctx, Subject.TEAM, _teams(teams), week, wanted)


@strawberry.type
class ScorecardsOnRep:
    rep_id: strawberry.Private[UUID]
    scorecard: Scorecard | None = column(
        _of_reps,
        needs=["rep_id"],
        along=scorecards_along(Subject.REP, "rep_id"),
        description="Its scorecard of a week. Null before the first fact, in weeks when it is not there or no template "
        "applies, and when the viewer does not see it.",
        extensions=[Requires(Scope.SCORECARDS_READ)],
    )


@strawberry.type
class ScorecardsOnTeam:
    team_id: strawberry.Private[UUID]
    scorecard: Scorecard | None = column(
        _of_teams,
        needs=["team_id"],
        along=scorecards_along(Subject.TEAM, "team_id"),
        description="Its scorecard of a week, computed from the facts of whoever was in it or below. Null as on a rep.",
        extensions=[Requires(Scope.SCORECARDS_READ)],
    )
