"""Properties of proration, pace and proposals."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import Calendar, CalendarVersion, FiscalPattern, PeriodKind
from domain.money import to_unit
from domain.quotas.model import AttainmentKey, Measure, PaceBasis, ProrationBasis, Reason, Subject, Terms
from domain.quotas.rules import (
    Shape,
    Tenure,
    adds_up,
    divide_plan,
    divide_stints,
    figures,
    flaws,
    plan_total,
    total_of,
)
from domain.scorecards.formula import Count, Dated, Facts, Field, Ratio, Sum

CENT = Decimal("0.01")
DAY = timedelta(days=1)
CALENDARS = [
    Calendar((CalendarVersion(1, date(2020, 1, 1), "UTC"),)),
    Calendar(
        (
            CalendarVersion(
                1,
                date(2020, 1, 1),
                "Europe/Berlin",
                week_starts_on=7,
                fiscal_start_month=2,
                fiscal_pattern=FiscalPattern.WEEKS_445,
                holidays=frozenset({date(2027, 5, 3)}),
            ),
        )
    ),
]
shares = st.decimals("0", "1", places=2)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Shape, Terms, Tenure]:
    calendar = draw(st.sampled_from(CALENDARS))
    kind = draw(st.sampled_from(PeriodKind))
    period = calendar.period(kind, draw(st.dates(date(2026, 6, 1), date(2028, 6, 1))))
    counts = {PeriodKind.YEAR: [0, 4, 12], PeriodKind.QUARTER: [0, 3]}.get(kind, [0])
    count = draw(st.sampled_from(counts))
    seasons = draw(st.lists(shares, min_size=count, max_size=count).filter(lambda s: not s or sum(s) > 0))
    terms = Terms(
        draw(st.decimals("0", "1000000", places=2)),
        tuple(seasons),
        draw(st.sampled_from(ProrationBasis)),
        draw(st.sampled_from(PaceBasis)),
        tuple(draw(st.lists(shares, max_size=6))),
    )
    hired = period.starts_on + draw(st.integers(-200, period.days - 1)) * DAY
    left = draw(st.none() | st.integers(1, 500).map(lambda days: hired + days * DAY))
    away = draw(st.lists(st.tuples(st.integers(-5, period.days), st.integers(1, 30)), max_size=2))
    leave = tuple((period.starts_on + start * DAY, period.starts_on + (start + length) * DAY) for start, length in away)
    return Shape(calendar, period), terms, Tenure(hired, left, leave)


@given(cases(), st.data())
def test_what_is_carried_in_parts_of_a_period_sums_to_the_whole(
    case: tuple[Shape, Terms, Tenure], data: st.DataObject
) -> None:
    shape, terms, tenure = case
    period = shape.period
    cuts = sorted(data.draw(st.lists(st.dates(period.starts_on, period.ends_on), max_size=4)))
    edges = [period.starts_on, *cuts, period.ends_on]
    parts = [shape.carried(terms, tenure, part) for part in pairwise(edges)]
    assert sum(parts, Fraction(0)) == shape.carried(terms, tenure)
    assert all(0 <= part <= 1 for part in parts)
    quota = to_unit(Fraction(terms.amount) * shape.carried(terms, tenure), CENT)
    assert sum(divide_stints(quota, parts, CENT), Decimal(0)) == quota


@given(cases())
def test_a_rep_who_was_there_all_the_time_carries_all_of_it(case: tuple[Shape, Terms, Tenure]) -> None:
    shape, terms, _ = case
    settled = Tenure(date(2000, 1, 1))
    assert shape.carried(terms, settled) == 1
    assert shape.carried(terms) == 1


@given(cases())
def test_what_is_expected_grows_from_nothing_to_everything(case: tuple[Shape, Terms, Tenure]) -> None:
    shape, terms, tenure = case
    start, end = tenure.employed(shape.period)
    if start == end:
        assert shape.elapsed(terms, start, tenure) is None
        return
    days = [start - DAY + i * DAY for i in range((end - start).days + 3)]
    path = [shape.elapsed(terms, day, tenure) for day in days]
    assert path[0] == 0
    assert path[-1] == path[-2] == path[-3] == 1
    assert path == sorted(path, key=lambda share: share or Fraction(0))


@given(st.lists(st.tuples(st.decimals("0", "9999", places=2), st.fractions(0, 1, max_denominator=366)), max_size=8))
def test_a_team_is_the_same_whatever_the_order_of_its_reps(parts: list[tuple[Decimal, Fraction]]) -> None:
    assert total_of(parts) == total_of(parts[::-1]) == total_of(sorted(parts))


@given(
    st.none() | st.decimals("0", "100000", places=2),
    st.decimals("-1000", "100000", places=2),
    st.none() | st.fractions(0, 1, max_denominator=366),
    st.integers(0, 260),
)
def test_figures_never_fail_and_name_the_reason_of_a_missing_ratio(
    quota: Decimal | None, attained: Decimal, elapsed: Fraction | None, left: int
) -> None:
    numbers = figures(quota, attained, elapsed, left, CENT)
    assert (numbers.ratio is None) == (numbers.reason in (Reason.NO_QUOTA, Reason.QUOTA_ZERO))
    assert (numbers.pace_ratio is None) == (numbers.reason is not None)
    if quota is not None:
        assert numbers.gap == attained - quota


def test_joining_after_the_fifteenth_leaves_the_month_out() -> None:
    terms = Terms(Decimal(90), proration_basis=ProrationBasis.MONTHS)
    quarter = Shape(CALENDARS[0], CALENDARS[0].period(PeriodKind.QUARTER, date(2027, 1, 1)))
    assert quarter.carried(terms, Tenure(date(2027, 1, 15))) == 1
    assert quarter.carried(terms, Tenure(date(2027, 1, 16))) == Fraction(2, 3)
    assert quarter.carried(terms, Tenure(date(2020, 1, 1), date(2027, 3, 15))) == Fraction(2, 3)


def test_seasonal_pace_expects_little_in_a_weak_month() -> None:
    terms = Terms(Decimal(100), (Decimal(1), Decimal(1), Decimal(8)), pace_basis=PaceBasis.SEASONALITY)
    quarter = Shape(CALENDARS[0], CALENDARS[0].period(PeriodKind.QUARTER, date(2027, 1, 1)))
    assert quarter.elapsed(terms, date(2027, 2, 28)) == Fraction(2, 10)


@pytest.mark.parametrize(
    ("kind", "terms", "field"),
    [
        (PeriodKind.MONTH, Terms(Decimal(1), (Decimal(1), Decimal(1))), "seasonality"),
        (PeriodKind.YEAR, Terms(Decimal(1), (Decimal(1),) * 3), "seasonality"),
        (PeriodKind.QUARTER, Terms(Decimal(1), (Decimal(0),) * 3), "seasonality"),
        (PeriodKind.QUARTER, Terms(Decimal(1), (Decimal(2), Decimal(0), Decimal(-1))), "seasonality"),
        (PeriodKind.QUARTER, Terms(Decimal(1), pace_basis=PaceBasis.SEASONALITY), "paceBasis"),
        (PeriodKind.WEEK, Terms(Decimal(1), proration_basis=ProrationBasis.MONTHS), "prorationBasis"),
        (PeriodKind.YEAR, Terms(Decimal(1), ramp=(Decimal("1.1"),)), "ramp"),
    ],
)
def test_terms_that_make_no_sense_are_named_by_their_field(kind: PeriodKind, terms: Terms, field: str) -> None:
    assert [name for name, _ in flaws(kind, terms)] == [field]


def test_sound_terms_have_no_flaws() -> None:
    terms = Terms(Decimal(1), (Decimal(1),) * 12, ProrationBasis.MONTHS, PaceBasis.SEASONALITY, (Decimal(0),))
    assert flaws(PeriodKind.YEAR, terms) == []


def test_weights_without_their_parts_count_as_even() -> None:
    """A fiscal year that starts in another month since the quota was set: the stored period no longer has quarters."""
    moved = Calendar((CalendarVersion(1, date(2020, 1, 1), "UTC", fiscal_start_month=2),))
    year = Shape(moved, CALENDARS[0].period(PeriodKind.YEAR, date(2027, 1, 1)))
    assert len(year.parts([Decimal(1), Decimal(2), Decimal(3), Decimal(4)])) == 1


def test_only_kpis_that_count_or_sum_over_days_add_up() -> None:
    calls = Count(Facts.ACTIVITY)
    assert adds_up(calls)
    assert adds_up(Sum(Facts.CREDIT, Field.AMOUNT, Dated.CLOSED))
    assert not adds_up(Count(Facts.DEAL, Dated.OPEN))
    assert not adds_up(Ratio(calls, calls))


@given(
    st.decimals("0", "10000000", places=2),
    st.lists(st.none() | st.decimals("0", "100000", places=2), min_size=1, max_size=20),
    st.decimals("0", "0.5", places=2),
)
def test_a_plan_sums_to_the_total_and_what_is_assigned_on_top(
    total: Decimal, history: list[Decimal | None], over: Decimal
) -> None:
    lines = divide_plan(total, history, over, CENT)
    assert sum(lines, Decimal(0)) == to_unit(total * (1 + over), CENT)


def test_growth_takes_a_new_rep_at_the_mean() -> None:
    history = [Decimal(100), None, Decimal(200)]
    total = plan_total(None, history, Decimal("0.1"), CENT)
    assert total == 495
    assert divide_plan(total, history, Decimal(0), CENT) == [Decimal(110), Decimal(165), Decimal(220)]


def test_growth_needs_a_history() -> None:
    with pytest.raises(ValueError, match="history"):
        plan_total(None, [None, None], Decimal("0.1"), CENT)


def test_a_key_reads_back_from_its_text() -> None:
    key = AttainmentKey(Subject.REP, uuid4(), Measure.KPI, uuid4(), PeriodKind.WEEK, date(2027, 1, 4))
    assert AttainmentKey.parse(str(key)) == key
