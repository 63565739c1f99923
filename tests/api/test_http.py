"""GraphQL over HTTP, on a socket."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

import logs
from domain.org.keys import api_key_create
from domain.org.model import Scope
from tests.api.conftest import Serve, Server
from tests.api.graph import gate
from tests.conftest import MakeOrg

GRAPHQL = "application/graphql-response+json"


@pytest.fixture
async def client(server: Server, make_org: MakeOrg) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the administrator of an organisation of this test."""
    async with server.client(server.token(await make_org())) as signed_in:
        yield signed_in


async def test_query_by_post_and_by_get(client: httpx.AsyncClient) -> None:
    asked = {"query": "query Hi($n: String!) { hello(name: $n) }", "operationName": "Hi"}
    variables = {"n": "Ada"}
    posted = await client.post("/graphql", json={**asked, "variables": variables})
    got = await client.get("/graphql", params={**asked, "variables": json.dumps(variables)})
    for response in (posted, got):
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.json()["data"] == {"hello": "Hello, Ada"}


async def test_cost_is_told(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ teams(first: 20) { nodes { name } } }"})
    cost = response.json()["extensions"]["cost"]
    assert cost["requested"] == 21
    assert cost["limit"] == 500_000
    assert cost["remaining"] == 500_000 - 21
    assert cost["resetAt"].endswith("Z")


async def test_the_budget_can_be_asked_for(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ rateLimit { limit cost remaining resetAt maxCost } }"})
    shown, cost = response.json()["data"]["rateLimit"], response.json()["extensions"]["cost"]
    assert shown == {
        "limit": cost["limit"],
        "cost": cost["requested"],
        "remaining": cost["remaining"],
        "resetAt": cost["resetAt"],
        "maxCost": 10_000,
    }


