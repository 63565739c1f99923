"""What a request brings and what it gets, as ASGI hands it on.

Starlette's own objects serve every kind of application; making them takes longer than Postgres takes to find a rep.
"""

from collections.abc import Iterable
from typing import Protocol

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

EXCHANGE = "attain.exchange"
"""An extension of ASGI: in `scope["extensions"]`, the `Exchange` of the request."""


class Exchange(Protocol):
    """What `receive` and `send` do, without messages: in one step where there is no more to it."""

    def body(self) -> bytes | None:
        """The body of the request, when all of it has come and none of it was received; otherwise None."""

    async def reply(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """The response, in one write.

        The headers are as they go out: lower case, checked, with a content-length and without a word on the connection.
        """


def at_once(exchange: Exchange) -> Send:
    """To send a response that comes as its head and then its body by `exchange.reply`."""
    head: Message = {}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
        else:
            await exchange.reply(head["status"], head["headers"], message["body"])

    return send


class Request:
    """A request of which the body is still to come."""

    __slots__ = ("_exchange", "_receive", "_scope", "headers", "method")

    def __init__(self, scope: Scope, receive: Receive, exchange: Exchange | None) -> None:
        self.method: str = scope["method"]
        # By names in lower case; the first of several by one name.
        self.headers = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
        self._scope = scope
        self._receive = receive
        self._exchange = exchange

    def parameters(self) -> QueryParams:
        """What the address has after its question mark."""
        return QueryParams(self._scope["query_string"])

    def body(self) -> bytes | None:
        """The whole body, when it is here already."""
        return None if self._exchange is None else self._exchange.body()

    async def piece(self) -> tuple[bytes, bool]:
        """The next piece of the body, and whether there is more. Raises `ClientDisconnect`."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        return message.get("body", b""), message.get("more_body", False)


class Reply(Response):
    """A response that is there as a whole, of a content type with its charset."""

    body: bytes

    def __init__(self, body: bytes, status: int, content_type: bytes) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
