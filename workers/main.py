"""The worker process: a relay, the jobs that it begins, and a clock."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import structlog
import uvloop
from redis.asyncio import Redis

from settings import Settings
from sql.pool import Database, Unavailable
from workers import metrics
from workers.jobs import Jobs, clock
from workers.relay import Relay
from workers.webhooks import Deliverer

log = structlog.get_logger("attain.worker")

# How long the relay waits for Valkey, which only wakes those who would look a little later.
_VALKEY_SECONDS = 2.0


def run(options: Settings) -> None:
    """The process `attain work`."""
    uvloop.run(_run(options))


async def _run(options: Settings) -> None:
    """Work until told to stop (SIGINT, SIGTERM); outages of Postgres are waited out."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 a coroutine runs in a task
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        while True:
            try:
                async with _working(options):
                    await asyncio.Event().wait()
            except Unavailable as error:
                log.warning("worker_waits", error=repr(error))
                await asyncio.sleep(1)


@asynccontextmanager
async def _working(options: Settings) -> AsyncIterator[None]:
    """All that a worker does, until the block ends."""
    db = await Database.open(
        options.database_url, size=options.pool_size, timeout_ms=options.job_timeout_seconds * 1000
    )
    valkey = Redis.from_url(options.valkey_url, socket_connect_timeout=_VALKEY_SECONDS, socket_timeout=_VALKEY_SECONDS)
    jobs = Jobs(db, options)
    deliverer = Deliverer(db, options)

    def begin(job: str, org_id: UUID) -> None:
        if job == "deliver":
            deliverer.wake(org_id)
        else:
            jobs.begin(job, org_id)

    tasks = [
        asyncio.create_task(_forever("relay", Relay(db, valkey, options, begin).run)),
        asyncio.create_task(_forever("clock", lambda: clock(db, options))),
    ]
    if options.metrics_port:
        tasks.append(asyncio.create_task(metrics.watch(db, options), name="metrics"))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await jobs.close()
        await deliverer.close()
        await valkey.aclose()
        await db.close()


async def _forever(what: str, run: Callable[[], Awaitable[None]]) -> None:
    """Start it again when its connection is lost; a worker needs nobody to restart it."""
    while True:
        try:
            await run()
        except Exception as error:
            log.warning("worker_restarts", what=what, exc_info=error)
            await asyncio.sleep(1)
