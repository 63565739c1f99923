"""What a payout is calculated from: one payee, one plan, one period. All of it is plain data that can be stored."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.calendar import Period, PeriodKind
from domain.incentives.terms import CapScope, CreditRole, Measure

ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What somebody is credited with for one deal, after its splits.

    `key` is unique among the payee's credits and breaks ties of the `day` on which the deal closed. Amounts are in
    `currency`; `exchange_rate` is units of the plan's currency for one of it, as stored on the record (rule 6, row 26).
    `share` is the part of the deal that is credited.
    """

    key: str
    deal: str
    day: date
    currency: str
    revenue: Decimal
    margin: Decimal | None = None
    units: Decimal | None = None
    share: Decimal = ONE
    role: CreditRole = CreditRole.DIRECT
    product: str | None = None
    exchange_rate: Decimal = ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A quota of the payee and what was attained of it, from the start of the period that holds the last day paid for
    until that day. In the plan's currency, in units, or as the KPI counts. `quota` is None where none is set.
    """

    measure: Measure
    period: PeriodKind
    attained: Decimal
    quota: Decimal | None = None
    kpi: str | None = None
    credits: CreditRole = CreditRole.DIRECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How far an objective of an MBO was met: 1 is fully."""

    component: str
    objective: str
    score: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left for the payee under a cap of scope PLAN or BUDGET of a component (None: of the plan), in the plan's
    currency: the cap less what was earned before, the payee's part of the budget.
    """

    component: str | None
    scope: CapScope
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A deal of a closed period that was cancelled in this one, and what was paid for it, in the payee's currency."""

    deal: str
    closed_on: date
    cancelled_on: date
    paid: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything about a payee that the calculation of a period needs.

    `currency` is what the payee is paid in, `exchange_rate` units of it for one of the plan's. `on_plan` are the days
    `[start, end)` on which the payee is on the plan: credits of other days do not count. `credits` are those of the
    period, and for cumulative components those before it too. `target` is the payee's own target amount for curves and
    MBOs. `owed` is what is owed of draws, in the payee's currency; `opens_year` says that this is the first period of a
    fiscal year.
    """

    payee: str
    currency: str
    exchange_rate: Decimal = ONE
    period: Period
    on_plan: tuple[tuple[date, date], ...]
    credits: tuple[Credit, ...] = ()
    standings: tuple[Standing, ...] = ()
    scores: tuple[Score, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    target: Decimal | None = None
    owed: Decimal = Decimal(0)
    opens_year: bool = False
    cancellations: tuple[Cancellation, ...] = ()
