"""`attain bench live`: from a fact to a screen."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from dev.bench.fanout import fanout
from dev.bench.ingest import ingest
from dev.bench.latency import latency
from dev.bench.memory import memory
from dev.bench.report import Report
from dev.bench.rig import rig


def live(
    folder: Path,
    *,
    weeks: int,
    seconds: float,
    subscribers: int,
    rate: float,
    per_call: int,
    sizes: Sequence[int],
    minutes: float,
    growth: float,
) -> Report:
    """Run all of it, one thing after another; with `minutes`, only that long a load, and memory over time.

    Then it is a failure when a process goes on growing by more than `growth` MB a minute.
    """
    report = Report("live", {"company": f"demo, {weeks} weeks of history", "seconds": seconds})
    if minutes:
        with rig(folder, weeks=weeks) as running:
            report.tables, report.failures = asyncio.run(
                memory(running, subscribers=subscribers, rate=rate, per_call=per_call, minutes=minutes, most=growth)
            )
        return report
    with rig(folder, weeks=weeks) as running:
        report.tables += asyncio.run(
            latency(running, subscribers=subscribers, rate=rate, per_call=per_call, seconds=seconds)
        )
        report.tables.append(asyncio.run(ingest(running, calls=max(3, int(seconds)), seconds=seconds)))
    # Sockets and their clients apart, so that one does not wait for the other's core.
    first, *others = sorted(os.sched_getaffinity(0))
    with rig(folder, weeks=weeks, api_cores={first}, server_cores=set(others) or None) as running:
        report.tables.append(asyncio.run(fanout(running, sizes=sizes, events=max(3, int(seconds)))))
    return report
