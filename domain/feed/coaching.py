"""Evaluates the coaching rules on stored results: opens, re-ranks and closes items.

`coach(tx, day, rep_ids)` reads everything for some reps in a fixed number of statements, decides by `rules`, and writes
what changed. On one day the same results give the same items in any order, and a second run changes nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

from domain.calendar import DAY, WEEK, Calendar
from domain.events import Change
from domain.feed import rules, stored
from domain.feed.actions import announce, note
from domain.feed.model import (
    LIVE,
    Act,
    Definition,
    DismissReason,
    Evidence,
    Peers,
    Point,
    Reading,
    Rule,
    Status,
    Trigger,
    WeekResult,
)
from domain.scorecards.model import Employment, Kpi
from domain.scorecards.rules import over_time
from domain.work import Tx
from sql.pool import Record
from sql.queries import queries

_feed = queries("feed")

_Group = tuple[UUID, UUID, str | None]
"""Peers: rule, template, job role."""


@dataclass(slots=True)
class _Rep:
    """What is known of a rep, and what it has in the feed."""

    rep_id: UUID
    name: str
    role: str | None
    manager_id: UUID | None
    employment: Employment
    weeks: dict[UUID, dict[date, WeekResult]] = field(default_factory=lambda: defaultdict(dict))
    items: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class _Changes:
    """What a batch comes to."""

    opened: list[tuple[_Rep, rules.Candidate]] = field(default_factory=list)
    closed: list[tuple[Record, Status, str, DismissReason | None, Reading | None]] = field(default_factory=list)
    moved: list[tuple[Record, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Day:
    """The circumstances of an evaluation, the same for every rep. `this` and `last` are weeks."""

    org_id: UUID
    today: date
    this: date
    last: date
    calendar: Calendar
    currency: str
    rules: list[tuple[Rule, Kpi]]
    peers: dict[_Group, Peers]


async def day_of(tx: Tx, calendar: Calendar) -> Day:
    """What every rep is evaluated by: the transaction's local day, the rules in force, and how their peers did."""
    today = calendar.local_day(tx.now)
    this = calendar.week(today)
    last = calendar.week(this - DAY)
    in_force = await stored.rules_on(tx, today)
    peers = await _peers(tx, in_force, last)
    currency = str(await tx.value(_feed.currency))
    return Day(tx.session.org_id, today, this, last, calendar, currency, in_force, peers)


async def coach(tx: Tx, day: Day, rep_ids: Sequence[UUID]) -> None:
    """Bring these reps' coaching items in line with their stored results. All their weeks are held in memory."""
    changes = _Changes()
    for rep in await _load(tx, day, rep_ids):
        _decide(day, rep, changes)
        await asyncio.sleep(0)  # the numbers of whoever else is waiting come first
    if changes.opened:
        changes.opened = await _with_series(tx, changes.opened)
    await _save(tx, day, changes)


async def _peers(tx: Tx, in_force: Sequence[tuple[Rule, Kpi]], week: date) -> dict[_Group, Peers]:
    """How everybody did in the last complete week, for the rules that ask."""
    asking = [(rule, kpi) for rule, kpi in in_force if rule.active and _asks_peers(rule.definition, kpi)]
    if not asking:
        return {}
    rows = await tx.fetch(
        _feed.peer_results,
        [rule.rule_id for rule, _ in asking],
        [rule.kpi_id for rule, _ in asking],
        [rule.definition.min_sample for rule, _ in asking],
        [rule.definition.min_workdays for rule, _ in asking],
        [kpi.prorated and kpi.window_weeks == 1 and over_time(kpi) for _, kpi in asking],
        week,
    )
    return {
        (row["rule_id"], row["template_id"], row["role"]): Peers(week, row["count"], row["median"], row["pooled"])
        for row in rows
    }


def _asks_peers(definition: Definition, kpi: Kpi) -> bool:
    return definition.trigger is Trigger.BELOW_PEER_MEDIAN or rules.shrinks(definition, kpi)


