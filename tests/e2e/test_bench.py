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


async def bench(data: Path, *arguments: str, says: bytes = b"") -> dict[str, list[list[Any]]]:
    """Run it; the rows of its tables by title. `says`: what it fails with in the end."""
    json = data.with_name("report.json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "bench", *arguments, "--data-dir", str(data), "--json", str(json)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == bool(says), (output + errors).decode()
    assert says in errors
    assert sorted(data.glob("run-*")) == []  # noqa: ASYNC240
    return {table["title"]: table["rows"] for table in orjson.loads(json.read_bytes())["tables"]}


async def test_live(data: Path) -> None:
    small = ("--seconds", "1", "--weeks", "1", "--subscribers", "6", "--rate", "20", "--fanout", "3,6")
    tables = await bench(data, "live", *small)
    assert all(row[1] > 0 for row in tables["Taking facts in"])
    ((_, facts, *_, most),) = tables["Commit of a fact to a subscriber's message, ms"]
    # Two of the six see everybody's; how much of it the others do depends on who has had a fact.
    assert 2 * 20 <= facts <= 6 * 20
    assert most > 0
    assert {row[1] for row in tables["Where the time goes, ms"]} == {facts}
    assert [row[0] for row in tables["One event to many subscribers"]] == [3, 6]
    assert all(cell > 0 for row in tables["One event to many subscribers"] for cell in row[1:5])


async def test_live_for_minutes(data: Path) -> None:
    small = ("--minutes", "0.05", "--weeks", "1", "--subscribers", "3", "--rate", "20", "--per-call", "1")
    tables = await bench(data, "live", *small, "--growth=1000000")
    assert [row[3] for row in tables["Whether it stays flat"]] == ["flat", "flat"]
    tables = await bench(data, "live", *small, "--growth=-1000000", says=b"MB a minute; -1e+06 is the bound.")
    assert [row[3] for row in tables["Whether it stays flat"]] == ["grows", "grows"]
    rows = tables["Memory under load"]
    assert all(row[3] > 0 and row[4] > 0 for row in rows)
    facts, messages = [row[1] for row in rows], [row[2] for row in rows]
    assert facts[-1] > facts[0] == 0
    assert messages[-1] > messages[0]


async def test_api(data: Path) -> None:
    small = ("--seconds", "0.2", "--rounds", "1", "--weeks", "1", "--peers", "strawberry,floor")
    tables = await bench(data, "api", *small)
    servers = ["Strawberry", "floor: one statement, no GraphQL", "Attain"]
    assert [row[0] for row in tables["Requests a second, one process"]] == servers
    assert all(rate > 0 for row in tables["Requests a second, one process"] for rate in row[1:])
    assert [row[0] for row in tables["Attain as a multiple of"]] == servers[:2]
    # The floor and Strawberry read the same rows and say the same: pages of 50 reps with some 20 kB.
    sizes = {(server, question): size for server, question, *_, size in tables["Latency and means"]}
    assert sizes["Strawberry", "Q2"] > 50 * sizes["Strawberry", "Q1"] / 2
    assert [row[0] for row in tables["Two API processes against one"]] == ["Q1", "Q2", "Q3"]
