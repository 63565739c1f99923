"""Plans: drafting, publishing and archiving them, putting reps on them, and their acknowledgement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from domain.calendar import Calendar
from domain.dirty import Touch
from domain.errors import Problem, Rejected, at_most, reject, stale
from domain.events import Change, Event
from domain.incentives import stored
from domain.incentives.check import flaws
from domain.incentives.codec import from_json, to_json
from domain.incentives.crediting import known_reps, unknown_rep
from domain.incentives.loading import load_rates
from domain.incentives.model import AssignItem, Assignment, PlanStatus, PlanVersion, StoredPlan
from domain.incentives.plan import Plan
from domain.incentives.spiffs import collisions, runs
from domain.money import LARGEST
from domain.org import actions as org
from domain.org.rules import known_currency, named
from domain.quotas.rules import adds_up
from domain.scorecards.formula import formula_from_json
from domain.work import Tx, Work, columns
from sql.pool import Session, uuid7
from sql.queries import queries

_incentives = queries("incentives")


async def incentive_plan_draft(
    work: Work, *, key: str, document: Plan, expected_version: int | None = None
) -> StoredPlan:
    """Draft a new plan, or the next version of the one with this key; nothing is in force yet.

    Raises `Rejected`: BLANK, TOO_LONG, INVALID_CURRENCY, ARCHIVED, PERIOD_FIXED, STALE_VERSION.
    """
    problems = [
        *named(key, "key"),
        *named(document.name, "document", "name"),
        *known_currency(document.currency, "document", "currency"),
    ]
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        rows = await tx.fetch(_incentives.plans_add, uuid7(), key, document.name, document.period, tx.now)
        plan = await _lock(tx, None, key, expected_version if not rows else None, "key")
        if plan.published is not None and document.period is not plan.period_kind:
            text = f"This plan pays by the {plan.period_kind.lower()}: draft another plan for another period."
            raise reject("PERIOD_FIXED", text, "document", "period")
        if rows and expected_version not in (None, 0):
            raise Rejected(stale(0))
        who = (tx.viewer.actor_id, tx.now)
        await tx.execute(_incentives.plan_draft, plan.plan_id, to_json(document), document.name, document.period, *who)
        _tell(tx, plan.plan_id, Change.CREATED if rows else Change.UPDATED)
        tx.audit("incentivePlanDraft", "IncentivePlan", str(plan.plan_id), key=key)
        drafted = replace(plan, name=document.name, period_kind=document.period, draft=document)
        return replace(drafted, version=plan.version + 1)


async def incentive_plan_publish(work: Work, plan_id: UUID, *, expected_version: int | None = None) -> PlanVersion:
    """Put the draft in force as the next version, which never changes. Pay of its days is calculated anew.

    Raises `Rejected` with every problem by path: NOT_FOUND, STALE_VERSION, ARCHIVED, NOTHING_DRAFTED, what `unfit`
    finds, OUT_OF_RANGE for a further version that starts within a period, SPIFF_COLLIDES where a team has a SPIFF in
    the same quarter.
    """
    async with work.transaction() as tx:
        await tx.execute(_incentives.plans_lock)
        plan = await _lock(tx, plan_id, None, expected_version)
        document = plan.draft
        if document is None:
            raise reject("NOTHING_DRAFTED", "There is no draft to publish.", "id")
        calendar = await org.calendar(tx)
        problems = [
            *await unfit(tx.session, document),
            *await _colliding(tx, plan, document, calendar),
            *await _dated(tx, plan, document, calendar),
        ]
        if problems:
            raise Rejected(*problems)
        version = (plan.published or 0) + 1
        await tx.execute(
            _incentives.plan_version_add,
            plan_id,
            version,
            document.name,
            to_json(document),
            document.starts_on,
            document.ends_on,
            tx.viewer.actor_id,
            tx.now,
        )
        await tx.execute(_incentives.plan_published, plan_id, version)
        await _mark(tx, plan_id, document.starts_on)
        _tell(tx, plan_id, Change.UPDATED)
        tx.audit("incentivePlanPublish", "IncentivePlan", str(plan_id), version=version)
        return PlanVersion(plan_id, version, document, tx.viewer.actor_id, tx.now)


async def incentive_plan_archive(
    work: Work, plan_id: UUID, *, on: date | None = None, expected_version: int | None = None
) -> StoredPlan:
    """From a day on (default today) the plan pays nothing. Raises `Rejected`: NOT_FOUND, STALE_VERSION, ARCHIVED."""
    async with work.transaction() as tx:
        plan = await _lock(tx, plan_id, None, expected_version)
        day = on or (await org.calendar(tx)).local_day(tx.now)
        await tx.execute(_incentives.plan_archive, plan_id, day)
        await _mark(tx, plan_id, day)
        _tell(tx, plan_id, Change.UPDATED)
        tx.audit("incentivePlanArchive", "IncentivePlan", str(plan_id), on=day)
        return replace(plan, archived_on=day, version=plan.version + 1)


async def incentive_plan_assign(work: Work, plan_id: UUID, items: Sequence[AssignItem]) -> list[Assignment]:
    """Put reps on a plan, all or none. What they had of the same plan on these days gives way.

    Whoever is assigned is paid on the days on which the plan's eligibility holds for it too. Raises `Rejected` with
    every problem by path: TOO_MANY, NOT_FOUND, ARCHIVED, OUT_OF_RANGE.
    """
    return await _assign(work, plan_id, items, "incentivePlanAssign")


async def incentive_plan_leave(work: Work, plan_id: UUID, rep_ids: Sequence[UUID], day: date) -> list[Assignment]:
    """From this day on these reps are not on the plan. Raises `Rejected` as `incentive_plan_assign`."""
    items = [AssignItem(rep_id, day) for rep_id in dict.fromkeys(rep_ids)]
    return await _assign(work, plan_id, items, "incentivePlanLeave", leaving=True)


async def incentive_plan_acknowledge(work: Work, plan_id: UUID, version: int) -> None:
    """The rep who asks has read a version and agrees; again changes nothing.

    Raises `Rejected` NOT_FOUND when there is no such version, or the rep is not on the plan.
    """
    async with work.transaction() as tx:
        rep_id = tx.viewer.rep_id
        assigned = await tx.fetch(_incentives.assignments_of_plan, plan_id, [rep_id]) if rep_id else []
        published = [found.version for found in await stored.versions_of(tx.session, [plan_id])]
        if not assigned or version not in published:
            raise reject("NOT_FOUND", "You are on no plan with this id and version.", "id")
        who = (tx.viewer.actor_id, tx.now)
        if await tx.execute(_incentives.acknowledgement_add, plan_id, version, rep_id, *who):
            _tell(tx, plan_id, Change.UPDATED, rep_id)
            tx.audit("incentivePlanAcknowledge", "IncentivePlan", str(plan_id), version=version)


async def _assign(
    work: Work, plan_id: UUID, items: Sequence[AssignItem], action: str, *, leaving: bool = False
) -> list[Assignment]:
    at_most(items)
    async with work.transaction() as tx:
        await _lock(tx, plan_id, None, None)
        reps = await known_reps(tx, [item.rep_id for item in items])
        problems = []
        for i, item in enumerate(items):
            at = ("items", str(i))
            if item.rep_id not in reps:
                problems.append(unknown_rep(*at))
            if item.ends_on is not None and item.ends_on <= item.starts_on:
                problems.append(Problem("OUT_OF_RANGE", "It ends after it starts.", (*at, "endsOn")))
            if item.target is not None and not 0 <= item.target < LARGEST:
                problems.append(Problem("OUT_OF_RANGE", "A target is 0 or more.", (*at, "target")))
        if problems:
            raise Rejected(*problems)
        ids = list(reps)
        had = [
            Assignment(row["plan_id"], row["rep_id"], row["starts_on"], row["ends_on"], row["target"])
            for row in await tx.fetch(_incentives.assignments_of_plan, plan_id, ids)
        ]
        have = had
        for item in items:
            have = _without(have, item)
            if not leaving:
                have.append(Assignment(plan_id, item.rep_id, item.starts_on, item.ends_on, item.target))
        have.sort(key=lambda a: (a.rep_id, a.starts_on))
        if set(have) != set(had):
            rows = [(a.rep_id, a.starts_on, a.ends_on, a.target) for a in have]
            await tx.execute(_incentives.assignments_remove, plan_id, ids)
            await tx.execute(_incentives.assignments_add, plan_id, *columns(rows, 4), tx.viewer.actor_id, tx.now)
            for assignment in set(have) ^ set(had):
                tx.mark(assignment.rep_id, assignment.starts_on, None, Touch.EARNINGS)
            for rep_id in ids:
                _tell(tx, plan_id, Change.UPDATED, rep_id)
            tx.audit(action, "IncentivePlan", str(plan_id), reps=[str(rep_id) for rep_id in ids])
        return have


def _without(assignments: Sequence[Assignment], item: AssignItem) -> list[Assignment]:
    """What is left of a rep's assignments outside the days of an item."""
    end = item.ends_on or date.max
    left = []
    for a in assignments:
        if a.rep_id != item.rep_id or a.starts_on >= end or (a.ends_on or date.max) <= item.starts_on:
            left.append(a)
            continue
        if a.starts_on < item.starts_on:
            left.append(replace(a, ends_on=item.starts_on))
        if item.ends_on is not None and (a.ends_on is None or a.ends_on > item.ends_on):
            left.append(replace(a, starts_on=item.ends_on))
    return left


