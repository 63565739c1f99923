"""From the event log to subscribers.

A follower reads an organisation's log in order, woken by Valkey, and on a slow tick besides, so that a lost message
costs a second and no data. Subscribers with the same operation, variables and sight form a group (`api/fanout.py`).
Queues are bounded: a subscriber that falls behind loses its queue, is told GAP and goes on from there; the others do
not notice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from datetime import UTC, datetime
from typing import NoReturn
from uuid import UUID
from weakref import WeakValueDictionary

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

import logs
from api import metrics
from api.context import Common
from api.family import Family
from api.fanout import Audience, Group
from api.live import Logged, parse_cursor
from api.subscriber import Message, Push, Subscriber, Write, never_at_once
from domain.events import CHANNEL
from domain.org.model import Viewer
from settings import Settings
from sql.pool import Database, Unavailable
from sql.queries import queries

_access = queries("access")
_live = queries("live")
log = structlog.get_logger("attain.live")

_PAGE = 500
# How long somebody whose access ended may go on listening.
_ACCESS_SECONDS = 2.0
_LONGEST_BACKOFF_SECONDS = 5.0


class Bus:
    """One per process. `run` until cancelled, then `close`."""

    def __init__(self, db: Database, valkey: Redis, settings: Settings) -> None:
        self._db = db
        self._valkey = valkey
        self._settings = settings
        self._followers: dict[UUID, _Follower] = {}
        self._snapshots = _Snapshots(self._snapshot)
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Hear Valkey, for as long as it takes."""
        backoff = 0.05
        while True:
            try:
                async with self._valkey.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    async for message in channel.listen():
                        if message["type"] == "message":
                            self._heard(message["data"])
                        elif message["type"] == "subscribe":
                            backoff = 0.05
                            self.listening.set()
                            for follower in self._followers.values():
                                follower.wake.set()
            except (RedisError, OSError) as error:
                log.warning("valkey_away", error=repr(error), retry_seconds=backoff)
            self.listening.clear()
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)

    def close(self) -> None:
        """Stop following. Open subscriptions hear nothing more."""
        for follower in self._followers.values():
            follower.stop()
        self._followers.clear()

    def subscribers(self, org_id: UUID) -> int:
        """How many listen to an organisation's changes in this process."""
        follower = self._followers.get(org_id)
        return sum(len(group.subscribers) for group in follower.groups.values()) if follower else 0

    def behind(self) -> float:
        """Seconds since the last time that the log was read to its end; of several organisations, the longest."""
        now = asyncio.get_running_loop().time()
        return max((now - follower.read_at for follower in self._followers.values()), default=0.0)

    async def deliver(self, audience: Audience, viewer: Viewer, write: Write, push: Push = never_at_once) -> NoReturn:
        """Send a client its messages until cancelled, the first at once unless it resumes.

        Raises `Invalid`, `Revoked`, and what `write` raises.
        """
        org_id, after = audience.org_id, audience.selection.after
        place = parse_cursor(after) if after is not None else None
        if place is None:
            state = await self._snapshots.of(audience)
            seq = state.seq
            await write(state)
        else:
            last, first = await self._head(org_id)
            if place[0] == org_id and first - 1 <= place[1] <= last:
                seq = place[1]
            else:
                seq = last
                await write(await audience.gap(seq))
        while not self._caught_up(org_id, seq):
            events = await self._read(org_id, seq)
            if not events:
                break
            for message in await audience.messages(audience.family.heard(events), self._common(org_id)):
                await write(message)
            seq = events[-1].seq
        # Nothing is awaited between having caught up and being in the group: nothing can come between.
        follower = self._followers.get(org_id)
        if follower is None:
            follower = self._followers[org_id] = _Follower(self, org_id, seq, self._settings)
        subscriber = Subscriber(viewer, seq, self._settings.subscriber_queue, write, push)
        follower.group(audience).subscribers.add(subscriber)
        metrics.subscribers.inc()
        try:
            raise await subscriber.ended
        finally:
            metrics.subscribers.dec()
            subscriber.stop()
            follower.leave(audience, subscriber)
            if not follower.groups and self._followers.get(org_id) is follower:
                del self._followers[org_id]
                follower.stop()

    def _caught_up(self, org_id: UUID, seq: int) -> bool:
        follower = self._followers.get(org_id)
        return follower is not None and follower.position <= seq

    async def _snapshot(self, audience: Audience) -> Message:
        seq, _ = await self._head(audience.org_id)  # read before the state, so that nothing falls between
        return await audience.snapshot(seq)

    async def _head(self, org_id: UUID) -> tuple[int, int]:
        """The number of the organisation's last event, and of the first that the log still has."""
        async with self._db.session(org_id) as session:
            row = await session.row(_live.log_head)
        return (row["last_seq"], row["first_seq"]) if row else (0, 1)

    async def _read(self, org_id: UUID, after: int) -> list[Logged]:
        async with self._db.session(org_id) as session:
            return [Logged.of(row) for row in await session.fetch(_live.log_after, after, _PAGE)]

    def _common(self, org_id: UUID) -> Common:
        return Common(self._db, org_id, datetime.now(UTC))

    def _heard(self, data: bytes) -> None:
        try:
            message = orjson.loads(data)
            follower = self._followers.get(UUID(message["org"]))
            if follower is not None and message["seq"] > follower.position:
                follower.wake.set()
        except (ValueError, KeyError, TypeError):
            log.warning("strange_message", data=repr(data)[:200])


