"""KPIs as typed data, scorecard templates, and what a week of a rep or a team came to."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.scorecards.formula import Formula


class Category(StrEnum):
    """What a KPI tells of: what one does, how well, and what came of it."""

    ACTIVITY = "ACTIVITY"
    QUALITY = "QUALITY"
    OUTCOME = "OUTCOME"


class Unit(StrEnum):
    """What a value counts. MONEY is in the organisation's currency; RATIO 1 is 100 %; MULTIPLE 3 is three times."""

    COUNT = "COUNT"
    MONEY = "MONEY"
    RATIO = "RATIO"
    DAYS = "DAYS"
    HOURS = "HOURS"
    MINUTES = "MINUTES"
    MULTIPLE = "MULTIPLE"


class Direction(StrEnum):
    """Which way is better."""

    HIGHER_IS_BETTER = "HIGHER_IS_BETTER"
    LOWER_IS_BETTER = "LOWER_IS_BETTER"


class Status(StrEnum):
    """How a value stands to its target. NO_DATA: there is no value, or nothing was to be done that week."""

    ON_TRACK = "ON_TRACK"
    AT_RISK = "AT_RISK"
    OFF_TRACK = "OFF_TRACK"
    NO_DATA = "NO_DATA"


class Subject(StrEnum):
    """Whose scorecard it is."""

    REP = "REP"
    TEAM = "TEAM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a KPI is, without identity and version.

    `window_weeks`: the value of a week looks at so many weeks, that one included. `prorated`: the weekly target shrinks
    with the workdays that a rep is available (rule 11). `leading`: it moves before the outcome does.
    """

    key: str
    name: str
    description: str
    category: Category
    unit: Unit
    formula: Formula
    direction: Direction = Direction.HIGHER_IS_BETTER
    leading: bool = False
    prorated: bool = False
    window_weeks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi(Definition):
    """A version of a KPI, in force for weeks that begin on `valid_from` or later."""

    kpi_id: UUID
    version: int
    valid_from: date


@dataclass(frozen=True, slots=True)
class Line:
    """A KPI on a scorecard. `weight` is relative to the others'. A ratio from `on_track` up is ON_TRACK, from `at_risk`
    up AT_RISK, below OFF_TRACK."""

    kpi_id: UUID
    weight: Decimal
    weekly_target: Decimal
    on_track: Decimal = Decimal("0.95")
    at_risk: Decimal = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Template:
    """A version of a scorecard template. For a team and those below it, for a job role, or, with neither, everybody."""

    template_id: UUID
    key: str
    version: int
    valid_from: date
    name: str
    team_id: UUID | None
    role: str | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Employment:
    """When a rep is there to work. Leave is `[start, end)`; `left_on` is the first day gone."""

    hired_on: date
    left_on: date | None = None
    leave: tuple[tuple[date, date], ...] = ()

    def employed(self, day: date) -> bool:
        """Hired and not gone."""
        return self.hired_on <= day and (self.left_on is None or day < self.left_on)

    def available(self, day: date) -> bool:
        """Employed and not on leave."""
        if not self.leave:
            return self.employed(day)
        return self.employed(day) and not any(start <= day < end for start, end in self.leave)


@dataclass(frozen=True, slots=True)
class Measured:
    """What SQL found for a leaf: how many facts, their sum, and the middle two of them (equal for an odd number)."""

    sample: int = 0
    total: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A formula's value and its parts. `sample` is how many facts the value rests on."""

    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    sample: int


@dataclass(frozen=True, slots=True)
class Result:
    """A KPI on a scorecard of a week, as it is stored.

    `target` is prorated. `ratio` is the value to the target, inverted where lower is better, so that 1 is par and more
    is better. `gap` is how far the value is ahead of the target, negative when behind, in the KPI's unit. `trend` is
    the relative change against the mean of the four weeks before.
    """

    kpi_id: UUID
    kpi_version: int
    position: int
    weight: Decimal
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    sample: int
    target: Decimal | None
    ratio: Decimal | None
    gap: Decimal | None
    status: Status
    trend: Decimal | None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A week of a rep or a team. For a team, workdays are the sum over its members."""

    subject: Subject
    subject_id: UUID
    week: date
    template_id: UUID
    template_version: int
    calendar_version: int
    workdays: int
    workdays_available: int
    score: Decimal | None
    status: Status
    results: tuple[Result, ...] = field(default=())
