"""What a request brings and what it gets, as ASGI hands it on.

Starlette's own objects serve every kind of application; making them takes longer than Postgres takes to find a rep.
"""

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

WHOLE = "attain.response"
"""An extension of ASGI: `await scope["extensions"][WHOLE](status, headers, body)` is a response in one write.

The headers are as they go out: lower case, checked, with a content-length and without a word on the connection.
"""


class Request:
    """A request of which the body is still to come."""

    __slots__ = ("_headers", "_receive", "_scope", "method")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self._scope = scope
        self._receive = receive
        self._headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # the first of several by one name

    def header(self, name: bytes) -> str | None:
        """The value of a header, whose name is in lower case."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    def parameters(self) -> QueryParams:
        """What the address has after its question mark."""
        return QueryParams(self._scope["query_string"])

    async def piece(self) -> tuple[bytes, bool]:
        """The next piece of the body, and whether there is more. Raises `ClientDisconnect`."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        return message.get("body", b""), message.get("more_body", False)


class Reply(Response):
    """A response that is there as a whole, of a content type with its charset."""

    def __init__(self, body: bytes, status: int, content_type: bytes) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]

    async def at_once(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it as it is, in one write where the server can."""
        whole = scope.get("extensions", {}).get(WHOLE)
        if whole is None or self.status_code != 200:
            await self(scope, receive, send)
        else:
            await whole(self.status_code, self.raw_headers, self.body)
