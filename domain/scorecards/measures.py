"""What facts come to, for any number of leaves, subjects and weeks in one statement per kind of fact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.calendar import Calendar
from domain.scorecards.model import (
    Count,
    Facts,
    Field,
    Filter,
    Leaf,
    Mean,
    Measured,
    Median,
    QuotaLeft,
    Response,
    Sla,
    Subject,
    Sum,
)
from domain.work import Tx
from sql.pool import Session
from sql.queries import queries

_scorecards = queries("scorecards")
_STATEMENTS = {
    Facts.ACTIVITY: _scorecards.activities_measured,
    Facts.LEAD: _scorecards.leads_measured,
    Facts.DEAL: _scorecards.deals_measured,
    Facts.CREDIT: _scorecards.credits_measured,
}

NODE_TYPES = {Facts.ACTIVITY: "Activity", Facts.LEAD: "Lead", Facts.DEAL: "Deal", Facts.CREDIT: "Deal"}


@dataclass(frozen=True, slots=True)
class Due:
    """A leaf to be measured for a subject over the days `[since, until)`."""

    leaf: Leaf
    subject: Subject
    subject_id: UUID
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Found:
    """A fact that counted: its id, how to call it, what it contributed."""

    facts: Facts
    fact_id: UUID
    label: str
    value: Decimal


async def measure(tx: Tx | Session, calendar: Calendar, due: Iterable[Due], now: datetime) -> dict[Due, Measured]:
    """Measure all that is due; what found no facts is missing. `now` decides which open leads are overdue."""
    due = [each for each in due if not isinstance(each.leaf, QuotaLeft)]
    found: dict[Due, Measured] = {}
    for _, dues, rows in await _run(tx, due, now, explain=False):
        for row in rows:
            found[dues[row["n"]]] = Measured(row["sample"], row["total"], row["low"], row["high"])
    return found


async def facts(tx: Tx | Session, due: Iterable[Due], now: datetime) -> dict[Due, list[Found]]:
    """The facts behind `measure`, from the same statements; what found none is missing."""
    found: dict[Due, list[Found]] = {}
    for kind, dues, rows in await _run(tx, due, now, explain=True):
        for row in rows:
            found[dues[row["n"]]] = [
                Found(kind, UUID(fact_id), label, Decimal(value)) for fact_id, label, value in row["facts"]
            ]
    return found


def facts_of(leaf: Leaf) -> Facts:
    """The kind of fact that a leaf reads; the credits of won deals for what is left of a quota."""
    if isinstance(leaf, Sla):
        return Facts.LEAD
    return Facts.CREDIT if isinstance(leaf, QuotaLeft) else leaf.facts


async def _run(
    tx: Tx | Session, due: Iterable[Due], now: datetime, *, explain: bool
) -> list[tuple[Facts, Sequence[Due], Sequence[Any]]]:
    of_kind: dict[Facts, list[Due]] = {}
    for each in dict.fromkeys(due):
        of_kind.setdefault(facts_of(each.leaf), []).append(each)
    found: list[tuple[Facts, Sequence[Due], Sequence[Any]]] = []
    for kind, dues in of_kind.items():
        leaves = list(dict.fromkeys(each.leaf for each in dues))
        position = {leaf: i for i, leaf in enumerate(leaves)}
        columns = (
            list(range(len(dues))),
            [position[each.leaf] for each in dues],
            [each.subject for each in dues],
            [each.subject_id for each in dues],
            [each.since for each in dues],
            [each.until for each in dues],
        )
        described = [{"leaf": i, **_described(leaf)} for i, leaf in enumerate(leaves)]
        clock = (now,) if kind is Facts.LEAD else ()
        found.append((kind, dues, await tx.fetch(_STATEMENTS[kind], described, *columns, explain, *clock)))
    return found


def _described(leaf: Leaf) -> dict[str, object]:
    """A leaf as the statements take it."""
    match leaf:
        case Sla(until, minutes, where):
            return {"field": "SLA", "until_event": until, "within_seconds": minutes * 60, **_filtered(where)}
        case QuotaLeft():
            raise TypeError("what is left of a quota is measured with the quota")
        case Count(_, dated, where):
            return {"field": "COUNT", "dated": dated, **_filtered(where)}
        case Sum(_, field, dated, where) | Mean(_, field, dated, where) | Median(_, field, dated, where):
            until = Response.QUOTE if field is Field.QUOTE_MINUTES else Response.FIRST_RESPONSE
            median = isinstance(leaf, Median)
            return {"field": field, "dated": dated, "median": median, "until_event": until, **_filtered(where)}


def _filtered(where: Filter) -> dict[str, list[str]]:
    return {name: list(values) for name in Filter.__slots__ if (values := getattr(where, name))}
