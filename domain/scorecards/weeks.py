"""Which weeks have scorecards: from the first fact, or template, through the current one."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.calendar import DAY, Calendar
from domain.dirty import Days
from domain.scorecards import sums
from domain.scorecards.definitions import Definitions, definitions_kept
from domain.scorecards.roster import Weeks
from domain.work import Tx
from sql.queries import queries

_scorecards = queries("scorecards")


@dataclass(frozen=True, slots=True)
class Span:
    """The weeks that have scorecards, from `begin` (None: there is none) through `current`, and what they measure.

    `computed` are the weeks of which everybody's were computed, `operands` the measures that are kept added up.
    """

    known: Definitions
    weeks: Weeks
    facts_from: date | None
    begin: date | None
    current: date
    computed: tuple[date, date] | None
    operands: frozenset[UUID]

    def scope(self) -> sums.Scope:
        """Of sums."""
        return sums.Scope(self.weeks, self.facts_from or self.current, self.current)


async def span_of(tx: Tx, calendar: Calendar) -> Span:
    """As it is now."""
    row = await tx.row(_scorecards.standing)
    assert row is not None  # noqa: S101 the statement always has a row
    known = await definitions_kept(tx.session, row["versions"])
    weeks = Weeks(calendar)
    current = calendar.week(calendar.local_day(tx.now))
    facts_from = row["facts_begin"] and weeks.of(calendar.local_day(row["facts_begin"]))
    computed = None if row["first_week"] is None else (row["first_week"], row["last_week"])
    begin = _begin(weeks, known, facts_from, current)
    return Span(known, weeks, facts_from, begin, current, computed, frozenset(row["operands"]))


def _begin(weeks: Weeks, known: Definitions, facts_from: date | None, current: date) -> date | None:
    """The first week of scorecards: that of the first fact, or of the first template if later. None: no week yet."""
    published = min((t.valid_from for versions in known.templates for t in versions), default=None)
    if facts_from is None or published is None:
        return None
    begin = max(facts_from, weeks.of(published))
    return begin if begin <= current else None


async def save_span(tx: Tx, begin: date | None, current: date) -> None:
    await (tx.execute(_scorecards.span_save, begin, current) if begin else tx.execute(_scorecards.span_remove))


def shifted_by(weeks: Weeks, begin: date | None, stored: tuple[date, date] | None, current: date) -> list[Days]:
    """The days that came to the weeks that have scorecards, or left them, since everybody's were computed."""
    if stored is None:
        return [] if begin is None else [(begin, None)]
    first, last = stored
    if begin is None:
        return [(first, None)]
    shifted: list[Days] = []
    if begin != first:
        shifted.append((min(begin, first), max(begin, first) - DAY))
    if last < current:
        shifted.append((weeks.end(last), None))
    return shifted
