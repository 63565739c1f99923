"""Clients that mean harm, against the process that operators run: refused in words; its memory stays as it was."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
import websockets
from websockets.typing import Subprotocol

from domain.work import Work
from settings import Settings
from tests.api.clients import Socket
from tests.conftest import MakeOrg
from tests.served import Served, served

MEGABYTE = 1_000_000
SOON_SECONDS = 1.0
"""How long the server waits for what a client has begun to send."""

PATIENCE_SECONDS = 60
QUERY = {"query": "{ viewer { name } }"}


@pytest.fixture(scope="module")
async def public(test_settings: Settings) -> AsyncIterator[Served]:
    async with served(test_settings.model_copy(update={"receive_timeout_seconds": SOON_SECONDS})) as server:
        yield server


@pytest.fixture(scope="module")
async def work(make_org: MakeOrg) -> Work:
    return await make_org()


@pytest.fixture
async def unmoved(public: Served, work: Work) -> AsyncIterator[None]:
    """After the test the process answers as before, holds little more than before, and has logged no failure."""
    await serves(public, work)
    before = public.resident_bytes()
    yield
    await serves(public, work)
    assert public.resident_bytes() - before < 40 * MEGABYTE
    assert [
        line for line in public.log.read_bytes().splitlines() if b"Traceback" in line or b'"exception"' in line
    ] == []


async def serves(public: Served, work: Work) -> None:
    """It answers, and the first answers are behind it."""
    headers = {"Authorization": f"Bearer {public.token(work)}"}
    async with httpx.AsyncClient(base_url=public.url, headers=headers, timeout=PATIENCE_SECONDS) as client:
        for _ in range(5):
            assert (await client.post("/graphql", json=QUERY)).json()["data"] == {"viewer": {"name": "Ada Admin"}}


@asynccontextmanager
async def connection(public: Served) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Bare bytes."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        with socket.socket() as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # what is not read stays with the server
            own.setblocking(False)
            await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", public.port))
            reader, writer = await asyncio.open_connection(sock=own.dup())
        try:
            yield reader, writer
        finally:
            writer.close()


@asynccontextmanager
async def signed_in(public: Served, work: Work) -> AsyncIterator[Socket]:
    """A WebSocket of the administrator."""
    protocols = [Subprotocol("graphql-transport-ws")]
    async with websockets.connect(public.ws_url, subprotocols=protocols, ping_interval=None) as opened:
        client = Socket(opened)
        assert (await client.init(public.token(work)))["type"] == "connection_ack"
        yield client


@pytest.mark.usefixtures("unmoved")
async def test_ten_thousand_subscriptions_on_one_socket(public: Served, work: Work) -> None:
    most = public.settings.max_subscriptions_per_socket
    async with signed_in(public, work) as client:

        async def ask() -> None:
            for number in range(10_000):
                await client.subscribe("subscription { changes { kind } }", f"s{number}")

        asking = asyncio.create_task(ask())
        opened: set[str] = set()
        refused: set[str] = set()
        while len(opened) + len(refused) < 10_000:
            message = await client.receive()
            if message["type"] == "next":
                opened.add(message["id"])
                continue
            (error,) = message["payload"]
            assert message["type"] == "error"
            assert error["extensions"]["code"] == "RATE_LIMITED"
            assert error["message"] == f"At most {most} operations at once on one socket."
            refused.add(message["id"])
        await asking
        assert len(opened) == most
        await client.send(type="complete", id=opened.pop())
        await client.subscribe("subscription { changes { kind } }", "again")
        assert (await client.next("again"))["kind"] == "SNAPSHOT"


@pytest.mark.usefixtures("unmoved")
async def test_subscriptions_with_megabytes_of_variables_on_one_socket(public: Served, work: Work) -> None:
    """What they were asked with is kept as long as they are: all of it together is bounded, and free again after."""
    most = public.settings.max_characters_per_socket
    query = "subscription ($after: String) { changes(after: $after) { kind } }"
    large = {"after": None, "junk": "x" * (most // 4)}
    async with signed_in(public, work) as client:
        opened: list[str] = []
        for number in range(100):
            await client.subscribe(query, f"s{number}", **large)
            message = await client.receive()
            if message["type"] == "next":
                opened.append(message["id"])
                continue
            (error,) = message["payload"]
            assert message["type"] == "error"
            assert error["extensions"]["code"] == "RATE_LIMITED"
            assert error["message"] == f"At most {most} characters of operations at once on one socket."
        assert len(opened) == 3
        await client.send(type="complete", id=opened.pop())
        await client.send(type="ping")
        assert (await client.receive())["type"] == "pong"
        await client.subscribe(query, "again", **large)
        assert (await client.next("again"))["kind"] == "SNAPSHOT"


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("token", [None, "atk_x_y_z"])
async def test_a_body_of_ten_megabytes(public: Served, token: str | None) -> None:
    """Declared, and in pieces of no declared length."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * MEGABYTE

    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with httpx.AsyncClient(base_url=public.url, headers=headers, timeout=PATIENCE_SECONDS) as client:
        for content in (b" " * 10 * MEGABYTE, pieces()):
            response = await client.post("/graphql", content=content)
            assert response.status_code == 413
            (error,) = response.json()["errors"]
            assert error["message"] == f"The body is larger than {public.settings.max_body_bytes} bytes."


