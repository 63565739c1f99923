"""Rows of semantics.md that concern quotas and attainment, under their numbers."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from domain.calendar import Calendar, CalendarVersion, PeriodKind
from domain.money import allocate, to_unit
from domain.quotas.model import PaceBasis, ProrationBasis, Reason, Terms
from domain.quotas.rules import Shape, Tenure, divide_stints, figures, quota_left, total_of

CENT = Decimal("0.01")
WEEKDAYS = Calendar((CalendarVersion(1, date(2020, 1, 1), "UTC"),))
EVERY_DAY = Calendar((CalendarVersion(1, date(2020, 1, 1), "UTC", workdays=frozenset(range(1, 8))),))


def shape(kind: PeriodKind, day: date, calendar: Calendar = WEEKDAYS) -> Shape:
    return Shape(calendar, calendar.period(kind, day))


def carried(terms: Terms, shape: Shape, tenure: Tenure) -> Decimal:
    return to_unit(Fraction(terms.amount) * shape.carried(terms, tenure), CENT)


def test_row_1_attainment() -> None:
    numbers = figures(Decimal(90_000), Decimal(70_000), Fraction(1), 0, CENT)
    assert numbers.ratio == Decimal("0.777778")
    assert numbers.gap == Decimal(-20_000)
    assert numbers.reason is None


def test_row_2_team_attainment_is_the_ratio_of_sums() -> None:
    quota, elapsed = total_of([(Decimal(100_000), Fraction(1)), (Decimal(40_000), Fraction(1))])
    assert figures(quota, Decimal(110_000), elapsed, 0, CENT).ratio == Decimal("0.785714")


def test_row_21_residual_goes_to_the_largest_remainder() -> None:
    thirds = [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    assert allocate(Decimal(100), [Decimal(1)] * 3, CENT) == thirds
    assert divide_stints(Decimal(100), [Fraction(1, 3)] * 3, CENT) == thirds


@pytest.mark.parametrize(
    ("month", "quota"), [(1, "0"), (2, "12500"), (3, "25000"), (4, "37500"), (5, "50000"), (12, "50000")]
)
@pytest.mark.parametrize("basis", ProrationBasis)
def test_row_27_ramp_by_months_since_hire(month: int, quota: str, basis: ProrationBasis) -> None:
    ramp = (Decimal(0), Decimal("0.25"), Decimal("0.5"), Decimal("0.75"))
    terms = Terms(Decimal(50_000), ramp=ramp, proration_basis=basis)
    hired = Tenure(date(2027, 1, 1))
    assert carried(terms, shape(PeriodKind.MONTH, date(2027, month, 1)), hired) == Decimal(quota)


def test_row_28_seasonal_proration_by_months() -> None:
    seasons = (Decimal(20), Decimal(20), Decimal(20), Decimal(40))
    terms = Terms(Decimal(100_000), seasonality=seasons, proration_basis=ProrationBasis.MONTHS)
    year = shape(PeriodKind.YEAR, date(2027, 1, 1))
    assert carried(terms, year, Tenure(date(2027, 3, 1))) == Decimal("86666.67")


def test_row_29_day_proration() -> None:
    terms = Terms(Decimal(90_000), proration_basis=ProrationBasis.DAYS)
    quarter = shape(PeriodKind.QUARTER, date(2027, 1, 1))
    assert quarter.period.days == 90
    assert carried(terms, quarter, Tenure(date(2027, 2, 1))) == Decimal(59_000)


def test_row_30_pace_of_a_month_in_which_every_day_is_a_workday() -> None:
    month, terms, today = (
        shape(PeriodKind.MONTH, date(2027, 4, 1), EVERY_DAY),
        Terms(Decimal(260_000)),
        date(2027, 4, 12),
    )
    left = month.workdays((date(2027, 4, 13), month.period.ends_on))
    numbers = figures(terms.amount, Decimal(96_000), month.elapsed(terms, today), left, CENT)
    assert numbers.projected == Decimal(240_000)
    assert numbers.projected_ratio == Decimal("0.923077")
    assert numbers.required_per_workday == Decimal("9111.11")


def test_row_30_pace_by_days_with_what_is_left_over_workdays() -> None:
    """DAYS says how much is expected by now; what is left is always divided by workdays (rule 12)."""
    month, terms, today = shape(PeriodKind.MONTH, date(2027, 4, 1)), Terms(Decimal(260_000)), date(2027, 4, 12)
    left = month.workdays((date(2027, 4, 13), month.period.ends_on))
    numbers = figures(terms.amount, Decimal(96_000), month.elapsed(terms, today), left, CENT)
    assert left == 14
    assert numbers.projected == Decimal(240_000)
    assert numbers.required_per_workday == Decimal("11714.29")


def test_row_31_pace_of_a_quarter() -> None:
    quarter, terms = shape(PeriodKind.QUARTER, date(2027, 1, 1)), Terms(Decimal(300_000), pace_basis=PaceBasis.DAYS)
    elapsed = quarter.elapsed(terms, date(2027, 3, 16))
    assert elapsed == Fraction(75, 90)
    numbers = figures(terms.amount, Decimal(240_000), elapsed, 11, CENT)
    assert numbers.pace_ratio == Decimal("0.96")
    assert numbers.expected == Decimal(250_000)


def test_row_32_a_weekly_quota_by_workdays() -> None:
    week = shape(PeriodKind.WEEK, date(2027, 3, 1))
    tenure = Tenure(date(2020, 1, 1), leave=((date(2027, 3, 4), date(2027, 3, 8)),))
    assert carried(Terms(Decimal(100), proration_basis=ProrationBasis.WORKDAYS), week, tenure) == Decimal(60)


def test_row_36_what_is_left_of_the_quota() -> None:
    left = quota_left(Decimal(2_000_000), Decimal(400_000))
    assert left is not None
    assert Decimal(4_800_000) / left == Decimal(3)
    assert quota_left(Decimal(400_000), Decimal(400_000)) is None
    assert quota_left(None, Decimal(400_000)) is None


@pytest.mark.parametrize(("quota", "reason"), [(None, Reason.NO_QUOTA), (Decimal(0), Reason.QUOTA_ZERO)])
def test_rule_5_without_a_quota_ratios_are_null_with_a_reason(quota: Decimal | None, reason: Reason) -> None:
    numbers = figures(quota, Decimal(10), Fraction(1, 2), 10, CENT)
    assert (numbers.ratio, numbers.pace_ratio, numbers.projected_ratio) == (None, None, None)
    assert numbers.projected == Decimal(20)
    assert numbers.reason is reason
