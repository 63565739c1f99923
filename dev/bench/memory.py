"""Minutes of load, and what API and worker hold meanwhile."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.bench.latency import company_sockets, open_subscriptions, send
from dev.bench.machine import usage
from dev.bench.report import Cell, Table
from dev.bench.rig import Rig
from dev.bench.subscribers import subscribed

_ROWS = 20


async def memory(rig: Rig, *, subscribers: int, rate: float, per_call: int, minutes: float) -> Table:
    """Subscribers listen while facts come in; a row every twentieth of the time."""
    query, sockets, reps = await company_sockets(rig, subscribers)
    rows: list[tuple[Cell, ...]] = []
    with TemporaryDirectory() as folder:
        async with subscribed(rig.port, query, sockets, Path(folder) / "heard", keep=False) as clients:
            await open_subscriptions(rig.port, subscribers)
            began = time.perf_counter()
            sent = 0
            while (passed := time.perf_counter() - began) < minutes * 60:
                rows.append(_row(rig, passed, sent, await clients.count()))
                load = await send(rig, reps, rate, per_call, minutes * 60 / _ROWS, prefix=f"m-{len(rows)}")
                sent += len(load.rep_of)
            rows.append(_row(rig, time.perf_counter() - began, sent, await clients.count()))
    return Table(
        "Memory under load",
        ("minute", "facts", "messages", "API, MB", "worker, MB"),
        rows,
        f"{rate:g} facts a second, {per_call} a call, {subscribers} subscribers.",
    )


def _row(rig: Rig, seconds: float, facts: int, messages: int) -> tuple[Cell, ...]:
    worker = usage(rig.worker).resident_mb if rig.worker else 0.0
    return round(seconds / 60, 1), facts, messages, round(usage(*rig.api).resident_mb), round(worker)
