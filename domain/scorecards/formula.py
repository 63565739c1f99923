"""Formulas of KPIs: trees of frozen dataclasses, never evaluated as text.

Leaves measure facts (`Count`, `Sum`, `Mean`, `Median`, `Sla`, `QuotaLeft`), `Ratio` and `Product` combine them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.calendar import PeriodKind


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
