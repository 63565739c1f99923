"""Who asks, and what an operation may use: one per operation, one per event of a subscription."""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import wraps
from itertools import repeat
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from api.budget import Balance
from api.engine import Guarded
from api.kept import Kept
from api.loads import Loads, repeated
from api.sight import Anyone, Guard, Kind, Seen, Sight, passes, where
from domain.calendar import Calendar
from domain.incentives.sight import visible_pay
from domain.org import actions as org
from domain.org import sight
from domain.org.model import Viewer
from domain.work import Work
from settings import Settings
from sql.pool import Database, Record
from sql.queries import Query

# As long as what is known of a token.
_CALENDAR_SECONDS = 2.0
_MOST_CALENDARS = 1_000

K = TypeVar("K")
V = TypeVar("V")

Batch = Callable[["Context", Sequence[K]], Awaitable[Sequence[V]]]
"""A batch load: values in the order of their keys. Module-level functions, in each area's `loaders.py`."""

CommonBatch = Callable[["Reads", Sequence[K]], Awaitable[Sequence[V]]]
"""A batch load of what is the same for every viewer: it is not told who asks."""


class Reads:
    """Reads of an organisation's rows at one moment, whoever asks. No key is loaded twice."""

    __slots__ = ()
    db: Database
    org_id: UUID
    now: datetime
    _loads: dict[Any, "Loads[Any, Any]"]

    def _loading(self, batch: Callable[[Any, Sequence[K]], Awaitable[Sequence[V]]]) -> "Loads[K, V]":
        loads = self._loads.get(batch)
        if loads is None:
            loads = self._loads[batch] = Loads(batch)
        return loads

    async def load_each(
        self, batch: Callable[[Any, Sequence[K]], Awaitable[Sequence[V]]], keys: Sequence[K | None]
    ) -> Sequence[V | None]:
        """Many values through a batch load, in the order of their keys; None stays None."""
        numbers: dict[K, int] = {}
        places = [None if key is None else numbers.setdefault(key, len(numbers)) for key in keys]
        if not numbers:
            return [None] * len(keys)
        known = self._at_hand(batch, numbers)
        values = await self._loading(batch).values(self, list(numbers)) if known is None else known
        return values if len(numbers) == len(keys) else repeated(values, places)

    def _at_hand(
        self, batch: Callable[[Any, Sequence[K]], Awaitable[Sequence[V]]], keys: Iterable[K]
    ) -> list[V] | None:
        """The values, where nobody has to be asked for any of them."""
        return None

    async def fetch(self, query: Query, *args: object) -> list[Record]:
        """All rows of a read in the organisation."""
        async with self.db.session(self.org_id) as session:
            return await session.fetch(query, *args)

    async def row(self, query: Query, *args: object) -> Record | None:
        """The first row of a read."""
        async with self.db.session(self.org_id) as session:
            return await session.row(query, *args)

    async def value(self, query: Query, *args: object) -> Any:
        """The first column of the first row of a read."""
        async with self.db.session(self.org_id) as session:
            return await session.value(query, *args)

    async def calendar(self) -> Calendar:
        """The organisation's calendar, read once."""
        return (await self._loading(_calendar).values(self, [None]))[0]

    async def today(self) -> date:
        """The organisation's local day."""
        return (await self.calendar()).local_day(self.now)


class Calendars:
    """Calendars of organisations, for a moment: every query needs one, and nobody sets one often. One per process.

    After a mutation that this process answered, the organisation's is read anew; after one of another process, a
    moment later.
    """

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[float, Calendar]] = {}

    async def of(self, reads: Reads) -> Calendar:
        """The organisation's calendar."""
        until, calendar = self._known.get(reads.org_id, (0.0, None))
        if calendar is None or time.monotonic() >= until:
            calendar = await Reads.calendar(reads)
            if len(self._known) >= _MOST_CALENDARS:
                self._known.clear()
            self._known[reads.org_id] = time.monotonic() + _CALENDAR_SECONDS, calendar
        return calendar

    def forget(self, org_id: UUID) -> None:
        """Read it anew."""
        self._known.pop(org_id, None)


@dataclass(slots=True)
class Common(Reads):
    """What is loaded once for all subscribers that hear of the same events."""

    db: Database
    org_id: UUID
    now: datetime
    _loads: dict[Any, "Loads[Any, Any]"] = field(default_factory=dict)

    def keep_calendar(self, before: "Common") -> None:
        """Have the calendar that was read before, or is being read: it is still the same."""
        if _calendar in before._loads:
            self._loads[_calendar] = before._loads[_calendar]


