"""GraphQL over Server-Sent Events, distinct connections mode: one operation a request.

https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md. The id of a message is its cursor, so
that a client resumes with `Last-Event-ID`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

import orjson
from graphql import GraphQLError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.bus import Bus
from api.context import Context
from api.documents import Invalid, Prepared
from api.fanout import Audience, open_audience
from api.live import cursor_of
from api.operation import Api, Asked, is_subscription, refused
from api.subscriber import Message, Revoked

HEARTBEAT_SECONDS = 15.0

_COMPLETE = "event: complete\ndata:\n\n"


Write = Callable[[str], Awaitable[None]]
Source = Callable[[Write], Awaitable[None]]
"""Writes what there is to write, and returns when there is no more."""


class EventStream(Response):
    """What its source writes, until the client goes away. Each piece goes out at once. `held` is let go at the end."""

    def __init__(self, source: Source, held: ExitStack | None = None) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(None, headers=headers, media_type="text/event-stream")
        del self.headers["content-length"]
        self._source = source
        self._held = held or ExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await self._stream(receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        async def write(text: str) -> None:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        source = asyncio.ensure_future(self._source(write))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait([source, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (source, gone):
                task.cancel()
            await asyncio.gather(source, gone, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def stream(
    api: Api,
    bus: Bus,
    asked: Asked,
    prepared: Prepared,
    context: Context,
    last_event_id: str | None,
    expires: datetime | None,
) -> EventStream:
    """The answer as a stream. Raises `Invalid` when there is nothing to stream, `Refusal` for one stream too many."""
    if not is_subscription(prepared):
        answer = await api.answer(asked, prepared, context, "sse")
        return EventStream(lambda write: _once(write, answer.body))
    length = len(asked.canonical())
    with ExitStack() as until_it_ends:
        holding = api.holdings.open(context.viewer)
        until_it_ends.callback(api.holdings.close, context.viewer)
        holding.begin(length)
        until_it_ends.callback(holding.end, length)
        audience = await open_audience(api, asked, prepared, context, "sse", last_event_id)
        return EventStream(lambda write: _events(write, bus, audience, context, expires), until_it_ends.pop_all())


async def _once(write: Write, body: object) -> None:
    await write(f"event: next\ndata: {orjson.dumps(body, default=str).decode()}\n\n{_COMPLETE}")


async def _events(write: Write, bus: Bus, audience: Audience, context: Context, expires: datetime | None) -> None:
    """Messages, and comments that keep the connection open; ends with the token."""
    org_id = audience.org_id

    async def message(one: Message) -> None:
        await write(f"id: {cursor_of(org_id, one.seq)}\nevent: next\ndata: {one.payload.decode()}\n\n")

    delivering = asyncio.create_task(bus.deliver(audience, context.viewer, message))
    try:
        while True:
            left = HEARTBEAT_SECONDS
            if expires is not None:
                left = min(left, (expires - datetime.now(UTC)).total_seconds())
                if left <= 0:
                    return
            done, _ = await asyncio.wait([delivering], timeout=left)
            if done:
                delivering.result()
            await write(":\n\n")
    except (Revoked, OSError):
        return
    except Invalid as invalid:
        await _once(write, refused(invalid.errors, context.request_id).body)
    except Exception as error:
        masked = GraphQLError("The subscription failed.", original_error=error)
        await _once(write, refused([masked], context.request_id).body)
    finally:
        delivering.cancel()
        with suppress(BaseException):
            await delivering
