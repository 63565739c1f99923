"""Reading the feed: who sees what, in which order, at what cost."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.context import Context
from api.graph.feed.subscription import concerns, live_items
from api.live import Logged
from api.relay import encode_cursor, global_id
from domain.feed import actions
from domain.feed.model import ActionItem, Definition, DismissReason, Trigger
from domain.org.model import Scope
from settings import Settings
from tests.api.execute import execute
from tests.api.feed.conftest import Answer
from tests.domain.feed.cases import LAST, MONDAY, THURSDAY
from tests.domain.feed.conftest import Company

Recorder = Callable[[], AbstractContextManager[list[str]]]

TITLES = "query($filter: ActionItemFilter) { actionItems(filter: $filter) { totalCount nodes { title } } }"
RULE = Definition(Trigger.BELOW_TARGET, "{rep}: {kpi} at {ratio}", "{value} of {reference}.")


async def by_hand(company: Company, title: str, rep: str = "ann", **over: Any) -> ActionItem:
    return await actions.action_item_create(company.admin, rep_id=company.reps[rep], title=title, **over)


async def titles(answer: Answer, company: Company, viewer: str | None = None, **variables: object) -> list[str]:
    work = company.as_(viewer) if viewer else company.admin
    feed = (await answer(work, TITLES, **variables))["actionItems"]
    found = [node["title"] for node in feed["nodes"]]
    assert feed["totalCount"] == len(found)
    return found


async def coached(company: Company) -> None:
    await actions.coaching_rule_publish(
        company.admin, key="own", name="Own", kpi_id=company.kpis["meetings"].kpi_id, definition=RULE
    )
    for rep, value in (("ann", 20), ("bob", 10), ("cy", 30)):
        await company.week(rep, LAST, value=value)
    await company.coach()


async def test_an_item_with_all_that_belongs_to_it_in_a_fixed_number_of_statements(
    company: Company, answer: Answer, statements: Recorder
) -> None:
    await coached(company)
    document = """{ actionItems { nodes {
        id kind status title body priority dueOn overdue week outcome version
        rep { name } assignee { name } kpi { key name }
        rule { key kpi { key } current { version name openBelow } versions { version } }
        evidence { trigger value target ratio gap openBelow sample ruleVersion series { week value } }
        timeline { nodes { kind actor { name } } }
    } pageInfo { hasNextPage } } }"""
    with statements() as ran:
        data = await answer(company.admin, document)
    nodes = data["actionItems"]["nodes"]
    assert [node["title"] for node in nodes] == ["bob: Meetings at 25%", "ann: Meetings at 50%", "cy: Meetings at 75%"]
    [item] = await company.run("select item_id from action_item where org_id = $1 and title like 'bob%'")
    assert nodes[0] == {
        "id": global_id("ActionItem", item["item_id"]),
        "kind": "COACHING",
        "status": "OPEN",
        "title": "bob: Meetings at 25%",
        "body": "10 of 40.",
        "priority": 75,
        "dueOn": "2026-11-19",
        "overdue": False,
        "week": "2026-11-09",
        "outcome": None,
        "version": 1,
        "rep": {"name": "bob"},
        "assignee": {"name": "mia"},
        "kpi": {"key": "meetings", "name": "Meetings"},
        "rule": {
            "key": "own",
            "kpi": {"key": "meetings"},
            "current": {"version": 1, "name": "Own", "openBelow": "0.85"},
            "versions": [{"version": 1}],
        },
        "evidence": {
            "trigger": "BELOW_TARGET",
            "value": "10",
            "target": "40",
            "ratio": "0.25",
            "gap": "30",
            "openBelow": "0.85",
            "sample": 20,
            "ruleVersion": 1,
            "series": [{"week": "2026-11-09", "value": "10"}],
        },
        "timeline": {"nodes": [{"kind": "CREATED", "actor": None}]},
    }
    assert sorted(ran) == [
        "directory.reps_by_id",
        "directory.users_by_id",
        "feed.events_of_items",
        "feed.items_page",
        "feed.rule_versions",
        "feed.rules_page",
        "org.calendar_versions",
        "scorecard_read.kpis_page",
    ]


async def test_a_rep_sees_its_own_a_manager_those_below_and_both_what_is_theirs_to_do(
    company: Company, answer: Answer
) -> None:
    for rep in ("ann", "bob", "cy"):
        await by_hand(company, rep, rep)
    await by_hand(company, "cy for sam", "cy", assignee_id=company.users["sam"])
    assert await titles(answer, company) == ["ann", "bob", "cy", "cy for sam"]
    assert sorted(await titles(answer, company, "max")) == ["ann", "bob", "cy", "cy for sam"]
    assert sorted(await titles(answer, company, "mia")) == ["ann", "bob"]
    assert await titles(answer, company, "ann") == ["ann"]
    assert await titles(answer, company, "sam") == ["cy for sam"]


async def test_whoever_gets_an_item_sees_it_without_its_rep(company: Company, answer: Answer) -> None:
    await by_hand(company, "cy for sam", "cy", assignee_id=company.users["sam"])
    data = await answer(company.as_("sam"), "{ actionItems { nodes { rep { name } assignee { name } } } }")
    assert data["actionItems"]["nodes"] == [{"rep": None, "assignee": {"name": "sam"}}]


async def test_another_organisation_sees_nothing(company: Company, answer: Answer, make_org: Any) -> None:
    made = await by_hand(company, "secret")
    other = await make_org()
    data = await answer(
        other,
        "query($id: ID!) { actionItems { totalCount nodes { id } } node(id: $id) { id } }",
        id=global_id("ActionItem", made.item_id),
    )
    assert data == {"actionItems": {"totalCount": 0, "nodes": []}, "node": None}


async def test_filters(company: Company, answer: Answer) -> None:
    await coached(company)
    done = await by_hand(company, "done", priority=1)
    await actions.action_item_complete(company.admin, done.item_id, outcome="Done.")
    await by_hand(company, "due", "cy", due_on=THURSDAY, priority=99)
    [rule] = await company.run("select rule_id from coaching_rule where org_id = $1 and key = 'own'")
    bob, ann, cy = "bob: Meetings at 25%", "ann: Meetings at 50%", "cy: Meetings at 75%"
    for given, expected in (
        ({"status": {"in": ["DONE"]}}, ["done"]),
        ({"status": {"in": ["DONE", "OPEN"]}, "kind": {"in": ["MANUAL"]}}, ["due", "done"]),
        ({"repId": global_id("Rep", company.reps["cy"])}, ["due", cy]),
        ({"teamId": global_id("Team", company.teams["north"])}, [bob, ann, "done"]),
        ({"teamId": global_id("Team", company.teams["sales"])}, ["due", bob, ann, cy, "done"]),
        ({"assigneeId": global_id("User", company.users["max"])}, ["due", cy]),
        ({"ruleId": global_id("CoachingRule", rule["rule_id"])}, [bob, ann, cy]),
        ({"dueOn": {"gte": "2026-11-19", "lt": "2026-11-20"}}, ["due", bob, ann, cy]),
        ({"dueOn": {"lt": "2026-11-19"}}, []),
        ({"overdue": True}, []),
        ({"repId": global_id("User", company.reps["cy"])}, []),
        ({"repId": "nonsense"}, []),
    ):
        assert await titles(answer, company, filter=given) == expected, given


async def test_overdue_is_of_today(company: Company, answer: Answer) -> None:
    await by_hand(company, "due", due_on=THURSDAY)
    await by_hand(company, "any time")
    document = "{ actionItems(filter: {overdue: true}) { nodes { title overdue } } }"
    assert (await answer(company.at(THURSDAY).admin, document))["actionItems"]["nodes"] == []
    found = await answer(company.at(THURSDAY + timedelta(days=1)).admin, document)
    assert found["actionItems"]["nodes"] == [{"title": "due", "overdue": True}]


@pytest.mark.parametrize(
    ("field", "direction", "expected"),
    [
        ("PRIORITY", "DESC", ["b", "c", "a", "d"]),
        ("PRIORITY", "ASC", ["d", "a", "c", "b"]),
        ("DUE_ON", "ASC", ["c", "a", "b", "d"]),
        ("DUE_ON", "DESC", ["a", "c", "b", "d"]),
        ("CREATED_AT", "ASC", ["a", "b", "c", "d"]),
        ("CREATED_AT", "DESC", ["d", "c", "b", "a"]),
    ],
)
async def test_every_order_pages_without_gap_or_repeat(
    company: Company, answer: Answer, field: str, direction: str, expected: list[str]
) -> None:
    for i, (title, priority, due) in enumerate((("a", 20, 9), ("b", 40, None), ("c", 30, 5), ("d", 10, None))):
        day = company.at(company.admin.now + timedelta(minutes=i))
        await by_hand(day, title, priority=priority, due_on=None if due is None else MONDAY + timedelta(days=due))
    document = """query($order: ActionItemOrder, $after: String) {
        actionItems(orderBy: $order, first: 1, after: $after) {
        nodes { title } pageInfo { hasNextPage endCursor } } }"""
    found: list[str] = []
    after, more = None, True
    while more:
        feed = (await answer(company.admin, document, order={"field": field, "direction": direction}, after=after))[
            "actionItems"
        ]
        found += [node["title"] for node in feed["nodes"]]
        after, more = feed["pageInfo"]["endCursor"], feed["pageInfo"]["hasNextPage"]
    ties = field == "DUE_ON"
    assert (found[:2] if ties else found) == (expected[:2] if ties else expected)
    assert sorted(found) == ["a", "b", "c", "d"]


async def test_a_timeline_pages(company: Company, answer: Answer) -> None:
    made = await by_hand(company, "talk")
    for i in range(3):
        later = company.at(company.admin.now + timedelta(minutes=i + 1))
        await actions.action_item_comment(later.admin, made.item_id, comment=f"{i}")
    document = """query($after: String) { actionItems { nodes { timeline(first: 2, after: $after) {
        totalCount nodes { kind comment } pageInfo { hasNextPage endCursor } } } } }"""
    first = (await answer(company.admin, document))["actionItems"]["nodes"][0]["timeline"]
    assert (first["totalCount"], first["nodes"][1]) == (4, {"kind": "COMMENTED", "comment": "0"})
    rest = await answer(company.admin, document, after=first["pageInfo"]["endCursor"])
    assert [node["comment"] for node in rest["actionItems"]["nodes"][0]["timeline"]["nodes"]] == ["1", "2"]


async def test_rules_by_key_as_they_are_in_force(company: Company, answer: Answer) -> None:
    meetings, cycle = company.kpis["meetings"].kpi_id, company.kpis["sales_cycle"].kpi_id
    for key, kpi, over in (
        ("b", meetings, {}),
        ("a", cycle, {"valid_from": THURSDAY}),
        ("c", meetings, {"active": False}),
        ("b", meetings, {"name": "later", "valid_from": THURSDAY}),
    ):
        given: dict[str, Any] = {"name": key, "definition": RULE} | over
        await actions.coaching_rule_publish(company.admin, key=key, kpi_id=kpi, **given)
    document = """query($filter: CoachingRuleFilter, $after: String) {
        coachingRules(filter: $filter, first: 2, after: $after) { totalCount
        nodes { key newestVersion current { name version } versions { version } } pageInfo { endCursor } } }"""
    first = (await answer(company.admin, document))["coachingRules"]
    assert first["totalCount"] == 3
    assert first["nodes"] == [
        {"key": "a", "newestVersion": 1, "current": {"name": "a", "version": 1}, "versions": [{"version": 1}]},
        {
            "key": "b",
            "newestVersion": 2,
            "current": {"name": "b", "version": 1},
            "versions": [{"version": 2}, {"version": 1}],
        },
    ]
    rest = (await answer(company.admin, document, after=first["pageInfo"]["endCursor"]))["coachingRules"]
    assert [node["key"] for node in rest["nodes"]] == ["c"]
    for given, expected in (
        ({"active": False}, ["c"]),
        ({"kpiId": global_id("Kpi", cycle)}, ["a"]),
        ({"kpiId": global_id("Kpi", meetings), "active": True}, ["b"]),
    ):
        found = (await answer(company.admin, document, filter=given))["coachingRules"]
        assert ([node["key"] for node in found["nodes"]], found["totalCount"]) == (expected, len(expected))
    now = (await answer(company.at(THURSDAY).admin, document))["coachingRules"]["nodes"][1]["current"]
    assert now == {"name": "later", "version": 2}


async def test_completion_is_counted_by_assignee_rep_rule_and_team(company: Company, answer: Answer) -> None:
    await coached(company)
    for days, rep in ((1, "ann"), (2, "ann"), (4, "cy")):
        made = await by_hand(company, rep, rep)
        later = company.at(company.admin.now + timedelta(days=days))
        await actions.action_item_complete(later.admin, made.item_id, outcome="Done.")
    gone = await by_hand(company, "gone", "bob")
    await actions.action_item_dismiss(company.admin, gone.item_id, reason=DismissReason.NOT_RELEVANT)
    document = """query($by: ActionItemGroup!, $since: Date) {
        actionItemSummary(groupBy: $by, since: $since) { totalCount nodes {
        open overdue done dismissed recovered medianDaysToDone
        assignee { name } rep { name } rule { key } team { name } } } }"""
    friday = company.at(MONDAY + timedelta(days=4)).admin

    async def summary(
        by: str, group: str, field: str, since: str | None = None
    ) -> dict[str | None, tuple[object, ...]]:
        found = (await answer(friday, document, by=by, since=since))["actionItemSummary"]
        assert found["totalCount"] == len(found["nodes"])
        counted = ("open", "overdue", "done", "dismissed", "recovered", "medianDaysToDone")
        return {
            node[group] and node[group][field]: tuple(node[column] for column in counted) for node in found["nodes"]
        }

    assert await summary("REP", "rep", "name") == {
        "ann": (1, 1, 2, 0, 0, "1.5"),
        "bob": (1, 1, 0, 1, 0, None),
        "cy": (1, 1, 1, 0, 0, "4"),
    }
    assert await summary("ASSIGNEE", "assignee", "name") == {
        "mia": (2, 2, 2, 1, 0, "1.5"),
        "max": (1, 1, 1, 0, 0, "4"),
    }
    assert await summary("RULE", "rule", "key") == {"own": (3, 3, 0, 0, 0, None), None: (0, 0, 3, 1, 0, "2")}
    assert await summary("TEAM", "team", "name", "2026-11-18") == {
        "north": (2, 2, 1, 0, 0, "2"),
        "south": (1, 1, 1, 0, 0, "4"),
    }


async def test_a_summary_pages_and_counts_only_what_is_seen(company: Company, answer: Answer) -> None:
    await coached(company)
    document = """query($after: String) { actionItemSummary(groupBy: REP, first: 1, after: $after) {
        nodes { rep { name } } pageInfo { hasNextPage endCursor } } }"""
    first = (await answer(company.as_("mia"), document))["actionItemSummary"]
    rest = (await answer(company.as_("mia"), document, after=first["pageInfo"]["endCursor"]))["actionItemSummary"]
    assert [node["rep"]["name"] for page in (first, rest) for node in page["nodes"]] == ["ann", "bob"]
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_a_node_needs_the_scope(company: Company, answer: Answer) -> None:
    made = await by_hand(company, "mine")
    node = global_id("ActionItem", made.item_id)
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [node, global_id("ActionItem", "not a uuid"), global_id("ActionItem", company.reps["ann"])]
    assert (await answer(company.admin, document, ids=ids))["nodes"] == [{"id": node}, None, None]
    viewer = replace(company.admin.viewer, scopes=frozenset({Scope.ORG_READ}))
    assert (await answer(replace(company.admin, viewer=viewer), document, ids=ids))["nodes"] == [None, None, None]


async def test_without_the_scope_the_feed_is_forbidden(company: Company) -> None:
    viewer = replace(company.admin.viewer, scopes=frozenset({Scope.ORG_READ}))
    context = Context(company.admin.db, viewer, company.admin.now, Settings(), "test")
    for field in ("actionItems", "coachingRules", "actionItemSummary(groupBy: REP)"):
        result = await execute(f"{{ {field} {{ totalCount }} }}", {}, context)
        assert [error.extensions for error in result.errors or []] == [{"code": "FORBIDDEN", "scope": "feed:read"}]


async def test_a_cursor_of_another_list_is_refused(company: Company) -> None:
    context = Context(company.admin.db, company.admin.viewer, company.admin.now, Settings(), "test")
    for after in ("nonsense", encode_cursor("a", company.reps["ann"]), encode_cursor(1)):
        result = await execute(f'{{ actionItems(after: "{after}") {{ nodes {{ id }} }} }}', {}, context)
        assert [(error.extensions or {})["code"] for error in result.errors or []] == ["BAD_REQUEST"]


async def test_the_snapshot_is_what_is_not_closed_and_seen(company: Company) -> None:
    await by_hand(company, "low", priority=10)
    await by_hand(company, "high", "bob", priority=90)
    await by_hand(company, "unseen", "cy")
    done = await by_hand(company, "done")
    await actions.action_item_complete(company.admin, done.item_id, outcome="Done.")
    context = Context(company.admin.db, company.as_("mia").viewer, company.admin.now, Settings(), "test")
    assert [item.title for item in await live_items(context)] == ["high", "low"]
    bob = global_id("Rep", company.reps["bob"])
    assert [item.title for item in await live_items(context, rep_id=bob)] == ["high"]


async def test_an_event_concerns_those_who_ask_for_its_rep_or_its_assignee_old_or_new(company: Company) -> None:
    made = await by_hand(company, "moved")
    await actions.action_item_reassign(company.admin, made.item_id, assignee_id=company.users["sam"])
    created, reassigned = (Logged.of(row) for row in await company.events())
    mia, sam = (global_id("User", company.users[name]) for name in ("mia", "sam"))
    assert [concerns(created, assignee_id=user) for user in (mia, sam)] == [True, False]
    assert [concerns(reassigned, assignee_id=user) for user in (mia, sam)] == [True, True]
    assert concerns(created)
    assert concerns(created, rep_id=global_id("Rep", company.reps["ann"]), assignee_id=mia)
    assert not concerns(created, rep_id=global_id("Rep", company.reps["bob"]))
    assert not concerns(created, assignee_id=global_id("User", company.users["max"]))
