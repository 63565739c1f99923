"""HTTP/1.1 and WebSocket as uvicorn speaks them, with bounds on what it leaves to the client's good will.

Whatever anybody may send before it is known who they are costs little: the head of a request is short and comes soon, a
message comes in few pieces, and answers to pings do not pile up.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from api.wire import EXCHANGE
from settings import Settings

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

HEAD_BYTES = 65_536
MOST_FRAGMENTS = 1_000


class BoundedHttp(HttpToolsProtocol):
    """A connection that is closed when it does not get to ask anything. It is its requests' `Exchange`."""

    head_seconds = 10.0
    _deadline: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0
    _upgraded = False
    _running: RequestResponseCycle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._extensions: dict[str, object] = {EXCHANGE: self}
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)
        self._let_go()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._upgraded and (self._in_head or not self._answering()):
            self._await_head()  # also when what came was no more than an empty line
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_came()
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._running = cycle  # of those that came at once, one is answered after the other
        cast("dict[str, object]", cycle.scope)["extensions"] = self._extensions
        super()._start_asgi_task(cycle, app)

    def body(self) -> bytes | None:
        """Of `Exchange`: as `receive` gives it in the end."""
        cycle = self._running
        if cycle.more_body or cycle.disconnected:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        cycle.message_event.clear()
        self.flow.resume_reading()
        return body

    async def reply(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Of `Exchange`: what `send` does in two steps and two writes, looking at each header."""
        cycle = self._running
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        answer = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            answer += (name, b": ", value, b"\r\n")
        answer += (b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", body)
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join(answer))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        super().handle_websocket_upgrade()
        self._let_go()

    def _let_go(self) -> None:
        """Of what leads back here: else this would stay for as long as the garbage collector takes."""
        self.parser = None  # type: ignore[assignment]
        self._extensions.clear()

    def _answering(self) -> bool:
        """Whether a request is under way."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _await_head(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._head_bytes = 0
            self._deadline = self.loop.call_later(self.head_seconds, self._refuse, b"408 Request Timeout")

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: bytes) -> None:
        self._head_came()
        if not self._answering():  # else it would be read as part of an answer
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def http_protocol(settings: Settings) -> type[asyncio.Protocol]:
    """For `uvicorn.Config(http=...)`."""
    bounded = type("Http", (BoundedHttp,), {"head_seconds": settings.receive_timeout_seconds})
    return cast("type[asyncio.Protocol]", bounded)


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A connection that holds no more than a message and an answer."""

    _pongs = b""

    def handle_ping(self) -> None:
        """Answer; while nothing can be written, keep only the newest answers, as RFC 6455 (5.5.3) allows."""
        pongs = b"".join(self.conn.data_to_send())  # of all pings that came together, at the first of them
        if not pongs:
            return
        if self.writable.is_set():
            self.transport.write(pongs)
        else:
            self._pongs = pongs

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._pongs:
            pongs, self._pongs = self._pongs, b""
            self.transport.write(pongs)

    def handle_cont(self, event: Frame) -> None:
        """One more piece, which may be empty: their number is bounded as their size is."""
        super().handle_cont(event)
        if len(self.frames) > MOST_FRAGMENTS:
            self.frames = []
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()
