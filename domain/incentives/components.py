"""The components of a plan: each pays in its own way for what somebody was credited with."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.calendar import PeriodKind
from domain.incentives.terms import (
    Cap,
    CreditRole,
    CurveStep,
    Gate,
    Measure,
    Objective,
    Scale,
    Threshold,
    TieBreak,
    Tier,
    UnitTier,
    WithoutQuota,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What all have: a key that is unique in the plan, what they count, and what limits them.

    They count the `measure` (of a KPI: the one with this key) of credits of one role; with `products`, of those only.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission(Component):
    """A rate on what is credited: one `rate`, or `tiers` (rows 3 to 11). With credits of a team it is an override, with
    OVERLAY credits an overlay commission (row 25). Of units, deals and KPIs a rate is an amount for each.

    `cumulative` runs the base and the tiers over a longer period (a year) than the one that is paid: what is due for
    the year so far, less what was due before this period.
    """

    rate: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    by: Scale = Scale.AMOUNT
    tie_break: TieBreak = TieBreak.UPPER
    threshold: Threshold | None = None
    cumulative: PeriodKind | None = None
    without_quota: WithoutQuota = WithoutQuota.NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve(Component):
    """A payout curve over attainment: a share of a target amount (row 14), nothing before the first step.

    Without a `target` it is the payee's own. `at_most` is the largest share of the target.
    """

    target: Decimal | None = None
    steps: tuple[CurveStep, ...]
    at_most: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus(Component):
    """A lump sum once `at` is reached."""

    amount: Decimal
    at: Decimal
    by: Scale = Scale.ATTAINMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Mbo(Component):
    """Objectives with weights: the target times the weighted mean of their scores, each of at most `at_most` (None: as
    high as it goes). An objective without a score counts as 0. Without a `target` it is the payee's own.
    """

    target: Decimal | None = None
    objectives: tuple[Objective, ...]
    at_most: Decimal | None = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spiff(Component):
    """A prize for a while: `per_unit` (row 22), in `tiers` by how many (row 23), or a `lump` at `at` of them.

    It counts what closed on days in `[starts_on, ends_on)`. A budget is a cap of scope BUDGET (row 24).
    """

    measure: Measure = Measure.UNITS
    starts_on: date
    ends_on: date
    per_unit: Decimal | None = None
    tiers: tuple[UnitTier, ...] = ()
    lump: Decimal | None = None
    at: Decimal | None = None
