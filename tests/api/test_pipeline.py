"""Deals, activities and leads over the graph: taken in, listed, seen by whom they concern."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from api.context import Context
from domain.org.model import SCOPES, Move, RepItem, Role, Scope, TeamItem, TerritoryItem, UserItem, UserKey, Viewer
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert, territories_upsert
from domain.work import Work
from settings import Settings
from sql.queries import queries
from tests.api.execute import execute
from tests.conftest import MakeOrg

_access = queries("access")
HIRED = datetime(2025, 1, 2, tzinfo=UTC).date()

DEALS_INGEST = """
mutation ($items: [DealInput!]!) {
  dealsIngest(source: "crm", items: $items) { created updated deleted unchanged userErrors { code message path } }
}"""
FACTS_INGEST = """
mutation ($calls: [ActivityInput!]!, $leads: [LeadInput!]!) {
  activitiesIngest(source: "crm", items: $calls) { created userErrors { code path } }
  leadsIngest(source: "crm", items: $leads) { created userErrors { code path } }
}"""
DEALS = """
query ($filter: DealFilter, $orderBy: DealOrder, $first: Int, $after: String) {
  deals(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { externalId owner { name } }
  }
}"""
WHOLE = """
{
  deals {
    nodes {
      id name status stage amount { amount currency } amountConverted { amount currency } margin { amount } units
      exchangeRate openedAt openedOn closedOn expectedCloseOn version sourceUpdatedAt
      owner { name } territory { name } lead { company rep { name } }
      credits { share amount { amount currency } margin { amount } units rep { name } }
      stageHistory { stage enteredAt leftAt }
    }
  }
  activities { nodes { kind outcome minutes occurredOn rep { name } deal { name owner { name } } } }
  leads { nodes { company channel arrivedOn firstResponseAt quotedAt rep { name } } }
}"""
STATEMENTS = [
    "facts.activities_desc",
    "facts.credits_of_deals",
    "facts.deals_by_key",
    "facts.deals_by_opened_desc",
    "facts.leads_by_key",
    "facts.leads_desc",
    "facts.stages_of_deals",
]


def deal(external_id: str, rep: str, day: int = 2, **over: Any) -> dict[str, Any]:
    return {
        "externalId": external_id,
        "repExternalId": rep,
        "name": f"Cover {external_id}",
        "stage": "Proposal",
        "status": "OPEN",
        "amount": "1000.00",
        "currency": "USD",
        "openedAt": f"2026-11-{day:02d}T15:00:00Z",
    } | over


WON = {"status": "WON", "stage": "Closed", "closedAt": "2026-11-12T15:00:00Z"}


class House:
    """An organisation with a manager `mia` of the reps `ann` and `ben`, and a rep `cyd` of nobody's."""

    def __init__(self, work: Work, settings: Settings) -> None:
        self.work = work
        self.settings = settings

    async def ask(self, document: str, who: Viewer | None = None, **variables: object) -> dict[str, Any]:
        """The data of an operation without errors."""
        viewer = who or self.work.viewer
        context = Context(self.work.db, viewer, self.work.now, self.settings, "test")
        result = await execute(document, variables, context)
        assert not result.errors, result.errors
        assert result.data is not None
        return result.data

    async def seen_by(self, email: str) -> Viewer:
        """Somebody of the organisation."""
        context = Context(self.work.db, self.work.viewer, self.work.now, self.settings, "test")
        row = await context.row(_access.user_by_email, email)
        assert row is not None
        role = Role(row["role"])
        return replace(self.work.viewer, scopes=SCOPES[role], role=role, user_id=row["user_id"], rep_id=row["rep_id"])


@pytest.fixture
async def house(make_org: MakeOrg) -> House:
    work = await make_org(now=datetime(2026, 11, 20, 12, tzinfo=UTC))
    people = [("mia", Role.MANAGER), ("ann", Role.REP), ("ben", Role.REP), ("cyd", Role.REP)]
    users = [UserItem(f"{name}@harbor.example", name, role) for name, role in people]
    teams = [TeamItem("north", "North", manager=UserKey(email="mia@harbor.example")), TeamItem("south", "South")]
    reps = [
        RepItem(name, name, HIRED, user=UserKey(email=f"{name}@harbor.example"), team=Move(team))
        for name, team in (("ann", "north"), ("ben", "north"), ("cyd", "south"))
    ]
    for stored in (
        await users_upsert(work, users),
        await teams_upsert(work, teams),
        await reps_upsert(work, reps),
        await territories_upsert(work, [TerritoryItem("coast", "Coast")]),
    ):
        assert not stored.problems
    return House(work, Settings())


