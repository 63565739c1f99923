"""What every component of a plan shares: what it counts, and how a base becomes parts, deal by deal.

A component's `calculate` covers the pipeline from credits to the threshold (rule 6); caps and all that follows are the
same for each and live in `payout`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from domain.calendar import PeriodKind
from domain.incentives.facts import Counted, Facts
from domain.incentives.outcome import LineKind, Part, Rated, Stage
from domain.incentives.terms import Cap, CapScope, CreditRole, Gate, Measure, Proration
from domain.incentives.tiers import Schedule, total
from domain.incentives.trail import Trail

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(ABC):
    """A key that is unique in the plan, what is counted, and what limits it.

    It counts the `measure` (of a KPI: the one with this key) of credits of one role; with `products`, of those only.
    Where a gate is closed nothing is paid.
    """

    key: str
    name: str = ""
    measure: Measure = Measure.REVENUE
    kpi: str | None = None
    credits: CreditRole = CreditRole.DIRECT
    products: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    caps: tuple[Cap, ...] = ()

    @abstractmethod
    def calculate(self, facts: Facts, trail: Trail) -> Rated:
        """What it pays for these facts, before any cap."""

    @property
    def needs_quota(self) -> bool:
        """Whether it pays by attainment."""
        return False

    @property
    def limits_deals(self) -> bool:
        """Whether a cap asks for the amounts of deals and their days, not only for their sum."""
        return any(cap.scope in (CapScope.DEAL, CapScope.BUDGET) for cap in self.caps)

    def quota_period(self, paid: PeriodKind) -> PeriodKind:
        """The period whose quota counts, where such periods are paid."""
        return paid

    def first_day(self, facts: Facts) -> date:
        """The first day whose credits count."""
        return facts.inputs.period.starts_on

    def count(self, facts: Facts, trail: Trail, until: date | None = None) -> Counted:
        """What it counts, from its first day until (exclusive) the end of the period, or a day before that."""
        end = facts.inputs.period.ends_on
        since, until = self.first_day(facts), end if until is None else min(until, end)
        found = facts.counted(self.measure, self.kpi, self.credits, self.products, since, until)
        if trail.kept:
            trail.base(self.key, self.measure, self.kpi, found)
        return found

    def quota(self, facts: Facts, trail: Trail, base: Decimal) -> Decimal | None:
        """The quota that the base is measured against, None where none is set."""
        period = self.quota_period(facts.inputs.period.kind)
        standing = facts.standing(self.measure, self.kpi, self.credits, period)
        quota = standing.quota if standing else None
        if trail.kept:
            trail.quota(self.key, period, quota, base)
        return quota

    def target_of(self, facts: Facts, trail: Trail, target: Decimal | None, proration: Proration) -> Decimal | None:
        """The target amount, or the payee's own where there is none, for the days on the plan."""
        whole = facts.inputs.target if target is None else target
        if whole is None:
            return None
        found = facts.prorated(whole, proration)
        if trail.kept:
            args = (whole, *facts.share_on_plan) if proration is Proration.DAYS else ()
            op = "prorated" if args else "given"
            trail.step(Stage.RATE, f"{self.key}/target", "Target", op, args, found)
        return found

    def lump(self, facts: Facts, amount: Decimal, step: str, day: date | None = None) -> tuple[Part, ...]:
        """One amount, earned on a day or at the end of the period."""
        day = day or facts.inputs.period.ends_on - timedelta(days=1)
        return (Part(LineKind.EARNING, self.key, day, amount, step),) if amount else ()

    def walk(
        self, facts: Facts, found: Counted, schedule: Callable[[Decimal], Schedule], trail: Trail
    ) -> tuple[Part, ...]:
        """What the base earns by its schedule, deal by deal from where the base stood before the period (row 5).

        What the tiers reached now add for what counted before the period is a part of its own. Where nobody asks for
        deals, all of it is one part.
        """
        now, position = schedule(found.base), found.before
        due = trail.rates(self.key, "base", found.base, now)
        if self.measure is Measure.KPI:
            return self.lump(facts, now.due(found.base), due)
        if not (trail.by_deal or self.limits_deals):
            had = schedule(position).due(position) if position else ZERO
            return self.lump(facts, now.due(found.base) - had, due)
        parts = self._true_up(facts, position, now, schedule(position), trail) if position else []
        for credit, value in found.credits:
            pieces = now.pieces(position, position + value)
            exact = total(pieces)
            position += value
            key = f"{self.key}:{credit.key}"
            step = trail.pieces(Stage.THRESHOLD, key, "Earned for deal", pieces, exact) if trail.kept else ""
            parts.append(Part(LineKind.EARNING, key, credit.day, exact, step, credit.deal, value))
        return tuple(parts)

    def _true_up(self, facts: Facts, before: Decimal, now: Schedule, then: Schedule, trail: Trail) -> list[Part]:
        due = trail.rates(self.key, "before", before, then)
        pieces = now.pieces(ZERO, before)
        lifted = trail.pieces(Stage.THRESHOLD, f"{self.key}/lifted", "At the rates reached now", pieces, total(pieces))
        key, amount = f"{self.key}:true-up", total(pieces) - then.due(before)
        step = trail.step(Stage.THRESHOLD, key, "More than was due before", "difference", (lifted, due), amount)
        day = facts.inputs.period.starts_on
        return [Part(LineKind.TRUE_UP, key, day, amount, step, base=before)] if amount else []


def opened(gate: Gate, facts: Facts, trail: Trail, name: str) -> bool:
    """Whether a gate is open, told under this name."""
    paid = facts.inputs.period.kind
    is_open = facts.is_open(gate, paid)
    if trail.kept:
        trail.gate(name, gate, facts.at(gate, paid), is_open=is_open)
    return is_open
