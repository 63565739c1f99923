"""Minutes of load, what API and worker hold meanwhile, and whether that stays as it is."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from typing import NamedTuple

from dev.bench.latency import company_sockets, open_subscriptions, send
from dev.bench.machine import usage
from dev.bench.report import Table
from dev.bench.rig import Rig
from dev.bench.subscribers import subscribed

_ROWS = 20


class Held(NamedTuple):
    """A moment of the load: minutes since its beginning, what was sent and heard by then, resident megabytes."""

    minute: float
    facts: int
    messages: int
    api: float
    worker: float


async def memory(
    rig: Rig, *, subscribers: int, rate: float, per_call: int, minutes: float, most: float
) -> tuple[list[Table], list[str]]:
    """Subscribers listen while facts come in; a row every twentieth of the time.

    And who grew in the second half by more than `most` MB a minute, in a sentence each.
    """
    query, sockets, reps = await company_sockets(rig, subscribers)
    rows: list[Held] = []
    with TemporaryDirectory() as folder:
        async with subscribed(rig.port, query, sockets, Path(folder) / "heard", keep=False) as clients:
            await open_subscriptions(rig.port, subscribers)
            began = time.perf_counter()
            sent = 0
            while (passed := time.perf_counter() - began) < minutes * 60:
                rows.append(_held(rig, passed, sent, await clients.count()))
                load = await send(rig, reps, rate, per_call, minutes * 60 / _ROWS, prefix=f"m-{len(rows)}")
                sent += len(load.rep_of)
            rows.append(_held(rig, time.perf_counter() - began, sent, await clients.count()))
    grew = {"API": growth(rows, "api"), "worker": growth(rows, "worker")}
    return [
        Table(
            "Memory under load",
            ("minute", "facts", "messages", "API, MB", "worker, MB"),
            [(round(row.minute, 1), row.facts, row.messages, round(row.api), round(row.worker)) for row in rows],
            f"{rate:g} facts a second, {per_call} a call, {subscribers} subscribers.",
        ),
        Table(
            "Whether it stays flat",
            ("process", "MB a minute", "bound", "verdict"),
            [(who, round(slope, 2), most, "flat" if slope <= most else "grows") for who, slope in grew.items()],
            "The slope of the line through the second half, by least squares: the first one is caches being filled.",
        ),
    ], [
        f"The {who} grew by {slope:.2f} MB a minute; {most:g} is the bound."
        for who, slope in grew.items()
        if slope > most
    ]


def growth(rows: Sequence[Held], process: str) -> float:
    """Megabytes a minute of the second half, by least squares."""
    half = [row for row in rows if row.minute >= rows[-1].minute / 2]
    return linear_regression([row.minute for row in half], [getattr(row, process) for row in half]).slope


def _held(rig: Rig, seconds: float, facts: int, messages: int) -> Held:
    worker = usage(rig.worker).resident_mb if rig.worker else 0.0
    return Held(seconds / 60, facts, messages, usage(*rig.api).resident_mb, worker)