async def test_facts_come_in_and_come_back_whole(
    house: House, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    facts = await house.ask(
        FACTS_INGEST,
        calls=[
            {"externalId": f"c{i}", "repExternalId": "ann", "kind": "CALL", "occurredAt": f"2026-11-0{i}T15:00:00Z"}
            | {"outcome": "reached", "minutes": 12, "dealExternalId": "d1"}
            for i in (2, 3)
        ],
        leads=[{"externalId": "l1", "repExternalId": "ben", "arrivedAt": "2026-11-02T04:00:00Z", "company": "Cranes"}],
    )
    assert facts == {
        "activitiesIngest": {"created": 2, "userErrors": []},
        "leadsIngest": {"created": 1, "userErrors": []},
    }
    euros = deal(
        "d1",
        "ann",
        currency="EUR",
        exchangeRate="1.1",
        margin="-100",
        units="3",
        territoryExternalId="coast",
        leadExternalId="l1",
        sourceUpdatedAt="2026-11-12T16:00:00+01:00",
        splits=[{"repExternalId": "ben", "share": "0.25"}, {"repExternalId": "ann", "share": "0.75"}],
        stageHistory=[
            {"stage": "Closed", "enteredAt": "2026-11-12T15:00:00Z"},
            {"stage": "Proposal", "enteredAt": "2026-11-02T15:00:00Z"},
            {"stage": "Proposal", "enteredAt": "2026-11-03T15:00:00Z"},
        ],
    )
    euros |= WON
    taken = (await house.ask(DEALS_INGEST, items=[euros, deal("d2", "cyd", 1)]))["dealsIngest"]
    assert taken == {"created": 2, "updated": 0, "deleted": 0, "unchanged": 0, "userErrors": []}
    with statements() as ran:
        shown = await house.ask(WHOLE)
    first, second = shown["deals"]["nodes"]
    assert first.pop("id")
    assert first == {
        "name": "Cover d1",
        "status": "WON",
        "stage": "Closed",
        "amount": {"amount": "1000", "currency": "EUR"},
        "amountConverted": {"amount": "1100", "currency": "USD"},
        "margin": {"amount": "-100"},
        "units": "3",
        "exchangeRate": "1.1",
        "openedAt": "2026-11-02T15:00:00Z",
        "openedOn": "2026-11-02",
        "closedOn": "2026-11-12",
        "expectedCloseOn": None,
        "version": 1,
        "sourceUpdatedAt": "2026-11-12T15:00:00Z",
        "owner": {"name": "ann"},
        "territory": {"name": "Coast"},
        "lead": {"company": "Cranes", "rep": {"name": "ben"}},
        "credits": [
            {
                "share": "0.75",
                "amount": {"amount": "825", "currency": "USD"},
                "margin": {"amount": "-82.5"},
                "units": "2.25",
                "rep": {"name": "ann"},
            },
            {
                "share": "0.25",
                "amount": {"amount": "275", "currency": "USD"},
                "margin": {"amount": "-27.5"},
                "units": "0.75",
                "rep": {"name": "ben"},
            },
        ],
        "stageHistory": [
            {"stage": "Proposal", "enteredAt": "2026-11-02T15:00:00Z", "leftAt": "2026-11-12T15:00:00Z"},
            {"stage": "Closed", "enteredAt": "2026-11-12T15:00:00Z", "leftAt": None},
        ],
    }
    assert (second["name"], second["lead"], second["territory"]) == ("Cover d2", None, None)
    assert [(a["kind"], a["occurredOn"], a["deal"]) for a in shown["activities"]["nodes"]] == [
        ("CALL", "2026-11-03", {"name": "Cover d1", "owner": {"name": "ann"}}),
        ("CALL", "2026-11-02", {"name": "Cover d1", "owner": {"name": "ann"}}),
    ]
    assert shown["leads"]["nodes"][0]["arrivedOn"] == "2026-11-01"
    facts_read = sorted(name for name in ran if name.startswith("facts."))
    assert facts_read == STATEMENTS


async def test_a_page_of_fifty_takes_the_statements_of_one(
    house: House, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    counts = []
    for items in ([deal("d0", "ann")], [deal(f"d{i}", "ann", 1 + i % 20) for i in range(50)]):
        await house.ask(DEALS_INGEST, items=items)
        with statements() as ran:
            shown = await house.ask(WHOLE)
        counts.append(sorted(ran))
        assert len(shown["deals"]["nodes"]) == len(items)
    assert counts[0] == counts[1]


async def test_a_bad_item_is_a_user_error_with_its_path(house: House) -> None:
    items = [deal("d1", "ann"), deal("d2", "zoe"), deal("d3", "ann", amount=None, closedAt="2026-11-03T15:00:00Z")]
    taken = (await house.ask(DEALS_INGEST, items=items))["dealsIngest"]
    assert taken["created"] == 1
    assert [(error["code"], error["path"]) for error in taken["userErrors"]] == [
        ("NOT_FOUND", ["items", "1", "repExternalId"]),
        ("REQUIRED", ["items", "2", "amount"]),
        ("INVALID", ["items", "2", "closedAt"]),
    ]
    many = (await house.ask(DEALS_INGEST, items=[deal("d", "ann")] * 1001))["dealsIngest"]
    assert [(error["code"], error["path"]) for error in many["userErrors"]] == [("TOO_MANY", ["items"])]


async def test_one_sees_the_deals_of_oneself_and_those_below_and_what_one_is_credited_with(house: House) -> None:
    shared = deal(
        "d3", "cyd", splits=[{"repExternalId": "ann", "share": "0.5"}, {"repExternalId": "cyd", "share": "0.5"}]
    )
    await house.ask(DEALS_INGEST, items=[deal("d1", "ann"), deal("d2", "ben"), shared, deal("d4", "cyd")])
    everything = {}
    for who in ("ada", "mia", "ann", "ben", "cyd"):
        viewer = await house.seen_by(f"{who}@harbor.example")
        shown = await house.ask("{ deals { totalCount nodes { id externalId } } }", viewer)
        everything[who] = sorted(node["externalId"] for node in shown["deals"]["nodes"])
        assert shown["deals"]["totalCount"] == len(everything[who])
        if who == "ada":
            ids = [node["id"] for node in shown["deals"]["nodes"]]
        nodes = await house.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", viewer, ids=ids)
        assert sum(node is not None for node in nodes["nodes"]) == len(everything[who])
    assert everything == {
        "ada": ["d1", "d2", "d3", "d4"],
        "mia": ["d1", "d2", "d3"],
        "ann": ["d1", "d3"],
        "ben": ["d2"],
        "cyd": ["d3", "d4"],
    }


@pytest.mark.parametrize("field", ["OPENED_AT", "CLOSED_AT", "AMOUNT"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_pages_follow_each_other_in_order(house: House, field: str, direction: str) -> None:
    items = []
    for i in range(9):
        close = WON | {"closedAt": f"2026-11-1{i % 2}T15:00:00Z"} if i % 2 else {}
        items.append(deal(f"d{i}", "ann", 1 + i % 3) | {"amount": str(10 * (i % 4))} | close)
    await house.ask(DEALS_INGEST, items=items)
    names = {"OPENED_AT": "openedAt", "CLOSED_AT": "closedAt", "AMOUNT": "amount"}
    walked: list[str] = []
    after = None
    while True:
        page = (await house.ask(DEALS, orderBy={"field": field, "direction": direction}, first=2, after=after))["deals"]
        assert page["totalCount"] == 9
        walked += [node["externalId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sorted(walked) == sorted(item["externalId"] for item in items)
    values = [items[int(external_id[1:])].get(names[field], "9999") for external_id in walked]
    assert values == sorted(values, reverse=direction == "DESC")


async def test_lists_are_filtered(house: House) -> None:
    await house.ask(
        DEALS_INGEST,
        items=[
            deal("d1", "ann", 2),
            deal("d2", "ben", 5, **WON),
            deal("d3", "ann", 9, **WON, territoryExternalId="coast"),
        ],
    )
    reps = await house.ask("{ reps { nodes { id name } } territories { nodes { id } } }")
    ann = next(rep["id"] for rep in reps["reps"]["nodes"] if rep["name"] == "ann")
    coast = reps["territories"]["nodes"][0]["id"]
    for wanted, found in (
        ({"repIds": [ann]}, ["d3", "d1"]),
        ({"repIds": [coast, "nonsense"]}, []),
        ({"territoryIds": [coast]}, ["d3"]),
        ({"status": {"in": ["OPEN", "LOST"]}}, ["d1"]),
        ({"openedOn": {"gte": "2026-11-05", "lt": "2026-11-09"}}, ["d2"]),
        ({"closedOn": {"gte": "2026-11-12"}}, ["d3", "d2"]),
        ({"closedOn": {"lt": "2026-11-12"}}, []),
        ({"repIds": [ann], "status": {"in": ["WON"]}}, ["d3"]),
    ):
        shown = (await house.ask(DEALS, filter=wanted))["deals"]
        assert [node["externalId"] for node in shown["nodes"]] == found, wanted
        assert shown["totalCount"] == len(found)
    calls = [
        {"externalId": f"c{i}", "repExternalId": rep, "kind": kind, "occurredAt": f"2026-11-0{i}T15:00:00Z"}
        for i, (rep, kind) in enumerate([("ann", "CALL"), ("ann", "MEETING"), ("ben", "CALL")], 1)
    ]
    leads = [{"externalId": "l1", "repExternalId": "ann", "arrivedAt": "2026-11-02T15:00:00Z"}]
    await house.ask(FACTS_INGEST, calls=calls, leads=leads)
    shown = await house.ask(
        """query ($ann: [ID!]) {
          kind: activities(filter: {kind: {in: ["CALL"]}}, orderBy: {direction: ASC}) {
            totalCount nodes { externalId }
          }
          mine: activities(filter: {repIds: $ann, occurredOn: {gte: "2026-11-02"}}) { nodes { externalId } }
          early: leads(filter: {repIds: $ann, arrivedOn: {lt: "2026-11-02"}}) { totalCount nodes { externalId } }
          all: leads(orderBy: {direction: ASC}) { totalCount nodes { externalId } }
        }""",
        ann=[ann],
    )
    assert shown == {
        "kind": {"totalCount": 2, "nodes": [{"externalId": "c1"}, {"externalId": "c3"}]},
        "mine": {"nodes": [{"externalId": "c2"}]},
        "early": {"totalCount": 0, "nodes": []},
        "all": {"totalCount": 1, "nodes": [{"externalId": "l1"}]},
    }


async def test_a_fact_is_found_by_the_key_of_its_source(house: House) -> None:
    items = [deal("d1", "ann"), deal("d2", "ben"), {"externalId": "d3", "deleted": True}]
    await house.ask(DEALS_INGEST, items=[items[0], items[1], deal("d3", "ann")])
    await house.ask(DEALS_INGEST, items=items)
    call = {"externalId": "c1", "repExternalId": "ann", "kind": "CALL", "occurredAt": "2026-11-02T15:00:00Z"}
    lead = {"externalId": "l1", "repExternalId": "ann", "arrivedAt": "2026-11-02T15:00:00Z"}
    await house.ask(FACTS_INGEST, calls=[call], leads=[lead])
    document = """{
      deal(source: "crm", externalId: "d1") { externalId }
      bens: deal(source: "crm", externalId: "d2") { externalId }
      gone: deal(source: "crm", externalId: "d3") { externalId }
      elsewhere: deal(source: "billing", externalId: "d1") { externalId }
      activity(source: "crm", externalId: "c1") { externalId }
      lead(source: "crm", externalId: "l1") { externalId }
    }"""
    found = {"deal": {"externalId": "d1"}, "activity": {"externalId": "c1"}, "lead": {"externalId": "l1"}}
    nothing = {"gone": None, "elsewhere": None}
    assert await house.ask(document) == found | {"bens": {"externalId": "d2"}} | nothing
    cyd = await house.seen_by("cyd@harbor.example")
    assert set((await house.ask(document, cyd)).values()) == {None}
    ann = await house.seen_by("ann@harbor.example")
    assert await house.ask(document, ann) == found | {"bens": None} | nothing


async def test_without_its_scope_nothing_is_taken_in_or_shown(house: House) -> None:
    nobody = replace(house.work.viewer, scopes=frozenset({Scope.ORG_READ}), role=None)
    context = Context(house.work.db, nobody, house.work.now, house.settings, "test")
    for document in (
        "{ deals { nodes { id } } }",
        "{ leads { nodes { id } } }",
        "{ activities { nodes { id } } }",
        'mutation { dealsIngest(source: "crm", items: []) { created } }',
        'mutation { leadsIngest(source: "crm", items: []) { created } }',
        'mutation { activitiesIngest(source: "crm", items: []) { created } }',
    ):
        result = await execute(document, {}, context)
        assert result.errors is not None
        assert [error.extensions and error.extensions["code"] for error in result.errors] == ["FORBIDDEN"]
