"""What a component finds of a payee: credits in order, quotas, gates."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

from domain.calendar import PeriodKind
from domain.incentives.inputs import Credit, Inputs, Standing
from domain.incentives.outcome import Reason
from domain.incentives.tally import Tally, order
from domain.incentives.terms import CreditRole, Gate, Measure, Proration, Scale

ZERO = Decimal(0)
RATIO_UNIT = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a component counts: its base before the period, and the credits of the period in order, with their values.

    A KPI has no credits, only a value, which is None where it has none.
    """

    before: Decimal
    credits: tuple[tuple[Credit, Decimal], ...]
    value: Decimal | None

    @property
    def base(self) -> Decimal:
        """All of it."""
        return self.value or ZERO


class Facts:
    """A payee's inputs, looked up as components ask for them."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self._tallies: dict[tuple[Measure, CreditRole, tuple[str, ...]], Tally] = {}
        self._standings = {(s.measure, s.kpi, s.credits, s.period): s for s in inputs.standings}

    @cached_property
    def credits(self) -> list[Credit]:
        """Those of days on the plan, by day and key: the order in which they reach tiers, however they came in."""
        last = self.inputs.period.ends_on
        found: list[Credit] = []
        for start, end in self.inputs.on_plan:
            end = min(end, last)
            found += [credit for credit in self.inputs.credits if start <= credit.day < end]
        found.sort(key=order)
        return found

    @cached_property
    def share_on_plan(self) -> tuple[Decimal, Decimal]:
        """Days of the period on the plan, and days of the period."""
        period = self.inputs.period
        spans = ((max(a, period.starts_on), min(b, period.ends_on)) for a, b in self.inputs.on_plan)
        return Decimal(sum(max(0, (b - a).days) for a, b in spans)), Decimal(period.days)

    def prorated(self, amount: Decimal, proration: Proration) -> Decimal:
        """What is left of a fixed amount of the period for who is on the plan for a part of it."""
        on_plan, days = self.share_on_plan
        return amount if proration is Proration.NONE or on_plan == days else amount * on_plan / days

    def starts_on(self, cumulative: PeriodKind | None) -> date:
        """The first day of the period, or of the longer one that runs through it."""
        for longer in self.inputs.longer:
            if longer.kind is cumulative:
                return longer.starts_on
        return self.inputs.period.starts_on

    def standing(self, measure: Measure, kpi: str | None, role: CreditRole, period: PeriodKind) -> Standing | None:
        """The standing asked for, if there is one."""
        return self._standings.get((measure, kpi, role, period))

    def counted(
        self, measure: Measure, kpi: str | None, role: CreditRole, products: tuple[str, ...], since: date, until: date
    ) -> Counted:
        """What counts on days in `[since, until)`; a KPI counts over the period."""
        period = self.inputs.period
        if measure is Measure.KPI:
            standing = self.standing(measure, kpi, role, period.kind)
            return Counted(ZERO, (), standing.attained if standing else None)
        key = (measure, role, products)
        tally = self._tallies.get(key)
        if tally is None:
            mine = [c for c in self.credits if c.role is role and (not products or c.product in products)]
            tally = self._tallies[key] = Tally(measure, mine)
        first = tally.place(since)
        last = max(first, tally.place(until))
        here = min(max(first, tally.place(period.starts_on)), last)
        found = tuple(zip(tally.credits[here:last], tally.values[here:last], strict=True))
        return Counted(tally.sum(first, here), found, tally.sum(first, last))

    def at(self, gate: Gate, default: PeriodKind) -> Standing | None:
        """The standing that a gate looks at."""
        return self.standing(gate.measure, gate.kpi, gate.credits, gate.period or default)

    def is_open(self, gate: Gate, default: PeriodKind) -> bool:
        """Whether what the gate asks for is attained; not without a quota to attain."""
        standing = self.at(gate, default)
        if standing is None:
            return False
        if gate.by is Scale.AMOUNT:
            return standing.attained >= gate.at_least
        return bool(standing.quota) and standing.attained >= gate.at_least * (standing.quota or ZERO)


def no_quota(quota: Decimal | None) -> Reason | None:
    """Why there is no attainment (rule 5), None where there is one."""
    if quota is None:
        return Reason.NO_QUOTA
    return Reason.QUOTA_ZERO if quota == 0 else None


def attainment(base: Decimal, quota: Decimal | None) -> Decimal | None:
    """The ratio as it is published, to six places; None without a quota (rules 4, 5). No decision uses it."""
    return (base / quota).quantize(RATIO_UNIT, ROUND_HALF_UP) if quota else None
