"""What facts add up to by team and day, kept beside them: a team's number costs what its days do, not its facts.

An operand is a leaf of a formula that something in use looks at. Its sums are kept for every team: OWN of whoever was
in the team on the day, BELOW of whoever was in a team below it. The dirty days of a rep are added up anew from the
facts of the teams that the rep was in, and from there up the tree; nothing is ever added to what was there before, so
a sum is a function of the facts alone (rule 16).
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.calendar import DAY
from domain.dirty import Days, Dirty, Touch, merged
from domain.scorecards import steps
from domain.scorecards.formula import Leaf, formula_to_json
from domain.scorecards.measures import Due, by_day, is_flow, operand_id
from domain.scorecards.model import Subject
from domain.scorecards.roster import Roster, Stay, Weeks
from domain.scorecards.touched import looks_at
from domain.work import Tx, columns
from sql.queries import queries

_sums = queries("sums")

# Stretches that are added up at a time: bounds memory and the longest statement.
_BATCH = 2_000


@dataclass
class Scope:
    """Collects the days to add up anew, by leaf and team. `first` is the week of the first fact, `current` today's."""

    weeks: Weeks
    first: date
    current: date
    _days: dict[tuple[Leaf, UUID], list[Days]] = field(default_factory=dict)

    def add(self, leaf: Leaf, team_id: UUID, days: Days) -> None:
        """These days of a team."""
        if not is_flow(leaf):
            days = max(days[0], self.first), days[1]
        self._days.setdefault((leaf, team_id), []).append(days)

    def add_stays(self, leaf: Leaf, stays: Iterable[Stay], days: Days) -> None:
        """These days of a rep, in the teams that it was in. Whole weeks of what is open at the end of one."""
        start, end = days
        if not is_flow(leaf):
            start, end = self.weeks.of(start), end and self._last(end)
        for stay in stays:
            if stay.meets(start, date.max if end is None else end + DAY):
                left = None if stay.ends_on == date.max else stay.ends_on - DAY
                last = min((day for day in (end, left) if day is not None), default=None)
                self._days.setdefault((leaf, stay.team_id), []).append((max(start, stay.starts_on), last))

    def dues(self) -> list[Due]:
        """The stretches: of a flow as they are, of what is open each week whose end is in one."""
        found: list[Due] = []
        for (leaf, team_id), stretches in self._days.items():
            for start, end in merged(stretches):
                if is_flow(leaf):
                    until = date.max if end is None else end + DAY
                    found.append(Due(leaf, Subject.TEAM, team_id, start, until))
                    continue
                last = self.current if end is None else min(self.weeks.of(end), self.current)
                found += [
                    Due(leaf, Subject.TEAM, team_id, week, self.weeks.end(week))
                    for week in self.weeks.through(self.weeks.of(start), last)
                ]
        return found

    def _last(self, day: date) -> date:
        return self.weeks.end(self.weeks.of(day)) - DAY


async def refresh(tx: Tx, scope: Scope, used: Iterable[Leaf], known: Set[UUID], people: Roster, dirty: Dirty) -> None:
    """Add up anew what is dirty of reps; leave for later steps what is of everybody, and leaves that are not known."""
    leaves = {operand_id(leaf): leaf for leaf in used}
    unused, new = known - leaves.keys(), leaves.keys() - known
    if unused:
        await tx.execute(_sums.operands_remove, sorted(unused))
    if new:
        await tx.execute(_sums.operands_add, sorted(new), [formula_to_json(leaves[each]) for each in sorted(new)])
    ever: Days = (date.min, None)
    stale = dict.fromkeys(new, ever)
    if dirty.everybody:
        stale |= {each: steps.covering(dirty.everybody) for each in leaves.keys() & known}
    if stale:
        await steps.add_sums(tx, sorted(stale.items()), dirty.inputs_through)
    summed = [leaves[each] for each in leaves.keys() & known]
    looking = {touch: [leaf for leaf in summed if looks_at(leaf, touch)] for touch in Touch}
    for rep_id, of_rep in dirty.reps.items():
        for touch, stretches in of_rep.items():
            for leaf in looking[touch]:
                for days in stretches:
                    scope.add_stays(leaf, people.stays.get(rep_id, ()), days)
    dues = scope.dues()
    if dues:
        await _own(tx, dues)
        await _above(tx, people, dues)


async def take(tx: Tx, scope: Scope, used: Iterable[Leaf], step: steps.Step, count: int) -> int:
    """At most so many steps, each all that is stale of a team and an operand. How many they were."""
    leaves = {operand_id(leaf): leaf for leaf in used}
    taken = await steps.take(tx, step, Subject.TEAM, count)
    for left in taken:
        if left.operand_id in leaves:
            scope.add(leaves[left.operand_id], left.subject_id, (left.from_day, left.through_day))
    if step is steps.Step.OWN:
        await _own(tx, scope.dues())
    else:
        dues = scope.dues()
        await _below(tx, [(operand_id(due.leaf), due.subject_id, due.since, due.until - DAY) for due in dues])
    return len(taken)


async def _own(tx: Tx, dues: Sequence[Due]) -> None:
    """Of whoever was in the teams, from the facts."""
    for start in range(0, len(dues), _BATCH):
        batch = dues[start : start + _BATCH]
        rows = [
            (operand_id(due.leaf), due.subject_id, day, row["x"] or Decimal(0), row["sample"], row["total"])
            for due, day, row in await by_day(tx.session, batch, tx.now)
        ]
        stretches = [(operand_id(due.leaf), due.subject_id, due.since, due.until) for due in batch]
        await tx.execute(_sums.own_save, *columns(stretches, 4), *columns(rows, 6))


async def _above(tx: Tx, people: Roster, dues: Sequence[Due]) -> None:
    """Of the teams above these on the same days."""
    higher: dict[tuple[UUID, UUID], list[Days]] = {}
    for due in dues:
        for team_id in people.above[due.subject_id]:
            higher.setdefault((operand_id(due.leaf), team_id), []).append((due.since, due.until - DAY))
    await _below(tx, [(*key, *days) for key, found in higher.items() for days in merged(found)])


async def _below(tx: Tx, stretches: Sequence[tuple[object, ...]]) -> None:
    """Of the teams below, from their own: operand, team, first day and last."""
    for start in range(0, len(stretches), _BATCH):
        await tx.execute(_sums.below_save, *columns(stretches[start : start + _BATCH], 4))
