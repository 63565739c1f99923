"""The root field that sets and scores objectives."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import writes
from api.context import Info
from api.errors import Payload
from api.graph.incentives.payroll_mutation import paid_period
from api.periods import PeriodInput
from api.relay import uuid_of
from api.scalars import Ratio
from domain.incentives.model import ScoreItem
from domain.incentives.objectives import objectives_score
from domain.org.model import Scope

_NOBODY = UUID(int=0)


@strawberry.input(
    description="How far a rep reached an objective. Where the plan names none, `name` and `weight` set one of the "
    "rep's own, which may wait for its score."
)
class ObjectiveScoreInput:
    rep_id: strawberry.ID = strawberry.field(description="Who.")
    component: str = strawberry.field(description="Key of the plan's component.")
    objective: str = strawberry.field(description="Key of the objective.")
    period: PeriodInput = strawberry.field(description="In which of the plan's periods.")
    score: Ratio | None = strawberry.field(default=None, description="1 is fully.")
    note: str | None = strawberry.field(default=None, description="Why, in words.")
    name: str | None = strawberry.field(default=None, description="What the rep's own objective is called.")
    weight: Decimal | None = strawberry.field(default=None, description="Relative to the rep's other objectives.")


@strawberry.type(description="The outcome of objectivesScore.")
class ObjectivesScorePayload(Payload):
    changed: int = strawberry.field(default=0, description="How many are other than before.")


@strawberry.type
class ObjectivesMutation:
    @writes(
        Scope.FEED_WRITE,
        "Set objectives of reps and say how far they were reached, all or none. Compensation admins score "
        "everybody, managers the reps below them, nobody themselves; keys need `incentives:write` as well.",
    )
    async def objectives_score(
        self,
        info: Info,
        plan_id: Annotated[strawberry.ID, strawberry.argument(description="The plan's global id.")],
        items: Annotated[list[ObjectiveScoreInput], strawberry.argument(description="At most 1,000.")],
    ) -> ObjectivesScorePayload:
        ctx = info.context
        scores = [
            ScoreItem(
                uuid_of(item.rep_id, "Rep") or _NOBODY,
                item.component,
                item.objective,
                (await paid_period(ctx, item.period, "items", str(i), "period")).starts_on,
                item.score,
                item.note,
                item.name,
                item.weight,
            )
            for i, item in enumerate(items)
        ]
        changed = await objectives_score(ctx.work(), uuid_of(plan_id, "IncentivePlan") or _NOBODY, scores)
        return ObjectivesScorePayload(user_errors=[], changed=changed)
