"""graphql-transport-ws, message by message."""

from datetime import timedelta

import asyncpg
import pytest

from domain.org.keys import api_key_create, api_key_revoke
from domain.org.model import Scope
from domain.work import Work
from tests.api.clients import connect, until
from tests.api.conftest import Serve, Server
from tests.api.graph import gate
from tests.conftest import MakeOrg

CHANGES = "subscription { changes { kind cursor } }"


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """The administrator of an organisation of this test."""
    return await make_org()


async def test_query_and_mutation_over_the_socket(server: Server, work: Work) -> None:
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe("query($n: String!) { hello(name: $n) }", "q", n="Ada")
        answer = await socket.receive()
        assert (answer["id"], answer["type"]) == ("q", "next")
        assert answer["payload"]["data"] == {"hello": "Hello, Ada"}
        assert answer["payload"]["extensions"]["cost"]["requested"] == 0
        assert await socket.receive() == {"id": "q", "type": "complete"}
        await socket.subscribe('mutation { teamRename(name: "North") { count userErrors { message } } }', "q")
        assert (await socket.next("q")) == {"count": 1, "userErrors": []}
        assert await socket.receive() == {"id": "q", "type": "complete"}


async def test_ping_is_answered_before_and_after_init(server: Server, work: Work) -> None:
    async with connect(server) as socket:
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
        await socket.send(type="pong")
        await socket.init(server.token(work))
        await socket.send(type="ping", payload={"at": 1})
        assert await socket.receive() == {"type": "pong"}


async def test_token_in_the_handshake(server: Server, work: Work) -> None:
    headers = {"Authorization": f"Bearer {server.token(work)}"}
    async with connect(server, additional_headers=headers) as socket:
        await socket.send(type="connection_init")
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.subscribe("{ me }")
        assert (await socket.receive())["payload"]["data"] == {"me": "Ada Admin"}


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"type": 1}', '{"type": "start"}', '{"type": "complete"}', "\ud83d"]
)
async def test_what_is_no_message_closes_4400(server: Server, text: str) -> None:
    async with connect(server) as socket:
        await socket.connection.send(text.encode("utf-8", "surrogatepass"))
        assert await socket.closed() == 4400


async def test_subscribing_before_init_closes_4401(server: Server) -> None:
    async with connect(server) as socket:
        await socket.subscribe(CHANGES)
        assert await socket.closed() == 4401


@pytest.mark.parametrize("token", ["", "nonsense", "atk_x_y_z"])
async def test_a_token_that_is_not_valid_closes_4403(server: Server, token: str) -> None:
    async with connect(server) as socket:
        await socket.send(type="connection_init", payload={"authorization": f"Bearer {token}"})
        assert await socket.closed() == 4403


async def test_other_subprotocols_close_4406(server: Server) -> None:
    async with connect(server, subprotocols=["graphql-ws"]) as socket:
        assert await socket.closed() == 4406


async def test_silence_closes_4408(serve: Serve) -> None:
    async with serve(connection_init_timeout_seconds=0.05) as server, connect(server) as socket:
        assert await socket.closed() == 4408


@pytest.mark.parametrize(
    "limits", [{"statement_timeout_ms": 100}, {"request_timeout_seconds": 0.1}], ids=["statement", "request"]
)
async def test_a_database_that_does_not_answer_closes_1013_until_it_does(
    serve: Serve, work: Work, database_url: str, caplog: pytest.LogCaptureFixture, limits: dict[str, float]
) -> None:
    async with serve(**limits) as server:
        owner = await asyncpg.connect(database_url)
        try:
            await owner.execute("begin; lock table app_user in access exclusive mode")
            async with connect(server) as socket:
                await socket.send(type="connection_init", payload={"authorization": f"Bearer {server.token(work)}"})
                assert await socket.closed() == 1013
        finally:
            await owner.close()
        assert not [record for record in caplog.records if record.exc_info]
        async with connect(server) as socket:
            assert await socket.init(server.token(work)) == {"type": "connection_ack"}


async def test_an_id_in_use_closes_4409(server: Server, work: Work) -> None:
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(CHANGES)
        await socket.next()
        await socket.subscribe(CHANGES)
        assert await socket.closed() == 4409


async def test_a_second_init_closes_4429(server: Server, work: Work) -> None:
    async with connect(server, server.token(work)) as socket:
        await socket.send(type="connection_init", payload={"authorization": f"Bearer {server.token(work)}"})
        assert await socket.closed() == 4429


async def test_the_end_of_the_token_closes_4403(server: Server, work: Work) -> None:
    token = server.token(work, valid=timedelta(seconds=2))
    async with connect(server, token) as socket:
        await socket.subscribe(CHANGES)
        await socket.next()
        assert await socket.closed() == 4403


async def test_a_revoked_key_closes_4403(server: Server, work: Work) -> None:
    key_id, secret = await api_key_create(work, name="Partner", scopes=frozenset({Scope.ORG_READ}), expires_at=None)
    async with connect(server, secret) as socket:
        await socket.subscribe(CHANGES)
        await socket.next()
        await api_key_revoke(work, key_id)
        assert await socket.closed() == 4403


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nope }", "BAD_REQUEST"),
        ("subscription {", "BAD_REQUEST"),
        ('subscription { changes(after: "nonsense") { kind } }', "BAD_REQUEST"),
        ("subscription { changes(after: 1) { kind } }", "BAD_REQUEST"),
    ],
)
async def test_a_refused_operation_ends_with_an_error_and_frees_its_id(
    server: Server, work: Work, query: str, code: str
) -> None:
    async with connect(server, server.token(work)) as socket:
        for _ in range(2):
            await socket.subscribe(query)
            message = await socket.receive()
            assert (message["id"], message["type"]) == ("1", "error")
            assert message["payload"][0]["extensions"]["code"] == code


async def test_a_subscription_needs_its_scope(server: Server, work: Work) -> None:
    _, secret = await api_key_create(work, name="Feed", scopes=frozenset({Scope.FEED_READ}), expires_at=None)
    async with connect(server, secret) as socket:
        await socket.subscribe("subscription { teamChanged { kind } }")
        message = await socket.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_more_operations_than_allowed_are_refused_one_by_one(serve: Serve, work: Work) -> None:
    async with serve(max_subscriptions_per_socket=1) as server, connect(server, server.token(work)) as socket:
        await socket.subscribe(CHANGES, "a")
        await socket.next("a")
        await socket.subscribe(CHANGES, "b")
        refused = await socket.receive()
        assert (refused["id"], refused["type"]) == ("b", "error")
        assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        await socket.send(type="complete", id="a")
        await socket.subscribe(CHANGES, "b")
        assert (await socket.next("b"))["kind"] == "SNAPSHOT"


async def test_complete_stops_an_operation_under_way(server: Server, work: Work) -> None:
    gate.shut()
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe("{ slow }")
        await gate.entered.wait()
        await socket.send(type="complete", id="1")
        await socket.subscribe("{ hello }", "2")
        assert (await socket.receive())["id"] == "2"
        assert (await socket.receive()) == {"id": "2", "type": "complete"}
        gate.open.set()
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}


async def test_a_connection_that_breaks_off_leaves_nothing_behind(server: Server, work: Work) -> None:
    bus = server.app.state.running.bus
    async with connect(server, server.token(work)) as socket:
        for id_ in ("a", "b"):
            await socket.subscribe(CHANGES, id_)
            await socket.next(id_)
        assert bus.subscribers(work.viewer.org_id) == 2
        socket.connection.transport.abort()
    await until(lambda: bus.subscribers(work.viewer.org_id) == 0)
