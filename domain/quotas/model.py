"""Quotas, their versions, proposals of quotas, and which attainments there are."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.calendar import Period, PeriodKind

NO_KPI = UUID(int=0)
"""Stands for "no KPI" in keys of results, where a column of a primary key cannot be null."""


class Measure(StrEnum):
    """What a quota counts: amounts, margins or units of credits of won deals, or a KPI that adds up over days."""

    REVENUE = "REVENUE"
    MARGIN = "MARGIN"
    UNITS = "UNITS"
    KPI = "KPI"


class Subject(StrEnum):
    """Who carries a quota or an attainment."""

    REP = "REP"
    TEAM = "TEAM"
    TERRITORY = "TERRITORY"
    ORGANIZATION = "ORGANIZATION"


class ProrationBasis(StrEnum):
    """How much of a rep's quota is carried by one who was there for a part of the period (semantics rule 11)."""

    DAYS = "DAYS"
    WORKDAYS = "WORKDAYS"
    MONTHS = "MONTHS"
    NONE = "NONE"


class PaceBasis(StrEnum):
    """By which share of the period something is expected by now (semantics rule 12)."""

    DAYS = "DAYS"
    WORKDAYS = "WORKDAYS"
    SEASONALITY = "SEASONALITY"


class Reason(StrEnum):
    """Why a number of an attainment is null."""

    NO_QUOTA = "NO_QUOTA"
    QUOTA_ZERO = "QUOTA_ZERO"
    NOT_STARTED = "NOT_STARTED"


class QuotaSource(StrEnum):
    """Where an attainment's quota comes from: set for the subject itself, or the sum of what is below it."""

    OWN = "OWN"
    ROLL_UP = "ROLL_UP"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a version of a quota says.

    `seasonality` weighs the parts of the period (4 quarters or 12 months of a year, 3 months of a quarter); empty is
    even. `ramp` is the share of the full quota in the first, second, ... month after hire; full afterwards.
    """

    amount: Decimal
    seasonality: tuple[Decimal, ...] = ()
    proration_basis: ProrationBasis = ProrationBasis.DAYS
    pace_basis: PaceBasis = PaceBasis.DAYS
    ramp: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What a quota is for: one quota exists for each."""

    subject: Subject
    subject_id: UUID
    measure: Measure
    kpi_id: UUID | None
    kind: PeriodKind
    starts_on: date


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota and its version in force. `currency` is the organisation's for REVENUE and MARGIN, else None."""

    quota_id: UUID
    target: Target
    ends_on: date
    version: int
    terms: Terms
    currency: str | None


@dataclass(frozen=True, slots=True)
class QuotaItem:
    """A quota as somebody wants it. An `expected_version` that is not the current one is refused; 0 is "none yet"."""

    subject: Subject
    subject_id: UUID
    measure: Measure
    period: Period
    terms: Terms
    kpi_id: UUID | None = None
    currency: str | None = None
    note: str | None = None
    expected_version: int | None = None

    @property
    def target(self) -> Target:
        """What it is for."""
        return Target(self.subject, self.subject_id, self.measure, self.kpi_id, self.period.kind, self.period.starts_on)


class PlanMethod(StrEnum):
    """How a total is divided among reps.

    EVEN: the same for each. HISTORY: by what each attained in the last periods. GROWTH: what each attained a period on
    average, times one plus the growth.
    """

    EVEN = "EVEN"
    HISTORY = "HISTORY"
    GROWTH = "GROWTH"


class PlanStatus(StrEnum):
    """Whether a proposal is in force."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A proposed quota. `history` is what the subject attained a period on average, None where there is no history."""

    subject: Subject
    subject_id: UUID
    amount: Decimal
    history: Decimal | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of an attainment. `gap` is how far ahead of the quota, negative when behind.

    Money and units are rounded to the smallest unit, ratios to six places. What cannot be computed is None, and
    `reason` says why.
    """

    quota: Decimal | None
    attained: Decimal
    ratio: Decimal | None
    gap: Decimal | None
    expected: Decimal | None
    pace_ratio: Decimal | None
    projected: Decimal | None
    projected_ratio: Decimal | None
    required_per_workday: Decimal | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class AttainmentKey:
    """Which attainment. Its text is the node's key."""

    subject: Subject
    subject_id: UUID
    measure: Measure
    kpi_id: UUID | None
    kind: PeriodKind
    starts_on: date

    def __str__(self) -> str:
        kpi = self.kpi_id or "-"
        return f"{self.subject}:{self.subject_id}:{self.measure}:{kpi}:{self.kind}:{self.starts_on}"

    @classmethod
    def parse(cls, text: str) -> "AttainmentKey":
        """The key that `str` wrote. Raises `ValueError` for anything else."""
        subject, subject_id, measure, kpi, kind, starts_on = text.split(":")
        return cls(
            Subject(subject),
            UUID(subject_id),
            Measure(measure),
            None if kpi == "-" else UUID(kpi),
            PeriodKind(kind),
            date.fromisoformat(starts_on),
        )


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """How quotas are to be proposed for the reps of a team or of the organisation.

    `total` is what they are to sum to (EVEN, HISTORY); GROWTH goes without and takes what was attained in the last
    `history_periods` periods of the same length, times one plus `growth`. `over_assignment` is the share assigned to
    reps on top: with 0.1, quotas of reps sum to 110 % of the subject's own. `terms` are those of each quota, but for
    the amount.
    """

    name: str
    subject: Subject
    subject_id: UUID
    measure: Measure
    period: Period
    method: PlanMethod
    total: Decimal | None = None
    growth: Decimal = Decimal(0)
    history_periods: int = 4
    over_assignment: Decimal = Decimal(0)
    terms: Terms = Terms(Decimal(0))


@dataclass(frozen=True, slots=True)
class Plan:
    """A proposal. Its first line is the subject's own quota, the others are reps'."""

    plan_id: UUID
    request: PlanRequest
    lines: tuple[PlanLine, ...]
    status: PlanStatus
    version: int
    proposed_at: datetime
    approved_at: datetime | None = None
