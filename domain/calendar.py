"""Weeks, fiscal periods, workdays and business hours of an organisation (semantics rules 10, 11, 15).

Ranges of days are half-open, `[start, end)`. Instants are aware datetimes; a fact belongs to the local day on which it
occurred. A fiscal year is named after the calendar year in which it ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import accumulate
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


class PeriodKind(StrEnum):
    """The lengths of time that numbers are kept for."""

    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


class FiscalPattern(StrEnum):
    """How a fiscal year divides: into calendar months, or quarters of 13 weeks as 4-4-5, 4-5-4 or 5-4-4."""

    MONTHS = "MONTHS"
    WEEKS_445 = "WEEKS_445"
    WEEKS_454 = "WEEKS_454"
    WEEKS_544 = "WEEKS_544"


_WEEKS_OF_MONTHS = {
    FiscalPattern.WEEKS_445: (4, 4, 5),
    FiscalPattern.WEEKS_454: (4, 5, 4),
    FiscalPattern.WEEKS_544: (5, 4, 4),
}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A named stretch of days `[starts_on, ends_on)`. `key` is its name in the graph: "2026-11", "2026-Q4", "2026"."""

    starts_on: date
    ends_on: date
    kind: PeriodKind
    key: str

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day < self.ends_on

    @property
    def days(self) -> int:
        """Calendar days in it."""
        return (self.ends_on - self.starts_on).days