async def _lock(
    tx: Tx, plan_id: UUID | None, key: str | None, expected_version: int | None, path: str = "id"
) -> StoredPlan:
    row = await tx.row(_incentives.plan_for_update, plan_id, key)
    if row is None:
        raise reject("NOT_FOUND", "No plan has this id.", path)
    plan = stored.stored_plan(row)
    if expected_version is not None and plan.version != expected_version:
        raise Rejected(stale(plan.version))
    if plan.status is PlanStatus.ARCHIVED:
        raise reject("ARCHIVED", "This plan is archived.", path)
    return plan


async def unfit(session: Session, document: Plan) -> list[Problem]:
    """What is wrong with a document, by itself or because it names what nobody knows: what `flaws` finds,
    UNKNOWN_TEAM, UNKNOWN_REP, NO_RATE. None of it can be published, nor would what it pays mean anything."""
    rows = await session.fetch(_incentives.kpis_by_key)
    kpis = {row["key"] for row in rows if adds_up(formula_from_json(row["formula"]))}
    problems = [replace(problem, path=("document", *problem.path)) for problem in flaws(document, kpis)]
    teams = {row["external_id"] for row in await session.fetch(_incentives.teams_by_key)}
    reps = {row["external_id"] for row in await session.fetch(_incentives.roles)}
    for i, team in enumerate(document.eligibility.teams):
        if team not in teams:
            path = ("document", "eligibility", "teams", str(i))
            problems.append(Problem("UNKNOWN_TEAM", f"No team has the key {team!r}.", path))
    for i, rep in enumerate(document.eligibility.reps):
        if rep not in reps:
            path = ("document", "eligibility", "reps", str(i))
            problems.append(Problem("UNKNOWN_REP", f"No rep has the key {rep!r}.", path))
    organization = await session.row(_incentives.organization)
    currency = organization["currency"] if organization else document.currency
    if (await load_rates(session)).at(currency, document.currency, document.starts_on) is None:
        text = f"Set a rate between {currency} and {document.currency} first."
        problems.append(Problem("NO_RATE", text, ("document", "currency")))
    return problems


