"""The ASGI application: `uvicorn api.app:create_app --factory`."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import strawberry
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from starlette_compress import CompressMiddleware, add_compress_type, remove_compress_type

from api import metrics, wire
from api.auth import Viewers
from api.budget import Budget
from api.bus import Bus
from api.documents import Documents
from api.execution import Execution
from api.graphiql import ASSETS
from api.http import EVENTS, GRAPHQL, GraphQLOverHttp
from api.operation import Api
from api.persisted import Persisted, trusted_documents
from api.schema import schema
from api.ws import GraphQLOverWebSocket
from domain import backlog
from settings import Settings
from settings import settings as from_environment
from sql.migrate import Unreachable, pending
from sql.pool import Database, Unavailable

log = structlog.get_logger("attain.api")

# Bytes below which a body is sent as it is. Streams always are: a compressor a stream would weigh more than it saves.
_SMALL = 1_000
_COMPRESSION: dict[str, Any] = {"minimum_size": _SMALL, "zstd_level": 1, "brotli_quality": 2, "gzip_level": 1}
add_compress_type(GRAPHQL)
remove_compress_type(EVENTS)

# Where a scope holds the response that is to be sent.
_RESPONSE = "attain.response"

_PROBE_SECONDS = 1.0
# How long work waits before somebody should look at the workers.
_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Running:
    """What a started application holds."""

    db: Database
    valkey: Redis
    bus: Bus
    http: GraphQLOverHttp
    websocket: GraphQLOverWebSocket


def create_app(settings: Settings | None = None, graph: strawberry.Schema = schema) -> Starlette:
    """The application with these settings, or those of the environment."""
    chosen = settings or from_environment()
    core = graph._schema
    trusted = trusted_documents(chosen.trusted_documents)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Running]]:
        db = await Database.open(chosen.database_url, size=chosen.pool_size, timeout_ms=chosen.statement_timeout_ms)
        valkey = Redis.from_url(
            chosen.valkey_url,
            socket_connect_timeout=_PROBE_SECONDS,
            health_check_interval=15,
            retry=Retry(NoBackoff(), 0),
        )
        budget = Budget(valkey, chosen.cost_per_minute)
        bus = Bus(db, valkey, chosen)
        persisted = Persisted(valkey, trusted, only_trusted=chosen.only_trusted_documents)
        api = Api(chosen, db, Viewers(db, chosen), Documents(core, chosen), persisted, Execution(core), budget)
        tasks = [asyncio.create_task(budget.run()), asyncio.create_task(bus.run())]
        app.state.running = Running(db, valkey, bus, GraphQLOverHttp(api, bus), GraphQLOverWebSocket(api, bus))
        try:
            yield {}
        finally:
            bus.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await valkey.aclose()
            await db.close()

    async def ready(request: Request) -> Response:
        held = running(request)
        stopped, hindered = await asyncio.gather(_postgres(chosen), _valkey(held.valkey))
        if not stopped:
            hindered |= await _workers(held.db)
        return JSONResponse({"ready": not stopped, "wrong": stopped | hindered}, 503 if stopped else 200)

    routes: list[BaseRoute] = [
        Route("/healthz", _healthy),
        Route("/readyz", ready),
        Route("/metrics", _metrics),
        Mount("/graphiql", StaticFiles(directory=ASSETS)),
    ]
    compress, cors = Middleware(CompressMiddleware, **_COMPRESSION), None
    if chosen.cors_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-Id"],
            expose_headers=["X-Request-Id", "Idempotency-Replayed", "Retry-After"],
        )
    return _Application(cors, routes=routes, middleware=[cors, compress] if cors else [compress], lifespan=lifespan)


class _Application(Starlette):
    """Starlette, but for what is asked all the time: /graphql goes straight to its view.

    The layers around a route of Starlette's take as long as all that is done for a small query besides its statement,
    and weigh as much as all else of a WebSocket, of which there are thousands.
    """

    def __init__(self, cors: Middleware | None, **options: Any) -> None:
        super().__init__(**options)
        self._compressed = CompressMiddleware(_send_response, **_COMPRESSION)
        self._cross_origin = None if cors is None else cors.cls(self._answer, *cors.args, **cors.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] != "/graphql":
            await super().__call__(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.state.running.websocket(WebSocket(scope, receive, send))
        elif self._cross_origin is not None and any(name == b"origin" for name, _ in scope["headers"]):
            # It adds headers to what goes by `send`, and to nothing else.
            await self._cross_origin({**scope, "extensions": {}}, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: wire.Exchange | None = scope["extensions"].get(wire.EXCHANGE)
        request = wire.Request(scope, receive, exchange)
        response = await self.state.running.http(request)
        if exchange is None or not isinstance(response, wire.Reply) or response.status_code != 200:
            await self._compressed({**scope, _RESPONSE: response}, receive, send)
        elif len(response.body) < _SMALL:
            await exchange.reply(200, response.raw_headers, response.body)
        elif b"accept-encoding" not in request.headers:
            await exchange.reply(200, [*response.raw_headers, (b"vary", b"Accept-Encoding")], response.body)
        else:
            await self._compressed({**scope, _RESPONSE: response}, receive, wire.at_once(exchange))


async def _send_response(scope: Scope, receive: Receive, send: Send) -> None:
    await scope[_RESPONSE](scope, receive, send)


def running(connection: Request) -> Running:
    """What the application of a connection holds."""
    found: Running = connection.app.state.running
    return found


async def _healthy(request: Request) -> Response:
    return Response("ok", media_type="text/plain")


async def _metrics(request: Request) -> Response:
    held = running(request)
    used, idle = held.db.connections()
    metrics.connections.labels("used").set(used)
    metrics.connections.labels("idle").set(idle)
    metrics.behind.set(held.bus.behind())
    await backlog.refresh(held.db, held.valkey)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _postgres(chosen: Settings) -> dict[str, str]:
    """What keeps the process from serving, and what to do about it."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            missing = await pending(chosen.database_url)
    except TimeoutError:
        return {"postgres": _told(f"within {_PROBE_SECONDS:g} s", "ATTAIN_DATABASE_URL")}
    except (*Unavailable, Unreachable) as error:
        return {"postgres": _told(f"({error})", "ATTAIN_DATABASE_URL")}
    return {"migrations": f"The database lacks {', '.join(missing)}: run `attain migrate`."} if missing else {}


async def _valkey(valkey: Redis) -> dict[str, str]:
    """Without Valkey everything is served, and changes are heard of on the slow tick."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await valkey.ping()
    except TimeoutError:
        return {"valkey": _told(f"within {_PROBE_SECONDS:g} s", "ATTAIN_VALKEY_URL")}
    except (RedisError, OSError) as error:
        return {"valkey": _told(f"({error})", "ATTAIN_VALKEY_URL")}
    return {}


async def _workers(db: Database) -> dict[str, str]:
    """Without workers everything is served, and the numbers stay as they are."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            waited = await backlog.waited_seconds(db)
    except Unavailable:
        return {}
    if waited < _PATIENCE_SECONDS:
        return {}
    return {"workers": f"Work has waited for {waited:.0f} s: check that `attain work` runs, and what its log says."}


def _told(why: str, setting: str) -> str:
    log.warning("server_away", why=why, setting=setting)
    return f"does not answer {why}: check that it runs and that {setting} leads to it."
