"""A rep in an ordinary week: Monday 16 November 2026, New York, 40 meetings a week asked for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.calendar import Calendar, CalendarVersion
from domain.feed import rules
from domain.feed.model import Definition, Peers, Reading, Rule, Trigger, WeekResult
from domain.scorecards.formula import Count, Facts, Median, Ratio
from domain.scorecards.formula import Field as FactField
from domain.scorecards.model import Category, Direction, Employment, Kpi, Unit

MONDAY = date(2026, 11, 16)
LAST = MONDAY - timedelta(weeks=1)
THURSDAY = MONDAY + timedelta(days=3)
CALENDAR = Calendar((CalendarVersion(1, date(2010, 1, 1), "America/New_York"),))
REP = Employment(date(2024, 1, 1))
TEMPLATE = UUID(int=1)

MEETINGS = Kpi(
    kpi_id=UUID(int=10),
    key="meetings",
    version=1,
    valid_from=date(2010, 1, 1),
    name="Meetings",
    description="Meetings held in the week.",
    category=Category.ACTIVITY,
    unit=Unit.COUNT,
    direction=Direction.HIGHER_IS_BETTER,
    leading=True,
    prorated=True,
    window_weeks=1,
    formula=Count(Facts.ACTIVITY),
)
WIN_RATE = replace(
    MEETINGS,
    kpi_id=UUID(int=11),
    key="win_rate",
    name="Win rate",
    category=Category.QUALITY,
    unit=Unit.RATIO,
    leading=False,
    prorated=False,
    window_weeks=13,
    formula=Ratio(Count(Facts.DEAL), Count(Facts.DEAL)),
)
CYCLE = replace(
    WIN_RATE,
    kpi_id=UUID(int=12),
    key="sales_cycle",
    name="Sales cycle",
    unit=Unit.DAYS,
    direction=Direction.LOWER_IS_BETTER,
    formula=Median(Facts.DEAL, FactField.CYCLE_DAYS),
)
PROPOSALS_4_WEEKS = replace(MEETINGS, kpi_id=UUID(int=13), key="proposals", window_weeks=4)


def definition(trigger: Trigger = Trigger.BELOW_TARGET, **over: Any) -> Definition:
    return replace(Definition(trigger, "{rep}: {kpi} at {ratio}", "{value} of {reference}"), **over)


def rule(kpi: Kpi = MEETINGS, key: str = "r", number: int = 100, **over: Any) -> Rule:
    return Rule(UUID(int=number), key, 1, date(2026, 1, 1), True, key, kpi.kpi_id, definition(**over))


def week(day: date, value: object, target: object = 40, **over: Any) -> WeekResult:
    return replace(
        WeekResult(
            week=day,
            value=None if value is None else Decimal(str(value)),
            numerator=None,
            denominator=None,
            sample=20,
            target=None if target is None else Decimal(str(target)),
            weight=Decimal(1),
            workdays=5,
            workdays_available=5,
            kpi_version=1,
            template_id=TEMPLATE,
            template_version=1,
        ),
        **over,
    )


def weeks(*found: WeekResult) -> Mapping[date, WeekResult]:
    return {one.week: one for one in found}


def read(
    *found: WeekResult,
    kpi: Kpi = MEETINGS,
    rep: Employment = REP,
    peers: Peers | None = None,
    today: date = MONDAY,
    trigger: Trigger = Trigger.BELOW_TARGET,
    **over: Any,
) -> Reading | None:
    return rules.read(definition(trigger, **over), kpi, CALENDAR, rep, weeks(*found), peers, today)


def ratio(reading: Reading | None) -> str | None:
    return None if reading is None else str(reading.ratio.normalize())
