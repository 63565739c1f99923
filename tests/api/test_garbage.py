"""What a query made is gone when it is answered: what waited for the garbage collector took a seventh of its time."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest

from api.context import Context
from api.schema import schema
from tests.api.clients import Socket, connect, until
from tests.api.conftest import Serve, Server
from tests.api.walk import GRAPH, every_id, whole
from tests.conftest import MakeOrg
from tests.world import ADMIN, World, make_world

assert GRAPH.query_type is not None
QUERIES = GRAPH.query_type
OURS = (
    "api.",
    "domain.",
    "sql.",
    "asyncpg.",
    "strawberry.",
    "graphql.",
    "uvicorn.",
    "websockets.server.",
    "starlette.",
)
"""Whose objects are looked for: the client beside the server leaves its own."""


@pytest.fixture(scope="module")
async def world(make_org: MakeOrg) -> World:
    return await make_world(make_org, "Garbage")


@pytest.fixture(scope="module")
async def ids(world: World) -> dict[str, list[str]]:
    return await every_id(world)


@pytest.fixture(scope="module")
async def client(serve: Serve, world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(graph=schema, cost_per_minute=10**9, max_cost=10**6, max_depth=30) as server,
        server.client(server.token(world.work, ADMIN)) as asking,
    ):
        yield asking


@contextmanager
def collected() -> Iterator[Counter[str]]:
    """What only the collector takes away after the block, by type."""
    found: Counter[str] = Counter()
    gc.freeze()  # what was there before is none of our business, and takes long to look at
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(type(one).__qualname__ for one in gc.garbage if f"{type(one).__module__}.".startswith(OURS))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()


def test_what_holds_itself_is_found() -> None:
    with collected() as found:
        one = Context.__new__(Context)
        one._loads = {"itself": one}  # type: ignore[dict-item]
        del one
    assert found == {"Context": 1}


@pytest.mark.parametrize("name", QUERIES.fields)
async def test_a_query_leaves_nothing_to_the_collector(
    client: httpx.AsyncClient, ids: dict[str, list[str]], name: str
) -> None:
    asked = {"query": whole(QUERIES, name, ids)}
    await client.post("/graphql", json=asked)  # what is made once, and kept
    with collected() as found:
        await client.post("/graphql", json=asked)
        answer = (await client.post("/graphql", json=asked)).json()  # until then the connection knows of the last one
    # An error knows where it was raised, and what was there knows the error.
    assert found == {} or "errors" in answer


async def test_a_socket_leaves_nothing_to_the_collector(server: Server, world: World) -> None:
    """Whether it is closed or breaks off: else thousands that come back are held twice."""
    token = server.token(world.work, ADMIN)

    def served() -> int:
        return sum(task.get_coro().__qualname__ == "Sockets.run_asgi" for task in asyncio.all_tasks())  # type: ignore[union-attr]

    async def come_and_go() -> None:
        async with connect(server, token) as closes, connect(server, token) as breaks_off:
            for socket in (closes, breaks_off):
                await hear(socket)
            breaks_off.connection.transport.abort()
        await until(lambda: served() == 1)

    async with connect(server, token) as stays:  # and so does what is there for the organisation
        await hear(stays)
        await come_and_go()
        with collected() as found:
            await come_and_go()
    assert found == {}


async def hear(socket: Socket) -> None:
    await socket.subscribe("subscription { changes { kind cursor } }")
    await socket.next()
