"""The organisation looked up: whom one finds, page by page, in how many statements."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.org.model import Cover, Leave, Move, RepItem, Role, TeamItem, TerritoryItem, UserItem, UserKey
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert, territories_upsert
from domain.work import Work
from tests.api.conftest import Ask, Become
from tests.conftest import MakeOrg

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HIRED = date(2026, 1, 5)
Statements = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """A company of two floors: `top` (Mo) above `north` (Nia) with two reps and `south` with one."""
    work = await make_org(now=NOW)
    await users_upsert(
        work,
        [
            UserItem("mo@x.io", "Mo Top", Role.MANAGER),
            UserItem("nia@x.io", "Nia North", Role.MANAGER),
            UserItem("ann@x.io", "Ann Able", Role.REP),
        ],
    )
    await teams_upsert(
        work,
        [
            TeamItem("top", "Top", manager=UserKey("mo@x.io")),
            TeamItem("north", "North", "top", UserKey("nia@x.io")),
            TeamItem("south", "South", "top"),
        ],
    )
    await reps_upsert(
        work,
        [
            RepItem("ann", "Ann Able", HIRED, team=Move("north"), user=UserKey("ann@x.io"), role="AE"),
            RepItem("bob", "Bob Bold", date(2026, 2, 2), team=Move("north"), email="bob@x.io", role="SDR"),
            RepItem("cat", "Cat Calm", date(2026, 1, 1), date(2026, 6, 1), team=Move("south")),
        ],
    )
    await reps_upsert(
        work,
        [
            RepItem(
                "bob",
                team=Move("south", date(2026, 3, 1), date(2026, 4, 1)),
                leave=[Leave(date(2026, 5, 4), date(2026, 5, 6), "Move")],
            )
        ],
    )
    await territories_upsert(
        work, [TerritoryItem("east", "East", "all", [Cover("ann", HIRED)]), TerritoryItem("all", "All")]
    )
    return work


async def test_a_rep_shows_where_it_belongs(work: Work, ask: Ask) -> None:
    answer = await ask(
        work,
        """{ rep(externalId: "bob") {
          externalId name email title role status hiredOn leftOn version
          user { email } team { name parent { name } } manager { name } territories { name }
          march: team(on: "2026-03-15") { name } boss: manager(on: "2026-03-15") { name }
          leave { startsOn endsOn reason } teamHistory { team { externalId } startsOn endsOn }
        } }""",
    )
    assert answer == {
        "data": {
            "rep": {
                "externalId": "bob",
                "name": "Bob Bold",
                "email": "bob@x.io",
                "title": None,
                "role": "SDR",
                "status": "ACTIVE",
                "hiredOn": "2026-02-02",
                "leftOn": None,
                "version": 2,
                "user": None,
                "team": {"name": "North", "parent": {"name": "Top"}},
                "manager": {"name": "Nia North"},
                "territories": [],
                "march": {"name": "South"},
                "boss": {"name": "Mo Top"},
                "leave": [{"startsOn": "2026-05-04", "endsOn": "2026-05-06", "reason": "Move"}],
                "teamHistory": [
                    {"team": {"externalId": "north"}, "startsOn": "2026-02-02", "endsOn": "2026-03-01"},
                    {"team": {"externalId": "south"}, "startsOn": "2026-03-01", "endsOn": "2026-04-01"},
                    {"team": {"externalId": "north"}, "startsOn": "2026-04-01", "endsOn": None},
                ],
            }
        }
    }


async def test_a_page_of_fifty_reps_costs_a_fixed_number_of_statements(
    work: Work, ask: Ask, statements: Statements
) -> None:
    await teams_upsert(work, [TeamItem(f"t{i}", f"Team {i}", "top") for i in range(10)])
    await reps_upsert(work, [RepItem(f"r{i:02}", f"Rep {i:02}", HIRED, team=Move(f"t{i % 10}")) for i in range(60)])
    await territories_upsert(
        work, [TerritoryItem(f"z{i}", f"Zone {i}", "all", [Cover(f"r{i:02}", HIRED)]) for i in range(50)]
    )
    document = """query ($first: Int!) { reps(first: $first) {
      nodes { id name status team { name manager { name } parent { name } } manager { name }
        territories { name parent { name } } user { name } leave { reason } teamHistory { team { name } } }
      pageInfo { hasNextPage } totalCount } }"""
    with statements() as ran:
        answer = await ask(work, document, first=50)
    assert len(answer["data"]["reps"]["nodes"]) == 50
    assert answer["data"]["reps"]["totalCount"] == 63
    assert answer["data"]["reps"]["nodes"][-1]["territories"] == [{"name": "Zone 46", "parent": {"name": "All"}}]
    assert sorted(ran) == [
        "directory.managers_of_reps",
        "directory.reps_by_name",
        "directory.reps_count",
        "directory.stays_of_reps",
        "directory.teams_by_id",
        "directory.territories_by_id",
        "directory.territories_of_reps",
        "directory.users_by_id",
        "org.calendar_versions",
        "org.leave_of",
    ]
    with statements() as few:
        await ask(work, document, first=5)
    assert sorted(few) == sorted(ran)


async def test_a_page_of_teams_with_members_costs_a_fixed_number_of_statements(
    work: Work, ask: Ask, statements: Statements
) -> None:
    with statements() as ran:
        answer = await ask(
            work,
            """{ teams { nodes { name manager { name } children { name }
              members(first: 1) { nodes { name } pageInfo { hasNextPage endCursor } totalCount } } } }""",
        )
    shown = {
        team["name"]: (team["members"]["totalCount"], [rep["name"] for rep in team["members"]["nodes"]])
        for team in answer["data"]["teams"]["nodes"]
    }
    assert shown == {"North": (2, ["Ann Able"]), "South": (1, ["Cat Calm"]), "Top": (0, [])}
    assert sorted(ran) == [
        "directory.members_count",
        "directory.members_page",
        "directory.teams_below",
        "directory.teams_page",
        "directory.users_by_id",
        "org.calendar_versions",
    ]
    north = next(team for team in answer["data"]["teams"]["nodes"] if team["name"] == "North")
    more = await ask(
        work,
        """query ($c: String) { team(externalId: "north") {
          members(after: $c) { nodes { name } pageInfo { hasPreviousPage } } } }""",
        c=north["members"]["pageInfo"]["endCursor"],
    )
    assert more["data"]["team"]["members"] == {"nodes": [{"name": "Bob Bold"}], "pageInfo": {"hasPreviousPage": True}}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("{field: NAME}", ["ann", "bob", "cat"]),
        ("{field: NAME, direction: DESC}", ["cat", "bob", "ann"]),
        ("{field: HIRED_ON}", ["cat", "ann", "bob"]),
        ("{field: HIRED_ON, direction: DESC}", ["bob", "ann", "cat"]),
    ],
)
async def test_pages_follow_each_other_in_every_order(work: Work, ask: Ask, order: str, expected: list[str]) -> None:
    document = f"""query ($after: String) {{ reps(orderBy: {order}, first: 1, after: $after) {{
      nodes {{ externalId }} pageInfo {{ endCursor hasNextPage }} }} }}"""
    found: list[str] = []
    after = None
    while True:
        page = (await ask(work, document, after=after))["data"]["reps"]
        found += [node["externalId"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert found == expected


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ('{text: "B"}', ["ann", "bob"]),
        ('{text: "%"}', []),
        ('{text: "BOB@"}', ["bob"]),
        ("{status: {in: [LEFT]}}", ["cat"]),
        ('{status: {in: [ACTIVE]}, role: {in: ["AE", "XX"]}}', ["ann"]),
        ("{status: {in: []}}", []),
        ("{teamId: $north}", ["ann", "bob"]),
        ("{teamId: $top}", ["ann", "bob", "cat"]),
        ('{teamId: "bogus"}', []),
    ],
)
async def test_reps_are_found_by_what_is_known_of_them(work: Work, ask: Ask, filter_: str, expected: list[str]) -> None:
    ids = (await ask(work, '{ north: team(externalId: "north") { id } top: team(externalId: "top") { id } }'))["data"]
    for name in ("north", "top"):
        filter_ = filter_.replace(f"${name}", f'"{ids[name]["id"]}"')
    answer = await ask(work, f"{{ reps(filter: {filter_}) {{ nodes {{ externalId }} totalCount }} }}")
    assert [node["externalId"] for node in answer["data"]["reps"]["nodes"]] == expected
    assert answer["data"]["reps"]["totalCount"] == len(expected)


SEEN = """{
  viewer { name role user { email } rep { externalId } organization { name } }
  reps { nodes { externalId } totalCount }
  teams { nodes { externalId parent { externalId } members { nodes { externalId } } } }
  organization { users { nodes { email } totalCount } }
  territory(externalId: "east") { reps { externalId } }
}"""


async def seen(ask: Ask, work: Work) -> dict[str, Any]:
    data = (await ask(work, SEEN))["data"]
    return {
        "reps": [rep["externalId"] for rep in data["reps"]["nodes"]],
        "teams": {
            team["externalId"]: (
                team["parent"] and team["parent"]["externalId"],
                [rep["externalId"] for rep in team["members"]["nodes"]],
            )
            for team in data["teams"]["nodes"]
        },
        "users": [user["email"] for user in data["organization"]["users"]["nodes"]],
        "east": [rep["externalId"] for rep in data["territory"]["reps"]],
        "counts": (data["reps"]["totalCount"], data["organization"]["users"]["totalCount"]),
    }


async def test_everybody_finds_those_whom_they_see(work: Work, ask: Ask, become: Become) -> None:
    assert await seen(ask, await become(work, "mo@x.io")) == {
        "reps": ["ann", "bob", "cat"],
        "teams": {"north": ("top", ["ann", "bob"]), "south": ("top", ["cat"]), "top": (None, [])},
        "users": ["mo@x.io"],
        "east": ["ann"],
        "counts": (3, 1),
    }
    assert await seen(ask, await become(work, "nia@x.io")) == {
        "reps": ["ann", "bob"],
        "teams": {"north": (None, ["ann", "bob"])},
        "users": ["nia@x.io"],
        "east": ["ann"],
        "counts": (2, 1),
    }
    assert await seen(ask, await become(work, "ann@x.io")) == {
        "reps": ["ann"],
        "teams": {"north": (None, ["ann"])},
        "users": ["ann@x.io"],
        "east": ["ann"],
        "counts": (1, 1),
    }


async def test_what_one_may_not_see_is_null_like_what_is_not_there(work: Work, ask: Ask, become: Become) -> None:
    ids = (
        await ask(work, '{ rep(externalId: "cat") { id } team(externalId: "south") { id } viewer { user { id } } }')
    )["data"]
    ann = await become(work, "ann@x.io")
    answer = await ask(
        ann,
        """query ($rep: ID!, $team: ID!, $user: ID!) {
          rep(id: $rep) { name } team(id: $team) { name } other: rep(externalId: "cat") { name }
          nodes(ids: [$rep, $team, $user, "nonsense"]) { id } }""",
        rep=ids["rep"]["id"],
        team=ids["team"]["id"],
        user=ids["viewer"]["user"]["id"],
    )
    assert answer == {"data": {"rep": None, "team": None, "other": None, "nodes": [None] * 4}}


async def test_nodes_come_back_by_their_ids(work: Work, ask: Ask) -> None:
    found = (
        await ask(
            work,
            """{ organization { id users(filter: {role: {in: [REP]}}) { nodes { id } } } rep(externalId: "ann") { id }
              team(externalId: "top") { id } territory(externalId: "all") { id } }""",
        )
    )["data"]
    ids = [
        found["organization"]["id"],
        found["organization"]["users"]["nodes"][0]["id"],
        found["rep"]["id"],
        found["team"]["id"],
        found["territory"]["id"],
    ]
    answer = await ask(work, "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids)
    assert [(node["__typename"], node["id"]) for node in answer["data"]["nodes"]] == list(
        zip(["Organization", "User", "Rep", "Team", "Territory"], ids, strict=True)
    )


async def test_one_of_id_and_external_id_is_needed(work: Work, ask: Ask) -> None:
    for arguments in ("", '(id: "x", externalId: "y")'):
        answer = await ask(work, f"{{ rep{arguments} {{ name }} }}")
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_cursor_of_another_list_is_refused(work: Work, ask: Ask) -> None:
    answer = await ask(work, '{ reps(after: "bm9uc2Vuc2U") { nodes { name } } }')
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_the_audit_log_tells_who_did_what_newest_first(work: Work, ask: Ask, become: Become) -> None:
    document = """query ($filter: AuditFilter, $after: String) { auditLog(filter: $filter, first: 2, after: $after) {
      nodes { action actor user { name } nodeId node { id } data occurredAt } pageInfo { endCursor } totalCount } }"""
    bob = (await ask(work, '{ rep(externalId: "bob") { id } }'))["data"]["rep"]["id"]
    answer = await ask(work, document, filter={"nodeId": bob})
    log = answer["data"]["auditLog"]
    assert log["totalCount"] == 2
    changes = [entry["data"]["change"] for entry in log["nodes"]]
    assert sorted(changes) == ["CREATED", "UPDATED"]
    assert log["nodes"][0] | {"data": None} == {
        "action": "repsUpsert",
        "actor": "Ada Admin",
        "user": {"name": "Ada Admin"},
        "nodeId": bob,
        "node": {"id": bob},
        "data": None,
        "occurredAt": "2026-11-22T12:00:00Z",
    }
    every = await ask(work, document, filter={"action": {"in": ["territoriesUpsert"]}})
    assert every["data"]["auditLog"]["totalCount"] == 2
    none = await ask(work, document, filter={"occurredAt": {"lt": "2026-11-22T12:00:00Z"}})
    assert none["data"]["auditLog"]["totalCount"] == 0
    next_page = await ask(work, document, after=log["pageInfo"]["endCursor"])
    assert "errors" not in next_page
    denied = await ask(await become(work, "mo@x.io"), document)
    assert denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"
