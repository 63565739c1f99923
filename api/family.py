"""One execution for all who ask the same, whomever they see.

A family is everybody with the same operation, variables and scopes to read. Its members differ in sight. What happens
is executed once for all of them, as for `Anyone`, which nothing is hidden from; each message comes with the guards of
all that it shows (`api/sight.py`). A member may have it when it passes them all: what it would have got by itself is
the same, byte for byte. Otherwise it asks for itself.
"""

import asyncio
import math
from collections.abc import Collection, Hashable, Sequence
from typing import Any, NamedTuple, cast

import orjson
from graphql import ExecutionResult

import telemetry
from api.context import Common, Context
from api.documents import Prepared
from api.live import LiveChange, LiveKind, Logged, Selection, cursor_of
from api.operation import Api, encodable
from api.sight import Anyone, Guard, Sight, ToldApart, parts
from domain.events import Change
from domain.org.model import READ, Viewer
from sql.pool import Unavailable, uuid7

# Events executed together: they share their loaders, and their results are in memory at once.
BATCH = 100
# How long members ask for themselves after it did not work for all of them: most likely it never does.
_APART_SECONDS = 60.0


class Shared(NamedTuple):
    """What an event means to a family. Without a payload there is nothing to tell anybody."""

    payload: bytes | None
    of_node: Guard | None = None
    """Who does not pass this one sees no node."""
    within: Collection[Guard] = ()
    """Who does not pass these sees less in the message."""


class Family:
    """One operation with its variables, and the scopes of its members. Of a personal field, one viewer is all."""

    def __init__(
        self, api: Api, prepared: Prepared, variables: dict[str, Any], viewer: Viewer, selection: Selection
    ) -> None:
        self.selection = selection
        self.key: Hashable = (
            viewer.org_id,
            prepared.group_key(variables),
            viewer.actor_id if selection.field.personal else READ & viewer.scopes,
        )
        self._api = api
        self._prepared = prepared
        self._variables = variables
        self._viewer = viewer
        self._apart_until = -math.inf

    def heard(self, events: Sequence[Logged]) -> list[Logged]:
        """Those that may concern it; cheap, and sight is looked at later."""
        hears, viewer, args = self.selection.field.hears, self._viewer, self.selection.args
        return [event for event in events if hears(viewer, event, args)]

    def context(self, viewer: Viewer, common: Common | None = None, seen: Sight | None = None) -> Context:
        """To execute in for a viewer."""
        ctx = self._api.context(viewer, uuid7().hex)
        ctx.common, ctx.seen = common, seen
        return ctx

    async def encode(self, ctx: Context, message: LiveChange[Any]) -> bytes:
        """A message as it is sent."""
        result = await self._api.execution.execute(self._prepared, self._variables, ctx, message)
        ctx.forget()
        return _encoded(ctx, result)

    async def shared(self, common: Common, events: Sequence[Logged]) -> Sequence[Shared | None]:
        """What events mean to all members; None where each has to ask for itself. A batch load of `Common`."""
        now = asyncio.get_running_loop().time()
        if self.selection.field.personal or now < self._apart_until:
            return [None] * len(events)
        anyone = Anyone(common.org_id, self._viewer.scopes)
        ctx = self.context(cast("Viewer", anyone), common)
        try:
            found = [await self._for_all(ctx, events[at : at + BATCH]) for at in range(0, len(events), BATCH)]
            if anyone.told_apart:
                raise ToldApart
        except Unavailable:
            raise
        except Exception:
            # Members who ask for themselves are told what went wrong, where it does.
            self._apart_until = now + _APART_SECONDS
            return [None] * len(events)
        ctx.forget()
        return [one for batch in found for one in batch]

    async def _for_all(self, ctx: Context, events: Sequence[Logged]) -> list[Shared]:
        with self._span(events):
            changes, guards = await self._changes(ctx, events)
            told = [change for change in changes if change is not None]
            results = await self._api.execution.execute_guarded(self._prepared, self._variables, ctx, told)
        answers = iter(results)
        found = []
        for change, guard in zip(changes, guards, strict=True):
            if change is None:
                found.append(Shared(None))
            else:
                result, within = next(answers)
                found.append(Shared(_encoded(ctx, result), guard, within))
        return found

    async def for_one(self, ctx: Context, events: Sequence[Logged]) -> list[bytes | None]:
        """The payloads for the viewer of the context; None where there is nothing to tell."""
        with self._span(events):
            changes, _ = await self._changes(ctx, events)
            told = [change for change in changes if change is not None]
            results = await self._api.execution.execute_each(self._prepared, self._variables, ctx, told)
        ctx.forget()
        answers = iter(results)
        return [None if change is None else _encoded(ctx, next(answers)) for change in changes]

    async def _changes(
        self, ctx: Context, events: Sequence[Logged]
    ) -> tuple[list[LiveChange[Any] | None], list[Guard | None]]:
        """What there is to tell, and the guards of the nodes in it."""
        field = self.selection.field
        there = [event for event in events if event.change != Change.REMOVED]
        nodes, guards = parts(await field.nodes(ctx, there, **self.selection.args) if there else [])
        shown = {event.seq: (node, guard) for event, node, guard in zip(there, nodes, guards, strict=True)}
        changes: list[LiveChange[Any] | None] = []
        for event in events:
            node, _ = shown.get(event.seq, (None, None))
            if node is None and event.seq in shown and not field.every:
                changes.append(None)
                continue
            changes.append(
                LiveChange(
                    cursor=cursor_of(ctx.org_id, event.seq),
                    occurred_at=event.occurred_at,
                    kind=LiveKind[event.change],
                    node_id=event.node_id,
                    node=node,
                )
            )
        return changes, [shown.get(event.seq, (None, None))[1] for event in events]

    def _span(self, events: Sequence[Logged]) -> Any:
        traces = [event.trace for event in events]
        return telemetry.span("deliver", traces, events=len(events), subscription=self._prepared.root)


def _encoded(ctx: Context, result: ExecutionResult) -> bytes:
    """A result as it is sent. Raises `Unavailable` rather than tell of a node without what could not be read."""
    for error in result.errors or ():
        if isinstance(error.original_error, Unavailable):
            raise error.original_error
    return orjson.dumps(encodable(result, ctx.request_id), default=str)
