"""Leaderboards and quotas of KPIs."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal

import pytest

from api.relay import global_id
from api.schema import schema
from domain.pipeline.actions import activities_ingest
from domain.pipeline.model import ActivityItem
from domain.recompute import recompute
from domain.scorecards.actions import template_publish
from domain.scorecards.model import Line
from sql.queries import Query
from tests.api.clients import connect
from tests.api.conftest import Serve, Server
from tests.api.quotas.conftest import House, quota, settled
from workers.relay import Relay

BOARD = """query ($kpi: ID!, $first: Int, $after: String) {
  leaderboard(measure: KPI, kpiId: $kpi, period: {week: "2027-01-20"}, first: $first, after: $after) {
    totalCount pageInfo { endCursor } nodes { rank name value }
  }
}"""


@pytest.fixture
async def kpi(house: House) -> str:
    """The global id of `calls`, which is on everybody's scorecard."""
    async with house.work.db.session(house.work.viewer.org_id) as session:
        rows = await session.fetch(Query("test.kpis", "select key, kpi_id from kpi where org_id = $1"))
    kpis = {row["key"]: row["kpi_id"] for row in rows}
    lines = tuple(Line(kpis[key], Decimal(1), Decimal(10)) for key in ("calls", "win_rate", "revenue"))
    await template_publish(house.work, key="all", name="All", lines=lines, valid_from=date(2027, 1, 4))
    return global_id("Kpi", kpis["calls"])


async def call(house: House, rep: str, *days: int) -> None:
    """Calls on days of January 2027, known to the numbers."""
    items = [
        ActivityItem(f"{rep}-{day}", rep, "CALL", datetime.fromisoformat(f"2027-01-{day}T15:00:00+00:00"))
        for day in days
    ]
    assert not (await activities_ingest(house.work, "crm", items)).problems
    await recompute(house.work)


async def test_a_week_ranks_reps_by_the_value_of_a_kpi(house: House, kpi: str) -> None:
    await call(house, "ann", 18, 19, 26)
    await call(house, "bob", 20, 21, 22)
    board = (await house.ask(BOARD, "ann", kpi=kpi))["leaderboard"]
    assert board["totalCount"] == 2
    assert board["nodes"] == [{"rank": 1, "name": "Bob", "value": "3"}, {"rank": 2, "name": "Ann", "value": "2"}]
    first = (await house.ask(BOARD, kpi=kpi, first=1))["leaderboard"]
    second = (await house.ask(BOARD, kpi=kpi, first=1, after=first["pageInfo"]["endCursor"]))["leaderboard"]
    assert [node["rank"] for page in (first, second) for node in page["nodes"]] == [1, 2]


async def test_a_quota_of_a_kpi_is_attained_by_its_facts(house: House, kpi: str) -> None:
    await house.set(quota("ann", "4", measure="KPI", kpiId=kpi))
    await call(house, "ann", 18, 19, 26)
    data = await house.ask(
        "query ($kpi: ID!) { attainment(PERIOD, filter: {measure: KPI, kpiId: $kpi}) {"
        " nodes { kpiId currency quota attained ratio explain { id facts { nodeId label } } } } }",
        kpi=kpi,
    )
    (node,) = data["attainment"]["nodes"]
    steps = {step["id"]: step for step in node.pop("explain")}
    assert node == {"kpiId": kpi, "currency": None, "quota": "4", "attained": "3", "ratio": "0.75"}
    assert steps["attained"]["facts"] == [{"nodeId": kpi, "label": "Calls, version 1"}]


@pytest.fixture
async def public(serve: Serve, relay: Relay) -> AsyncIterator[Server]:
    """A server of the whole graph, with the relay beside it."""
    async with serve(graph=schema) as server:
        yield server


async def test_the_board_of_a_week_is_heard_by_everybody(house: House, kpi: str, public: Server) -> None:
    await call(house, "ann", 18)
    await settled(house)
    async with connect(public, public.token(house.work, "bob@harbor.example")) as socket:
        await socket.subscribe(
            """subscription ($kpi: ID!) {
              leaderboardChanged(measure: KPI, kpiId: $kpi, period: {week: "2027-01-18"}) {
                kind node { entries { nodes { name value } } }
              }
            }""",
            kpi=kpi,
        )
        assert (await socket.next())["kind"] == "SNAPSHOT"
        await call(house, "ann", 19, 26)
        heard = await socket.next()
    assert heard["node"]["entries"]["nodes"][0] == {"name": "Ann", "value": "2"}
