"""KPIs as typed data, scorecard templates, and what a week of a rep or a team came to.

A formula is a tree of frozen dataclasses: leaves measure facts (`Count`, `Sum`, `Mean`, `Median`, `Sla`, `QuotaLeft`),
`Ratio` and `Product` combine them. Nothing is ever evaluated as text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.calendar import PeriodKind


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


class Facts(StrEnum):
    """What a leaf reads. A DEAL counts for its owner; a CREDIT is a rep's part of a deal, split or whole."""

    ACTIVITY = "ACTIVITY"
    LEAD = "LEAD"
    DEAL = "DEAL"
    CREDIT = "CREDIT"


class Dated(StrEnum):
    """Which day of a fact decides whether it belongs to the weeks looked at.

    OCCURRED: an activity's day, a lead's arrival. OPENED, CLOSED: of a deal. OPEN: the deal is open at the end of the
    week, however long ago it was opened.
    """

    OCCURRED = "OCCURRED"
    OPENED = "OPENED"
    CLOSED = "CLOSED"
    OPEN = "OPEN"


class Field(StrEnum):
    """The number of a fact that is summed or averaged. MINUTES of an activity is its length; RESPONSE_MINUTES and
    QUOTE_MINUTES are business minutes from a lead's arrival; CYCLE_DAYS is from a deal's opening to its close."""

    MINUTES = "MINUTES"
    RESPONSE_MINUTES = "RESPONSE_MINUTES"
    QUOTE_MINUTES = "QUOTE_MINUTES"
    AMOUNT = "AMOUNT"
    MARGIN = "MARGIN"
    UNITS = "UNITS"
    CYCLE_DAYS = "CYCLE_DAYS"


class Response(StrEnum):
    """What stops the SLA clock of a lead."""

    FIRST_RESPONSE = "FIRST_RESPONSE"
    QUOTE = "QUOTE"


class Measure(StrEnum):
    """What a quota is set in, as far as credits tell it."""

    REVENUE = "REVENUE"
    MARGIN = "MARGIN"
    UNITS = "UNITS"


FIELDS: Mapping[Facts, frozenset[Field]] = {
    Facts.ACTIVITY: frozenset({Field.MINUTES}),
    Facts.LEAD: frozenset({Field.RESPONSE_MINUTES, Field.QUOTE_MINUTES}),
    Facts.DEAL: frozenset({Field.AMOUNT, Field.MARGIN, Field.UNITS, Field.CYCLE_DAYS}),
    Facts.CREDIT: frozenset({Field.AMOUNT, Field.MARGIN, Field.UNITS}),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which facts count; an empty tuple does not restrict. `statuses` and `products` are of deals and credits,
    `kinds` and `outcomes` of activities, `channels` of leads."""

    kinds: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


_ANY = Filter()


@dataclass(frozen=True, slots=True)
class Count:
    """How many facts."""

    facts: Facts
    dated: Dated = Dated.OCCURRED
    where: Filter = _ANY


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of a field; 0 over nothing."""

    facts: Facts
    field: Field
    dated: Dated = Dated.OCCURRED
    where: Filter = _ANY


@dataclass(frozen=True, slots=True)
class Mean:
    """The arithmetic mean of a field; null over nothing."""

    facts: Facts
    field: Field
    dated: Dated = Dated.OCCURRED
    where: Filter = _ANY


@dataclass(frozen=True, slots=True)
class Median:
    """The median of a field, the mean of the middle two of an even number; null over nothing."""

    facts: Facts
    field: Field
    dated: Dated = Dated.OCCURRED
    where: Filter = _ANY


@dataclass(frozen=True, slots=True)
class Sla:
    """Share of leads answered within so many business minutes of their arrival (rule 15)."""

    until: Response
    within_minutes: int
    where: Filter = _ANY


@dataclass(frozen=True, slots=True)
class QuotaLeft:
    """What is left, at the end of the week, of the quota of the period that holds that day; null without a quota."""

    measure: Measure
    period: PeriodKind


@dataclass(frozen=True, slots=True)
class Ratio:
    """Numerator / denominator; null when the denominator is null or not above 0 (rule 9)."""

    numerator: "Formula"
    denominator: "Formula"


@dataclass(frozen=True, slots=True)
class Product:
    """One times the other; null when one is null."""

    left: "Formula"
    right: "Formula"


Leaf = Count | Sum | Mean | Median | Sla | QuotaLeft
Formula = Leaf | Ratio | Product

_TYPES: Mapping[str, type[Any]] = {
    "COUNT": Count,
    "SUM": Sum,
    "MEAN": Mean,
    "MEDIAN": Median,
    "SLA": Sla,
    "QUOTA_LEFT": QuotaLeft,
    "RATIO": Ratio,
    "PRODUCT": Product,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_READ: Mapping[str, Any] = {
    "facts": Facts,
    "field": Field,
    "dated": Dated,
    "until": Response,
    "measure": Measure,
    "period": PeriodKind,
    "within_minutes": int,
    "where": lambda value: Filter(**{name: tuple(items) for name, items in value.items()}),
}


def leaves(formula: Formula) -> Iterator[Leaf]:
    """Everything a formula measures, left to right."""
    if isinstance(formula, Ratio):
        yield from leaves(formula.numerator)
        yield from leaves(formula.denominator)
    elif isinstance(formula, Product):
        yield from leaves(formula.left)
        yield from leaves(formula.right)
    else:
        yield formula


def formula_to_json(formula: Formula) -> dict[str, Any]:
    """The form in which a formula is stored. `formula_from_json` reads it back."""
    stored: dict[str, Any] = {"type": _NAMES[type(formula)]}
    for name in type(formula).__slots__:
        value = getattr(formula, name)
        if isinstance(value, Filter):
            value = {key: list(getattr(value, key)) for key in Filter.__slots__ if getattr(value, key)}
        elif type(value) in _NAMES:
            value = formula_to_json(value)
        stored[name] = value
    return stored


def formula_from_json(stored: Mapping[str, Any]) -> Formula:
    """Raises `KeyError` or `ValueError` for what `formula_to_json` did not write."""
    read = {name: _READ.get(name, formula_from_json)(value) for name, value in stored.items() if name != "type"}
    formula: Formula = _TYPES[stored["type"]](**read)
    return formula


def formula_type(formula: Formula) -> str:
    """The name of the formula's kind: COUNT, SUM, MEAN, MEDIAN, SLA, QUOTA_LEFT, RATIO, PRODUCT."""
    return _NAMES[type(formula)]


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
