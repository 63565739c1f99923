"""GraphQL over HTTP: https://graphql.github.io/graphql-over-http/draft/ with its SHOULDs."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
import structlog
from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response

import logs
from api import metrics, sse
from api.bus import Bus
from api.context import Context
from api.deadlines import Deadline
from api.documents import Invalid, Prepared
from api.errors import Refusal, bad_request
from api.graphiql import page
from api.idempotency import Once
from api.operation import Answer, Api, Asked, decode, is_subscription, refused, request_id
from api.wire import Reply, Request
from domain.org.model import Viewer

log = structlog.get_logger("attain.api")

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"

_OFFERED = (JSON, GRAPHQL, EVENTS, HTML)
_CONTENT_TYPES = {media: f"{media}; charset=utf-8".encode() for media in (JSON, GRAPHQL)}

# How many times the limit is read before the connection is cut.
_DRAINED = 4

# Refusals that HTTP has a status of its own for, whatever the client accepts.
_STATUS = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429, "UNAVAILABLE": 503, "INTERNAL": 500}


class HttpError(Exception):
    """The request is not one that GraphQL gets to see."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = bad_request(message)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class GraphQLOverHttp:
    """The endpoint for GET and POST."""

    def __init__(self, api: Api, bus: Bus) -> None:
        self._api = api
        self._bus = bus
        self._receiving = Deadline(api.settings.receive_timeout_seconds)

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Never raises."""
        started = time.perf_counter()
        rid = request_id(request.headers.get(b"x-request-id"))
        note: dict[str, Any] = {}
        logs.about(request_id=rid)
        media = _preferred(request.headers.get(b"accept"), _OFFERED)
        try:
            response = await self._respond(request, media, rid, note)
        except HttpError as error:
            response = _encoded(_refused([error.error], rid, note), media, error.status)
            response.headers.update(error.headers)
        except Invalid as invalid:
            response = _encoded(_refused(invalid.errors, rid, note), media)
        except Refusal as refusal:
            response = _encoded(_refused([refusal], rid, note), media, _STATUS.get(str(_code(refusal)), 400))
        except ClientDisconnect:
            response = Response(status_code=499)
        except Exception as error:
            masked = GraphQLError("Something went wrong.", original_error=error)
            response = _encoded(_refused([masked], rid, note), media)
        response.raw_headers.append((b"x-request-id", rid.encode()))
        log.info(
            "request",
            transport="http",
            method=request.method,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            **note,
        )
        return response

    async def _respond(self, request: Request, media: str | None, rid: str, note: dict[str, Any]) -> Response:
        if media is None:
            raise HttpError(406, f"Answers are {GRAPHQL}, {JSON} or, for subscriptions, {EVENTS}.")
        if request.method == "GET" and media == HTML and "query" not in request.parameters():
            return HTMLResponse(page(datetime.now(UTC)))
        viewer, expires = await self._admitted(request)
        given = await self._given(request)
        logs.about(org_id=str(viewer.org_id))
        key = request.headers.get(b"idempotency-key")
        if isinstance(given, list):
            return await self._batch(given, request, media, self._api.context(viewer, rid), note)
        context = self._api.context(viewer, rid, key, request.headers.get(b"traceparent"))
        asked, prepared = await self._api.read(given)
        note |= {"operation": prepared.name, "kind": prepared.verb, "field": prepared.root}
        self._check_method(request, prepared)
        if media == EVENTS:
            after = request.headers.get(b"last-event-id")
            return await sse.stream(self._api, self._bus, asked, prepared, context, after, expires)
        if is_subscription(prepared):
            raise Invalid(bad_request(f"Subscribe with `Accept: {EVENTS}` or over a WebSocket."))
        answer = await self._answer(asked, prepared, context)
        note |= {"code": answer.code, "cost": answer.cost, "statements": answer.statements}
        return _encoded(answer, media)

    async def _admitted(self, request: Request) -> tuple[Viewer, datetime | None]:
        """Who asks and until when. An unknown one's body is read, as a client hears nothing before, but not kept."""
        try:
            return await self._api.viewer(request.headers.get(b"authorization"))
        except Refusal:
            await self._body(request, keep=False)
            raise

    async def _answer(self, asked: Asked, prepared: Prepared, context: Context) -> Answer:
        if context.idempotency_key is None or prepared.kind is not OperationType.MUTATION:
            return await self._api.answer(asked, prepared, context, "http")
        once = Once.of(context, context.idempotency_key, asked)
        return await once.answer(lambda: self._api.answer(asked, prepared, context, "http"))

    async def _batch(
        self, given: Sequence[object], request: Request, media: str, context: Context, note: dict[str, Any]
    ) -> Response:
        """Several operations in one request, one after the other; each has its answer at its place."""
        limit = self._api.settings.max_batch
        if not 1 <= len(given) <= limit or request.headers.get(b"idempotency-key"):
            raise bad_request(f"A request holds 1 to {limit} operations, and one alone with an Idempotency-Key.")
        answers = []
        for one in given:
            try:
                asked, prepared = await self._api.read(one)
                if is_subscription(prepared):
                    raise bad_request("A batch holds no subscription.")
                fresh = self._api.context(context.viewer, context.request_id)
                answers.append(await self._api.answer(asked, prepared, fresh, "http"))
            except Invalid as invalid:
                answers.append(refused(invalid.errors, context.request_id))
            except Refusal as refusal:
                answers.append(refused([refusal], context.request_id))
        note |= {"batch": len(answers), "statements": sum(answer.statements for answer in answers)}
        return _json([answer.body for answer in answers], media, 200)

    async def _given(self, request: Request) -> object:
        """The decoded parameters of the request."""
        if request.method == "GET":
            given = request.parameters()
            parameters: dict[str, object] = dict(given)
            for name in ("variables", "extensions"):
                text = given.get(name)
                parameters[name] = decode(text) if text else None
            return parameters
        if request.method != "POST":
            raise HttpError(405, "GraphQL is asked by GET or POST.", Allow="GET, POST")
        if not _is_json(request.headers.get(b"content-type")):
            raise HttpError(415, f"Send `Content-Type: {JSON}` in UTF-8.")
        return decode(await self._body(request))

    async def _body(self, request: Request, keep: bool = True) -> bytes:
        limit = self._api.settings.max_body_bytes
        declared = request.headers.get(b"content-length") or "0"
        if not declared.isdigit() or int(declared) > _DRAINED * limit:
            raise _too_large(limit)
        whole = request.body()
        if whole is not None:
            if len(whole) > limit:
                raise _too_large(limit)
            return whole
        body, read, more = bytearray(), 0, True
        try:
            with self._receiving():
                # What is too much is read but not kept: a client hears no answer before it has sent its all.
                while more and read <= _DRAINED * limit:
                    piece, more = await request.piece()
                    read += len(piece)
                    if read <= limit and keep:
                        body += piece
        except TimeoutError:
            seconds = self._api.settings.receive_timeout_seconds
            raise HttpError(408, f"The body did not arrive within {seconds:g} s.", Connection="close") from None
        if read > limit:
            raise _too_large(limit)
        return bytes(body)

    def _check_method(self, request: Request, prepared: Prepared) -> None:
        if request.method == "GET" and prepared.kind is OperationType.MUTATION:
            raise HttpError(405, "Mutations are sent by POST.", Allow="POST")


