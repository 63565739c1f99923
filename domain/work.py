"""One unit of work: who does it, when, and the one transaction in which all of it happens or nothing.

    async with work.transaction() as tx:
        row = await tx.row(org.team_for_update, team_id)
        ...
        await tx.execute(org.team_save, ...)
        tx.record(Event("org.team", Change.UPDATED, "Team", str(team_id), team_id=team_id))

On leaving, the transaction writes what was recorded (outbox, dirty marks, audit log) and one wake-up, then commits.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from uuid import UUID

import telemetry
from domain.dirty import Mark, Touch
from domain.events import Event
from domain.org.model import Viewer
from sql.pool import Database, Record, Session, uuid7
from sql.queries import Query, queries

_live = queries("live")


@dataclass(slots=True)
class Tx:
    """An open transaction with what is to be written at its end."""

    session: Session
    viewer: Viewer
    now: datetime
    _events: list[Event] = field(default_factory=list)
    _marks: set[Mark] = field(default_factory=set)
    _coach: set[UUID] = field(default_factory=set)
    _again: set[str] = field(default_factory=set)
    _audit: list[tuple[str, str | None, str | None, Mapping[str, object]]] = field(default_factory=list)

    async def fetch(self, query: Query, *args: object) -> list[Record]:
        """All rows; `$1`, the organisation, is passed for you."""
        return await self.session.fetch(query, *args)

    async def row(self, query: Query, *args: object) -> Record | None:
        """The first row, or None."""
        return await self.session.row(query, *args)

    async def value(self, query: Query, *args: object) -> object:
        """The first column of the first row, or None."""
        return await self.session.value(query, *args)

    async def execute(self, query: Query, *args: object) -> int:
        """The number of rows touched."""
        return await self.session.execute(query, *args)

    async def claim(self, kind: str) -> list[str]:
        """Take what waits of a kind (EVENTS, RECOMPUTE, COACH), before it is read; the traces that asked for it."""
        return [row["trace"] for row in await self.session.fetch(_live.work_claim, kind)]

    def record(self, event: Event) -> None:
        """Tell the world, once this transaction is committed."""
        self._events.append(event)

    def mark(self, rep_id: UUID | None, from_day: date, through_day: date | None, touch: Touch = Touch.ALL) -> None:
        """These days' numbers are stale, or those of one kind of fact: the workers recompute them."""
        self._marks.add(Mark(rep_id, from_day, through_day, touch))

    def again(self, kind: str) -> None:
        """There is more of a kind of work: wake somebody for it, whatever becomes of who is at it."""
        self._again.add(kind)

    def coach(self, rep_id: UUID) -> None:
        """This rep's numbers changed: the workers evaluate the coaching rules."""
        self._coach.add(rep_id)

    def audit(self, action: str, node_type: str | None = None, node_key: str | None = None, **data: object) -> None:
        """Note for the audit log who did what (`action` as the graph names it)."""
        self._audit.append((action, node_type, node_key, data))

    async def _flush(self) -> None:
        events = [
            (uuid7(), e.kind, e.change, e.node_type, e.node_key, e.rep_id, e.team_id, dict(e.data))
            for e in self._events
        ]
        trace = telemetry.traceparent()
        if events:
            await self.execute(_live.outbox_add, *columns(events, 8), self.now, trace)
        if self._marks:
            marks = [(uuid7(), m.rep_id, m.from_day, m.through_day, m.touch) for m in self._marks]
            await self.execute(_live.marks_add, *columns(marks, 5), self.now)
        if self._coach:
            await self.execute(_live.coach_marks_add, *columns([(uuid7(), r) for r in self._coach], 2), self.now)
        if self._audit:
            who = (self.viewer.actor_id, self.viewer.name)
            rows = [(uuid7(), *note) for note in self._audit]
            await self.execute(_live.audit_add, *columns(rows, 5), *who, self.now)
        kinds = [kind for kind, due in (("EVENTS", events), ("RECOMPUTE", self._marks), ("COACH", self._coach)) if due]
        kinds += sorted(self._again.difference(kinds))
        if kinds:
            await self.execute(_live.work_add, [uuid7() for _ in kinds], kinds, trace)


def columns(rows: Iterable[Sequence[object]], width: int) -> list[list[object]]:
    """Rows turned into one array a column, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


@dataclass(frozen=True, slots=True)
class Work:
    """Everything an action needs of its surroundings. `now` is the operation's one clock, in UTC."""

    db: Database
    viewer: Viewer
    now: datetime
    idempotency_key: str | None = None
    _joined: Tx | None = None

    @classmethod
    def system(cls, db: Database, org_id: UUID, now: datetime | None = None) -> "Work":
        """Work that Attain does by itself."""
        return cls(db, Viewer.system(org_id), now or datetime.now(UTC))

    def joining(self, tx: Tx) -> "Work":
        """The same within a transaction that somebody else ends: many actions, all of which happen or none."""
        return replace(self, _joined=tx)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Commit on leaving, roll back on an exception."""
        if self._joined is not None:
            yield self._joined
            return
        async with self.db.transaction(self.viewer.org_id) as session:
            tx = Tx(session, self.viewer, self.now)
            yield tx
            await tx._flush()
            if self.idempotency_key is not None:
                await tx.execute(_live.idempotency_applied, self.viewer.actor_id, self.idempotency_key)
