"""Thousands of graphql-transport-ws clients in one process that costs little: raw frames, nothing parsed on the way.

    python -m dev.bench.subscribers < PLAN

PLAN is a line of JSON: `port`, `out` (a file), whether to `keep` what is heard, `query`, and `sockets`, each
`{"token", "variables"}`. It prints
`open` when every socket was acknowledged and has subscribed, then for each further line how many messages there were so
far, and ends at the end of its input: by then it has written to `out` what each socket received and when.
"""

import asyncio
import base64
import os
import resource
import struct
import sys
import time
from array import array
from asyncio import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
import uvloop

_AT_ONCE = 50
_HEADER = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class Heard:
    """Messages in the order of their arrival: at which socket, which text, when (seconds since 1970)."""

    sockets: "array[int]"
    texts: "array[int]"
    times: "array[float]"
    distinct: Sequence[Any]

    @classmethod
    def read(cls, path: Path) -> "Heard":
        """What a client process wrote."""
        with path.open("rb") as file:
            count, *texts = orjson.loads(file.readline())
            heard = cls(array("I"), array("I"), array("d"), [orjson.loads(text) for text in texts])
            for column in (heard.sockets, heard.texts, heard.times):
                column.fromfile(file, count)
        return heard


@dataclass(frozen=True, slots=True)
class Subscribers:
    """A client process at work."""

    process: subprocess.Process

    async def count(self) -> int:
        """How many messages its sockets have received."""
        cast(asyncio.StreamWriter, self.process.stdin).write(b"\n")
        return int(await cast(asyncio.StreamReader, self.process.stdout).readline())


@asynccontextmanager
async def subscribed(
    port: int, query: str, sockets: Sequence[tuple[str, Mapping[str, object]]], out: Path, *, keep: bool = True
) -> AsyncIterator[Subscribers]:
    """Sockets of (token, variables), open and subscribed. What they heard is in `out` when the block has ended."""
    plan = {
        "port": port,
        "out": str(out),
        "keep": keep,
        "query": query,
        "sockets": [{"token": token, "variables": variables} for token, variables in sockets],
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dev.bench.subscribers"),
        cwd=Path(__file__).parent.parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=1 << 20,
    )
    commands = cast(asyncio.StreamWriter, process.stdin)
    said = cast(asyncio.StreamReader, process.stdout)
    try:
        commands.write(orjson.dumps(plan) + b"\n")
        answer = await said.readline()
        if answer != b"open\n":
            raise ValueError(f"The subscribers could not subscribe: {answer.decode()}")
        yield Subscribers(process)
    finally:
        commands.close()
        await process.wait()
    if process.returncode:
        raise ValueError(f"The subscribers failed: {(await said.read()).decode()}")


class _Client:
    """All sockets, and what they heard."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self.times = array("d")
        self.sockets = array("I")
        self.texts = array("I")
        self.known: dict[bytes, int] = {}
        self.total = 0
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def heard(self, socket: int, text: bytes) -> None:
        self.total += 1
        if not self.plan["keep"]:
            return
        self.times.append(time.time())
        self.sockets.append(socket)
        self.texts.append(self.known.setdefault(text, len(self.known)))

    def fail(self, why: str) -> None:
        if not self.failed.done():
            self.failed.set_exception(ValueError(why))

    async def count(self, commands: asyncio.StreamReader) -> None:
        while await commands.readline():
            print(self.total, flush=True)

    def write(self) -> None:
        with Path(self.plan["out"]).open("wb") as file:
            file.write(orjson.dumps([len(self.times), *(text.decode() for text in self.known)]) + b"\n")
            for column in (self.sockets, self.texts, self.times):
                column.tofile(file)


class _Socket(asyncio.Protocol):
    def __init__(self, client: _Client, number: int, token: str, variables: Mapping[str, object]) -> None:
        self._client = client
        self._number = number
        self._token = token
        self._variables = variables
        self._rest = b""
        self._open = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: localhost:{self._client.plan['port']}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.fail(f"Socket {self._number} was closed: {exc!r} {self._rest[:200]!r}")

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            if b" 101 " not in head:
                self._client.fail(head.decode())
            self._open = True
            self._send({"type": "connection_init", "payload": {"authorization": f"Bearer {self._token}"}})
        at, length = 0, len(data)
        while length - at >= 2:
            opcode, size, start = data[at] & 0x0F, data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[start : start + 2], "big"), start + 2
            elif size == 127:
                size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
            if length < start + size:
                break
            at = start + size
            self._message(opcode, data[start:at])
        self._rest = data[at:]

    def _message(self, opcode: int, text: bytes) -> None:
        if opcode == 9:
            self._frame(0x8A, text)
        elif opcode != 1:
            self._client.fail(f"Socket {self._number} was closed: {text[2:].decode()}")
        elif b'"type":"next"' in text[:40]:
            self._client.heard(self._number, text)
        elif text == b'{"type":"connection_ack"}':
            query = self._client.plan["query"]
            payload = {"query": query, "variables": self._variables}
            self._send({"id": "1", "type": "subscribe", "payload": payload})
            self.ready.set_result(None)
        else:
            self._client.fail(text.decode())

    def _send(self, message: Mapping[str, object]) -> None:
        self._frame(0x81, orjson.dumps(message))

    def _frame(self, head: int, body: bytes) -> None:
        """A client's frames are masked; with zeros they stay what they are."""
        if len(body) < 126:
            self._transport.write(bytes((head, 0x80 | len(body), 0, 0, 0, 0)) + body)
        else:
            self._transport.write(_HEADER.pack(head, 0xFE, len(body)) + bytes(4) + body)


async def _main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    client = _Client(orjson.loads(await commands.readline()))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def join(number: int, asked: Mapping[str, Any]) -> None:
        async with gate:
            _, socket = await loop.create_connection(
                lambda: _Socket(client, number, asked["token"], asked["variables"]), "127.0.0.1", client.plan["port"]
            )
            await asyncio.wait([socket.ready, client.failed], return_when=asyncio.FIRST_COMPLETED)

    try:
        await asyncio.gather(*(join(number, asked) for number, asked in enumerate(client.plan["sockets"])))
        if not client.failed.done():
            print("open", flush=True)
            end = asyncio.create_task(client.count(commands))
            await asyncio.wait([end, client.failed], return_when=asyncio.FIRST_COMPLETED)
        if client.failed.done():
            client.failed.result()
    except (ValueError, OSError) as failure:
        print(failure, flush=True)
        os._exit(1)
    client.write()
    os._exit(0)  # thousands of sockets are not closed one by one


if __name__ == "__main__":
    uvloop.run(_main())
