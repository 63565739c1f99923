"""Rows 37 and 41, and what holds for every calendar: periods tile, names parse back, subtraction counts."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import DAY, WEEK, Calendar, CalendarVersion, FiscalPattern, PeriodKind, span

START = date(2010, 1, 1)
NEW_YORK = ZoneInfo("America/New_York")

days = st.dates(date(2015, 1, 1), date(2030, 12, 31))


@st.composite
def versions(draw: st.DrawFn) -> CalendarVersion:
    opens = draw(st.integers(0, 22))
    return CalendarVersion(
        version=1,
        valid_from=START,
        time_zone=draw(
            st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland", "UTC"])
        ),
        week_starts_on=draw(st.integers(1, 7)),
        fiscal_start_month=draw(st.integers(1, 12)),
        fiscal_pattern=draw(st.sampled_from(FiscalPattern)),
        workdays=draw(st.frozensets(st.integers(1, 7), min_size=1)),
        opens_at=time(opens),
        closes_at=time(draw(st.integers(opens + 1, 23))),
        holidays=draw(st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=20)),
    )


calendars = versions().map(lambda version: Calendar((version,)))


def counted(calendar: Calendar, start: datetime, end: datetime) -> int:
    """Business seconds between two instants of 2026, as statements count them: by the days worked out."""
    by_day = {d.day: d for d in calendar.days(date(2026, 1, 1), date(2027, 1, 1))}

    def before(instant: datetime) -> int:
        day = by_day[calendar.local_day(instant)]
        within = min(instant, day.closes_at) - day.opens_at
        return day.business_seconds_before + (max(0, int(within.total_seconds())) if day.is_workday else 0)

    return before(end) - before(start)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2026, 11, 20, 16, 30, tzinfo=NEW_YORK), datetime(2026, 11, 23, 9, 30, tzinfo=NEW_YORK)),
        (datetime(2026, 11, 21, 11, 0, tzinfo=NEW_YORK), datetime(2026, 11, 23, 10, 0, tzinfo=NEW_YORK)),
    ],
)
def test_row_37_the_sla_clock_stands_still_out_of_hours(start: datetime, end: datetime) -> None:
    assert counted(Calendar((CalendarVersion(1, START, "America/New_York"),)), start, end) == 3600


@pytest.mark.parametrize(("monday", "hours"), [(date(2026, 3, 2), 167), (date(2026, 10, 26), 169)])
def test_row_41_a_week_of_clock_change_has_five_workdays_all_the_same(monday: date, hours: int) -> None:
    calendar = Calendar((CalendarVersion(1, START, "America/New_York"),))
    assert calendar.midnight(monday + WEEK) - calendar.midnight(monday) == timedelta(hours=hours)
    assert calendar.workdays(monday, monday + WEEK) == 5


@given(calendars, days)
def test_periods_hold_their_day_and_tile_without_a_gap(calendar: Calendar, day: date) -> None:
    for kind in PeriodKind:
        period = calendar.period(kind, day)
        assert day in period
        assert calendar.period(kind, period.starts_on) == period
        assert calendar.period(kind, period.ends_on - DAY) == period
        after = calendar.period(kind, period.ends_on)
        assert after.starts_on == period.ends_on
        assert after.key != period.key


@given(calendars, days)
def test_a_period_parses_back_from_its_name(calendar: Calendar, day: date) -> None:
    for kind in PeriodKind:
        period = calendar.period(kind, day)
        assert calendar.parse(kind, period.key) == period


@given(calendars, days)
def test_a_year_is_four_quarters_of_three_months_each(calendar: Calendar, day: date) -> None:
    year = calendar.period(PeriodKind.YEAR, day)
    months = sorted({calendar.period(PeriodKind.MONTH, d) for d in span(year.starts_on, year.ends_on)})
    quarters = sorted({calendar.period(PeriodKind.QUARTER, d) for d in span(year.starts_on, year.ends_on)})
    assert len(months) == 12
    assert [(q.starts_on, q.ends_on) for q in quarters] == [
        (months[i].starts_on, months[i + 2].ends_on) for i in range(0, 12, 3)
    ]
    assert (months[0].starts_on, months[-1].ends_on) == (year.starts_on, year.ends_on)
    assert all(a.ends_on == b.starts_on for a, b in pairwise(months))


@given(versions(), days)
def test_fiscal_weeks_make_whole_weeks_of_52_or_53(version: CalendarVersion, day: date) -> None:
    year = version.period(PeriodKind.YEAR, day)
    if version.fiscal_pattern is FiscalPattern.MONTHS:
        assert year.days in (365, 366)
    else:
        assert year.days in (52 * 7, 53 * 7)
        assert version.week_start(year.starts_on) == year.starts_on


@pytest.mark.parametrize("text", ["", "2026-13", "2026-Q5", "20266", "2026-11-31", "Q4", "this week"])
@pytest.mark.parametrize("kind", list(PeriodKind))
def test_a_name_of_no_period_is_refused(kind: PeriodKind, text: str) -> None:
    calendar = Calendar((CalendarVersion(1, START, "UTC"),))
    with pytest.raises(ValueError, match="names no"):
        calendar.parse(kind, text)


instants = st.datetimes(datetime(2026, 1, 3), datetime(2026, 12, 29), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda t: t.replace(microsecond=0)
)


@given(calendars, instants, instants)
def test_the_projection_counts_business_seconds_by_subtraction(
    calendar: Calendar, start: datetime, end: datetime
) -> None:
    start, end = sorted((start, end))
    lived = 0
    for day in span(calendar.local_day(start), calendar.local_day(end) + DAY):
        if calendar.is_workday(day):
            opens, closes = calendar.at(day).opening(day)
            lived += max(0, int((min(closes, end) - max(opens, start)).total_seconds()))
    assert counted(calendar, start, end) == lived


@given(calendars, st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(0, 60))
def test_the_projection_counts_workdays_by_subtraction(calendar: Calendar, start: date, length: int) -> None:
    end = start + timedelta(days=length)
    worked = list(calendar.days(start - WEEK, end + DAY))
    by_day = {d.day: d for d in worked}
    assert by_day[end].workdays_before - by_day[start].workdays_before == calendar.workdays(start, end)
    for day in worked:
        for kind, starts_on in zip(PeriodKind, (day.week, day.month, day.quarter, day.year), strict=True):
            assert calendar.period(kind, day.day).starts_on == starts_on
        assert calendar.local_day(day.starts_at) == day.day
