"""What was committed and not yet worked through, as Prometheus is told: how much of it, and since when.

Every row of `org_work` stands for marks or events of one organisation and is gone once they are claimed: the oldest
row of RECOMPUTE is as old as the oldest dirty mark, that of EVENTS as the oldest event without a number.
"""

import asyncio
import math

import structlog
from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sql.pool import Database, Unavailable
from sql.queries import queries

_live = queries("live")
log = structlog.get_logger("attain.backlog")

QUEUE = "arq:queue"
"""Where jobs wait in Valkey: a sorted set."""

OWN = ("EVENTS", "RECOMPUTE", "COACH")
"""Kinds of work that a worker does by itself."""

KINDS = (*OWN, "DELIVER")
"""All; to DELIVER waits for servers of others."""

_SECONDS = 1.0

organizations = Gauge("attain_work_organizations", "Organisations with work that waits, by its kind.", ["kind"])
oldest = Gauge(
    "attain_work_oldest_seconds",
    "Age of the oldest work that waits: EVENTS without a number, marks to RECOMPUTE, reps to COACH, webhooks.",
    ["kind"],
)
jobs = Gauge("attain_queue_jobs", "Jobs on the queue, those that run among them.")


async def waited_seconds(db: Database) -> float:
    """For how long work has waited that a worker takes up at once. Raises `Unavailable`."""
    rows = await db.system(_live.work_waiting)
    return max((float(row["oldest_seconds"]) for row in rows if row["kind"] in OWN), default=0.0)


async def refresh(db: Database, valkey: Redis) -> None:
    """Bring the gauges to the present. What cannot be told, because a server is away, is NaN."""
    waiting = dict.fromkeys(KINDS, (math.nan, math.nan))
    try:
        async with asyncio.timeout(_SECONDS):
            rows = await db.system(_live.work_waiting)
        waiting = dict.fromkeys(KINDS, (0.0, 0.0)) | {
            row["kind"]: (row["organizations"], row["oldest_seconds"]) for row in rows
        }
    except Unavailable as error:
        log.warning("backlog_unknown", error=repr(error))
    for kind, (count, age) in waiting.items():
        organizations.labels(kind).set(count)
        oldest.labels(kind).set(age)
    try:
        async with asyncio.timeout(_SECONDS):
            jobs.set(await valkey.zcard(QUEUE))
    except (RedisError, OSError) as error:
        log.warning("backlog_unknown", error=repr(error))
        jobs.set(math.nan)
