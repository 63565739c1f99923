"""What is known of plans, payees, credits and rates when pay is calculated."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from domain.calendar import DAY, Period, PeriodKind
from domain.incentives.inputs import Credit
from domain.incentives.plan import Plan

ZERO = Decimal(0)


class Cell(NamedTuple):
    """What is calculated at once: a rep, a plan, a period (by its first day; the plan says of which kind)."""

    starts_on: date
    plan_id: UUID
    rep_id: UUID


class Sold(NamedTuple):
    """A credit of a rep in the organisation's currency, with the deal's own amounts where they are in another one."""

    credit: Credit
    currency: str | None = None
    deal_amount: Decimal | None = None
    deal_margin: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Payee:
    """A rep as pay sees it. `stints` are teams by day, `[starts_on, ends_on)`."""

    rep_id: UUID
    external_id: str
    name: str
    role: str | None
    currency: str
    hired_on: date
    left_on: date | None
    stints: tuple[tuple[UUID, date, date], ...] = ()
    leads: tuple[UUID, ...] = ()
    """The topmost teams that the rep manages."""


@dataclass(frozen=True)
class PlanBook:
    """A plan with all its published versions, oldest first."""

    plan_id: UUID
    key: str
    versions: tuple[tuple[int, Plan], ...]
    archived_on: date | None = None

    @property
    def kind(self) -> PeriodKind:
        """The length of its periods; the same in all versions."""
        return self.versions[-1][1].period

    @property
    def starts_on(self) -> date:
        """The first day on which any version was in force."""
        return min(plan.starts_on for _, plan in self.versions)

    def governs(self, period: Period) -> tuple[int, Plan] | None:
        """The version for a period: the newest whose days it shares. None where the plan pays nothing."""
        if self.archived_on is not None and period.starts_on >= self.archived_on:
            return None
        for version, plan in reversed(self.versions):
            if plan.starts_on < period.ends_on and (plan.ends_on is None or plan.ends_on > period.starts_on):
                return version, plan
        return None


@dataclass(frozen=True)
class Rates:
    """Units of one currency for another, by the day from which a rate holds."""

    known: Mapping[tuple[str, str], Sequence[tuple[date, Decimal]]] = field(default_factory=dict)

    def at(self, base: str, into: str, day: date) -> Decimal | None:
        """The rate in force on a day, else the first one known; the inverse where only that is known. None: neither."""
        if base == into:
            return Decimal(1)
        found = self._at(base, into, day)
        if found is None:
            back = self._at(into, base, day)
            return None if back is None else 1 / back
        return found

    def _at(self, base: str, into: str, day: date) -> Decimal | None:
        rates = self.known.get((base, into), ())
        place = bisect_left(rates, (day + DAY, ZERO))
        return rates[max(0, place - 1)][1] if rates else None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A deal that a locked period paid for and that is won no more: its credits stay in that period."""

    deal_id: UUID
    origin: date
    closed_on: date
    cancelled_on: date
    paid: Decimal
    credits: tuple[Credit, ...]
