"""Live fields: what an area declares of a subscription, and nothing of how it is delivered.

    async def _items(ctx: Context, rep_id: RepArgument = None) -> list[ActionItem]: ...      # the state now
    def _concerns(event: Logged, rep_id: strawberry.ID | None = None) -> bool: ...           # cheap, no I/O

    @strawberry.type
    class FeedSubscription:
        action_item_changed = live(
            "feed.action_item", scope=Scope.FEED_READ, description="...", snapshot=_items, matches=_concerns
        )

`api/bus.py` reads the event log and delivers. Subscribers with the same document, variables and sight share one
execution, hence what a live field answers depends on the viewer's sight and scopes alone, unless it is `personal`.
Those whose sights differ share it too, as far as nodes and what they hold come through `ctx.shown` (`api/sight.py`).
"""

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import strawberry
from strawberry.extensions import FieldExtension

from api.auth import Requires
from api.context import Context, Info
from api.errors import bad_request
from api.relay import KINDS, decode_cursor, encode_cursor, global_id, load_named
from domain.org.model import Scope, Viewer
from sql.pool import Record

T = TypeVar("T")


@strawberry.enum(
    description="What a message of a subscription says.",
)
class LiveKind(Enum):
    SNAPSHOT = strawberry.enum_value("SNAPSHOT", description="The state now; the first message without `after`.")
    CREATED = strawberry.enum_value("CREATED", description="The node is new.")
    UPDATED = strawberry.enum_value("UPDATED", description="The node changed; `node` is how it is now.")
    REMOVED = strawberry.enum_value("REMOVED", description="The node is gone; `nodeId` says which.")
    GAP = strawberry.enum_value(
        "GAP", description="Messages were left out, because the client was slow or away too long: fetch again."
    )


@strawberry.type(name="Change", description="One message of a subscription.")
class LiveChange(Generic[T]):
    cursor: str = strawberry.field(description="Pass it as `after` to go on from here.")
    occurred_at: datetime = strawberry.field(description="When the change was made; for SNAPSHOT and GAP, now.")
    kind: LiveKind = strawberry.field(description="What the message says.")
    node_id: strawberry.ID | None = strawberry.field(
        default=None, description="Global id of the node that changed. Null in SNAPSHOT and GAP."
    )
    node: T | None = strawberry.field(
        default=None, description="The node as it is now. Null in REMOVED and GAP, and in the SNAPSHOT of a list."
    )
    nodes: list[T] | None = strawberry.field(
        default=None, description="In the SNAPSHOT of a list, the nodes as they are now; otherwise null."
    )


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as the log has it. `seq` numbers the organisation's events without a gap."""

    seq: int
    kind: str
    change: str
    node_type: str
    node_key: str
    rep_id: UUID | None
    team_id: UUID | None
    data: Mapping[str, Any]
    occurred_at: datetime
    trace: str | None = None

    def __hash__(self) -> int:
        return hash((self.seq, self.change))

    @classmethod
    def of(cls, row: Record) -> "Logged":
        """From a row of `live.log_after`."""
        return cls(*(row[name] for name in cls.__slots__))

    @property
    def node_id(self) -> strawberry.ID:
        """The node's global id."""
        return global_id(self.node_type, self.node_key)

    def as_created(self) -> "Logged":
        """The same, for those who did not hear of the node before."""
        return replace(self, change="CREATED")


Snapshot = Callable[..., Awaitable[Any]]
Matches = Callable[..., bool]
NodesOf = Callable[..., Awaitable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class LiveField:
    """A declared subscription. The arguments of all three functions are those of `snapshot`, by their Python names."""

    name: str
    kinds: frozenset[str]
    snapshot: Snapshot
    matches: Matches
    nodes: NodesOf
    personal: bool
    every: bool

    def hears(self, viewer: Viewer, event: Logged, args: Mapping[str, Any]) -> bool:
        """Whether the event may concern a subscriber, before its sight is looked at."""
        if self.kinds and event.kind not in self.kinds:
            return False
        return _scope_of(event.kind) in viewer.scopes and self.matches(event, **args)


@cache
def _scope_of(kind: str) -> str:
    """Of those who may hear of events of a kind."""
    return f"{kind.split('.', 1)[0]}:read"


@dataclass(frozen=True, slots=True)
class Selection(AsyncIterable[Any]):
    """What a client asked to hear: the outcome of resolving a live field. The bus delivers it."""

    field: LiveField
    args: Mapping[str, Any]
    after: str | None

    def __aiter__(self) -> AsyncIterator[Any]:
        raise TypeError("a live field is delivered by api.bus")


def cursor_of(org_id: UUID, seq: int) -> str:
    """The place after an event in the organisation's log."""
    return encode_cursor(org_id, seq)


def parse_cursor(text: str) -> tuple[UUID, int]:
    """Organisation and number of a cursor; raises a BAD_REQUEST for what is not one."""
    org_id, seq = decode_cursor(text, UUID, KINDS[int])
    if org_id is None or seq is None or seq < 0:
        raise bad_request("The cursor is not one that a subscription gave out.")
    return org_id, seq


async def nodes_of_events(ctx: Context, events: Sequence[Logged | None], **_: object) -> Sequence[Any]:
    """The nodes that events are about, as the viewer sees them now."""
    return await load_named(ctx, [(event.node_type, event.node_key) if event else None for event in events])


def any_event(_event: Logged, **_: object) -> bool:
    """Every event of the field's kinds."""
    return True


After = Annotated[
    str | None,
    strawberry.argument(
        description="A cursor from an earlier message: first all that was missed since, or GAP when that is too long "
        "ago; then live. Without it the first message is the state now."
    ),
]


def live(
    *kinds: str,
    description: str,
    snapshot: Snapshot,
    scope: Scope | None = None,
    matches: Matches = any_event,
    nodes: NodesOf = nodes_of_events,
    personal: bool = False,
    every: bool = False,
) -> Any:
    """A field of the Subscription root, whose messages are `Change`s of what `snapshot` returns.

    `kinds`: the events that it hears, none means all. `snapshot(ctx, **args)` gives the state now, a list or one node
    or None; its parameters after `ctx` are the field's arguments. `matches(event, **args)` decides without I/O.
    `nodes(ctx, events, **args)` loads what is sent for events (default: their own nodes), None sends nothing.
    Of several events of a node only the last is sent; with `every`, each is, and without its node if need be.
    `personal`: the answer depends on who asks, not only on what they may see.
    """
    hints = get_type_hints(snapshot, include_extras=True)
    arguments = [
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in list(inspect.signature(snapshot).parameters.values())[1:]
    ]
    declared = LiveField(snapshot.__name__, frozenset(kinds), snapshot, matches, nodes, personal, every)

    async def select(info: Info, after: str | None = None, **args: Any) -> Selection:
        return Selection(declared, args, after)

    select.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("info", inspect.Parameter.KEYWORD_ONLY, annotation=Info),
            inspect.Parameter("after", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=After),
            *arguments,
        ],
        return_annotation=AsyncIterator[LiveChange[_node_type(hints["return"])]],  # type: ignore[misc]
    )
    extensions: list[FieldExtension] = [Requires(scope)] if scope else []
    return strawberry.subscription(resolver=select, description=description, extensions=extensions)


def _node_type(returned: Any) -> Any:
    """`T` of `list[T]` or of `T | None`."""
    if get_origin(returned) is list:
        return get_args(returned)[0]
    options = [option for option in get_args(returned) if option is not type(None)]
    return options[0] if options else returned
