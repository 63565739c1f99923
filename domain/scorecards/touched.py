"""Which scorecards dirty days touch, and which KPIs look at what was touched."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from domain.calendar import DAY, PeriodKind
from domain.dirty import Days, Touch
from domain.scorecards import rules
from domain.scorecards.formula import Dated, Facts, Leaf, QuotaLeft, Sla, leaves
from domain.scorecards.model import Subject
from domain.scorecards.roster import Roster


class Key(NamedTuple):
    """A scorecard: the week comes first, so that sorting goes forward in time and trends find the weeks before."""

    week: date
    subject: Subject
    subject_id: UUID


@dataclass
class Touched:
    """Collects the scorecards that dirty days touch, between two weeks."""

    people: Roster
    first: date
    current: date

    def __post_init__(self) -> None:
        self.keys: dict[Key, set[Touch]] = {}
        self._used = self.people.definitions.used()
        self._reach: dict[Touch, tuple[int, set[PeriodKind]] | None] = {}

    def add(self, days: Days, reps: Iterable[UUID], teams: Iterable[UUID], touch: Touch = Touch.ALL) -> None:
        """These reps and teams are stale on these days, as far as any KPI looks at what was touched."""
        weeks = list(self.weeks(days, touch))
        for subject, ids in ((Subject.REP, reps), (Subject.TEAM, teams)):
            for subject_id in ids:
                for week in weeks:
                    self.keys.setdefault(Key(week, subject, subject_id), set()).add(touch)

    def weeks(self, days: Days, touch: Touch = Touch.ALL) -> Iterable[date]:
        """The weeks whose scorecards look at what was touched on these days."""
        if touch not in self._reach:
            self._reach[touch] = self._reach_of(touch)
        reach = self._reach[touch]
        if reach is None:
            return ()
        weeks_after, periods = reach
        weeks = self.people.weeks
        start, end = days
        last = self.current
        if end is not None and weeks.of(end) < self.current:
            ends = [weeks.calendar.period(kind, end).ends_on - DAY for kind in periods]
            last = min(last, weeks.after(weeks.of(max([end, *ends])), weeks_after))
        return weeks.through(max(self.first, weeks.of(start)), last)

    def _reach_of(self, touch: Touch) -> tuple[int, set[PeriodKind]] | None:
        """How many weeks after its day a touched fact is looked at, and in which periods; None when it is not."""
        looking = [kpi for kpi in self._used if any(looks_at(leaf, touch) for leaf in leaves(kpi.formula))]
        # With everything stale, what stands on a template may be new: its weeks are touched whatever the KPIs look at.
        if not looking and touch is not Touch.ALL:
            return None
        after = max((kpi.window_weeks for kpi in looking), default=1) - 1 + rules.TREND_WEEKS
        periods = {
            leaf.period
            for kpi in looking
            for leaf in leaves(kpi.formula)
            if isinstance(leaf, QuotaLeft) and looks_at(leaf, touch)
        }
        return after, periods


def looks_at(leaf: Leaf, touch: Touch) -> bool:
    """Whether a leaf's measure can change with what was touched."""
    if touch is Touch.ALL:
        return True
    if isinstance(leaf, QuotaLeft):
        return touch is Touch.DEAL_CLOSED
    if isinstance(leaf, Sla):
        return touch is Touch.LEAD
    if leaf.facts in (Facts.DEAL, Facts.CREDIT):
        return touch is _DATED[leaf.dated]
    return touch.value == leaf.facts.value


_DATED = {
    Dated.OPENED: Touch.DEAL_OPENED,
    Dated.CLOSED: Touch.DEAL_CLOSED,
    Dated.OPEN: Touch.DEAL_OPEN,
}
