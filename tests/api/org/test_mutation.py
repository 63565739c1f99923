"""The organisation changed through the graph."""

from datetime import UTC, datetime

import pytest

from domain.org.model import Role, UserItem
from domain.org.people import users_upsert
from domain.work import Work
from tests.api.conftest import Ask, Become
from tests.conftest import MakeOrg

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    return await make_org(now=NOW)


BUILD = """mutation {
  usersUpsert(items: [
    {email: "mo@x.io", name: "Mo", role: MANAGER, externalId: "u1"}, {email: "rae@x.io", name: "Rae", role: REP}
    {email: "bad", name: "Bad", role: REP}
  ]) { created users { email role } userErrors { __typename code message path } }
  teamsUpsert(items: [
    {externalId: "north", name: "North", parentExternalId: "top", manager: {externalId: "u1"}}
    {externalId: "top", name: "Top", manager: null}
    {externalId: "lost", name: "Lost", parentExternalId: "nowhere"}
  ]) { created teams { externalId parent { externalId } manager { email } } userErrors { code path } }
  repsUpsert(items: [
    {externalId: "r1", name: "Rae", hiredOn: "2026-01-05", user: {email: "RAE@x.io"}, team: {externalId: "north"},
     leave: [{startsOn: "2026-05-04", endsOn: "2026-05-06"}], title: null}
    {externalId: "r2"}
  ]) { created reps { externalId team { externalId } manager { email } leave { startsOn } } userErrors { code path } }
  territoriesUpsert(items: [
    {externalId: "east", name: "East", reps: [{repExternalId: "r1", startsOn: "2026-01-05"}]}
  ]) { created territories { externalId reps { externalId } } userErrors { code path } }
}"""


async def test_an_organisation_is_built_in_one_operation_and_bad_items_are_told(work: Work, ask: Ask) -> None:
    answer = await ask(work, BUILD)
    assert answer == {
        "data": {
            "usersUpsert": {
                "created": 2,
                "users": [{"email": "mo@x.io", "role": "MANAGER"}, {"email": "rae@x.io", "role": "REP"}],
                "userErrors": [
                    {
                        "__typename": "InvalidInput",
                        "code": "INVALID_EMAIL",
                        "message": "'bad' is not an e-mail address.",
                        "path": ["items", "2", "email"],
                    }
                ],
            },
            "teamsUpsert": {
                "created": 2,
                "teams": [
                    {"externalId": "north", "parent": {"externalId": "top"}, "manager": {"email": "mo@x.io"}},
                    {"externalId": "top", "parent": None, "manager": None},
                ],
                "userErrors": [{"code": "UNKNOWN_PARENT", "path": ["items", "2", "parentExternalId"]}],
            },
            "repsUpsert": {
                "created": 1,
                "reps": [
                    {
                        "externalId": "r1",
                        "team": {"externalId": "north"},
                        "manager": {"email": "mo@x.io"},
                        "leave": [{"startsOn": "2026-05-04"}],
                    }
                ],
                "userErrors": [
                    {"code": "REQUIRED", "path": ["items", "1", "name"]},
                    {"code": "REQUIRED", "path": ["items", "1", "hiredOn"]},
                ],
            },
            "territoriesUpsert": {
                "created": 1,
                "territories": [{"externalId": "east", "reps": [{"externalId": "r1"}]}],
                "userErrors": [],
            },
        }
    }


async def test_one_operation_sees_what_its_own_mutations_wrote(work: Work, ask: Ask) -> None:
    await ask(work, BUILD)
    move = 'repsUpsert(items: [{externalId: "r1", team: {externalId: "%s", effectiveOn: "2026-03-01"}}])'
    shown = "{ reps { team { externalId } teamHistory { startsOn } } }"
    answer = await ask(work, f"mutation {{ a: {move % 'top'} {shown} b: {move % 'north'} {shown} }}")
    assert [answer["data"][name]["reps"][0]["team"]["externalId"] for name in "ab"] == ["top", "north"]
    assert len(answer["data"]["b"]["reps"][0]["teamHistory"]) == 1


async def test_a_stale_version_says_which_one_is_current(work: Work, ask: Ask) -> None:
    document = """mutation ($v: Int!) { organizationUpdate(expectedVersion: $v, input: {name: "New", calendar: {
        validFrom: "2026-01-01", weekStartsOn: SUNDAY, workdays: [MONDAY, FRIDAY], opensAt: "08:30"
        fiscalPattern: WEEKS_454, holidays: {dates: ["2026-12-24"], country: "US"}}}) {
      organization { name version calendar { version weekStartsOn workdays opensAt closesAt fiscalPattern timeZone }
        calendars { validFrom } }
      userErrors { __typename code path ... on StaleVersion { currentVersion } } } }"""
    answer = await ask(work, document, v=1)
    assert answer["data"]["organizationUpdate"] == {
        "organization": {
            "name": "New",
            "version": 2,
            "calendar": {
                "version": 2,
                "weekStartsOn": "SUNDAY",
                "workdays": ["MONDAY", "FRIDAY"],
                "opensAt": "08:30:00",
                "closesAt": "17:00:00",
                "fiscalPattern": "WEEKS_454",
                "timeZone": "America/New_York",
            },
            "calendars": [{"validFrom": "2010-01-01"}, {"validFrom": "2026-01-01"}],
        },
        "userErrors": [],
    }
    stale = await ask(work, document, v=1)
    assert stale["data"]["organizationUpdate"] == {
        "organization": None,
        "userErrors": [
            {"__typename": "StaleVersion", "code": "STALE_VERSION", "path": ["expectedVersion"], "currentVersion": 2}
        ],
    }


async def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(work: Work, ask: Ask, become: Become) -> None:
    created = await ask(
        work,
        """mutation { apiKeyCreate(input: {name: "CRM", scopes: [PIPELINE_WRITE], expiresAt: "2027-01-01T00:00:00Z"}) {
          token apiKey { id name lastFour scopes expiresAt revokedAt } userErrors { code } } }""",
    )
    payload = created["data"]["apiKeyCreate"]
    assert payload["token"].startswith("atk_")
    key = payload["apiKey"]
    assert payload["token"].endswith(key["lastFour"])
    assert key["scopes"] == ["PIPELINE_WRITE"]
    listed = await ask(work, "{ organization { apiKeys { id name revokedAt } } }")
    assert listed["data"]["organization"]["apiKeys"] == [{"id": key["id"], "name": "CRM", "revokedAt": None}]
    assert payload["token"] not in str(listed)

    revoke = "mutation ($id: ID!) { apiKeyRevoke(id: $id) { apiKey { revokedAt } userErrors { code path } } }"
    assert (await ask(work, revoke, id=key["id"]))["data"]["apiKeyRevoke"] == {
        "apiKey": {"revokedAt": "2026-11-22T12:00:00Z"},
        "userErrors": [],
    }
    unknown = await ask(work, revoke, id="nonsense")
    assert unknown["data"]["apiKeyRevoke"]["userErrors"] == [{"code": "NOT_FOUND", "path": ["id"]}]

    await users_upsert(work, [UserItem("mo@x.io", "Mo", Role.MANAGER)])
    mo = await become(work, "mo@x.io")
    hidden = await ask(
        mo, "query ($id: ID!) { node(id: $id) { id } organization { name apiKeys { name } } }", id=key["id"]
    )
    assert hidden["data"] == {"node": None, "organization": {"name": "Harbor Brokers", "apiKeys": None}}
    assert [error["extensions"]["code"] for error in hidden["errors"]] == ["FORBIDDEN"]
