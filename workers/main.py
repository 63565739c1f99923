"""The worker process: arq's jobs, and a relay beside them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import structlog
import uvloop
from arq.connections import ArqRedis, RedisSettings
from arq.cron import cron
from arq.worker import Worker
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from domain.backlog import QUEUE
from settings import Settings
from sql.pool import Database, Unavailable
from workers import jobs, metrics
from workers.relay import Relay
from workers.webhooks import Deliverer

log = structlog.get_logger("attain.worker")

# How long a job waits at most before the same one may be enqueued again: bounds what a lost job costs.
_WAIT_SECONDS = 5
# How far apart an organisation's jobs of a kind begin: it is coached at once, but not anew for each of many facts.
_APART_SECONDS = {"coach": 5.0}
# How often a worker looks at the queue that nobody told of a job.
_LOOK_SECONDS = 0.1
# How long the relay waits for Valkey, which events do not need.
_VALKEY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the relay and the jobs of a process share. `awake` tells arq that there may be a job."""

    db: Database
    under_way: jobs.UnderWay = field(default_factory=jobs.UnderWay)
    awake: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def _relaying(options: Settings) -> AsyncIterator[_Shared]:
    """Postgres with a relay on it: events are numbered whether or not Valkey, and with it arq, is there."""
    db = await Database.open(
        options.database_url, size=options.pool_size, timeout_ms=options.job_timeout_seconds * 1000
    )
    connections: ConnectionPool = ConnectionPool.from_url(
        options.valkey_url, socket_connect_timeout=_VALKEY_SECONDS, socket_timeout=_VALKEY_SECONDS
    )
    queue = ArqRedis(connections, orjson.dumps, orjson.loads, QUEUE)
    deliverer = Deliverer(db, options)
    shared = _Shared(db)

    async def enqueue(job: str, org_id: UUID) -> None:
        if job == "deliver":  # waits for others' servers: not on the queue, where it would hold up the numbers
            deliverer.wake(org_id)
            return
        if job == "recompute" and shared.under_way.look_again(org_id):
            return
        apart = _APART_SECONDS.get(job, 0.0)
        waiting = jobs.WAITING.format(job=job, org=org_id)
        if await queue.set(waiting, 1, nx=True, ex=int(_WAIT_SECONDS + apart)):
            defer = 0.0
            if apart:
                began = jobs.BEGAN.format(job=job, org=org_id)
                defer = max(0, await queue.pttl(began)) / 1000
                await queue.set(began, 1, px=int((defer + apart) * 1000))
            await queue.enqueue_job(job, str(org_id), _defer_by=defer or None)
        # Also where another relay was first: all of them hear of the work, and any worker may take it.
        # What is kept apart is in no hurry: it is found when somebody looks anyway.
        if not apart:
            shared.awake.set()

    tasks = [asyncio.create_task(_forever(Relay(db, queue, options, enqueue).run), name="relay")]
    if options.metrics_port:
        tasks.append(asyncio.create_task(metrics.watch(db, queue, options), name="metrics"))
    try:
        yield shared
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await deliverer.close()
        await queue.aclose()
        await connections.disconnect()
        await db.close()


async def _forever(run: Callable[[], Awaitable[None]]) -> None:
    """Start it again when its connection is lost; a worker needs nobody to restart it."""
    while True:
        try:
            await run()
        except Exception as error:
            log.warning("relay_restarts", exc_info=error)
            await asyncio.sleep(1)


class _Worker(Worker):
    """arq polls. This one is told when to look, and looks by itself only now and then: for jobs that were put off, and
    for those that somebody else left."""

    def __init__(self, awake: asyncio.Event, **options: Any) -> None:
        super().__init__(poll_delay=0, **options)
        self._awake = awake

    async def _poll_iteration(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._awake.wait()
        self._awake.clear()
        await super()._poll_iteration()

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        self._awake.set()  # there is room for a job that waits


def worker(options: Settings, shared: _Shared) -> Worker:
    """The arq worker of this process. Jobs are short: what a killed worker left is taken up by the sweep."""
    return _Worker(
        shared.awake,
        queue_name=QUEUE,
        functions=[jobs.recompute, jobs.coach],
        # Every zone's midnight is among these minutes.
        cron_jobs=[cron(jobs.tick, minute=set(range(0, 60, 5)), second=5, run_at_startup=True)],
        redis_settings=RedisSettings.from_dsn(options.valkey_url),
        ctx={"settings": options, "db": shared.db, "under_way": shared.under_way},
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
        max_jobs=options.max_jobs,
        job_timeout=options.job_timeout_seconds,
        # A kept result would block the same job id; a retry is the sweep's.
        keep_result=0,
        max_tries=1,
    )


def run(options: Settings) -> None:
    """The process `attain work`."""
    uvloop.run(_run(options))


async def _run(options: Settings) -> None:
    """Work until told to stop (SIGINT, SIGTERM); outages of Postgres or Valkey are waited out."""
    while True:
        try:
            async with _relaying(options) as shared:
                return await _take_jobs(options, shared)
        except Unavailable as error:
            log.warning("worker_waits", error=repr(error))
            await asyncio.sleep(1)


async def _take_jobs(options: Settings, shared: _Shared) -> None:
    """Until told to stop."""
    while True:
        process = worker(options, shared)
        try:
            await process.async_run()
        except asyncio.CancelledError:
            return
        except (*Unavailable, RedisError) as error:
            log.warning("worker_waits", error=repr(error))
            await asyncio.sleep(1)
        finally:
            with suppress(RedisError, *Unavailable):
                await process.close()
