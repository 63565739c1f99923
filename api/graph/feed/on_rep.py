"""What the feed shows on a rep."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, NamedTuple
from uuid import UUID

import strawberry

import api.graph.feed.enums  # noqa: F401 - describes the enums below
from api.auth import Requires
from api.context import Context
from api.loaders import column
from api.relay import KINDS, Connection, decode_cursor, page, page_size
from domain.feed.model import LIVE, Status
from domain.org.model import Scope
from sql.pool import Record
from sql.queries import queries

if TYPE_CHECKING:
    from api.graph.feed.types import ActionItem

_feed = queries("feed")


class _Asked(NamedTuple):
    """A page of a rep's items: of these statuses, after this place, so many rows."""

    rep_id: UUID
    statuses: tuple[Status, ...]
    place: tuple[Decimal | None, UUID | None]
    size: int


async def _items_of_rep(ctx: Context, asked: Sequence[_Asked]) -> list[list[Record]]:
    """One statement for all reps of which the same is asked."""
    found: dict[_Asked, list[Record]] = {one: [] for one in asked}
    for alike in dict.fromkeys(one[1:] for one in asked):
        statuses, place, size = alike
        reps = [one.rep_id for one in asked if one[1:] == alike]
        for row in await ctx.fetch(_feed.items_of_reps, reps, await ctx.today(), statuses, *place, size):
            found[_Asked(row["rep_id"], *alike)].append(row)
    return [found[one] for one in asked]


async def _count_of_rep(ctx: Context, asked: Sequence[tuple[UUID, tuple[Status, ...]]]) -> list[int]:
    found: dict[tuple[UUID, tuple[Status, ...]], int] = defaultdict(int)
    for statuses in {statuses for _, statuses in asked}:
        reps = [rep_id for rep_id, other in asked if other == statuses]
        for row in await ctx.fetch(_feed.items_count_of_reps, reps, statuses):
            found[row["rep_id"], statuses] = row["count"]
    return [found[one] for one in asked]


async def _items(
    ctx: Context,
    reps: "Sequence[FeedOnRep]",
    status: Annotated[
        list[Status] | None, strawberry.argument(description="Only these; by default those that are not closed.")
    ] = None,
    first: Annotated[int | None, strawberry.argument(description="How many; 50 by default, at most 200.")] = None,
    after: Annotated[str | None, strawberry.argument(description="The cursor after which the page begins.")] = None,
) -> "list[Connection[ActionItem]]":
    from api.graph.feed.types import ActionItem  # here, because an item also names its rep

    size = page_size(first)
    statuses = tuple(sorted(LIVE if status is None else set(status)))
    place = decode_cursor(after, KINDS[Decimal], KINDS[UUID]) if after is not None else (None, None)
    found = await ctx.load_each(_items_of_rep, [_Asked(rep.rep_id, statuses, place, size + 1) for rep in reps])
    return [
        page(rows or [], size, after, ActionItem.of, _place, _counted(ctx, (rep.rep_id, statuses)))
        for rep, rows in zip(reps, found, strict=True)
    ]


def _place(row: Record) -> tuple[object, ...]:
    return row["place"], row["item_id"]


def _counted(ctx: Context, asked: tuple[UUID, tuple[Status, ...]]) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return await ctx.load(_count_of_rep, asked)

    return count


@strawberry.type
class FeedOnRep:
    rep_id: strawberry.Private[UUID]
    action_items: Connection[Annotated["ActionItem", strawberry.lazy("api.graph.feed.types")]] | None = column(
        _items, description="Its action items, the most urgent first.", extensions=[Requires(Scope.FEED_READ)]
    )
