"""What a worker tells Prometheus, on a port of its own."""

import asyncio

from prometheus_client import Counter, Histogram, start_http_server
from redis.asyncio import Redis

from domain import backlog
from settings import Settings
from sql.pool import Database

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

jobs = Counter("attain_jobs", "Jobs that ended.", ["job", "outcome"])
job_seconds = Histogram(
    "attain_job_seconds", "How long a job ran; of one that goes on, a round.", ["job"], buckets=_SECONDS
)
webhooks = Counter("attain_webhook_deliveries", "Attempts to deliver to a webhook.", ["outcome"])
numbered = Counter("attain_relay_events", "Events that this worker's relay moved to the log.")


def serve(options: Settings) -> None:
    """Answer Prometheus in a thread, also while the loop is busy. Raises `OSError` when the port is taken."""
    if options.metrics_port:
        start_http_server(options.metrics_port, options.host)


async def watch(db: Database, valkey: Redis, options: Settings) -> None:
    """Keep the gauges fresh, until cancelled."""
    while True:
        await backlog.refresh(db, valkey)
        await asyncio.sleep(options.sweep_seconds)
