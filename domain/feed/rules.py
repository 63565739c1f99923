"""When coaching is due, how urgent it is, and what may happen to an item. Pure: the same readings, the same items.

Which week is judged has its one home here (`judged_week`): the running week once the share `running_week_from` of the
rep's available workdays has gone by, held against the target to date; before that, the last complete week. Peers are
compared over complete weeks only, because not everybody is away on the same days.
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

from domain.calendar import DAY, Calendar, span
from domain.errors import Problem, reject
from domain.feed.model import (
    LIVE,
    Act,
    Definition,
    Peers,
    Reading,
    Rule,
    Status,
    Trigger,
    WeekResult,
)
from domain.money import to_unit
from domain.org.rules import named
from domain.scorecards import rules as scoring
from domain.scorecards.formula import Ratio, Sla
from domain.scorecards.model import Direction, Employment, Kpi, Unit

ITEMS_A_WEEK = 2
"""Coaching items a rep may have live at once, and may get in a week: more are noise, not coaching."""

SERIES_WEEKS = 12
"""Weeks that evidence shows."""

PLACEHOLDERS = frozenset(
    {"rep", "kpi", "value", "target", "reference", "ratio", "gap", "sample", "peers", "weeks", "week", "due"}
)
"""What a title or a body may name in braces."""

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_RATIO_PLACES = Decimal("0.000001")

_ANY = {status: status for status in Status}
_MOVES: dict[Act, dict[Status, Status]] = {
    Act.STARTED: {Status.OPEN: Status.IN_PROGRESS, Status.SNOOZED: Status.IN_PROGRESS},
    Act.COMPLETED: dict.fromkeys(LIVE, Status.DONE),
    Act.DISMISSED: dict.fromkeys(LIVE, Status.DISMISSED),
    Act.SNOOZED: dict.fromkeys(LIVE, Status.SNOOZED),
    Act.WOKEN: {Status.SNOOZED: Status.OPEN},
    Act.RECOVERED: dict.fromkeys(LIVE, Status.RECOVERED),
    Act.REASSIGNED: {status: status for status in LIVE},
    Act.COMMENTED: _ANY,
}


def move(status: Status, act: Act) -> Status:
    """The status after an act. Raises `Rejected` (INVALID_STATE) where the life cycle has no such step."""
    after = _MOVES.get(act, {}).get(status)
    if after is None:
        state = status.lower().replace("_", " ")
        raise reject("INVALID_STATE", f"The item is {state}: it cannot be {act.lower()}.", "id")
    return after


def sound(definition: Definition, *path: str) -> list[Problem]:
    """What is wrong with a definition; empty when it can be published."""
    d = definition
    ranges: list[tuple[str, Decimal | int, int, int]] = [
        ("trendWeeks", d.trend_weeks, 2, 52),
        ("minPeers", d.min_peers, 2, 1000),
        ("minSample", d.min_sample, 0, 1_000_000),
        ("shrinkWeight", d.shrink_weight, 0, 10_000),
        ("minWorkdays", d.min_workdays, 1, 7),
        ("rampDays", d.ramp_days, 0, 730),
        ("runningWeekFrom", d.running_week_from, 0, 1),
        ("cooldownDays", d.cooldown_days, 0, 365),
        ("dueWorkdays", d.due_workdays, 1, 60),
        ("closeAbove", d.close_above, 0, 2),
    ]
    problems = [
        Problem("OUT_OF_RANGE", f"This is a number from {low} to {high}.", (*path, name))
        for name, number, low, high in ranges
        if not low <= number <= high
    ]
    if not 0 < d.open_below < d.close_above:
        message = "This is above 0 and below closeAbove: the distance keeps an item from opening and closing on noise."
        problems.append(Problem("OUT_OF_RANGE", message, (*path, "openBelow")))
    problems += named(d.title, *path, "title")
    problems += written(d.body, *path, "body")
    for name, text in (("title", d.title), ("body", d.body)):
        unknown = sorted(set(_PLACEHOLDER.findall(text)) - PLACEHOLDERS)
        if unknown:
            known = ", ".join(sorted(PLACEHOLDERS))
            message = f"{{{unknown[0]}}} is not known here. These are: {known}."
            problems.append(Problem("UNKNOWN_PLACEHOLDER", message, (*path, name)))
    return problems


def written(text: str, *path: str, required: bool = True) -> list[Problem]:
    """Words of a person: at most 4,000 characters, no NUL, not blank where `required`."""
    if required and not text.strip():
        return [Problem("BLANK", "This must not be blank.", path)]
    if len(text) > 4000:
        return [Problem("TOO_LONG", "This has at most 4000 characters.", path)]
    if "\x00" in text:
        return [Problem("INVALID_TEXT", "Leave out control characters.", path)]
    return []


def attainment(kpi: Kpi, judged: Decimal, reference: Decimal) -> Decimal | None:
    """How near a number is to its reference, 1 at par and lower when worse; None where the reference is not above 0.

    As on the scorecard, except that 0 where lower is better counts as twice as good as asked for, so that it recovers.
    """
    ratio = scoring.ratio(kpi, judged, reference)
    if ratio is None and kpi.direction is Direction.LOWER_IS_BETTER and judged <= 0 < reference:
        ratio = Decimal(2)
    return None if ratio is None else to_unit(ratio, _RATIO_PLACES)


def judged_week(
    definition: Definition, kpi: Kpi, calendar: Calendar, rep: Employment, weeks: Mapping[date, WeekResult], today: date
) -> tuple[WeekResult, int] | None:
    """The week to look at and how many of its workdays count; None when it is not stored.

    The running week is judged by the whole days that the rep had before today. What sums several weeks up is judged
    when the last one is complete.
    """
    this = calendar.week(today)
    running = weeks.get(this)
    sums_weeks = scoring.over_time(kpi) and kpi.window_weeks > 1
    if (
        running
        and running.workdays_available
        and not sums_weeks
        and definition.trigger is not Trigger.BELOW_PEER_MEDIAN
    ):
        gone = scoring.workdays_available((day for day in span(this, today) if calendar.is_workday(day)), rep)
        gone = min(gone, running.workdays_available)
        if Decimal(gone) / running.workdays_available >= definition.running_week_from:
            return running, gone
    last = weeks.get(calendar.week(this - DAY))
    return (last, last.workdays_available) if last else None


def read(
    definition: Definition,
    kpi: Kpi,
    calendar: Calendar,
    rep: Employment,
    weeks: Mapping[date, WeekResult],
    peers: Peers | None,
    today: date,
) -> Reading | None:
    """What the rule sees of a rep today; None when a gate is shut or there is nothing to compare (rule 9).

    `weeks` are the rep's stored results of the KPI by first day of the week: this one and the last, and for
    BELOW_OWN_TREND those before. `peers` are those of the last complete week.
    """
    found = judged_week(definition, kpi, calendar, rep, weeks, today) if weeks else None
    if found is None or not rep.available(today):
        return None
    week, days = found
    if (
        week.value is None
        or days == 0
        or week.workdays_available < definition.min_workdays
        or week.sample < definition.min_sample
        or (week.week - rep.hired_on).days < definition.ramp_days
    ):
        return None
    judged, prior = _shrunk(definition, kpi, week, week.value, peers)
    reference: Decimal | None
    match definition.trigger:
        case Trigger.BELOW_TARGET:
            reference = week.target
            if reference is not None and _weekly(kpi):
                reference = reference * days / week.workdays_available
        case Trigger.BELOW_OWN_TREND:
            judged, reference = _level(kpi, week, judged, days), _own_mean(definition, kpi, weeks, week.week)
        case Trigger.BELOW_PEER_MEDIAN:
            judged = _level(kpi, week, judged, days)
            reference = peers.median if peers and peers.count >= definition.min_peers else None
    ratio = attainment(kpi, judged, reference) if reference is not None else None
    if reference is None or ratio is None:
        return None
    return Reading(
        week=week.week,
        week_complete=days == week.workdays_available,
        workdays_elapsed=days,
        workdays_available=week.workdays_available,
        value=week.value,
        judged=judged,
        target=week.target,
        reference=reference,
        ratio=ratio,
        sample=week.sample,
        numerator=week.numerator,
        denominator=week.denominator,
        prior=prior,
        peers=peers.count if peers and definition.trigger is Trigger.BELOW_PEER_MEDIAN else None,
        weight=week.weight,
        kpi_version=week.kpi_version,
        template_id=week.template_id,
        template_version=week.template_version,
    )


def shrinks(definition: Definition, kpi: Kpi) -> bool:
    """Whether the rule weighs a share of cases by how many there were; other numbers have no cases to weigh."""
    return kpi.unit is Unit.RATIO and isinstance(kpi.formula, (Ratio, Sla)) and definition.shrink_weight > 0


def _shrunk(
    definition: Definition, kpi: Kpi, week: WeekResult, value: Decimal, peers: Peers | None
) -> tuple[Decimal, Decimal | None]:
    """A rate over few cases drawn toward that of the peers, else the target (row 43); and what it was drawn toward."""
    prior = peers.pooled if peers and peers.pooled is not None else week.target
    if not shrinks(definition, kpi) or prior is None:
        return value, None
    if week.numerator is None or week.denominator is None:
        return value, None
    rate = scoring.shrunk_rate(week.numerator, week.denominator, prior, definition.shrink_weight)
    return (value, None) if rate is None else (rate, prior)


def _weekly(kpi: Kpi) -> bool:
    """Adds up day by day within its week, so that part of a week has part of the target."""
    return scoring.over_time(kpi) and kpi.window_weeks == 1


def _level(kpi: Kpi, week: WeekResult, value: Decimal, days: int) -> Decimal:
    """The value as it would be after a whole week, so that running weeks and weeks with leave compare with others."""
    if not _weekly(kpi):
        return value
    return value * (week.workdays if kpi.prorated else week.workdays_available) / days


def _own_mean(definition: Definition, kpi: Kpi, weeks: Mapping[date, WeekResult], before: date) -> Decimal | None:
    """Mean of the rep's last weeks before one; None when fewer than half of them pass the gates."""
    last = sorted((day for day in weeks if day < before), reverse=True)[: definition.trend_weeks]
    levels = [
        _level(kpi, week, week.value, week.workdays_available)
        for week in (weeks[day] for day in last)
        if week.value is not None
        and week.workdays_available >= definition.min_workdays
        and week.sample >= definition.min_sample
    ]
    if len(levels) < math.ceil(definition.trend_weeks / 2):
        return None
    return sum(levels, Decimal(0)) / len(levels)


