"""One viewer, many sockets and streams: together they are bounded, and nobody else notices."""

import pytest

from api.holdings import Holding
from domain.org.keys import api_key_create
from domain.org.model import Scope
from domain.work import Work
from tests.api.clients import Socket, connect, until
from tests.api.conftest import Serve, Server
from tests.conftest import MakeOrg

CHANGES = "subscription ($after: String) { changes(after: $after) { kind } }"
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """The administrator of an organisation of this test."""
    return await make_org()


async def key(work: Work, name: str) -> str:
    """The secret of a key that hears changes."""
    return (await api_key_create(work, name=name, scopes=frozenset({Scope.ORG_READ}), expires_at=None))[1]


async def closed_at_once(server: Server, token: str) -> tuple[int | None, str | None]:
    """With which code and why a socket is closed instead of acknowledged."""
    async with connect(server) as socket:
        await socket.send(type="connection_init", payload={"authorization": f"Bearer {token}"})
        code = await socket.closed()
        return code, socket.connection.close_reason


async def refused(socket: Socket, id_: str, **variables: object) -> str:
    """Why there is no room for a subscription. The socket stays."""
    await socket.subscribe(CHANGES, id_, **variables)
    message = await socket.receive()
    assert (message["id"], message["type"]) == (id_, "error")
    (error,) = message["payload"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    await socket.send(type="ping")
    assert await socket.receive() == {"type": "pong"}
    return str(error["message"])


def held(server: Server) -> list[Holding]:
    """What each of those who are connected holds."""
    return list(server.app.state.running.http._api.holdings._of.values())


async def test_one_socket_too_many_closes_4429_until_another_ends(serve: Serve, work: Work) -> None:
    async with serve(max_connections_per_viewer=2) as server:
        token = server.token(work)
        async with connect(server, token):
            async with connect(server, token):
                text = "At most 2 WebSockets and event streams at once of one viewer."
                assert await closed_at_once(server, token) == (4429, text)
                async with connect(server, await key(work, "Another")) as another:
                    await another.subscribe(CHANGES)
                    assert (await another.next())["kind"] == "SNAPSHOT"
            await until(lambda: held(server)[1:] == [])
            async with connect(server, token) as again:
                await again.subscribe(CHANGES)
                assert (await again.next())["kind"] == "SNAPSHOT"
        await until(lambda: held(server) == [])


async def test_event_streams_count_as_sockets_do(serve: Serve, work: Work) -> None:
    async with serve(max_connections_per_viewer=2) as server:
        token = server.token(work)
        async with server.client(token, **STREAM) as client, connect(server, token) as socket:
            async with client.stream("POST", "/graphql", json={"query": CHANGES}) as stream:
                assert stream.status_code == 200
                assert await anext(stream.aiter_lines()) != ""
                one_more = await client.post("/graphql", json={"query": CHANGES})
                assert (one_more.status_code, one_more.headers["retry-after"]) == (429, "1")
                assert one_more.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
                assert (await closed_at_once(server, token))[0] == 4429
                query = await client.post("/graphql", json={"query": "{ hello }"})
                assert query.status_code == 200  # what ends by itself is what the budget is for
            await socket.subscribe(CHANGES)
            await socket.next()
            holding = held(server)[0]
            await until(lambda: holding._connections == 1)
            async with client.stream("POST", "/graphql", json={"query": CHANGES}) as stream:
                assert stream.status_code == 200
        await until(lambda: held(server) == [])


async def test_a_stream_that_cannot_begin_holds_nothing(serve: Serve, work: Work) -> None:
    async with serve(max_connections_per_viewer=1) as server, server.client(server.token(work), **STREAM) as client:
        for _ in range(3):
            nothing = await client.post("/graphql", json={"query": CHANGES, "variables": {"after": 1}})
            assert nothing.status_code == 400
        assert held(server) == []


async def test_one_subscription_too_many_on_all_sockets_is_refused_alone(serve: Serve, work: Work) -> None:
    async with serve(max_subscriptions_per_viewer=2) as server:
        token = server.token(work)
        async with connect(server, token) as first, connect(server, token) as second:
            for socket in (first, second):
                await socket.subscribe(CHANGES, "a")
                await socket.next("a")
            why = "At most 2 operations at once on all sockets of one viewer."
            assert await refused(second, "b") == why
            async with server.client(token, **STREAM) as client:
                assert (await client.post("/graphql", json={"query": CHANGES})).status_code == 429
            assert await refused(second, "b") == why  # and the stream left nothing counted
            async with connect(server, await key(work, "Another")) as another:
                await another.subscribe(CHANGES)
                assert (await another.next())["kind"] == "SNAPSHOT"
            await first.send(type="complete", id="a")
            await first.send(type="ping")
            assert await first.receive() == {"type": "pong"}
            await second.subscribe(CHANGES, "b")
            assert (await second.next("b"))["kind"] == "SNAPSHOT"


async def test_the_characters_of_all_sockets_are_bounded_together(serve: Serve, work: Work) -> None:
    async with serve(max_characters_per_viewer=10_000) as server:
        token, large = server.token(work), {"after": None, "junk": "x" * 6_000}
        async with connect(server, token) as second:
            async with connect(server, token) as first:
                await first.subscribe(CHANGES, "a", **large)
                await first.next("a")
                why = "At most 10000 characters of operations at once on all sockets of one viewer."
                assert await refused(second, "a", **large) == why
                await second.subscribe(CHANGES, "small")
                await second.next("small")
            holding = held(server)[0]
            await until(lambda: holding._operations == 1)
            await second.subscribe(CHANGES, "a", **large)
            assert (await second.next("a"))["kind"] == "SNAPSHOT"
