"""Keeps scorecards true: recomputes the weeks that the dirty days touch, from facts, and writes what differs.

Which weeks: a KPI looks back over its window, what is left of a quota over its period, and a trend over four weeks
more, so a dirty day touches its own week and as many after it. Never a week after the current one, nor one before the
first fact. A result depends on facts, definitions, the calendar and the time alone, never on what was computed before;
hence a full recompute and the incremental one agree (rule 16).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.calendar import DAY, Calendar, PeriodKind
from domain.dirty import Days, Dirty, Touch, merged
from domain.events import Change, Event
from domain.quotas.boards import board_moved
from domain.quotas.model import Measure
from domain.scorecards import rules, sums
from domain.scorecards.definitions import Definitions, definitions
from domain.scorecards.measures import Due, measure
from domain.scorecards.model import (
    Kpi,
    Leaf,
    Line,
    Measured,
    Result,
    Scorecard,
    Sla,
    Status,
    Subject,
    Template,
    leaves,
)
from domain.scorecards.roster import Roster, Weeks, roster
from domain.scorecards.touched import Key, Touched, looks_at
from domain.work import Tx, Work, columns
from sql.queries import queries

_scorecards = queries("scorecards")

# Weeks of subjects that are computed and written at a time: bounds memory and the longest statement.
_BATCH = 1_000


async def recompute(tx: Tx, calendar: Calendar, dirty: Dirty) -> None:
    """Recompute what is dirty. Records an event for each scorecard that changed and has its rep coached.

    Where facts alone changed, who is there and what is asked of them stands as it is stored, and nobody else is loaded.
    """
    known = await definitions(tx.session)
    weeks = Weeks(calendar)
    current = calendar.week(calendar.local_day(tx.now))
    facts_from = await _facts_from(tx, weeks)
    begin = _begin(weeks, known, facts_from, current)
    row = await tx.row(_scorecards.span)
    stored = None if row is None else (row["first_week"], row["last_week"])
    shifted = _shifted(weeks, begin, stored, current)
    dirty = replace(dirty, everybody=merged([*dirty.everybody, *shifted]))
    await sums.refresh(tx, sums.Scope(weeks, facts_from or current, current), known.operands(), dirty)
    by_facts = not dirty.everybody and not any(Touch.ALL in of_rep for of_rep in dirty.reps.values())
    people = await roster(tx.session, calendar, known, list(dirty.reps) if by_facts else None)
    first = min((week for week in (begin, stored and stored[0]) if week is not None), default=current)
    touched = Touched(people, first, current)
    for days in dirty.everybody:
        touched.add(days, people.reps, people.above)
    for rep_id, of_rep in dirty.reps.items():
        for touch, stretches in of_rep.items():
            for days in stretches:
                teams = people.teams_of(rep_id, days[0], date.max if days[1] is None else days[1] + DAY)
                touched.add(days, [rep_id] if rep_id in people.reps else [], teams, touch)
    if dirty.everybody:
        # Weeks that begin on another day since the calendar changed.
        there = list(weeks.through(first, current))
        rows = await tx.fetch(_scorecards.scorecards_of_no_week, min(day for day, _ in dirty.everybody), there)
        gone = [Key(row["week"], Subject(row["subject"]), row["subject_id"]) for row in rows]
        await _save(tx, gone, await _stored(tx, weeks, gone), {}, dirty)
    keys = sorted(touched.keys)
    for i in range(0, len(keys), _BATCH):
        batch = {key: touched.keys[key] for key in keys[i : i + _BATCH]}
        await _recompute(tx, people, batch, begin, dirty, by_facts)
    if shifted:
        await _save_span(tx, begin, current)


async def stale_by_time(work: Work, since_hours: int = 48) -> None:
    """Mark what changed because time went by: leads whose SLA clock ran out unanswered in the last hours.

    To be called every few minutes. The days that it marks again are recomputed to the same numbers.
    """
    async with work.transaction() as tx:
        slas = {
            (leaf.until, leaf.within_minutes * 60)
            for kpi in (await definitions(tx.session)).used()
            for leaf in leaves(kpi.formula)
            if isinstance(leaf, Sla)
        }
        if slas:
            since = tx.now - timedelta(hours=since_hours)
            for row in await tx.fetch(_scorecards.leads_overdue, since, tx.now, *columns(sorted(slas), 2)):
                tx.mark(row["rep_id"], row["day"], row["day"], Touch.LEAD)


async def _facts_from(tx: Tx, weeks: Weeks) -> date | None:
    """The week of the first fact."""
    instant: datetime | None = await tx.session.value(_scorecards.facts_begin)
    return None if instant is None else weeks.of(weeks.calendar.local_day(instant))


def _begin(weeks: Weeks, known: Definitions, facts_from: date | None, current: date) -> date | None:
    """The first week of scorecards: that of the first fact, or of the first template if later. None: no week yet."""
    published = min((t.valid_from for versions in known.templates for t in versions), default=None)
    if facts_from is None or published is None:
        return None
    begin = max(facts_from, weeks.of(published))
    return begin if begin <= current else None


async def _save_span(tx: Tx, begin: date | None, current: date) -> None:
    await (tx.execute(_scorecards.span_save, begin, current) if begin else tx.execute(_scorecards.span_remove))


def _shifted(weeks: Weeks, begin: date | None, stored: tuple[date, date] | None, current: date) -> list[Days]:
    """The days that came to the weeks that have scorecards, or left them, since everybody's were computed."""
    if stored is None:
        return [] if begin is None else [(begin, None)]
    first, last = stored
    if begin is None:
        return [(first, None)]
    shifted: list[Days] = []
    if begin != first:
        shifted.append((min(begin, first), max(begin, first) - DAY))
    if last < current:
        shifted.append((weeks.end(last), None))
    return shifted


