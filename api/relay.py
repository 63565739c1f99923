"""Nodes by opaque global ids, lists by keyset cursors."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
import strawberry

from api.context import Batch, Context, Info
from api.errors import bad_request
from api.sight import merged
from domain import ids
from domain.org.model import Scope
from sql.pool import Record

T = TypeVar("T")

DEFAULT_PAGE = 50
MAX_PAGE = 200

# Of a number in a cursor: more than any list is ordered by, and fewer than Postgres refuses.
_MOST_DIGITS = 1_000


def _unpack(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def global_id(type_name: str, key: object) -> strawberry.ID:
    """The opaque id of a node: its type and its key within the organisation."""
    return strawberry.ID(ids.global_id(type_name, key))


def parse_id(text: str) -> tuple[str, str] | None:
    """Type and key of a global id; None for what is not one."""
    try:
        type_name, _, key = _unpack(text).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (type_name, key) if key and "\0" not in key else None


def uuid_of(text: str, type_name: str) -> UUID | None:
    """The uuid within a global id of this type; None for any other text, so that it reads as not found."""
    parsed = parse_id(text)
    if parsed is None or parsed[0] != type_name:
        return None
    return _uuid(parsed[1])


@strawberry.interface(description="Anything that has a global id and can be fetched again by it.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and stable; unique across all types of the organisation.")


NodeLoad = Callable[[Context, Sequence[str]], Awaitable[Sequence[Node | None]]]
_nodes: dict[str, tuple[Scope, NodeLoad]] = {}


def node_loader(type_name: str, scope: Scope) -> Callable[[NodeLoad], NodeLoad]:
    """Register how nodes of a type are fetched by their keys, in order, for viewers who have the scope.

    What the viewer may not see is None.
    """

    def register(load: NodeLoad) -> NodeLoad:
        _nodes[type_name] = (scope, load)
        return load

    return register


def nodes_by_uuid(type_name: str, scope: Scope, batch: Batch[UUID, Node | None]) -> None:
    """Register a type whose keys are uuids: `batch` gives None for what may not be seen."""

    @node_loader(type_name, scope)
    async def load(ctx: Context, keys: Sequence[str]) -> Sequence[Node | None]:
        return await ctx.load_each(batch, [_uuid(key) for key in keys])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def load_nodes(ctx: Context, ids: Sequence[str]) -> list[Node | None]:
    """Nodes in the order of their ids, one batch a type; None for what is absent or invisible."""
    return list(await load_named(ctx, [parse_id(text) for text in ids]))


async def load_named(ctx: Context, names: Sequence[tuple[str, str] | None]) -> Sequence[Node | None]:
    """The same by types and keys; None for None."""
    columns = []
    for type_name in dict.fromkeys(name[0] for name in names if name):
        scope, load = _nodes.get(type_name, (None, None))
        if scope is not None and load is not None and scope in ctx.viewer.scopes:
            keys = [name[1] if name and name[0] == type_name else None for name in names]
            columns.append(await ctx.load_each(load, keys))
    return merged(columns, len(names))


def encode_cursor(*values: object) -> str:
    """The place after a row: its sort values, the id last."""
    return ids.cursor(*values)


def decode_cursor(text: str, *kinds: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The values of a cursor, each made by its kind (`str`, `UUID`, `Decimal`, `date.fromisoformat`); null stays None.

    Raises a BAD_REQUEST for what is not a cursor of this list.
    """
    try:
        values = orjson.loads(_unpack(text))
        if not isinstance(values, list) or len(values) != len(kinds) or "\0" in "".join(map(str, values)):
            raise ValueError(text)
        return tuple(None if value is None else kind(value) for kind, value in zip(kinds, values, strict=True))
    except (binascii.Error, ValueError, TypeError, ArithmeticError, AttributeError):
        raise bad_request("The cursor is not one that this list gave out.") from None


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant.astimezone(UTC)


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if number.is_nan() or (number.is_finite() and abs(number.adjusted()) > _MOST_DIGITS):
        raise ValueError(text)
    return number


def _whole(number: object) -> int:
    if not isinstance(number, int) or not -(2**63) <= number < 2**63:
        raise ValueError(number)
    return number


KINDS: dict[type, Callable[[Any], Any]] = {
    date: date.fromisoformat,
    datetime: _instant,
    Decimal: _number,
    UUID: UUID,
    str: str,
    int: _whole,
}
"""How a cursor's values come back, by type: `decode_cursor(after, KINDS[date], UUID)`."""


def page_size(first: int | None) -> int:
    """The number of rows to give; raises a BAD_REQUEST outside 0..200."""
    if first is None:
        return DEFAULT_PAGE
    if not 0 <= first <= MAX_PAGE:
        raise bad_request(f"`first` is between 0 and {MAX_PAGE}.")
    return first


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether the page began after a cursor.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(
        description="Pass it as `after` for the next page; null on an empty page."
    )


@strawberry.type(description="A node in a list, with its place.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="The place of this node in the list.")
    node: T = strawberry.field(description="The node itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The nodes alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    cursors: strawberry.Private[Callable[[], list[str]]]

    @strawberry.field(description="The nodes with their cursors.")
    def edges(self) -> list[Edge[T]]:
        return [Edge(cursor=cursor, node=node) for cursor, node in zip(self.cursors(), self.nodes, strict=True)]

    @strawberry.field(description="Length of the whole list; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.count()


def page(
    rows: Sequence[Record],
    size: int,
    after: str | None,
    make: Callable[[Record], T],
    place: Callable[[Record], tuple[object, ...]],
    count: Callable[[], Awaitable[int]],
) -> Connection[T]:
    """A page from up to `size + 1` rows in order; `place` gives a row's sort values with the id last."""
    return page_of(rows, size, after, lambda shown: [make(row) for row in shown], place, count)


def page_of(
    rows: Sequence[Record],
    size: int,
    after: str | None,
    make: Callable[[Sequence[Record]], Sequence[T]],
    place: Callable[[Record], tuple[object, ...]],
    count: Callable[[], Awaitable[int]],
) -> Connection[T]:
    """The same, where the rows that are shown become nodes at once."""
    shown = rows[:size]

    def cursors() -> list[str]:
        return [encode_cursor(*place(row)) for row in shown]

    info = PageInfo(
        has_next_page=len(rows) > size,
        has_previous_page=after is not None,
        start_cursor=encode_cursor(*place(shown[0])) if shown else None,
        end_cursor=encode_cursor(*place(shown[-1])) if shown else None,
    )
    nodes: Any = make(shown)
    return Connection(nodes=nodes, page_info=info, count=count, cursors=cursors)


@strawberry.type
class NodeQuery:
    @strawberry.field(description="Any node by its id. Null when it does not exist or may not be seen.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
    ) -> Node | None:
        return (await load_nodes(info.context, [id]))[0]

    @strawberry.field(description="Many nodes by their ids, in their order; null for each that is absent or invisible.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 200 global ids.")],
    ) -> list[Node | None]:
        if len(ids) > MAX_PAGE:
            raise bad_request(f"At most {MAX_PAGE} ids at once.")
        return await load_nodes(info.context, ids)
