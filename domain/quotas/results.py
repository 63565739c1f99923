"""Keeps attainment true: what the dirty days touch is computed from facts, and what differs is written."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from domain.calendar import Calendar, Period, PeriodKind
from domain.dirty import Dirty, Touch
from domain.events import Change, Event
from domain.quotas import attained
from domain.quotas.boards import board_data, board_moved
from domain.quotas.model import NO_KPI, AttainmentKey, Measure, Quota, QuotaSource, Subject
from domain.quotas.rollup import Board, House, Line, Stint, Sums, Who, attain, unasked
from domain.quotas.rows import Row, quota_from_row
from domain.quotas.rules import Tenure, figures, smallest_unit
from domain.work import Tx
from sql.pool import Session
from sql.queries import queries

_quotas = queries("quotas")


async def recompute(tx: Tx, calendar: Calendar, dirty: Dirty) -> None:
    """Attainment of every measure and period that has quotas and holds a dirty day.

    A pure function of facts, quotas, the calendar and today's local day: computing one period or all, or of reps only
    those whose days are dirty, gives the same. A measure and period that is new is computed for everybody.
    Numbers through today (expected, pace, projection) are refreshed by the mark of every midnight. Records an event for
    each attainment whose numbers changed.
    """
    days = [*dirty.everybody, *(days for of_rep in dirty.reps.values() for of in of_rep.values() for days in of)]
    if not days:
        return
    rows = await tx.fetch(_quotas.boards_touched, [start for start, _ in days], [through for _, through in days])
    boards = [
        Board(
            Measure(row["measure"]),
            None if row["kpi_id"] == NO_KPI else row["kpi_id"],
            Period(row["starts_on"], row["ends_on"], PeriodKind(row["period_kind"]), ""),
        )
        for row in rows
    ]
    touches = {touch for of_rep in dirty.reps.values() for touch in of_rep}
    new = {board for board, row in zip(boards, rows, strict=True) if not row["whole"]}
    if not dirty.everybody and not touches & {Touch.ALL, Touch.DEAL_CLOSED}:
        # Credits count on the day their deal closed; only KPIs count anything else.
        boards = [board for board in boards if board.measure is Measure.KPI or board in new]
    whole = [board for board in boards if board not in new]
    if new:
        fresh = [board for board in boards if board in new]
        await attained.refresh(tx, fresh, None)
        await tx.execute(_quotas.boards_whole, *_board_columns(fresh))
        await _anew(tx, calendar, dirty, fresh, None)
    if whole:
        reps = None if dirty.everybody else dirty.reps.keys()
        moved = await attained.refresh(tx, whole, reps)
        if reps is None or Touch.ALL in touches or not await _by_facts(tx, calendar, dirty, whole, moved):
            await _anew(tx, calendar, dirty, whole, reps)


async def _anew(
    tx: Tx, calendar: Calendar, dirty: Dirty, boards: Sequence[Board], reps: Collection[UUID] | None
) -> None:
    """From everybody's quotas and what everybody attained; lines of these reps only (None: of all)."""
    house = await load_house(tx.session, boards)
    quotas = await load_quotas(tx.session, boards)
    sums = await attained.everybodys(tx.session, boards)
    today = calendar.local_day(tx.now)
    lines = {
        _key_of(board, who): (board, line)
        for i, board in enumerate(boards)
        for who, line in attain(calendar, board, house, quotas[i], sums[i], today, reps).items()
    }
    saved = await _save(tx, calendar, dirty, lines)
    gone = await tx.fetch(
        _quotas.attainments_prune,
        *_board_columns(boards),
        *_key_columns(list(lines)),
        None if reps is None else list(reps),
    )
    _tell(tx, saved, gone)


