"""Quotas, attainment and leaderboards as the graph answers, and to whom."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from api.relay import parse_id
from domain.recompute import recompute
from tests.api.quotas.conftest import House, quota

Statements = Callable[[], AbstractContextManager[list[str]]]

BY = "query ($by: AttainmentGroup!) { attainment(PERIOD, groupBy: $by) { nodes { rep { name } team { name } ratio } } }"


async def test_quotas_are_set_by_external_id_and_read_back_with_their_versions(house: House) -> None:
    await house.set(quota("ann", "100000", note="first"))
    await house.set(quota({"repId": house.ids["ann"]}, "120000.50", ramp=["0", "0.5"], seasonality=["1", "1", "2"]))
    data = await house.ask(
        "{ quotas(filter: {subject: {in: [REP]}}) { totalCount nodes { id rep { name } measure amount currency version"
        " period { kind key startsOn endsOn } seasonality ramp prorationBasis"
        " versions { version amount note createdBy } } } }"
    )
    (node,) = data["quotas"]["nodes"]
    assert parse_id(node.pop("id"))[0] == "Quota"  # type: ignore[index]
    assert data["quotas"]["totalCount"] == 1
    assert node == {
        "rep": {"name": "Ann"},
        "measure": "REVENUE",
        "amount": "120000.5",
        "currency": "USD",
        "version": 2,
        "period": {"kind": "QUARTER", "key": "2027-Q1", "startsOn": "2027-01-01", "endsOn": "2027-04-01"},
        "seasonality": ["1", "1", "2"],
        "ramp": ["0", "0.5"],
        "prorationBasis": "DAYS",
        "versions": [
            {"version": 2, "amount": "120000.5", "note": None, "createdBy": "Ada Admin"},
            {"version": 1, "amount": "100000", "note": "first", "createdBy": "Ada Admin"},
        ],
    }


async def test_bad_quotas_are_named_by_their_paths(house: House) -> None:
    document = (
        "mutation ($items: [QuotaInput!]!) { quotasSet(items: $items) { quotas { id } userErrors { __typename code path"
        " ... on StaleVersion { currentVersion } } } }"
    )
    quarter = {"period": {"quarter": "2027-Q1"}}
    data = await house.ask(document, items=[quota("ann", "1") | {"period": {"quarter": "2027-Q5"}}])
    assert [(e["code"], e["path"]) for e in data["quotasSet"]["userErrors"]] == [("INVALID", ["items", "0", "period"])]
    data = await house.ask(
        document,
        items=[quota("ann", "1") | quarter, quota("eve", "1") | quarter, quota("bob", "-1") | quarter],
    )
    assert data["quotasSet"]["quotas"] == []
    assert [(e["code"], e["path"]) for e in data["quotasSet"]["userErrors"]] == [
        ("NOT_FOUND", ["items", "1", "subject"]),
        ("INVALID", ["items", "2", "amount"]),
    ]
    await house.set(quota("ann", "1"))
    data = await house.ask(document, items=[quota("ann", "2", expectedVersion=7) | quarter])
    assert data["quotasSet"]["userErrors"] == [
        {
            "__typename": "StaleVersion",
            "code": "STALE_VERSION",
            "path": ["items", "0", "expectedVersion"],
            "currentVersion": 1,
        }
    ]


@pytest.mark.parametrize("who", ["mo", "ann"])
async def test_only_who_may_write_quotas_sets_them(house: House, who: str) -> None:
    items = [quota("ann", "1") | {"period": {"quarter": "2027-Q1"}}]
    result = await house.run(
        "mutation ($items: [QuotaInput!]!) { quotasSet(items: $items) { quotas { id } } }", who, items=items
    )
    assert result.errors[0].extensions["code"] == "FORBIDDEN"
    assert (await house.ask("{ quotas { totalCount } }"))["quotas"]["totalCount"] == 0


async def test_attainment_has_every_number_and_its_explanation(house: House) -> None:
    await house.set(quota("ann", "90000"))
    await house.win("ann", "23000")
    data = await house.ask(
        "{ attainment(PERIOD) { nodes { id subject measure currency quota quotaSource attained ratio gap"
        " expected paceRatio projected projectedRatio requiredPerWorkday reason period { key }"
        " explain { id parentId value facts { nodeId value } } } } }"
    )
    (node,) = data["attainment"]["nodes"]
    steps = {step["id"]: step for step in node.pop("explain")}
    again = await house.ask("query ($id: ID!) { node(id: $id) { ... on Attainment { ratio } } }", id=node.pop("id"))
    assert again["node"] == {"ratio": "0.255556"}
    assert node == {
        "subject": "REP",
        "measure": "REVENUE",
        "currency": "USD",
        "quota": "90000",
        "quotaSource": "OWN",
        "attained": "23000",
        "ratio": "0.255556",
        "gap": "-67000",
        "expected": "46000",
        "paceRatio": "0.5",
        "projected": "45000",
        "projectedRatio": "0.5",
        "requiredPerWorkday": "2093.75",
        "reason": None,
        "period": {"key": "2027-Q1"},
    }
    assert steps["ratio"]["parentId"] is None
    assert [fact["value"] for fact in steps["attained"]["facts"]] == ["23000"]


async def test_each_viewer_sees_its_own(house: House) -> None:
    await house.set(quota("ann", "100"), quota("bob", "100"), quota({"teamExternalId": "north"}, "90"))
    seen = {}
    for who in ("ada", "mo", "ann", "bob"):
        for by in ("REP", "TEAM", "ORGANIZATION"):
            nodes = (await house.ask(BY, who, by=by))["attainment"]["nodes"]
            seen[who, by] = sorted((node["rep"] or node["team"] or {"name": "organisation"})["name"] for node in nodes)
        quotas = await house.ask("{ quotas { totalCount nodes { rep { name } team { name } } } }", who)
        seen[who, "quotas"] = sorted((node["rep"] or node["team"])["name"] for node in quotas["quotas"]["nodes"])
        assert quotas["quotas"]["totalCount"] == len(seen[who, "quotas"])
    assert seen == {
        ("ada", "REP"): ["Ann", "Bob"],
        ("ada", "TEAM"): ["All", "North", "South"],
        ("ada", "ORGANIZATION"): ["organisation"],
        ("ada", "quotas"): ["Ann", "Bob", "North"],
        ("mo", "REP"): ["Ann"],
        ("mo", "TEAM"): ["North"],
        ("mo", "ORGANIZATION"): [],
        ("mo", "quotas"): ["Ann", "North"],
        ("ann", "REP"): ["Ann"],
        ("ann", "TEAM"): ["North"],
        ("ann", "ORGANIZATION"): [],
        ("ann", "quotas"): ["Ann", "North"],
        ("bob", "REP"): ["Bob"],
        ("bob", "TEAM"): ["South"],
        ("bob", "ORGANIZATION"): [],
        ("bob", "quotas"): ["Bob"],
    }


async def test_an_invisible_attainment_is_null_by_its_id(house: House) -> None:
    await house.set(quota("bob", "100"))
    data = await house.ask("{ attainment(PERIOD) { nodes { id } } quotas { nodes { id } } }")
    ids = [data["attainment"]["nodes"][0]["id"], data["quotas"]["nodes"][0]["id"]]
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await house.ask(document, "ann", ids=ids))["nodes"] == [None, None]
    assert (await house.ask(document, "bob", ids=ids))["nodes"] == [{"id": id_} for id_ in ids]


async def test_a_leaderboard_is_open_with_shared_ranks_and_pages(house: House) -> None:
    await house.set(quota("ann", "100"), quota("bob", "200"))
    await house.win("ann", "50")
    await house.win("bob", "100")
    document = (
        "query ($after: String) { leaderboard(PERIOD, first: 1, after: $after) {"
        " totalCount pageInfo { hasNextPage endCursor }"
        " nodes { rank name value ratio rep { name } } } }"
    )
    first = (await house.ask(document, "bob"))["leaderboard"]
    second = (await house.ask(document, "bob", after=first["pageInfo"]["endCursor"]))["leaderboard"]
    assert first["totalCount"] == 2
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    places = sorted((node for page in (first, second) for node in page["nodes"]), key=lambda node: node["name"])
    assert places == [
        {"rank": 1, "name": "Ann", "value": "50", "ratio": "0.5", "rep": None},
        {"rank": 1, "name": "Bob", "value": "100", "ratio": "0.5", "rep": {"name": "Bob"}},
    ]
    await house.win("bob", "1")
    data = await house.ask("{ leaderboard(PERIOD) { nodes { rank name } } }")
    assert data["leaderboard"]["nodes"] == [{"rank": 1, "name": "Bob"}, {"rank": 2, "name": "Ann"}]
    north = await house.ask(
        "query ($team: ID!) { leaderboard(PERIOD, teamId: $team) { nodes { rank name } } }", team=house.ids["north"]
    )
    assert north["leaderboard"]["nodes"] == [{"rank": 1, "name": "Ann"}]


async def test_attainments_come_highest_first_and_page_through_those_without_a_ratio(house: House) -> None:
    await house.set(quota("ann", "100"), quota({"organization": True}, "900"))
    await house.win("bob", "100")
    document = (
        "query ($after: String) { attainment(PERIOD, first: 1, after: $after) {"
        " nodes { rep { name } reason } pageInfo { hasNextPage endCursor } } }"
    )
    first = (await house.ask(document))["attainment"]
    second = (await house.ask(document, after=first["pageInfo"]["endCursor"]))["attainment"]
    assert first["nodes"] == [{"rep": {"name": "Ann"}, "reason": None}]
    assert second["nodes"] == [{"rep": {"name": "Bob"}, "reason": "NO_QUOTA"}]
    assert not second["pageInfo"]["hasNextPage"]


async def test_a_page_of_reps_costs_the_same_however_many(house: House, statements: Statements) -> None:
    await house.set(quota("ann", "100"), quota("bob", "100"))
    document = (
        "query ($first: Int!) { reps(first: $first) { nodes { quotas(PERIOD) { amount versions { version } }"
        " attainment(PERIOD) { ratio explain { id } } team { attainment(PERIOD) { ratio } } } } }"
    )
    with statements() as one:
        await house.ask(document, first=1)
    with statements() as both:
        await house.ask(document, first=2)
    assert sorted(one) == sorted(both)
    assert sorted(both) == [
        "attainment.by_keys",
        "attainment.versions",
        "directory.reps_by_name",
        "org.calendar_versions",
        "quotas.boards_quotas",
        "quotas.credit_sums",
        "quotas.credits_won",
        "quotas.organization_currency",
        "quotas.stints",
        "quotas.tenures",
        "quotas.trees",
    ]


@pytest.mark.parametrize(
    ("period", "message"),
    [
        ({"quarter": "2027-Q9"}, "2026-Q4"),
        ({"month": "November"}, "2026-11"),
        ({"range": {"gte": "2027-01-02", "lt": "2027-02-01"}}, "no week, month, quarter or year"),
    ],
)
async def test_a_period_that_is_none_says_how_to_name_one(house: House, period: dict[str, Any], message: str) -> None:
    document = "query ($period: PeriodInput!) { attainment(period: $period) { nodes { id } } }"
    result = await house.run(document, period=period)
    assert message in result.errors[0].message
    assert result.errors[0].extensions["code"] == "BAD_REQUEST"


async def test_a_range_may_be_a_period(house: House) -> None:
    await house.set(quota("ann", "100"))
    data = await house.ask(
        '{ attainment(period: {range: {gte: "2027-01-01", lt: "2027-04-01"}}) { nodes { period { key } } } }'
    )
    assert data["attainment"]["nodes"] == [{"period": {"key": "2027-Q1"}}]


@pytest.mark.parametrize(
    ("kind", "key"), [("WEEK", "2027-02-15"), ("MONTH", "2027-02"), ("QUARTER", "2027-Q1"), ("YEAR", "2027")]
)
async def test_the_running_period_needs_no_name(house: House, kind: str, key: str) -> None:
    await house.set(quota("ann", "100", period={"current": kind}))
    document = """query ($period: PeriodInput!, $ann: ID!) {
      attainment(period: $period) { nodes { period { kind key } } }
      rep(id: $ann) { quotas(period: $period) { period { key } } }
    }"""
    data = await house.ask(document, period={"current": kind}, ann=house.ids["ann"])
    assert data["attainment"]["nodes"] == [{"period": {"kind": kind, "key": key}}]
    assert data["rep"]["quotas"] == [{"period": {"key": key}}]


async def test_a_plan_is_proposed_approved_and_then_in_force(house: House) -> None:
    data = await house.ask(
        'mutation { quotaPlanPropose(input: {name: "Q1", PERIOD, method: {even: {total: "100"}},'
        ' overAssignment: "0.1"}) {'
        " userErrors { message } quotaPlan { id version status currency lines { subject rep { name } amount } } } }"
    )
    plan = data["quotaPlanPropose"]["quotaPlan"]
    assert plan["lines"] == [
        {"subject": "ORGANIZATION", "rep": None, "amount": "100"},
        {"subject": "REP", "rep": {"name": "Ann"}, "amount": "55"},
        {"subject": "REP", "rep": {"name": "Bob"}, "amount": "55"},
    ]
    approve = (
        "mutation ($id: ID!) { quotaPlanApprove(id: $id, expectedVersion: 1) {"
        " userErrors { code } quotaPlan { status version } quotas { amount note } } }"
    )
    approved = (await house.ask(approve, id=plan["id"]))["quotaPlanApprove"]
    assert approved["quotaPlan"] == {"status": "APPROVED", "version": 2}
    assert {node["amount"] for node in approved["quotas"]} == {"100", "55"}
    again = (await house.ask(approve, id=plan["id"]))["quotaPlanApprove"]
    assert again == {"userErrors": [{"code": "ALREADY_APPROVED"}], "quotaPlan": None, "quotas": []}
    await recompute(house.work)
    data = await house.ask(BY, by="ORGANIZATION")
    assert data["attainment"]["nodes"] == [{"rep": None, "team": None, "ratio": "0"}]
    node = "query ($id: ID!) { node(id: $id) { ... on QuotaPlan { name } } }"
    assert (await house.ask(node, id=plan["id"]))["node"] == {"name": "Q1"}
    assert (await house.ask(node, "mo", id=plan["id"]))["node"] is None
