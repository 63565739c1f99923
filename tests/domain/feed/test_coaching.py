"""From stored results to items: opened, re-ranked, closed; the same again changes nothing."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from domain import recompute
from domain.feed import actions, catalog, stored
from domain.feed.model import Definition, DismissReason, Trigger
from domain.org.actions import CALENDAR_FROM
from domain.scorecards.actions import kpi_define
from domain.scorecards.model import Definition as KpiDefinition
from tests.conftest import MakeOrg
from tests.domain.feed.cases import LAST, MEETINGS, MONDAY, THURSDAY
from tests.domain.feed.conftest import Company

TARGET = Definition(Trigger.BELOW_TARGET, "{rep}: {kpi} at {ratio}", "{value} of {reference}, {gap} short. By {due}.")


async def publish(company: Company, kpi: str = "meetings", key: str = "r", **over: Any) -> None:
    await actions.coaching_rule_publish(
        company.admin, key=key, name=key, kpi_id=company.kpis[kpi].kpi_id, definition=replace(TARGET, **over)
    )


async def told(company: Company) -> list[tuple[str, str]]:
    return [(event["change"], event["data"]["status"]) for event in await company.events()]


async def test_a_kpi_below_target_opens_an_item_for_the_reps_manager(company: Company) -> None:
    await publish(company)
    await company.week("ann", LAST, value=20)
    await company.week("bob", LAST, value=40)
    await company.coach()
    [item] = await company.items()
    assert (item["kind"], item["status"], item["rep_id"]) == ("COACHING", "OPEN", company.reps["ann"])
    assert item["assignee_id"] == company.users["mia"]
    assert (item["title"], item["body"]) == ("ann: Meetings at 50%", "20 of 40, 20 short. By 19 November.")
    assert (item["priority"], item["due_on"], item["week"]) == (50, THURSDAY, LAST)
    assert await company.timeline() == ["CREATED"]
    assert await told(company) == [("CREATED", "OPEN")]


async def test_evidence_holds_all_that_the_decision_rests_on(company: Company) -> None:
    await publish(company)
    for i in range(14):
        await company.week("ann", LAST - timedelta(weeks=i), value=20 + i)
    await company.coach()
    [item] = await company.items()
    evidence = stored.EVIDENCE.validate_python(item["evidence"])
    assert (evidence.trigger, evidence.open_below, evidence.rule_version) == (Trigger.BELOW_TARGET, Decimal("0.85"), 1)
    reading = evidence.reading
    assert (reading.value, reading.target, reading.ratio) == (Decimal(20), Decimal(40), Decimal("0.5"))
    assert [point.value for point in reading.series] == [Decimal(20 + i) for i in reversed(range(12))]
    assert reading.series[-1].week == LAST
    assert (reading.kpi_version, reading.template_version, reading.sample) == (1, 1, 20)


async def test_without_a_manager_in_its_team_a_rep_goes_to_the_one_above(company: Company) -> None:
    await publish(company)
    await company.week("cy", LAST, value=20)
    await company.coach()
    [item] = await company.items()
    assert item["assignee_id"] == company.users["max"]


async def test_a_manager_who_sells_is_not_assigned_to_himself(company: Company) -> None:
    await publish(company)
    await company.rep("mia", "north", user="mia")
    await company.week("mia", LAST, value=20)
    await company.coach()
    [item] = await company.items()
    assert item["assignee_id"] == company.users["max"]


async def test_a_second_run_changes_nothing(company: Company) -> None:
    await publish(company)
    await publish(company, "win_rate", "w")
    for rep in company.reps:
        await company.week(rep, LAST, value=20)
        await company.week(rep, LAST, "win_rate", "0.2", target="0.4")
    await company.coach()
    before = await company.everything()
    await company.coach()
    assert await company.everything() == before
    assert len(await company.items()) == 6


async def test_the_order_of_the_reps_does_not_matter(company: Company) -> None:
    await publish(company)
    for rep in company.reps:
        await company.week(rep, LAST, value=20)
    names = list(company.reps)
    random.Random(7).shuffle(names)
    for name in names:
        await company.coach(name)
    one_by_one = {item["item_id"] for item in await company.items()}
    await company.run("delete from action_item_event where org_id = $1")
    await company.run("delete from action_item where org_id = $1")
    await company.coach()
    assert {item["item_id"] for item in await company.items()} == one_by_one


async def test_a_rep_gets_the_two_most_urgent_of_many(company: Company) -> None:
    for i, value in enumerate((30, 10, 20)):
        kpi = await company.kpi(replace(MEETINGS, key=f"k{i}", name=f"K{i}"))
        await publish(company, f"k{i}", f"r{i}")
        await company.week("ann", LAST, kpi.key, value)
    await company.coach()
    await company.at(MONDAY + timedelta(days=1)).coach()
    assert [item["title"] for item in await company.items()] == ["ann: K1 at 25%", "ann: K2 at 50%"]


async def test_an_item_closes_by_itself_and_says_so(company: Company) -> None:
    await publish(company)
    await company.week("ann", LAST, value=20)
    await company.coach()
    await company.week("ann", MONDAY, value=23)
    await company.at(THURSDAY).coach()
    [item] = await company.items()
    assert (item["status"], item["closed_at"] is not None) == ("RECOVERED", True)
    assert item["outcome"] == "Meetings recovered: 23 against 24, week of 16 November."
    assert await company.timeline() == ["CREATED", "RECOVERED"]
    assert await told(company) == [("CREATED", "OPEN"), ("UPDATED", "RECOVERED")]


async def test_between_the_thresholds_an_item_stays_open(company: Company) -> None:
    await publish(company)
    await company.week("ann", LAST, value=20)
    await company.coach()
    for value in (34, 38, 35, 37):
        await company.week("ann", LAST, value=value)
        await company.coach()
    [item] = await company.items()
    assert item["status"] == "OPEN"
    assert await company.timeline() == ["CREATED"]


async def test_an_open_item_moves_up_as_its_due_day_nears_and_keeps_its_version(company: Company) -> None:
    await publish(company, due_workdays=2)
    await company.week("ann", LAST, value=20)
    await company.coach()
    await company.at(MONDAY + timedelta(days=1)).coach()
    [item] = await company.items()
    assert (item["priority"], item["version"]) == (75, 1)
    assert await told(company) == [("CREATED", "OPEN"), ("UPDATED", "OPEN")]


async def test_after_a_dismissal_the_rule_rests(company: Company) -> None:
    await publish(company, cooldown_days=14)
    await company.week("ann", LAST, value=20)
    await company.coach()
    [item] = await company.items()
    await actions.action_item_dismiss(company.as_("mia"), item["item_id"], reason=DismissReason.NOT_RELEVANT)
    for days in (1, 7, 13):
        today = company.at(MONDAY + timedelta(days=days))
        await today.week("ann", today.admin.now.date() - timedelta(days=today.admin.now.weekday() + 7), value=20)
        await today.coach()
    assert len(await company.items()) == 1
    await company.week("ann", MONDAY + timedelta(weeks=1), value=20)
    await company.at(MONDAY + timedelta(days=14)).coach()
    assert sorted(item["status"] for item in await company.items()) == ["DISMISSED", "OPEN"]


async def test_a_null_value_neither_opens_nor_closes(company: Company) -> None:
    await publish(company, "win_rate")
    await company.week("ann", LAST, "win_rate", None, target="0.4", sample=0)
    await company.coach()
    assert await company.items() == []
    await company.week("ann", LAST, "win_rate", "0.1")
    await company.coach()
    await company.week("ann", LAST, "win_rate", None)
    await company.coach()
    assert [item["status"] for item in await company.items()] == ["OPEN"]


async def test_a_rep_on_leave_gets_nothing(company: Company) -> None:
    await publish(company)
    await company.run(
        "insert into rep_leave (org_id, rep_id, starts_on, ends_on) values ($1, $2, $3, $4)",
        company.reps["ann"],
        MONDAY,
        THURSDAY,
    )
    await company.week("ann", LAST, value=20)
    await company.coach()
    assert await company.items() == []
    await company.at(THURSDAY).coach()
    assert len(await company.items()) == 1


async def test_peers_are_those_of_the_same_template_and_role(company: Company) -> None:
    await publish(company, trigger=Trigger.BELOW_PEER_MEDIAN, min_peers=4)
    for name, value in (("p1", 38), ("p2", 40), ("p3", 42)):
        await company.rep(name, "north")
        await company.week(name, LAST, value=value)
    await company.rep("other", "north", role="Hunter")
    await company.week("other", LAST, value=200)
    await company.week("ann", LAST, value=20)
    await company.coach()
    [item] = await company.items()
    reading = stored.EVIDENCE.validate_python(item["evidence"]).reading
    assert (reading.peers, reading.reference) == (4, Decimal(39))
    assert item["rep_id"] == company.reps["ann"]


async def test_peers_who_were_away_count_as_if_they_had_been_there(company: Company) -> None:
    await publish(company, trigger=Trigger.BELOW_PEER_MEDIAN, min_peers=3)
    await company.week("ann", LAST, value=20)
    await company.week("bob", LAST, value=24, target=24, workdays_available=3)
    await company.week("cy", LAST, value=40)
    await company.coach()
    [item] = await company.items()
    assert stored.EVIDENCE.validate_python(item["evidence"]).reading.reference == Decimal(40)


async def test_a_small_rate_is_shrunk_toward_the_rate_of_all_peers_together(company: Company) -> None:
    await publish(company, "win_rate", shrink_weight=Decimal(10), open_below=Decimal("0.8"))
    await company.week("ann", LAST, "win_rate", 0, target="0.3", numerator=0, denominator=1, sample=1)
    await company.week("bob", LAST, "win_rate", "0.5", target="0.3", numerator=3, denominator=9, sample=9)
    await company.coach()
    assert await company.items() == []
    await publish(company, "win_rate", open_below=Decimal("0.8"))
    await company.coach()
    assert [item["rep_id"] for item in await company.items()] == [company.reps["ann"]]


async def test_retiring_a_rule_dismisses_its_live_items(company: Company) -> None:
    await publish(company)
    await company.week("ann", LAST, value=20)
    await company.coach()
    kpi_id = company.kpis["meetings"].kpi_id
    await actions.coaching_rule_publish(
        company.admin, key="r", name="r", kpi_id=kpi_id, definition=TARGET, active=False, expected_version=1
    )
    await company.coach()
    [item] = await company.items()
    assert (item["status"], item["dismiss_reason"]) == ("DISMISSED", "RULE_RETIRED")


async def test_who_leaves_leaves_no_items_behind(company: Company) -> None:
    await publish(company)
    await company.week("ann", LAST, value=20)
    await company.coach()
    await company.run("update rep set left_on = $3 where org_id = $1 and rep_id = $2", company.reps["ann"], MONDAY)
    await company.coach()
    [item] = await company.items()
    assert (item["status"], item["dismiss_reason"]) == ("DISMISSED", "REP_LEFT")
    assert item["outcome"] == "ann left on 16 November."


async def test_a_version_to_come_does_not_judge_yet(company: Company) -> None:
    await actions.coaching_rule_publish(
        company.admin,
        key="r",
        name="r",
        kpi_id=company.kpis["meetings"].kpi_id,
        definition=TARGET,
        valid_from=THURSDAY,
    )
    await company.week("ann", LAST, value=20)
    await company.coach()
    assert await company.items() == []
    await company.at(THURSDAY).coach()
    assert len(await company.items()) == 1


async def test_many_reps_cost_as_many_statements_as_one(company: Company, statements: Any) -> None:
    await publish(company, trigger=Trigger.BELOW_PEER_MEDIAN, min_peers=2)
    await company.week("ann", LAST, value=20)
    with statements() as one:
        await company.coach("ann")
    for i in range(20):
        await company.rep(f"more{i}", "north")
        await company.week(f"more{i}", LAST, value=20 + i)
    with statements() as many:
        await company.coach()
    assert [name for name in many if name.startswith("feed.")] == [
        "feed.rules_on",
        "feed.peer_results",
        "feed.currency",
        "feed.leave_overlapping",
        "feed.subjects",
        "feed.rep_results",
        "feed.coaching_items",
        "feed.series",
        "feed.coaching_items_add",
        "feed.events_add",
    ]
    assert len(one) <= len(many)


async def test_what_was_defined_last_governs_whatever_was_meant_for_later(company: Company) -> None:
    """Of a rule and of its KPI alike, as scorecards have it."""
    later = THURSDAY + timedelta(weeks=1)
    for day in (MONDAY, later, THURSDAY):
        named = {name: getattr(MEETINGS, name) for name in KpiDefinition.__slots__} | {"name": day.isoformat()}
        await kpi_define(company.admin, KpiDefinition(**named), day)
        await actions.coaching_rule_publish(
            company.admin, key="r", name="r", kpi_id=company.kpis["meetings"].kpi_id, definition=TARGET, valid_from=day
        )
    for day, version in ((MONDAY, 1), (THURSDAY, 3), (later, 3)):
        async with company.admin.transaction() as tx:
            [(rule, kpi)] = await stored.rules_on(tx, day)
        assert (rule.version, kpi.version) == (version, version + 1)


async def test_a_new_organisation_has_the_default_rules_once(make_org: MakeOrg) -> None:
    admin = await make_org()
    async with admin.transaction() as tx:
        await catalog.install(tx, CALENDAR_FROM)
    async with admin.transaction() as tx:
        found = await stored.rules_on(tx, MONDAY)
    assert [(rule.key, kpi.key, rule.definition) for rule, kpi in found] == sorted(
        (default.key, default.kpi, default.definition) for default in catalog.CATALOG
    )
    assert all(rule.version == 1 and rule.active for rule, _ in found)


async def test_many_reps_are_coached_some_at_a_time_and_whoever_fails_on_the_way_leaves_the_rest(
    company: Company,
) -> None:
    await publish(company)
    work = company.admin
    for i in range(25):
        await company.rep(f"r{i}", "north")
        await company.week(f"r{i}", LAST, value=20)
    async with work.transaction() as tx:
        for rep_id in company.reps.values():
            tx.coach(rep_id)
    worked: list[float] = []

    async def rest(seconds: float) -> None:
        worked.append(seconds)
        if len(worked) == 2:
            raise asyncio.CancelledError

    task = asyncio.create_task(recompute.coach(work, rest))
    await asyncio.wait([task])
    assert task.cancelled()
    marked = len(await company.run("select from coach_mark where org_id = $1"))
    assert 0 < marked < len(company.reps)
    assert len(await company.run("select from org_work where org_id = $1 and kind = 'COACH'")) == 1
    assert await recompute.coach(work)
    assert not await recompute.coach(work)
    assert len(await company.items()) == 25


async def test_what_is_marked_while_reps_are_coached_by_older_rules_is_left_for_the_next(company: Company) -> None:
    for i in range(25):
        await company.rep(f"r{i}", "north")
        await company.week(f"r{i}", LAST, value=20)
    work = company.admin
    async with work.transaction() as tx:
        for rep_id in company.reps.values():
            tx.coach(rep_id)

    async def rest(_seconds: float) -> None:
        if not await company.run("select from coaching_rule where org_id = $1"):
            await publish(company)
            async with work.transaction() as tx:
                for rep_id in company.reps.values():
                    tx.coach(rep_id)

    assert await recompute.coach(work, rest)
    assert await company.items() == []
    assert await recompute.coach(work, rest)
    assert len(await company.items()) == 25
