"""What a payout is calculated from: one payee, one plan, one period. All of it is plain data that can be stored."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.calendar import Period, PeriodKind
from domain.incentives.terms import CreditRole, Measure

ONE = Decimal(1)

BY_HAND = "credit:"
"""How keys of credits by hand begin; their ids follow."""


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

    @property
    def by_hand(self) -> bool:
        """Whether somebody credited it, and no deal."""
        return self.key.startswith(BY_HAND)


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
    """How far an objective of an MBO was met: 1 is fully. `name` and `weight` are of an objective of the payee's own,
    where the plan names none.
    """

    component: str
    objective: str
    score: Decimal
    name: str = ""
    weight: Decimal = ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The payee's part of the budget of a component (None: of the plan), in the plan's currency."""

    component: str | None = None
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a component (None: the plan) earned so far under a cap of scope PLAN, in the plan's currency."""

    component: str | None = None
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """What a period hands on to the next: what is owed of draws, in the payee's currency, and of which caps how much is
    used.
    """

    owed: Decimal = Decimal(0)
    used: tuple[Used, ...] = ()


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

    `currency` is what the payee is paid in, `exchange_rate` units of it for one of the plan's. `longer` are the
    periods of other kinds that hold its last day. `on_plan` are the days `[start, end)` on which the payee is on the
    plan, apart from each other: credits of other days do not count. `credits` are those of the period, and for
    cumulative components and SPIFFs those before it too. `target` is the payee's own target amount for curves and MBOs.
    Without a grant a budget limits nobody below the whole of it. `carry` is what the period before handed on;
    `opens_year` says that this is the first period of a fiscal year.
    """

    payee: str
    currency: str
    exchange_rate: Decimal = ONE
    period: Period
    longer: tuple[Period, ...] = ()
    on_plan: tuple[tuple[date, date], ...]
    credits: tuple[Credit, ...] = ()
    standings: tuple[Standing, ...] = ()
    scores: tuple[Score, ...] = ()
    grants: tuple[Grant, ...] = ()
    target: Decimal | None = None
    carry: Carry = Carry()
    opens_year: bool = False
    cancellations: tuple[Cancellation, ...] = ()