def opens(definition: Definition, reading: Reading | None) -> bool:
    """Bad enough to open an item."""
    return reading is not None and reading.ratio < definition.open_below


def closes(definition: Definition, reading: Reading | None) -> bool:
    """Good enough to close one. Between the two thresholds nothing happens, whatever the noise."""
    return reading is not None and reading.ratio > definition.close_above


def cooled(definition: Definition, closed_on: date | None, today: date) -> bool:
    """Long enough since an item on the same rep and KPI was closed, by whomever."""
    return closed_on is None or (today - closed_on).days >= definition.cooldown_days


def priority(ratio: Decimal, weight: Decimal, calendar: Calendar, opened_on: date, due_on: date, today: date) -> int:
    """0 to 100: gap x weight x time. An item at its opening counts once, at its due day twice.

    `weight` is relative to the mean of the scorecard. Whole numbers, so that an item moves only for a reason.
    """
    term = calendar.workdays(opened_on, due_on)
    gone = Decimal(calendar.workdays(opened_on, today)) / term if term else Decimal(1)
    gap = max(Decimal(0), 1 - ratio)
    exact = 100 * gap * weight * (1 + min(gone, Decimal(1)))
    return int(to_unit(min(exact, Decimal(100)), Decimal(1)))


def due(calendar: Calendar, today: date, workdays: int) -> date:
    """The workday that is so many workdays after today."""
    day = today
    while workdays > 0:
        day += DAY
        workdays -= calendar.is_workday(day)
    return day


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that a rule would open."""

    item_id: UUID
    rule: Rule
    kpi: Kpi
    reading: Reading
    priority: int
    due_on: date


def chosen(candidates: Iterable[Candidate], live: Collection[UUID], opened_this_week: int) -> list[Candidate]:
    """Which items a rep gets: one a KPI, at most two live and two new a week, the most urgent first.

    `live` are the KPIs on which the rep has a coaching item. Ties go to the leading indicator, then the larger gap,
    then by the rule's key, so that the order of arrival does not matter.
    """
    room = min(ITEMS_A_WEEK - len(live), ITEMS_A_WEEK - opened_this_week)
    taken = set(live)
    picked: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (-c.priority, not c.kpi.leading, c.reading.ratio, c.rule.key)):
        if len(picked) < room and candidate.rule.kpi_id not in taken:
            taken.add(candidate.rule.kpi_id)
            picked.append(candidate)
    return picked


def item_id(org_id: UUID, rule_id: UUID, rep_id: UUID, kpi_id: UUID, week: date) -> UUID:
    """A coaching item's id says what it is about: whoever evaluates again, or twice at once, means the same item."""
    return uuid5(org_id, f"{rule_id}/{rep_id}/{kpi_id}/{week}")


