"""What a component finds of a payee: credits in order, quotas, gates."""

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import NamedTuple

from domain.calendar import PeriodKind
from domain.incentives.inputs import Credit, Inputs, Standing
from domain.incentives.outcome import Reason
from domain.incentives.tally import Credited, Tally
from domain.incentives.terms import CreditRole, Gate, Measure, Proration, Scale

ZERO = Decimal(0)
RATIO_UNIT = Decimal("0.000001")


class Counted(NamedTuple):
    """What a component counts: its base before the period, and with it. A KPI has only a value, or None."""

    before: Decimal
    value: Decimal | None
    tally: Tally | None = None
    first: int = 0
    last: int = 0

    @property
    def credits(self) -> Iterator[tuple[Credit, Decimal]]:
        """The credits of the period in order, with their values."""
        if self.tally is None:
            return iter(())
        here = slice(self.first, self.last)
        return zip(self.tally.credits[here], self.tally.values[here], strict=True)

    @property
    def base(self) -> Decimal:
        """All of it."""
        return self.value or ZERO


class Facts:
    """A payee's inputs, looked up as components ask for them. `credited` are their credits of days on the plan, where
    those are added up already."""

    def __init__(self, inputs: Inputs, credited: Credited | None = None) -> None:
        self.inputs = inputs
        self.credited = credited or Credited(inputs.credits).on(inputs.on_plan)
        self._standings = {(s.measure, s.kpi, s.credits, s.period): s for s in inputs.standings}

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
            return Counted(ZERO, standing.attained if standing else None)
        tally = self.credited.tally(measure, role, products)
        first = tally.place(since)
        last = max(first, tally.place(until))
        here = min(max(first, tally.place(period.starts_on)), last)
        return Counted(tally.sum(first, here), tally.sum(first, last), tally, here, last)

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
