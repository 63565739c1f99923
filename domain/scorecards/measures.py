"""What facts come to, for any number of leaves, subjects and weeks in one statement per kind of fact."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson

from domain.calendar import DAY, Calendar
from domain.quotas import rules as quota_rules
from domain.quotas.model import Measure as QuotaMeasure
from domain.quotas.model import Subject as Carrier
from domain.quotas.results import load_house, load_quotas
from domain.quotas.rollup import Board, Sums, attain
from domain.scorecards import rules
from domain.scorecards.formula import (
    Count,
    Dated,
    Facts,
    Field,
    Filter,
    Leaf,
    Mean,
    Median,
    QuotaLeft,
    Response,
    Sla,
    Sum,
    formula_to_json,
)
from domain.scorecards.model import Measured, Subject
from sql.pool import Session
from sql.queries import queries

_scorecards = queries("scorecards")
_quotas = queries("quotas")
_sums = queries("sums")
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

    def __hash__(self) -> int:
        """Without the leaf, whose hash takes longer than to compare the few that look at the same days."""
        return hash((self.subject_id, self.since, self.until))


@dataclass(frozen=True, slots=True)
class Found:
    """A fact that counted: its id, how to call it, what it contributed."""

    facts: Facts
    fact_id: UUID
    label: str
    value: Decimal


async def measure(
    session: Session, calendar: Calendar, due: Iterable[Due], now: datetime, *, from_sums: bool = False
) -> dict[Due, Measured]:
    """Measure all that is due; what found no facts is missing. `now` decides which open leads are overdue.

    Teams are counted from the facts of their members, or, as results are, read from the sums that are kept of them; so
    are quotas, from attainment, which has to be true by then.
    """
    due = set(due)
    left = {each: won_of(calendar, each) for each in due if isinstance(each.leaf, QuotaLeft)}
    plain = (due - left.keys()) | set(left.values())
    of_teams = sorted((each for each in plain if each.subject is Subject.TEAM), key=_order) if from_sums else []
    found = await _read(session, of_teams)
    for _, dues, rows in await _run(session, plain - set(of_teams), now):
        found |= _told(dues, rows)
    if left:
        of_left = await (_carried if from_sums else quotas)(session, calendar, left)
        for each, quota in of_left.items():
            rest = quota_rules.quota_left(quota, found.get(left[each], Measured()).total or Decimal(0))
            found[each] = Measured(1, rest)
    return found


def won_of(calendar: Calendar, due: Due) -> Due:
    """What counts towards a quota up to the end of the week: credits won since the period that holds its last day."""
    leaf = due.leaf
    if not isinstance(leaf, QuotaLeft):
        raise TypeError(leaf)
    since = calendar.period(leaf.period, due.until - DAY).starts_on
    return Due(rules.won(leaf.measure), due.subject, due.subject_id, since, due.until)


async def quotas(session: Session, calendar: Calendar, due: Iterable[Due]) -> dict[Due, Decimal]:
    """The quota of the period that holds the last day, prorated, ramped and rolled up as attainment has it.

    Who has none is missing.
    """
    boards: dict[Board, list[Due]] = {}
    for each in due:
        if isinstance(each.leaf, QuotaLeft):
            period = calendar.period(each.leaf.period, each.until - DAY)
            boards.setdefault(Board(QuotaMeasure(each.leaf.measure), None, period), []).append(each)
    order = sorted(boards, key=lambda board: (board.measure, board.period))
    house, terms = await load_house(session, order), await load_quotas(session, order)
    found: dict[Due, Decimal] = {}
    for board, of_board in zip(order, terms, strict=True):
        if not of_board:
            continue
        # Neither what was attained nor today changes a quota.
        lines = attain(calendar, board, house, of_board, Sums(), board.period.starts_on)
        for each in boards[board]:
            line = lines.get((Carrier(each.subject), each.subject_id))
            if line is not None and line.figures.quota is not None:
                found[each] = line.figures.quota
    return found


async def _carried(session: Session, calendar: Calendar, due: Iterable[Due]) -> dict[Due, Decimal]:
    """The same as attainment has it."""
    dues = sorted((each for each in due if isinstance(each.leaf, QuotaLeft)), key=_order)
    leaves = [each.leaf for each in dues if isinstance(each.leaf, QuotaLeft)]
    rows = await session.fetch(
        _quotas.quotas_carried,
        list(range(len(dues))),
        [each.subject for each in dues],
        [each.subject_id for each in dues],
        [leaf.measure for leaf in leaves],
        [leaf.period for leaf in leaves],
        [calendar.period(leaf.period, each.until - DAY).starts_on for each, leaf in zip(dues, leaves, strict=True)],
    )
    return {dues[row["n"]]: row["quota"] for row in rows}


async def by_day(session: Session, dues: Iterable[Due], now: datetime) -> list[tuple[Due, date, Any]]:
    """What the facts of a team's own staff, not of teams below it, come to: the day, and a row as `tally` takes it.

    Flows come day by day; what is open at the end of the days comes on their last.
    """
    return [
        (dues[row["n"]], row["day"] or dues[row["n"]].until - DAY, row)
        for _, dues, rows in await _run(session, dues, now, staff=True)
        for row in rows
    ]


async def facts(session: Session, due: Iterable[Due], now: datetime) -> dict[Due, list[Found]]:
    """The facts behind `measure`, from the same statements; what found none is missing."""
    found: dict[Due, list[Found]] = {}
    for kind, dues, rows in await _run(session, due, now, explain=True):
        for row in rows:
            found.setdefault(dues[row["n"]], []).extend(
                Found(kind, UUID(fact_id), label, Decimal(value)) for fact_id, label, value in row["facts"]
            )
    for of_due in found.values():
        of_due.sort(key=lambda fact: (fact.fact_id.bytes, fact.value))
    return found


@cache
def operand_id(leaf: Leaf) -> UUID:
    """The name under which the sums of a leaf are kept: the same for the same leaf, everywhere."""
    return uuid5(NAMESPACE_OID, orjson.dumps(formula_to_json(leaf), option=orjson.OPT_SORT_KEYS).decode())


def is_flow(leaf: Leaf) -> bool:
    """Whether it adds up over days; what is open at the end of a week does not."""
    return getattr(leaf, "dated", None) is not Dated.OPEN


def tally(leaf: Leaf, rows: Sequence[Mapping[str, Any]]) -> Measured:
    """From rows of `sample` and `total`: all in all; of a median, the two in the middle of the numbers `x`."""
    sample = sum(row["sample"] for row in rows)
    total = sum((row["total"] for row in rows if row["total"] is not None), Decimal(0))
    if not isinstance(leaf, Median):
        return Measured(sample, total)
    low = high = None
    seen = 0
    for row in sorted(rows, key=lambda row: row["x"]):
        seen += row["sample"]
        if low is None and seen > (sample - 1) // 2:
            low = row["x"]
        if seen > sample // 2:
            high = row["x"]
            break
    return Measured(sample, total, low, high)


def _order(each: Due) -> tuple[object, ...]:
    return (each.subject_id, each.since, each.until, operand_id(each.leaf))


def _told(dues: Sequence[Due], rows: Iterable[Any]) -> dict[Due, Measured]:
    of_due: dict[int, list[Any]] = {}
    for row in rows:
        of_due.setdefault(row["n"], []).append(row)
    return {dues[n]: tally(dues[n].leaf, found) for n, found in of_due.items()}


async def _read(session: Session, dues: Sequence[Due]) -> dict[Due, Measured]:
    """What is due for teams, from the sums."""
    if not dues:
        return {}
    columns = (
        list(range(len(dues))),
        [operand_id(each.leaf) for each in dues],
        [each.subject_id for each in dues],
        [each.since if is_flow(each.leaf) else each.until - DAY for each in dues],
        [each.until for each in dues],
    )
    return _told(dues, await session.fetch(_sums.added_up, *columns))


async def _run(
    session: Session,
    due: Iterable[Due],
    now: datetime,
    *,
    explain: bool = False,
    staff: bool = False,
) -> list[tuple[Facts, Sequence[Due], Sequence[Any]]]:
    of_kind: dict[Facts, list[Due]] = {}
    for each in dict.fromkeys(due):
        of_kind.setdefault(_facts_of(each.leaf), []).append(each)
    found: list[tuple[Facts, Sequence[Due], Sequence[Any]]] = []
    for kind in sorted(of_kind):
        dues = of_kind[kind]
        leaves = list(dict.fromkeys(each.leaf for each in dues))
        position = {leaf: i for i, leaf in enumerate(leaves)}
        columns = (
            list(range(len(dues))),
            [position[each.leaf] for each in dues],
            ["STAFF" if staff else each.subject for each in dues],
            [each.subject_id for each in dues],
            [each.since for each in dues],
            [each.until for each in dues],
        )
        described = [{"leaf": i, "daily": staff and is_flow(leaf), **_described(leaf)} for i, leaf in enumerate(leaves)]
        clock = (now,) if kind is Facts.LEAD else ()
        found.append((kind, dues, await session.fetch(_STATEMENTS[kind], described, *columns, explain, *clock)))
    return found


def _facts_of(leaf: Leaf) -> Facts:
    if isinstance(leaf, QuotaLeft):
        raise TypeError("what is left of a quota is measured by the quota")
    return Facts.LEAD if isinstance(leaf, Sla) else leaf.facts


def _described(leaf: Leaf) -> dict[str, object]:
    """A leaf as the statements take it."""
    if isinstance(leaf, QuotaLeft):
        raise TypeError("what is left of a quota is measured by the quota")
    match leaf:
        case Sla(until, minutes, where):
            return {"field": "SLA", "until_event": until, "within_seconds": minutes * 60, **_filtered(where)}
        case Count(_, dated, where):
            return {"field": "COUNT", "dated": dated, **_filtered(where)}
        case Sum(_, field, dated, where) | Mean(_, field, dated, where) | Median(_, field, dated, where):
            until = Response.QUOTE if field is Field.QUOTE_MINUTES else Response.FIRST_RESPONSE
            median = isinstance(leaf, Median)
            return {"field": field, "dated": dated, "median": median, "until_event": until, **_filtered(where)}


def _filtered(where: Filter) -> dict[str, list[str]]:
    return {name: list(values) for name in Filter.__slots__ if (values := getattr(where, name))}
