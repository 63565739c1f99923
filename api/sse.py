"""GraphQL over Server-Sent Events, distinct connections mode: one operation a request.

https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md. The id of a message is its cursor, so
that a client resumes with `Last-Event-ID`.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import UTC, datetime

import orjson
from graphql import GraphQLError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.bus import Bus
from api.context import Context
from api.documents import Invalid, Prepared
from api.fanout import Message, Revoked, open_audience
from api.live import cursor_of
from api.operation import Api, Asked, is_subscription, refused

HEARTBEAT_SECONDS = 15.0

_COMPLETE = "event: complete\ndata:\n\n"


class EventStream(StreamingResponse):
    """Ends its generator also when the client just goes away."""

    def __init__(self, content: AsyncGenerator[str, None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, headers=headers, media_type="text/event-stream")
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._content):
            await super().__call__(scope, receive, send)


async def stream(
    api: Api,
    bus: Bus,
    asked: Asked,
    prepared: Prepared,
    context: Context,
    last_event_id: str | None,
    expires: datetime | None,
) -> EventStream:
    """The answer as a stream. Raises `Invalid` when there is nothing to stream."""
    if not is_subscription(prepared):
        answer = await api.answer(asked, prepared, context, "sse")
        return EventStream(_once(answer.body))
    audience = await open_audience(api, asked, prepared, context, "sse", last_event_id)
    return EventStream(_events(bus.subscribe(audience, context.viewer), context, expires))


async def _once(body: object) -> AsyncGenerator[str, None]:
    yield f"event: next\ndata: {orjson.dumps(body, default=str).decode()}\n\n"
    yield _COMPLETE


async def _events(
    messages: AsyncGenerator[Message, None], context: Context, expires: datetime | None
) -> AsyncGenerator[str, None]:
    """Messages and, while there are none, comments that keep the connection open; ends with the token."""
    org_id = context.viewer.org_id
    async with aclosing(messages):
        coming = asyncio.ensure_future(anext(messages))
        try:
            while True:
                left = HEARTBEAT_SECONDS
                if expires is not None:
                    left = min(left, (expires - datetime.now(UTC)).total_seconds())
                    if left <= 0:
                        return
                done, _ = await asyncio.wait({coming}, timeout=left)
                if not done:
                    yield ":\n\n"
                    continue
                message = coming.result()
                yield f"id: {cursor_of(org_id, message.seq)}\nevent: next\ndata: {message.payload}\n\n"
                coming = asyncio.ensure_future(anext(messages))
        except Revoked:
            return
        except Invalid as invalid:
            async for text in _once(refused(invalid.errors, context.request_id).body):
                yield text
        except Exception as error:
            masked = GraphQLError("The subscription failed.", original_error=error)
            async for text in _once(refused([masked], context.request_id).body):
                yield text
        finally:
            coming.cancel()
            with suppress(BaseException):
                await coming
