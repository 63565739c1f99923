"""Earnings, live."""

from typing import Annotated

import strawberry

from api.context import Context
from api.graph.incentives.query import StatementFilter, statements_page
from api.graph.incentives.statements import Statement
from api.live import Logged, live, node_of_event
from api.periods import PeriodInput, period_of
from api.relay import MAX_PAGE, uuid_of
from domain.org.model import Scope

OfRep = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Of this rep only; by default of all whose pay the viewer sees."),
]
OfPeriod = Annotated[PeriodInput | None, strawberry.argument(description="Of this period only; of all by default.")]


async def _statements(ctx: Context, rep_id: OfRep = None, period: OfPeriod = None) -> list[Statement]:
    """The first page; a screen that shows more fetches more."""
    return (await statements_page(ctx, StatementFilter(rep_id=rep_id, period=period), MAX_PAGE, None)).nodes


def _concerns(event: Logged, rep_id: strawberry.ID | None = None, period: PeriodInput | None = None) -> bool:
    return rep_id is None or event.rep_id == uuid_of(rep_id, "Rep")


async def _statement_of(
    ctx: Context, event: Logged, rep_id: strawberry.ID | None = None, period: PeriodInput | None = None
) -> Statement | None:
    node = await node_of_event(ctx, event)
    if not isinstance(node, Statement):
        return None
    if period is not None:
        asked = await period_of(ctx, period)
        if (node.period.kind, node.period.starts_on) != (asked.kind, asked.starts_on):
            return None
    return node


@strawberry.type
class IncentivesSubscription:
    earnings_changed = live(
        "incentives.statement",
        scope=Scope.INCENTIVES_READ,
        description="Statements as they change, of those whose pay the viewer sees; first those that are now, at most "
        "200.",
        snapshot=_statements,
        matches=_concerns,
        node=_statement_of,
    )
