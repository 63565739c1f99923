"""What is stored of incentives: plans, who is on them, credits by hand, statements, lines, disputes, exports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.calendar import PeriodKind
from domain.incentives.outcome import LineKind
from domain.incentives.plan import Plan
from domain.incentives.terms import CreditRole


class PlanStatus(StrEnum):
    """Whether a plan pays: not yet, on and after its days, or not any more."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


class State(StrEnum):
    """How far a statement is. The last two never change but from LOCKED to PAID."""

    ESTIMATED = "ESTIMATED"
    APPROVED = "APPROVED"
    LOCKED = "LOCKED"
    PAID = "PAID"


class DisputeStatus(StrEnum):
    """How a dispute stands. Only OPEN goes on."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class DisputeAct(StrEnum):
    """What happens to a dispute: the kinds of its timeline."""

    OPENED = "OPENED"
    COMMENTED = "COMMENTED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan with its newest published version, if any, and what is drafted of the next one.

    `version` counts every change of the plan and guards edits; `published` numbers what was published.
    """

    plan_id: UUID
    key: str
    name: str
    period_kind: PeriodKind
    published: int | None
    draft: Plan | None
    archived_on: date | None
    version: int

    @property
    def status(self) -> PlanStatus:
        """What the plan is."""
        if self.archived_on is not None:
            return PlanStatus.ARCHIVED
        return PlanStatus.DRAFT if self.published is None else PlanStatus.PUBLISHED


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A published version of a plan. Never changes."""

    plan_id: UUID
    version: int
    document: Plan
    published_by: UUID | None
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """A rep is on a plan on days `[starts_on, ends_on)`; `target` is its own where components pay a share of one."""

    plan_id: UUID
    rep_id: UUID
    starts_on: date
    ends_on: date | None
    target: Decimal | None


@dataclass(frozen=True, slots=True)
class AssignItem:
    """Put a rep on a plan from a day on, or with `ends_on` until a day. An assignment that it overlaps gives way."""

    rep_id: UUID
    starts_on: date
    ends_on: date | None = None
    target: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CreditItem:
    """A credit by hand, in the organisation's currency; negative to take back an earlier one."""

    rep_id: UUID
    day: date
    amount: Decimal
    reason: str
    deal_id: UUID | None = None
    role: CreditRole = CreditRole.DIRECT
    margin: Decimal | None = None
    units: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OverlayItem:
    """A rep is credited with a share of what a team (and those below), a territory or a product wins, on days
    `[starts_on, ends_on)`, besides those who sell. Those given must all hold; one is needed."""

    rep_id: UUID
    share: Decimal
    starts_on: date
    reason: str
    ends_on: date | None = None
    team_id: UUID | None = None
    territory_id: UUID | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True)
class RateItem:
    """Units of `into` for one of `base`, from a day on."""

    base: str
    into: str
    valid_from: date
    rate: Decimal


@dataclass(frozen=True, slots=True)
class ScoreItem:
    """How far a rep reached an objective in the period that begins on `starts_on`; 1 is all of it.

    `name` and `weight` set an objective of the rep's own, where the component names none; it may wait for its score.
    """

    rep_id: UUID
    component: str
    objective: str
    starts_on: date
    score: Decimal | None
    note: str | None = None
    name: str | None = None
    weight: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What a rep earned in a period, in all.

    `total` is the sum of `earned` for the period itself, `carried` to put right earlier periods that were locked,
    `adjusted` by hand, and `drawn`: draws less what was recovered of them.
    """

    statement_id: UUID
    rep_id: UUID
    period_kind: PeriodKind
    starts_on: date
    ends_on: date
    currency: str
    state: State
    earned: Decimal
    carried: Decimal
    adjusted: Decimal
    drawn: Decimal
    total: Decimal
    version: int


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A line of a statement. `origin_starts_on` is the period that it is about."""

    line_id: UUID
    statement_id: UUID
    rep_id: UUID
    period_kind: PeriodKind
    origin_starts_on: date
    kind: LineKind
    plan_id: UUID | None
    plan_version: int | None
    component: str | None
    deal_id: UUID | None
    key: str
    base: Decimal | None
    amount: Decimal
    currency: str
    calculation_id: UUID | None
    reverses: UUID | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A statement as somebody saw it."""

    statement_id: UUID
    expected_version: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """A rep's doubt about a line of its statement."""

    dispute_id: UUID
    rep_id: UUID
    statement_id: UUID
    line_id: UUID
    status: DisputeStatus
    item_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Export:
    """A run of a payroll export. `repeats` is the first run of the period, whose bytes this one gives again."""

    export_id: UUID
    period_kind: PeriodKind
    starts_on: date
    run: int
    repeats: UUID | None
    rows: int
    totals: Mapping[str, Decimal]
    csv: bytes
    json: bytes
