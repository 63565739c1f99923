"""KPIs, templates and scorecards asked through the whole schema, by those who may see them."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from api.relay import global_id
from domain.org.model import RepItem, Role, TeamItem, UserItem, UserKey
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from domain.work import Work
from tests.domain.scorecards.conftest import KPIS, WEEK, Company, company

__all__ = ["company"]

Ask = Callable[..., Awaitable[dict[str, Any]]]
Become = Callable[..., Awaitable[Work]]
LAST = WEEK - timedelta(days=7)


@pytest.fixture
async def busy(company: Company) -> Company:
    """Two weeks of numbers; Mia manages North, Ann signs in."""
    people = [UserItem("mia@harbor.example", "Mia", Role.MANAGER), UserItem("ann@harbor.example", "Ann", Role.REP)]
    await users_upsert(company.work, people)
    await teams_upsert(company.work, [TeamItem("north", manager=UserKey("mia@harbor.example"))])
    await reps_upsert(company.work, [RepItem("ann", user=UserKey("ann@harbor.example"))])
    await company.publish(*KPIS, targets=(10, 1, 1000))
    for rep, calls in (("ann", 9), ("ben", 12), ("cyd", 3)):
        await company.call(rep, LAST, calls)
        await company.call(rep, WEEK, calls)
        await company.deal(rep, LAST, WEEK)
    await company.recompute()
    return company


PAGE = """query Q($team: ID) { scorecards(filter: {teamId: $team}, first: 50) { totalCount nodes {
  subject week workdays workdaysAvailable score status computedAt inputsThrough rep { name } team { name }
  template { key version name kpis { weight weeklyTarget kpi { key } } }
  results { value target ratio gap status trend leading kpi { key category unit direction formula { type } }
    series { week value } explain { id parentId formula value facts { nodeId } } } } } }"""


async def test_a_page_of_scorecards_takes_the_same_statements_for_one_or_many(
    busy: Company, ask: Ask, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    with statements() as many:
        answer = await ask(busy.work, PAGE)
    assert "errors" not in answer, answer
    found = answer["data"]["scorecards"]
    assert (found["totalCount"], [node["rep"]["name"] for node in found["nodes"]]) == (3, ["Ben", "Ann", "Cyd"])
    ben = found["nodes"][0]
    assert (ben["subject"], ben["week"], ben["workdays"], ben["team"]) == ("REP", "2026-11-16", 5, None)
    calls = ben["results"][0]
    shown = {name: calls[name] for name in ("value", "target", "ratio", "gap", "status", "trend", "leading")}
    assert shown == {
        "value": "12", "target": "10", "ratio": "1.2", "gap": "2", "status": "ON_TRACK", "trend": None, "leading": True,
    }  # fmt: skip
    assert calls["series"] == [{"week": "2026-11-09", "value": "12"}, {"week": "2026-11-16", "value": "12"}]
    assert calls["explain"][0]["parentId"] is None
    assert [len(step["facts"]) for step in calls["explain"] if step["id"] == "value"] == [12]
    assert ben["template"]["kpis"][0] == {"weight": "1", "weeklyTarget": "10", "kpi": {"key": "calls"}}
    with statements() as one:
        south = await ask(busy.work, PAGE, team=global_id("Team", busy.teams["south"]))
    assert [node["rep"]["name"] for node in south["data"]["scorecards"]["nodes"]] == ["Cyd"]
    assert sorted(s for s in one if s != "scorecard_read.members") == sorted(many)
    assert sorted(many) == [
        "directory.reps_by_id",
        "org.calendar_versions",
        "quotas.organization_currency",
        "scorecard_read.kpi_versions_of",
        "scorecard_read.kpis_page",
        "scorecard_read.page",
        "scorecard_read.page_count",
        "scorecard_read.results_of",
        "scorecard_read.series_of",
        "scorecard_read.template_lines",
        "scorecard_read.template_versions_of",
        "scorecards.activities_measured",
        "scorecards.activities_measured",
        "scorecards.credits_measured",
        "scorecards.credits_measured",
        "scorecards.deals_measured",
        "scorecards.deals_measured",
        "scorecards.kpi_versions",
        "scorecards.roster_assignments",
        "scorecards.roster_leave",
        "scorecards.roster_reps",
        "scorecards.roster_teams",
        "scorecards.template_versions",
    ]


async def test_pages_follow_each_other_without_gap_in_both_orders(busy: Company, ask: Ask) -> None:
    document = """query Q($after: String, $order: ScorecardOrder) {
      scorecards(first: 1, after: $after, orderBy: $order) {
        nodes { rep { name } } pageInfo { hasNextPage endCursor } } }"""
    for order, expected in ((None, ["Ben", "Ann", "Cyd"]), ({"direction": "ASC"}, ["Cyd", "Ann", "Ben"])):
        names, after, more = [], None, True
        while more:
            found = (await ask(busy.work, document, after=after, order=order))["data"]["scorecards"]
            names += [node["rep"]["name"] for node in found["nodes"]]
            more, after = found["pageInfo"]["hasNextPage"], found["pageInfo"]["endCursor"]
        assert names == expected


async def test_a_rep_sees_its_own_a_manager_the_reps_below_and_nobody_else(
    busy: Company, ask: Ask, become: Become
) -> None:
    document = """query Q($rep: ID!, $card: ID!, $team: ID!) {
      scorecards { totalCount nodes { rep { name } } } scorecard(repId: $rep) { score } node(id: $card) { id }
      teams: scorecards(filter: {subject: TEAM}) { nodes { team { name } } } teamReview(teamId: $team) { week } }"""
    ids = {
        "rep": global_id("Rep", busy.reps["cyd"]),
        "card": global_id("Scorecard", f"REP:{busy.reps['cyd']}:{WEEK}"),
        "team": global_id("Team", busy.teams["south"]),
    }
    for email, reps, teams in (
        ("mia@harbor.example", ["Ben", "Ann"], ["North"]),
        ("ann@harbor.example", ["Ann"], None),
    ):
        data = (await ask(await become(busy.work, email), document, **ids))["data"]
        assert [node["rep"]["name"] for node in data["scorecards"]["nodes"]] == reps
        assert data["scorecards"]["totalCount"] == len(reps)
        assert (data["scorecard"], data["node"], data["teamReview"]) == (None, None, None)
        if teams is not None:
            assert [node["team"]["name"] for node in data["teams"]["nodes"]] == teams
    data = (await ask(busy.work, document, **ids))["data"]
    assert data["scorecard"] is not None
    assert data["node"] == {"id": ids["card"]}


async def test_reps_and_teams_show_their_scorecard_of_a_week(busy: Company, ask: Ask) -> None:
    document = """query Q($rep: ID!, $team: ID!) {
      rep(id: $rep) { now: scorecard { week score } past: scorecard(week: "2026-11-10") { week }
        never: scorecard(week: "2020-01-01") { week } }
      team(id: $team) { scorecard { results { kpi { key } value target } } } }"""
    ids = {"rep": global_id("Rep", busy.reps["ann"]), "team": global_id("Team", busy.teams["north"])}
    data = (await ask(busy.work, document, **ids))["data"]
    assert data["rep"]["now"]["week"] == "2026-11-16"
    assert data["rep"]["past"] == {"week": "2026-11-09"}
    assert data["rep"]["never"] is None
    results = {r["kpi"]["key"]: (r["value"], r["target"]) for r in data["team"]["scorecard"]["results"]}
    assert results == {"calls": ("21", "20"), "win_rate": ("1", "1"), "revenue": ("2000", "2000")}


async def test_a_team_review_has_the_worst_first(busy: Company, ask: Ask) -> None:
    document = """query Q($team: ID!) { teamReview(teamId: $team) { week team { name } scorecard { score }
      repsByStatus { status scorecards { rep { name } } }
      gaps(first: 2) { rep { name } result { kpi { key } gap } } actionItems { totalCount } } }"""
    data = (await ask(busy.work, document, team=global_id("Team", busy.teams["sales"])))["data"]["teamReview"]
    assert (data["week"], data["team"]["name"]) == ("2026-11-16", "Sales")
    assert [(g["status"], [s["rep"]["name"] for s in g["scorecards"]]) for g in data["repsByStatus"]] == [
        ("OFF_TRACK", ["Cyd"]),
        ("ON_TRACK", ["Ann", "Ben"]),
    ]
    assert [(g["rep"]["name"], g["result"]["kpi"]["key"], g["result"]["gap"]) for g in data["gaps"]] == [
        ("Cyd", "calls", "-7"),
        ("Ann", "calls", "-1"),
    ]
    assert data["actionItems"]["totalCount"] == 0


async def test_a_team_review_has_the_deals_that_are_due_first(busy: Company, ask: Ask, become: Become) -> None:
    document = """query Q($team: ID!, $after: String) { teamReview(teamId: $team) { pipeline(first: 2, after: $after) {
      totalCount pageInfo { endCursor } nodes { owner { name } expectedCloseOn } } } }"""
    for rep, days in (("ann", 9), ("ben", -4), ("cyd", 1)):
        await busy.deal(rep, LAST, name="Open", expected_close_on=WEEK + timedelta(days=days))
    await busy.deal("ann", WEEK, name="Some day")
    north = {"team": global_id("Team", busy.teams["north"])}
    mia = await become(busy.work, "mia@harbor.example")
    page = (await ask(mia, document, **north))["data"]["teamReview"]["pipeline"]
    assert [(deal["owner"]["name"], deal["expectedCloseOn"]) for deal in page["nodes"]] == [
        ("Ben", "2026-11-12"),
        ("Ann", "2026-11-25"),
    ]
    assert page["totalCount"] == 3
    rest = (await ask(mia, document, **north, after=page["pageInfo"]["endCursor"]))["data"]["teamReview"]["pipeline"]
    assert [(deal["owner"]["name"], deal["expectedCloseOn"]) for deal in rest["nodes"]] == [("Ann", None)]


DEFINE = """mutation M($input: KpiDefineInput!) { kpiDefine(input: $input) {
  kpi { id key version validFrom formula { type terms { type facts dated where { statuses } } } versions { version } }
  userErrors { code path } } }"""
RATIO = {
    "ratio": {
        "numerator": {"count": {"facts": "DEAL", "dated": "CLOSED", "where": {"statuses": ["WON"]}}},
        "denominator": {"count": {"facts": "LEAD"}},
    }
}


async def test_a_kpi_is_defined_in_versions_and_read_back_as_it_was_written(busy: Company, ask: Ask) -> None:
    given = {"key": "leads_won", "name": "Leads won", "category": "QUALITY", "unit": "RATIO", "formula": RATIO}
    first = (await ask(busy.work, DEFINE, input=given))["data"]["kpiDefine"]
    assert first["userErrors"] == []
    assert (first["kpi"]["version"], first["kpi"]["validFrom"]) == (1, "2026-11-16")
    assert first["kpi"]["formula"] == {
        "type": "RATIO",
        "terms": [
            {"type": "COUNT", "facts": "DEAL", "dated": "CLOSED", "where": {"statuses": ["WON"]}},
            {"type": "COUNT", "facts": "LEAD", "dated": "OCCURRED", "where": {"statuses": []}},
        ],
    }
    again = (await ask(busy.work, DEFINE, input=given))["data"]["kpiDefine"]["kpi"]
    assert again["version"] == 1
    second = (await ask(busy.work, DEFINE, input=given | {"windowWeeks": 4}))["data"]["kpiDefine"]["kpi"]
    assert (second["id"], second["version"]) == (first["kpi"]["id"], 2)
    assert second["versions"] == [{"version": 2}, {"version": 1}]


async def test_a_kpi_that_cannot_be_measured_is_refused_with_its_path(busy: Company, ask: Ask) -> None:
    given = {"key": "calls", "name": "Calls", "category": "OUTCOME", "unit": "COUNT"}
    odd = (await ask(busy.work, DEFINE, input=given | {"formula": {"count": {"facts": "DEAL"}}}))["data"]["kpiDefine"]
    assert odd["kpi"] is None
    assert odd["userErrors"] == [{"code": "INVALID_DATED", "path": ["formula", "count", "dated"]}]
    fixed = (await ask(busy.work, DEFINE, input=given | {"formula": {"count": {"facts": "ACTIVITY"}}}))["data"]
    assert fixed["kpiDefine"]["userErrors"] == [{"code": "FIXED", "path": ["category"]}]
    assert (
        len(
            await busy.run(
                "select from kpi_version v join kpi using (org_id, kpi_id) where org_id = $1 and key = 'calls'"
            )
        )
        == 1
    )


PUBLISH = """mutation M($input: ScorecardTemplatePublishInput!) { scorecardTemplatePublish(input: $input) {
  scorecardTemplate { key version role team { name } kpis { kpi { key } onTrack atRisk } }
  userErrors { code path } } }"""


async def test_what_a_number_of_a_team_rests_on_is_shown_as_far_as_one_sees_it(
    busy: Company, ask: Ask, become: Become
) -> None:
    document = """query ($card: ID!) { node(id: $card) { ... on Scorecard { results {
      kpi { key } value explain { id formula facts { nodeId label } } } } } }"""
    card = global_id("Scorecard", f"TEAM:north:{WEEK}".replace("north", str(busy.teams["north"])))

    async def told(who: Work) -> tuple[dict[str, str], dict[str, list[str]]]:
        results = (await ask(who, document, card=card))["data"]["node"]["results"]
        values = {result["kpi"]["key"]: result["value"] for result in results}
        facts = {
            result["kpi"]["key"]: sorted(
                fact["nodeId"] for step in result["explain"] if step["id"].startswith("value") for fact in step["facts"]
            )
            for result in results
        }
        return values, facts

    values, all_of_it = await told(busy.work)
    assert await told(await become(busy.work, "mia@harbor.example")) == (values, all_of_it)
    seen, her_own = await told(await become(busy.work, "ann@harbor.example"))
    assert seen == values
    assert {key: len(facts) for key, facts in all_of_it.items()} == {"calls": 21, "win_rate": 4, "revenue": 2}
    assert {key: len(facts) for key, facts in her_own.items()} == {"calls": 9, "win_rate": 2, "revenue": 1}
    assert all(set(her_own[key]) < set(all_of_it[key]) for key in all_of_it)


async def test_a_template_is_published_or_refused_with_every_reason(busy: Company, ask: Ask, become: Become) -> None:
    lines = [
        {"kpiId": global_id("Kpi", busy.kpis[key]), "weight": "1", "weeklyTarget": "5"}
        for key in ("meetings", "win_rate", "revenue")
    ]
    good = {"key": "north", "name": "North", "kpis": lines, "teamId": global_id("Team", busy.teams["north"])}
    before = len(await busy.run("select from scorecard_template_version where org_id = $1"))
    denied = await ask(await become(busy.work, "mia@harbor.example"), PUBLISH, input=good)
    assert denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    bad = (await ask(busy.work, PUBLISH, input=good | {"kpis": lines[:2], "role": "Advisor"}))["data"]
    assert bad["scorecardTemplatePublish"] == {
        "scorecardTemplate": None,
        "userErrors": [
            {"code": "TEAM_OR_ROLE", "path": ["role"]},
            {"code": "KPI_COUNT", "path": ["kpis"]},
            {"code": "CATEGORY_MISSING", "path": ["kpis"]},
        ],
    }
    assert len(await busy.run("select from scorecard_template_version where org_id = $1")) == before
    done = (await ask(busy.work, PUBLISH, input=good))["data"]["scorecardTemplatePublish"]
    assert done["userErrors"] == []
    template = done["scorecardTemplate"]
    assert (template["key"], template["version"], template["team"]) == ("north", 1, {"name": "North"})
    assert template["kpis"][0] == {"kpi": {"key": "meetings"}, "onTrack": "0.95", "atRisk": "0.8"}
    marks = await busy.run("select * from dirty_mark where org_id = $1")
    assert [(m["rep_id"], m["from_day"], m["through_day"]) for m in marks] == [(None, WEEK, None)]


async def test_kpis_and_templates_are_listed_and_found_by_id(busy: Company, ask: Ask) -> None:
    document = """query Q($id: ID!) { kpis(filter: {category: {in: [OUTCOME]}}, first: 2) {
      totalCount nodes { key unit } pageInfo { endCursor hasNextPage } }
      scorecardTemplates { totalCount nodes { key kpis { kpi { key } } } } node(id: $id) { ... on Kpi { key } } }"""
    data = (await ask(busy.work, document, id=global_id("Kpi", busy.kpis["calls"])))["data"]
    assert data["kpis"]["totalCount"] == 3
    assert [node["key"] for node in data["kpis"]["nodes"]] == ["average_deal", "margin"]
    assert data["scorecardTemplates"]["nodes"][0]["kpis"][1] == {"kpi": {"key": "win_rate"}}
    assert data["node"] == {"key": "calls"}
    rest = await ask(
        busy.work,
        "query Q($after: String) { kpis(filter: {category: {in: [OUTCOME]}}, after: $after) { nodes { key } } }",
        after=data["kpis"]["pageInfo"]["endCursor"],
    )
    assert rest["data"]["kpis"]["nodes"] == [{"key": "revenue"}]