class _Snapshots:
    """The state is read once for all who come while it is being read for those before them.

    Nobody gets one that was begun before they came: what a client stored, it finds.
    """

    def __init__(self, take: Callable[[Audience], Awaitable[Message]]) -> None:
        self._take = take
        self._begun: dict[Hashable, asyncio.Task[Message]] = {}
        self._next: dict[Hashable, asyncio.Task[Message]] = {}

    async def of(self, audience: Audience) -> Message:
        """The first message for one more. Raises `Invalid`."""
        coming = self._next.get(audience.key)
        if coming is None:
            coming = asyncio.create_task(self._one(audience, self._begun.get(audience.key)))
            coming.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be left to see it
            self._next[audience.key] = coming
        return await asyncio.shield(coming)

    async def _one(self, audience: Audience, before: asyncio.Task[Message] | None) -> Message:
        if before is not None:
            await asyncio.wait([before])
        begun = self._begun[audience.key] = self._next.pop(audience.key)
        try:
            return await self._take(audience)
        finally:
            if self._begun.get(audience.key) is begun:
                del self._begun[audience.key]


class _Follower:
    """Reads one organisation's log from `position` on and hands it to the groups."""

    def __init__(self, bus: Bus, org_id: UUID, position: int, settings: Settings) -> None:
        self.position = position
        self.groups: dict[Hashable, Group] = {}
        self._families: WeakValueDictionary[Hashable, Family] = WeakValueDictionary()
        self.wake = asyncio.Event()
        self.wake.set()
        self._bus = bus
        self._org_id = org_id
        self._settings = settings
        self._access_until = 0.0
        self._common = bus._common(org_id)
        self.read_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run())

    def group(self, audience: Audience) -> Group:
        """The group of those who get the same; the first one's audience stands for all."""
        group = self.groups.get(audience.key)
        if group is None:
            audience.family = self._families.setdefault(audience.family.key, audience.family)
            group = self.groups[audience.key] = Group(audience, inbox=4 * _PAGE)
        return group

    def leave(self, audience: Audience, subscriber: Subscriber) -> None:
        """A subscriber is gone; the last one takes the group along."""
        group = self.groups[audience.key]
        group.subscribers.discard(subscriber)
        if not group.subscribers:
            del self.groups[audience.key]
            group.stop()

    def stop(self) -> None:
        """Nobody is left."""
        for group in self.groups.values():
            group.stop()
        self._task.cancel()

    async def _run(self) -> None:
        logs.no_longer_about("request_id")  # it outlives the request that started it
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.sweep_seconds):
                    await self.wake.wait()
            self.wake.clear()
            try:
                while events := await self._bus._read(self._org_id, self.position):
                    await self._pass_on(events)
                    if len(events) < _PAGE:
                        break
                self.read_at = asyncio.get_running_loop().time()
                await self._check_access()
            except Unavailable as error:
                log.warning("log_unreadable", org_id=str(self._org_id), error=repr(error))
            except Exception:
                log.exception("follower_failed", org_id=str(self._org_id))
                await asyncio.sleep(self._settings.sweep_seconds)

    async def _pass_on(self, events: list[Logged]) -> None:
        common = self._bus._common(self._org_id)
        if any(event.kind.startswith("org.") for event in events):
            self._access_until = 0.0
            await self._check_access()
            for group in self.groups.values():
                group.audience.forget_sight()
        else:
            common.keep_calendar(self._common)
        self._common = common
        self.position = events[-1].seq
        heard: dict[Family, list[Logged]] = {}
        for group in self.groups.values():
            family = group.audience.family
            if family not in heard:
                heard[family] = family.heard(events)
            group.give(heard[family], common)

    async def _check_access(self) -> None:
        """End the subscriptions of those who were deactivated, revoked or given another role since."""
        now = asyncio.get_running_loop().time()
        if now < self._access_until:
            return
        self._access_until = now + _ACCESS_SECONDS
        everybody = [one for group in self.groups.values() for one in group.subscribers]
        async with self._bus._db.session(self._org_id) as session:
            actors = list({one.viewer.actor_id for one in everybody})
            rows = await session.fetch(_access.actors, actors, datetime.now(UTC))
        known = {row["actor_id"]: (row["role"], frozenset(row["scopes"])) for row in rows}
        for one in everybody:
            viewer = one.viewer
            if known.get(viewer.actor_id) != (viewer.role, viewer.scopes if viewer.key_id else frozenset()):
                one.revoke()