async def _load(tx: Tx, day: Day, rep_ids: Sequence[UUID]) -> list[_Rep]:
    """Reps with their weeks and items, in four statements whatever their number."""
    days_back = max([7, *(rule.definition.cooldown_days for rule, _ in day.rules)])
    leave: dict[UUID, list[tuple[date, date]]] = defaultdict(list)
    for row in await tx.fetch(_feed.leave_overlapping, rep_ids, day.this, day.today + DAY):
        leave[row["rep_id"]].append((row["starts_on"], row["ends_on"]))
    reps: dict[UUID, _Rep] = {}
    for row in await tx.fetch(_feed.subjects, rep_ids, day.today):
        employment = Employment(row["hired_on"], row["left_on"], tuple(leave[row["rep_id"]]))
        reps[row["rep_id"]] = _Rep(row["rep_id"], row["name"], row["role"], row["manager_id"], employment)
    trends = _trends(day)
    for rep_id, kpi_id, *content in await tx.fetch(
        _feed.rep_results, rep_ids, day.last, day.this, list(trends), list(trends.values())
    ):
        week = WeekResult(*content)
        reps[rep_id].weeks[kpi_id][week.week] = week
    since = day.calendar.midnight(min(day.this, day.today - timedelta(days=days_back)))
    for row in await tx.fetch(_feed.coaching_items, rep_ids, since):
        reps[row["rep_id"]].items.append(row)
    return list(reps.values())


def _trends(day: Day) -> dict[UUID, date]:
    """The KPIs of which rules look at a rep's own trend, and since which week."""
    found: dict[UUID, date] = {}
    for rule, _ in day.rules:
        if rule.active and rule.definition.trigger is Trigger.BELOW_OWN_TREND:
            since = day.this - (rule.definition.trend_weeks + 1) * WEEK
            found[rule.kpi_id] = min(since, found.get(rule.kpi_id, since))
    return found


async def _with_series(tx: Tx, opened: Sequence[tuple[_Rep, rules.Candidate]]) -> list[tuple[_Rep, rules.Candidate]]:
    """What opens, with the weeks that its evidence shows."""
    ends = [candidate.reading.week for _, candidate in opened]
    series: dict[int, list[Point]] = defaultdict(list)
    for row in await tx.fetch(
        _feed.series,
        [rep.rep_id for rep, _ in opened],
        [candidate.kpi.kpi_id for _, candidate in opened],
        [end - (rules.SERIES_WEEKS - 1) * WEEK for end in ends],
        ends,
    ):
        series[row["n"]].append(Point(row["week"], row["value"], row["target"]))
    return [
        (rep, replace(candidate, reading=replace(candidate.reading, series=tuple(series[n]))))
        for n, (rep, candidate) in enumerate(opened, 1)
    ]


def _decide(day: Day, rep: _Rep, changes: _Changes) -> None:
    """Close what is over, re-rank what is left, open what is due."""
    readings = {rule.rule_id: _read(day, rep, rule, kpi) for rule, kpi in day.rules if rule.active}
    by_id = {rule.rule_id: (rule, kpi) for rule, kpi in day.rules}
    live: set[UUID] = set()
    closed_on: dict[UUID, date] = {}
    for item in rep.items:
        if Status(item["status"]) not in LIVE:
            ended = day.calendar.local_day(item["closed_at"])
            closed_on[item["kpi_id"]] = max(ended, closed_on.get(item["kpi_id"], ended))
            continue
        rule, kpi = by_id.get(item["rule_id"], (None, None))
        reading = readings.get(item["rule_id"])
        if rep.employment.left_on is not None and rep.employment.left_on <= day.today:
            left = f"{rep.name} left on {rules.spoken_day(rep.employment.left_on)}."
            changes.closed.append((item, Status.DISMISSED, left, DismissReason.REP_LEFT, None))
        elif rule is None or kpi is None or not rule.active:
            retired = "The rule that opened this is no longer in force."
            changes.closed.append((item, Status.DISMISSED, retired, DismissReason.RULE_RETIRED, None))
        elif reading is not None and rules.closes(rule.definition, reading):
            words = rules.recovered(kpi, reading, day.currency)
            changes.closed.append((item, Status.RECOVERED, words, None, reading))
            closed_on[item["kpi_id"]] = day.today
        else:
            live.add(item["kpi_id"])
            _rerank(day, item, reading, changes)
    known = {item["item_id"] for item in rep.items}
    candidates = [
        candidate
        for rule, kpi in day.rules
        if (reading := readings.get(rule.rule_id)) is not None
        and rules.opens(rule.definition, reading)
        and rules.cooled(rule.definition, closed_on.get(rule.kpi_id), day.today)
        and (candidate := _candidate(day, rule, kpi, reading, rep)).item_id not in known
    ]
    opened_this_week = sum(
        day.calendar.week(day.calendar.local_day(item["created_at"])) == day.this for item in rep.items
    )
    for candidate in rules.chosen(candidates, live, opened_this_week):
        changes.opened.append((rep, candidate))


