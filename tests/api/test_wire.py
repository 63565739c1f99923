"""Answers in one write are those that a client of HTTP/1.1 expects, whatever it says of the connection."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.api.conftest import Serve, Server
from tests.api.graph import gate
from tests.conftest import MakeOrg

Bytes = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def token(server: Server, make_org: MakeOrg) -> str:
    return server.token(await make_org())


@pytest.fixture
async def opened(server: Server) -> AsyncIterator[Bytes]:
    """A connection, and nothing that speaks HTTP for us."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        yield reader, writer
    writer.close()


def request(token: str, query: str, version: str = "1.1", method: str = "POST", **headers: str) -> bytes:
    body = json.dumps({"query": query}).encode()
    lines = {"host": "x", "authorization": f"Bearer {token}", "content-type": "application/json"} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} /graphql HTTP/{version}\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


async def response(reader: asyncio.StreamReader) -> tuple[bytes, dict[bytes, bytes], bytes]:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).rstrip().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    assert len(headers) == len(lines)
    return status, headers, await reader.readexactly(int(headers[b"content-length"]))


async def test_many_answers_on_one_connection(opened: Bytes, token: str) -> None:
    reader, writer = opened
    for number in range(3):
        writer.write(request(token, f'{{ hello(name: "{number}") }}'))
        status, headers, body = await response(reader)
        assert status == b"HTTP/1.1 200 OK"
        assert headers[b"content-type"] == b"application/json; charset=utf-8"
        assert headers.keys() >= {b"date", b"x-request-id"}
        assert b"connection" not in headers
        assert json.loads(body)["data"] == {"hello": f"Hello, {number}"}


async def test_requests_that_do_not_wait_are_answered_in_their_order(opened: Bytes, token: str) -> None:
    reader, writer = opened
    gate.shut()
    writer.write(request(token, "{ slow }") + request(token, "{ hello }") + request(token, "{ nope }"))
    await gate.entered.wait()
    gate.open.set()
    answers = [json.loads((await response(reader))[2]) for _ in range(3)]
    assert [answer.get("data") for answer in answers] == [{"slow": "done"}, {"hello": "Hello, world"}, None]


@pytest.mark.parametrize(("version", "headers"), [("1.1", {"connection": "close"}), ("1.0", {})])
async def test_a_connection_that_is_not_to_be_kept_is_closed(
    opened: Bytes, token: str, version: str, headers: dict[str, str]
) -> None:
    reader, writer = opened
    writer.write(request(token, "{ hello }", version, **headers))
    _, answered, body = await response(reader)
    assert answered[b"connection"] == b"close"
    assert json.loads(body)["data"] == {"hello": "Hello, world"}
    assert await reader.read() == b""


async def test_a_body_that_waits_to_be_asked_for(opened: Bytes, token: str) -> None:
    reader, writer = opened
    head, _, body = request(token, "{ hello }", expect="100-continue").partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert json.loads((await response(reader))[2])["data"] == {"hello": "Hello, world"}


async def test_a_body_in_pieces(opened: Bytes, token: str) -> None:
    reader, writer = opened
    head, _, body = request(token, "{ hello }", **{"x-request-id": "pieces"}).partition(b"\r\n\r\n")
    for piece in (head[:20], head[20:] + b"\r\n", b"\r\n" + body[:5], body[5:]):
        writer.write(piece)
        await writer.drain()
    _, headers, answered = await response(reader)
    assert headers[b"x-request-id"] == b"pieces"
    assert json.loads(answered)["data"] == {"hello": "Hello, world"}


async def test_who_has_gone_is_not_answered(serve: Serve, make_org: MakeOrg, caplog: pytest.LogCaptureFixture) -> None:
    """And whoever comes next is."""
    async with serve() as server:
        token = server.token(await make_org())
        gate.shut()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request(token, "{ slow }"))
        await gate.entered.wait()
        writer.transport.abort()
        gate.open.set()
        async with server.client(token) as client:
            assert (await client.post("/graphql", json={"query": "{ hello }"})).status_code == 200
    assert not [record for record in caplog.records if record.exc_info]
