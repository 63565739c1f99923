"""How fast facts are taken in: one call of a thousand, and call after call."""

import statistics
import time
from datetime import UTC, datetime

from dev.bench.http import Http
from dev.bench.machine import usage
from dev.bench.report import Table
from dev.bench.rig import Rig
from sql.pool import Database
from sql.queries import queries

_org = queries("org")

ACTIVITIES = """mutation ($items: [ActivityInput!]!) { activitiesIngest(source: "bench", items: $items) {
  created updated userErrors { message path } } }"""
CALL = 1_000


async def reps_here(rig: Rig) -> list[str]:
    """External ids of the company's active reps."""
    db = await Database.open(rig.settings.database_url, size=1)
    try:
        async with db.session(rig.org_id) as session:
            rows = await session.fetch(_org.reps_here, datetime.now(UTC).date())
    finally:
        await db.close()
    return sorted(row["external_id"] for row in rows)


def activity(key: str, rep: str, at: datetime) -> dict[str, object]:
    """A meeting, which counts in every advisor's scorecard."""
    return {"externalId": key, "repExternalId": rep, "kind": "MEETING", "occurredAt": at.isoformat()}


async def ingest(rig: Rig, *, calls: int, seconds: float) -> Table:
    """Nothing waits for the worker: the system is as busy as it makes itself."""
    reps = await reps_here(rig)
    http = await Http.connect(rig.port, rig.company.partner_key)
    sent = 0

    async def call() -> float:
        nonlocal sent
        now = datetime.now(UTC)
        items = [activity(f"i-{sent + n}", reps[n % len(reps)], now) for n in range(CALL)]
        sent += CALL
        started = time.perf_counter()
        stored = await http.ask(ACTIVITIES, items=items)
        if stored["created"] != CALL:
            raise ValueError(f"{CALL} activities were sent, {stored} were stored")
        return (time.perf_counter() - started) * 1000

    try:
        milliseconds = [await call() for _ in range(calls)]
        before, began, already = usage(*rig.api), time.perf_counter(), sent
        while time.perf_counter() - began < seconds:
            await call()
        elapsed = time.perf_counter() - began
        cpu = usage(*rig.api).cpu_seconds - before.cpu_seconds
    finally:
        http.close()
    rows = sent - already
    return Table(
        "Taking facts in",
        ("what", "value", "unit"),
        (
            (f"one call of {CALL:,} activities, median of {calls}", round(statistics.median(milliseconds), 1), "ms"),
            ("the slowest of them", round(max(milliseconds), 1), "ms"),
            (f"sustained, one caller, {seconds:g} s", round(rows / elapsed), "rows/s"),
            ("CPU of the API, a row", round(cpu / rows * 1e6, 1), "us"),
        ),
        "New activities of all reps, over HTTP with an API key, while the worker recomputes and coaches.",
    )
