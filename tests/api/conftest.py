"""Operations asked of the schema itself, or of a real server on a real socket with the real relay beside it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import strawberry
import uvicorn
from pydantic import SecretStr
from redis.asyncio import Redis

from api.app import create_app
from api.context import Context
from api.errors import formatted
from api.protocols import http_protocol
from api.sockets import Sockets
from api.tokens import mint
from domain.org.model import SCOPES, Role, Viewer
from domain.work import Work
from settings import Settings
from sql.pool import Database
from sql.queries import Query
from tests.api.execute import SETTINGS, execute
from tests.api.graph import schema
from workers.relay import Relay

SECRET = "a secret of tests, long enough to sign with"


@dataclass(frozen=True)
class Server:
    """Where it listens, and how it was set."""

    settings: Settings
    port: int
    app: Any

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def token(self, work: Work, email: str = "ada@harbor.example", valid: timedelta = timedelta(hours=1)) -> str:
        """Who signs in, by default the administrator of `make_org`."""
        return mint(self.settings, work.viewer.org_id, email, now=datetime.now(UTC), valid=valid)

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """An HTTP client of this server."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=90)


Serve = Callable[..., Any]


@asynccontextmanager
async def _serving(settings: Settings, graph: strawberry.Schema) -> AsyncIterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # a client that does not read is soon felt
        # uvloop does so itself; without it each answer waits 40 ms for a word of the client's kernel.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = create_app(settings, graph)
        config = uvicorn.Config(
            app,
            http=http_protocol(settings),
            ws=Sockets,
            log_config=None,
            timeout_graceful_shutdown=1,
            ws_ping_interval=None,
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        port = listening.getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await client.get("/healthz")  # waits in the queue of the socket until the application has started
        try:
            yield Server(settings, port, app)
        finally:
            server.should_exit = True
            await task


@pytest.fixture(scope="session")
def test_settings(database_url: str, valkey_url: str) -> Settings:
    """Small limits, so that tests reach them, and patience: a machine that runs many tests is no outage."""
    return Settings(
        database_url=database_url,
        valkey_url=valkey_url,
        jwt_secret=SecretStr(SECRET),
        sweep_seconds=0.2,
        statement_timeout_ms=60_000,
        request_timeout_seconds=60,
        connection_init_timeout_seconds=60,
    )


@pytest.fixture(scope="session")
def serve(test_settings: Settings) -> Serve:
    """`async with serve(max_depth=3) as server:` a server of its own, on the small graph of these tests."""

    def start(graph: strawberry.Schema = schema, **over: object) -> Any:
        return _serving(test_settings.model_copy(update=over), graph)

    return start


@pytest.fixture(scope="session")
async def server(test_settings: Settings) -> AsyncIterator[Server]:
    """The server that tests share, on the small graph of these tests."""
    async with _serving(test_settings, schema) as running:
        yield running


@pytest.fixture(scope="module")
async def relay(test_settings: Settings) -> AsyncIterator[Relay]:
    """Numbers what is committed and tells Valkey. Not for the session: others look into the outbox."""

    async def enqueue(job: str, org_id: UUID) -> None:
        """No worker runs beside these tests."""

    db = await Database.open(test_settings.database_url)
    async with Redis.from_url(test_settings.valkey_url) as valkey:
        relaying = Relay(db, valkey, test_settings, enqueue)
        task = asyncio.create_task(relaying.run())
        await relaying.listening.wait()
        yield relaying
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await db.close()


Answer = dict[str, Any]
Ask = Callable[..., Awaitable[Answer]]
Become = Callable[..., Awaitable[Work]]

_WHO = Query(
    "test.who",
    """select u.user_id, u.name, u.role, r.rep_id from app_user u
    left join rep r on r.org_id = u.org_id and r.user_id = u.user_id where u.org_id = $1 and u.email = $2""",
)


@pytest.fixture
def ask() -> Ask:
    """`await ask(work, document, **variables)`: data, and errors as clients see them, where there are any."""

    async def run(work: Work, document: str, /, **variables: object) -> Answer:
        context = Context(work.db, work.viewer, work.now, SETTINGS, "request-1", work.idempotency_key)
        result = await execute(document, variables, context)
        answer: Answer = {"data": result.data}
        if result.errors:
            answer["errors"] = [formatted(error, "request-1") for error in result.errors]
        return answer

    return run


@pytest.fixture
def become() -> Become:
    """`await become(work, email)`: work of one of the organisation's users."""

    async def person(work: Work, email: str) -> Work:
        async with work.db.session(work.viewer.org_id) as session:
            row = await session.row(_WHO, email)
        assert row is not None, email
        role = Role(row["role"])
        viewer = Viewer(
            work.viewer.org_id, SCOPES[role], role, user_id=row["user_id"], rep_id=row["rep_id"], name=row["name"]
        )
        return replace(work, viewer=viewer)

    return person
