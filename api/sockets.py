"""uvicorn's WebSockets, with a short way out: the same event goes to thousands of them.

    uvicorn.Config(..., ws=Sockets)

ASGI's `send` costs several times what the writing does. Its extension `attain.push` gives an application `Push`.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Any

from api.protocols import BoundedWebSocket

EXTENSION = "attain.push"

Push = Callable[[Sequence[bytes]], int]
"""Sends text messages at once, and says how many. Not all when the client is slow or gone: `send` knows which."""

# Bytes that go out together: each time is a call of the kernel, and wakes the client.
_TOGETHER = 1 << 16
_TEXT = 0x81  # the only frame of a text message
_SHORT = 126
_MEDIUM = struct.Struct("!BBH")
_LONG = struct.Struct("!BBQ")


class Sockets(BoundedWebSocket):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue = Inbox()  # type: ignore[assignment]
        self.writable = Gate()  # type: ignore[assignment]

    def start_keepalive(self) -> None:
        """The handshake is over; thousands of sockets do not keep its headers twice."""
        self.request.headers.clear()  # the parser holds it too
        del self.request, self.response
        super().start_keepalive()

    async def run_asgi(self) -> None:
        """Serve it."""
        if not self.conn.extensions:  # which would change what a frame looks like
            scope: Any = self.scope
            scope["extensions"][EXTENSION] = {"push": self.push}
        try:
            await super().run_asgi()
        finally:
            del self.scope  # which leads back here: what has ended goes at once, and waits for no collector

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.conn.parser.close()  # holds `conn`, which holds it

    def push(self, texts: Sequence[bytes]) -> int:
        """As `Push`."""
        sent = 0
        while sent < len(texts) and self._takes_more():
            frames, length = [], 0
            while sent < len(texts) and length < _TOGETHER:
                frames.append(frame(texts[sent]))
                length += len(frames[-1])
                sent += 1
            self.transport.write(b"".join(frames))
        return sent

    def _takes_more(self) -> bool:
        return not (self.close_sent or self.disconnected or self.transport.is_closing()) and self.writable.is_set()


class Inbox:
    """What `asyncio.Queue` does for one reader, with a tenth of its memory."""

    __slots__ = ("_messages", "_reader")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        """Add a message."""
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        """The oldest message, once there is one."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._messages.pop(0)

    def empty(self) -> bool:
        """Whether `get` would wait."""
        return not self._messages


class Gate:
    """What `asyncio.Event` does, with a tenth of its memory while it is open, as it is at first."""

    __slots__ = ("_opens",)

    def __init__(self) -> None:
        self._opens: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        """Whether `wait` would not."""
        return self._opens is None

    def set(self) -> None:
        """Open it."""
        opens, self._opens = self._opens, None
        if opens is not None:
            opens.set_result(None)

    def clear(self) -> None:
        """Shut it."""
        if self._opens is None:
            self._opens = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        """Until it opens."""
        if self._opens is not None:
            await asyncio.shield(self._opens)


def frame(text: bytes) -> bytes:
    """A text message as a server sends it: RFC 6455, section 5.2."""
    length = len(text)
    if length < _SHORT:
        return bytes((_TEXT, length)) + text
    if length < 1 << 16:
        return _MEDIUM.pack(_TEXT, 126, length) + text
    return _LONG.pack(_TEXT, 127, length) + text


def push_of(scope: Any) -> Push | None:
    """The short way out of a connection, where the server has one."""
    found: Push | None = scope.get("extensions", {}).get(EXTENSION, {}).get("push")
    return found
