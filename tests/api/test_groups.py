"""Who shares what an event makes, over both transports, and who no longer does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from domain.org.model import Role, TeamItem, UserItem, UserKey
from domain.org.people import users_upsert
from domain.org.trees import teams_upsert
from domain.work import Work
from tests.api.clients import connect, until
from tests.api.conftest import Server
from tests.api.graph import executed
from tests.conftest import MakeOrg

TEAMS = "subscription { teamChanged { kind node { name } nodes { name } } }"
BO, MO = "bo@harbor.example", "mo@harbor.example"

pytestmark = pytest.mark.usefixtures("relay")


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """An organisation with two administrators."""
    made = await make_org()
    await users_upsert(made, [UserItem(BO, "Bo", Role.ADMIN)])
    return made


@asynccontextmanager
async def stream(server: Server, token: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The changes that an event stream brings."""
    async with (
        server.client(token, Accept="text/event-stream") as client,
        client.stream("POST", "/graphql", json={"query": TEAMS}) as response,
    ):

        async def changes() -> AsyncIterator[dict[str, Any]]:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))["data"]["teamChanged"]

        yield changes()


async def _name(work: Work, *names: str) -> None:
    assert not (await teams_upsert(work, [TeamItem(name, name) for name in names])).problems


async def test_sockets_and_streams_share_one_execution(server: Server, work: Work) -> None:
    async with connect(server, server.token(work)) as socket, stream(server, server.token(work, BO)) as changes:
        await socket.subscribe(TEAMS)
        await socket.next()
        await anext(changes)
        await _name(work, "One For Both")
        while (await socket.next())["node"] != {"name": "One For Both"}:
            pass
        while (await anext(changes))["node"] != {"name": "One For Both"}:
            pass
    assert executed.count("One For Both") == 1


async def test_those_who_see_different_teams_share_one_execution_too(server: Server, work: Work) -> None:
    await users_upsert(work, [UserItem(MO, "Mo", Role.MANAGER)])
    async with connect(server, server.token(work)) as ada, connect(server, server.token(work, MO)) as mo:
        for socket in (ada, mo):
            await socket.subscribe(TEAMS)
            await socket.next()
        await _name(work, "Not Mo's")
        assert not (await teams_upsert(work, [TeamItem("mo", "Mo's Own", manager=UserKey(MO))])).problems
        while (await mo.next())["node"] != {"name": "Mo's Own"}:
            pass
        while (await ada.next())["node"] != {"name": "Mo's Own"}:
            pass
        # A move takes the team out of sight from the next event on, and puts another into it.
        assert not (await teams_upsert(work, [TeamItem("mo", "Lost", manager=UserKey(BO))])).problems
        assert not (await teams_upsert(work, [TeamItem("Not Mo's", "Found", manager=UserKey(MO))])).problems
        told: list[Any] = []
        while not told or told[-1] != {"name": "Found"}:
            told.append((await mo.next())["node"])
        assert {"name": "Lost"} not in told
    assert [executed.count(name) for name in ("Not Mo's", "Mo's Own", "Found")] == [1, 1, 1]


async def test_what_fails_for_all_fails_for_each_by_itself(server: Server, work: Work) -> None:
    await users_upsert(work, [UserItem(MO, "Mo", Role.MANAGER)])
    broken = "subscription { teamChanged { node { name broken } } }"
    async with connect(server, server.token(work)) as ada, connect(server, server.token(work, MO)) as mo:
        for socket in (ada, mo):
            await socket.subscribe(broken)
            await socket.next()
        for name in ("Once", "Again"):
            assert not (await teams_upsert(work, [TeamItem("mo", name, manager=UserKey(MO))])).problems
            for socket in (ada, mo):
                while True:
                    payload = (await socket.receive())["payload"]
                    if payload["data"]["teamChanged"]["node"] == {"name": name, "broken": None}:
                        break
                assert [error["path"] for error in payload["errors"]] == [["teamChanged", "node", "broken"]]


async def test_those_who_come_together_share_the_snapshot(server: Server, work: Work) -> None:
    await _name(work, "Everybody's")
    async with connect(server, server.token(work)) as socket:
        ids = [str(number) for number in range(20)]
        for id_ in ids:
            await socket.subscribe(TEAMS, id_)
        told: set[str] = set()
        while len(told) < len(ids):
            message = await socket.receive()
            if (change := message["payload"]["data"]["teamChanged"])["kind"] == "SNAPSHOT":
                assert change["nodes"] == [{"name": "Everybody's"}]
                told.add(message["id"])
    # One for the first to come, one for those who came meanwhile; a few if they trickle in.
    assert executed.count("Everybody's") < len(ids) / 2


async def test_a_snapshot_holds_what_was_stored_before_one_asked_for_it(server: Server, work: Work) -> None:
    async with connect(server, server.token(work)) as socket:
        names = set()
        for number in range(20):
            await socket.subscribe(TEAMS, f"{number}")  # is being answered while the next team is stored
            names.add(f"Team {number}")
            await _name(work, f"Team {number}")
            await socket.subscribe(TEAMS, f"after {number}")
            while True:
                message = await socket.receive()
                change = message["payload"]["data"]["teamChanged"]
                if message["id"] == f"after {number}" and change["kind"] == "SNAPSHOT":
                    break
            assert {node["name"] for node in change["nodes"]} == names


async def test_a_viewer_whose_rights_change_leaves_its_group_before_the_next_event(server: Server, work: Work) -> None:
    bus = server.app.state.running.bus
    async with (
        connect(server, server.token(work)) as ada,
        connect(server, server.token(work, BO)) as bo,
        stream(server, server.token(work, BO)) as bos_stream,
    ):
        for socket in (ada, bo):
            await socket.subscribe(TEAMS)
            await socket.next()
        assert (await anext(bos_stream))["kind"] == "SNAPSHOT"
        await until(lambda: bus.subscribers(work.viewer.org_id) == 3)
        await users_upsert(work, [UserItem(BO, "Bo", Role.REP)])
        await _name(work, "Not For Bo")
        while (await ada.next())["node"] != {"name": "Not For Bo"}:
            pass
        assert await bo.closed() == 4403
        with suppress(ConnectionClosed):
            while True:
                assert "Not For Bo" not in str(await bo.connection.recv())
        assert [change async for change in bos_stream if change["node"] == {"name": "Not For Bo"}] == []
        assert bus.subscribers(work.viewer.org_id) == 1
