"""Keeps attainment true: what the dirty days touch is computed from facts, and what differs is written."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from domain.calendar import Calendar, Period, PeriodKind
from domain.dirty import Dirty, Touch
from domain.events import Change, Event
from domain.quotas.boards import board_data, board_moved
from domain.quotas.model import NO_KPI, AttainmentKey, Measure, Quota, Subject
from domain.quotas.rollup import Board, House, Line, Stint, Sums, attain
from domain.quotas.rows import Row, quota_from_row
from domain.quotas.rules import Tenure, adds_up
from domain.scorecards.model import Count, Sum, formula_from_json
from domain.work import Tx
from sql.pool import Session
from sql.queries import queries

_quotas = queries("quotas")


async def recompute(tx: Tx, calendar: Calendar, dirty: Dirty) -> None:
    """Attainment of every measure and period that has quotas and holds a dirty day.

    A pure function of facts, quotas, the calendar and today's local day: computing one period or all, or of reps only
    those whose days are dirty, gives the same.
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
            row["kpi_id"],
            Period(row["starts_on"], row["ends_on"], PeriodKind(row["period_kind"]), ""),
        )
        for row in rows
    ]
    touches = {touch for of_rep in dirty.reps.values() for touch in of_rep}
    if not dirty.everybody and not touches & {Touch.ALL, Touch.DEAL_CLOSED}:
        # Credits count on the day their deal closed; only KPIs count anything else.
        boards = [board for board in boards if board.measure is Measure.KPI]
    if not boards:
        return
    house = await load_house(tx.session, boards)
    quotas = await load_quotas(tx.session, boards)
    sums = await load_sums(tx.session, boards)
    today = calendar.local_day(tx.now)
    reps = None if dirty.everybody else dirty.reps.keys()
    lines = {
        AttainmentKey(subject, subject_id, board.measure, board.kpi_id, board.period.kind, board.period.starts_on): (
            board,
            line,
        )
        for i, board in enumerate(boards)
        for (subject, subject_id), line in attain(calendar, board, house, quotas[i], sums[i], today, reps).items()
    }
    await _save(tx, calendar, dirty, boards, lines)


async def load_house(session: Session, boards: Sequence[Board]) -> House:
    """Everybody in the organisation, with the stints that concern these periods."""
    first, last = min(b.period.starts_on for b in boards), max(b.period.ends_on for b in boards)
    stints: dict[UUID, list[Stint]] = defaultdict(list)
    for row in await session.fetch(_quotas.stints, first, last):
        stints[row["rep_id"]].append(Stint(row["team_id"], row["starts_on"], row["ends_on"]))
    tenures, names = {}, {}
    for row in await session.fetch(_quotas.tenures):
        leave = tuple(zip(row["leave_from"], row["leave_to"], strict=True))
        tenures[row["rep_id"]] = Tenure(row["hired_on"], row["left_on"], leave)
        names[row["rep_id"]] = row["name"]
    trees: dict[str, dict[UUID, UUID | None]] = {Subject.TEAM: {}, Subject.TERRITORY: {}}
    for row in await session.fetch(_quotas.trees):
        trees[row["subject"]][row["id"]] = row["parent_id"]
        names[row["id"]] = row["name"]
    currency = str(await session.value(_quotas.organization_currency))
    return House(session.org_id, currency, tenures, stints, trees[Subject.TEAM], trees[Subject.TERRITORY], names)


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
    """What was attained, board by board: one statement for what was won, and one for each version of a KPI.

    The version of a KPI that is in force when a period begins counts for all of the period.
    """
    found = [Sums() for _ in boards]
    won = [i for i, board in enumerate(boards) if board.kpi_id is None]
    if won:
        for row in await session.fetch(_quotas.credit_sums, *_periods(boards, won)):
            _add(found[row["position"]], row, boards[row["position"]].measure.lower())
    for formula, positions in await formulas(session, boards):
        where = formula.where
        for row in await session.fetch(
            _quotas.kpi_sums,
            *_periods(boards, positions),
            formula.facts,
            formula.field if isinstance(formula, Sum) else "COUNT",
            formula.dated,
            where.kinds,
            where.outcomes,
            where.channels,
            where.statuses,
            where.products,
        ):
            _add(found[row["position"]], row, "value")
    return found


def _periods(boards: Sequence[Board], positions: list[int]) -> tuple[list[int], list[date], list[date]]:
    periods = [boards[i].period for i in positions]
    return positions, [p.starts_on for p in periods], [p.ends_on for p in periods]


async def formulas(session: Session, boards: Sequence[Board]) -> list[tuple[Count | Sum, list[int]]]:
    """Each formula that quotas are set on, with the boards that it counts for."""
    wanted = {(b.kpi_id, b.period.starts_on) for b in boards if b.kpi_id is not None}
    if not wanted:
        return []
    rows = await session.fetch(_quotas.kpi_formulas, [kpi_id for kpi_id, _ in wanted], [day for _, day in wanted])
    formulas = {(row["kpi_id"], row["day"]): formula_from_json(row["formula"]) for row in rows}
    found: dict[Count | Sum, list[int]] = defaultdict(list)
    for i, board in enumerate(boards):
        formula = formulas.get((board.kpi_id, board.period.starts_on)) if board.kpi_id else None
        if isinstance(formula, (Count, Sum)) and adds_up(formula):
            found[formula].append(i)
    return list(found.items())


def _add(sums: Sums, row: Row, column: str) -> None:
    if not row["by_territory"]:
        sums.reps[row["rep_id"], row["team_id"]] = row[column]
    elif row["territory_id"] is not None:
        sums.territories[row["territory_id"]] = row[column]


async def _save(
    tx: Tx,
    calendar: Calendar,
    dirty: Dirty,
    boards: Sequence[Board],
    lines: Mapping[AttainmentKey, tuple[Board, Line]],
) -> None:
    keys = sorted(lines, key=str)
    columns = _key_columns(keys)
    found = [lines[key] for key in keys]
    numbers = [line.figures for _, line in found]
    versions = {board.period.starts_on: calendar.at(board.period.starts_on).version for board in boards}
    saved = await tx.fetch(
        _quotas.attainments_save,
        *columns,
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
    )
    gone = await tx.fetch(
        _quotas.attainments_prune,
        [b.measure for b in boards],
        [b.kpi_id or NO_KPI for b in boards],
        [b.period.kind for b in boards],
        [b.period.starts_on for b in boards],
        *columns,
        None if dirty.everybody else list(dirty.reps),
    )
    for row in saved:
        _record(tx, row, Change.CREATED if row["created"] else Change.UPDATED)
    for row in gone:
        _record(tx, row, Change.REMOVED)
    ranked = (_key(row) for row in (*saved, *gone) if row["subject"] == Subject.REP)
    for board in dict.fromkeys(_board(key) for key in ranked):
        tx.record(board_moved(*board))


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
