"""A graphql-transport-ws client that shows everything."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from tests.api.conftest import Server

# Long enough for a loaded machine; nothing waits for it to pass.
PATIENCE_SECONDS = 60


class Socket:
    """One connection. Messages are told apart by their id, and kept until asked for."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def init(self, token: str | None) -> dict[str, Any]:
        await self.send(type="connection_init", payload={"authorization": f"Bearer {token}"})
        return await self.receive()

    async def subscribe(self, query: str, id_: str = "1", **variables: object) -> None:
        await self.send(type="subscribe", id=id_, payload={"query": query, "variables": variables})

    async def next(self, id_: str = "1") -> dict[str, Any]:
        """The one field of the next message's data."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", id_), message
        assert "errors" not in message["payload"], message
        (value,) = message["payload"]["data"].values()
        found: dict[str, Any] = value
        return found

    async def closed(self) -> int | None:
        """Wait for the server to close; with which code."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.connection.wait_closed()
        return self.connection.close_code


@asynccontextmanager
async def connect(server: Server, token: str | None = None, **options: Any) -> AsyncIterator[Socket]:
    """A connection, initialised when there is a token."""
    options = {"subprotocols": ["graphql-transport-ws"], "ping_interval": None, "compression": None} | options
    if "sock" in options:
        await asyncio.get_running_loop().sock_connect(options["sock"], ("127.0.0.1", server.port))
    async with websockets.connect(server.ws_url, **options) as connection:
        socket = Socket(connection)
        if token is not None:
            assert (await socket.init(token))["type"] == "connection_ack"
        yield socket


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until something holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 what is waited for has no event of its own
            await asyncio.sleep(0)
