"""What a recompute has to look at again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

Days = tuple[date, date | None]
"""Days from..through, both inclusive; no end means till now."""


class Touch(StrEnum):
    """What about the days is stale: everything, or the facts of one kind that are counted on them.

    A deal is counted on the day it was opened, on the day it closed, and as open pipeline on every day in between.
    EARNINGS is what only pay depends on: plans and who is on them, credits by hand, scores, rates of currencies.
    """

    ALL = "ALL"
    ACTIVITY = "ACTIVITY"
    LEAD = "LEAD"
    DEAL_OPENED = "DEAL_OPENED"
    DEAL_CLOSED = "DEAL_CLOSED"
    DEAL_OPEN = "DEAL_OPEN"
    EARNINGS = "EARNINGS"


@dataclass(frozen=True, slots=True)
class Mark:
    """Stale days of a rep. No rep: everybody."""

    rep_id: UUID | None
    from_day: date
    through_day: date | None
    touch: Touch = Touch.ALL


@dataclass(frozen=True, slots=True)
class Dirty:
    """The claimed marks of one organisation: stale days by rep and by what is stale, stale days of everybody, and the
    newest mark's time."""

    inputs_through: datetime
    reps: dict[UUID, dict[Touch, list[Days]]] = field(default_factory=dict)
    everybody: list[Days] = field(default_factory=list)

    @classmethod
    def of(cls, inputs_through: datetime, marks: Iterable[Mark]) -> "Dirty":
        """From marks in any order: the same marks make the same stretches, disjoint and in order."""
        everybody: set[Days] = set()
        reps: dict[UUID, dict[Touch, set[Days]]] = {}
        for mark in marks:
            days = (mark.from_day, mark.through_day)
            if mark.rep_id is None:
                everybody.add(days)
            else:
                reps.setdefault(mark.rep_id, {}).setdefault(mark.touch, set()).add(days)
        return cls(
            inputs_through,
            {rep: {touch: merged(days) for touch, days in sorted(of.items())} for rep, of in sorted(reps.items())},
            merged(everybody),
        )

    def measured(self) -> "Dirty | None":
        """What KPIs and quotas have to look at; None when only pay is stale."""
        reps: dict[UUID, dict[Touch, list[Days]]] = {
            rep: {touch: days for touch, days in of.items() if touch is not Touch.EARNINGS}
            for rep, of in self.reps.items()
        }
        left = {rep: of for rep, of in reps.items() if of}
        return Dirty(self.inputs_through, left, self.everybody) if left or self.everybody else None


def merged(days: Iterable[Days]) -> list[Days]:
    """Overlapping and adjacent stretches joined, in order."""
    joined: list[Days] = []
    for start, end in sorted(days, key=lambda stretch: (stretch[0], stretch[1] or date.max)):
        if joined and (joined[-1][1] is None or (start - joined[-1][1]).days <= 1):
            first, last = joined[-1]
            joined[-1] = (first, None if last is None or end is None else max(last, end))
        else:
            joined.append((start, end))
    return joined
