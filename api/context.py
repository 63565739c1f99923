"""Who asks, and what an operation may use: one per operation, one per event of a subscription."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api.budget import Balance
from domain.calendar import Calendar
from domain.incentives.sight import visible_pay
from domain.org import actions as org
from domain.org import sight
from domain.org.model import Viewer
from domain.work import Work
from settings import Settings
from sql.pool import Database, Record
from sql.queries import Query

K = TypeVar("K")
V = TypeVar("V")

Batch = Callable[["Context", Sequence[K]], Awaitable[Sequence[V]]]
"""A batch load: values in the order of their keys. Module-level functions, in each area's `loaders.py`."""


@dataclass(slots=True)
class Context:
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
    _loaders: dict[Any, DataLoader[Any, Any]] = field(default_factory=dict)

    async def load(self, batch: Batch[K, V], key: K) -> V:
        """One value through a batch load: all keys that an operation asks for at once are one call of `batch`."""
        loader = self._loaders.get(batch)
        if loader is None:

            async def run(keys: list[K]) -> Sequence[V]:
                return await batch(self, keys)

            loader = self._loaders[batch] = DataLoader(load_fn=run)
        value: V = await loader.load(key)
        return value

    def forget(self) -> None:
        """Load everything anew from here on: something was written."""
        self._loaders.clear()

    async def fetch(self, query: Query, *args: object) -> list[Record]:
        """All rows of a read in the viewer's organisation."""
        async with self.db.session(self.viewer.org_id) as session:
            return await session.fetch(query, *args)

    async def row(self, query: Query, *args: object) -> Record | None:
        """The first row of a read."""
        async with self.db.session(self.viewer.org_id) as session:
            return await session.row(query, *args)

    async def value(self, query: Query, *args: object) -> Any:
        """The first column of the first row of a read."""
        async with self.db.session(self.viewer.org_id) as session:
            return await session.value(query, *args)

    def work(self) -> Work:
        """What an action needs."""
        return Work(self.db, self.viewer, self.now, self.idempotency_key)

    async def calendar(self) -> Calendar:
        """The organisation's calendar, read once an operation."""
        return await self.load(_calendar, None)

    async def today(self) -> date:
        """The organisation's local day."""
        return (await self.calendar()).local_day(self.now)

    async def sight(self, day: date | None = None) -> list[UUID] | None:
        """The reps that the viewer sees as of a day (default today); None means all."""
        if self.viewer.sees_everybody:
            return None
        return await self.load(_visible_reps, day or await self.today())

    async def team_sight(self, day: date | None = None) -> list[UUID] | None:
        """The teams that the viewer sees as of a day (default today); None means all."""
        if self.viewer.sees_everybody:
            return None
        return await self.load(_visible_teams, day or await self.today())

    async def pay_sight(self) -> list[UUID] | None:
        """The reps whose pay the viewer sees as of today; None means all."""
        if self.viewer.sees_all_pay:
            return None
        return await self.load(_visible_pay, await self.today())


async def _calendar(ctx: Context, keys: Sequence[None]) -> Sequence[Calendar]:
    async with ctx.db.session(ctx.viewer.org_id) as session:
        calendar = await org.calendar(session)
    return [calendar for _ in keys]


async def _visible_reps(ctx: Context, days: Sequence[date]) -> Sequence[list[UUID] | None]:
    async with ctx.db.session(ctx.viewer.org_id) as session:
        return [await sight.visible_reps(session, ctx.viewer, day) for day in days]


async def _visible_teams(ctx: Context, days: Sequence[date]) -> Sequence[list[UUID] | None]:
    async with ctx.db.session(ctx.viewer.org_id) as session:
        return [await sight.visible_teams(session, ctx.viewer, day) for day in days]


async def _visible_pay(ctx: Context, days: Sequence[date]) -> Sequence[list[UUID] | None]:
    async with ctx.db.session(ctx.viewer.org_id) as session:
        return [await visible_pay(session, ctx.viewer, day) for day in days]


Info = strawberry.Info[Context, Any]
