"""How a CSV's rows become items: what `attain import MAPPING.toml` reads. `docs/import.md` is its guide.

A field is named as in the graph (`repExternalId`) and is a column, or a table that says where its text comes from and
what becomes of it: column | template | value, then `values`, then `lookup`; `else` says what holds where that is empty.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from domain.pipeline.targets import TARGETS, Kind

_HOLE = re.compile(r"\{([^{}:]+)(?::(slug))?\}")
_GROUPED = {
    mark: re.compile(rf"[+-]?(\d+|\d{{1,3}}(?:{re.escape(group)}\d{{3}})+)(?:{re.escape(mark)}\d+)?")
    for mark, group in ((".", ","), (",", "."))
}


class BadMapping(Exception):
    """The mapping cannot be followed, and why, in a sentence."""


class BadValue(Exception):
    """A row's text that cannot be what its field wants."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lookup(_Strict):
    """The value of `column` in the row of another file whose `match` is the text."""

    path: str
    match: str
    column: str


class Source(_Strict):
    """Where a field's text comes from, and what becomes of it."""

    column: str | None = None
    template: str | None = None
    value: str | None = None
    values: dict[str, str] = {}
    strict: bool = False
    lookup: Lookup | None = None
    date_formats: tuple[str, ...] | None = None
    otherwise: "Source | None" = Field(None, alias="else")

    @model_validator(mode="after")
    def _one(self) -> "Source":
        if sum(given is not None for given in (self.column, self.template, self.value)) != 1:
            raise ValueError("give one of column, template and value")
        return self

    def columns(self) -> Iterator[str]:
        """Every column that it reads of its own file."""
        if self.column is not None:
            yield self.column
        yield from (name for name, _ in _HOLE.findall(self.template or ""))
        if self.otherwise is not None:
            yield from self.otherwise.columns()

    def lookups(self) -> Iterator[Lookup]:
        """Every look-up that it needs."""
        if self.lookup is not None:
            yield self.lookup
        if self.otherwise is not None:
            yield from self.otherwise.lookups()


class File(_Strict):
    """A CSV and the items that its rows become. Rows that read the same are one item."""

    path: str
    into: Literal["users", "teams", "reps", "activities", "leads", "deals"]
    fields: dict[str, Source]

    @field_validator("fields", mode="before")
    @classmethod
    def _columns(cls, fields: object) -> object:
        """A text alone is a column."""
        if not isinstance(fields, Mapping):
            return fields
        return {name: {"column": source} if isinstance(source, str) else source for name, source in fields.items()}

    @model_validator(mode="after")
    def _known(self) -> "File":
        target = TARGETS[self.into]
        for name in self.fields:
            if name not in target.fields:
                raise ValueError(f"{self.into} have no field {name!r}; they have {', '.join(sorted(target.fields))}")
        for name in target.required:
            if name not in self.fields:
                raise ValueError(f"{self.into} need the field {name!r}")
        return self


class Plan(_Strict):
    """A whole mapping. `time_zone` is that of dates and times which name none (default: the organisation's)."""

    source: str
    time_zone: str | None = None
    date_formats: tuple[str, ...] = ()
    decimal_mark: Literal[".", ","] = "."
    encoding: str = "utf-8-sig"
    delimiter: str = Field(",", min_length=1, max_length=1)
    files: tuple[File, ...] = Field(min_length=1)

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(f"{name!r} is not a time zone") from None
        return name

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, name: str) -> str:
        try:
            "".encode(name)
        except LookupError:
            raise ValueError(f"{name!r} is not an encoding") from None
        return name


