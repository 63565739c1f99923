"""The words of an incentive plan: the small parts that its components are made of.

Rates, attainments and shares are ratios (1 is 100 %), amounts are in the plan's currency, ranges are half-open. A
field's name in the graph, in JSON and in YAML is its name here in camel case; `start` and `end` of tiers are `from` and
`to`.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.calendar import PeriodKind


class Measure(StrEnum):
    """What is credited. DEALS counts deals, a split deal by its share; quotas are set in all others."""

    REVENUE = "REVENUE"
    MARGIN = "MARGIN"
    UNITS = "UNITS"
    DEALS = "DEALS"
    KPI = "KPI"


class CreditRole(StrEnum):
    """Why somebody is credited: for deals of their own (or a share of them), as the manager of the rep at any depth, or
    beside the rep, as a specialist or partner manager is."""

    DIRECT = "DIRECT"
    TEAM = "TEAM"
    OVERLAY = "OVERLAY"


class Scale(StrEnum):
    """What the edges of tiers and thresholds count: the measure itself, or its ratio to the quota."""

    AMOUNT = "AMOUNT"
    ATTAINMENT = "ATTAINMENT"


class TierMode(StrEnum):
    """What reaching a tier does: rate only what lies above its edge, or lift all below to its rate (rule 3)."""

    MARGINAL = "MARGINAL"
    RETROACTIVE = "RETROACTIVE"


class TieBreak(StrEnum):
    """Which tier a base exactly on an edge gets (rule 2)."""

    UPPER = "UPPER"
    LOWER = "LOWER"


class ThresholdKind(StrEnum):
    """CLIFF: nothing below, everything from there on (row 12). INCREMENTAL: only what lies above pays (row 13)."""

    CLIFF = "CLIFF"
    INCREMENTAL = "INCREMENTAL"


class CapScope(StrEnum):
    """What a cap limits: each deal, the payee's period, the payee's earnings under the plan since it began, or what all
    payees get together."""

    DEAL = "DEAL"
    PERIOD = "PERIOD"
    PLAN = "PLAN"
    BUDGET = "BUDGET"


class Sharing(StrEnum):
    """How a budget that does not suffice is shared (row 24)."""

    FIRST_COME = "FIRST_COME"
    PRO_RATA = "PRO_RATA"


class WithoutQuota(StrEnum):
    """What tiers by attainment pay where there is no quota to attain: nothing, or the rate of the first tier."""

    NOTHING = "NOTHING"
    FIRST_TIER = "FIRST_TIER"


class Proration(StrEnum):
    """What becomes of a fixed amount for who is on the plan for a part of the period: it shrinks with the calendar days
    (DAYS), or does not (NONE)."""

    DAYS = "DAYS"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A condition: what was attained in a period, through the end of the one that is paid, is at least so much.

    `by` ATTAINMENT compares the ratio to the quota, AMOUNT the measure itself (a KPI's value). Without a `period` it is
    that of the component. A gate whose attainment is null stays closed.
    """

    at_least: Decimal
    by: Scale = Scale.ATTAINMENT
    period: PeriodKind | None = None
    measure: Measure = Measure.REVENUE
    kpi: str | None = None
    credits: CreditRole = CreditRole.DIRECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A rate for what lies in `[start, end)`. Without an end it goes on to the next tier, and the last has none.

    `mode` says what reaching `start` does. While the `gate` is closed the tier is not there: the one below goes on.
    """

    start: Decimal
    rate: Decimal
    end: Decimal | None = None
    mode: TierMode = TierMode.MARGINAL
    gate: Gate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What must be reached before anything is paid; a base exactly on it reached it."""

    at: Decimal
    by: Scale = Scale.ATTAINMENT
    kind: ThresholdKind = ThresholdKind.CLIFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The most that is paid. `sharing` is of a BUDGET."""

    amount: Decimal
    scope: CapScope = CapScope.PERIOD
    sharing: Sharing = Sharing.FIRST_COME


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveStep:
    """From this attainment on, `payout` of the target and `slope` more for each attainment above (row 14)."""

    start: Decimal
    payout: Decimal
    slope: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One of the objectives of an MBO. Its weight is relative to the others'."""

    key: str
    name: str
    weight: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTier:
    """What a SPIFF pays for each unit from the `start`-th on (1, 4, 7); `mode` as of any tier (row 23)."""

    start: Decimal
    amount: Decimal
    mode: TierMode = TierMode.MARGINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """An advance on earnings: no less than `amount` is paid for a period (row 16).

    What a recoverable draw paid beyond the earnings is owed, and kept from later earnings above the draw. Without
    `carry_forward` what is owed at the end of a fiscal year is forgiven.
    """

    amount: Decimal
    recoverable: bool = True
    carry_forward: bool = True
    proration: Proration = Proration.DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class ClawbackWindow:
    """The share that is taken back of what was paid for a deal cancelled within so many days of its close (row 17)."""

    days: int
    share: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Who is on the plan: reps by job role, by team (and those below), or by name. Keys are external ids.

    Whoever is named is on it; everybody else needs one of the roles and one of the teams, where an empty list asks for
    nothing. With all three empty everybody is on the plan, with `reps` alone only they.
    """

    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    reps: tuple[str, ...] = ()
