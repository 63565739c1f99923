"""What a rule sees, when it opens and closes, and what an item says."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Rejected
from domain.feed import catalog, rules
from domain.feed.model import Act, Definition, Peers, Status, Trigger
from domain.scorecards.catalog import CATALOG as KPIS
from domain.scorecards.model import Employment, Unit
from tests.domain.feed.cases import (
    CALENDAR,
    CYCLE,
    LAST,
    MEETINGS,
    MONDAY,
    PROPOSALS_4_WEEKS,
    REP,
    THURSDAY,
    WIN_RATE,
    definition,
    ratio,
    read,
    rule,
    week,
)

PEERS = Peers(LAST, 7, Decimal(50), Decimal("0.3"))


def said(*values: object) -> list[str]:
    """Values as text, so that 24 equals 24.0."""
    return [f"{value.normalize():f}" if isinstance(value, Decimal) else str(value) for value in values]


def test_early_in_the_week_the_last_complete_week_is_judged() -> None:
    reading = read(week(LAST, 20), week(MONDAY, 0), today=MONDAY + timedelta(days=2))
    assert reading is not None
    assert (reading.week, reading.week_complete, ratio(reading)) == (LAST, True, "0.5")


def test_from_the_fourth_workday_the_running_week_is_judged_against_the_target_to_date() -> None:
    reading = read(week(LAST, 40), week(MONDAY, 12), today=THURSDAY)
    assert reading is not None
    assert (reading.week, reading.week_complete, reading.workdays_elapsed) == (MONDAY, False, 3)
    assert said(reading.reference, reading.ratio) == ["24", "0.5"]


def test_leave_in_the_running_week_shortens_what_was_due_by_now() -> None:
    on_leave_till_wednesday = Employment(REP.hired_on, leave=((MONDAY, MONDAY + timedelta(days=2)),))
    friday = MONDAY + timedelta(days=4)
    running = week(MONDAY, 8, 24, workdays_available=3)
    reading = read(week(LAST, 40), running, rep=on_leave_till_wednesday, today=friday)
    assert reading is not None
    assert said(reading.workdays_elapsed, reading.reference, reading.ratio) == ["2", "16", "0.5"]


def test_a_holiday_counts_as_no_day_gone() -> None:
    version = replace(CALENDAR.versions[0], holidays=frozenset({MONDAY}))
    reading = rules.read(
        definition(running_week_from=Decimal("0.5")),
        MEETINGS,
        replace(CALENDAR, versions=(version,)),
        REP,
        {MONDAY: week(MONDAY, 9, 32, workdays=4, workdays_available=4)},
        None,
        THURSDAY,
    )
    assert reading is not None
    assert said(reading.workdays_elapsed, reading.reference) == ["2", "16"]


def test_a_trailing_rate_is_held_against_the_whole_target_in_the_running_week() -> None:
    reading = read(week(MONDAY, "0.2", "0.4"), kpi=WIN_RATE, today=THURSDAY)
    assert reading is not None
    assert (reading.reference, ratio(reading)) == (Decimal("0.4"), "0.5")


def test_what_sums_several_weeks_up_waits_for_the_week_to_end() -> None:
    reading = read(week(LAST, 80, 160), week(MONDAY, 70, 160), kpi=PROPOSALS_4_WEEKS, today=THURSDAY)
    assert reading is not None
    assert said(reading.week, reading.reference) == ["2026-11-09", "160"]


def test_lower_is_better_reads_the_other_way_round() -> None:
    assert ratio(read(week(LAST, 60, 45), kpi=CYCLE)) == "0.75"
    assert ratio(read(week(LAST, 0, 45), kpi=CYCLE)) == "2"


@pytest.mark.parametrize(
    "found",
    [
        week(LAST, None),
        week(LAST, 5, None),
        week(LAST, 5, 0),
        week(LAST, 5, sample=4),
        week(LAST, 5, workdays_available=2),
        week(LAST, 0, 0, workdays_available=0),
        week(LAST - timedelta(weeks=1), 5),
    ],
    ids=["null value", "no target", "target 0", "small sample", "few workdays", "away all week", "not stored"],
)
def test_a_rule_never_fires_on_what_it_cannot_judge(found: object) -> None:
    assert read(found, min_sample=5) is None  # type: ignore[arg-type]


def test_a_rep_on_leave_today_is_left_alone() -> None:
    away = Employment(REP.hired_on, leave=((MONDAY, THURSDAY),))
    assert read(week(LAST, 5), rep=away) is None
    assert read(week(LAST, 5), rep=away, today=THURSDAY) is not None


def test_a_rep_in_ramp_is_left_alone() -> None:
    assert read(week(LAST, 5), rep=Employment(LAST - timedelta(days=29))) is None
    assert read(week(LAST, 5), rep=Employment(LAST - timedelta(days=30))) is not None


def test_a_rep_who_has_left_is_left_alone() -> None:
    assert read(week(LAST, 5), rep=Employment(REP.hired_on, MONDAY)) is None


def test_own_trend_compares_full_weeks() -> None:
    past = [week(LAST - timedelta(weeks=i), 40) for i in range(1, 7)]
    away = week(LAST - timedelta(weeks=7), 24, 24, workdays_available=3)
    reading = read(*past, away, week(LAST, 20), trigger=Trigger.BELOW_OWN_TREND)
    assert reading is not None
    assert said(reading.reference, reading.ratio) == ["40", "0.5"]


def test_own_trend_scales_the_running_week_up() -> None:
    past = [week(MONDAY - timedelta(weeks=i), 40) for i in range(1, 9)]
    reading = read(*past, week(MONDAY, 12), trigger=Trigger.BELOW_OWN_TREND, today=THURSDAY)
    assert reading is not None
    assert said(reading.value, reading.judged, reading.ratio) == ["12", "20", "0.5"]


def test_own_trend_needs_half_of_its_weeks() -> None:
    past = [week(LAST - timedelta(weeks=i), 40) for i in range(1, 5)]
    assert read(*past, week(LAST, 20), trigger=Trigger.BELOW_OWN_TREND) is not None
    assert read(*past[:3], week(LAST, 20), trigger=Trigger.BELOW_OWN_TREND) is None


def test_peers_are_compared_over_complete_weeks_only() -> None:
    reading = read(week(LAST, 20), week(MONDAY, 24), peers=PEERS, trigger=Trigger.BELOW_PEER_MEDIAN, today=THURSDAY)
    assert reading is not None
    assert said(reading.week, reading.reference, reading.peers, reading.ratio) == ["2026-11-09", "50", "7", "0.4"]


def test_too_few_peers_are_no_measure() -> None:
    few = replace(PEERS, count=4)
    assert read(week(LAST, 20), peers=few, trigger=Trigger.BELOW_PEER_MEDIAN) is None
    assert read(week(LAST, 20), peers=None, trigger=Trigger.BELOW_PEER_MEDIAN) is None


def test_row_43_a_rate_over_few_cases_is_shrunk_toward_the_peers() -> None:
    two_of_four = week(LAST, "0.5", "0.5", numerator=Decimal(2), denominator=Decimal(4), sample=4)
    reading = read(two_of_four, kpi=WIN_RATE, peers=PEERS, shrink_weight=Decimal(10))
    assert reading is not None
    assert rules.spoken(reading.judged, Unit.RATIO, "USD") == "35.7%"
    assert (reading.value, reading.prior) == (Decimal("0.5"), Decimal("0.3"))


def test_without_peers_a_rate_is_shrunk_toward_its_target() -> None:
    none_of_two = week(LAST, "0", "0.4", numerator=Decimal(0), denominator=Decimal(2), sample=2)
    reading = read(none_of_two, kpi=WIN_RATE, shrink_weight=Decimal(2))
    assert reading is not None
    assert (reading.judged, reading.prior) == (Decimal("0.2"), Decimal("0.4"))


def test_thresholds_are_strict() -> None:
    d = definition()
    at = {value: read(week(LAST, value)) for value in ("33.9", "34", "38", "38.1")}
    assert [rules.opens(d, reading) for reading in at.values()] == [True, False, False, False]
    assert [rules.closes(d, reading) for reading in at.values()] == [False, False, False, True]
    assert not rules.opens(d, None)
    assert not rules.closes(d, None)


def test_cooldown_counts_from_the_day_of_closing() -> None:
    d = definition(cooldown_days=14)
    assert rules.cooled(d, None, MONDAY)
    assert not rules.cooled(d, MONDAY - timedelta(days=13), MONDAY)
    assert rules.cooled(d, MONDAY - timedelta(days=14), MONDAY)


def test_priority_is_gap_by_weight_and_doubles_toward_the_due_day() -> None:
    due_on = rules.due(CALENDAR, MONDAY, 4)

    def at(today: date, weight: str = "1", gap: str = "0.4") -> int:
        return rules.priority(1 - Decimal(gap), Decimal(weight), CALENDAR, MONDAY, due_on, today)

    assert [at(MONDAY + timedelta(days=i)) for i in (0, 1, 2, 4, 30)] == [40, 50, 60, 80, 80]
    assert (at(MONDAY, "1.5"), at(MONDAY, gap="0"), at(MONDAY, gap="-0.2"), at(due_on, "4")) == (60, 0, 0, 100)


def test_due_days_are_workdays() -> None:
    friday = MONDAY + timedelta(days=4)
    assert rules.due(CALENDAR, friday, 1) == MONDAY + timedelta(days=7)
    assert rules.due(CALENDAR, friday + timedelta(days=1), 3) == MONDAY + timedelta(days=9)


def candidate(kpi_number: int, priority: int, key: str = "r", leading: bool = True) -> rules.Candidate:
    kpi = replace(MEETINGS, kpi_id=UUID(int=kpi_number), leading=leading)
    reading = read(week(LAST, 20))
    assert reading is not None
    return rules.Candidate(UUID(int=priority), rule(kpi, key), kpi, reading, priority, MONDAY)


def test_the_two_most_urgent_kpis_are_chosen_one_item_each() -> None:
    offered = [candidate(1, 30), candidate(2, 50), candidate(2, 40), candidate(3, 20)]
    assert [c.priority for c in rules.chosen(offered, set(), 0)] == [50, 30]


def test_live_items_and_items_of_the_week_take_up_room() -> None:
    offered = [candidate(1, 30), candidate(2, 50)]
    assert [c.priority for c in rules.chosen(offered, {UUID(int=2)}, 0)] == [30]
    assert [c.priority for c in rules.chosen(offered, set(), 1)] == [50]
    assert rules.chosen(offered, {UUID(int=8), UUID(int=9)}, 0) == []
    assert rules.chosen(offered, set(), 2) == []


def test_of_equals_the_leading_indicator_comes_first_then_the_key() -> None:
    lagging, b, a = candidate(1, 30, "a", leading=False), candidate(2, 30, "b"), candidate(3, 30, "a")
    for order in ([lagging, b, a], [a, b, lagging], [b, lagging, a]):
        assert rules.chosen(order, set(), 0) == [a, b]


ALLOWED = {
    (Status.OPEN, Act.STARTED): Status.IN_PROGRESS,
    (Status.SNOOZED, Act.STARTED): Status.IN_PROGRESS,
    (Status.SNOOZED, Act.WOKEN): Status.OPEN,
    **{(status, Act.COMMENTED): status for status in Status},
    **{
        (status, act): after or status
        for status in (Status.OPEN, Status.IN_PROGRESS, Status.SNOOZED)
        for act, after in {
            Act.COMPLETED: Status.DONE,
            Act.DISMISSED: Status.DISMISSED,
            Act.SNOOZED: Status.SNOOZED,
            Act.RECOVERED: Status.RECOVERED,
            Act.REASSIGNED: None,
        }.items()
    },
}


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("status", Status)
def test_the_life_cycle_allows_these_steps_and_no_other(status: Status, act: Act) -> None:
    if (status, act) in ALLOWED:
        assert rules.move(status, act) is ALLOWED[status, act]
    else:
        with pytest.raises(Rejected) as refusal:
            rules.move(status, act)
        assert [problem.code for problem in refusal.value.problems] == ["INVALID_STATE"]


@pytest.mark.parametrize(
    ("number", "unit", "said"),
    [
        ("12", Unit.COUNT, "12"),
        ("12.50", Unit.COUNT, "12.5"),
        ("1234567.5", Unit.MONEY, "1,234,568 USD"),
        ("0.3571", Unit.RATIO, "35.7%"),
        ("1", Unit.RATIO, "100%"),
        ("45", Unit.DAYS, "45 days"),
        ("3.25", Unit.HOURS, "3.3 hours"),
        ("90.4", Unit.MINUTES, "90 minutes"),
        ("3", Unit.MULTIPLE, "3x"),
    ],
)
def test_numbers_read_as_one_says_them(number: str, unit: Unit, said: str) -> None:
    assert rules.spoken(Decimal(number), unit, "USD") == said


def test_a_text_has_the_numbers_in_it() -> None:
    reading = read(week(LAST, 20))
    assert reading is not None
    made = rules.Candidate(UUID(int=1), rule(), MEETINGS, reading, 50, date(2026, 11, 19))
    text = "{rep} {kpi} {value} {target} {reference} {gap} {ratio} {sample} {peers} {weeks} {week} {due}"
    assert (
        rules.render(text, made, "Ann {due}", "USD")
        == "Ann {due} Meetings 20 40 40 20 50% 20 - 8 9 November 19 November"
    )


def test_a_recovery_says_what_recovered() -> None:
    reading = read(week(LAST, 39))
    assert reading is not None
    assert rules.recovered(MEETINGS, reading, "USD") == "Meetings recovered: 39 against 40, week of 9 November."


@pytest.mark.parametrize(
    ("over", "code", "field"),
    [
        ({"open_below": Decimal("0.95")}, "OUT_OF_RANGE", "openBelow"),
        ({"open_below": Decimal(0)}, "OUT_OF_RANGE", "openBelow"),
        ({"close_above": Decimal(3)}, "OUT_OF_RANGE", "closeAbove"),
        ({"running_week_from": Decimal("1.1")}, "OUT_OF_RANGE", "runningWeekFrom"),
        ({"min_workdays": 0}, "OUT_OF_RANGE", "minWorkdays"),
        ({"due_workdays": 0}, "OUT_OF_RANGE", "dueWorkdays"),
        ({"shrink_weight": Decimal(-1)}, "OUT_OF_RANGE", "shrinkWeight"),
        ({"title": " "}, "BLANK", "title"),
        ({"body": "x" * 4001}, "TOO_LONG", "body"),
        ({"body": "{quota}"}, "UNKNOWN_PLACEHOLDER", "body"),
        ({"title": "{}"}, "UNKNOWN_PLACEHOLDER", "title"),
        ({"title": "{rep.__class__}"}, None, "title"),
    ],
)
def test_a_definition_that_cannot_work_is_refused_where_it_is_wrong(
    over: dict[str, Any], code: str | None, field: str
) -> None:
    found = [(problem.code, problem.path) for problem in rules.sound(definition(**over), "definition")]
    assert found == ([(code, ("definition", field))] if code else [])


@pytest.mark.parametrize("default", catalog.CATALOG, ids=lambda default: default.key)
def test_the_default_rules_are_sound_and_watch_a_kpi_of_the_catalogue(default: catalog.Default) -> None:
    assert rules.sound(default.definition) == []
    assert default.kpi in {kpi.key for kpi in KPIS}
    assert "{due}" in default.definition.body


def test_every_default_rule_has_a_key_of_its_own() -> None:
    assert len({default.key for default in catalog.CATALOG}) == len(catalog.CATALOG)


def test_an_item_id_says_what_it_is_about() -> None:
    org, one, rep, kpi = (UUID(int=i) for i in range(1, 5))
    same = rules.item_id(org, one, rep, kpi, LAST)
    assert same == rules.item_id(org, one, rep, kpi, LAST)
    others = {rules.item_id(org, one, rep, kpi, MONDAY), rules.item_id(org, one, kpi, rep, LAST)}
    assert len({same} | others) == 3


def test_defaults_are_those_of_the_design() -> None:
    plain = Definition(Trigger.BELOW_TARGET, "t", "b")
    assert (plain.open_below, plain.close_above) == (Decimal("0.85"), Decimal("0.95"))
    assert rules.ITEMS_A_WEEK == 2
