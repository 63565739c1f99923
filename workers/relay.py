"""Outbox -> ordered event log -> Valkey and jobs.

A row in `org_work` says that an organisation has something to do; NOTIFY says it sooner. Numbering is one statement
under a lock of the organisation, so any number of relays may run and a stopped one holds up nobody. Valkey only carries
the wake-up: subscribers read the log.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

import telemetry
from domain.events import CHANNEL
from settings import Settings
from sql.pool import Database, Listener, Unavailable, uuid7
from sql.queries import queries
from workers import metrics

_live = queries("live")
log = structlog.get_logger("attain.relay")

Enqueue = Callable[[str, UUID], Awaitable[None]]
"""Begins a job (`recompute`, `coach`, `deliver`) of an organisation."""

_JOBS = {"RECOMPUTE": "recompute", "COACH": "coach", "DELIVER": "deliver"}


Tell = Callable[[int], Awaitable[None]]
"""Hears of the last number given."""


async def _nobody(_seq: int) -> None:
    """The sweep of the API finds what is new."""


async def number(db: Database, org_id: UUID, tell: Tell = _nobody) -> int | None:
    """Move the organisation's committed outbox rows to the log, then tell the last number given.

    Returns it; None when there was nothing, or another relay is at it.
    """
    began = time.time_ns()
    async with db.session(org_id) as session:
        numbered = await session.row(_live.outbox_number, uuid7())
    assert numbered is not None  # noqa: S101 the statement always has a row
    last: int | None = numbered["last_seq"]
    if last is None:
        return None
    metrics.numbered.inc(numbered["events"])
    with telemetry.span("relay", numbered["traces"], began=began), telemetry.span("publish"):
        await tell(last)
    return last


class Relay:
    """One per worker process. `run` until cancelled."""

    def __init__(self, db: Database, valkey: Redis, settings: Settings, enqueue: Enqueue) -> None:
        self._db = db
        self._valkey = valkey
        self._settings = settings
        self._enqueue = enqueue
        self._woken: set[tuple[UUID, str]] = set()
        self._wake = asyncio.Event()
        self._away_until = 0.0
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Pass organisations on as they are notified, and all with work left over on a slow tick.

        Raises `ConnectionError` when the listening connection is lost.
        """
        async with Listener(self._settings.database_url, "attain_work", self._notified) as listener:
            self.listening.set()
            next_sweep = 0.0
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, next_sweep - time.monotonic())):
                        await self._wake.wait()
                self._wake.clear()
                woken, self._woken = self._woken, set()
                try:
                    for org_id, kind in sorted(woken, key=lambda w: w[1] == "EVENTS"):
                        await self._handle(org_id, kind)
                    if time.monotonic() >= next_sweep:
                        next_sweep = time.monotonic() + self._settings.sweep_seconds
                        await self._sweep()
                except Unavailable as error:
                    # Nothing is lost: rows of org_work stay until their work is done, and the sweep finds them.
                    log.warning("relay_waits", error=repr(error))
                    await asyncio.sleep(self._settings.sweep_seconds)
                if listener.lost:
                    raise ConnectionError("The connection that listens for work was lost.")

    def _notified(self, payload: str) -> None:
        org_id, _, kind = payload.partition(" ")
        self._woken.add((UUID(org_id), kind))
        self._wake.set()

    async def _handle(self, org_id: UUID, kind: str) -> None:
        async def publish(seq: int) -> None:
            await self._tell(self._valkey.publish, CHANNEL, f'{{"org":"{org_id.hex}","seq":{seq}}}')

        if kind == "EVENTS":
            await number(self._db, org_id, publish)
        else:
            await self._tell(self._enqueue, _JOBS[kind], org_id)

    async def _tell(self, how: Callable[..., Awaitable[object]], *what: object) -> None:
        """Tell Valkey, unless it was away just now. What it misses is found: jobs by our sweep, events by the API's."""
        if time.monotonic() < self._away_until:
            return
        try:
            await how(*what)
        except RedisError as error:
            self._away_until = time.monotonic() + self._settings.sweep_seconds
            log.warning("valkey_away", error=repr(error))

    async def _sweep(self) -> None:
        """What a lost notification, a lost job or a killed worker left behind."""
        for row in await self._db.system(_live.work_pending, self._settings.sweep_seconds):
            await self._handle(row["org_id"], row["kind"])