def _too_large(limit: int) -> HttpError:
    return HttpError(413, f"The body is larger than {limit} bytes.", Connection="close")


def _refused(errors: Sequence[GraphQLError], rid: str, note: dict[str, Any]) -> Answer:
    """The answer to a request that did not come to be executed, noted."""
    answer = refused(list(errors), rid)
    note["code"] = answer.code
    metrics.requests_of("http", note.get("kind", "none"), note.get("field", "none"), answer.code).inc()
    return answer


def _encoded(answer: Answer, media: str | None, status: int | None = None) -> Response:
    """The response in what the client accepts; `application/json` says 200 for whatever GraphQL could answer."""
    if status is None:
        status = 200
        if not answer.executed:
            status = _STATUS.get(answer.code, 200 if media == JSON else 400)
    response = _json(answer.body, media, status)
    if answer.headers:
        response.headers.update(answer.headers)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        response.headers["Retry-After"] = str(answer.body["errors"][0]["extensions"].get("retryAfterSeconds", 1))
    return response


def _json(body: object, media: str | None, status: int) -> Reply:
    return Reply(orjson.dumps(body, default=str), status, _CONTENT_TYPES[GRAPHQL if media == GRAPHQL else JSON])


def _code(refusal: Refusal) -> object:
    return (refusal.extensions or {}).get("code")


@lru_cache(maxsize=256)
def _is_json(content_type: str | None) -> bool:
    media, _, parameters = (content_type or "").partition(";")
    charset = parameters.replace(" ", "").lower().removeprefix("charset=").strip('"')
    return media.strip().lower() == JSON and charset in ("", "utf-8", "utf8")


@lru_cache(maxsize=256)
def _preferred(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The media type that the client likes best, ties to the earlier offered; None when it accepts none of them."""
    if accept is None or not accept.strip():
        return offered[0]
    best: tuple[float, int, str] | None = None
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((_quality(text[2:]) for text in parameters if text.startswith("q=")), 1.0)
        for position, media in enumerate(offered):
            if quality > 0 and name in (media, media.split("/")[0] + "/*", "*/*"):
                rank = (quality, -position, media)
                best = rank if best is None or rank > best else best
                break
    return best[2] if best else None


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
