"""Facts from the CRM: as a source tells them (`...Item`) and as they are kept.

A fact is known by (source, external id). A deleted one is kept as a tombstone: key and time, no content.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.dirty import Touch
from domain.errors import Problem


class DealStatus(StrEnum):
    """Whether a deal is still open, and how it ended."""

    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class ActivityItem:
    """Something a rep did. `kind` is a code such as CALL, MEETING, PROPOSAL, QUOTE; a source may bring its own."""

    external_id: str
    rep_external_id: str | None = None
    kind: str | None = None
    occurred_at: datetime | None = None
    outcome: str | None = None
    subject: str | None = None
    minutes: int | None = None
    deal_external_id: str | None = None
    source_updated_at: datetime | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class LeadItem:
    """Somebody who asked, with the instants that response times are measured by."""

    external_id: str
    rep_external_id: str | None = None
    arrived_at: datetime | None = None
    first_response_at: datetime | None = None
    quoted_at: datetime | None = None
    channel: str | None = None
    company: str | None = None
    source_updated_at: datetime | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class SplitItem:
    """A rep's share of a deal's credit; 1 is all of it."""

    rep_external_id: str
    share: Decimal


@dataclass(frozen=True, slots=True)
class StageItem:
    """When a deal entered a stage."""

    stage: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class DealItem:
    """A deal. Money is in `currency`; `exchange_rate` is units of the organisation's currency for one of it."""

    external_id: str
    rep_external_id: str | None = None
    name: str | None = None
    stage: str | None = None
    status: DealStatus | None = None
    amount: Decimal | None = None
    currency: str | None = None
    exchange_rate: Decimal | None = None
    margin: Decimal | None = None
    units: Decimal | None = None
    account: str | None = None
    product: str | None = None
    territory_external_id: str | None = None
    lead_external_id: str | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    expected_close_on: date | None = None
    splits: Sequence[SplitItem] = ()
    stage_history: Sequence[StageItem] = ()
    source_updated_at: datetime | None = None
    deleted: bool = False


Stretch = tuple[Touch, UUID, date, date | None]
"""What a fact counts in, for which rep, on the days from..through, both inclusive; no end means till now."""


class Fact(Protocol):
    """What all kept facts share. Frozen dataclasses: equal when their content is."""

    @property
    def external_id(self) -> str: ...
    @property
    def source_updated_at(self) -> datetime | None: ...
    @property
    def deleted(self) -> bool: ...
    @property
    def rep_id(self) -> UUID | None: ...

    def counts(self) -> "Iterator[Stretch]":
        """Whose numbers depend on it, on which days; nobody's when deleted."""


@dataclass(frozen=True, slots=True)
class Activity:
    """A kept activity; `day` is the organisation's local day. Content is None when deleted."""

    external_id: str
    source_updated_at: datetime | None = None
    deleted: bool = True
    rep_id: UUID | None = None
    kind: str | None = None
    outcome: str | None = None
    subject: str | None = None
    occurred_at: datetime | None = None
    day: date | None = None
    minutes: int | None = None
    deal_external_id: str | None = None

    def counts(self) -> Iterator[Stretch]:
        if self.rep_id and self.day:
            yield Touch.ACTIVITY, self.rep_id, self.day, self.day


@dataclass(frozen=True, slots=True)
class Lead:
    """A kept lead; `day` is the local day of its arrival. Content is None when deleted."""

    external_id: str
    source_updated_at: datetime | None = None
    deleted: bool = True
    rep_id: UUID | None = None
    channel: str | None = None
    company: str | None = None
    arrived_at: datetime | None = None
    day: date | None = None
    first_response_at: datetime | None = None
    quoted_at: datetime | None = None

    def counts(self) -> Iterator[Stretch]:
        """On the day it arrived, however late the response."""
        if self.rep_id and self.day:
            yield Touch.LEAD, self.rep_id, self.day, self.day


@dataclass(frozen=True, slots=True)
class Deal:
    """A kept deal. Content is None when deleted; `splits` is empty when the owner is credited with all of it."""

    external_id: str
    source_updated_at: datetime | None = None
    deleted: bool = True
    rep_id: UUID | None = None
    name: str | None = None
    account: str | None = None
    product: str | None = None
    stage: str | None = None
    status: DealStatus | None = None
    amount: Decimal | None = None
    margin: Decimal | None = None
    units: Decimal | None = None
    currency: str | None = None
    exchange_rate: Decimal | None = None
    territory_id: UUID | None = None
    lead_external_id: str | None = None
    opened_at: datetime | None = None
    opened_day: date | None = None
    closed_at: datetime | None = None
    closed_day: date | None = None
    expected_close_on: date | None = None
    splits: tuple[tuple[UUID, Decimal], ...] = ()

    def shares(self) -> tuple[tuple[UUID, Decimal], ...]:
        """Who is credited with which share, in the order that decides residual cents."""
        if self.splits:
            return self.splits
        return ((self.rep_id, Decimal(1)),) if self.rep_id else ()

    def counts(self) -> Iterator[Stretch]:
        """For its owner and whoever is credited, from its opening to its close: it is open pipeline in between."""
        if self.rep_id and self.opened_day:
            for rep_id in {self.rep_id} | {rep_id for rep_id, _ in self.splits}:
                yield Touch.DEAL_OPENED, rep_id, self.opened_day, self.opened_day
                yield Touch.DEAL_OPEN, rep_id, self.opened_day, self.closed_day
                if self.closed_day:
                    yield Touch.DEAL_CLOSED, rep_id, self.closed_day, self.closed_day


@dataclass(frozen=True, slots=True)
class Credit:
    """A rep's part of a deal, in the organisation's currency."""

    rep_id: UUID
    share: Decimal
    amount: Decimal | None
    margin: Decimal | None
    units: Decimal | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of the items of a call. The counts and the items with problems add up to the items.

    `unchanged` holds what came again, what was older than what is stored, and what a later item of the same call
    replaced.
    """

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    problems: tuple[Problem, ...] = ()
