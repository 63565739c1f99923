"""Every change that the viewer may see: as a list to catch up with, and live. And what asking costs."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.context import Context, Info
from api.errors import bad_request
from api.live import LiveChange, LiveKind, Logged, cursor_of, live, parse_cursor
from api.relay import Connection, Node, PageInfo, load_nodes, page_size
from sql.queries import queries

_live = queries("live")


async def _nothing(ctx: Context) -> Node | None:
    """All there is would be too much for a first message: it only says where the log stands."""
    return None


@strawberry.type
class LiveSubscription:
    changes = live(
        description="Every change that the viewer may see, for integrations that keep a copy. The first message has "
        "no nodes: it says by its cursor where the log stands.",
        snapshot=_nothing,
        every=True,
    )


@strawberry.type(
    description="What the viewer may still ask this minute. Every answer has the same in `extensions.cost`."
)
class RateLimit:
    limit: int = strawberry.field(description="Cost that a viewer may spend a minute.")
    cost: int = strawberry.field(description="Cost of this operation.")
    remaining: int = strawberry.field(description="What is left of the minute.")
    reset_at: datetime = strawberry.field(description="When the next minute begins.")
    max_cost: int = strawberry.field(description="What a single operation may cost at most.")


@strawberry.type
class LiveQuery:
    @strawberry.field(description="The viewer's budget. Null where an operation costs nothing.")
    async def rate_limit(self, info: Info) -> RateLimit | None:
        balance = info.context.balance
        if balance is None:
            return None
        return RateLimit(
            limit=balance.limit,
            cost=balance.requested,
            remaining=balance.remaining,
            reset_at=balance.reset_at,
            max_cost=info.context.settings.max_cost,
        )

    @strawberry.field(
        description="Changes that the viewer may see, oldest first, as far back as they are kept. Each shows its node "
        "as it is now. When `after` is older than that, the first is a GAP."
    )
    async def changes(
        self,
        info: Info,
        after: Annotated[
            str | None, strawberry.argument(description="A cursor of this list or of a subscription.")
        ] = None,
        first: Annotated[int | None, strawberry.argument(description="How many; 50 by default, at most 200.")] = None,
    ) -> Connection[LiveChange[Node]]:
        ctx, size = info.context, page_size(first)
        org_id = ctx.viewer.org_id
        head = await ctx.row(_live.log_head)
        oldest = head["first_seq"] - 1 if head else 0
        seq = oldest
        if after is not None:
            place, seq = parse_cursor(after)
            if place != org_id:
                raise bad_request("The cursor is not one that this list gave out.")
        areas = [scope.split(":")[0] for scope in ctx.viewer.scopes if scope.endswith(":read")]
        seen = (max(seq, oldest), areas, await ctx.sight(), await ctx.team_sight(), await ctx.pay_sight())
        events = [Logged.of(row) for row in await ctx.fetch(_live.log_visible, *seen, size + 1)]
        changes = await _changes(ctx, events[:size])
        if seq < oldest and size:
            gap: LiveChange[Node] = LiveChange(cursor=cursor_of(org_id, oldest), occurred_at=ctx.now, kind=LiveKind.GAP)
            changes = [gap, *changes][:size]
        cursors = [change.cursor for change in changes]
        shown = PageInfo(
            has_next_page=len(events) > size or len(changes) < len(events),
            has_previous_page=after is not None,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )

        async def count() -> int:
            return int(await ctx.value(_live.log_visible_count, oldest, *seen[1:]))

        return Connection(nodes=changes, page_info=shown, count=count, cursors=lambda: cursors)


async def _changes(ctx: Context, events: list[Logged]) -> list[LiveChange[Node]]:
    nodes = await load_nodes(ctx, [event.node_id for event in events])
    return [
        LiveChange(
            cursor=cursor_of(ctx.viewer.org_id, event.seq),
            occurred_at=event.occurred_at,
            kind=LiveKind[event.change],
            node_id=event.node_id,
            node=node,
        )
        for event, node in zip(events, nodes, strict=True)
    ]
