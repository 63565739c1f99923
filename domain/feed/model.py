"""Coaching rules, the readings they take, and the items of the action feed."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class Trigger(StrEnum):
    """What a rep's number is held against. The ratio to it is 1 at par and falls as things get worse."""

    BELOW_TARGET = "BELOW_TARGET"
    BELOW_OWN_TREND = "BELOW_OWN_TREND"
    BELOW_PEER_MEDIAN = "BELOW_PEER_MEDIAN"


@dataclass(frozen=True, slots=True)
class Definition:
    """When a rule opens an item and what the item says. Every number is a choice of the organisation.

    `title` and `body` name values in braces, `{rep} makes {value} of {expected}`; `rules.PLACEHOLDERS` lists them.
    """

    trigger: Trigger
    title: str
    body: str
    open_below: Decimal = Decimal("0.85")
    close_above: Decimal = Decimal("0.95")
    trend_weeks: int = 8
    min_peers: int = 5
    min_sample: int = 0
    shrink_weight: Decimal = Decimal(0)
    min_workdays: int = 3
    ramp_days: int = 30
    running_week_from: Decimal = Decimal("0.6")
    cooldown_days: int = 14
    due_workdays: int = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """A version of a coaching rule."""

    rule_id: UUID
    key: str
    version: int
    valid_from: date
    active: bool
    name: str
    kpi_id: UUID
    definition: Definition


@dataclass(frozen=True, slots=True)
class WeekResult:
    """A rep's stored result of a KPI in a week. `weight` is relative: 1 is the mean weight of the scorecard. The query
    `feed.rep_results` has the fields in this order.

    `target` is that of the whole week, prorated to the workdays available where the KPI says so; a running week's
    `value` is what there is by now.
    """

    week: date
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    sample: int
    target: Decimal | None
    weight: Decimal
    workdays: int
    workdays_available: int
    kpi_version: int
    template_id: UUID
    template_version: int


@dataclass(frozen=True, slots=True)
class Peers:
    """Reps with the same template and job role in a complete week: how many have a value, its median, the pooled rate.

    `median` is of full weeks: prorated activity is scaled up where somebody was away.
    """

    week: date
    count: int
    median: Decimal | None
    pooled: Decimal | None


@dataclass(frozen=True, slots=True)
class Point:
    """A week of the series that evidence shows."""

    week: date
    value: Decimal | None
    target: Decimal | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule saw of a rep's KPI: enough to explain the decision without asking anything else.

    `judged` is what was compared: the value, or the shrunk rate, or activity per full week. `reference` is what it was
    compared with: the target to date, the mean of the rep's own weeks, the peers' median. `ratio` is between the two,
    1 at par, lower is worse whichever way the KPI points. `series` are the last twelve weeks, once the reading
    has opened an item.
    """

    week: date
    week_complete: bool
    workdays_elapsed: int
    workdays_available: int
    value: Decimal
    judged: Decimal
    target: Decimal | None
    reference: Decimal
    ratio: Decimal
    sample: int
    numerator: Decimal | None
    denominator: Decimal | None
    prior: Decimal | None
    peers: int | None
    weight: Decimal
    kpi_version: int
    template_id: UUID
    template_version: int
    series: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The reading that opened an item, with the thresholds it broke. Written once, never changed."""

    trigger: Trigger
    open_below: Decimal
    close_above: Decimal
    rule_version: int
    reading: Reading


class Kind(StrEnum):
    """Where an item comes from."""

    COACHING = "COACHING"
    MANUAL = "MANUAL"
    DISPUTE = "DISPUTE"


class Status(StrEnum):
    """Where an item stands. The last three are final."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    SNOOZED = "SNOOZED"
    DONE = "DONE"
    DISMISSED = "DISMISSED"
    RECOVERED = "RECOVERED"


LIVE = frozenset({Status.OPEN, Status.IN_PROGRESS, Status.SNOOZED})


class Act(StrEnum):
    """What happens to an item: the kinds of its timeline."""

    CREATED = "CREATED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    DISMISSED = "DISMISSED"
    SNOOZED = "SNOOZED"
    WOKEN = "WOKEN"
    REASSIGNED = "REASSIGNED"
    COMMENTED = "COMMENTED"
    RECOVERED = "RECOVERED"


class DismissReason(StrEnum):
    """Why nothing is to be done. The last two are Attain's own."""

    NOT_RELEVANT = "NOT_RELEVANT"
    WRONG_DATA = "WRONG_DATA"
    ALREADY_HANDLED = "ALREADY_HANDLED"
    BAD_TIMING = "BAD_TIMING"
    OTHER = "OTHER"
    REP_LEFT = "REP_LEFT"
    RULE_RETIRED = "RULE_RETIRED"


@dataclass(frozen=True, slots=True)
class ActionItem:
    """Something to do for a rep, by the assignee, by `due_on`. `outcome` is what came of it, in words."""

    item_id: UUID
    kind: Kind
    status: Status
    title: str
    body: str
    rep_id: UUID
    assignee_id: UUID | None
    kpi_id: UUID | None
    rule_id: UUID | None
    rule_version: int | None
    week: date | None
    priority: Decimal
    due_on: date | None
    snoozed_until: date | None
    outcome: str | None
    dismiss_reason: DismissReason | None
    version: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
