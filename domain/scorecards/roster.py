"""Who was there, in which team, on how many of a week's workdays."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.calendar import DAY, WEEK, Calendar, span
from domain.scorecards import rules
from domain.scorecards.definitions import Definitions
from domain.scorecards.model import Employment, Kpi, Subject, Template
from sql.pool import Session
from sql.queries import queries

_scorecards = queries("scorecards")


@dataclass(frozen=True, slots=True)
class Stay:
    """A rep in a team, or below it, on `[starts_on, ends_on)`."""

    rep_id: UUID
    team_id: UUID
    starts_on: date
    ends_on: date

    def meets(self, start: date, end: date) -> bool:
        """On one of the days `[start, end)` at least."""
        return self.starts_on < end and self.ends_on > start


@dataclass
class Weeks:
    """The weeks of a calendar, each named by its first day; together they are all days, once."""

    calendar: Calendar
    _workdays: dict[date, tuple[date, ...]] = field(default_factory=dict)
    _ends: dict[date, date] = field(default_factory=dict)
    _before: dict[tuple[date, int], date] = field(default_factory=dict)

    def of(self, day: date) -> date:
        """The week of a day."""
        return self.calendar.week(day)

    def end(self, week: date) -> date:
        """The first day of the next week."""
        found = self._ends.get(week)
        if found is None:
            found = self._ends[week] = self.calendar.week(week + WEEK)
        return found

    def before(self, week: date, count: int) -> date:
        """The week so many weeks earlier."""
        found = self._before.get((week, count))
        if found is None:
            found = week
            for _ in range(count):
                found = self.calendar.week(found - DAY)
            self._before[week, count] = found
        return found

    def after(self, week: date, count: int) -> date:
        """The week so many weeks later."""
        for _ in range(count):
            week = self.end(week)
        return week

    def through(self, first: date, last: date) -> Iterator[date]:
        """All weeks from one to another, both included."""
        while first <= last:
            yield first
            first = self.end(first)

    def workdays(self, week: date) -> tuple[date, ...]:
        """The days of the week on which people work."""
        found = self._workdays.get(week)
        if found is None:
            found = tuple(day for day in span(week, self.end(week)) if self.calendar.is_workday(day))
            self._workdays[week] = found
        return found


@dataclass
class Roster:
    """The reps and teams of an organisation through time. `above` has each team and its ancestors, nearest first."""

    weeks: Weeks
    definitions: Definitions
    reps: dict[UUID, Employment]
    roles: dict[UUID, str | None]
    stays: dict[UUID, list[Stay]]
    above: dict[UUID, tuple[UUID, ...]]
    _members: dict[UUID, list[Stay]] = field(default_factory=dict)
    _templates: dict[tuple[UUID, date], Template | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stays in self.stays.values():
            for stay in stays:
                for team_id in self.above[stay.team_id]:
                    self._members.setdefault(team_id, []).append(stay)

    def teams_of(self, rep_id: UUID, start: date, end: date) -> set[UUID]:
        """Every team, ancestors included, that counts the rep on one of the days `[start, end)`."""
        return {
            team_id
            for stay in self.stays.get(rep_id, ())
            if stay.meets(start, end)
            for team_id in self.above[stay.team_id]
        }

    def home(self, rep_id: UUID, week: date) -> tuple[UUID, ...]:
        """The rep's last team of the week with its ancestors; empty where there is none."""
        stays = [stay for stay in self.stays.get(rep_id, ()) if stay.meets(week, self.weeks.end(week))]
        return self.above[max(stays, key=lambda stay: stay.starts_on).team_id] if stays else ()

    def employed(self, rep_id: UUID, week: date) -> bool:
        """On one day of the week at least."""
        rep = self.reps[rep_id]
        return rep.hired_on < self.weeks.end(week) and (rep.left_on is None or rep.left_on > week)

    def members(self, team_id: UUID, week: date) -> dict[UUID, list[Stay]]:
        """Who is in the team, or below it, on a day of the week, with the days."""
        end = self.weeks.end(week)
        found: dict[UUID, list[Stay]] = {}
        for stay in self._members.get(team_id, ()):
            if stay.meets(week, end) and self.employed(stay.rep_id, week):
                found.setdefault(stay.rep_id, []).append(stay)
        return found

    def template(self, subject: Subject, subject_id: UUID, week: date) -> Template | None:
        """The template that applies; a team's is for it, for those above it, for the one role that all its members
        have, or for everybody. None for whoever is not there that week."""
        key = (subject_id, week)
        if key not in self._templates:
            self._templates[key] = self._template(subject, subject_id, week)
        return self._templates[key]

    def _template(self, subject: Subject, subject_id: UUID, week: date) -> Template | None:
        if subject is Subject.REP:
            if not self.employed(subject_id, week):
                return None
            teams, role = self.home(subject_id, week), self.roles[subject_id]
        else:
            roles = {self.roles[rep_id] for rep_id in self.members(subject_id, week)}
            if not roles:
                return None
            teams, role = self.above[subject_id], roles.pop() if len(roles) == 1 else None
        return rules.template_for(self.definitions.templates, week, teams, role)

    def available(self, subject: Subject, subject_id: UUID, week: date) -> tuple[int, int]:
        """Workdays on which somebody was there, and all workdays of whoever was there on one of them."""
        workdays = self.weeks.workdays(week)
        if subject is Subject.REP:
            return rules.workdays_available(workdays, self.reps[subject_id]), len(workdays)
        members = self.members(subject_id, week)
        return sum(self._in_team(stays, week) for stays in members.values()), len(workdays) * len(members)

    def _in_team(self, stays: list[Stay], week: date) -> int:
        days = self.weeks.workdays(week)
        if not any(s.starts_on <= week and s.ends_on >= self.weeks.end(week) for s in stays):
            days = tuple(day for day in days if any(s.starts_on <= day < s.ends_on for s in stays))
        return rules.workdays_available(days, self.reps[stays[0].rep_id])

    def target(self, subject: Subject, subject_id: UUID, week: date, template: Template, kpi: Kpi) -> Decimal:
        """The prorated target (rows 32 and 33), rounded: what follows from it follows from the number that is shown.

        A team's, where values of members add up, is the sum of what the members' own scorecards ask of them for their
        days in the team; otherwise it is its template's.
        """
        weekly = next(line.weekly_target for line in template.lines if line.kpi_id == kpi.kpi_id)
        if subject is Subject.REP:
            # Only a flow is asked for by the weeks, and only a prorated one by their days.
            first = self.weeks.before(week, kpi.window_weeks - 1) if rules.over_time(kpi) else week
            there = [self.available(subject, subject_id, each) for each in self.weeks.through(first, week)]
            return rules.rounded(rules.target(kpi, weekly, there))
        if not rules.additive(kpi):
            return rules.rounded(weekly)
        return rules.rounded(sum((share for _, share in self.asked_of(subject_id, week, kpi)), Decimal(0)))

    def asked_of(self, team_id: UUID, week: date, kpi: Kpi) -> list[tuple[UUID, Decimal]]:
        """What each member's own scorecards ask of it for its days in the team, over the window of the KPI."""
        first = self.weeks.before(week, kpi.window_weeks - 1) if rules.over_time(kpi) else week
        asked: dict[UUID, Decimal] = {}
        for each in self.weeks.through(first, week):
            workdays = len(self.weeks.workdays(each))
            for rep_id, stays in self.members(team_id, each).items():
                own = self.template(Subject.REP, rep_id, each)
                line = next((line for line in own.lines if line.kpi_id == kpi.kpi_id), None) if own else None
                if line is not None and (kpi.prorated or team_id in self.home(rep_id, each)):
                    share = rules.target(kpi, line.weekly_target, [(self._in_team(stays, each), workdays)])
                    asked[rep_id] = asked.get(rep_id, Decimal(0)) + share
        return sorted(asked.items())


