"""Which SPIFFs get in each other's way: a team has at most one in a quarter, unless the organisation lifts that."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from domain.calendar import DAY, Calendar, PeriodKind
from domain.incentives.components import Spiff
from domain.incentives.plan import Plan


@dataclass(frozen=True, slots=True)
class Run:
    """A SPIFF of a plan: for whom, and on which days `[starts_on, ends_on)`. Without teams it is for everybody."""

    plan: str
    component: str
    teams: frozenset[str]
    starts_on: date
    ends_on: date


def runs(key: str, plan: Plan, below: Mapping[str, Collection[str]]) -> list[Run]:
    """The SPIFFs of a plan with this key. `below` are the teams under a team, by external id."""
    teams = frozenset(team for top in plan.eligibility.teams for team in (top, *below.get(top, ())))
    return [Run(key, c.key, teams, c.starts_on, c.ends_on) for c in plan.components if isinstance(c, Spiff)]


def collisions(new: Sequence[Run], others: Sequence[Run], calendar: Calendar) -> list[tuple[Run, Run]]:
    """Each new one that meets another in a quarter of a team, with the one that it meets."""
    found = []
    for i, one in enumerate(new):
        for other in (*new[:i], *others):
            together = not one.teams or not other.teams or one.teams & other.teams
            if together and _quarters(calendar, one) & _quarters(calendar, other):
                found.append((one, other))
    return found


def _quarters(calendar: Calendar, run: Run) -> set[date]:
    """The first days of the quarters that it runs in."""
    found, day = set(), run.starts_on
    while day < run.ends_on:
        quarter = calendar.period(PeriodKind.QUARTER, day)
        found.add(quarter.starts_on)
        day = max(quarter.ends_on, day + DAY)
    return found