async def _recompute(
    tx: Tx, people: Roster, touches: Mapping[Key, set[Touch]], begin: date | None, dirty: Dirty, by_facts: bool
) -> None:
    keys = list(touches)
    stored = await _stored(tx, people.weeks, keys)
    frames = {
        key: frame
        for key in keys
        if begin is not None
        and key.week >= begin
        and (frame := _stored_frame(people, key, stored.get(key)) if by_facts else _frame(people, key))
    }
    kept = {
        (key, result.kpi_id): result
        for key, frame in frames.items()
        for result in _kept(people, key, frame.template, stored.get(key), touches[key])
    }
    measured = await _measured(tx, people, frames, kept)
    fresh: dict[Key, Scorecard] = {}
    # What trends look back on: weeks that are not touched as they are stored, touched ones as they are now.
    past = {key: scorecard for key, scorecard in stored.items() if key not in touches}
    for key, frame in frames.items():
        past[key] = fresh[key] = _scorecard(people, key, frame, measured, kept, past)
    await _save(tx, keys, stored, fresh, dirty)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a scorecard is made of but for facts: its template, who is there, and what is asked of them."""

    template: Template
    available: tuple[int, int]
    targets: Mapping[UUID, Decimal | None]


def _frame(people: Roster, key: Key) -> _Frame | None:
    """Worked out from everybody; None where no template applies."""
    template = people.template(key.subject, key.subject_id, key.week)
    if template is None:
        return None
    kpis = _kpis(people.definitions, template, key.week)
    return _Frame(
        template,
        people.available(key.subject, key.subject_id, key.week),
        {kpi.kpi_id: people.target(key.subject, key.subject_id, key.week, template, kpi) for kpi in kpis},
    )


def _stored_frame(people: Roster, key: Key, stored: Scorecard | None) -> _Frame | None:
    """As it was worked out when last somebody came, went, or was asked for something else.

    A definition that is newer has left a mark for everybody, which the next run takes.
    """
    if stored is None:
        return None
    return _Frame(
        people.definitions.template(stored.template_id, stored.template_version),
        (stored.workdays_available, stored.workdays),
        {result.kpi_id: result.target for result in stored.results},
    )


def _kept(
    people: Roster, key: Key, template: Template, stored: Scorecard | None, touches: set[Touch]
) -> Iterator[Result]:
    """Results that what was touched cannot have changed: nothing that their KPIs look at, by the same definitions."""
    if (
        stored is None
        or (stored.template_id, stored.template_version) != (template.template_id, template.version)
        or stored.calendar_version != people.weeks.calendar.at(key.week).version
    ):
        return
    kpis = {kpi.kpi_id: kpi for kpi in _kpis(people.definitions, template, key.week)}
    for result in stored.results:
        kpi = kpis.get(result.kpi_id)
        if (
            kpi is not None
            and kpi.version == result.kpi_version
            and not any(looks_at(leaf, touch) for leaf in leaves(kpi.formula) for touch in touches)
        ):
            yield result


async def _stored(tx: Tx, weeks: Weeks, keys: Sequence[Key]) -> dict[Key, Scorecard]:
    """What is stored of these scorecards, and of the weeks before that trends are measured against."""
    wanted = {
        Key(week, key.subject, key.subject_id)
        for key in keys
        for week in (key.week, *weeks.through(weeks.before(key.week, rules.TREND_WEEKS), key.week))
    }
    asked = (
        [key.subject for key in sorted(wanted)],
        [key.subject_id for key in sorted(wanted)],
        [key.week for key in sorted(wanted)],
    )
    results: dict[Key, list[Result]] = {}
    for row in await tx.fetch(_scorecards.results_stored, *asked):
        fields = {name: row[name] for name in Result.__slots__} | {"status": Status(row["status"])}
        results.setdefault(Key(row["week"], Subject(row["subject"]), row["subject_id"]), []).append(Result(**fields))
    stored = {}
    for row in await tx.fetch(_scorecards.scorecards_stored, *asked):
        key = Key(row["week"], Subject(row["subject"]), row["subject_id"])
        fields = {name: row[name] for name in Scorecard.__slots__ if name != "results"}
        fields |= {"subject": key.subject, "status": Status(row["status"]), "results": tuple(results.get(key, ()))}
        stored[key] = Scorecard(**fields)
    return stored


def due(weeks: Weeks, key: Key, kpi: Kpi, leaf: Leaf) -> Due:
    """The days that a leaf of a KPI looks at for a scorecard."""
    since = weeks.before(key.week, kpi.window_weeks - 1)
    return Due(leaf, key.subject, key.subject_id, since, weeks.end(key.week))


async def _measured(
    tx: Tx, people: Roster, frames: Mapping[Key, _Frame], kept: Collection[tuple[Key, UUID]]
) -> dict[Due, Measured]:
    wanted = [
        due(people.weeks, key, kpi, leaf)
        for key, frame in frames.items()
        for kpi in _kpis(people.definitions, frame.template, key.week)
        if (key, kpi.kpi_id) not in kept
        for leaf in leaves(kpi.formula)
    ]
    return await measure(tx.session, people.weeks.calendar, wanted, tx.now, from_sums=True)


def _kpis(known: Definitions, template: Template, week: date) -> list[Kpi]:
    """The template's KPIs as defined in the week; publishing saw to it that there are some."""
    return [kpi for line in template.lines if (kpi := known.kpi(line.kpi_id, week))]