@dataclass(frozen=True)
class CalendarVersion:
    """The rules of time from `valid_from` on. `workdays` are ISO weekdays, 1 = Monday; so is `week_starts_on`."""

    version: int
    valid_from: date
    time_zone: str
    week_starts_on: int = 1
    fiscal_start_month: int = 1
    fiscal_pattern: FiscalPattern = FiscalPattern.MONTHS
    workdays: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    opens_at: time = time(9)
    closes_at: time = time(17)
    holidays: frozenset[date] = frozenset()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The IANA zone. Raises `ZoneInfoNotFoundError` for a name that does not exist."""
        return ZoneInfo(self.time_zone)

    def is_workday(self, day: date) -> bool:
        """A working weekday that is no holiday."""
        return day.isoweekday() in self.workdays and day not in self.holidays

    def week_start(self, day: date) -> date:
        """The first day of the day's week."""
        return day - timedelta(days=(day.isoweekday() - self.week_starts_on) % 7)

    def midnight(self, day: date) -> datetime:
        """The instant at which the local day begins."""
        return datetime.combine(day, time(0), self.zone).astimezone(UTC)

    def opening(self, day: date) -> tuple[datetime, datetime]:
        """When business opens and closes on the day, whether or not it is a workday."""
        opens = datetime.combine(day, self.opens_at, self.zone)
        closes = datetime.combine(day, self.closes_at, self.zone)
        return opens.astimezone(UTC), closes.astimezone(UTC)

    def _year_starts(self, year: int) -> date:
        """First day of the fiscal year that is named `year`."""
        first = date(year if self.fiscal_start_month == 1 else year - 1, self.fiscal_start_month, 1)
        if self.fiscal_pattern is FiscalPattern.MONTHS:
            return first
        before = self.week_start(first)
        return before if (first - before).days <= 3 else before + WEEK

    def fiscal_year(self, day: date) -> int:
        """The name of the fiscal year that holds the day."""
        year = day.year + 1
        while self._year_starts(year) > day:
            year -= 1
        return year

    def _month_starts(self, year: int) -> list[date]:
        """The first days of the twelve fiscal months of a year, then of the next year. Week 53 joins the last month."""
        start, end = self._year_starts(year), self._year_starts(year + 1)
        if self.fiscal_pattern is FiscalPattern.MONTHS:
            months = ((self.fiscal_start_month - 1 + i) for i in range(12))
            return [date(start.year + m // 12, m % 12 + 1, 1) for m in months] + [end]
        weeks = [0, *accumulate(_WEEKS_OF_MONTHS[self.fiscal_pattern] * 4)]
        return [start + w * WEEK for w in weeks[:12]] + [end]

    def period(self, kind: PeriodKind, day: date) -> Period:
        """The period of a kind that holds the day."""
        if kind is PeriodKind.WEEK:
            start = self.week_start(day)
            return Period(start, start + WEEK, kind, start.isoformat())
        year = self.fiscal_year(day)
        starts = self._month_starts(year)
        if kind is PeriodKind.YEAR:
            return Period(starts[0], starts[12], kind, f"{year}")
        month = max(i for i in range(12) if starts[i] <= day)
        if kind is PeriodKind.QUARTER:
            first = month - month % 3
            return Period(starts[first], starts[first + 3], kind, f"{year}-Q{first // 3 + 1}")
        named = self.fiscal_start_month - 1 + month
        of = (year if self.fiscal_start_month == 1 else year - 1) + named // 12
        return Period(starts[month], starts[month + 1], kind, f"{of}-{named % 12 + 1:02d}")


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day worked out, so that workdays and business seconds between two days are one subtraction."""

    day: date
    calendar_version: int
    week: date
    month: date
    quarter: date
    year: date
    is_workday: bool
    workdays_before: int
    starts_at: datetime
    opens_at: datetime
    closes_at: datetime
    business_seconds_before: int


@dataclass(frozen=True)
class Calendar:
    """All versions of an organisation's rules of time, oldest first; at least one."""

    versions: tuple[CalendarVersion, ...]

    def at(self, day: date) -> CalendarVersion:
        """The version in force on a day; the first one governs what was before it."""
        found = self.versions[0]
        for version in self.versions[1:]:
            if version.valid_from <= day:
                found = version
        return found

    def local_day(self, instant: datetime) -> date:
        """The day of the organisation on which an instant falls. Raises `ValueError` for a naive datetime."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        last = date.max
        for version in reversed(self.versions[1:]):
            day = instant.astimezone(version.zone).date()
            if day >= version.valid_from:
                return min(day, last)
            # Hours that the old zone already counts as the first day of the new one belong to the day before.
            last = min(last, version.valid_from - DAY)
        return min(instant.astimezone(self.versions[0].zone).date(), last)

    def week(self, day: date) -> date:
        """The first day of the day's week."""
        known = self._weeks.get(day)
        if known is None:
            known = self._weeks[day] = self.at(day).week_start(day)
        return known

    def period(self, kind: PeriodKind, day: date) -> Period:
        """The period of a kind that holds the day."""
        known = self._periods.get((kind, day))
        if known is None:
            known = self._periods[kind, day] = self.at(day).period(kind, day)
        return known

    @cached_property
    def _weeks(self) -> dict[date, date]:
        """Those asked for so far."""
        return {}

    @cached_property
    def _workdays(self) -> dict[date, bool]:
        """Those asked for so far."""
        return {}

    @cached_property
    def _periods(self) -> dict[tuple[PeriodKind, date], Period]:
        """Those asked for so far: pages of results ask for the same few again and again."""
        return {}

    @cached_property
    def _named(self) -> dict[tuple[PeriodKind, str], Period]:
        """Those asked for so far."""
        return {}

    def parse(self, kind: PeriodKind, text: str) -> Period:
        """The period named in the graph: any day of a week, "2026-11", "2026-Q4", "2026". Raises `ValueError`."""
        known = self._named.get((kind, text))
        if known is None:
            known = self._named[kind, text] = self._parsed(kind, text)
        return known

    def _parsed(self, kind: PeriodKind, text: str) -> Period:
        try:
            if kind is PeriodKind.WEEK:
                return self.period(kind, date.fromisoformat(text))
            year = int(text[:4])
            for day in (date(y, m, 15) for y in (year - 1, year, year + 1) for m in range(1, 13)):
                period = self.period(kind, day)
                if period.key == text:
                    return period
        except ValueError:
            pass
        form = {"WEEK": "a date such as 2026-11-16", "MONTH": "2026-11", "QUARTER": "2026-Q4", "YEAR": "2026"}[kind]
        raise ValueError(f"{text!r} names no {kind.lower()}; write it as {form}")

    def is_workday(self, day: date) -> bool:
        """A working weekday that is no holiday."""
        known = self._workdays.get(day)
        if known is None:
            known = self._workdays[day] = self.at(day).is_workday(day)
        return known

    def workdays(self, start: date, end: date) -> int:
        """Workdays in `[start, end)`."""
        return sum(self.is_workday(day) for day in span(start, end))

    def midnight(self, day: date) -> datetime:
        """The instant at which the local day begins."""
        return self.at(day).midnight(day)

    def days(self, start: date, end: date) -> Iterator[CalendarDay]:
        """The days of `[start, end)` worked out; the running counts begin at 0."""
        workdays = seconds = 0
        periods: dict[PeriodKind, Period] = {}
        for day in span(start, end):
            version = self.at(day)
            for kind in PeriodKind:
                if kind not in periods or day not in periods[kind] or day == version.valid_from:
                    periods[kind] = version.period(kind, day)
            opens, closes = version.opening(day)
            is_workday = version.is_workday(day)
            yield CalendarDay(
                day,
                version.version,
                periods[PeriodKind.WEEK].starts_on,
                periods[PeriodKind.MONTH].starts_on,
                periods[PeriodKind.QUARTER].starts_on,
                periods[PeriodKind.YEAR].starts_on,
                is_workday,
                workdays,
                version.midnight(day),
                opens,
                closes,
                seconds,
            )
            if is_workday:
                workdays += 1
                seconds += int((closes - opens).total_seconds())


def span(start: date, end: date) -> Iterator[date]:
    """Every day of `[start, end)`."""
    for i in range((end - start).days):
        yield start + timedelta(days=i)
