"""What a rep shows of incentives."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from api.auth import Requires
from api.context import Info
from api.periods import PeriodInput, period_of
from domain.org.model import Scope

if TYPE_CHECKING:
    from api.graph.incentives.plans import IncentiveAssignment
    from api.graph.incentives.statements import Statement


@strawberry.type
class IncentivesOnRep:
    rep_id: strawberry.Private[UUID]

    @strawberry.field(
        description="What it earns in a month, quarter or year. Null when no plan pays it in such a period, and when "
        "the viewer does not see its pay.",
        extensions=[Requires(Scope.INCENTIVES_READ)],
    )
    async def statement(
        self,
        info: Info,
        period: Annotated[PeriodInput, strawberry.argument(description="The period that is paid.")],
    ) -> Annotated["Statement", strawberry.lazy("api.graph.incentives.statements")] | None:
        from api.graph.incentives.statements import Due, statements_of_reps  # here, because a statement names its rep

        asked = await period_of(info.context, period)
        return await info.context.load(statements_of_reps, Due(self.rep_id, asked.kind, asked.starts_on))

    @strawberry.field(
        description="The incentive plans that it is on, the latest first.",
        extensions=[Requires(Scope.INCENTIVES_READ)],
    )
    async def incentive_plans(
        self, info: Info
    ) -> list[Annotated["IncentiveAssignment", strawberry.lazy("api.graph.incentives.plans")]]:
        from api.graph.incentives.plans import assignments_of_rep

        return await info.context.load(assignments_of_rep, self.rep_id)
