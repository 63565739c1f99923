"""GraphQL over Server-Sent Events, on a socket."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from domain.org.model import TeamItem
from domain.org.trees import teams_upsert
from domain.work import Work
from tests.api.clients import until
from tests.api.conftest import Server
from tests.conftest import MakeOrg

TEAMS = "subscription { teamChanged { kind cursor node { name } } }"

pytestmark = pytest.mark.usefixtures("relay")


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """The administrator of an organisation of this test."""
    return await make_org()


@pytest.fixture
async def client(server: Server, work: Work) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the administrator, who accepts streams."""
    async with server.client(server.token(work), Accept="text/event-stream") as signed_in:
        yield signed_in


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Each event's fields; comments are left out."""
    fields: dict[str, Any] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        if name:
            fields[name] = value.strip()
        elif fields:
            yield fields
            fields = {}


def _change(event: dict[str, Any]) -> dict[str, Any]:
    assert event["event"] == "next"
    found: dict[str, Any] = json.loads(event["data"])["data"]["teamChanged"]
    return found


async def test_subscription_streams_and_resumes_by_the_last_event_id(client: httpx.AsyncClient, work: Work) -> None:
    async with client.stream("POST", "/graphql", json={"query": TEAMS}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = _events(response)
        first = await anext(events)
        assert _change(first)["kind"] == "SNAPSHOT"
        assert first["id"] == _change(first)["cursor"]
        await teams_upsert(work, [TeamItem("n", "North")])
        second = await anext(events)
        assert _change(second)["node"] == {"name": "North"}
    await teams_upsert(work, [TeamItem("s", "South")])
    last = {"Last-Event-ID": second["id"]}
    async with client.stream("GET", "/graphql", params={"query": TEAMS}, headers=last) as response:
        assert _change(await anext(_events(response)))["node"] == {"name": "South"}


async def test_query_is_one_event(client: httpx.AsyncClient) -> None:
    async with client.stream("POST", "/graphql", json={"query": "{ hello }"}) as response:
        events = [event async for event in _events(response)]
    assert [event["event"] for event in events] == ["next", "complete"]
    assert json.loads(events[0]["data"])["data"] == {"hello": "Hello, world"}


async def test_a_refused_subscription_is_no_stream(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "subscription { nope }"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_cursor_that_is_none_ends_the_stream_with_an_error(client: httpx.AsyncClient) -> None:
    async with client.stream("POST", "/graphql", json={"query": TEAMS}, headers={"Last-Event-ID": "zzz"}) as response:
        events = [event async for event in _events(response)]
    assert json.loads(events[0]["data"])["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert events[-1]["event"] == "complete"


async def test_the_stream_ends_with_the_token(server: Server, work: Work) -> None:
    token = server.token(work, valid=timedelta(seconds=2))
    async with (
        server.client(token, Accept="text/event-stream") as client,
        client.stream("POST", "/graphql", json={"query": TEAMS}) as response,
    ):
        assert [_change(event)["kind"] async for event in _events(response)] == ["SNAPSHOT"]


async def test_a_client_that_goes_away_leaves_nothing_behind(
    server: Server, client: httpx.AsyncClient, work: Work
) -> None:
    bus = server.app.state.running.bus
    async with client.stream("POST", "/graphql", json={"query": TEAMS}) as response:
        events = _events(response)
        await anext(events)
        await until(lambda: bus.subscribers(work.viewer.org_id) == 1)
    await until(lambda: bus.subscribers(work.viewer.org_id) == 0)
