"""Thin, idempotent calls into actions. A job may run more than once, or while another one is at it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars

from domain import recompute as domain
from domain.scorecards import results as scorecards
from domain.work import Work
from settings import Settings
from sql.pool import Database
from sql.queries import queries
from workers import metrics

_live = queries("live")
log = structlog.get_logger("attain.jobs")

# How long an Idempotency-Key is remembered.
_IDEMPOTENCY = timedelta(days=2)

_ROUNDS: dict[str, Callable[[Work], Awaitable[bool]]] = {"recompute": domain.recompute, "coach": domain.coach}

# How far apart an organisation's rounds of a job begin: it is coached at once, but not anew for each of many facts.
_APART_SECONDS = {"coach": 1.0}

# Every zone's midnight is among the times at which the clock ticks.
_TICK = timedelta(minutes=5)


class Jobs:
    """What a worker process is at: of each kind and organisation one job. What it leaves, the sweep finds."""

    def __init__(self, db: Database, options: Settings) -> None:
        self._db = db
        self._options = options
        self._slots = asyncio.Semaphore(options.max_jobs)
        self._running: dict[tuple[str, UUID], asyncio.Task[None]] = {}
        self._again: set[tuple[str, UUID]] = set()

    def begin(self, job: str, org_id: UUID) -> None:
        """Run a job (`recompute`, `coach`) of an organisation, unless it is being done; then once more."""
        key = job, org_id
        if key in self._running:
            self._again.add(key)
        else:
            self._running[key] = asyncio.create_task(self._run(job, org_id))

    async def close(self) -> None:
        """Stop. What was being computed is rolled back."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: str, org_id: UUID) -> None:
        bind_contextvars(org_id=str(org_id))  # a job is a task of its own: nothing to unbind
        key = job, org_id
        try:
            due = True
            while due:
                self._again.discard(key)
                async with self._slots:
                    await self._round(job, org_id)
                await asyncio.sleep(_APART_SECONDS.get(job, 0.0))
                # What is left, and what was committed meanwhile, has said so; also where its job met our lock.
                due = key in self._again
        finally:
            self._again.discard(key)
            del self._running[key]

    async def _round(self, job: str, org_id: UUID) -> None:
        with _measured(job) as note:
            work = Work.system(self._db, org_id)
            note["now"] = work.now.isoformat()
            async with asyncio.timeout(self._options.job_timeout_seconds):
                note["worked"] = await _ROUNDS[job](work)


@contextmanager
def _measured(job: str) -> Iterator[dict[str, object]]:
    """Notes how a job ended. A failure goes no further: what the job left, the sweep finds."""
    started = time.perf_counter()
    outcome = "cancelled"
    note: dict[str, object] = {}
    try:
        yield note
        outcome = "done"
    except Exception:
        outcome = "failed"
        log.exception("job_failed", job=job)
    finally:
        seconds = time.perf_counter() - started
        metrics.jobs.labels(job, outcome).inc()
        metrics.job_seconds.labels(job).observe(seconds)
        if outcome != "done" or note.pop("worked", False):  # what found nothing to do says nothing
            log.info("job", job=job, outcome=outcome, milliseconds=round(seconds * 1000, 2), **note)


async def clock(db: Database, options: Settings) -> None:
    """Tick at once and then every few minutes, until cancelled."""
    while True:
        await tick(db, timedelta(days=options.event_retention_days))
        late = (datetime.now(UTC) - datetime.min.replace(tzinfo=UTC)) % _TICK
        # Some seconds after midnight, and not all workers at once.
        await asyncio.sleep((_TICK - late).total_seconds() + random.uniform(2, 12))  # noqa: S311 no secret


async def tick(db: Database, retention: timedelta) -> None:
    """What time alone changes: SLA clocks that ran out, and with a new local day pace, snoozes and retention."""
    now = datetime.now(UTC)
    for row in await db.system(_live.organizations):
        work = Work.system(db, row["org_id"], now)
        with bound_contextvars(org_id=str(row["org_id"])), _measured("tick"):
            await scorecards.stale_by_time(work)
            if await domain.new_day(work):
                async with work.transaction() as tx:
                    await tx.execute(_live.log_trim, now - retention)
                    await tx.execute(_live.idempotency_trim, now - _IDEMPOTENCY)