def _scorecard(
    people: Roster,
    key: Key,
    frame: _Frame,
    measured: Mapping[Due, Measured],
    kept: Mapping[tuple[Key, UUID], Result],
    others: Mapping[Key, Scorecard],
) -> Scorecard:
    before = [
        others.get(Key(week, key.subject, key.subject_id))
        for week in people.weeks.through(people.weeks.before(key.week, rules.TREND_WEEKS), key.week)
    ][:-1]
    past: dict[UUID, list[Decimal | None]] = {}
    for scorecard in before:
        for result in scorecard.results if scorecard else ():
            past.setdefault(result.kpi_id, []).append(result.value)
    results, judged = [], []
    for position, line in enumerate(frame.template.lines):
        kpi = people.definitions.kpi(line.kpi_id, key.week)
        if kpi is None:
            continue
        result = kept.get((key, kpi.kpi_id)) or _result(people, key, frame, kpi, position, line, measured)
        judged.append((line, result.ratio))
        results.append(replace(result, trend=rules.published(rules.trend(result.value, past.get(kpi.kpi_id, ())))))
    available, workdays = frame.available
    return Scorecard(
        subject=key.subject,
        subject_id=key.subject_id,
        week=key.week,
        template_id=frame.template.template_id,
        template_version=frame.template.version,
        calendar_version=people.weeks.calendar.at(key.week).version,
        workdays=workdays,
        workdays_available=available,
        score=rules.published(rules.score((line.weight, ratio) for line, ratio in judged)),
        status=rules.overall(judged),
        results=tuple(results),
    )