@dataclass(slots=True)
class Context(Reads):
    """`now` is the operation's one clock. Reads go through `fetch`, writes through `work()`."""

    db: Database
    viewer: Viewer
    now: datetime
    settings: Settings
    request_id: str
    idempotency_key: str | None = None
    traceparent: str | None = None
    """The caller's span, if it named one."""
    balance: Balance | None = None
    """What the operation cost and what is left; None before it was charged, and in events."""
    common: Common | None = None
    """In events, what this viewer shares with others; otherwise None."""
    seen: Sight | None = None
    """Today's sight, where it is known already."""
    calendars: Calendars | None = None
    """In queries, where calendars are kept for a moment; otherwise they are read."""
    kept: Kept | None = None
    """What this process knows for good; None reads it."""
    org_id: UUID = field(init=False)
    _loads: dict[Any, "Loads[Any, Any]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.org_id = self.viewer.org_id

    async def load(self, batch: Batch[K, V], key: K) -> V:
        """One value through a batch load: all keys that an operation asks for at once are one call of `batch`."""
        return (await self._loading(batch).values(self, [key]))[0]

    async def whoever_asks(self, batch: CommonBatch[K, V], keys: Sequence[K]) -> Sequence[V]:
        """What `batch` gives to any viewer. What this one may not see is still to be taken out."""
        if self.common is None:
            return await batch(self, keys)
        return await self.common._loading(batch).values(self.common, keys)

    def _at_hand(
        self, batch: Callable[[Any, Sequence[K]], Awaitable[Sequence[V]]], keys: Iterable[K]
    ) -> list[V] | None:
        if self.kept is None or not isinstance(batch, Unchanging):
            return None
        return self.kept.known(self.org_id, batch.stored, keys)

    def forget(self) -> None:
        """Load everything anew from here on: something was written, or all is answered.

        What was loaded may know who asks, as a page does that counts when asked to: it goes before the collector comes.
        """
        self._loads.clear()

    async def calendar(self) -> Calendar:
        """The organisation's calendar, read once an operation."""
        if self.calendars is not None:
            return await self.calendars.of(self)
        return await (Reads.calendar(self) if self.common is None else self.common.calendar())

    def work(self) -> Work:
        """What an action needs."""
        return Work(self.db, self.viewer, self.now, self.idempotency_key)

    async def sight(self, day: date | None = None) -> Seen:
        """The reps that the viewer sees as of a day (default today); None means all."""
        if self.viewer.sees_everybody:
            return None
        if day is None and self.seen is not None:
            return self.seen["reps"]
        return await self.load(_visible_reps, day or await self.today())

    async def team_sight(self, day: date | None = None) -> Seen:
        """The teams that the viewer sees as of a day (default today); None means all."""
        if self.viewer.sees_everybody:
            return None
        if day is None and self.seen is not None:
            return self.seen["teams"]
        return await self.load(_visible_teams, day or await self.today())

    async def pay_sight(self) -> Seen:
        """The reps whose pay the viewer sees as of today; None means all."""
        if self.viewer.sees_all_pay:
            return None
        if self.seen is not None:
            return self.seen["pay"]
        return await self.load(_visible_pay, await self.today())

    async def looks(self, *kinds: Kind) -> Sight:
        """Whom the viewer sees today of these kinds."""
        sights: dict[Kind, Callable[[], Awaitable[Seen]]]
        sights = {"reps": self.sight, "teams": self.team_sight, "pay": self.pay_sight}
        return {kind: await sights[kind]() for kind in kinds}

    async def of_seen(self, kind: Kind, ids: Sequence[UUID | None], values: Sequence[V | None]) -> Sequence[V | None]:
        """The values that belong to those whom the viewer sees, by their ids; None instead of others."""
        return await self.shown([kind], zip(repeat(kind), ids, repeat(None)), values)

    async def shown(
        self, kinds: Sequence[Kind], guards: Iterable[Guard | None], values: Sequence[V | None]
    ) -> Sequence[V | None]:
        """The values whose guards, all of these kinds, the viewer passes; None instead of others."""
        if isinstance(self.viewer, Anyone):
            return Guarded(values, list(guards))
        sight = await self.looks(*kinds)
        if all(seen is None for seen in sight.values()):
            return values
        user_id = self.viewer.user_id
        return where([passes(guard, sight, user_id) for guard in guards], values)


@dataclass(frozen=True, slots=True, init=False)
class Some:
    """A batch load that is told more than keys: `batch(reads, keys, *told)`. Equal when it loads the same."""

    batch: Callable[..., Any]
    told: tuple[Any, ...]

    def __init__(self, batch: Callable[..., Any], *told: Any) -> None:
        object.__setattr__(self, "batch", batch)
        object.__setattr__(self, "told", told)

    def __call__(self, reads: Any, keys: Sequence[Any]) -> Awaitable[Sequence[Any]]:
        loading: Awaitable[Sequence[Any]] = self.batch(reads, keys, *self.told)
        return loading


class Unchanging(Generic[K, V]):
    """A batch load of versions, which exist and are never edited: a process reads them once."""

    def __init__(self, batch: CommonBatch[K, V]) -> None:
        self.stored = batch

    async def __call__(self, ctx: Context, keys: Sequence[K]) -> Sequence[V]:
        """The versions, those that are known among them."""
        if ctx.kept is None:
            return await ctx.whoever_asks(self.stored, keys)
        return await ctx.kept.values(ctx.org_id, self.stored, ctx, keys)


def common(batch: Callable[..., Awaitable[Sequence[V]]]) -> Callable[..., Awaitable[Sequence[V]]]:
    """A batch load whose values are the same for every viewer: subscribers to the same events share them."""

    @wraps(batch)
    async def load(ctx: Context, keys: Sequence[K], *told: Any) -> Sequence[V]:
        return await ctx.whoever_asks(Some(batch, *told) if told else batch, keys)

    return load


async def _calendar(reads: Reads, keys: Sequence[None]) -> Sequence[Calendar]:
    async with reads.db.session(reads.org_id) as session:
        calendar = await org.calendar(session)
    return [calendar for _ in keys]


async def _visible_reps(ctx: Context, days: Sequence[date]) -> Sequence[Seen]:
    async with ctx.db.session(ctx.viewer.org_id) as session:
        return [await sight.visible_reps(session, ctx.viewer, day) for day in days]


async def _visible_teams(ctx: Context, days: Sequence[date]) -> Sequence[Seen]:
    async with ctx.db.session(ctx.viewer.org_id) as session:
        return [await sight.visible_teams(session, ctx.viewer, day) for day in days]


async def _visible_pay(ctx: Context, days: Sequence[date]) -> Sequence[Seen]:
    async with ctx.db.session(ctx.viewer.org_id) as session:
        return [await visible_pay(session, ctx.viewer, day) for day in days]


Info = strawberry.Info[Context, Any]
