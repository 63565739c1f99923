"""Attainment and leaderboards as they arrive on a WebSocket."""

from collections.abc import AsyncIterator

import pytest

from api.schema import schema
from tests.api.clients import connect
from tests.api.conftest import Serve, Server
from tests.api.quotas.conftest import House, quota, settled
from workers.relay import Relay

ATTAINMENT = """subscription ($after: String, $by: AttainmentGroup! = REP, $filter: AttainmentFilter) {
  attainmentChanged(after: $after, period: {quarter: "2027-Q1"}, groupBy: $by, filter: $filter) {
    cursor kind nodes { rep { name } ratio } node { rep { name } team { name } ratio attained }
  }
}"""
BOARD = """subscription ($team: ID) {
  leaderboardChanged(period: {quarter: "2027-Q1"}, teamId: $team, first: 2) {
    kind node { id measure period { key } entries { totalCount nodes { rank name rep { name } } } }
  }
}"""


@pytest.fixture
async def public(serve: Serve, relay: Relay) -> AsyncIterator[Server]:
    """A server of the whole graph, with the relay beside it."""
    async with serve(graph=schema) as server:
        yield server


async def test_a_manager_hears_of_the_reps_below_and_of_nobody_else(house: House, public: Server) -> None:
    await house.set(quota("ann", "100"), quota("bob", "100"))
    await settled(house)
    async with connect(public, public.token(house.work, "mo@harbor.example")) as socket:
        await socket.subscribe(ATTAINMENT)
        first = await socket.next()
        assert (first["kind"], first["nodes"]) == ("SNAPSHOT", [{"rep": {"name": "Ann"}, "ratio": "0"}])
        await house.win("bob", "10")
        await house.win("ann", "25")
        heard = await socket.next()
    assert heard["kind"] == "UPDATED"
    assert heard["node"] == {"rep": {"name": "Ann"}, "team": None, "ratio": "0.25", "attained": "25"}


async def test_what_was_missed_comes_after_the_cursor(house: House, public: Server) -> None:
    await house.set(quota("ann", "100"))
    await settled(house)
    token = public.token(house.work, "ann@harbor.example")
    async with connect(public, token) as socket:
        await socket.subscribe(ATTAINMENT)
        cursor = (await socket.next())["cursor"]
    await house.win("ann", "25")
    async with connect(public, token) as socket:
        await socket.subscribe(ATTAINMENT, after=cursor)
        assert (await socket.next())["node"]["ratio"] == "0.25"


async def test_only_the_team_asked_for_is_heard(house: House, public: Server) -> None:
    await house.set(quota("ann", "100"), quota("bob", "100"))
    await settled(house)
    async with connect(public, public.token(house.work)) as socket:
        await socket.subscribe(ATTAINMENT, filter={"teamId": house.ids["south"]})
        assert (await socket.next())["nodes"] == [{"rep": {"name": "Bob"}, "ratio": "0"}]
        await house.win("ann", "10")
        await house.win("bob", "20")
        assert (await socket.next())["node"]["rep"] == {"name": "Bob"}
        await socket.subscribe(ATTAINMENT, "2", by="TEAM")
        assert (await socket.next("2"))["kind"] == "SNAPSHOT"


async def test_everybody_hears_of_the_leaderboard(house: House, public: Server) -> None:
    await house.set(quota("ann", "100"), quota("bob", "100"))
    await house.win("ann", "25")
    await settled(house)
    async with connect(public, public.token(house.work, "bob@harbor.example")) as socket:
        await socket.subscribe(BOARD)
        first = await socket.next()
        assert first["kind"] == "SNAPSHOT"
        assert first["node"]["entries"] == {
            "totalCount": 2,
            "nodes": [{"rank": 1, "name": "Ann", "rep": None}, {"rank": 2, "name": "Bob", "rep": {"name": "Bob"}}],
        }
        await house.win("ann", "26")
        assert [place["name"] for place in (await socket.next())["node"]["entries"]["nodes"]] == ["Ann", "Bob"]
        await house.win("bob", "60")
        last = await socket.next()
    assert last["kind"] == "UPDATED"
    assert (last["node"]["measure"], last["node"]["period"]) == ("REVENUE", {"key": "2027-Q1"})
    assert [place["name"] for place in last["node"]["entries"]["nodes"]] == ["Bob", "Ann"]
