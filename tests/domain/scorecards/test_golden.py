"""Rows of the calculation semantics that concern KPIs, under their numbers."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from domain.calendar import Calendar, CalendarVersion, PeriodKind
from domain.scorecards import rules
from domain.scorecards.catalog import CATALOG
from domain.scorecards.formula import (
    Count,
    Dated,
    Facts,
    Field,
    Filter,
    Leaf,
    Mean,
    Measure,
    Median,
    QuotaLeft,
    Response,
    Sla,
    Sum,
)
from domain.scorecards.model import Employment, Kpi, Measured

D = Decimal
MONDAY = date(2026, 11, 16)


def kpi(key: str) -> Kpi:
    """A built-in KPI as its first version."""
    found = next(d for d in CATALOG if d.key == key)
    fields = {name: getattr(found, name) for name in type(found).__slots__}
    return Kpi(kpi_id=uuid4(), version=1, valid_from=date(2010, 1, 1), **fields)


def week_of(holidays: frozenset[date] = frozenset()) -> list[date]:
    calendar = Calendar((CalendarVersion(1, date(2010, 1, 1), "Europe/Berlin", holidays=holidays),))
    return [day for day in (MONDAY + timedelta(days=i) for i in range(7)) if calendar.is_workday(day)]


def test_row_32_two_of_five_days_off_leave_three_fifths_of_the_target() -> None:
    workdays = week_of()
    away = Employment(date(2020, 1, 1), leave=((MONDAY, MONDAY + timedelta(days=2)),))
    available = rules.workdays_available(workdays, away)
    assert rules.target(kpi("calls"), D(100), [(available, len(workdays))]) == 60


def test_row_33_a_holiday_and_a_start_on_wednesday_leave_three_of_four_workdays() -> None:
    workdays = week_of(holidays=frozenset({MONDAY}))
    joined = Employment(hired_on=MONDAY + timedelta(days=2))
    available = rules.workdays_available(workdays, joined)
    assert (available, len(workdays)) == (3, 4)
    assert rules.target(kpi("calls"), D(100), [(available, len(workdays))]) == 75


def test_a_week_without_a_workday_expects_nothing_and_has_no_ratio() -> None:
    calls = kpi("calls")
    assert rules.target(calls, D(100), [(0, 0)]) == 0
    assert rules.ratio(calls, D(3), D(0)) is None


def test_the_target_of_a_rate_ignores_leave_and_window() -> None:
    assert rules.target(kpi("win_rate"), D("0.3"), [(0, 5)] * 13) == D("0.3")


def measured(found: dict[Leaf, Measured]) -> Callable[[Leaf], Measured]:
    return lambda leaf: found.get(leaf, Measured())


def test_row_34_win_rate() -> None:
    won, closed = Filter(statuses=("WON",)), Filter(statuses=("WON", "LOST"))
    found: dict[Leaf, Measured] = {
        Count(Facts.DEAL, Dated.CLOSED, won): Measured(10, D(10)),
        Count(Facts.DEAL, Dated.CLOSED, closed): Measured(40, D(40)),
    }
    outcome = rules.evaluate(kpi("win_rate").formula, measured(found))
    assert (outcome.value, outcome.numerator, outcome.denominator, outcome.sample) == (D("0.25"), D(10), D(40), 40)


def test_rule_9_a_rate_over_nothing_is_null() -> None:
    outcome = rules.evaluate(kpi("win_rate").formula, measured({}))
    assert outcome.value is None
    assert outcome.sample == 0


def test_row_35_cycle_mean_46_and_median_45() -> None:
    mean = Mean(Facts.DEAL, Field.CYCLE_DAYS, Dated.CLOSED)
    median = Median(Facts.DEAL, Field.CYCLE_DAYS, Dated.CLOSED)
    of_three = Measured(3, D(45 + 54 + 39), D(45), D(45))
    assert rules.evaluate(mean, lambda _: of_three).value == 46
    assert rules.evaluate(median, lambda _: of_three).value == 45
    assert rules.evaluate(median, lambda _: Measured(2, D(90), D(40), D(50))).value == 45
    assert rules.evaluate(median, lambda _: Measured()).value is None
    assert rules.evaluate(mean, lambda _: Measured()).value is None


def test_row_36_coverage_and_expected_coverage() -> None:
    won, closed = Filter(statuses=("WON",)), Filter(statuses=("WON", "LOST"))
    found: dict[Leaf, Measured] = {
        Sum(Facts.CREDIT, Field.AMOUNT, Dated.OPEN): Measured(12, D(4_800_000)),
        QuotaLeft(Measure.REVENUE, PeriodKind.QUARTER): Measured(1, D(1_600_000)),
        Count(Facts.DEAL, Dated.CLOSED, won): Measured(22, D(22)),
        Count(Facts.DEAL, Dated.CLOSED, closed): Measured(100, D(100)),
    }
    assert rules.evaluate(kpi("pipeline_coverage").formula, measured(found)).value == 3
    assert rules.evaluate(kpi("expected_coverage").formula, measured(found)).value == D("0.66")


def test_coverage_of_a_quota_that_is_made_or_missing_is_null() -> None:
    leaf = QuotaLeft(Measure.REVENUE, PeriodKind.QUARTER)
    coverage = kpi("pipeline_coverage").formula
    for left in (D(0), None):
        assert rules.evaluate(coverage, measured({leaf: Measured(1, left)})).value is None


def test_what_is_published_has_six_decimals_at_most() -> None:
    assert [str(rules.published(D(text))) for text in ("0.1234565", "2E+3", "1.500", "0.0000004", "40")] == [
        "0.123457",
        "2000",
        "1.5",
        "0",
        "40",
    ]


def test_row_38_sla_compliance() -> None:
    """41 in time, 5 late, 4 open and overdue: the leaf counts 50 clocks that ran out or were stopped."""
    outcome = rules.evaluate(Sla(Response.QUOTE, 24 * 60), lambda _: Measured(50, D(41)))
    assert (outcome.value, outcome.numerator, outcome.denominator) == (D("0.82"), D(41), D(50))


def test_row_39_weighted_score_is_uncapped() -> None:
    sums = kpi("revenue")
    halves = rules.ratio(kpi("meetings"), D(2), D(4))
    doubled = rules.ratio(sums, D(40_000), D(20_000))
    assert rules.score([(D(20), halves), (D(80), doubled)]) == 170
    assert rules.score([(D(20), halves), (D(80), None)]) == 50
    assert rules.score([(D(20), None)]) is None


def test_row_43_shrunk_rate() -> None:
    rate = rules.shrunk_rate(D(2), D(4), D("0.3"), D(10))
    assert rate is not None
    assert round(rate, 3) == D("0.357")


@pytest.mark.parametrize(
    ("value", "ratio", "gap"), [(D(30), D(2), D(30)), (D(120), D("0.5"), D(-60)), (D(0), None, D(60))]
)
def test_where_lower_is_better_the_ratio_is_inverted(value: Decimal, ratio: Decimal | None, gap: Decimal) -> None:
    speed = kpi("speed_to_lead")
    assert rules.ratio(speed, value, D(60)) == ratio
    assert rules.gap(speed, value, D(60)) == gap


def test_trend_is_the_change_against_the_mean_of_four_weeks() -> None:
    assert rules.trend(D(12), [D(10), D(8), D(12), D(10)]) == D("0.2")
    assert rules.trend(D(12), [None, D(8), None, D(12)]) == D("0.2")
    assert rules.trend(D(12), [None, None, None, D(12)]) is None
    assert rules.trend(None, [D(10), D(8)]) is None
    assert rules.trend(D(12), [D(0), D(0)]) is None
