"""Keeps scorecards true: recomputes the weeks that the dirty days touch, from facts, and writes what differs.

Which weeks: a KPI looks back over its window, what is left of a quota over its period, and a trend over four weeks
more, so a dirty day touches its own week and as many after it. Never a week after the current one, nor one before the
first fact. A result depends on facts, definitions, the calendar and the time alone, never on what was computed before;
hence a full recompute and the incremental one agree (rule 16).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.calendar import DAY, Calendar
from domain.dirty import Dirty, Touch, merged
from domain.scorecards import rules, steps, sums
from domain.scorecards import stored as kept_rows
from domain.scorecards.definitions import Definitions, definitions
from domain.scorecards.formula import Leaf, Sla, leaves
from domain.scorecards.measures import Due, measure
from domain.scorecards.model import Kpi, Line, Measured, Result, Scorecard, Subject, Template
from domain.scorecards.roster import Roster, Weeks, places, roster
from domain.scorecards.stored import Values
from domain.scorecards.touched import Key, Touched, looks_at
from domain.scorecards.weeks import Span, save_span, shifted_by, span_of
from domain.work import Tx, Work, columns
from sql.queries import queries

_scorecards = queries("scorecards")

# Weeks of subjects that are computed and written at a time: bounds memory and the longest statement.
_BATCH = 1_000

# Scorecards of everybody that are looked at in one transaction: bounds how long facts wait, and what a kill costs.
ROOM = 2_000

# What the sums of a team and an operand take of it.
_SUM = 10


async def recompute(tx: Tx, calendar: Calendar, dirty: Dirty) -> bool:
    """Recompute what is dirty. Records an event for each scorecard that changed and has its rep coached.

    Where facts alone changed, who is there and what is asked of them stands as it is stored, and nobody else is loaded.
    What is of everybody is left for `advance`: whether there is any of it.
    """
    span = await span_of(tx, calendar)
    shifted = shifted_by(span.weeks, span.begin, span.computed, span.current)
    dirty = replace(dirty, everybody=merged([*dirty.everybody, *shifted]))
    by_facts = not any(Touch.ALL in of_rep for of_rep in dirty.reps.values())
    if by_facts or dirty.everybody:
        people = await places(tx.session, calendar, span.known, dirty.reps)
    else:
        people = await roster(tx.session, calendar, span.known)
    await sums.refresh(tx, span.scope(), span.known.operands(), span.operands, people, dirty)
    begins = (span.begin, span.computed and span.computed[0])
    first = min((week for week in begins if week is not None), default=span.current)
    touched = Touched(people, first, span.current)
    for rep_id, of_rep in dirty.reps.items():
        for touch, stretches in of_rep.items():
            for days in stretches:
                teams = people.teams_of(rep_id, days[0], date.max if days[1] is None else days[1] + DAY)
                touched.add(days, [rep_id], teams, touch)
    following = await steps.following(tx)
    if dirty.everybody:
        weeks = [week for days in dirty.everybody for week in touched.weeks(days)]
        if weeks:
            await steps.add_everybody(tx, (min(weeks), max(weeks)), dirty.inputs_through)
        await _leave(tx, touched.keys, dirty)
        # Weeks that begin on another day since the calendar changed.
        there = list(span.weeks.through(first, span.current))
        rows = await tx.fetch(_scorecards.scorecards_of_no_week, min(day for day, _ in dirty.everybody), there)
        gone = [Key(row["week"], Subject(row["subject"]), row["subject_id"]) for row in rows]
        await kept_rows.save(tx, gone, await kept_rows.load(tx, gone), {}, dirty.inputs_through)
    elif not by_facts and len(touched.keys) > ROOM:
        await _leave(tx, touched.keys, dirty)
    elif following and following[0] is not steps.Step.SCORECARDS:
        teams_ = {key for key in touched.keys if key.subject is Subject.TEAM}
        await _leave(tx, teams_, dirty)
        now = {key: touches for key, touches in touched.keys.items() if key not in teams_}
        await _recompute(tx, people, now, span.begin, dirty.inputs_through, by_facts)
    else:
        await _recompute(tx, people, touched.keys, span.begin, dirty.inputs_through, by_facts)
    if shifted:
        await save_span(tx, span.begin, span.current)
    return await unfinished(tx) if dirty.everybody or not by_facts else following is not None


async def unfinished(tx: Tx) -> bool:
    """Whether something was left for later."""
    return await steps.following(tx) is not None


async def advance(tx: Tx, calendar: Calendar) -> int:
    """Take as many steps of what was left as fit in a transaction. How many are left then."""
    room, following = ROOM, await steps.following(tx)
    if following is None:
        return 0
    span = await span_of(tx, calendar)
    while following is not None and room > 0:
        step, subject = following
        if step is steps.Step.SCORECARDS:
            room -= await _advance_scorecards(tx, calendar, span, subject, room)
        else:
            room -= _SUM * await sums.take(tx, span.scope(), span.known.operands(), step, max(1, room // _SUM))
        following = await steps.following(tx)
    return await steps.left(tx)


async def _advance_scorecards(tx: Tx, calendar: Calendar, span: Span, subject: Subject, room: int) -> int:
    """The number of scorecards looked at."""
    across = len(list(span.weeks.through(span.begin, span.current))) if span.begin else 1
    # A team's target looks at all its members: whoever takes one takes many.
    count = max(1, room // across) if subject is Subject.REP else 1_000
    taken = await steps.take(tx, steps.Step.SCORECARDS, subject, count)
    only = [left.subject_id for left in taken] if subject is Subject.REP else None
    people = await roster(tx.session, calendar, span.known, only)
    keys = {
        Key(week, subject, left.subject_id): {Touch.ALL}
        for left in taken
        for week in span.weeks.through(
            span.weeks.of(left.from_day), min(left.through_day or span.current, span.current)
        )
    }
    await _recompute(tx, people, keys, span.begin, max(left.inputs_through for left in taken), by_facts=False)
    return len(keys)


async def _leave(tx: Tx, keys: Iterable[Key], dirty: Dirty) -> None:
    """For later steps."""
    weeks: dict[tuple[Subject, UUID], list[date]] = {}
    for key in keys:
        weeks.setdefault((key.subject, key.subject_id), []).append(key.week)
    if weeks:
        rows = [(*who, min(of), max(of)) for who, of in sorted(weeks.items())]
        await steps.add_scorecards(tx, rows, dirty.inputs_through)


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


async def _recompute(
    tx: Tx,
    people: Roster,
    touched: Mapping[Key, set[Touch]],
    begin: date | None,
    inputs_through: datetime,
    by_facts: bool,
) -> None:
    # A subject's weeks one after another: trends look back on those before.
    keys = sorted(touched, key=lambda key: (key.subject, key.subject_id, key.week))
    for i in range(0, len(keys), _BATCH):
        batch = {key: touched[key] for key in keys[i : i + _BATCH]}
        await _recompute_batch(tx, people, batch, begin, inputs_through, by_facts)


async def _recompute_batch(
    tx: Tx,
    people: Roster,
    touches: Mapping[Key, set[Touch]],
    begin: date | None,
    inputs_through: datetime,
    by_facts: bool,
) -> None:
    keys = list(touches)
    stored = await kept_rows.load(tx, keys)
    frames = {
        key: frame
        for key in keys
        if begin is not None
        and key.week >= begin
        and (frame := _stored_frame(people, key, stored.get(key)) if by_facts else _frame(people, key))
    }
    moved = _moved(people.definitions, touches.values())
    kept = {
        (key, result.kpi_id): result
        for key, frame in frames.items()
        for result in _kept(people, key, frame.template, stored.get(key), moved)
    }
    measured = await _measured(tx, people, frames, kept)
    fresh: dict[Key, Scorecard] = {}
    # What trends look back on: weeks that are not touched as they are stored, touched ones as they are now.
    past = await kept_rows.values_before(tx, people.weeks, keys, moved)
    for key, frame in frames.items():
        fresh[key] = _scorecard(people, key, frame, measured, kept, past)
        past[key] = {result.kpi_id: result.value for result in fresh[key].results}
    await kept_rows.save(tx, keys, stored, fresh, inputs_through)


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
    asked = people.definitions.asked(template, key.week)
    return _Frame(
        template,
        people.available(key.subject, key.subject_id, key.week),
        {kpi.kpi_id: people.target(key.subject, key.subject_id, key.week, template, kpi) for _, _, kpi in asked},
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


def _moved(known: Definitions, touches: Iterable[Collection[Touch]]) -> set[UUID]:
    """The KPIs of which a version looks at what was touched: of others neither value nor trend can change."""
    found = set().union(*touches)
    return {
        kpi.kpi_id
        for kpi in known.used()
        if any(looks_at(leaf, touch) for leaf in leaves(kpi.formula) for touch in found)
    }


def _kept(
    people: Roster, key: Key, template: Template, stored: Scorecard | None, moved: Collection[UUID]
) -> Iterator[Result]:
    """Results that what was touched cannot have changed, by the same definitions."""
    if (
        stored is None
        or (stored.template_id, stored.template_version) != (template.template_id, template.version)
        or stored.calendar_version != people.weeks.calendar.at(key.week).version
    ):
        return
    versions = {(kpi.kpi_id, kpi.version) for _, _, kpi in people.definitions.asked(template, key.week)}
    for result in stored.results:
        if result.kpi_id not in moved and (result.kpi_id, result.kpi_version) in versions:
            yield result


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
        for _, _, kpi in people.definitions.asked(frame.template, key.week)
        if (key, kpi.kpi_id) not in kept
        for leaf in leaves(kpi.formula)
    ]
    return await measure(tx.session, people.weeks.calendar, wanted, tx.now, from_sums=True)


def _scorecard(
    people: Roster,
    key: Key,
    frame: _Frame,
    measured: Mapping[Due, Measured],
    kept: Mapping[tuple[Key, UUID], Result],
    others: Mapping[Key, Values],
) -> Scorecard:
    weeks = people.weeks
    past = [
        values
        for week in weeks.through(weeks.before(key.week, rules.TREND_WEEKS), weeks.before(key.week, 1))
        if (values := others.get(Key(week, key.subject, key.subject_id)))
    ]
    results, judged = [], []
    for position, line, kpi in people.definitions.asked(frame.template, key.week):
        found = kept.get((key, kpi.kpi_id))
        if found is None:
            before = [values[kpi.kpi_id] for values in past if kpi.kpi_id in values]
            found = _result(people, key, frame, kpi, position, line, measured, before)
        judged.append((line, found.ratio))
        results.append(found)
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
    before: Sequence[Decimal | None],
) -> Result:
    """A KPI's result as measured; `before` are its values of the weeks before. Its target is rounded before anything
    follows from it, and its value before it is told from what was before."""

    def found(leaf: Leaf) -> Measured:
        return measured.get(due(people.weeks, key, kpi, leaf), Measured())

    outcome = rules.evaluate(kpi.formula, found)
    target = frame.targets.get(kpi.kpi_id)
    value = rules.published(outcome.value)
    return Result(
        kpi_id=kpi.kpi_id,
        kpi_version=kpi.version,
        position=position,
        weight=line.weight,
        value=value,
        numerator=rules.published(outcome.numerator),
        denominator=rules.published(outcome.denominator),
        sample=outcome.sample,
        target=target,
        ratio=rules.published(rules.ratio(kpi, outcome.value, target)),
        gap=rules.published(rules.gap(kpi, outcome.value, target)),
        status=rules.status(kpi, outcome.value, target, line),
        trend=rules.published(rules.trend(value, before)),
    )
