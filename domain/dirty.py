"""What a recompute has to look at again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

Days = tuple[date, date | None]
"""Days from..through, both inclusive; no end means till now."""


@dataclass(frozen=True, slots=True)
class Dirty:
    """The claimed marks of one organisation: stale days by rep, stale days of everybody, and the newest mark's time."""

    inputs_through: datetime
    reps: dict[UUID, list[Days]] = field(default_factory=dict)
    everybody: list[Days] = field(default_factory=list)

    @classmethod
    def of(cls, inputs_through: datetime, marks: Iterable[tuple[UUID | None, date, date | None]]) -> "Dirty":
        """From marks in any order: the same marks make the same stretches, disjoint and in order."""
        by_rep: dict[UUID | None, set[Days]] = {}
        for rep_id, start, end in marks:
            by_rep.setdefault(rep_id, set()).add((start, end))
        everybody = merged(by_rep.pop(None, set()))
        reps = {rep_id: merged(days) for rep_id, days in by_rep.items() if rep_id is not None}
        return cls(inputs_through, dict(sorted(reps.items())), everybody)


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
