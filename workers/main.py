"""The worker process: arq's jobs, and a relay beside them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import orjson
import structlog
import uvloop
from arq.connections import ArqRedis, RedisSettings
from arq.cron import cron
from arq.worker import Worker
from redis.exceptions import RedisError

from domain.backlog import QUEUE
from settings import Settings
from sql.pool import Database, Unavailable
from workers import jobs, metrics
from workers.relay import Relay

log = structlog.get_logger("attain.worker")

# How long a job waits at most before the same one may be enqueued again: bounds what a lost job costs.
_WAIT_SECONDS = 5


async def startup(ctx: dict[str, Any]) -> None:
    """Open Postgres and start the relay."""
    options: Settings = ctx["settings"]
    ctx["db"] = await Database.open(
        options.database_url, size=options.pool_size, timeout_ms=options.job_timeout_seconds * 1000
    )
    queue: ArqRedis = ctx["redis"]

    async def enqueue(job: str, org_id: UUID) -> None:
        waiting = jobs.WAITING.format(job=job, org=org_id)
        if await queue.set(waiting, 1, nx=True, ex=_WAIT_SECONDS):
            await queue.enqueue_job(job, str(org_id))

    relay = Relay(ctx["db"], queue, options, enqueue)
    ctx["tasks"] = [asyncio.create_task(_forever(relay.run), name="relay")]
    if options.metrics_port:
        ctx["tasks"].append(asyncio.create_task(metrics.watch(ctx["db"], queue, options), name="metrics"))


async def _forever(run: Callable[[], Awaitable[None]]) -> None:
    """Start it again when its connection is lost; a worker needs nobody to restart it."""
    while True:
        try:
            await run()
        except Exception as error:
            log.warning("relay_restarts", exc_info=error)
            await asyncio.sleep(1)


async def shutdown(ctx: dict[str, Any]) -> None:
    """Stop the relay and close Postgres."""
    for task in ctx["tasks"]:
        task.cancel()
    await asyncio.gather(*ctx["tasks"], return_exceptions=True)
    await ctx["db"].close()


def worker(options: Settings) -> Worker:
    """The arq worker of this process. Jobs are short: what a killed worker left is taken up by the sweep."""
    return Worker(
        queue_name=QUEUE,
        functions=[jobs.recompute, jobs.coach],
        # Every zone's midnight is among these minutes.
        cron_jobs=[cron(jobs.tick, minute=set(range(0, 60, 5)), second=5, run_at_startup=True)],
        redis_settings=RedisSettings.from_dsn(options.valkey_url),
        ctx={"settings": options},
        on_startup=startup,
        on_shutdown=shutdown,
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
        # arq polls; a job waits half of this on average.
        poll_delay=0.01,
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
        process = worker(options)
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
