"""From a commit to a subscriber, through the real relay and Valkey."""

import asyncio
import socket
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from api.live import cursor_of
from domain.events import CHANNEL
from domain.org.model import Move, RepItem, Role, TeamItem, UserItem, UserKey
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from domain.work import Work
from sql.queries import Query, queries
from tests.api.clients import connect, until
from tests.api.conftest import Serve, Server
from tests.api.graph import executed, gate
from tests.conftest import MakeOrg
from workers.relay import Relay

TEAMS = """subscription($after: String, $prefix: String) {
  teamChanged(after: $after, prefix: $prefix) { kind cursor nodeId node { id name } nodes { name } }
}"""

_OUTBOX = Query("test.outbox", "select count(*) from outbox where org_id = $1")

pytestmark = pytest.mark.usefixtures("relay")


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """The administrator of an organisation of this test."""
    made = await make_org()
    await _settle(made)
    return made


async def _name(work: Work, *names: str, manager: str | None = None) -> None:
    items = [
        TeamItem(name.split("=")[0], name.split("=")[-1], manager=UserKey(manager) if manager else None)
        for name in names
    ]
    assert not (await teams_upsert(work, items)).problems


async def _settle(work: Work) -> None:
    """Wait until the relay has numbered all that was committed: until then a snapshot is ahead of the log."""
    left = 1
    async with asyncio.timeout(10):
        while left:
            async with work.db.session(work.viewer.org_id) as session:
                left = await session.value(_OUTBOX)


def _names(message: dict[str, Any]) -> list[str]:
    return sorted(team["name"] for team in message["nodes"])


async def test_first_the_state_then_each_change(server: Server, work: Work) -> None:
    await _name(work, "North")
    await _settle(work)
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS)
        snapshot = await socket.next()
        assert (snapshot["kind"], _names(snapshot), snapshot["node"]) == ("SNAPSHOT", ["North"], None)
        await _name(work, "South")
        created = await socket.next()
        assert (created["kind"], created["node"]["name"], created["nodes"]) == ("CREATED", "South", None)
        assert created["nodeId"] == created["node"]["id"]
        await _name(work, "South=Deep South")
        updated = await socket.next()
        assert (updated["kind"], updated["node"]["name"]) == ("UPDATED", "Deep South")


async def test_a_field_hears_what_its_arguments_ask_for(server: Server, work: Work) -> None:
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS, prefix="S")
        assert _names(await socket.next()) == []
        await _name(work, "North")
        await _name(work, "South")
        assert (await socket.next())["node"]["name"] == "South"


async def test_a_client_that_comes_back_gets_what_it_missed_and_goes_on(server: Server, work: Work) -> None:
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS)
        cursor = (await socket.next())["cursor"]
    await _name(work, "North")
    await _name(work, "South")
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS, after=cursor)
        missed = [await socket.next(), await socket.next()]
        assert [message["node"]["name"] for message in missed] == ["North", "South"]
        await _name(work, "West")
        assert (await socket.next())["node"]["name"] == "West"
        await socket.subscribe(TEAMS, "2", after=missed[0]["cursor"])
        assert (await socket.next("2"))["node"]["name"] == "South"


async def test_nothing_is_lost_and_nothing_comes_twice_while_subscribing(server: Server, work: Work) -> None:
    """Teams are made without a pause, while clients come at any moment: each knows every team exactly once."""
    total = 60
    async with connect(server, server.token(work)) as socket:

        async def make() -> None:
            for number_ in range(total):
                await _name(work, f"T{number_:02}")

        making = asyncio.create_task(make())
        ids = [str(n) for n in range(10)]
        for id_ in ids:
            await socket.subscribe(TEAMS, id_)
        known: dict[str, list[str]] = {id_: [] for id_ in ids}
        cursors: dict[str, list[str]] = {id_: [] for id_ in ids}
        while any(len(set(names)) < total for names in known.values()):
            message = await socket.receive()
            assert message["type"] == "next", message
            change = message["payload"]["data"]["teamChanged"]
            assert change["kind"] in ("SNAPSHOT", "CREATED")
            cursors[message["id"]].append(change["cursor"])
            if change["kind"] == "SNAPSHOT":
                assert known[message["id"]] == []
                known[message["id"]] = _names(change)
            else:
                known[message["id"]].append(change["node"]["name"])
        await making
    for names in cursors.values():
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("whose", ["another organisation", "the future"])
async def test_a_cursor_that_cannot_be_resumed_from_is_a_gap(server: Server, work: Work, whose: str) -> None:
    other = work.viewer.org_id if whose == "the future" else uuid4()
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS, after=cursor_of(other, 1_000_000))
        gap = await socket.next()
        assert (gap["kind"], gap["node"], gap["nodes"], gap["nodeId"]) == ("GAP", None, None, None)
        await _name(work, "North")
        assert (await socket.next())["node"]["name"] == "North"