def _result(
    people: Roster,
    key: Key,
    frame: _Frame,
    kpi: Kpi,
    position: int,
    line: Line,
    measured: Mapping[Due, Measured],
) -> Result:
    """A KPI's result as measured, without its trend. Its target is rounded before anything follows from it."""

    def found(leaf: Leaf) -> Measured:
        return measured.get(due(people.weeks, key, kpi, leaf), Measured())

    outcome = rules.evaluate(kpi.formula, found)
    target = frame.targets.get(kpi.kpi_id)
    return Result(
        kpi_id=kpi.kpi_id,
        kpi_version=kpi.version,
        position=position,
        weight=line.weight,
        value=rules.published(outcome.value),
        numerator=rules.published(outcome.numerator),
        denominator=rules.published(outcome.denominator),
        sample=outcome.sample,
        target=target,
        ratio=rules.published(rules.ratio(kpi, outcome.value, target)),
        gap=rules.published(rules.gap(kpi, outcome.value, target)),
        status=rules.status(kpi, outcome.value, target, line),
        trend=None,
    )


async def _save(
    tx: Tx, keys: Sequence[Key], stored: Mapping[Key, Scorecard], fresh: Mapping[Key, Scorecard], dirty: Dirty
) -> None:
    gone = [key for key in keys if key in stored and key not in fresh]
    changed = [fresh[key] for key in keys if key in fresh and stored.get(key) != fresh[key]]
    if gone:
        await tx.execute(_scorecards.scorecards_remove, *columns([_row(key) for key in gone], 3))
    if changed:
        bare = [replace(scorecard, results=()) for scorecard in changed]
        rows = [tuple(getattr(scorecard, name) for name in Scorecard.__slots__[:-1]) for scorecard in bare]
        await tx.execute(_scorecards.scorecards_save, *columns(rows, 10), tx.now, dirty.inputs_through)
    saved, left = [], []
    for scorecard in changed:
        key = Key(scorecard.week, scorecard.subject, scorecard.subject_id)
        old = {result.kpi_id: result for result in stored[key].results} if key in stored else {}
        left += [(*_row(key), kpi_id) for kpi_id in old.keys() - {result.kpi_id for result in scorecard.results}]
        saved += [
            (*_row(key), *(getattr(result, name) for name in Result.__slots__))
            for result in scorecard.results
            if old.get(result.kpi_id) != result
        ]
    if left:
        await tx.execute(_scorecards.results_remove, *columns(left, 4))
    if saved:
        await tx.execute(_scorecards.results_save, *columns(saved, 16), tx.now, dirty.inputs_through)
    for key in gone:
        _record(tx, key, Change.REMOVED)
    for scorecard in changed:
        key = Key(scorecard.week, scorecard.subject, scorecard.subject_id)
        _record(tx, key, Change.UPDATED if key in stored else Change.CREATED)
    ranked = [row[:4] for row in (*left, *saved)]
    ranked += [(*_row(key), result.kpi_id) for key in gone for result in stored[key].results]
    for week, kpi_id in dict.fromkeys((row[2], row[3]) for row in ranked if row[0] is Subject.REP):
        tx.record(board_moved(Measure.KPI, kpi_id, PeriodKind.WEEK, week))


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
