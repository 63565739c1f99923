"""Thin, idempotent calls into actions. A job may run more than once, or while another one is at it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

import logs
from domain import recompute as domain
from domain.scorecards import results as scorecards
from domain.work import Work
from sql.pool import Database
from sql.queries import queries
from workers import metrics

_live = queries("live")
log = structlog.get_logger("attain.jobs")

# How long an Idempotency-Key is remembered.
_IDEMPOTENCY = timedelta(days=2)

# Marks in the queue's own store that a job of an organisation waits: it need not be enqueued twice.
WAITING = "attain:waiting:{job}:{org}"

# There as long as the next such job has to wait.
BEGAN = "attain:began:{job}:{org}"


# How long a job waits for more before it ends: to begin another one costs as much as a small round of this one.
_LINGER_SECONDS = 0.1

# For how long coaching rests beside recomputing, in units of what it worked.
_RESTS = 3


class UnderWay:
    """The organisations that this process recomputes just now.

    Another job would only find the lock taken: whoever is at it looks again instead, when told that there is more.
    """

    def __init__(self) -> None:
        self._more: dict[UUID, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._more)

    def look_again(self, org_id: UUID) -> bool:
        """False when nobody is at it."""
        more = self._more.get(org_id)
        if more is not None:
            more.set()
        return more is not None

    @contextmanager
    def at(self, org_id: UUID) -> Iterator[asyncio.Event]:
        """Set whenever there is more. Where it is left sooner, the sweep finds what there is more."""
        more = self._more[org_id] = asyncio.Event()
        try:
            yield more
        finally:
            del self._more[org_id]


async def recompute(ctx: dict[str, Any], org: str) -> None:
    """Recompute until nothing is stale, and a moment longer: facts that keep coming keep one job busy."""
    under_way: UnderWay = ctx["under_way"]
    if under_way.look_again(UUID(org)):
        await ctx["redis"].delete(WAITING.format(job="recompute", org=org))
        return
    with under_way.at(UUID(org)) as more:

        async def once(work: Work) -> bool:
            more.clear()
            return await domain.recompute(work) or more.is_set()

        async def linger() -> None:
            if 2 * len(under_way) <= ctx["settings"].max_jobs:  # else others want the place
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LINGER_SECONDS):
                        await more.wait()

        ended = await _drain(ctx, "recompute", org, once, linger)
    if not ended:
        await ctx["redis"].enqueue_job("recompute", org)


async def coach(ctx: dict[str, Any], org: str) -> None:
    """Evaluate the coaching rules that are due. What is marked meanwhile has a job of its own."""

    async def rest(worked: float) -> None:
        if ctx["under_way"]:  # numbers come first, and have most of the time
            await asyncio.sleep(_RESTS * worked)

    await _drain(ctx, "coach", org, lambda work: domain.coach(work, rest))


async def _drain(
    ctx: dict[str, Any],
    job: str,
    org: str,
    once: Callable[[Work], Awaitable[bool]],
    linger: Callable[[], Awaitable[None]] | None = None,
) -> bool:
    """Round after round until there is nothing to do; without `linger`, one. False: it took too long for one job."""
    logs.about(org_id=org)
    # From here on a new job may wait: what is marked while this one runs must not be lost.
    await ctx["redis"].delete(WAITING.format(job=job, org=org))
    with _measured(job) as note:
        note["rounds"] = 0
        started = began = time.perf_counter()
        # The lock is free again before the next look: marks whose job met the lock are found here.
        while await once(work := Work.system(ctx["db"], UUID(org))):
            note["rounds"] += 1
            now = time.perf_counter()
            metrics.job_seconds.labels(job).observe(now - began)
            log.debug("round", job=job, now=work.now.isoformat(), milliseconds=round((now - began) * 1000, 2))
            if linger is None:
                break
            if now - started > ctx["settings"].job_timeout_seconds / 2:
                return False
            await linger()
            began = time.perf_counter()
    return True


@contextmanager
def _measured(job: str) -> Iterator[dict[str, int]]:
    """Notes how a job ended. A failure goes no further: what the job left, the sweep finds."""
    started = time.perf_counter()
    outcome = "cancelled"
    note: dict[str, int] = {}
    try:
        yield note
        outcome = "done"
    except Exception:
        outcome = "failed"
        log.exception("job_failed", job=job)
    finally:
        seconds = time.perf_counter() - started
        metrics.jobs.labels(job, outcome).inc()
        if outcome != "done" or note.get("rounds"):  # what found nothing to do says nothing
            log.info("job", job=job, outcome=outcome, milliseconds=round(seconds * 1000, 1), **note)


async def tick(ctx: dict[str, Any]) -> None:
    """What time alone changes: SLA clocks that ran out, and with a new local day pace, snoozes and retention."""
    db: Database = ctx["db"]
    now = datetime.now(UTC)
    oldest = now - timedelta(days=ctx["settings"].event_retention_days)
    for row in await db.system(_live.organizations):
        work = Work.system(db, row["org_id"], now)
        logs.about(org_id=str(row["org_id"]))
        with _measured("tick"), metrics.job_seconds.labels("tick").time():
            await scorecards.stale_by_time(work)
            if await domain.new_day(work):
                async with work.transaction() as tx:
                    await tx.execute(_live.log_trim, oldest)
                    await tx.execute(_live.idempotency_trim, now - _IDEMPOTENCY)