async def test_a_cursor_older_than_the_log_is_a_gap(server: Server, work: Work) -> None:
    live = queries("live")
    await _name(work, "North")
    await _settle(work)
    async with work.db.session(work.viewer.org_id) as session:
        await session.execute(live.log_trim, datetime.now(UTC))
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS, after=cursor_of(work.viewer.org_id, 1))
        assert (await socket.next())["kind"] == "GAP"


async def test_subscribers_with_the_same_view_share_one_execution(server: Server, work: Work) -> None:
    await users_upsert(work, [UserItem("bo@harbor.example", "Bo", Role.ADMIN)])
    async with (
        connect(server, server.token(work)) as ada,
        connect(server, server.token(work, "bo@harbor.example")) as bo,
    ):
        for socket in (ada, bo):
            for id_ in ("1", "2"):
                await socket.subscribe(TEAMS, id_, after=None)
                await socket.next(id_)
        await _name(work, "Shared Team")
        for socket in (ada, bo):
            heard = [await socket.receive(), await socket.receive()]
            assert {message["id"] for message in heard} == {"1", "2"}
            assert {message["payload"]["data"]["teamChanged"]["node"]["name"] for message in heard} == {"Shared Team"}
    assert executed.count("Shared Team") == 1


async def test_a_manager_hears_of_the_teams_and_reps_below_alone_and_of_moves(server: Server, work: Work) -> None:
    await users_upsert(work, [UserItem("max@harbor.example", "Max", Role.MANAGER)])
    await _name(work, "mine", manager="max@harbor.example")
    await _name(work, "other")
    await _settle(work)
    changes = "subscription { changes { kind nodeId } }"
    async with (
        connect(server, server.token(work, "max@harbor.example")) as manager,
        connect(server, server.token(work)) as admin,
    ):
        for socket in (manager, admin):
            await socket.subscribe(changes)
            await socket.next()
        rep = {"name": "Rae", "hired_on": date(2026, 1, 5)}
        for stored in (
            await reps_upsert(work, [RepItem("hidden", team=Move("other"), **rep)]),  # type: ignore[arg-type]
            await teams_upsert(work, [TeamItem("other", "Other")]),
            await reps_upsert(work, [RepItem("seen", team=Move("mine"), **rep)]),  # type: ignore[arg-type]
            await teams_upsert(work, [TeamItem("mine", "Mine")]),
        ):
            assert not stored.problems
        told = [(await admin.next())["nodeId"] for _ in range(4)]
        assert [(await manager.next())["nodeId"] for _ in range(2)] == told[2:]
        # A move takes the rep out of sight from the next event on.
        await reps_upsert(work, [RepItem("seen", team=Move("other"))])
        await reps_upsert(work, [RepItem("seen", title="Gone")])
        await teams_upsert(work, [TeamItem("mine", "Mine again")])
        assert (await manager.next())["nodeId"] == told[3]


async def test_organisations_hear_nothing_of_each_other(server: Server, work: Work, make_org: MakeOrg) -> None:
    stranger = await make_org()
    async with connect(server, server.token(work)) as mine, connect(server, server.token(stranger)) as theirs:
        for socket in (mine, theirs):
            await socket.subscribe(TEAMS)
            await socket.next()
        await _name(work, "Mine")
        await _name(stranger, "Theirs")
        assert (await mine.next())["node"]["name"] == "Mine"
        assert (await theirs.next())["node"]["name"] == "Theirs"


