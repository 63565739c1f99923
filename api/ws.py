"""graphql-transport-ws: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.

The token comes in the payload of `connection_init` (`{"authorization": "Bearer ..."}`), as browsers cannot set headers,
or in the Authorization header of the handshake.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import structlog
from graphql import GraphQLError
from starlette.datastructures import Headers
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

import logs
from api import metrics
from api.bus import Bus
from api.documents import Invalid
from api.errors import Refusal
from api.fanout import open_audience
from api.holdings import Holding
from api.operation import Api, decode, is_subscription, refused, request_id
from api.sockets import push_of
from api.subscriber import Message, Revoked
from domain.org.model import Viewer
from sql.pool import Unavailable

log = structlog.get_logger("attain.api")

PROTOCOL = "graphql-transport-ws"

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
SUBPROTOCOL = 4406
INIT_TIMEOUT = 4408
DUPLICATE = 4409
TOO_MANY = 4429  # of the protocol for initialisations; clients do not come back by themselves
TRY_AGAIN_LATER = 1013  # of RFC 6455's registry: clients know it as one to come back after


class Closing(Exception):
    """The client broke the protocol, may not be here, or cannot be served now."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLOverWebSocket:
    """The endpoint for WebSockets."""

    def __init__(self, api: Api, bus: Bus) -> None:
        self._api = api
        self._bus = bus

    async def __call__(self, websocket: WebSocket) -> None:
        """Serve one connection to its end."""
        if PROTOCOL not in websocket.scope.get("subprotocols", ()):
            await websocket.accept()
            await websocket.close(SUBPROTOCOL, "Subprotocol not acceptable")
            return
        await websocket.accept(PROTOCOL)
        await _Connection(self._api, self._bus, websocket, *_handshake(websocket)).serve()


