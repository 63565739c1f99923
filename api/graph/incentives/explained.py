"""How a line of a statement came to be, and what it costs month by month."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import strawberry

from api.context import Context
from api.scalars import Money
from domain.incentives.amortization import Month
from domain.incentives.explain import Explained, explain
from domain.incentives.outcome import Stage


async def explained(ctx: Context, ids: Sequence[UUID]) -> list[Explained | None]:
    """Lines with the traces of their calculations."""
    async with ctx.db.session(ctx.viewer.org_id) as session:
        found = await explain(session, ids)
    return [found.get(line_id) for line_id in ids]


@strawberry.type(description="One number on the way to a payout.")
class PayoutStep:
    id: str = strawberry.field(description="Names it among the steps of its calculation.")
    stage: Stage = strawberry.field(description="Where in the payout pipeline.")
    label: str = strawberry.field(description="What the number is.")
    op: str = strawberry.field(
        description="How it follows from `args`: given, sum, difference, product, ratio, prorated, min, reached, "
        "cliff, bracket (base, rate, from, to), pieces (widths and rates), curve, clamp, within, round."
    )
    args: list[str] = strawberry.field(description="Numbers, or ids of earlier steps behind an @.")
    value: Decimal | None = strawberry.field(description="The number. Null where it does not exist.")


def steps_of(found: Explained | None) -> list[PayoutStep]:
    """The steps of the line's component; of a line that is no component's, all of them. None by hand."""
    if found is None or found.trace is None:
        return []
    component = found.line.component
    return [
        PayoutStep(
            id=step["id"],
            stage=Stage(step["stage"]),
            label=step["label"],
            op=step["op"],
            args=step.get("args", []),
            value=None if step.get("value") is None else Decimal(step["value"]),
        )
        for step in found.trace["steps"]
        if component is None or step["id"].startswith((f"{component}/", f"{component}:"))
    ]


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
