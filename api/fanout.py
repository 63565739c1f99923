"""One event, many subscribers: executed once and encoded once for all who would get the same bytes."""

import asyncio
import math
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import structlog
from graphql import ExecutionResult, GraphQLError
from structlog.contextvars import unbind_contextvars

import telemetry
from api import metrics
from api.context import Common, Context, Sight, in_sight
from api.documents import Invalid, Prepared
from api.live import LiveChange, LiveKind, Logged, Selection, cursor_of
from api.operation import Api, Asked, encodable
from api.subscriber import Message, Subscriber
from domain.events import Change, tells_pay
from domain.org.model import Viewer
from sql.pool import Unavailable, uuid7

log = structlog.get_logger("attain.live")

# Events executed together: they share their loaders, and their results are in memory at once.
_BATCH = 100
# Whom a viewer sees changes with the day and with moves. Moves are heard of, so that this is a second look.
_SIGHT_SECONDS = 60.0
# How soon, and how often, events are tried again that the database was away for.
_RETRY_SECONDS = 0.5
_RETRIES = 120
# Deliveries after which others get their turn: a few milliseconds.
_TURN = 200


class Audience:
    """Everybody who gets the same messages: one operation with its variables, and one sight."""

    def __init__(
        self, api: Api, prepared: Prepared, variables: dict[str, Any], viewer: Viewer, selection: Selection
    ) -> None:
        self.org_id = viewer.org_id
        self.selection = selection
        self._api = api
        self._prepared = prepared
        self._variables = variables
        self._viewer = viewer
        self._seen = Sight(None, None, None)
        self._sight_until = math.inf if viewer.sees_everybody and viewer.sees_all_pay else 0.0

    @property
    def key(self) -> Hashable:
        """Equal for subscribers that may share messages."""
        view = _view(self._viewer, self.selection.field.personal)
        return self.org_id, self._prepared.group_key(self._variables), view

    def heard(self, events: Sequence[Logged]) -> list[Logged]:
        """Those that may concern it; cheap, and sight is looked at later."""
        hears, viewer, args = self.selection.field.hears, self._viewer, self.selection.args
        return [event for event in events if hears(viewer, event, args)]

    def forget_sight(self) -> None:
        """Somebody moved."""
        if self._sight_until < math.inf:
            self._sight_until = 0.0

    async def snapshot(self, seq: int) -> Message:
        """The first message: the state, which holds at least what happened up to `seq`."""
        ctx = self._context()
        field = self.selection.field
        try:
            state = await field.snapshot(ctx, **self.selection.args)
        except Exception as error:
            raise Invalid(error if isinstance(error, GraphQLError) else _masked(error)) from error
        message: LiveChange[Any] = LiveChange(
            cursor=cursor_of(self.org_id, seq), occurred_at=ctx.now, kind=LiveKind.SNAPSHOT
        )
        if isinstance(state, Sequence):
            message.nodes = list(state)
        else:
            message.node = state
        return Message(seq, await self._encode(ctx, message))

    async def gap(self, seq: int) -> Message:
        """Something was left out up to `seq`."""
        ctx = self._context()
        message: LiveChange[Any] = LiveChange(
            cursor=cursor_of(self.org_id, seq), occurred_at=ctx.now, kind=LiveKind.GAP
        )
        return Message(seq, await self._encode(ctx, message))

    async def messages(self, events: Sequence[Logged], common: Common) -> list[Message]:
        """The messages for events that it heard, in order; those that are not for it leave none.

        What `common` holds was read after the events were: it is as they left it, or newer.
        """
        seen = await self._look(common)
        shown = [event for event in events if self._sees(seen, event)]
        if not self.selection.field.every:
            shown = _last_of_each_node(shown)
        sent = []
        for start in range(0, len(shown), _BATCH):
            sent += await self._messages(self._context(common, seen), shown[start : start + _BATCH])
        return sent

    async def _messages(self, ctx: Context, events: Sequence[Logged]) -> list[Message]:
        traces = [event.trace for event in events]
        with telemetry.span("deliver", traces, events=len(events), subscription=self._prepared.root):
            changes = await asyncio.gather(*(self._change(ctx, event) for event in events))
            shown = [(event, change) for event, change in zip(events, changes, strict=True) if change is not None]
            results = await self._api.execution.execute_each(
                self._prepared, self._variables, ctx, [change for _, change in shown]
            )
        now = datetime.now(UTC)
        for event, _ in shown:
            metrics.lag.observe((now - event.occurred_at).total_seconds())
        return [
            Message(event.seq, self._encoded(ctx, result)) for (event, _), result in zip(shown, results, strict=True)
        ]

    async def _change(self, ctx: Context, event: Logged) -> LiveChange[Any] | None:
        kind, node = LiveKind[event.change], None
        if kind is not LiveKind.REMOVED:
            node = await self.selection.field.node(ctx, event, **self.selection.args)
            if node is None and not self.selection.field.every:
                return None
        return LiveChange(
            cursor=cursor_of(self.org_id, event.seq),
            occurred_at=event.occurred_at,
            kind=kind,
            node_id=event.node_id,
            node=node,
        )

    async def _encode(self, ctx: Context, message: LiveChange[Any]) -> bytes:
        return self._encoded(ctx, await self._api.execution.execute(self._prepared, self._variables, ctx, message))

    def _encoded(self, ctx: Context, result: ExecutionResult) -> bytes:
        """A result as it is sent. Raises `Unavailable` rather than tell of a node without what could not be read."""
        for error in result.errors or ():
            if isinstance(error.original_error, Unavailable):
                raise error.original_error
        return orjson.dumps(encodable(result, ctx.request_id), default=str)

    def _context(self, common: Common | None = None, seen: Sight | None = None) -> Context:
        ctx = self._api.context(self._viewer, uuid7().hex)
        ctx.common, ctx.seen = common, seen
        return ctx

    async def _look(self, common: Common) -> Sight:
        """Whom the audience sees, as of today."""
        now = asyncio.get_running_loop().time()
        if now < self._sight_until:
            return self._seen
        self._sight_until = now + _SIGHT_SECONDS
        ctx = self._context(common)
        try:
            calendar = await ctx.calendar()
            midnight = calendar.midnight(calendar.local_day(ctx.now) + timedelta(days=1))
            self._sight_until = min(self._sight_until, now + (midnight - ctx.now).total_seconds())
            self._seen = Sight(await ctx.sight(), await ctx.team_sight(), await ctx.pay_sight())
        except BaseException:
            self.forget_sight()  # what it saw before is nothing to go by
            raise
        return self._seen

    def _sees(self, seen: Sight, event: Logged) -> bool:
        heard_by = event.data.get("heard_by")
        if heard_by and str(self._viewer.user_id) in heard_by:
            return True
        if tells_pay(event.kind, event.rep_id):
            return in_sight(seen.pay, event.rep_id)
        if event.rep_id is not None:
            return in_sight(seen.reps, event.rep_id)
        return event.team_id is None or in_sight(seen.teams, event.team_id)


