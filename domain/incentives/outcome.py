"""What a calculation came to: lines, what each component earned, and every step on the way."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.incentives.inputs import Carry


class LineKind(StrEnum):
    """What a line of a statement is.

    EARNING: what a component pays, for a deal or as one amount. TRUE_UP: what a tier reached now adds for deals of
    earlier periods (cumulative components). CAP: what a cap of the plan takes away. DRAW: what a draw adds; RECOVERY:
    what it gets back. CLAWBACK: what is taken back for cancelled deals of closed periods.
    """

    EARNING = "EARNING"
    TRUE_UP = "TRUE_UP"
    CAP = "CAP"
    DRAW = "DRAW"
    RECOVERY = "RECOVERY"
    CLAWBACK = "CLAWBACK"
    ADJUSTMENT = "ADJUSTMENT"
    REVERSAL = "REVERSAL"


class Stage(StrEnum):
    """The payout pipeline, in its order (rule 6)."""

    ELIGIBILITY = "ELIGIBILITY"
    CREDIT = "CREDIT"
    ATTAINMENT = "ATTAINMENT"
    RATE = "RATE"
    THRESHOLD = "THRESHOLD"
    CAP = "CAP"
    CURRENCY = "CURRENCY"
    DRAW_AND_CLAWBACK = "DRAW_AND_CLAWBACK"
    PAYABLE = "PAYABLE"


class Reason(StrEnum):
    """Why a component pays nothing, whatever was credited."""

    NOT_ON_PLAN = "NOT_ON_PLAN"
    NO_QUOTA = "NO_QUOTA"
    QUOTA_ZERO = "QUOTA_ZERO"
    NO_VALUE = "NO_VALUE"
    NO_TARGET = "NO_TARGET"
    GATE_CLOSED = "GATE_CLOSED"


@dataclass(frozen=True, slots=True)
class Line:
    """One amount of a statement, in the payee's currency.

    `key` is stable: the same payee, plan and period give a line of the same cause the same key. `base` is what was
    credited for it, in the component's measure; `exact` what it earned in the plan's currency before anything was
    rounded. Lines sum to the payable amount.
    """

    key: str
    kind: LineKind
    amount: Decimal
    component: str | None = None
    deal: str | None = None
    base: Decimal | None = None
    exact: Decimal | None = None


class Earned(NamedTuple):
    """What a component earned in the plan's currency, after its caps and unrounded.

    `attainment` is the base to the quota, to six places. `reason` says why nothing is paid whatever was credited.
    """

    component: str
    base: Decimal
    quota: Decimal | None
    attainment: Decimal | None
    amount: Decimal
    reason: Reason | None = None


class Part(NamedTuple):
    """A part of what a component earned, in the plan's currency: for a deal that closed on `day`, or as one amount.

    `step` refers to the step that came to it.
    """

    kind: LineKind
    key: str
    day: date
    exact: Decimal
    step: str
    deal: str | None = None
    base: Decimal | None = None


class Rated(NamedTuple):
    """What a component makes of the facts, before any cap: parts that sum to its amount."""

    base: Decimal
    quota: Decimal | None
    parts: tuple[Part, ...]
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody would get of a budget (a component's, or with None the plan's) if it sufficed, by day."""

    payee: str
    component: str | None
    day: date
    key: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Step:
    """One number on the way. `op` says how `value` follows from `args`, which are numbers or ids of earlier steps."""

    id: str
    stage: Stage
    label: str
    op: str
    args: tuple[Decimal | str, ...]
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a payee is paid for a period under a plan, in the payee's currency.

    `carry` is for the next period. `claims` are on budgets.
    """

    payable: Decimal
    carry: Carry
    lines: tuple[Line, ...]
    earned: tuple[Earned, ...]
    claims: tuple[Claim, ...]
    steps: tuple[Step, ...]
