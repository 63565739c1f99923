"""Load on an HTTP server from a process of its own: some connections, each with one request at a time.

    python -m dev.bench.load < PLAN

PLAN is JSON: `port`, `path`, `headers`, `bodies` (sent in turn), `connections`, `seconds`. Prints JSON: `n`, `errors`
(what was not status 200 or had GraphQL errors; the first of them is `error`), `seconds`, `bytes` and the latencies in
milliseconds, sorted. Raw sockets and nothing parsed but the length, so that it takes little from who is measured.
"""

import asyncio
import re
import sys
import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load found. Latencies are in milliseconds, sorted."""

    n: int
    errors: int
    error: str
    seconds: float
    bytes: int
    latencies: Sequence[float]


async def load(
    port: int, path: str, headers: Mapping[str, str], bodies: Sequence[bytes], *, connections: int, seconds: float
) -> Measured:
    """Put load on a server of this machine."""
    plan = {
        "port": port,
        "path": path,
        "headers": headers,
        "bodies": [body.decode() for body in bodies],
        "connections": connections,
        "seconds": seconds,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dev.bench.load"),
        cwd=Path(__file__).parent.parent.parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(orjson.dumps(plan))
    if process.returncode:
        raise ValueError(f"The load on port {port} failed: {output.decode()}")
    return Measured(**orjson.loads(output))


class _Load:
    def __init__(self, plan: Mapping[str, Any]) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in plan["headers"].items())
        self._requests = [
            f"POST {plan['path']} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()
            for body in plan["bodies"]
        ]
        self._turn = 0
        self.latencies = array("d")
        self.errors = 0
        self.error = ""
        self.bytes = 0
        self.until = time.perf_counter() + plan["seconds"]

    def next(self) -> bytes:
        self._turn = (self._turn + 1) % len(self._requests)
        return self._requests[self._turn]

    def answered(self, milliseconds: float, answer: bytes) -> None:
        self.latencies.append(milliseconds)
        self.bytes += len(answer)
        if not answer.startswith(b"HTTP/1.1 200") or b'"errors":' in answer:
            self.errors += 1
            self.error = self.error or answer[-500:].decode(errors="replace")


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._end = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ValueError(f"The server hung up: {exc!r} {self._buffer[:300]!r}"))

    def _ask(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._load.next())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._end:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(self._buffer, 0, head + 2)
            if length is None:
                self.done.set_exception(ValueError(f"An answer has no length: {self._buffer[:300]!r}"))
                self._transport.abort()
                return
            self._end = head + 4 + int(length[1])
        if len(self._buffer) < self._end:
            return
        now = time.perf_counter()
        self._load.answered((now - self._started) * 1000, self._buffer)
        self._buffer, self._end = b"", 0
        if now < self._load.until:
            self._ask()
        else:
            self.done.set_result(None)


async def _main(plan: Mapping[str, Any]) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    load, began = _Load(plan), time.perf_counter()
    connections = []
    for _ in range(plan["connections"]):
        _, connection = await loop.create_connection(lambda: _Connection(load), "127.0.0.1", plan["port"])
        connections.append(connection.done)
    await asyncio.gather(*connections)
    return {
        "n": len(load.latencies),
        "errors": load.errors,
        "error": load.error,
        "seconds": time.perf_counter() - began,
        "bytes": load.bytes,
        "latencies": sorted(load.latencies),
    }


if __name__ == "__main__":
    try:
        print(orjson.dumps(uvloop.run(_main(orjson.loads(sys.stdin.buffer.read())))).decode())
    except (OSError, ValueError) as failure:
        print(failure)
        sys.exit(1)
