"""Scorecards as they are stored, and what differs of those that were computed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from domain.calendar import PeriodKind
from domain.events import Change, Event
from domain.quotas.boards import board_moved
from domain.quotas.model import Measure
from domain.scorecards import rules
from domain.scorecards.model import Result, Scorecard, Status, Subject
from domain.scorecards.roster import Weeks
from domain.scorecards.touched import Key
from domain.work import Tx, columns
from sql.queries import queries

_scorecards = queries("scorecards")

Values = Mapping[UUID, Decimal | None]
"""Of the KPIs of a scorecard."""


async def load(tx: Tx, keys: Sequence[Key]) -> dict[Key, Scorecard]:
    """What is stored of these scorecards."""
    stored = {}
    rows = await tx.fetch(_scorecards.stored, *columns([_row(key) for key in keys], 3))
    for (subject, subject_id, week), group in groupby(rows, key=lambda row: row[:3]):
        lines = list(group)
        results = []
        for *content, status, trend in (row[_WIDTH:] for row in lines if row[_WIDTH] is not None):
            results.append(Result(*(*content, Status(status), trend)))
        *content, status = lines[0][3:_WIDTH]
        key = Key(week, Subject(subject), subject_id)
        stored[key] = Scorecard(*(key.subject, subject_id, week, *content, Status(status), tuple(results)))
    return stored


async def values_before(
    tx: Tx, weeks: Weeks, keys: Sequence[Key], kpis: Collection[UUID]
) -> dict[Key, dict[UUID, Decimal | None]]:
    """The values of these KPIs that trends are measured against, of weeks before that are not among these."""
    wanted = {
        (key.subject, key.subject_id, week)
        for key in keys
        for week in weeks.through(weeks.before(key.week, rules.TREND_WEEKS), weeks.before(key.week, 1))
    }
    wanted.difference_update(_row(key) for key in keys)
    stretches: list[tuple[Subject, UUID, date, date]] = []
    for subject, subject_id, week in sorted(wanted):
        if stretches and stretches[-1][:2] == (subject, subject_id) and stretches[-1][3] == week:
            stretches[-1] = (*stretches[-1][:3], weeks.end(week))
        else:
            stretches.append((subject, subject_id, week, weeks.end(week)))
    rows = await tx.fetch(_scorecards.values_stored, *columns(stretches, 4), list(kpis))
    found: dict[Key, dict[UUID, Decimal | None]] = {}
    for subject, subject_id, week, kpi_id, value in rows:
        found.setdefault(Key(week, Subject(subject), subject_id), {})[kpi_id] = value
    return found


async def save(
    tx: Tx,
    keys: Sequence[Key],
    stored: Mapping[Key, Scorecard],
    fresh: Mapping[Key, Scorecard],
    inputs_through: datetime,
) -> None:
    """Write what differs and remove what is not there any more; an event for each, and its rep coached."""
    gone = [key for key in keys if key in stored and key not in fresh]
    changed = [fresh[key] for key in keys if key in fresh and stored.get(key) != fresh[key]]
    if gone:
        await tx.execute(_scorecards.scorecards_remove, *columns([_row(key) for key in gone], 3))
    if changed:
        rows = [_scorecard_row(scorecard) for scorecard in changed]
        await tx.execute(_scorecards.scorecards_save, *columns(rows, 10), tx.now, inputs_through)
    saved, left = [], []
    for scorecard in changed:
        key = Key(scorecard.week, scorecard.subject, scorecard.subject_id)
        old = {result.kpi_id: result for result in stored[key].results} if key in stored else {}
        left += [(*_row(key), kpi_id) for kpi_id in old.keys() - {result.kpi_id for result in scorecard.results}]
        saved += [
            (*_row(key), *_result_row(result)) for result in scorecard.results if old.get(result.kpi_id) != result
        ]
    if left:
        await tx.execute(_scorecards.results_remove, *columns(left, 4))
    if saved:
        await tx.execute(_scorecards.results_save, *columns(saved, 16), tx.now, inputs_through)
    for key in gone:
        _record(tx, key, Change.REMOVED)
    for scorecard in changed:
        key = Key(scorecard.week, scorecard.subject, scorecard.subject_id)
        _record(tx, key, Change.UPDATED if key in stored else Change.CREATED)
    ranked = [row[:4] for row in (*left, *saved)]
    ranked += [(*_row(key), result.kpi_id) for key in gone for result in stored[key].results]
    for week, kpi_id in dict.fromkeys((row[2], row[3]) for row in ranked if row[0] is Subject.REP):
        tx.record(board_moved(Measure.KPI, kpi_id, PeriodKind.WEEK, week))


# Columns of a scorecard before those of its results.
_WIDTH = len(Scorecard.__slots__) - 1
_scorecard_row = attrgetter(*Scorecard.__slots__[:-1])
_result_row = attrgetter(*Result.__slots__)


def _row(key: Key) -> tuple[Subject, UUID, date]:
    return key.subject, key.subject_id, key.week


def _record(tx: Tx, key: Key, change: Change) -> None:
    week = key.week.isoformat()
    of_rep = key.subject is Subject.REP
    tx.record(
        Event(
            "scorecards.scorecard",
            change,
            "Scorecard",
            f"{key.subject}:{key.subject_id}:{week}",
            rep_id=key.subject_id if of_rep else None,
            team_id=None if of_rep else key.subject_id,
            data={"subject": key.subject, "subject_id": str(key.subject_id), "week": week},
        )
    )
    if of_rep:
        tx.coach(key.subject_id)
