"""What a plan needs to know of a payee, and who may be one. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from domain.calendar import Period, PeriodKind
from domain.incentives.component import Component
from domain.incentives.components import Commission, Spiff
from domain.incentives.plan import Plan
from domain.incentives.terms import Cap, CapScope, CreditRole, Eligibility, Gate, Measure


class Want(NamedTuple):
    """A quota and what is attained of it, over the period of this kind that holds the last day that is paid for."""

    measure: Measure
    kpi: str | None
    role: CreditRole
    period: PeriodKind


def wants(plan: Plan) -> frozenset[Want]:
    """All standings that components, tiers and gates of the plan may look at."""
    found = set()
    for component in plan.components:
        kinds = {plan.period, _cumulative(component) or plan.period}
        found |= {Want(component.measure, component.kpi, component.credits, kind) for kind in kinds}
        for gate in _gates(component):
            found |= {Want(gate.measure, gate.kpi, gate.credits, kind) for kind in [gate.period] if kind} or {
                Want(gate.measure, gate.kpi, gate.credits, kind) for kind in kinds
            }
    return frozenset(found)


def reach(plan: Plan, period: Period, longer: Sequence[Period]) -> date:
    """The first day whose credits a period of the plan looks at itself: of a cumulative component, or of a SPIFF."""
    first = period.starts_on
    for component in plan.components:
        if isinstance(component, Spiff):
            first = min(first, component.starts_on)
        for over in longer:
            if over.kind is _cumulative(component):
                first = min(first, over.starts_on)
    return first


def budgets(plan: Plan) -> tuple[str | None, ...]:
    """The components with a budget that all payees share; None is the plan's own."""
    owners: list[tuple[str | None, Sequence[Cap]]] = [(c.key, c.caps) for c in plan.components]
    owners.append((None, plan.caps))
    return tuple(key for key, caps in owners if any(cap.scope is CapScope.BUDGET for cap in caps))


def chained(plan: Plan) -> bool:
    """Whether a period hands something on to the next: a draw, or a cap that runs on."""
    caps = [*plan.caps, *(cap for component in plan.components for cap in component.caps)]
    return plan.draw is not None or any(cap.scope in (CapScope.PLAN, CapScope.BUDGET) for cap in caps)


def counts_activity(plan: Plan) -> bool:
    """Whether facts other than deals count."""
    return any(want.measure is Measure.KPI for want in wants(plan))


def eligible(eligibility: Eligibility, role: str | None, teams: Sequence[str], rep: str) -> bool:
    """Whether a rep may be on a plan, by its job role, its team and those above, and its key (external ids)."""
    if rep in eligibility.reps:
        return True
    if not (eligibility.roles or eligibility.teams):
        return not eligibility.reps
    by_role = not eligibility.roles or role in eligibility.roles
    return by_role and (not eligibility.teams or any(team in eligibility.teams for team in teams))


def _cumulative(component: Component) -> PeriodKind | None:
    return component.cumulative if isinstance(component, Commission) else None


def _gates(component: Component) -> Iterator[Gate]:
    yield from component.gates
    if isinstance(component, Commission):
        yield from (tier.gate for tier in component.tiers if tier.gate is not None)
