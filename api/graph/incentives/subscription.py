"""Earnings, live."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from api.context import Context
from api.graph.incentives.query import StatementFilter, statements_page
from api.graph.incentives.statements import Statement
from api.live import Logged, live, nodes_of_events
from api.periods import PeriodInput, period_of
from api.relay import MAX_PAGE, uuid_of
from api.sight import each
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


async def _statements_of(
    ctx: Context, events: Sequence[Logged], rep_id: strawberry.ID | None = None, period: PeriodInput | None = None
) -> Sequence[Statement | None]:
    statements = await nodes_of_events(ctx, events)
    if period is None:
        return statements
    asked = await period_of(ctx, period)

    def if_asked(one: Statement) -> Statement | None:
        return one if (one.period.kind, one.period.starts_on) == (asked.kind, asked.starts_on) else None

    return each(statements, if_asked)


@strawberry.type
class IncentivesSubscription:
    earnings_changed = live(
        "incentives.statement",
        scope=Scope.INCENTIVES_READ,
        description="Statements as they change, of those whose pay the viewer sees; first those that are now, at most "
        "200.",
        snapshot=_statements,
        matches=_concerns,
        nodes=_statements_of,
    )