@dataclass(slots=True)
class _Connection:
    api: Api
    bus: Bus
    websocket: WebSocket
    request_id: str
    authorization: str | None
    """Of the handshake."""
    viewer: Viewer | None = None
    holding: Holding | None = None
    expires: datetime | None = None
    initialised: bool = False
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    held: int = 0
    """Characters of the messages whose operations are under way: what was asked with is kept until they end."""

    async def serve(self) -> None:
        reason = "client"
        try:
            await self._first()
            async with asyncio.timeout(self._seconds_left()):
                while True:
                    await self._handle(*await self._receive())
        except Closing as closing:
            reason = closing.reason
            await self._close(closing.code, closing.reason)
        except TimeoutError:
            reason = "token expired"
            await self._close(FORBIDDEN, "Token expired")
        except WebSocketDisconnect:
            pass
        finally:
            tasks = list(self.running.values())
            self.running.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.viewer is not None and self.holding is not None:
                self.api.holdings.close(self.viewer)
            org_id = str(self.viewer.org_id) if self.viewer else None
            log.info("socket_closed", request_id=self.request_id, org_id=org_id, reason=reason)

    async def _first(self) -> None:
        """Wait for `connection_init`, answering pings. What takes long after it is not the client's fault."""
        try:
            async with asyncio.timeout(self.api.settings.connection_init_timeout_seconds) as silence:
                while self.viewer is None:
                    message, length = await self._receive()
                    if message["type"] == "connection_init":
                        silence.reschedule(None)
                    await self._handle(message, length)
        except TimeoutError:
            raise Closing(INIT_TIMEOUT, "Connection initialisation timeout") from None

    def _seconds_left(self) -> float | None:
        return None if self.expires is None else max(0.0, (self.expires - datetime.now(UTC)).total_seconds())

    async def _receive(self) -> tuple[Mapping[str, Any], int]:
        """The next message, and how long it was."""
        raw = await self.websocket.receive()
        if raw["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(raw.get("code", 1000), raw.get("reason"))
        text = raw["text"] if raw.get("text") is not None else raw["bytes"]
        try:
            message = decode(text)
        except Refusal as refusal:
            raise Closing(BAD_REQUEST, refusal.message) from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Closing(BAD_REQUEST, "A message is an object with a type")
        return message, len(text)

    async def _handle(self, message: Mapping[str, Any], length: int) -> None:
        match message["type"]:
            case "connection_init":
                await self._init(message.get("payload"))
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(_id(message), message.get("payload"), length)
            case "complete":
                task = self.running.pop(_id(message), None)
                if task is not None:
                    task.cancel()
            case other:
                raise Closing(BAD_REQUEST, f"Unknown message type {other[:40]}")

    async def _init(self, payload: object) -> None:
        if self.initialised:
            raise Closing(TOO_MANY, "Too many initialisation requests")
        self.initialised = True
        given = {str(name).lower(): value for name, value in payload.items()} if isinstance(payload, dict) else {}
        token = given.get("authorization") or self.authorization
        try:
            self.viewer, self.expires = await self.api.viewer(token if isinstance(token, str) else None)
        except Refusal:
            raise Closing(FORBIDDEN, "Forbidden") from None
        except Unavailable as error:  # TimeoutError is one
            log.warning("unavailable", request_id=self.request_id, error=repr(error))
            raise Closing(TRY_AGAIN_LATER, "Try again later") from None
        try:
            self.holding = self.api.holdings.open(self.viewer)
        except Refusal as refusal:
            raise Closing(TOO_MANY, refusal.message) from None
        await self._send({"type": "connection_ack"})

    async def _subscribe(self, id_: str, payload: object, length: int) -> None:
        if self.viewer is None or self.holding is None:
            raise Closing(UNAUTHORIZED, "Unauthorized")
        if id_ in self.running:
            raise Closing(DUPLICATE, f"Subscriber for {id_[:60]} already exists")
        try:
            self._begin(length, self.holding)
        except Refusal as refusal:
            errors = refused([refusal], self.request_id).body["errors"]
            await self._send({"id": id_, "type": "error", "payload": errors})
            return
        task = asyncio.create_task(self._operate(id_, payload, self.viewer))
        self.running[id_] = task
        task.add_done_callback(partial(self._end, length, self.holding))

    def _begin(self, length: int, holding: Holding) -> None:
        """Count one more operation that came in so long a message. Raises `Refusal` where there is no room for it."""
        settings = self.api.settings
        if len(self.running) >= settings.max_subscriptions_per_socket:
            raise Refusal("RATE_LIMITED", f"At most {len(self.running)} operations at once on one socket.")
        longest = settings.max_characters_per_socket
        if self.held + length > longest:
            raise Refusal("RATE_LIMITED", f"At most {longest} characters of operations at once on one socket.")
        holding.begin(length)
        self.held += length

    def _end(self, length: int, holding: Holding, _task: asyncio.Task[None]) -> None:
        holding.end(length)
        self.held -= length

    async def _operate(self, id_: str, payload: object, viewer: Viewer) -> None:
        """One operation to its end. The id is free again before the last message goes out."""
        logs.about(request_id=self.request_id, org_id=str(viewer.org_id))
        started = time.perf_counter()
        note: dict[str, Any] = {}
        try:
            last = await self._run(id_, payload, viewer, note)
        except Invalid as invalid:
            last = self._error(id_, note, *invalid.errors)
        except Refusal as refusal:
            last = self._error(id_, note, refusal)
        except Revoked:
            note["code"] = "REVOKED"
            await self._close(FORBIDDEN, "Access ended")
            return
        except WebSocketDisconnect:
            return  # the connection's own loop hears of it too
        except Exception as error:
            last = self._error(id_, note, GraphQLError("The subscription failed.", original_error=error))
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info("request", transport="websocket", milliseconds=milliseconds, **note)
        if self.running.get(id_) is asyncio.current_task():
            del self.running[id_]
            with suppress(WebSocketDisconnect):
                await self._send(last)

    async def _run(self, id_: str, payload: object, viewer: Viewer, note: dict[str, Any]) -> dict[str, Any]:
        """Send what there is to send; the message that ends the operation is returned."""
        asked, prepared = await self.api.read(payload)
        note |= {"operation": prepared.name, "kind": prepared.verb, "field": prepared.root}
        context = self.api.context(viewer, self.request_id)
        # Spliced rather than encoded: the payload is shared by all subscribers of a group.
        head = b'{"id":%b,"type":"next","payload":' % orjson.dumps(id_)
        if not is_subscription(prepared):
            answer = await self.api.answer(asked, prepared, context, "websocket")
            note |= {"code": answer.code, "cost": answer.cost, "statements": answer.statements}
            if not answer.executed:
                return {"id": id_, "type": "error", "payload": answer.body["errors"]}
            await self._text(b"%b%b}" % (head, orjson.dumps(answer.body, default=str)))
            return {"id": id_, "type": "complete"}
        audience = await open_audience(self.api, asked, prepared, context, "websocket")
        note |= {"code": "OK", "messages": 0}

        direct = push_of(self.websocket.scope)

        def push(messages: Sequence[Message]) -> int:
            sent = direct([b"%b%b}" % (head, message.payload) for message in messages]) if direct else 0
            note["messages"] += sent
            return sent

        async def write(message: Message) -> None:
            note["messages"] += 1
            await self._text(b"%b%b}" % (head, message.payload))

        return await self.bus.deliver(audience, viewer, write, push)

    def _error(self, id_: str, note: dict[str, Any], *errors: GraphQLError) -> dict[str, Any]:
        answer = refused(errors, self.request_id)
        note["code"] = answer.code
        metrics.requests_of("websocket", note.get("kind", "none"), note.get("field", "none"), answer.code).inc()
        return {"id": id_, "type": "error", "payload": answer.body["errors"]}

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._text(orjson.dumps(message))

    async def _text(self, text: bytes) -> None:
        if self.websocket.application_state is WebSocketState.CONNECTED:
            await self.websocket.send_text(text.decode())

    async def _close(self, code: int, reason: str) -> None:
        if self.websocket.application_state is WebSocketState.CONNECTED:
            await self.websocket.close(code, reason.encode()[:120].decode(errors="ignore"))


def _handshake(websocket: WebSocket) -> tuple[str, str | None]:
    """Request id and token that it came with. Its headers are let go: thousands of sockets stay open."""
    headers = Headers(scope=websocket.scope)
    websocket.scope["headers"] = []
    return request_id(headers.get("x-request-id")), headers.get("authorization")


def _id(message: Mapping[str, Any]) -> str:
    id_ = message.get("id")
    if not isinstance(id_, str) or not id_:
        raise Closing(BAD_REQUEST, "The message lacks an id")
    return id_