async def _by_facts(tx: Tx, calendar: Calendar, dirty: Dirty, boards: Sequence[Board], moved: attained.Moved) -> bool:
    """From what these reps attained, where facts alone changed.

    What is asked of them, and of whoever stands above them, stands as it is stored. False where it is of another day.
    """
    today = calendar.local_day(tx.now)
    found = await attained.above(tx.session, boards, dirty.reps.keys(), moved)
    keys = {_key_of(boards[i], who): (i, who) for i, who in found}
    asked = {_key(row): row for row in await tx.fetch(_quotas.attainments_asked, *_key_columns(list(keys)))}
    if any(row["as_of"] != min(today, row["ends_on"]) for row in asked.values()):
        return False
    tenures = {row["rep_id"]: _tenure(row) for row in await tx.fetch(_quotas.tenures, list(dirty.reps))}
    currency = str(await tx.value(_quotas.organization_currency))
    lines: dict[AttainmentKey, tuple[Board, Line]] = {}
    for key, (i, who) in keys.items():
        board, value = boards[i], found[i, who]
        row = asked.get(key)
        if value or (row is not None and row["quota"] is not None):
            unit = smallest_unit(board.measure, currency)
            tenure = tenures.get(who[1]) if who[0] is Subject.REP else None
            lines[key] = board, _line(calendar, board, row, tenure, value, today, unit)
    saved = await _save(tx, calendar, dirty, lines)
    left = [key for key in asked if key not in lines]
    _tell(tx, saved, await tx.fetch(_quotas.attainments_remove, *_key_columns(left)) if left else ())
    return True


def _line(
    calendar: Calendar,
    board: Board,
    asked: Row | None,
    tenure: Tenure | None,
    value: Decimal,
    today: date,
    unit: Decimal,
) -> Line:
    """The line of who attained so much, from what is asked of it; nothing is of who has no line yet."""
    if asked is None:
        return unasked(calendar, board, tenure, value, today, unit)
    source = None if asked["quota_source"] is None else QuotaSource(asked["quota_source"])
    over, under = asked["elapsed_numerator"], asked["elapsed_denominator"]
    elapsed = None if over is None else Fraction(int(over), int(under))
    numbers = figures(asked["quota"], value, elapsed, asked["workdays_left"], unit)
    return Line(source, numbers, elapsed, asked["workdays_left"])


async def load_house(session: Session, boards: Sequence[Board]) -> House:
    """Everybody in the organisation, with the stints that concern these periods."""
    first, last = min(b.period.starts_on for b in boards), max(b.period.ends_on for b in boards)
    stints: dict[UUID, list[Stint]] = defaultdict(list)
    for row in await session.fetch(_quotas.stints, first, last):
        stints[row["rep_id"]].append(Stint(row["team_id"], row["starts_on"], row["ends_on"]))
    rows = await session.fetch(_quotas.tenures, None)
    tenures = {row["rep_id"]: _tenure(row) for row in rows}
    names = {row["rep_id"]: row["name"] for row in rows}
    trees: dict[str, dict[UUID, UUID | None]] = {Subject.TEAM: {}, Subject.TERRITORY: {}}
    for row in await session.fetch(_quotas.trees):
        trees[row["subject"]][row["id"]] = row["parent_id"]
        names[row["id"]] = row["name"]
    currency = str(await session.value(_quotas.organization_currency))
    return House(session.org_id, currency, tenures, stints, trees[Subject.TEAM], trees[Subject.TERRITORY], names)


def _tenure(row: Row) -> Tenure:
    leave = tuple(zip(row["leave_from"], row["leave_to"], strict=True))
    return Tenure(row["hired_on"], row["left_on"], leave)


async def load_quotas(session: Session, boards: Sequence[Board]) -> list[list[Quota]]:
    """The quotas in force, board by board."""
    found: list[list[Quota]] = [[] for _ in boards]
    columns = (
        list(range(len(boards))),
        [b.measure for b in boards],
        [b.kpi_id for b in boards],
        [b.period.kind for b in boards],
        [b.period.starts_on for b in boards],
    )
    for row in await session.fetch(_quotas.boards_quotas, *columns):
        found[row["position"]].append(quota_from_row(row))
    return found


async def load_sums(session: Session, boards: Sequence[Board]) -> list[Sums]:
    """What was attained, board by board, counted from the facts: the same as is kept added up.

    One statement for what was won, and one for each version of a KPI.
    """
    found = [Sums() for _ in boards]
    won = [i for i, board in enumerate(boards) if board.kpi_id is None]
    if won:
        for row in await session.fetch(_quotas.credit_sums, *_periods(boards, won)):
            _add(found[row["position"]], row, boards[row["position"]].measure.lower())
    for formula, positions in await attained.formulas(session, boards):
        for row in await session.fetch(_quotas.kpi_sums, *_periods(boards, positions), *attained.counted(formula)):
            _add(found[row["position"]], row, "value")
    return found


