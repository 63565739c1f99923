"""`attain bench recompute`: what recomputing everything costs, and what a change costs, at two sizes of history.

The sizes are alike but for how much there is: ten times the reps have ten times the facts, and what changes is of as
many reps. So a ratio of 1 says that a change costs what changed; everything should cost ten times as much.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from uuid import uuid4

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from dev.bench.history import TARGETS, WEEKS, analyze, history
from dev.bench.report import Cell, Report, Table
from dev.services import Services, services
from domain.pipeline.actions import activities_ingest, deals_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus
from domain.recompute import recompute
from domain.work import Work
from sql import pool
from sql.migrate import migrate
from sql.pool import Database
from sql.queries import queries

_RUNS = {1: 9, 100: 5, 10_000: 2}
"""How many times a change of so many facts is measured."""

# What a server for so much data would be given; defaults are for a small one.
_OPTIONS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min", "work_mem": "32MB"}

# How often a log is told what a terminal sees all the time.
_TELL_SECONDS = 30.0

_console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one recompute."""

    seconds: float
    statements: int


def run(data: Path, *, reps: int, sizes: Sequence[int], full: bool) -> Report:
    """Measure on a Postgres of the bench's own. What is stored under `data` is kept: a second run starts at once.

    `full` recomputes everything also where it was computed before. Raises `ServiceError`.
    """
    # The bar shows how far it is; the report alone is printed.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with services(data / "recompute", options=_OPTIONS) as running:
        return asyncio.run(_run(running, reps, sizes, full=full))


async def _run(running: Services, reps: int, sizes: Sequence[int], *, full: bool) -> Report:
    await migrate(running.database_url)
    db = await Database.open(running.database_url, size=2, timeout_ms=3_600_000)
    try:
        smallest, largest = min(sizes), max(sizes)
        changing = max(1, reps * smallest // largest)
        found = [await _measure(db, running, max(1, reps * size // largest), size, changing, full) for size in sizes]
    finally:
        await db.close()
    rows: list[list[Cell]] = []
    for name in found[-1]:
        costs = [of_size.get(name) for of_size in found]
        cells: list[Cell] = [name]
        for cost in costs:
            cells += [None, None] if cost is None else [round(cost.seconds * 1000), cost.statements]
        first, last = costs[0], costs[-1]
        rows.append([*cells, round(last.seconds / first.seconds, 2) if first and last else None])
    columns = [part for size in sizes for part in (f"{size:,} facts, ms", "statements")]
    note = (
        "The median of several runs; a recompute of everything once. The ratio is of the last size to the first, which "
        f"has as many facts a rep and fewer reps. What changed is of the same {changing:,} reps in each."
    )
    table = Table("Recompute", ["changed", *columns, "ratio"], rows, note)
    settings: dict[str, Cell] = {"reps": " and ".join(f"{max(1, reps * size // largest):,}" for size in sizes)}
    return Report("recompute", settings | {"KPIs": len(TARGETS), "weeks": WEEKS} | _OPTIONS, [table])


async def _measure(
    db: Database, running: Services, reps: int, facts: int, changing: int, full: bool
) -> dict[str, Cost]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    found: dict[str, Cost] = {}
    with Progress(*columns, console=_console, transient=True) as bar:
        task = bar.add_task("")

        told = time.monotonic()

        def progress(step: str, done: int, total: int | None) -> None:
            nonlocal told
            bar.update(task, description=step, completed=done, total=total)
            if not _console.is_terminal and time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                _console.print(f"{step}: {done:,}" + (f" of {total:,}" if total else ""))

        work = await history(db, running, reps, facts, progress)
        if full or await _stale(work):
            async with work.transaction() as tx:
                tx.mark(None, date(2010, 1, 1), None)
            name = f"Everything of {facts:,} facts: steps"
            found["everything"] = await _timed(work, lambda done, total: progress(name, done, total))
            analyze(running)
        random = Random(1)
        for count, runs in _RUNS.items():
            for kind, change in (("activities", _activities), ("closed deals", _deals)):
                costs = []
                for n in range(runs):
                    progress(f"{count:,} {kind} on {facts:,} facts", n, runs)
                    await change(work, random, changing, count)
                    costs.append(await _timed(work, lambda done, total: None))
                found[f"{count:,} {kind}"] = sorted(costs, key=lambda cost: cost.seconds)[len(costs) // 2]
    return found


async def _stale(work: Work) -> bool:
    async with work.db.session(work.viewer.org_id) as session:
        return bool(await session.fetch(queries("live").marks))


async def _timed(work: Work, progress: Callable[[int, int], None]) -> Cost:
    """Recompute until nothing is stale, as a job does."""
    ran: list[str] = []
    token = pool.statements.set(ran)
    try:
        started = time.perf_counter()
        await _drain(work, progress)
        return Cost(time.perf_counter() - started, len(ran))
    finally:
        pool.statements.reset(token)


async def _drain(work: Work, progress: Callable[[int, int], None]) -> None:
    most = 0
    while await recompute(replace(work, now=datetime.now(UTC))):
        async with work.db.session(work.viewer.org_id) as session:
            left = await session.value(queries("steps").left)
        most = max(most, left)
        progress(most - left, most)


async def _activities(work: Work, random: Random, reps: int, count: int) -> None:
    now = datetime.now(UTC)
    key = uuid4().hex
    for start in range(0, count, 1_000):
        items = [
            ActivityItem(f"{key}-{n}", f"rep-{random.randrange(reps):05}", "MEETING", now)
            for n in range(start, min(start + 1_000, count))
        ]
        await activities_ingest(work, "bench", items)


async def _deals(work: Work, random: Random, reps: int, count: int) -> None:
    now = datetime.now(UTC)
    key = uuid4().hex
    for start in range(0, count, 1_000):
        items = [
            DealItem(
                f"{key}-{n}",
                f"rep-{random.randrange(reps):05}",
                "Deal",
                "Won",
                DealStatus.WON,
                Decimal(random.randrange(1_000, 20_000)),
                "USD",
                opened_at=now - timedelta(days=random.randrange(1, 60)),
                closed_at=now,
            )
            for n in range(start, min(start + 1_000, count))
        ]
        await deals_ingest(work, "bench", items)
