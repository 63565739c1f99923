"""What reps and teams show of their scorecards: mixins for their types."""

from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import Requires
from api.context import Info
from api.graph.scorecards.types import Scorecard, scorecard_at
from domain.org.model import Scope
from domain.scorecards.model import Subject

WeekArgument = Annotated[
    date | None, strawberry.argument(description="Any day of the week; the current week by default.")
]


@strawberry.type
class ScorecardsOnRep:
    rep_id: strawberry.Private[UUID]

    @strawberry.field(
        description="Its scorecard of a week. Null before the first fact, in weeks when it is not there or no template "
        "applies, and when the viewer does not see it.",
        extensions=[Requires(Scope.SCORECARDS_READ)],
    )
    async def scorecard(self, info: Info, week: WeekArgument = None) -> Scorecard | None:
        return await scorecard_at(info.context, Subject.REP, self.rep_id, week)


@strawberry.type
class ScorecardsOnTeam:
    team_id: strawberry.Private[UUID]

    @strawberry.field(
        description="Its scorecard of a week, computed from the facts of whoever was in it or below. Null as on a rep.",
        extensions=[Requires(Scope.SCORECARDS_READ)],
    )
    async def scorecard(self, info: Info, week: WeekArgument = None) -> Scorecard | None:
        return await scorecard_at(info.context, Subject.TEAM, self.team_id, week)
