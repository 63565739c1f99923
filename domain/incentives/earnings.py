"""Keeps pay true: calculates the periods that dirty days touch, and writes what differs from the ledger.

A calculation depends on facts, plans, quotas, rates and scores alone, never on what the ledger says, but for deals that
were cancelled after their period was locked (`cancellation.py`). Hence a full recompute and the incremental one agree
(rule 16), a second run writes nothing, and a worker that is killed leaves nothing half done.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from uuid import UUID

from domain.calendar import Calendar, PeriodKind
from domain.dirty import Dirty, Touch
from domain.incentives import stored
from domain.incentives.book import Book, Calculated, Handed
from domain.incentives.cancellation import cancellations
from domain.incentives.codec import to_json
from domain.incentives.known import Cell, PlanBook
from domain.incentives.ledger import difference, open_period
from domain.incentives.loading import load, load_plans, widened
from domain.incentives.model import LedgerLine
from domain.incentives.plan import Plan
from domain.incentives.posting import append, open_statements
from domain.incentives.wants import budgets, chained, counts_activity
from domain.work import Tx, columns
from sql.pool import uuid7
from sql.queries import queries

_earnings = queries("earnings")
_incentives = queries("incentives")
_statements = queries("statements")

# Reps that are calculated and written at a time: bounds memory and the longest statement.
_BATCH = 250

_SOLD = frozenset({Touch.ALL, Touch.DEAL_CLOSED, Touch.EARNINGS})


async def recompute(tx: Tx, calendar: Calendar, dirty: Dirty) -> None:
    """Calculate what is dirty and append what differs. Records an event for each statement that got lines."""
    plans = await load_plans(tx.session)
    if not plans or not _looked_at(plans, dirty):
        return
    # From here on nobody locks a period or writes a line: what is read of them holds until the commit.
    await tx.execute(_statements.ledger_lock)
    today = calendar.local_day(tx.now)
    start = await _concerned(tx, plans, dirty, today)
    reps = sorted(start)
    together = any(budgets(plan) for plan in _versions(plans))
    size = len(reps) if together else _BATCH
    for i in range(0, len(reps), max(size, 1)):
        batch = {rep_id: start[rep_id] for rep_id in reps[i : i + size]}
        book = await load(tx.session, calendar, today, plans, batch)
        await _write(tx, book, dirty)


def _looked_at(plans: Mapping[UUID, PlanBook], dirty: Dirty) -> bool:
    """Whether a plan looks at anything that is stale."""
    return bool(dirty.everybody) or not _touches(plans).isdisjoint(chain(*dirty.reps.values()))


def _touches(plans: Mapping[UUID, PlanBook]) -> frozenset[Touch]:
    """What the plans look at."""
    return frozenset(Touch) if any(counts_activity(plan) for plan in _versions(plans)) else _SOLD


def _versions(plans: Mapping[UUID, PlanBook]) -> list[Plan]:
    return [plan for book in plans.values() for _, plan in book.versions]


async def _concerned(tx: Tx, plans: Mapping[UUID, PlanBook], dirty: Dirty, today: date) -> dict[UUID, date]:
    """Whose pay may be stale, each from which day on: of what is theirs, what they are credited with besides, and what
    they share a budget with. What is dated ahead counts in the period that runs today."""
    earliest = min(book.starts_on for book in plans.values())
    touches = _touches(plans)
    start: dict[UUID, date] = {}

    def stale(rep_id: UUID, day: date) -> None:
        start[rep_id] = min(start.get(rep_id, date.max), max(min(day, today), earliest))

    for rep_id, of_rep in dirty.reps.items():
        for touch, stretches in of_rep.items():
            if touch in touches:
                stale(rep_id, stretches[0][0])
    for row in await tx.fetch(_earnings.beneficiaries, list(start), list(start.values())) if start else ():
        stale(row["rep_id"], row["from_day"])
    if dirty.everybody:
        first = max(min(dirty.everybody[0][0], today), earliest)
        for query in (_incentives.assigned_reps, _earnings.reps_with_lines):
            for row in await tx.fetch(query, first):
                stale(row["rep_id"], first)
    shared = [plan_id for plan_id, book in plans.items() if any(budgets(plan) for _, plan in book.versions)]
    if shared and start:
        day = min(start.values())
        everybody = {row["rep_id"] for row in await tx.fetch(_earnings.reps_on_plans, shared, date.min)}
        if not everybody.isdisjoint(start):
            for rep_id in everybody:
                stale(rep_id, day)
    return start


async def _write(tx: Tx, book: Book, dirty: Dirty) -> None:
    locked = {(PeriodKind(row["period_kind"]), row["starts_on"]) for row in await tx.fetch(_statements.periods_locked)}
    held = await _held(tx, book)
    book = await cancellations(tx, book, held, locked)
    calculated, handed = book.run()
    found = {one.cell: one for one in calculated}
    used: list[tuple[UUID, Calculated]] = []
    lines: list[LedgerLine] = []
    for cell in sorted({*found, *held}):
        one = found.get(cell)
        changed = list(difference(cell, book.plans[cell.plan_id].kind, held.get(cell, {}), one))
        if one is not None and any(line.calculation_id is not None for line in changed):
            calculation_id = uuid7()
            used.append((calculation_id, one))
            changed = [
                line if line.calculation_id is None else replace(line, calculation_id=calculation_id)
                for line in changed
            ]
        lines += changed
    await _keep(tx, used)
    await _post(tx, book, lines, locked, dirty)
    await _carry(tx, book, handed)


async def _held(tx: Tx, book: Book) -> dict[Cell, dict[str, LedgerLine]]:
    """The lines that hold about the periods that are calculated, and about those that are not any more."""
    reps = list(book.start)
    since = [widened(book.calendar, book.plans.values(), book.start[rep_id]) for rep_id in reps]
    held: dict[Cell, dict[str, LedgerLine]] = defaultdict(dict)
    for row in await tx.fetch(_earnings.lines_that_hold, reps, since):
        line = stored.ledger_line(row)
        if line.plan_id is None:
            continue
        # A shorter period than the widest may be over before the first stale day.
        if book.period(line.period_kind, line.origin_starts_on).ends_on > book.start[line.rep_id]:
            held[Cell(line.origin_starts_on, line.plan_id, line.rep_id)][line.key] = line
    return held


async def _keep(tx: Tx, used: Sequence[tuple[UUID, Calculated]]) -> None:
    rows = [
        (calculation_id, one.cell.rep_id, one.cell.plan_id, one.version, one.cell.starts_on, to_json(one.inputs))
        for calculation_id, one in used
    ]
    if rows:
        await tx.execute(_earnings.calculations_add, *columns(rows, 6), tx.now)


async def _post(
    tx: Tx, book: Book, lines: Sequence[LedgerLine], locked: Collection[tuple[PeriodKind, date]], dirty: Dirty
) -> None:
    """Each line on the statement of its period, or of the first one after it that is open."""
    places = [open_period(book.calendar, line.period_kind, line.origin_starts_on, locked) for line in lines]
    wanted = [(line.rep_id, place, line.currency) for line, place in zip(lines, places, strict=True)]
    statements = await open_statements(tx, wanted, dirty.inputs_through)
    placed = [
        replace(line, line_id=uuid7(), statement_id=statement.statement_id)
        for line, statement in zip(lines, statements, strict=True)
    ]
    await append(tx, placed, dirty.inputs_through)


async def _carry(tx: Tx, book: Book, handed: Mapping[Cell, Handed]) -> None:
    """What the periods hand on, for plans where they do."""
    rows = [
        (
            cell.rep_id,
            cell.plan_id,
            cell.starts_on,
            carry.owed,
            {"used": {used.component or "": used.amount for used in carry.used}, "taken": dict(taken)},
        )
        for cell, (carry, taken) in sorted(handed.items())
    ]
    if rows:
        await tx.execute(_earnings.carries_save, *columns(rows, 5))
    since = [
        (rep_id, book_.plan_id, book.period(book_.kind, day).starts_on)
        for book_ in book.plans.values()
        if any(chained(plan) for _, plan in book_.versions)
        for rep_id, day in book.start.items()
    ]
    if since:
        kept = columns([(cell.rep_id, cell.plan_id, cell.starts_on) for cell in handed], 3)
        await tx.execute(_earnings.carries_prune, *columns(since, 3), *kept)
