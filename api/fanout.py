"""One event, many subscribers: sent by groups of those who get the same bytes.

What those are is up to their family (`api/family.py`), which makes them once for many groups.
"""

import asyncio
import math
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from graphql import GraphQLError

import logs
from api import metrics
from api.context import Common, Context
from api.documents import Invalid, Prepared
from api.family import BATCH, Family
from api.live import LiveChange, LiveKind, Logged, Selection, cursor_of
from api.operation import Api, Asked
from api.sight import Guard, Sight, in_sight, passes
from api.subscriber import Message, Subscriber
from domain.events import Change, tells_pay
from domain.org.model import Viewer
from sql.pool import Unavailable

log = structlog.get_logger("attain.live")

# Whom a viewer sees changes with the day and with moves. Moves are heard of, so that this is a second look.
_SIGHT_SECONDS = 60.0
# How soon, and how often, events are tried again that the database was away for.
_RETRY_SECONDS = 0.5
_RETRIES = 120
# Deliveries after which others get their turn: a few milliseconds.
_TURN = 200


class Audience:
    """Everybody who gets the same messages: members of one family, and one sight."""

    def __init__(
        self, api: Api, prepared: Prepared, variables: dict[str, Any], viewer: Viewer, selection: Selection
    ) -> None:
        self.org_id = viewer.org_id
        self.selection = selection
        self.family = Family(api, prepared, variables, viewer, selection)
        self.key: Hashable = self.family.key, _view(viewer, selection.field.personal)
        self._viewer = viewer
        self._seen: Sight | None = None
        self._sight_until = -math.inf
        if viewer.sees_everybody and viewer.sees_all_pay:
            self._seen, self._sight_until = {"reps": None, "teams": None, "pay": None}, math.inf

    def may_see(self, events: Sequence[Logged]) -> Sequence[Logged]:
        """Those that it may see, as far as its sight is known now."""
        if self._seen is None or asyncio.get_running_loop().time() >= self._sight_until:
            return events
        return self._visible(self._seen, events)

    def forget_sight(self) -> None:
        """Somebody moved."""
        if self._sight_until < math.inf:
            self._sight_until = -math.inf

    async def snapshot(self, seq: int) -> Message:
        """The first message: the state, which holds at least what happened up to `seq`."""
        ctx = self.family.context(self._viewer)
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
        return Message(seq, await self.family.encode(ctx, message))

    async def gap(self, seq: int) -> Message:
        """Something was left out up to `seq`."""
        ctx = self.family.context(self._viewer)
        message: LiveChange[Any] = LiveChange(
            cursor=cursor_of(self.org_id, seq), occurred_at=ctx.now, kind=LiveKind.GAP
        )
        return Message(seq, await self.family.encode(ctx, message))

    async def messages(self, events: Sequence[Logged], common: Common) -> list[Message]:
        """The messages for events that it heard, in order; those that are not for it leave none.

        What `common` holds was read after the events were: it is as they left it, or newer.
        """
        sight = await self._look(common)
        shown = self._visible(sight, events)
        if not self.selection.field.every:
            shown = _last_of_each_node(shown)
        sent = []
        for start in range(0, len(shown), BATCH):
            sent += await self._messages(common, sight, shown[start : start + BATCH])
        return sent

    async def _messages(self, common: Common, sight: Sight, events: Sequence[Logged]) -> list[Message]:
        shared = await common.load_each(self.family.shared, events)
        payloads = {}
        alone = []
        for event, one in zip(events, shared, strict=True):
            if one is not None and self._passes(sight, [one.of_node, *one.within]):
                payloads[event.seq] = one.payload
            elif one is None or self.selection.field.every or self._passes(sight, [one.of_node]):
                alone.append(event)
        if alone:
            ctx = self.family.context(self._viewer, common, sight)
            payloads |= zip([event.seq for event in alone], await self.family.for_one(ctx, alone), strict=True)
        told = [(event, payload) for event in events if (payload := payloads.get(event.seq)) is not None]
        now = datetime.now(UTC)
        for event, _ in told:
            metrics.lag.observe((now - event.occurred_at).total_seconds())
        return [Message(event.seq, payload) for event, payload in told]

    def _passes(self, sight: Sight, guards: Iterable[Guard | None]) -> bool:
        return all(passes(guard, sight, self._viewer.user_id) for guard in guards)

    async def _look(self, common: Common) -> Sight:
        """Whom the audience sees, as of today."""
        now = asyncio.get_running_loop().time()
        if self._seen is not None and now < self._sight_until:
            return self._seen
        self._seen = None  # what it saw before is nothing to go by
        self._sight_until = now + _SIGHT_SECONDS
        ctx = self.family.context(self._viewer, common)
        try:
            calendar = await ctx.calendar()
            midnight = calendar.midnight(calendar.local_day(ctx.now) + timedelta(days=1))
            self._sight_until = min(self._sight_until, now + (midnight - ctx.now).total_seconds())
            self._seen = await ctx.looks("reps", "teams", "pay")
        except BaseException:
            self.forget_sight()
            raise
        return self._seen

    def _visible(self, sight: Sight, events: Sequence[Logged]) -> Sequence[Logged]:
        return [event for event in events if self._sees(sight, event)]

    def _sees(self, sight: Sight, event: Logged) -> bool:
        heard_by = event.data.get("heard_by")
        if heard_by and str(self._viewer.user_id) in heard_by:
            return True
        if tells_pay(event.kind, event.rep_id):
            return in_sight(sight["pay"], event.rep_id)
        if event.rep_id is not None:
            return in_sight(sight["reps"], event.rep_id)
        return event.team_id is None or in_sight(sight["teams"], event.team_id)


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
        """Events in order that its family heard, and what all groups load for them."""
        heard = self.audience.may_see(events)
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
        logs.no_longer_about("request_id")  # it outlives the request that started it
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
    metrics.requests_of(transport, prepared.verb, prepared.root, "OK").inc()
    return Audience(api, prepared, asked.variables, context.viewer, selection)