def plan(path: Path) -> Plan:
    """The mapping of a TOML file. Raises `BadMapping`."""
    try:
        return Plan.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as failure:
        raise BadMapping(f"{path} cannot be read: {failure.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise BadMapping(f"{path} is not TOML: {failure}.") from None
    except ValidationError as failure:
        first = failure.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise BadMapping(f"{path}: {where + ': ' if where else ''}{message}.") from None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the fields of rows: with the zone of bare times, the marks of numbers, and the look-up files' contents."""

    plan: Plan
    zone: tzinfo
    tables: Mapping[Lookup, Mapping[str, str]]

    def item(self, file: File, row: Mapping[str, str]) -> Any:
        """The item that a row is. Raises `BadValue` with every reason."""
        target = TARGETS[file.into]
        values, reasons = {}, []
        for name, source in file.fields.items():
            try:
                text, formats = self._text(source, row)
                if text:
                    values[name] = self._value(text, target.fields[name], formats)
                elif name in target.required:
                    reasons.append(f"{name} is empty")
            except BadValue as reason:
                reasons.append(f"{name}: {reason}")
        if reasons:
            raise BadValue("; ".join(reasons))
        return target.make(values)

    def _text(self, source: Source, row: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        """The text of a field and the formats its dates have; empty when there is none."""
        if source.column is not None:
            text = row[source.column].strip()
        elif source.template is not None:
            text = _filled(source.template, row)
        else:
            text = source.value or ""
        if text in source.values:
            text = source.values[text]
        elif text and source.strict:
            raise BadValue(f"the mapping has no value for {text!r}")
        if text and source.lookup is not None:
            text = self.tables[source.lookup].get(text, "")
        if not text and source.otherwise is not None:
            return self._text(source.otherwise, row)
        return text, self.plan.date_formats if source.date_formats is None else source.date_formats

    def _value(self, text: str, kind: Kind | type[StrEnum], formats: tuple[str, ...]) -> object:
        if kind is Kind.INSTANT:
            moment = _moment(text, formats)
            if isinstance(moment, datetime) and moment.tzinfo is not None:
                return moment
            if not isinstance(moment, datetime):
                moment = datetime.combine(moment, time(0))
            return moment.replace(tzinfo=self.zone)
        if kind is Kind.DAY:
            moment = _moment(text, formats)
            return moment.date() if isinstance(moment, datetime) else moment
        if kind is Kind.NUMBER:
            return _number(text, self.plan.decimal_mark)
        if kind is Kind.WHOLE:
            number = _number(text, self.plan.decimal_mark)
            if number != int(number):
                raise BadValue(f"{text!r} is not a whole number")
            return int(number)
        if kind is Kind.FLAG:
            if text.casefold() not in ("true", "false", "yes", "no", "1", "0"):
                raise BadValue(f"{text!r} is neither true nor false")
            return text.casefold() in ("true", "yes", "1")
        if kind is Kind.SHARES:
            return [_share(part, self.plan.decimal_mark) for part in text.split(";") if part.strip()]
        if isinstance(kind, Kind):
            return text
        try:
            return kind(text)
        except ValueError:
            raise BadValue(f"{text!r} is none of {', '.join(kind)}") from None


def _filled(template: str, row: Mapping[str, str]) -> str:
    """The template with its columns, or empty when one of them is."""
    holes = _HOLE.findall(template)
    if any(not row[name].strip() for name, _ in holes):
        return ""

    def fill(hole: re.Match[str]) -> str:
        text = row[hole[1]].strip()
        return re.sub(r"[^a-z0-9]+", ".", text.casefold()).strip(".") if hole[2] else text

    return _HOLE.sub(fill, template)


def _moment(text: str, formats: tuple[str, ...]) -> datetime | date:
    """A date, or a date and time, by the first format that fits; ISO 8601 when there are none."""
    if not formats:
        try:
            return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
        except ValueError:
            raise BadValue(f"{text!r} is not a date as 2026-11-16 or 2026-11-16T09:30:00") from None
    for form in formats:
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - the mapping's zone is given by the caller
        except ValueError:
            continue
        return moment if "%H" in form or "%I" in form else moment.date()
    raise BadValue(f"{text!r} is not a date as {' or '.join(formats)}")


def _number(text: str, mark: str) -> Decimal:
    """A number with its thousands grouped or not. One with the other mark is refused, never misread."""
    bare = text.replace(" ", "").replace("\u00a0", "")
    try:
        if not _GROUPED[mark].fullmatch(bare):
            raise InvalidOperation
        return Decimal(bare.replace("," if mark == "." else ".", "").replace(",", "."))
    except InvalidOperation:
        raise BadValue(f"{text!r} is not a number with the decimal mark {mark!r}") from None


def _share(text: str, mark: str) -> tuple[str, Decimal]:
    rep, sign, share = text.rpartition("=")
    if not sign:
        raise BadValue(f"{text.strip()!r} is not a rep and a share as ann=0.5")
    return rep.strip(), _number(share.strip(), mark)
