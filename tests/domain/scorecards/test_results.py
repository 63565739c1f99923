"""From facts to stored scorecards: values, targets, who is touched, what is told."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal

from domain.dirty import Mark
from domain.org.actions import organization_update
from domain.org.model import CalendarChange, Leave, Move, RepItem
from domain.org.people import reps_upsert
from domain.pipeline.model import DealStatus, SplitItem
from domain.scorecards.results import stale_by_time
from tests.domain.scorecards.conftest import KPIS, NOW, WEEK, Company, at

Statements = Callable[[], AbstractContextManager[list[str]]]

D = Decimal
LAST = WEEK - timedelta(days=7)


async def test_a_fact_becomes_the_scorecard_of_the_rep_and_of_the_teams_above(company: Company) -> None:
    await company.publish(*KPIS, targets=(20, 1, 1000))
    await company.call("ann", WEEK, 8)
    await company.call("ben", WEEK, 2)
    await company.call("cyd", WEEK, 1)
    await company.recompute()
    for subject, value, target in (
        ("ann", 8, 20),
        ("ben", 2, 20),
        ("north", 10, 40),
        ("south", 1, 20),
        ("sales", 11, 60),
    ):
        result = await company.result(subject, "calls")
        assert result is not None
        assert (result["value"], result["target"], result["sample"]) == (value, target, value)
    ann = await company.result("ann", "calls")
    assert ann is not None
    assert (ann["ratio"], ann["gap"], ann["status"], ann["trend"]) == (D("0.4"), -12, "OFF_TRACK", None)


async def test_a_teams_rate_is_that_of_its_facts_not_the_mean_of_rates(company: Company) -> None:
    await company.publish(*KPIS)
    for i in range(4):
        await company.deal("ann", LAST, WEEK, external_id=f"a{i}", status=DealStatus.WON if i < 1 else DealStatus.LOST)
    await company.deal("ben", LAST, WEEK, external_id="b")
    await company.recompute()
    assert await company.value("ann", "win_rate") == D("0.25")
    assert await company.value("ben", "win_rate") == 1
    assert await company.value("north", "win_rate") == D("0.4")
    assert await company.value("cyd", "win_rate") is None


async def test_a_median_of_a_team_is_that_of_all_its_deals(company: Company) -> None:
    await company.publish("calls", "sales_cycle", "average_deal", targets=(10, 45, 1000))
    for rep, days in (("ann", 45), ("ann", 54), ("ann", 39), ("ben", 10)):
        await company.deal(rep, WEEK - timedelta(days=days), WEEK, amount=D(days * 10))
    await company.recompute()
    assert await company.value("ann", "sales_cycle") == 45
    assert await company.value("ben", "sales_cycle") == 10
    assert await company.value("north", "sales_cycle") == 42
    assert await company.value("ann", "average_deal") == 460
    assert await company.value("north", "average_deal") == 370
    result = await company.result("ben", "sales_cycle")
    assert result is not None
    assert (result["ratio"], result["status"]) == (D("4.5"), "ON_TRACK")


async def test_credit_is_split_and_the_deal_counts_for_its_owner(company: Company) -> None:
    await company.publish("calls", "win_rate", "revenue")
    splits = [SplitItem("ann", D("0.6")), SplitItem("cyd", D("0.4"))]
    await company.deal("ann", LAST, WEEK, splits=splits)
    await company.recompute()
    assert [await company.value(who, "revenue") for who in ("ann", "cyd", "north", "south", "sales")] == [
        600, 400, 600, 400, 1000,
    ]  # fmt: skip
    assert [await company.value(who, "win_rate") for who in ("ann", "cyd", "sales")] == [1, None, 1]


async def test_targets_shrink_with_leave_and_teams_with_their_members(company: Company) -> None:
    await company.publish(*KPIS, targets=(100, 1, 1000))
    await company.leave("ann", WEEK, WEEK + timedelta(days=2))
    await reps_upsert(company.work, [RepItem("ben", hired_on=WEEK + timedelta(days=2))])
    await company.call("cyd", LAST)
    await company.recompute()
    for subject, target, available, workdays in (
        ("ann", 60, 3, 5),
        ("ben", 60, 3, 5),
        ("cyd", 100, 5, 5),
        ("north", 120, 6, 10),
        ("sales", 220, 11, 15),
    ):
        result = await company.result(subject, "calls")
        assert result is not None
        assert result["target"] == target
        subject_id = company.reps.get(subject) or company.teams[subject]
        (row,) = await company.run(
            "select * from scorecard where org_id = $1 and subject_id = $2 and week = $3", subject_id, WEEK
        )
        assert (row["workdays_available"], row["workdays"]) == (available, workdays)
    assert await company.result("ben", "calls", LAST) is None


async def test_a_rep_who_moved_counts_where_it_was_on_the_day(company: Company) -> None:
    await company.publish(*KPIS, targets=(100, 1, 1000))
    wednesday = WEEK + timedelta(days=2)
    await company.call("ann", WEEK, 3, "a")
    await company.call("ann", wednesday, 5, "b")
    await company.recompute()
    assert await company.value("north", "calls") == 8
    await company.move("ann", "south", wednesday)
    await company.recompute()
    assert await company.value("ann", "calls") == 8
    for team, value, target in (("north", 3, 140), ("south", 5, 160), ("sales", 8, 300)):
        result = await company.result(team, "calls")
        assert result is not None
        assert (result["value"], result["target"]) == (value, target)


async def test_a_window_reaches_as_many_weeks_on_and_never_past_the_current_one(company: Company) -> None:
    await company.publish("calls", "win_rate", "lead_to_quote_sla", "revenue")
    first = WEEK - timedelta(weeks=20)
    await company.call("ann", first)
    await company.recompute()
    await company.events()
    await company.deal("ann", first, first)
    await company.recompute()
    changed = {(who, week) for _, who, week in await company.events()}
    weeks = [(first + timedelta(weeks=i)).isoformat() for i in range(21)]
    assert {week for who, week in changed if who == "ann"} == set(weeks[:13])
    assert {who for who, _ in changed} == {"ann", "north", "sales"}
    assert await company.value("ann", "win_rate", first + timedelta(weeks=12)) == 1
    assert await company.value("ann", "win_rate", first + timedelta(weeks=13)) is None


async def test_a_second_run_changes_nothing_and_tells_nothing(company: Company) -> None:
    await company.publish(*KPIS)
    await company.call("ann", LAST, 3)
    await company.deal("ben", LAST, WEEK)
    await company.recompute()
    assert await company.events()
    before, xmin = await company.state(), await company.run("select xmin::text from kpi_result where org_id = $1")
    await company.recompute([Mark(None, date(2010, 1, 1), None)])
    assert await company.events() == []
    assert await company.state() == before
    assert await company.run("select xmin::text from kpi_result where org_id = $1") == xmin


async def test_only_reps_whose_scorecard_changed_are_coached(company: Company) -> None:
    await company.publish(*KPIS)
    await company.call("ann", WEEK)
    await company.recompute()
    await company.run("delete from coach_mark where org_id = $1")
    await company.call("ann", WEEK, 2)
    await company.recompute()
    coached = await company.run("select distinct rep_id from coach_mark where org_id = $1")
    assert [row["rep_id"] for row in coached] == [company.reps["ann"]]


async def test_history_begins_with_the_first_fact_and_an_older_one_moves_it_back(company: Company) -> None:
    await company.publish(*KPIS)
    await company.call("ann", WEEK)
    await company.recompute()
    assert {row[2] for row in await company.state()} == {WEEK}
    older = WEEK - timedelta(weeks=3)
    await company.call("cyd", older)
    await company.recompute()
    incremental = await company.state()
    assert {row[2] for row in incremental} == {older + timedelta(weeks=i) for i in range(4)}
    await company.recompute_all()
    assert await company.state() == incremental


async def test_a_scorecard_that_applies_to_nobody_any_more_is_removed(company: Company) -> None:
    await company.publish(*KPIS)
    await company.call("ann", LAST)
    await company.recompute()
    await company.events()
    await reps_upsert(company.work, [RepItem("ann", left_on=WEEK)])
    await company.recompute()
    assert ("REMOVED", "ann", WEEK.isoformat()) in await company.events()
    assert await company.result("ann", "calls") is None
    assert await company.result("ann", "calls", LAST) is not None


async def test_a_team_template_goes_before_that_of_everybody(company: Company) -> None:
    await company.publish(*KPIS)
    north = await company.publish("meetings", "win_rate", "revenue", key="north", team_id=company.teams["north"])
    await company.call("ann", WEEK)
    await company.recompute()
    assert await company.result("ann", "calls") is None
    assert await company.value("ann", "meetings") == 0
    assert await company.value("cyd", "calls") == 0
    rows = await company.run(
        "select subject_id from scorecard where org_id = $1 and template_id = $2", north.template_id
    )
    assert {row["subject_id"] for row in rows} == {company.reps["ann"], company.reps["ben"], company.teams["north"]}
    sales = await company.result("sales", "calls")
    assert sales is not None
    assert (sales["value"], sales["target"]) == (1, 10)  # asked of Cyd alone


async def test_a_new_version_replaces_the_kpis_of_its_weeks(company: Company) -> None:
    await company.publish(*KPIS)
    await company.call("ann", LAST)
    await company.recompute()
    await company.publish("meetings", "win_rate", "revenue", since=WEEK)
    await company.recompute()
    assert await company.result("ann", "calls") is None
    assert await company.result("ann", "meetings") is not None
    assert await company.value("ann", "calls", LAST) == 1
    before = await company.state()
    await company.recompute_all()
    assert await company.state() == before


async def test_trend_compares_with_the_four_weeks_before(company: Company) -> None:
    await company.publish(*KPIS)
    for weeks, calls in ((4, 10), (3, 8), (2, 12), (1, 10), (0, 12)):
        await company.call("ann", WEEK - timedelta(weeks=weeks), calls)
    await company.recompute()
    result = await company.result("ann", "calls")
    assert result is not None
    assert result["trend"] == D("0.2")
    await company.call("ann", WEEK - timedelta(weeks=4, days=-1), 20)
    await company.recompute()
    result = await company.result("ann", "calls")
    assert result is not None
    assert result["trend"] == D("-0.2")


async def test_row_38_compliance_leaves_out_what_is_not_yet_due(company: Company) -> None:
    await company.publish("calls", "lead_to_quote_sla", "revenue")
    monday, friday = at(WEEK, 9), NOW
    await company.lead("ann", monday, "in time", quoted_at=monday + timedelta(days=2))
    await company.lead("ann", monday, "late", quoted_at=monday + timedelta(days=4))
    await company.lead("ann", monday, "open and overdue")
    await company.lead("ann", friday - timedelta(hours=1), "open and not due")
    await company.recompute()
    result = await company.result("ann", "lead_to_quote_sla")
    assert result is not None
    assert (result["numerator"], result["denominator"], result["sample"]) == (1, 3, 3)
    assert result["value"] == D("0.333333")


async def test_an_sla_clock_that_ran_out_is_found_by_time_alone(company: Company) -> None:
    await company.publish("calls", "lead_to_quote_sla", "revenue")
    await company.lead("ann", at(WEEK, 9))
    tuesday = company.at(at(WEEK + timedelta(days=1)))
    await tuesday.recompute()
    assert await company.value("ann", "lead_to_quote_sla") is None
    await stale_by_time(tuesday.work)
    assert await company.run("select * from dirty_mark where org_id = $1") == []
    thursday = company.at(at(WEEK + timedelta(days=3)))
    await stale_by_time(thursday.work)
    await thursday.recompute()
    assert await company.value("ann", "lead_to_quote_sla") == 0


async def test_speed_to_lead_runs_in_business_hours(company: Company) -> None:
    await company.publish("calls", "speed_to_lead", "revenue", targets=(10, 60, 10))
    friday = WEEK - timedelta(days=3)
    await company.lead("ann", at(friday, 16), "a", first_response_at=at(WEEK, 9) + timedelta(minutes=30))
    await company.lead("ann", at(WEEK, 10), "b", first_response_at=at(WEEK, 10) + timedelta(minutes=5))
    await company.lead("ann", at(WEEK, 10), "c")
    await company.recompute()
    assert await company.value("ann", "speed_to_lead", LAST) == 90
    assert await company.value("ann", "speed_to_lead") == D("47.5")


async def test_nothing_is_kept_without_a_template_or_a_fact(company: Company) -> None:
    await company.call("ann", WEEK)
    await company.recompute()
    assert await company.state() == []


async def test_a_recompute_takes_the_same_statements_however_much_changed(
    company: Company, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    await company.publish(*KPIS)
    await company.call("ann", LAST, 2)
    await company.deal("ann", LAST, WEEK)
    await company.recompute()
    await company.call("ann", LAST, 5)
    with statements() as one:
        await company.recompute()
    for rep in ("ann", "ben", "cyd"):
        await company.call(rep, LAST, 9)
        await company.call(rep, WEEK, 9)
    with statements() as many:
        await company.recompute()
    assert one == many


async def test_a_leave_of_a_rehired_rep_and_days_without_a_team_do_not_break_it(company: Company) -> None:
    await company.publish(*KPIS)
    move = Move("south", WEEK, WEEK + timedelta(days=1))
    leave = [Leave(LAST, LAST + timedelta(days=9))]
    await reps_upsert(company.work, [RepItem("dee", "Dee", LAST, role="Advisor", team=move, leave=leave)])
    await company.load()
    await company.call("dee", WEEK + timedelta(days=3))
    await company.recompute()
    assert await company.value("dee", "calls") == 1
    assert await company.value("south", "calls") == 0


async def test_only_what_a_kpi_looks_at_is_measured_again(company: Company, statements: Statements) -> None:
    await company.publish(*KPIS)
    await company.call("ann", WEEK, 3)
    await company.deal("ann", LAST, WEEK)
    await company.recompute()
    before = await company.result("ann", "revenue")

    await company.call("ann", WEEK, 5, prefix="more")
    with statements() as ran:
        await company.recompute()

    measured = {name for name in ran if name.endswith("_measured")}
    assert measured == {"scorecards.activities_measured"}
    assert await company.value("ann", "calls") == 8
    assert await company.result("ann", "revenue") == before


async def test_weeks_that_begin_on_another_day_leave_none_of_the_old_ones(company: Company) -> None:
    await company.publish(*KPIS)
    await company.call("ann", LAST + timedelta(days=3))
    await company.call("ann", WEEK + timedelta(days=1))
    await company.recompute()
    await company.events()

    change = CalendarChange(LAST + timedelta(days=2), week_starts_on=3)
    await organization_update(company.work, expected_version=1, change=change)
    await company.recompute()

    rows = await company.run(
        "select week from scorecard where org_id = $1 and subject_id = $2 order by week", company.reps["ann"]
    )
    # The week of the change is cut short by the next one.
    assert [row["week"] for row in rows] == [LAST + timedelta(days=days) for days in (2, 9)]
    assert [event for event in await company.events() if event[1] == "ann"] == [
        ("CREATED", "ann", f"{LAST + timedelta(days=2)}"),
        ("CREATED", "ann", f"{LAST + timedelta(days=9)}"),
        ("REMOVED", "ann", f"{LAST}"),
        ("REMOVED", "ann", f"{WEEK}"),
    ]
