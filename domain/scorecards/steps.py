"""What is left of a recompute of everybody: too much for one transaction, it is taken step by step.

First the sums of every team's own facts, then those of the teams below, then every subject's scorecards. A step is a
row that is deleted in the transaction that takes it: who is killed loses one transaction's worth, whoever comes next
goes on, and facts that come meanwhile are counted in between. Until sums are whole, teams wait for their scorecards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from uuid import UUID

from domain.dirty import Days
from domain.scorecards.model import Subject
from domain.work import Tx, columns
from sql.queries import queries

_steps = queries("steps")


class Step(IntEnum):
    """In the order in which they are taken."""

    OWN = 1
    BELOW = 2
    SCORECARDS = 3


@dataclass(frozen=True, slots=True)
class Left:
    """The stale days of a subject: of one operand, or the weeks of its scorecards. No end means till now."""

    subject: Subject
    subject_id: UUID
    operand_id: UUID
    from_day: date
    through_day: date | None
    inputs_through: datetime


async def following(tx: Tx) -> tuple[Step, Subject] | None:
    """What is to be taken next; None when nothing is left."""
    row = await tx.row(_steps.following)
    return None if row is None else (Step(row["step"]), Subject(row["subject"]))


async def left(tx: Tx) -> int:
    """How many there are."""
    count: int = await tx.session.value(_steps.left)
    return count


async def add_sums(tx: Tx, stale: Iterable[tuple[UUID, Days]], inputs_through: datetime) -> None:
    """The sums of these operands on these days, of every team."""
    rows = [(operand_id, *days) for operand_id, days in stale]
    await tx.execute(_steps.add_sums, *columns(rows, 3), inputs_through)


async def add_everybody(tx: Tx, weeks: tuple[date, date], inputs_through: datetime) -> None:
    """The scorecards of every rep and team, from one week through another."""
    await tx.execute(_steps.add_everybody, *weeks, inputs_through)


async def add_scorecards(tx: Tx, stale: Iterable[tuple[Subject, UUID, date, date]], inputs_through: datetime) -> None:
    """The scorecards of these, each from one week through another."""
    await tx.execute(_steps.add_scorecards, *columns(list(stale), 4), inputs_through)


async def take(tx: Tx, step: Step, subject: Subject, count: int) -> Sequence[Left]:
    """So many of the next."""
    rows = await tx.fetch(_steps.take, step, subject, count)
    return [Left(Subject(row["subject"]), *row[1:]) for row in rows]


def covering(stretches: Iterable[Days]) -> Days:
    """One stretch that holds them all."""
    found = list(stretches)
    ends = [end for _, end in found]
    return min(start for start, _ in found), None if None in ends else max(end for end in ends if end)
