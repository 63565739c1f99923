"""What a recompute has to look at again."""

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
