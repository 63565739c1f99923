"""A call in the CRM reaches the manager's open screen."""

import asyncio
from datetime import date

from api.relay import global_id
from api.schema import schema
from domain.org.actions import organization_update
from domain.org.model import CalendarChange, Role, TeamItem, UserItem, UserKey
from domain.org.people import users_upsert
from domain.org.trees import teams_upsert
from tests.api.clients import connect
from tests.api.conftest import Serve
from tests.domain.scorecards.conftest import KPIS, NOW, Company, company
from workers.relay import Relay

__all__ = ["company"]

LIVE = """subscription($rep: ID) { scorecardChanged(repId: $rep, week: "2026-11-18") {
  kind nodes { ...card } node { ...card } } }
  fragment card on Scorecard { week rep { name } results { kpi { key } value } }"""


async def test_a_scorecard_arrives_with_its_new_value_and_only_where_it_may(
    company: Company, serve: Serve, relay: Relay
) -> None:
    await users_upsert(company.work, [UserItem("mia@harbor.example", "Mia", Role.MANAGER)])
    await teams_upsert(company.work, [TeamItem("north", manager=UserKey("mia@harbor.example"))])
    await company.publish(*KPIS)
    await company.call("ann", NOW.date(), 1)
    await company.recompute()
    # What is committed and not numbered yet would come after the snapshot, once more.
    async with asyncio.timeout(10):
        while await company.run("select 1 from outbox where org_id = $1 limit 1"):
            pass
    ann = global_id("Rep", company.reps["ann"])
    async with serve(schema) as server:
        token = server.token(company.work, "mia@harbor.example")
        async with connect(server, token) as socket:
            await socket.subscribe(LIVE, rep=ann)
            first = await socket.next()
            (now,) = first["nodes"]
            assert (first["kind"], now["week"], now["rep"]) == ("SNAPSHOT", "2026-11-16", {"name": "Ann"})
            assert now["results"][0] == {"kpi": {"key": "calls"}, "value": "1"}
            await company.call("cyd", NOW.date(), 1, "south")
            await company.call("ann", NOW.date(), 3, "north")
            await company.recompute()
            while (changed := await socket.next())["node"]["results"][0]["value"] == "1":
                assert changed["node"]["rep"] == {"name": "Ann"}
            assert changed["kind"] == "UPDATED"
            assert changed["node"]["rep"] == {"name": "Ann"}
            assert changed["node"]["results"][0] == {"kpi": {"key": "calls"}, "value": "4"}


async def test_a_new_calendar_holds_from_the_next_event_on(company: Company, serve: Serve, relay: Relay) -> None:
    await company.publish(*KPIS)
    await company.call("ann", NOW.date(), 1)
    await company.recompute()
    async with serve(schema) as server, connect(server, server.token(company.work)) as socket:
        await socket.subscribe(LIVE)
        assert (await socket.next())["kind"] == "SNAPSHOT"
        await company.call("ann", NOW.date(), 1, "first")
        await company.recompute()
        while (heard := (await socket.next())["node"])["results"][0]["value"] != "2":
            pass
        assert heard["week"] == "2026-11-16"
        sunday = CalendarChange(valid_from=date(2026, 11, 1), week_starts_on=7)
        await organization_update(company.work, expected_version=1, change=sunday)
        await company.recompute()
        while ((await socket.next())["node"] or {}).get("week") != "2026-11-15":
            pass  # what is gone, and what came before
