"""Action items as they arrive on a WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.relay import global_id
from api.schema import schema
from domain.feed import actions
from domain.feed.model import Definition, Trigger
from tests.api.clients import Socket, connect
from tests.api.conftest import Serve, Server
from tests.domain.feed.cases import LAST
from tests.domain.feed.conftest import Company
from workers.relay import Relay

CHANGES = """subscription ($rep: ID, $user: ID, $after: String) {
  actionItemChanged(repId: $rep, assigneeId: $user, after: $after) {
    kind cursor nodes { title } node { title status assignee { name } evidence { ratio } } } }"""


@pytest.fixture
async def public(serve: Serve, relay: Relay) -> AsyncIterator[Server]:
    """A server of the whole graph, with the relay beside it."""
    async with serve(graph=schema) as server:
        yield server


async def settle(company: Company) -> None:
    """Wait until the relay has numbered all that was committed: until then a snapshot is ahead of the log."""
    async with asyncio.timeout(10):
        while await company.run("select 1 from outbox where org_id = $1 limit 1"):
            pass


async def told(socket: Socket) -> tuple[str, Any]:
    """The kind of the next message, and the titles or the node in it."""
    message = await socket.next()
    nodes = message["nodes"]
    return message["kind"], message["node"] if nodes is None else [node["title"] for node in nodes]


async def test_a_coaching_item_reaches_the_manager_and_no_other(company: Company, public: Server) -> None:
    await company.team("west", None, "sam")
    await company.rep("wes", "west")
    await actions.coaching_rule_publish(
        company.admin,
        key="own",
        name="Own",
        kpi_id=company.kpis["meetings"].kpi_id,
        definition=Definition(Trigger.BELOW_TARGET, "{rep} at {ratio}", "{value}"),
    )
    await settle(company)
    mia, sam = (public.token(company.admin, f"{name}@harbor.example") for name in ("mia", "sam"))
    async with connect(public, mia) as manager, connect(public, sam) as other:
        await manager.subscribe(CHANGES)
        await other.subscribe(CHANGES)
        assert await told(manager) == ("SNAPSHOT", [])
        assert await told(other) == ("SNAPSHOT", [])
        for rep, value in (("cy", 10), ("ann", 20)):
            await company.week(rep, LAST, value=value)
        await company.coach()
        kind, node = await told(manager)
        assert (kind, node["title"], node["status"], node["evidence"]) == (
            "CREATED",
            "ann at 50%",
            "OPEN",
            {"ratio": "0.5"},
        )
        await company.week("ann", LAST, value=40)
        await company.coach()
        kind, node = await told(manager)
        assert (kind, node["title"], node["status"]) == ("UPDATED", "ann at 50%", "RECOVERED")
        await company.week("wes", LAST, value=30)
        await company.coach("wes")
        kind, node = await told(other)
        assert (kind, node["title"]) == ("CREATED", "wes at 75%")


async def test_the_list_of_an_assignee_hears_of_what_comes_and_of_what_goes(company: Company, public: Server) -> None:
    made = await actions.action_item_create(company.admin, rep_id=company.reps["ann"], title="Call Miller")
    await settle(company)
    async with connect(public, public.token(company.admin)) as socket:
        for name in ("mia", "max"):
            await socket.subscribe(CHANGES, name, user=global_id("User", company.users[name]))
            first = await socket.next(name)
            assert [node["title"] for node in first["nodes"]] == (["Call Miller"] if name == "mia" else [])
        await actions.action_item_reassign(company.admin, made.item_id, assignee_id=company.users["max"])
        heard = [await socket.receive() for _ in range(2)]
    assert sorted(message["id"] for message in heard) == ["max", "mia"]
    for message in heard:
        assert message["payload"]["data"]["actionItemChanged"]["node"]["assignee"] == {"name": "max"}


async def test_an_assignee_hears_of_an_item_about_a_rep_of_somebody_else(company: Company, public: Server) -> None:
    await company.team("west", None, "sam")
    made = await actions.action_item_create(company.admin, rep_id=company.reps["ann"], title="Call Miller")
    await settle(company)
    async with connect(public, public.token(company.admin, "sam@harbor.example")) as other:
        await other.subscribe(CHANGES)
        assert await told(other) == ("SNAPSHOT", [])
        await actions.action_item_reassign(company.admin, made.item_id, assignee_id=company.users["sam"])
        kind, node = await told(other)
    assert (kind, node["title"], node["assignee"]) == ("UPDATED", "Call Miller", {"name": "sam"})