def spoken(number: Decimal, unit: Unit, currency: str) -> str:
    """A number as one says it: "12", "35.7%", "52,000 USD", "4.5 days"."""
    match unit:
        case Unit.RATIO:
            return f"{_short(number * 100, 1)}%"
        case Unit.MONEY:
            return f"{_short(number, 0)} {currency}"
        case Unit.DAYS:
            return f"{_short(number, 1)} days"
        case Unit.HOURS:
            return f"{_short(number, 1)} hours"
        case Unit.MINUTES:
            return f"{_short(number, 0)} minutes"
        case Unit.MULTIPLE:
            return f"{_short(number, 1)}x"
        case Unit.COUNT:
            return _short(number, 1)


def _short(number: Decimal, places: int) -> str:
    text = f"{to_unit(number, Decimal(1).scaleb(-places)):,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spoken_day(day: date) -> str:
    """A day as one says it: "16 November"."""
    return f"{day.day} {day:%B}"


def recovered(kpi: Kpi, reading: Reading, currency: str) -> str:
    """What an item says when it closes by itself."""
    value, reference = spoken(reading.judged, kpi.unit, currency), spoken(reading.reference, kpi.unit, currency)
    return f"{kpi.name} recovered: {value} against {reference}, week of {spoken_day(reading.week)}."


def render(template: str, candidate: Candidate, rep_name: str, currency: str) -> str:
    """A title or body with the numbers in it. What is not known reads as a dash."""
    reading, unit = candidate.reading, candidate.kpi.unit

    def number(value: Decimal | None) -> str:
        return "-" if value is None else spoken(value, unit, currency)

    values = {
        "rep": rep_name,
        "kpi": candidate.kpi.name,
        "value": number(reading.judged),
        "target": number(reading.target),
        "reference": number(reading.reference),
        "gap": number(abs(reading.reference - reading.judged)),
        "ratio": spoken(reading.ratio, Unit.RATIO, currency),
        "sample": str(reading.sample),
        "peers": "-" if reading.peers is None else str(reading.peers),
        "weeks": str(candidate.rule.definition.trend_weeks),
        "week": spoken_day(reading.week),
        "due": spoken_day(candidate.due_on),
    }
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
