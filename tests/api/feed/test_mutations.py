"""Acting on the feed through the graph: payloads, user errors, scopes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.context import Context
from api.relay import global_id
from domain.feed import actions
from domain.feed.model import ActionItem
from domain.org.model import SCOPES, Role, Scope
from settings import Settings
from sql.pool import uuid7
from tests.api.execute import execute
from tests.api.feed.conftest import Answer
from tests.domain.feed.cases import MONDAY, THURSDAY
from tests.domain.feed.conftest import Company

ERRORS = "userErrors { code message path ... on StaleVersion { currentVersion } }"


@pytest.fixture
async def made(company: Company) -> ActionItem:
    return await actions.action_item_create(company.admin, rep_id=company.reps["ann"], title="Call Miller")


async def act(answer: Answer, work: Any, call: str, fields: str = "status version") -> Any:
    """A mutation of one item; its payload."""
    data = await answer(work, f"mutation {{ payload: {call} {{ actionItem {{ {fields} }} {ERRORS} }} }}")
    return data["payload"]


async def test_create(company: Company, answer: Answer) -> None:
    document = f"""mutation($input: ActionItemCreateInput!) {{ actionItemCreate(input: $input) {{
        actionItem {{ kind title body priority dueOn rep {{ name }} assignee {{ name }} }} {ERRORS} }} }}"""
    given = {
        "repId": global_id("Rep", company.reps["ann"]),
        "title": "Ride along",
        "body": "Two visits.",
        "dueOn": "2026-11-19",
        "priority": 80,
        "kpiId": global_id("Kpi", company.kpis["meetings"].kpi_id),
        "assigneeId": global_id("User", company.users["ann"]),
    }
    assert (await answer(company.as_("mia"), document, input=given))["actionItemCreate"] == {
        "actionItem": {
            "kind": "MANUAL",
            "title": "Ride along",
            "body": "Two visits.",
            "priority": 80,
            "dueOn": "2026-11-19",
            "rep": {"name": "ann"},
            "assignee": {"name": "ann"},
        },
        "userErrors": [],
    }


async def test_create_names_each_field_at_fault(company: Company, answer: Answer) -> None:
    document = f"""mutation($input: ActionItemCreateInput!) {{ actionItemCreate(input: $input) {{
        actionItem {{ id }} {ERRORS} }} }}"""
    ann = global_id("Rep", company.reps["ann"])
    for given, expected in (
        ({"repId": ann, "title": " ", "priority": 101}, [("BLANK", "title"), ("OUT_OF_RANGE", "priority")]),
        ({"repId": ann, "title": "x", "dueOn": "2026-11-15"}, [("OUT_OF_RANGE", "dueOn")]),
        ({"repId": ann, "title": "x", "kpiId": global_id("Kpi", uuid7())}, [("NOT_FOUND", "kpiId")]),
        ({"repId": ann, "title": "x", "assigneeId": global_id("User", uuid7())}, [("NOT_FOUND", "assigneeId")]),
        ({"repId": "nonsense", "title": "x"}, [("NOT_FOUND", "repId")]),
    ):
        payload = (await answer(company.admin, document, input=given))["actionItemCreate"]
        assert payload["actionItem"] is None
        found = [(error["code"], error["path"]) for error in payload["userErrors"]]
        assert found == [(code, ["input", field]) for code, field in expected]


async def test_an_item_from_start_to_done(company: Company, answer: Answer, made: ActionItem) -> None:
    node = global_id("ActionItem", made.item_id)
    mia = company.as_("mia")
    started = await act(answer, mia, f'actionItemStart(id: "{node}", expectedVersion: 1)')
    assert started == {"actionItem": {"status": "IN_PROGRESS", "version": 2}, "userErrors": []}
    said = await act(answer, company.as_("ann"), f'actionItemComment(id: "{node}", comment: "Tomorrow.")')
    assert said["actionItem"] == {"status": "IN_PROGRESS", "version": 2}
    done = await act(
        answer,
        mia,
        f'actionItemComplete(id: "{node}", outcome: "Booked.", expectedVersion: 2)',
        "status outcome closedAt timeline { nodes { kind comment actor { name } } }",
    )
    assert done["actionItem"] == {
        "status": "DONE",
        "outcome": "Booked.",
        "closedAt": "2026-11-16T15:00:00Z",
        "timeline": {
            "nodes": [
                {"kind": "CREATED", "comment": None, "actor": {"name": "Ada Admin"}},
                {"kind": "STARTED", "comment": None, "actor": {"name": "mia"}},
                {"kind": "COMMENTED", "comment": "Tomorrow.", "actor": {"name": "ann"}},
                {"kind": "COMPLETED", "comment": "Booked.", "actor": {"name": "mia"}},
            ]
        },
    }


async def test_snooze_dismiss_and_reassign_are_on_the_timeline(
    company: Company, answer: Answer, made: ActionItem
) -> None:
    node, max_ = global_id("ActionItem", made.item_id), global_id("User", company.users["max"])
    mia = company.as_("mia")
    snoozed = await act(answer, mia, f'actionItemSnooze(id: "{node}", until: "2026-11-19")', "status snoozedUntil")
    assert snoozed["actionItem"] == {"status": "SNOOZED", "snoozedUntil": "2026-11-19"}
    given = await act(answer, mia, f'actionItemReassign(id: "{node}", assigneeId: "{max_}")', "assignee { name }")
    assert given["actionItem"] == {"assignee": {"name": "max"}}
    call = f'actionItemDismiss(id: "{node}", reason: WRONG_DATA, comment: "A call is missing.")'
    gone = await act(
        answer,
        mia,
        call,
        "status dismissReason outcome timeline { nodes { kind snoozedUntil dismissReason assignee { name } } }",
    )
    assert gone["actionItem"] == {
        "status": "DISMISSED",
        "dismissReason": "WRONG_DATA",
        "outcome": "A call is missing.",
        "timeline": {
            "nodes": [
                {"kind": "CREATED", "snoozedUntil": None, "dismissReason": None, "assignee": None},
                {"kind": "SNOOZED", "snoozedUntil": "2026-11-19", "dismissReason": None, "assignee": None},
                {"kind": "REASSIGNED", "snoozedUntil": None, "dismissReason": None, "assignee": {"name": "max"}},
                {"kind": "DISMISSED", "snoozedUntil": None, "dismissReason": "WRONG_DATA", "assignee": None},
            ]
        },
    }


async def test_what_leaves_ones_sight_is_null_after_giving_it_away(company: Company, answer: Answer) -> None:
    own = await actions.action_item_create(
        company.admin, rep_id=company.reps["cy"], title="x", assignee_id=company.users["sam"]
    )
    node, mia = global_id("ActionItem", own.item_id), global_id("User", company.users["mia"])
    payload = await act(answer, company.as_("sam"), f'actionItemReassign(id: "{node}", assigneeId: "{mia}")')
    assert payload == {"actionItem": None, "userErrors": []}


async def test_a_stale_version_says_which_one_is_current(company: Company, answer: Answer, made: ActionItem) -> None:
    await actions.action_item_start(company.admin, made.item_id)
    node = global_id("ActionItem", made.item_id)
    payload = await act(answer, company.admin, f'actionItemStart(id: "{node}", expectedVersion: 1)')
    assert payload["actionItem"] is None
    [error] = payload["userErrors"]
    assert (error["code"], error["path"], error["currentVersion"]) == ("STALE_VERSION", ["expectedVersion"], 2)


@pytest.mark.parametrize(
    "call",
    [
        "actionItemStart(id: $id)",
        'actionItemComplete(id: $id, outcome: "x")',
        "actionItemDismiss(id: $id, reason: NOT_RELEVANT)",
        'actionItemSnooze(id: $id, until: "2026-11-19")',
        'actionItemReassign(id: $id, assigneeId: "$user")',
        'actionItemComment(id: $id, comment: "x")',
    ],
)
async def test_what_one_may_not_see_is_not_there_and_does_not_change(
    company: Company, answer: Answer, made: ActionItem, call: str
) -> None:
    before = await company.everything()
    call = call.replace("$user", global_id("User", company.users["sam"]))
    for node in (global_id("ActionItem", made.item_id), global_id("Rep", company.reps["ann"]), "nonsense"):
        payload = await act(answer, company.as_("sam"), call.replace("$id", f'"{node}"'))
        assert payload["actionItem"] is None
        assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("NOT_FOUND", ["id"])]
    assert await company.everything() == before


async def test_a_key_that_only_reads_changes_nothing(company: Company, made: ActionItem) -> None:
    viewer = replace(company.admin.viewer, role=None, scopes=frozenset({Scope.FEED_READ}))
    before = await company.everything()
    node = global_id("ActionItem", made.item_id)
    context = Context(company.admin.db, viewer, company.admin.now, Settings(), "test")
    result = await execute(f'mutation {{ actionItemStart(id: "{node}") {{ userErrors {{ code }} }} }}', {}, context)
    assert [error.extensions for error in result.errors or []] == [{"code": "FORBIDDEN", "scope": "feed:write"}]
    assert await company.everything() == before


PUBLISH = f"""mutation($input: CoachingRulePublishInput!) {{ coachingRulePublish(input: $input) {{
    coachingRule {{ key newestVersion current {{ version name trigger openBelow trendWeeks active body }} }}
    {ERRORS} }} }}"""


def rule(company: Company, **over: object) -> dict[str, object]:
    return {
        "key": "fewer",
        "name": "Fewer meetings",
        "kpiId": global_id("Kpi", company.kpis["meetings"].kpi_id),
        "trigger": "BELOW_OWN_TREND",
        "title": "{rep}: fewer {kpi}",
        "body": "{value} of {reference}. By {due}.",
        "openBelow": "0.7",
        "trendWeeks": 6,
    } | over


async def test_publish_a_rule_and_its_next_version(company: Company, answer: Answer) -> None:
    payload = (await answer(company.admin, PUBLISH, input=rule(company, expectedVersion=0)))["coachingRulePublish"]
    assert payload == {
        "coachingRule": {
            "key": "fewer",
            "newestVersion": 1,
            "current": {
                "version": 1,
                "name": "Fewer meetings",
                "trigger": "BELOW_OWN_TREND",
                "openBelow": "0.7",
                "trendWeeks": 6,
                "active": True,
                "body": "{value} of {reference}. By {due}.",
            },
        },
        "userErrors": [],
    }
    retired = rule(company, expectedVersion=1, active=False)
    payload = (await answer(company.admin, PUBLISH, input=retired))["coachingRulePublish"]
    assert (payload["coachingRule"]["newestVersion"], payload["coachingRule"]["current"]["active"]) == (2, False)


async def test_a_rule_that_cannot_work_is_refused_field_by_field(company: Company, answer: Answer) -> None:
    bad = rule(company, openBelow="0.99", minWorkdays=8, title="{secret}", validFrom=str(MONDAY - timedelta(days=1)))
    payload = (await answer(company.admin, PUBLISH, input=bad))["coachingRulePublish"]
    assert payload["coachingRule"] is None
    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [
        ("OUT_OF_RANGE", ["input", "minWorkdays"]),
        ("OUT_OF_RANGE", ["input", "openBelow"]),
        ("UNKNOWN_PLACEHOLDER", ["input", "title"]),
    ]


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP, Role.COMP_ADMIN])
async def test_only_admins_publish_rules(company: Company, role: Role) -> None:
    viewer = replace(company.admin.viewer, role=role, scopes=SCOPES[role])
    context = Context(company.admin.db, viewer, company.admin.now, Settings(), "test")
    result = await execute(PUBLISH, {"input": rule(company)}, context)
    assert [error.extensions for error in result.errors or []] == [{"code": "FORBIDDEN", "scope": "feed:rules"}]


async def test_items_on_reps_cost_one_statement_for_all(company: Company, answer: Answer, statements: Any) -> None:
    for rep in ("ann", "ann", "bob"):
        await actions.action_item_create(company.admin, rep_id=company.reps[rep], title=rep, due_on=THURSDAY)
    closed = await actions.action_item_create(company.admin, rep_id=company.reps["ann"], title="closed", priority=99)
    await actions.action_item_complete(company.admin, closed.item_id, outcome="Done.")
    document = """{ reps { nodes { name
        actionItems(first: 1) { totalCount nodes { title overdue } pageInfo { hasNextPage endCursor } }
        all: actionItems(status: [OPEN, DONE]) { nodes { title } } } } }"""
    with statements() as ran:
        reps = {rep["name"]: rep for rep in (await answer(company.admin, document))["reps"]["nodes"]}
    ann = reps["ann"]["actionItems"]
    assert (ann["totalCount"], ann["nodes"]) == (2, [{"title": "ann", "overdue": False}])
    assert ann["pageInfo"]["hasNextPage"] is True
    assert [node["title"] for node in reps["ann"]["all"]["nodes"]] == ["closed", "ann", "ann"]
    assert reps["bob"]["actionItems"]["totalCount"] == 1
    assert reps["cy"]["actionItems"] == {
        "totalCount": 0,
        "nodes": [],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
    }
    assert [name for name in ran if name.startswith("feed.")] == [
        "feed.items_of_reps",
        "feed.items_of_reps",
        "feed.items_count_of_reps",
    ]
    document = """query($id: ID!, $after: String) { node(id: $id) { ... on Rep {
        actionItems(after: $after) { nodes { title } pageInfo { hasNextPage } } } } }"""
    rest = await answer(
        company.admin, document, id=global_id("Rep", company.reps["ann"]), after=ann["pageInfo"]["endCursor"]
    )
    assert rest["node"]["actionItems"] == {"nodes": [{"title": "ann"}], "pageInfo": {"hasNextPage": False}}


async def test_items_on_reps_need_the_scope(company: Company) -> None:
    viewer = replace(company.admin.viewer, role=None, scopes=frozenset({Scope.ORG_READ}))
    context = Context(company.admin.db, viewer, company.admin.now, Settings(), "test")
    result = await execute("{ reps(first: 1) { nodes { actionItems { totalCount } } } }", {}, context)
    assert [error.extensions for error in result.errors or []] == [{"code": "FORBIDDEN", "scope": "feed:read"}]
