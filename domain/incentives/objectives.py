"""Objectives of MBOs: setting those of a rep's own, and saying how far objectives were reached."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from domain.calendar import Calendar, PeriodKind
from domain.dirty import Touch
from domain.errors import Problem, Rejected, at_most, reject
from domain.events import Change, Event
from domain.incentives.check import KEY
from domain.incentives.components import Mbo
from domain.incentives.crediting import known_reps, unknown_rep, written
from domain.incentives.model import ScoreItem
from domain.incentives.stored import versions_of
from domain.money import LARGEST
from domain.org import actions as org
from domain.org.model import Role, Scope
from domain.org.rules import named
from domain.org.sight import visible_reps
from domain.work import Tx, Work, columns
from sql.queries import queries

_incentives = queries("incentives")


async def objectives_score(work: Work, plan_id: UUID, items: Sequence[ScoreItem]) -> int:
    """Set objectives and say how far they were reached, all or none; returns how many changed.

    Compensation admins score everybody, managers the reps below them, nobody themselves. Raises `Rejected`: TOO_MANY,
    FORBIDDEN, NOT_FOUND (plan, rep, no version of the plan has the objective), OWN_PAY, OUT_OF_RANGE, INVALID,
    REQUIRED, BLANK, TOO_LONG.
    """
    at_most(items)
    async with work.transaction() as tx:
        versions = [version.document for version in await versions_of(tx.session, [plan_id])]
        if not versions:
            raise reject("NOT_FOUND", "No published plan has this id.", "planId")
        mbos: dict[str, set[str]] = {}
        for plan in versions:
            for mbo in plan.components:
                if isinstance(mbo, Mbo):
                    mbos.setdefault(mbo.key, set()).update(objective.key for objective in mbo.objectives)
        calendar = await org.calendar(tx)
        reps = await _scored(tx, calendar, [item.rep_id for item in items])
        problems = []
        for i, item in enumerate(items):
            at = ("items", str(i))
            if item.rep_id not in reps:
                problems.append(unknown_rep(*at))
            elif item.rep_id == tx.viewer.rep_id:
                problems.append(Problem("OWN_PAY", "Somebody else scores what you get.", (*at, "repId")))
            problems += _flaws(item, mbos, versions[0].period, calendar, *at)
        if problems:
            raise Rejected(*problems)
        wanted = {(s.rep_id, s.component, s.objective, s.starts_on): (s.score, s.note, s.name, s.weight) for s in items}
        rows = [(*key, *score) for key, score in wanted.items()]
        changed = await tx.fetch(_incentives.scores_set, plan_id, *columns(rows, 8), tx.viewer.actor_id, tx.now)
        for row in changed:
            tx.mark(row["rep_id"], row["starts_on"], row["starts_on"], Touch.EARNINGS)
        if changed:
            tx.audit("objectivesScore", "IncentivePlan", str(plan_id), count=len(changed))
            tx.record(Event("incentives.plan", Change.UPDATED, "IncentivePlan", str(plan_id)))
        return len(changed)


async def _scored(tx: Tx, calendar: Calendar, asked: Sequence[UUID]) -> Collection[UUID]:
    """Those of the reps whom the viewer scores. Raises `Rejected` FORBIDDEN for who scores nobody."""
    known = await known_reps(tx, asked)
    if Scope.INCENTIVES_WRITE in tx.viewer.scopes:
        return known
    if tx.viewer.role is not Role.MANAGER:
        raise reject("FORBIDDEN", "Compensation admins and managers score objectives.")
    below = await visible_reps(tx.session, tx.viewer, calendar.local_day(tx.now))
    return known.keys() if below is None else known.keys() & set(below)


def _flaws(
    item: ScoreItem, mbos: Mapping[str, Collection[str]], kind: PeriodKind, calendar: Calendar, *at: str
) -> Iterator[Problem]:
    if item.component not in mbos or (mbos[item.component] and item.objective not in mbos[item.component]):
        yield Problem("NOT_FOUND", "The plan has no such objective.", (*at, "objective"))
    elif mbos[item.component]:
        if item.name is not None or item.weight is not None:
            yield Problem("INVALID", "The plan names and weighs this objective.", (*at, "name"))
        if item.score is None:
            yield Problem("REQUIRED", "Give a score.", (*at, "score"))
    else:
        if not KEY.fullmatch(item.objective):
            yield Problem("INVALID", "A key is of small letters, digits and underscores.", (*at, "objective"))
        if item.name is None or item.weight is None:
            yield Problem("REQUIRED", "Give a name and a weight to an objective of the rep's own.", (*at, "name"))
        else:
            yield from named(item.name, *at, "name")
            if not 0 < item.weight < LARGEST:
                yield Problem("OUT_OF_RANGE", "A weight is more than 0.", (*at, "weight"))
    if calendar.period(kind, item.starts_on).starts_on != item.starts_on:
        yield Problem("OUT_OF_RANGE", f"No {kind.lower()} begins on this day.", (*at, "startsOn"))
    if item.score is not None and not 0 <= item.score < LARGEST:
        yield Problem("OUT_OF_RANGE", "A score is 0 or more; 1 is all of it.", (*at, "score"))
    if item.note is not None:
        yield from written(item.note, *at, "note")
