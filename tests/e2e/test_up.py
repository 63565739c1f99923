"""`attain up` as a user runs it: a real process, real servers, HTTP."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson
import pytest

Process = asyncio.subprocess.Process

READY = "Attain is ready"


@pytest.fixture
def data() -> Any:
    with TemporaryDirectory() as folder:
        yield Path(folder) / ".attain"


@asynccontextmanager
async def up(data: Path, *options: str) -> AsyncIterator[Process]:
    """A running `attain up --no-demo`; killed if the test did not end it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "up", "--no-demo", "--data-dir", str(data), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(180):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def until(process: Process, text: str) -> None:
    """Wait until it prints a text."""
    assert process.stdout is not None
    said = b""
    while text.encode() not in said:
        line = await process.stdout.readline()
        assert line, f"it ended before it said {text!r}: {(said + (await process.communicate())[1]).decode()}"
        said += line


async def ended(process: Process) -> tuple[int | None, list[str]]:
    """Its exit code, and the lines on stderr."""
    _, errors = await process.communicate()
    return process.returncode, errors.decode().splitlines()


def descendants(pid: int) -> dict[str, int]:
    """Process ids by command line."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found[Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")] = int(child)
        found |= descendants(int(child))
    return found


def alive(pid: int) -> bool:
    """Not even a zombie of ours; one that waits for a parent elsewhere has ended all the same."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def viewer(ready: dict[str, Any], who: str) -> dict[str, Any]:
    """Who the graph says that a token's holder is."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            ready["url"],
            json={"query": ready["query"]},
            headers={"authorization": f"Bearer {ready['tokens'][who]}"},
        )
    body = answer.json()
    assert "errors" not in body, body
    found: dict[str, Any] = body["data"]["viewer"]
    return found


async def test_from_nothing_to_a_ready_graph_that_a_restart_keeps(data: Path) -> None:
    async with up(data, "--port", "0") as process:
        await until(process, READY)
        first = orjson.loads((data / "ready.json").read_bytes())
        for secret in ("ready.json", "env", "jwt-secret", "company.json"):
            assert (data / secret).stat().st_mode & 0o777 == 0o600, secret
        assert first["wsUrl"] == first["url"].replace("http", "ws")
        assert (await viewer(first, "admin"))["role"] == "ADMIN"
        assert (await viewer(first, "manager"))["role"] == "MANAGER"
        assert (await viewer(first, "rep"))["role"] == "REP"
        assert (await viewer(first, "partner"))["role"] is None

        async with up(data, "--port", "0") as second:
            code, errors = await ended(second)
            assert code == 1
            assert errors == [f"attain: Attain already runs on {data}: stop it first, or choose another --data-dir."]

        parts = descendants(process.pid)
        assert len(parts) > 4
        process.send_signal(signal.SIGINT)
        assert await ended(process) == (0, [])
        assert [command for command, pid in parts.items() if alive(pid)] == []
        assert not (data / "ready.json").exists()
        assert not (data / "env").exists()

    async with up(data, "--port", "0") as process:
        await until(process, READY)
        again = orjson.loads((data / "ready.json").read_bytes())
        assert again["orgId"] == first["orgId"]
        assert (await viewer(again | {"tokens": first["tokens"]}, "admin"))["organization"]["name"] == "My Company"
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == (0, [])


async def test_an_interrupted_first_run_is_made_good_and_a_dead_part_ends_the_whole(data: Path) -> None:
    async with up(data, "--port", "0") as process:
        await until(process, "Postgres and Valkey run")
        process.send_signal(signal.SIGINT)
        assert await ended(process) == (0, [])
    async with up(data, "--port", "0") as process:
        await until(process, READY)
        parts = descendants(process.pid)
        (worker,) = (pid for command, pid in parts.items() if command.endswith("-m cli work "))
        os.kill(worker, signal.SIGKILL)
        code, errors = await ended(process)
        assert code == 1
        assert errors == ["attain: The worker stopped by itself (exit code -9): see above."]
        assert [command for command, pid in parts.items() if alive(pid)] == []


async def test_a_port_that_is_taken_is_one_line(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with up(data, "--port", str(port)) as process:
            code, errors = await ended(process)
    assert code == 1
    assert errors == [f"attain: Port {port} cannot be used (Address already in use): choose another --port."]