async def places(session: Session, calendar: Calendar, definitions: Definitions, reps: Collection[UUID]) -> Roster:
    """The teams that some reps were in, and nothing of who they are or who else is there."""
    stays: dict[UUID, list[Stay]] = {}
    above: dict[UUID, tuple[UUID, ...]] = {}
    for row in await session.fetch(_scorecards.places, list(reps)):
        stay = Stay(row["rep_id"], row["team_id"], row["starts_on"], row["ends_on"] or date.max)
        stays.setdefault(stay.rep_id, []).append(stay)
        if stay.team_id not in above:
            above[stay.team_id] = tuple(row["above"])
    return Roster(Weeks(calendar), definitions, {}, {}, stays, above)


async def roster(
    session: Session, calendar: Calendar, definitions: Definitions, only: Collection[UUID] | None = None
) -> Roster:
    """Load it: everybody, because a template and a team's target may depend on anybody; or only some reps with their
    teams, which tells nothing of who else is in those.
    """
    reps = await session.fetch(_scorecards.roster_reps, only)
    leave: dict[UUID, list[tuple[date, date]]] = {}
    for row in await session.fetch(_scorecards.roster_leave, only):
        leave.setdefault(row["rep_id"], []).append((row["starts_on"], row["ends_on"]))
    stays: dict[UUID, list[Stay]] = {}
    for row in await session.fetch(_scorecards.roster_assignments, only):
        stay = Stay(row["rep_id"], row["team_id"], row["starts_on"], row["ends_on"] or date.max)
        stays.setdefault(stay.rep_id, []).append(stay)
    above: dict[UUID, tuple[UUID, ...]] = {}
    for row in await session.fetch(_scorecards.roster_teams, only):
        above[row["team_id"]] = (*above.get(row["team_id"], ()), row["ancestor_id"])
    return Roster(
        weeks=Weeks(calendar),
        definitions=definitions,
        reps={
            row["rep_id"]: Employment(row["hired_on"], row["left_on"], tuple(leave.get(row["rep_id"], ())))
            for row in reps
        },
        roles={row["rep_id"]: row["role"] for row in reps},
        stays=stays,
        above=above,
    )
