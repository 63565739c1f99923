"""`attain bench` runs whole, for a moment: what it measures there means nothing, that it measures does."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """Holds the company from one test to the next."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "bench"


async def bench(data: Path, *arguments: str) -> dict[str, list[list[Any]]]:
    """Run it; the rows of its tables by title."""
    json = data.with_name("report.json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "bench", *arguments, "--data-dir", str(data), "--json", str(json)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, (output + errors).decode()
    assert sorted(data.glob("run-*")) == []  # noqa: ASYNC240
    return {table["title"]: table["rows"] for table in orjson.loads(json.read_bytes())["tables"]}


async def test_live(data: Path) -> None:
    tables = await bench(data, "live", "--seconds", "0.5", "--weeks", "1")
    assert all(row[1] > 0 for row in tables["Taking facts in"])
