"""Reading one item's fields, noting what is wrong with each under its own path."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from domain.calendar import Calendar
from domain.errors import Problem, reject
from domain.money import LARGEST, quantum

Name = str | tuple[str, ...]
V = TypeVar("V")

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
MAX_SOURCE = 64


def is_text(value: str) -> bool:
    """Whether Postgres can keep it: no NUL, no half of a surrogate pair."""
    if "\x00" in value:
        return False
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


def source_name(source: str) -> str:
    """The name of a source as it is kept. Raises `Rejected` for one that is blank, too long, or no text."""
    name = source.strip()
    if not name:
        raise reject("REQUIRED", "source is required.", "source")
    if len(name) > MAX_SOURCE:
        raise reject("TOO_LONG", f"source has more than {MAX_SOURCE} characters.", "source")
    if not is_text(name):
        raise reject("INVALID_TEXT", "source holds characters that are no text.", "source")
    return name


@dataclass(slots=True)
class Check:
    """The problems of one item. Every reader returns the value as it is to be kept, or None with a problem noted."""

    calendar: Calendar
    first_day: date
    last_day: date
    path: tuple[str, ...]
    problems: list[Problem] = field(default_factory=list)

    def problem(self, code: str, message: str, *name: str) -> None:
        """Note a problem of the field `name`."""
        self.problems.append(Problem(code, message, self.path + name))

    def present(self, name: Name, value: object) -> bool:
        """Whether it is there; notes that it is required when not."""
        if value is None:
            self.problem("REQUIRED", f"{_last(name)} is required.", *_names(name))
        return value is not None

    def key(self, name: Name, value: str) -> str:
        """An external id."""
        return self.text(name, value, 200, required=True) or ""

    def text(self, name: Name, value: str | None, longest: int, *, required: bool = False) -> str | None:
        """Text without the blanks around it; blank is absent."""
        stripped = value.strip() if value is not None else None
        if not stripped:
            if required:
                self.present(name, None)
            return None
        if len(stripped) > longest:
            self.problem("TOO_LONG", f"{_last(name)} has more than {longest} characters.", *_names(name))
        elif not is_text(stripped):
            self.problem("INVALID_TEXT", f"{_last(name)} holds characters that are no text.", *_names(name))
        else:
            return stripped
        return None

    def code(self, name: Name, value: str | None, example: str) -> str | None:
        """A required word in capitals."""
        if value is None:
            self.present(name, value)
        elif not _CODE.fullmatch(value):
            message = f"Write {_last(name)} as a word in capitals of at most 40 letters, such as {example}."
            self.problem("INVALID", message, *_names(name))
        else:
            return value
        return None

    def reference(self, name: Name, value: str | None, known: Mapping[str, V], what: str) -> V | None:
        """What the external id stands for; required."""
        if value is None or not value.strip():
            self.present(name, None)
            return None
        found = known.get(value.strip())
        if found is None:
            self.problem("NOT_FOUND", f"No {what} has this externalId.", *_names(name))
        return found

    def instant(self, name: Name, value: datetime | None, *, required: bool = False) -> datetime | None:
        """A time with its zone, within the calendar's reach."""
        if value is None:
            if required:
                self.present(name, value)
            return None
        if value.tzinfo is None:
            self.problem("INVALID", f"{_last(name)} needs a time zone, such as Z.", *_names(name))
            return None
        if self.day(value) is None:
            message = f"{_last(name)} is not between {self.first_day} and {self.last_day}."
            self.problem("OUT_OF_RANGE", message, *_names(name))
            return None
        return value

    def day(self, instant: datetime | None) -> date | None:
        """The local day of an instant within the calendar's reach, or None; notes nothing."""
        if instant is None or instant.tzinfo is None:
            return None
        try:
            day = self.calendar.local_day(instant)
        except OverflowError:
            return None
        return day if self.first_day <= day <= self.last_day else None

    def order(self, name: str, earlier: datetime | None, later: datetime | None, than: str) -> None:
        """Notes when `later` (the field `name`) is before `earlier` (the field `than`)."""
        if earlier is not None and later is not None and later < earlier:
            self.problem("INVALID", f"{name} is before {than}.", name)

    def number(
        self, name: Name, value: Decimal | None, *, required: bool = False, signed: bool = False, decimals: int = 6
    ) -> Decimal | None:
        """A finite decimal below 10^15 with at most so many decimals; negative only when signed."""
        if value is None:
            if required:
                self.present(name, value)
            return None
        if not value.is_finite() or abs(value) >= LARGEST:
            self.problem("INVALID", f"{_last(name)} is not a number below 10^15.", *_names(name))
        elif value < 0 and not signed:
            self.problem("INVALID", f"{_last(name)} is negative.", *_names(name))
        elif value != round(value, decimals):
            self.problem("INVALID", f"{_last(name)} has more than {decimals} decimals.", *_names(name))
        else:
            return value
        return None

    def whole(self, name: Name, value: int | None, largest: int) -> int | None:
        """A whole number from 0 to `largest`."""
        if value is not None and not 0 <= value <= largest:
            self.problem("INVALID", f"{_last(name)} is not between 0 and {largest}.", *_names(name))
            return None
        return value

    def currency(self, name: Name, value: str | None) -> str | None:
        """A required ISO 4217 code."""
        if value is None:
            self.present(name, value)
            return None
        try:
            quantum(value)
        except ValueError:
            self.problem("INVALID_CURRENCY", f"{_last(name)} is no ISO 4217 currency code.", *_names(name))
            return None
        return value


def _names(name: Name) -> tuple[str, ...]:
    return (name,) if isinstance(name, str) else name


def _last(name: Name) -> str:
    return name if isinstance(name, str) else name[-1]