def _read(day: Day, rep: _Rep, rule: Rule, kpi: Kpi) -> Reading | None:
    weeks = rep.weeks.get(rule.kpi_id, {})
    last = weeks.get(day.last)
    peers = day.peers.get((rule.rule_id, last.template_id, rep.role)) if last else None
    return rules.read(rule.definition, kpi, day.calendar, rep.employment, weeks, peers, day.today)


def _rerank(day: Day, item: Record, reading: Reading | None, changes: _Changes) -> None:
    """A gap that grew or a due day that came nearer; without a reading the one that opened it stands."""
    known = reading or stored.EVIDENCE.validate_python(item["evidence"]).reading
    opened_on = day.calendar.local_day(item["created_at"])
    now = rules.priority(known.ratio, known.weight, day.calendar, opened_on, item["due_on"], day.today)
    if now != item["priority"]:
        changes.moved.append((item, now))


def _candidate(day: Day, rule: Rule, kpi: Kpi, reading: Reading, rep: _Rep) -> rules.Candidate:
    due_on = rules.due(day.calendar, day.today, rule.definition.due_workdays)
    urgency = rules.priority(reading.ratio, reading.weight, day.calendar, day.today, due_on, day.today)
    item_id = rules.item_id(day.org_id, rule.rule_id, rep.rep_id, rule.kpi_id, reading.week)
    return rules.Candidate(item_id, rule, kpi, reading, urgency, due_on)


def _columns(day: Day, rep: _Rep, candidate: rules.Candidate) -> tuple[object, ...]:
    """A row of `coaching_items_add`."""
    rule, definition = candidate.rule, candidate.rule.definition
    evidence = Evidence(
        trigger=definition.trigger,
        open_below=definition.open_below,
        close_above=definition.close_above,
        rule_version=rule.version,
        reading=candidate.reading,
    )
    return (
        candidate.item_id,
        rules.render(definition.title, candidate, rep.name, day.currency),
        rules.render(definition.body, candidate, rep.name, day.currency),
        rep.rep_id,
        rep.manager_id,
        rule.kpi_id,
        rule.rule_id,
        rule.version,
        candidate.reading.week,
        evidence,
        candidate.priority,
        candidate.due_on,
    )


async def _save(tx: Tx, day: Day, changes: _Changes) -> None:
    """Write a batch with its timelines and events."""
    lines: list[tuple[UUID, Act, str | None, dict[str, object]]] = []
    if changes.closed:
        await tx.execute(
            _feed.items_close,
            [item["item_id"] for item, *_ in changes.closed],
            [status for _, status, *_ in changes.closed],
            [words for _, _, words, _, _ in changes.closed],
            [reason for *_, reason, _ in changes.closed],
            tx.now,
        )
    for item, status, words, reason, reading in changes.closed:
        act = Act.RECOVERED if status is Status.RECOVERED else Act.DISMISSED
        data: dict[str, object] = {"reason": reason} if reason else {}
        if reading is not None:
            data = {"week": reading.week, "value": reading.value, "ratio": reading.ratio}
        lines.append((item["item_id"], act, words, data))
        announce(tx, item["item_id"], item["rep_id"], item["assignee_id"], status, Change.UPDATED)
    if changes.moved:
        ids, priorities = zip(*((item["item_id"], number) for item, number in changes.moved), strict=True)
        await tx.execute(_feed.items_prioritise, ids, priorities, tx.now)
    for item, _ in changes.moved:
        status = Status(item["status"])
        announce(tx, item["item_id"], item["rep_id"], item["assignee_id"], status, Change.UPDATED)
    if changes.opened:
        rows = [_columns(day, rep, candidate) for rep, candidate in changes.opened]
        columns = [list(column) for column in zip(*rows, strict=True)]
        added = {row["item_id"] for row in await tx.fetch(_feed.coaching_items_add, *columns, tx.now)}
        for rep, candidate in changes.opened:
            if candidate.item_id in added:
                lines.append((candidate.item_id, Act.CREATED, None, {}))
                announce(tx, candidate.item_id, rep.rep_id, rep.manager_id, Status.OPEN, Change.CREATED)
    await note(tx, lines)