async def _dated(tx: Tx, plan: StoredPlan, document: Plan, calendar: Calendar) -> list[Problem]:
    if plan.published is None or calendar.period(document.period, document.starts_on).starts_on == document.starts_on:
        return []
    before = min(version.document.starts_on for version in await stored.versions_of(tx.session, [plan.plan_id]))
    if document.starts_on <= before:
        return []
    text = f"A further version starts with a {document.period.lower()}, so that one version pays for all of it."
    return [Problem("OUT_OF_RANGE", text, ("document", "startsOn"))]


async def _colliding(tx: Tx, plan: StoredPlan, document: Plan, calendar: Calendar) -> list[Problem]:
    """At most one SPIFF for a team and quarter, unless the organisation lifts that."""
    organization = await tx.row(_incentives.organization)
    if organization is None or organization["several_spiffs"]:
        return []
    parents = {row["external_id"]: row["parent"] for row in await tx.fetch(_incentives.teams_by_key)}
    below: dict[str, list[str]] = defaultdict(list)
    for team in parents:
        above = parents[team]
        while above is not None:
            below[above].append(team)
            above = parents[above]
    new = runs(plan.key, document, below)
    in_force = await tx.fetch(_incentives.plan_versions_in_force) if new else []
    others = [
        run
        for row in in_force
        if row["plan_id"] != plan.plan_id
        for run in runs(row["key"], from_json(Plan, row["document"]), below)
    ]
    places = {component.key: str(i) for i, component in enumerate(document.components)}
    text = "{} has a SPIFF for the same team in the same quarter; one is enough, or allow several."
    return [
        Problem("SPIFF_COLLIDES", text.format(other.plan), ("document", "components", places[one.component]))
        for one, other in collisions(new, others, calendar)
    ]


async def _mark(tx: Tx, plan_id: UUID, day: date) -> None:
    """Whoever is on the plan is paid anew from a day on."""
    for rep_id in {row["rep_id"] for row in await tx.fetch(_incentives.assignments_of_plan, plan_id, None)}:
        tx.mark(rep_id, day, None, Touch.EARNINGS)


def _tell(tx: Tx, plan_id: UUID, change: Change, rep_id: UUID | None = None) -> None:
    tx.record(Event("incentives.plan", change, "IncentivePlan", str(plan_id), rep_id))