@pytest.mark.usefixtures("unmoved")
async def test_bodies_of_people_whom_nobody_knows_are_not_kept(public: Served) -> None:
    """Many that all but end: together they would be 240 MB."""
    length = public.settings.max_body_bytes
    head = f"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    before = public.resident_bytes()

    async def send() -> tuple[int, bytes]:
        async with connection(public) as (reader, writer):
            try:
                writer.write(head.encode() + b" " * (length - 1))
                await writer.drain()
                held = public.resident_bytes()
                return held, await reader.readline()
            except ConnectionError:
                return public.resident_bytes(), b""  # what it was told was lost with what it had not sent

    for held, status in await asyncio.gather(*(send() for _ in range(60))):
        assert held - before < 100 * MEGABYTE
        assert status in (b"", b"HTTP/1.1 408 Request Timeout\r\n")


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize(
    "begun",
    ["", "\r\n", "POST /graphql HT", "POST /graphql HTTP/1.1\r\nhost: x\r\nx-one: 1\r\n"],
    ids=["nothing", "an empty line", "a word", "a header"],
)
async def test_a_head_that_does_not_end(public: Served, begun: str) -> None:
    """Also after a request that was answered, on the connection that is kept."""
    for before in ("", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"):
        async with connection(public) as (reader, writer):
            writer.write(before.encode())
            if before:
                assert b"200 OK" in await reader.readuntil(b"\r\n\r\nok")
            writer.write(begun.encode())
            rest = await reader.read()
            assert rest.startswith(b"HTTP/1.1 408 ") or (before and not begun)


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("piece", [b"x-h: 1\r\n", b"y" * 8_192], ids=["many headers", "a long header"])
async def test_a_head_without_end(public: Served, piece: bytes) -> None:
    async with connection(public) as (reader, writer):
        writer.write(b"POST /graphql HTTP/1.1\r\nhost: x\r\nx-long: ")

        async def go_on() -> None:
            while not writer.is_closing():
                writer.write(piece * 100)
                await writer.drain()

        going_on = asyncio.create_task(go_on())
        try:
            status = await reader.readline()
        except ConnectionResetError:
            status = b""  # what it said was lost with what it had not read
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)
        assert status in (b"", b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.usefixtures("unmoved")
async def test_a_body_that_trickles(public: Served, work: Work) -> None:
    async with connection(public) as (reader, writer):
        headers = f"host: x\r\nauthorization: Bearer {public.token(work)}\r\ncontent-type: application/json\r\n"
        writer.write(f"POST /graphql HTTP/1.1\r\n{headers}content-length: 100\r\n\r\n{{".encode())
        told = await reader.read()
    assert told.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["errors"][0]["message"] == "The body did not arrive within 1 s."


@pytest.mark.usefixtures("unmoved")
async def test_a_million_aliases(public: Served, work: Work) -> None:
    headers = {"Authorization": f"Bearer {public.token(work)}"}
    many = " ".join(f"a{n:x}:b" for n in range(1_000_000))
    async with httpx.AsyncClient(base_url=public.url, headers=headers, timeout=PATIENCE_SECONDS) as client:
        for query, status in ((f"{{ {many} }}", 413), (f"{{ {many[:3_000_000]} }}", 200)):
            response = await client.post("/graphql", json={"query": query})
            assert response.status_code == status
            assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def frame(opcode: int, data: bytes, *, final: bool = True) -> bytes:
    """What a client sends, masked with nothing."""
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xff" + struct.pack(">Q", len(data))
    return bytes([opcode | (0x80 if final else 0)]) + size + bytes(4) + data


@asynccontextmanager
async def upgraded(public: Served, work: Work) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A WebSocket of the administrator, in bare bytes."""
    asked = (
        "GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
    )
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {public.token(work)}"}}
    async with connection(public) as (reader, writer):
        writer.write(asked.encode())
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(1, json.dumps(init).encode()))
        assert b"connection_ack" in await reader.readuntil(b"}")
        yield reader, writer


@pytest.mark.usefixtures("unmoved")
async def test_pings_whose_answers_nobody_reads(public: Served, work: Work) -> None:
    """What does not fit between client and server is not answered, but for the newest."""
    pings = 80_000
    async with upgraded(public, work) as (reader, writer):
        for _ in range(0, pings, 4_000):
            writer.write(frame(9, b"x" * 125) * 4_000)
            await writer.drain()
        writer.write(frame(9, b"the last"))
        read = 0
        end = b""
        while b"the last" not in end:
            piece = await reader.read(MEGABYTE)
            assert piece
            end = end[-8:] + piece
            read += len(piece)
        assert read < pings * 127 * 3 / 4


@pytest.mark.usefixtures("unmoved")
async def test_pings_of_the_protocol_above_whose_answers_nobody_reads(public: Served, work: Work) -> None:
    """It stops reading, so that in the end the client cannot write."""
    before = public.resident_bytes()
    async with upgraded(public, work) as (_, writer):
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                while True:
                    writer.write(frame(1, b'{"type":"ping"}') * 10_000)
                    await writer.drain()
        assert writer.transport.get_write_buffer_size() > 0
        assert public.resident_bytes() - before < 40 * MEGABYTE
        writer.transport.abort()


@pytest.mark.usefixtures("unmoved")
async def test_a_message_that_is_too_long_or_in_too_many_pieces(public: Served, work: Work) -> None:
    too_long = frame(1, b" " * (public.settings.max_body_bytes + 1))
    pieces = frame(1, b"", final=False) + frame(0, b"", final=False) * 100_000
    for sent in (too_long, pieces):
        async with upgraded(public, work) as (reader, writer):
            writer.write(sent)
            head = await reader.readexactly(4)
            assert head[0] & 0xF == 8
            assert struct.unpack(">H", head[2:4]) == (1009,)
