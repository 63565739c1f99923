"""From quotas and sums of facts to the attainment of every rep, team, territory and the organisation. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from uuid import UUID

from domain.calendar import DAY, Calendar, Period
from domain.money import to_unit
from domain.quotas.model import Figures, Measure, Quota, QuotaSource, Subject, Terms
from domain.quotas.rules import Shape, Span, Tenure, divide_stints, figures, smallest_unit, total_of

Carried = tuple[Decimal, Fraction | None]
"""A quota, and the share of it that is expected by now."""

Who = tuple[Subject, UUID]


@dataclass(frozen=True, slots=True)
class Stint:
    """A rep in a team on days `[starts_on, ends_on)`; None is open."""

    team_id: UUID
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class House:
    """Who is in the organisation: reps with tenure and stints, the parents of teams and territories, all names."""

    org_id: UUID
    currency: str
    tenures: Mapping[UUID, Tenure]
    stints: Mapping[UUID, Sequence[Stint]]
    teams: Mapping[UUID, UUID | None]
    territories: Mapping[UUID, UUID | None]
    names: Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class Board:
    """A measure and a period for which quotas are set."""

    measure: Measure
    kpi_id: UUID | None
    period: Period


@dataclass(slots=True)
class Sums:
    """What was attained in a period: by rep and the team of that day, and by territory."""

    reps: dict[tuple[UUID, UUID | None], Decimal] = field(default_factory=dict)
    territories: dict[UUID, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """What a rep adds to the quota of a team (None: of no team) on the days of its stints there."""

    rep_id: UUID
    team_id: UUID | None
    carried: Carried


@dataclass(frozen=True, slots=True)
class Line:
    """The attainment of one subject, with the share of the period that is expected by now and the workdays left."""

    source: QuotaSource | None
    figures: Figures
    elapsed: Fraction | None
    workdays_left: int


def attain(
    calendar: Calendar,
    board: Board,
    house: House,
    quotas: Sequence[Quota],
    sums: Sums,
    today: date,
    reps: Collection[UUID] | None = None,
) -> dict[Who, Line]:
    """The attainment of every subject that has a quota or attained something; of reps, only these (None: all).

    A rep carries its own quota, prorated and ramped over the days of employment. A team, a territory and the
    organisation have their own where one is set, else the sum of what is below: of child teams, and of reps for the
    days that they were in the team. What a rep attained counts for the team of that day (semantics rule 4).
    """
    layout = _layout(calendar, board.period, today)
    shape = layout.shape
    unit = smallest_unit(board.measure, house.currency)
    own = {(quota.target.subject, quota.target.subject_id): quota.terms for quota in quotas}
    quota_of: dict[Who, tuple[QuotaSource, Carried]] = {}
    direct: dict[UUID | None, list[Carried]] = defaultdict(list)
    whole: dict[tuple[object, ...], Fraction | None] = {}
    for (subject, rep_id), terms in own.items():
        if subject is not Subject.REP:
            continue
        tenure, stints = house.tenures[rep_id], house.stints.get(rep_id, ())
        if shape.settled(terms, tenure) and len(stints) == 1 and _covers(stints[0], board.period):
            pace = (terms.pace_basis, terms.seasonality)
            if pace not in whole:
                whole[pace] = shape.elapsed(terms, today)
            carried = (to_unit(terms.amount, unit), whole[pace])
            direct[stints[0].team_id].append(carried)
        else:
            carried, of_teams = layout.carried(terms, rep_id, tenure, tuple(stints), unit)
            for part in of_teams:
                direct[part.team_id].append(part.carried)
        quota_of[subject, rep_id] = (QuotaSource.OWN, carried)
    org = (Subject.ORGANIZATION, house.org_id)
    at_top = [*direct[None], *_roll_up(shape, Subject.TEAM, house.teams, own, direct, quota_of, today, unit)]
    _settle(shape, org, own, at_top, quota_of, today, unit)
    _roll_up(shape, Subject.TERRITORY, house.territories, own, {}, quota_of, today, unit)

    attained: dict[Who, Decimal] = defaultdict(Decimal)
    for (rep_id, team_id), value in sums.reps.items():
        attained[Subject.REP, rep_id] += value
        attained[org] += value
        for above in path(house.teams, team_id):
            attained[Subject.TEAM, above] += value
    for territory_id, value in sums.territories.items():
        for above in path(house.territories, territory_id):
            attained[Subject.TERRITORY, above] += value

    lines = {}
    for who in quota_of.keys() | {who for who, value in attained.items() if value}:
        if who[0] is Subject.REP and reps is not None and who[1] not in reps:
            continue
        tenure_of = house.tenures.get(who[1]) if who[0] is Subject.REP else None
        value = attained.get(who, Decimal(0))
        if who not in quota_of:
            lines[who] = unasked(calendar, board, tenure_of, value, today, unit)
            continue
        source, (quota, elapsed) = quota_of[who]
        if elapsed is None:
            elapsed = shape.elapsed(Terms(Decimal(0)), today, tenure_of)
        left = workdays_left(shape, today, tenure_of)
        lines[who] = Line(source, figures(quota, value, elapsed, left, unit), elapsed, left)
    return lines


def unasked(
    calendar: Calendar, board: Board, tenure: Tenure | None, value: Decimal, today: date, unit: Decimal
) -> Line:
    """The attainment of who has no quota; a rep (`tenure`) is measured by the days on which it is there."""
    shape = _layout(calendar, board.period, today).shape
    elapsed = shape.elapsed(Terms(Decimal(0)), today, tenure)
    left = workdays_left(shape, today, tenure)
    return Line(None, figures(None, value, elapsed, left, unit), elapsed, left)


@dataclass(frozen=True, slots=True)
class _Layout:
    """A period on a day, and what was worked out for it: a change of one fact finds everybody's quotas as they were."""

    shape: Shape
    today: date
    _known: dict[tuple[object, ...], tuple[Carried, list[Part]]] = field(default_factory=dict, repr=False)

    def carried(
        self, terms: Terms, rep_id: UUID, tenure: Tenure, stints: tuple[Stint, ...], unit: Decimal
    ) -> tuple[Carried, list[Part]]:
        """What a rep carries, and its parts by team."""
        key = (terms, rep_id, tenure, stints, unit)
        if key not in self._known:
            whole = rep_carries(self.shape, terms, tenure, self.today, unit)
            self._known[key] = whole, parts(self.shape, terms, rep_id, tenure, stints, self.today, unit)
        return self._known[key]


