"""`attain bench live`: from a fact to a screen."""

import asyncio
from pathlib import Path

from dev.bench.ingest import ingest
from dev.bench.latency import latency
from dev.bench.report import Report
from dev.bench.rig import rig


def live(folder: Path, *, weeks: int, seconds: float, subscribers: int, rate: float, per_call: int) -> Report:
    """Run all of it, one thing after another."""
    report = Report("live", {"company": f"demo, {weeks} weeks of history", "seconds": seconds})
    with rig(folder, weeks=weeks) as running:
        report.tables += asyncio.run(
            latency(running, subscribers=subscribers, rate=rate, per_call=per_call, seconds=seconds)
        )
        report.tables.append(asyncio.run(ingest(running, calls=max(3, int(seconds)), seconds=seconds)))
    return report