async def test_request_id_is_kept_or_made(client: httpx.AsyncClient) -> None:
    given = await client.post("/graphql", json={"query": "{ nope }"}, headers={"X-Request-Id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    assert given.json()["errors"][0]["extensions"]["requestId"] == "abc-1"
    bad = await client.post("/graphql", json={"query": "{ hello }"}, headers={"X-Request-Id": "a b"})
    assert len(bad.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("accept", "status", "media"),
    [
        ("application/graphql-response+json", 400, GRAPHQL),
        ("application/json", 200, "application/json"),
        ("*/*", 200, "application/json"),
        ("application/json;q=0.5, application/graphql-response+json", 400, GRAPHQL),
    ],
)
async def test_refused_document_by_media_type(client: httpx.AsyncClient, accept: str, status: int, media: str) -> None:
    for query in ("{ hello", "{ nope }"):
        response = await client.post("/graphql", json={"query": query}, headers={"Accept": accept})
        assert response.status_code == status
        assert response.headers["content-type"] == f"{media}; charset=utf-8"
        assert "data" not in response.json()
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_variables_that_do_not_fit_are_a_bad_request(client: httpx.AsyncClient) -> None:
    asked = {"query": "query($n: String!) { hello(name: $n) }", "variables": {"n": 1}}
    response = await client.post("/graphql", json=asked, headers={"Accept": GRAPHQL})
    assert response.status_code == 400
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[1", {}, 400),
        (b'"text"', {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"{}", {}, 400),
        (b'{"query": 1}', {}, 400),
        (b'{"query": "{ hello }", "variables": []}', {}, 400),
        (b'{"query": "{ hello }", "operationName": 1}', {}, 400),
        (b'{"query": "{ hello(name: \\"\\\\u0000\\") }"}', {}, 400),
        (b'{"query": "{ hello }", "variables": {"a": "\\u0000"}}', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'[{"query": "{ hello }"}, {"query": "{ hello }"}]', {}, 400),
        (b'{"query": "{ hello }"}', {"Content-Type": "text/plain"}, 415),
        (b'{"query": "{ hello }"}', {"Content-Type": "application/json; charset=latin1"}, 415),
        (b'{"query": "{ hello }"}', {"Accept": "image/png"}, 406),
    ],
)
async def test_what_is_no_request_gets_a_code_and_a_request_id(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    response = await client.post("/graphql", content=content, headers={"Content-Type": "application/json"} | headers)
    assert response.status_code == status
    error = response.json()["errors"][0]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]


async def test_mutation_by_get_is_not_allowed(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": 'mutation { teamRename(name: "x") { count } }'})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    teams = await client.post("/graphql", json={"query": "{ teams { nodes { name } } }"})
    assert teams.json()["data"]["teams"]["nodes"] == []


async def test_other_methods_are_not_allowed(client: httpx.AsyncClient) -> None:
    response = await client.put("/graphql", json={"query": "{ hello }"})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_body_over_the_limit_is_refused_declared_or_not(serve: Serve, make_org: MakeOrg) -> None:
    async with serve(max_body_bytes=1_000) as server, server.client(server.token(await make_org())) as client:

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b" " * 100

        headers = {"Content-Type": "application/json"}
        declared = await client.post("/graphql", content=b" " * 1_001, headers=headers)
        streamed = await client.post("/graphql", content=chunks(), headers=headers)
    assert (declared.status_code, streamed.status_code) == (413, 413)


async def test_without_a_token_nothing_is_answered(server: Server) -> None:
    async with server.client() as client:
        response = await client.post("/graphql", json={"query": "{ hello }"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_errors_of_ours_are_masked(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ boom }"})
    assert response.status_code == 200
    assert "the secret" not in response.text
    error = response.json()["errors"][0]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["path"] == ["boom"]


async def test_an_operation_that_takes_too_long_is_stopped_and_may_be_retried(serve: Serve, make_org: MakeOrg) -> None:
    async with serve(request_timeout_seconds=0.2) as server, server.client(server.token(await make_org())) as client:
        slow = await client.post("/graphql", json={"query": "{ sleepy(seconds: 5) }"})
        again = await client.post("/graphql", json={"query": "{ hello }"})
    assert slow.status_code == 503
    assert slow.headers["retry-after"] == "1"
    assert slow.json()["errors"][0]["extensions"]["retryable"] is True
    assert again.json()["data"] == {"hello": "Hello, world"}


@pytest.mark.parametrize("who", ["person", "key"])
async def test_who_cannot_be_looked_up_in_time_may_try_again(
    serve: Serve, make_org: MakeOrg, database_url: str, who: str
) -> None:
    work = await make_org()
    _, key = await api_key_create(work, name="Partner", scopes=[Scope.ORG_READ], expires_at=None)
    async with serve(request_timeout_seconds=0.2) as server:
        token = server.token(work) if who == "person" else key
        owner = await asyncpg.connect(database_url)
        async with server.client(token) as client:
            try:
                await owner.execute("begin; lock table app_user, api_key in access exclusive mode")
                async with asyncio.timeout(server.settings.statement_timeout_ms / 2_000):
                    hanging = await client.post("/graphql", json={"query": "{ hello }"})
            finally:
                await owner.close()
            again = await client.post("/graphql", json={"query": "{ hello }"})
    assert (hanging.status_code, hanging.headers["retry-after"]) == (503, "1")
    (error,) = hanging.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("UNAVAILABLE", True)
    assert again.json()["data"] == {"hello": "Hello, world"}


async def test_browser_gets_graphiql_from_this_server_alone(server: Server) -> None:
    async with server.client() as client:
        response = await client.get("/graphql", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "http://" not in response.text
        assert "https://" not in response.text
        for name in ("graphiql.min.js", "graphiql.min.css", "react.production.min.js", "graphql-ws.min.js"):
            assert f'"graphiql/{name}"' in response.text
            assert (await client.get(f"/graphiql/{name}")).status_code == 200


async def test_several_operations_in_one_request_where_allowed(serve: Serve, make_org: MakeOrg) -> None:
    async with serve(max_batch=2) as server, server.client(server.token(await make_org())) as client:
        both = await client.post("/graphql", json=[{"query": "{ hello }"}, {"query": "{ nope }"}])
        three = await client.post("/graphql", json=[{"query": "{ hello }"}] * 3)
    assert both.json()[0]["data"] == {"hello": "Hello, world"}
    assert both.json()[1]["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert three.status_code == 400


async def test_subscription_needs_a_stream(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "subscription { changes { cursor } }"})
    assert "text/event-stream" in response.json()["errors"][0]["message"]


async def test_the_log_of_a_failure_says_whose_request_it_was(server: Server, make_org: MakeOrg) -> None:
    work = await make_org()
    with capture_logs(processors=[logs.merge_about]) as lines:
        async with server.client(server.token(work), **{"X-Request-Id": "mine-1"}) as client:
            await client.post("/graphql", json={"query": "{ boom }"})
            await client.post("/graphql", json={"query": "{ hello }"}, headers={"X-Request-Id": "mine-2"})
    org_id = str(work.viewer.org_id)
    told = [(line["event"], line["request_id"], line["org_id"]) for line in lines]
    assert told == [("internal", "mine-1", org_id), ("request", "mine-1", org_id), ("request", "mine-2", org_id)]


async def test_requests_do_not_wait_for_each_other(client: httpx.AsyncClient) -> None:
    gate.shut()
    slow = asyncio.create_task(client.post("/graphql", json={"query": "{ slow }"}))
    await gate.entered.wait()
    assert (await client.post("/graphql", json={"query": "{ hello }"})).status_code == 200
    gate.open.set()
    assert (await slow).json()["data"] == {"slow": "done"}


async def test_pages_that_may_ask_from_a_browser(serve: Serve, make_org: MakeOrg) -> None:
    page, asked = {"Origin": "https://app.example.com"}, {"query": "{ hello }"}
    wants = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with (
        serve(cors_origins=["https://app.example.com"]) as server,
        server.client(server.token(await make_org())) as client,
    ):
        preflight = await client.options("/graphql", headers=page | wants)
        answered = await client.post("/graphql", json=asked, headers=page)
        elsewhere = await client.post("/graphql", json=asked, headers={"Origin": "https://other.example.com"})
        no_page = await client.post("/graphql", json=asked)
    assert preflight.status_code == 200
    for response in (preflight, answered):
        assert response.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "X-Request-Id" in answered.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in elsewhere.headers
    assert "access-control-allow-origin" not in no_page.headers
    for response in (answered, elsewhere, no_page):
        assert response.json()["data"] == {"hello": "Hello, world"}