@lru_cache(maxsize=32)
def _layout(calendar: Calendar, period: Period, today: date) -> _Layout:
    """A pure function of its arguments; the periods of days gone by make room for those of today."""
    return _Layout(Shape(calendar, period), today)


def _covers(stint: Stint, period: Period) -> bool:
    return stint.starts_on <= period.starts_on and (stint.ends_on is None or stint.ends_on >= period.ends_on)


def rep_carries(shape: Shape, terms: Terms, tenure: Tenure, today: date, unit: Decimal) -> Carried:
    """A rep's prorated and ramped quota of the period."""
    quota = to_unit(Fraction(terms.amount) * shape.carried(terms, tenure), unit)
    return quota, shape.elapsed(terms, today, tenure)


def parts(
    shape: Shape, terms: Terms, rep_id: UUID, tenure: Tenure, stints: Sequence[Stint], today: date, unit: Decimal
) -> list[Part]:
    """A rep's quota divided over the teams of the period; the parts sum to it. Days without a team go to None."""
    quota, _ = rep_carries(shape, terms, tenure, today, unit)
    spans: list[tuple[UUID | None, Span]] = []
    done, end = tenure.employed(shape.period)
    for stint in stints:
        starts_on, ends_on = max(stint.starts_on, done), min(stint.ends_on or end, end)
        if starts_on < ends_on:
            if done < starts_on:
                spans.append((None, (done, starts_on)))
            spans.append((stint.team_id, (starts_on, ends_on)))
            done = ends_on
    if done < end:
        spans.append((None, (done, end)))
    amounts = divide_stints(quota, [shape.carried(terms, tenure, days) for _, days in spans], unit)
    return [
        Part(rep_id, team_id, (amount, shape.elapsed(terms, today, tenure, days)))
        for (team_id, days), amount in zip(spans, amounts, strict=True)
    ]


def workdays_left(shape: Shape, today: date, tenure: Tenure | None) -> int:
    """Workdays of the period after today; for a rep, those on which it is there."""
    start, end = tenure.employed(shape.period) if tenure else (shape.period.starts_on, shape.period.ends_on)
    first = max(start, today + DAY)
    return shape.workdays((first, max(first, end)), tenure.leave if tenure else ())


def path(parents: Mapping[UUID, UUID | None], node: UUID | None) -> Iterator[UUID]:
    """The node and all above it."""
    while node is not None:
        yield node
        node = parents.get(node)


def _roll_up(
    shape: Shape,
    subject: Subject,
    parents: Mapping[UUID, UUID | None],
    own: Mapping[Who, Terms],
    direct: Mapping[UUID | None, Iterable[Carried]],
    quota_of: dict[Who, tuple[QuotaSource, Carried]],
    today: date,
    unit: Decimal,
) -> list[Carried]:
    """Quotas of a tree, leaves first; returns those of its roots."""
    below: dict[UUID | None, list[Carried]] = defaultdict(list)
    for node in sorted(parents, key=lambda node: -sum(1 for _ in path(parents, node))):
        carried = [*direct.get(node, ()), *below[node]]
        settled = _settle(shape, (subject, node), own, carried, quota_of, today, unit)
        if settled is not None:
            below[parents[node]].append(settled)
    return below[None]


def _settle(
    shape: Shape,
    who: Who,
    own: Mapping[Who, Terms],
    carried: Sequence[Carried],
    quota_of: dict[Who, tuple[QuotaSource, Carried]],
    today: date,
    unit: Decimal,
) -> Carried | None:
    """The subject's own quota, else the sum of what is below, else none."""
    if who in own:
        terms = own[who]
        quota_of[who] = (QuotaSource.OWN, (to_unit(terms.amount, unit), shape.elapsed(terms, today)))
    elif carried:
        quota_of[who] = (QuotaSource.ROLL_UP, total_of(carried))
    else:
        return None
    return quota_of[who][1]