def _view(viewer: Viewer, personal: bool) -> Hashable:
    """Viewers of whom nothing tells one from another share a view; a person with a rep of their own sees their own."""
    if personal or viewer.rep_id is not None or not viewer.sees_everybody:
        return viewer.actor_id
    return viewer.role, viewer.scopes


def _last_of_each_node(events: Sequence[Logged]) -> list[Logged]:
    """One event a node: a message shows the node as it is now, so the last one says all."""
    last = {(event.node_type, event.node_key): event for event in events}
    created = {(event.node_type, event.node_key) for event in events if event.change == Change.CREATED}
    return [
        event.as_created() if event.change == Change.UPDATED and key in created else event
        for key, event in sorted(last.items(), key=lambda item: item[1].seq)
    ]


def _masked(error: Exception) -> GraphQLError:
    return GraphQLError("The subscription failed.", original_error=error)


class Group:
    """An audience and its subscribers, with a task of its own: a slow one holds up no other group."""

    def __init__(self, audience: Audience, inbox: int) -> None:
        self.audience = audience
        self.subscribers: set[Subscriber] = set()
        self._limit = inbox
        self._inbox: list[Logged] = []
        self._lost_through: int | None = None
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        metrics.groups.inc()

    def give(self, events: Sequence[Logged], common: Common) -> None:
        """Events in order, those that it hears among them, and what all groups load for them."""
        heard = self.audience.heard(events)
        if not heard:
            return
        self._inbox += heard
        self._common = common
        if len(self._inbox) > self._limit:
            self._inbox.clear()
            self._lost_through = heard[-1].seq
        self._wake.set()

    def stop(self) -> None:
        """Nobody is left."""
        self._task.cancel()
        metrics.groups.dec()

    async def _run(self) -> None:
        unbind_contextvars("request_id")  # it outlives the request that started it
        tries = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            events, self._inbox = self._inbox, []
            lost, self._lost_through = self._lost_through, None
            try:
                if lost is not None:
                    await self._gap(lost, self.subscribers)
                if events:
                    await self._deliver(events)
                tries = 0
            except Exception as error:
                if isinstance(error, Unavailable) and tries < _RETRIES:
                    tries += 1
                    log.warning("live_waits", error=repr(error))
                    await asyncio.sleep(_RETRY_SECONDS)
                    if self._lost_through is None:  # else the GAP stands for these too
                        self._inbox[:0] = events
                    self._wake.set()
                    continue
                tries = 0
                # Whatever it was, the subscribers are told to fetch again; GAP itself needs no database.
                log.exception("live_failed")
                with suppress(Exception):
                    await self._gap(max((event.seq for event in events), default=lost or 0), self.subscribers)

    async def _deliver(self, events: Sequence[Logged]) -> None:
        behind: set[Subscriber] = set()
        messages = await self.audience.messages(events, self._common)
        written = 0
        for subscriber in tuple(self.subscribers) if messages else ():
            if not subscriber.put(messages):
                behind.add(subscriber)
            written += len(messages)
            if written >= _TURN:
                written = 0
                await asyncio.sleep(0)
        metrics.deliveries.inc(len(messages) * len(self.subscribers))
        if behind:
            await self._gap(messages[-1].seq, behind)

    async def _gap(self, seq: int, whom: set[Subscriber]) -> None:
        message = await self.audience.gap(seq)
        for subscriber in whom:
            subscriber.gap(message)
        metrics.gaps.inc(len(whom))


async def open_audience(
    api: Api, asked: Asked, prepared: Prepared, context: Context, transport: str, last_event_id: str | None = None
) -> Audience:
    """What a subscription operation asks to hear, charged once. Raises `Invalid`."""
    api.charge(prepared, asked.variables, context)
    asked.canonical()
    selection = await api.execution.select(prepared, asked.variables, context)
    if last_event_id:
        selection = replace(selection, after=last_event_id)
    metrics.requests_of(transport, prepared.kind.value, prepared.root, "OK").inc()
    return Audience(api, prepared, asked.variables, context.viewer, selection)