def _periods(boards: Sequence[Board], positions: list[int]) -> tuple[list[int], list[date], list[date]]:
    periods = [boards[i].period for i in positions]
    return positions, [p.starts_on for p in periods], [p.ends_on for p in periods]


def _add(sums: Sums, row: Row, column: str) -> None:
    if not row["by_territory"]:
        sums.reps[row["rep_id"], row["team_id"]] = row[column]
    elif row["territory_id"] is not None:
        sums.territories[row["territory_id"]] = row[column]


async def _save(
    tx: Tx, calendar: Calendar, dirty: Dirty, lines: Mapping[AttainmentKey, tuple[Board, Line]]
) -> Sequence[Row]:
    """Write what differs; the keys of those rows, and whether they are new."""
    keys = sorted(lines, key=str)
    found = [lines[key] for key in keys]
    numbers = [line.figures for _, line in found]
    starts = {board.period.starts_on for board, _ in found}
    versions = {day: calendar.at(day).version for day in starts}
    today = calendar.local_day(tx.now)
    return await tx.fetch(
        _quotas.attainments_save,
        *_key_columns(keys),
        [board.period.ends_on for board, _ in found],
        [f.quota for f in numbers],
        [line.source for _, line in found],
        [f.attained for f in numbers],
        [f.ratio for f in numbers],
        [f.gap for f in numbers],
        [f.expected for f in numbers],
        [f.pace_ratio for f in numbers],
        [f.projected for f in numbers],
        [f.projected_ratio for f in numbers],
        [f.required_per_workday for f in numbers],
        [f.reason for f in numbers],
        [versions[board.period.starts_on] for board, _ in found],
        tx.now,
        dirty.inputs_through,
        [None if line.elapsed is None else Decimal(line.elapsed.numerator) for _, line in found],
        [None if line.elapsed is None else Decimal(line.elapsed.denominator) for _, line in found],
        [line.workdays_left for _, line in found],
        [min(today, board.period.ends_on) for board, _ in found],
    )


def _tell(tx: Tx, saved: Sequence[Row], gone: Sequence[Row]) -> None:
    for row in saved:
        _record(tx, row, Change.CREATED if row["created"] else Change.UPDATED)
    for row in gone:
        _record(tx, row, Change.REMOVED)
    ranked = (_key(row) for row in (*saved, *gone) if row["subject"] == Subject.REP)
    for board in dict.fromkeys(_board(key) for key in ranked):
        tx.record(board_moved(*board))


def _board_columns(boards: Sequence[Board]) -> tuple[list[Any], ...]:
    return (
        [b.measure for b in boards],
        [b.kpi_id or NO_KPI for b in boards],
        [b.period.kind for b in boards],
        [b.period.starts_on for b in boards],
    )


def _key_of(board: Board, who: Who) -> AttainmentKey:
    return AttainmentKey(*who, board.measure, board.kpi_id, board.period.kind, board.period.starts_on)


def _key_columns(keys: Sequence[AttainmentKey]) -> tuple[list[Any], ...]:
    return (
        [key.subject for key in keys],
        [key.subject_id for key in keys],
        [key.measure for key in keys],
        [key.kpi_id or NO_KPI for key in keys],
        [key.kind for key in keys],
        [key.starts_on for key in keys],
    )


def _record(tx: Tx, row: Row, change: Change) -> None:
    key = _key(row)
    rep_id = key.subject_id if key.subject is Subject.REP else None
    team_id = key.subject_id if key.subject is Subject.TEAM else None
    data = {"subject": key.subject, "subject_id": str(key.subject_id), **board_data(*_board(key))}
    tx.record(Event("quotas.attainment", change, "Attainment", str(key), rep_id, team_id, data))


def _board(key: AttainmentKey) -> tuple[Measure, UUID | None, PeriodKind, date]:
    return key.measure, key.kpi_id, key.kind, key.starts_on


def _key(row: Row) -> AttainmentKey:
    return AttainmentKey(
        Subject(row["subject"]),
        row["subject_id"],
        Measure(row["measure"]),
        None if row["kpi_id"] == NO_KPI else row["kpi_id"],
        PeriodKind(row["period_kind"]),
        row["starts_on"],
    )
