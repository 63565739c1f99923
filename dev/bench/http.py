"""A GraphQL client that costs little, so that it does not measure itself: HTTP/1.1, one connection, kept alive."""

import asyncio
from typing import Any

import orjson


class Http:
    """`await Http.connect(port, token)`; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader = reader
        self._writer = writer
        self._head = (
            "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: "
        )

    @classmethod
    async def connect(cls, port: int, token: str) -> "Http":
        """Open a connection of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port), token)

    async def ask(self, query: str, **variables: object) -> Any:
        """The one field of the answer's data. Raises `ValueError` with whatever errors it has."""
        body = orjson.dumps({"query": query, "variables": variables})
        self._writer.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, _, length = head.partition(b"content-length:")
        answer = orjson.loads(await self._reader.readexactly(int(length.split(b"\r\n", 1)[0])))
        if answer.get("errors"):
            raise ValueError(answer["errors"])
        (value,) = answer["data"].values()
        if isinstance(value, dict) and value.get("userErrors"):
            raise ValueError(value["userErrors"])
        return value

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def get(port: int, path: str) -> str:
    """The body of a plain GET."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).decode().partition("\r\n\r\n")[2]
    finally:
        writer.close()
