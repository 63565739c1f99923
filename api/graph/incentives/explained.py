"""How a line of a statement came to be, and what it costs month by month."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import strawberry

from api.context import Context
from api.explain import ExplainStep, explain_steps
from api.graph.pipeline.types import deals_by_id
from api.scalars import Money
from domain.explain import Fact
from domain.incentives.amortization import Month
from domain.incentives.explain import Explained, explain
from domain.incentives.story import deals_of, told


async def explained(ctx: Context, ids: Sequence[UUID]) -> list[Explained | None]:
    """Lines with the traces of their calculations."""
    async with ctx.db.session(ctx.viewer.org_id) as session:
        found = await explain(session, ids)
    return [found.get(line_id) for line_id in ids]


async def steps_of(ctx: Context, found: Explained | None) -> list[ExplainStep]:
    """From the amount down to the deals, by the names of those that the viewer sees; nothing for what is by hand."""
    if found is None or found.trace is None or found.line.plan_id is None:
        return []
    plan = Fact("IncentivePlan", str(found.line.plan_id), f"version {found.line.plan_version}")
    deals = await ctx.load_each(deals_by_id, [UUID(key) for key in sorted(deals_of(found.trace))])
    names = {str(deal.deal_id): deal.name for deal in deals if deal is not None}
    return explain_steps(told(found.trace, found.line.key, (plan,), names))


@strawberry.type(description="What a month bears of a line that accounting spreads over the life of what was sold.")
class AmortizedMonth:
    starts_on: date = strawberry.field(description="The first day of the month.")
    amount: Money = strawberry.field(description="What it bears; what rounding leaves is in the last month.")
    left: Money = strawberry.field(description="What is left afterwards.")

    @classmethod
    def of(cls, month: Month, line: Money) -> "AmortizedMonth":
        """As the domain has it, in the currency of the line."""
        return cls(
            starts_on=month.starts_on,
            amount=Money(amount=month.amount, currency=line.currency),
            left=Money(amount=month.left, currency=line.currency),
        )
