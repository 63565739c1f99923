"""Setting quotas, proposing them for a team or the organisation, and approving a proposal."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from domain.calendar import DAY, PeriodKind
from domain.errors import Problem, Rejected, at_most, reject, stale
from domain.events import Change, Event
from domain.money import LARGEST, to_unit
from domain.org.actions import calendar
from domain.org.rules import named, prose
from domain.quotas import rules
from domain.quotas.model import (
    Measure,
    Plan,
    PlanLine,
    PlanMethod,
    PlanRequest,
    PlanStatus,
    Quota,
    QuotaItem,
    Subject,
    Terms,
)
from domain.quotas.rows import plan_from_row, plan_to_json, quota_from_row, target_from_row, terms_from_row
from domain.scorecards.formula import formula_from_json
from domain.work import Tx, Work
from sql.pool import uuid7
from sql.queries import queries

_quotas = queries("quotas")

_MAX_PERIODS = 20


async def quotas_set(work: Work, items: Sequence[QuotaItem]) -> list[Quota]:
    """Set quotas, all or none; a change makes a new version, the same again changes nothing.

    One quota exists for each subject, measure, KPI and period. Returns the quotas in force, in the order of `items`.
    Raises `Rejected` with one problem for each bad item, by its path: NOT_FOUND, INVALID, DUPLICATE, STALE_VERSION.
    """
    at_most(items)
    async with work.transaction() as tx:
        quotas, changed = await _set(tx, items)
        if changed:
            tx.audit("quotasSet", count=changed)
        return quotas


async def quota_plan_propose(work: Work, request: PlanRequest) -> Plan:
    """Divide a total among the reps who are there in the period, or grow what they attained; nothing is in force yet.

    The quotas of reps sum to the total and the over-assignment, to the cent. Raises `Rejected`: NOT_FOUND for an
    unknown team, BLANK, TOO_LONG, INVALID for a method without what it needs, NO_REPS, NO_HISTORY.
    """
    async with work.transaction() as tx:
        problems = [*_sound_request(request), *_sound_terms(request.period.kind, request.terms, "input")]
        if problems:
            raise Rejected(*problems)
        if not await _known(tx, [(request.subject, request.subject_id)]):
            raise reject("NOT_FOUND", "No such team.", "input", "teamId")
        currency = str(await tx.value(_quotas.organization_currency))
        unit = rules.smallest_unit(request.measure, currency)
        plan = Plan(uuid7(), request, await _lines(tx, request, unit), PlanStatus.PROPOSED, 1, tx.now)
        method, lines = plan_to_json(plan)
        await tx.execute(
            _quotas.plan_add,
            plan.plan_id,
            request.name,
            request.subject,
            request.subject_id,
            request.measure,
            request.period.kind,
            request.period.starts_on,
            request.period.ends_on,
            method,
            lines,
            tx.viewer.actor_id,
            tx.now,
        )
        _record_plan(tx, plan, Change.CREATED)
        tx.audit("quotaPlanPropose", "QuotaPlan", str(plan.plan_id), name=request.name)
        return plan


async def quota_plan_approve(work: Work, plan_id: UUID, expected_version: int) -> tuple[Plan, list[Quota]]:
    """Set every quota of a proposal, in one transaction.

    Raises `Rejected`: NOT_FOUND, ALREADY_APPROVED, STALE_VERSION, or what is wrong with a line by now.
    """
    async with work.transaction() as tx:
        row = await tx.row(_quotas.plan_lock, plan_id)
        if row is None:
            raise reject("NOT_FOUND", "No quota plan has this id.", "id")
        plan = plan_from_row(row)
        if plan.status is PlanStatus.APPROVED:
            raise reject("ALREADY_APPROVED", "This plan is in force already.", "id")
        if plan.version != expected_version:
            raise Rejected(stale(plan.version))
        request = plan.request
        items = [
            QuotaItem(
                line.subject,
                line.subject_id,
                request.measure,
                request.period,
                replace(request.terms, amount=line.amount),
                note=request.name,
            )
            for line in plan.lines
        ]
        quotas, _ = await _set(tx, items)
        await tx.execute(_quotas.plan_approve, plan_id, tx.viewer.actor_id, tx.now)
        _record_plan(tx, plan, Change.UPDATED)
        tx.audit("quotaPlanApprove", "QuotaPlan", str(plan_id), name=request.name)
        approved = replace(plan, status=PlanStatus.APPROVED, version=plan.version + 1, approved_at=tx.now)
        return approved, quotas


async def _set(tx: Tx, items: Sequence[QuotaItem]) -> tuple[list[Quota], int]:
    """The quotas in force afterwards, and how many of them changed."""
    currency = str(await tx.value(_quotas.organization_currency))
    await _check(tx, items, currency)
    wanted = {item.target: item for item in items}
    targets = list(wanted)
    columns = (
        [t.subject for t in targets],
        [t.subject_id for t in targets],
        [t.measure for t in targets],
        [t.kpi_id for t in targets],
        [t.kind for t in targets],
        [t.starts_on for t in targets],
    )
    ends = [wanted[t].period.ends_on for t in targets]
    await tx.execute(_quotas.quotas_add, [uuid7() for _ in targets], *columns, ends, tx.now)
    rows = await tx.fetch(_quotas.quotas_lock, *columns)
    current = {target_from_row(row): row for row in rows}
    problems = [
        stale(current[item.target]["version"], "items", str(i))
        for i, item in enumerate(items)
        if item.expected_version not in (None, current[item.target]["version"])
    ]
    if problems:
        raise Rejected(*problems)
    quotas, changed = {}, []
    for target, item in wanted.items():
        row = current[target]
        money = currency if target.measure in (Measure.REVENUE, Measure.MARGIN) else None
        if row["version"] and terms_from_row(row) == item.terms:
            quotas[target] = quota_from_row(row)
            continue
        quota = Quota(row["quota_id"], target, item.period.ends_on, row["version"] + 1, item.terms, money)
        quotas[target] = quota
        changed.append((quota, item.note))
    if changed:
        await _write(tx, changed)
    return [quotas[item.target] for item in items], len(changed)


async def _write(tx: Tx, changed: Sequence[tuple[Quota, str | None]]) -> None:
    await tx.execute(
        _quotas.quota_versions_add,
        [q.quota_id for q, _ in changed],
        [q.version for q, _ in changed],
        [q.terms.amount for q, _ in changed],
        [q.currency for q, _ in changed],
        [q.terms.proration_basis for q, _ in changed],
        [q.terms.pace_basis for q, _ in changed],
        [{"seasonality": q.terms.seasonality, "ramp": q.terms.ramp} for q, _ in changed],
        [note for _, note in changed],
        tx.viewer.actor_id,
        tx.now,
    )
    for quota, _ in changed:
        target = quota.target
        rep_id = target.subject_id if target.subject is Subject.REP else None
        team_id = target.subject_id if target.subject is Subject.TEAM else None
        change = Change.CREATED if quota.version == 1 else Change.UPDATED
        tx.record(Event("quotas.quota", change, "Quota", str(quota.quota_id), rep_id, team_id))
        tx.mark(rep_id, target.starts_on, quota.ends_on - DAY)


async def _check(tx: Tx, items: Sequence[QuotaItem], currency: str) -> None:
    """Raises `Rejected` with everything wrong with the items that the current versions do not decide."""
    known = await _known(tx, [(item.subject, item.subject_id) for item in items])
    kpis = await _additive_kpis(tx, items)
    problems, seen = [], set()
    for i, item in enumerate(items):
        at = ("items", str(i))
        if (item.subject, item.subject_id) not in known:
            problems.append(Problem("NOT_FOUND", f"No such {item.subject.lower()}.", (*at, "subject")))
        if item.target in seen:
            problems.append(Problem("DUPLICATE", "The same quota stands twice in this call.", at))
        seen.add(item.target)
        if (item.measure is Measure.KPI) != (item.kpi_id is not None):
            problems.append(Problem("INVALID", "`kpiId` goes with the measure KPI, and only with it.", (*at, "kpiId")))
        elif item.kpi_id is not None and item.kpi_id not in kpis:
            problems.append(Problem("NOT_FOUND", "No KPI has this id.", (*at, "kpiId")))
        elif item.kpi_id is not None and not kpis[item.kpi_id]:
            text = "A quota needs a KPI that counts or sums facts over days; rates and medians do not add up."
            problems.append(Problem("KPI_NOT_ADDITIVE", text, (*at, "kpiId")))
        if item.currency not in (None, currency):
            text = f"Quotas are set in the organisation's currency, {currency}."
            problems.append(Problem("INVALID", text, (*at, "currency")))
        if not item.terms.amount.is_finite() or not 0 <= item.terms.amount < LARGEST:
            problems.append(Problem("INVALID", "The amount must be 0 or more, below 10^15.", (*at, "amount")))
        problems += prose(item.note or "", *at, "note")
        problems += _sound_terms(item.period.kind, item.terms, *at)
    if problems:
        raise Rejected(*problems)


def _sound_terms(kind: PeriodKind, terms: Terms, *at: str) -> list[Problem]:
    return [Problem("INVALID", text, (*at, field)) for field, text in rules.flaws(kind, terms)]


def _sound_request(request: PlanRequest) -> list[Problem]:
    problems = named(request.name, "input", "name")
    if request.measure is Measure.KPI:
        problems.append(Problem("INVALID", "Plans are for REVENUE, MARGIN or UNITS.", ("input", "measure")))
    needs_total = request.method is not PlanMethod.GROWTH
    if needs_total != (request.total is not None):
        text = "EVEN and HISTORY divide a total; GROWTH adds up to what it finds and takes none."
        problems.append(Problem("INVALID", text, ("input", "method", "total")))
    elif request.total is not None and not 0 < request.total < LARGEST:
        problems.append(Problem("INVALID", "The total must be more than 0.", ("input", "method", "total")))
    if not -1 < request.growth <= 10:
        problems.append(
            Problem("INVALID", "Growth is a ratio, 0.1 for 10 %; more than -1.", ("input", "method", "growth"))
        )
    if not 0 <= request.over_assignment <= 1:
        problems.append(Problem("INVALID", "Over-assignment is a ratio from 0 to 1.", ("input", "overAssignment")))
    if not 1 <= request.history_periods <= _MAX_PERIODS:
        problems.append(
            Problem("INVALID", f"History takes 1 to {_MAX_PERIODS} periods.", ("input", "method", "periods"))
        )
    return problems


def _record_plan(tx: Tx, plan: Plan, change: Change) -> None:
    team_id = plan.request.subject_id if plan.request.subject is Subject.TEAM else None
    tx.record(Event("quotas.plan", change, "QuotaPlan", str(plan.plan_id), team_id=team_id))


async def _lines(tx: Tx, request: PlanRequest, unit: Decimal) -> tuple[PlanLine, ...]:
    period = request.period
    team_id = request.subject_id if request.subject is Subject.TEAM else None
    reps = [row["rep_id"] for row in await tx.fetch(_quotas.plan_reps, team_id, period.starts_on, period.ends_on)]
    if not reps:
        raise reject("NO_REPS", "Nobody is there to carry a quota in this period.", "input", "period")
    found = {} if request.method is PlanMethod.EVEN else await _history(tx, request, reps, unit)
    history = [found.get(rep_id) for rep_id in reps]
    try:
        own = rules.plan_total(request.total, history, request.growth, unit)
        amounts = rules.divide_plan(own, history, request.over_assignment, unit)
    except ValueError as error:
        raise reject("NO_HISTORY", f"{error}.".capitalize(), "input", "method") from error
    known = [value for value in history if value is not None]
    first = PlanLine(request.subject, request.subject_id, own, sum(known, Decimal(0)) if known else None)
    shares = zip(reps, amounts, history, strict=True)
    return (first, *(PlanLine(Subject.REP, rep_id, amount, past) for rep_id, amount, past in shares))


async def _history(tx: Tx, request: PlanRequest, reps: Sequence[UUID], unit: Decimal) -> dict[UUID, Decimal]:
    """What each rep attained a full period on average, over the periods before, rounded to the unit; absent for who was
    not there."""
    rules_of_time, start = await calendar(tx), request.period.starts_on
    for _ in range(request.history_periods):
        start = rules_of_time.period(request.period.kind, start - DAY).starts_on
    days = (request.period.starts_on - start).days
    found = await tx.fetch(_quotas.plan_history, reps, start, request.period.starts_on)
    return {
        row["rep_id"]: to_unit(
            Fraction(row[request.measure.lower()])
            * Fraction(days, (request.period.starts_on - row["since"]).days * request.history_periods),
            unit,
        )
        for row in found
    }


async def _known(tx: Tx, subjects: Sequence[tuple[Subject, UUID]]) -> set[tuple[Subject, UUID]]:
    rows = await tx.fetch(_quotas.subjects, list({subject_id for _, subject_id in subjects}))
    return {(Subject(row["subject"]), row["id"]) for row in rows} & set(subjects)


async def _additive_kpis(tx: Tx, items: Sequence[QuotaItem]) -> dict[UUID, bool]:
    """Which KPIs exist, and whether a quota can be set on them."""
    ids = list({item.kpi_id for item in items if item.kpi_id is not None})
    if not ids:
        return {}
    rows = await tx.fetch(_quotas.kpi_formulas, ids, [date.max] * len(ids))
    return {row["kpi_id"]: rules.adds_up(formula_from_json(row["formula"])) for row in rows}