async def test_a_slow_client_is_told_of_the_gap_and_holds_up_nobody(serve: Serve, work: Work) -> None:
    """The slow one does not read: its socket fills, then its queue, which is dropped."""
    wide = "subscription { teamChanged { kind node { " + " ".join(f"n{i}: name" for i in range(90)) + " } } }"
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    small.setblocking(False)
    async with (
        serve(subscriber_queue=4) as server,
        connect(server, server.token(work), max_queue=1, sock=small, close_timeout=0.1) as slow,
        connect(server, server.token(work)) as quick,
    ):
        await slow.subscribe(wide)
        assert (await slow.next())["kind"] == "SNAPSHOT"
        await quick.subscribe(TEAMS)
        await quick.next()
        # Nothing is read from the slow one's socket from here on, until it hears of the gap.
        slow.connection.transport.pause_reading()
        filler = "x" * 190
        sent = 0
        group_gaps = _gaps()
        while _gaps() == group_gaps:
            await _name(work, f"{sent}={sent} {filler}")
            assert (await quick.next())["node"]["name"].startswith(f"{sent} ")
            sent += 1
            assert sent < 2_000
        slow.connection.transport.resume_reading()
        kinds = []
        while "GAP" not in kinds:
            kinds.append((await slow.next())["kind"])
        assert kinds.count("GAP") == 1
        await _name(work, "After")
        assert (await slow.next())["kind"] == "CREATED"


def _gaps() -> float:
    from api import metrics

    return float(metrics.gaps._value.get())


async def test_a_group_that_is_stuck_holds_up_no_other(server: Server, work: Work) -> None:
    gate.shut()
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS, "loading")
        await socket.next("loading")
        await socket.subscribe("subscription { changes { kind } }", "free")
        await socket.next("free")
        await _name(work, "stuck")
        await gate.entered.wait()
        assert (await socket.next("free"))["kind"] == "CREATED"
        gate.open.set()
        assert (await socket.next("loading"))["node"]["name"] == "stuck"


async def test_events_come_without_valkey_too(serve: Serve, work: Work) -> None:
    async with serve(valkey_url="redis://127.0.0.1:1/0") as server, connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS)
        await socket.next()
        await _name(work, "North")
        assert (await socket.next())["node"]["name"] == "North"


async def test_valkey_that_breaks_off_is_heard_again(server: Server, work: Work, relay: Relay) -> None:
    bus = server.app.state.running.bus
    async with Redis.from_url(server.settings.valkey_url) as valkey:
        await valkey.client_kill_filter(_type="pubsub")
        await until(lambda: not bus.listening.is_set())
        async with asyncio.timeout(10):
            await bus.listening.wait()
        await valkey.publish(CHANNEL, "not json")
        await valkey.publish(CHANNEL, '{"org": 1}')
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS)
        await socket.next()
        await _name(work, "North")
        assert (await socket.next())["node"]["name"] == "North"


async def test_the_list_of_changes_goes_on_where_a_subscription_stopped(server: Server, work: Work) -> None:
    async with connect(server, server.token(work)) as socket:
        await socket.subscribe(TEAMS)
        cursor = (await socket.next())["cursor"]
        await _name(work, "North", "South")
        await socket.next()
        await socket.next()
    query = """query($after: String) { changes(after: $after, first: 1) {
      nodes { kind nodeId cursor } totalCount pageInfo { hasNextPage endCursor }
    } }"""
    pages = []
    async with server.client(server.token(work)) as client:
        for _ in range(2):
            response = await client.post("/graphql", json={"query": query, "variables": {"after": cursor}})
            pages.append(response.json()["data"]["changes"])
            cursor = pages[-1]["pageInfo"]["endCursor"]
    first, last = pages
    assert first["totalCount"] == 3
    assert first["pageInfo"]["hasNextPage"] is True
    assert [node["kind"] for node in first["nodes"] + last["nodes"]] == ["CREATED", "CREATED"]
    assert last["pageInfo"]["hasNextPage"] is False
