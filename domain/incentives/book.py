"""Everything that pay is calculated from, for any number of reps and periods; pure, so that what was, what is and what
would be are one calculation.

Amounts of credits are the organisation's, converted at the rate of the day on which the deal closed; a plan in the
deal's own currency counts the deal's own amounts. What a component pays is converted at the rate of the last day of the
period.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from domain.calendar import DAY, Calendar, Period, PeriodKind
from domain.incentives.inputs import Cancellation, Carry, Credit, Inputs, Score, Standing
from domain.incentives.known import Cancelled, Cell, Payee, PlanBook, Rates, Sold
from domain.incentives.model import Assignment
from domain.incentives.outcome import Result
from domain.incentives.payout import calculate_all
from domain.incentives.plan import Plan
from domain.incentives.tally import Credited
from domain.incentives.terms import CreditRole, Measure
from domain.incentives.trail import Detail
from domain.incentives.wants import Want, budgets, chained, eligible, reach, wants

Span = tuple[date, date]
Handed = tuple[Carry, Mapping[str, Decimal]]
"""What a period hands on to the next, and what was taken of budgets until then, by component; "" is the plan's."""

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Calculated:
    """What a cell came to, and from what."""

    cell: Cell
    version: int
    plan: Plan
    inputs: Inputs
    result: Result


@dataclass(frozen=True, slots=True)
class Sheet:
    """A plan in one of its periods: what is the same for everybody on it.

    `since` is the first day whose credits it looks at, `wants` the standings that it may look at, each over its period.
    """

    book: PlanBook
    version: int
    plan: Plan
    period: Period
    longer: tuple[Period, ...]
    since: date
    opens_year: bool
    wants: tuple[tuple[Want, Period], ...]


@dataclass(frozen=True, slots=True)
class Seat:
    """A rep under a version of a plan: what is the same in all its periods. `counted` are the credits of days on it."""

    payee: Payee
    on_plan: tuple[Span, ...]
    credited: Credited
    counted: Credited


@dataclass
class Book:
    """Loaded in a few statements; see `loading.py`. `start` says from which period on each rep is calculated."""

    calendar: Calendar
    today: date
    currency: str
    plans: Mapping[UUID, PlanBook]
    payees: Mapping[UUID, Payee]
    parents: Mapping[UUID, UUID | None]
    team_keys: Mapping[UUID, str]
    assignments: Mapping[UUID, Sequence[Assignment]]
    sold: Mapping[UUID, Sequence[Sold]]
    quotas: Mapping[tuple[UUID, str, UUID | None, PeriodKind, date], Decimal]
    kpis: Mapping[str, UUID]
    kpi_sums: Mapping[tuple[UUID, date, date], Mapping[UUID, Decimal]]
    scores: Mapping[tuple[UUID, UUID, date], tuple[Score, ...]]
    rates: Rates
    carries: Mapping[tuple[UUID, UUID], Handed]
    cancelled: Mapping[tuple[UUID, UUID], Sequence[Cancelled]]
    start: Mapping[UUID, date]
    _periods: dict[tuple[PeriodKind, date], Period] = field(default_factory=dict)
    _credited: dict[tuple[UUID, UUID, str], Credited | None] = field(default_factory=dict)
    _seats: dict[tuple[UUID, UUID, int], Seat | None] = field(default_factory=dict)

    def period(self, kind: PeriodKind, day: date) -> Period:
        """The period that holds a day; worked out once."""
        if (kind, day) not in self._periods:
            self._periods[kind, day] = self.calendar.period(kind, day)
        return self._periods[kind, day]

    def cells(self) -> Iterator[tuple[Sheet, list[UUID]]]:
        """Plan by plan, forward in time: who is to be calculated in which period, through the one that runs today."""
        on_plan: dict[UUID, list[UUID]] = defaultdict(list)
        for rep_id, assignments in self.assignments.items():
            for plan_id in {a.plan_id for a in assignments}:
                on_plan[plan_id].append(rep_id)
        for plan_id in sorted(on_plan):
            book = self.plans.get(plan_id)
            if book is None:
                continue
            reps = sorted(on_plan[plan_id])
            first = max(book.starts_on, min(self.start[rep_id] for rep_id in reps))
            while first <= self.today:
                period = self.period(book.kind, first)
                first = period.ends_on
                governing = book.governs(period)
                if governing is None:
                    continue
                here = [rep for rep in reps if self.start[rep] < period.ends_on and self._is_on(rep, plan_id, period)]
                if here:
                    yield self._sheet(book, *governing, period), here

    def _sheet(self, book: PlanBook, version: int, plan: Plan, period: Period) -> Sheet:
        last = period.ends_on - DAY
        longer = tuple(self.period(kind, last) for kind in _LONGER[period.kind])
        looked_at = tuple((want, self.period(want.period, last)) for want in sorted(wants(plan), key=str))
        opens_year = period.starts_on == self.period(PeriodKind.YEAR, last).starts_on
        return Sheet(book, version, plan, period, longer, reach(plan, period, longer), opens_year, looked_at)

    def _is_on(self, rep_id: UUID, plan_id: UUID, period: Period) -> bool:
        return any(
            a.plan_id == plan_id
            and a.starts_on < period.ends_on
            and (a.ends_on is None or a.ends_on > period.starts_on)
            for a in self.assignments[rep_id]
        )

    def run(self) -> tuple[list[Calculated], dict[Cell, Handed]]:
        """What every cell came to, and for plans with draws, caps or budgets that run on what each handed on."""
        handed: dict[Cell, Handed] = {}
        return list(self.calculated(handed)), handed

    def calculated(self, handed: dict[Cell, Handed], detail: Detail = Detail.LINES) -> Iterator[Calculated]:
        """Calculate every cell, in order of periods: what one hands on, the next one gets, and `handed` tells."""
        carries = dict(self.carries)
        for sheet, reps in self.cells():
            plan, plan_id = sheet.plan, sheet.book.plan_id
            seated: list[tuple[Seat, Inputs]] = []
            for rep_id in reps:
                seat = self._seat(sheet, rep_id)
                inputs = None if seat is None else self._inputs(sheet, seat, carries.get((rep_id, plan_id)))
                if seat is not None and inputs is not None:
                    seated.append((seat, inputs))
            spent: dict[str | None, Decimal] = defaultdict(Decimal)
            if budgets(plan):
                for (_, other), (_, taken) in carries.items():
                    if other == plan_id:
                        for key, amount in taken.items():
                            spent[key or None] += amount
            runs_on = chained(plan)
            everybody, counted = [one for _, one in seated], {one.payee: seat.counted for seat, one in seated}
            found = calculate_all(plan, everybody, spent, counted, detail=detail)
            for (seat, _), (inputs, result) in zip(seated, found, strict=True):
                cell = Cell(sheet.period.starts_on, plan_id, seat.payee.rep_id)
                if runs_on:
                    took = self._took(plan, result, carries.get((cell.rep_id, plan_id)))
                    handed[cell] = carries[cell.rep_id, plan_id] = (result.carry, took)
                yield Calculated(cell, sheet.version, plan, inputs, result)

    @staticmethod
    def _took(plan: Plan, result: Result, before: Handed | None) -> Mapping[str, Decimal]:
        """What somebody got of budgets so far."""
        taken = dict(before[1]) if before else {}
        for key in budgets(plan):
            got = sum((e.amount for e in result.earned if key in (None, e.component)), ZERO)
            taken[key or ""] = taken.get(key or "", ZERO) + got
        return taken

    def _inputs(self, sheet: Sheet, seat: Seat, before: Handed | None) -> Inputs | None:
        """What a cell is calculated from; None while a rate between currencies is not known."""
        payee, period, plan_id = seat.payee, sheet.period, sheet.book.plan_id
        exchange = self.rates.at(sheet.plan.currency, payee.currency, period.ends_on - DAY)
        if exchange is None:
            return None
        return Inputs(
            payee=str(payee.rep_id),
            currency=payee.currency,
            exchange_rate=exchange,
            period=period,
            longer=sheet.longer,
            on_plan=seat.on_plan,
            credits=tuple(seat.credited.between(sheet.since, period.ends_on)),
            standings=tuple(self._standing(sheet, seat, want, over) for want, over in sheet.wants),
            scores=self.scores.get((payee.rep_id, plan_id, period.starts_on), ()),
            target=self._target(plan_id, payee.rep_id, period),
            carry=before[0] if before else Carry(),
            opens_year=sheet.opens_year,
            cancellations=tuple(
                Cancellation(
                    deal=str(gone.deal_id), closed_on=gone.closed_on, cancelled_on=gone.cancelled_on, paid=gone.paid
                )
                for gone in self.cancelled.get((payee.rep_id, plan_id), ())
                if gone.cancelled_on in period
            ),
        )

    def _seat(self, sheet: Sheet, rep_id: UUID) -> Seat | None:
        """Worked out once; None while a rate between currencies is not known."""
        key = (rep_id, sheet.book.plan_id, sheet.version)
        if key not in self._seats:
            payee, credited = self.payees[rep_id], self._credited_to(rep_id, sheet.book.plan_id, sheet.plan.currency)
            on_plan = self._on_plan(sheet.book, sheet.plan, payee)
            seat = None if credited is None else Seat(payee, on_plan, credited, credited.on(on_plan))
            self._seats[key] = seat
        return self._seats[key]

    def _credited_to(self, rep_id: UUID, plan_id: UUID, currency: str) -> Credited | None:
        """A rep's credits for a plan in a currency: what was locked goes on counting where it was."""
        key = (rep_id, plan_id, currency)
        if key not in self._credited:
            found = [self._credit(sold, currency) for sold in self.sold.get(rep_id, ())]
            kept = [credit for gone in self.cancelled.get((rep_id, plan_id), ()) for credit in gone.credits]
            known = [credit for credit in found if credit is not None]
            self._credited[key] = Credited((*kept, *known)) if len(known) == len(found) else None
        return self._credited[key]

    def _credit(self, sold: Sold, currency: str) -> Credit | None:
        """In the currency of a plan; None while a rate is not known."""
        credit = sold.credit
        if currency == self.currency:
            return credit
        if currency == sold.currency and sold.deal_amount is not None:
            margin = None if sold.deal_margin is None else sold.deal_margin * credit.share
            return replace(credit, currency=currency, revenue=sold.deal_amount * credit.share, margin=margin)
        rate = self.rates.at(self.currency, currency, credit.day)
        return None if rate is None else replace(credit, exchange_rate=rate)

    def _target(self, plan_id: UUID, rep_id: UUID, period: Period) -> Decimal | None:
        """As of the last day of the period on the plan."""
        here = [a for a in self.assignments[rep_id] if a.plan_id == plan_id and a.starts_on < period.ends_on]
        return here[-1].target if here else None

    def _on_plan(self, book: PlanBook, plan: Plan, payee: Payee) -> tuple[Span, ...]:
        """The days on which a rep is on a plan: assigned, employed, eligible, and the plan in force."""
        end = min(plan.ends_on or date.max, book.archived_on or date.max, payee.left_on or date.max)
        start = max(book.starts_on, payee.hired_on)
        spans = (
            (max(start, a.starts_on, first), min(end, a.ends_on or date.max, last))
            for a in self.assignments[payee.rep_id]
            if a.plan_id == book.plan_id
            for first, last in self._eligible(plan, payee)
        )
        return joined(span for span in spans if span[0] < span[1])

    def _eligible(self, plan: Plan, payee: Payee) -> tuple[Span, ...]:
        """The days on which the plan's eligibility holds for a rep, by the teams that it was in."""
        edges = sorted({date.min, date.max, *(day for stint in payee.stints for day in stint[1:])})
        spans = []
        for first, last in pairwise(edges):
            team = next((team for team, start, end in payee.stints if start <= first < end), None)
            if eligible(plan.eligibility, payee.role, self._path(team), payee.external_id):
                spans.append((first, last))
        return joined(spans)

    def _path(self, team_id: UUID | None) -> list[str]:
        """The external ids of a team and those above it."""
        found = []
        while team_id is not None:
            found.append(self.team_keys[team_id])
            team_id = self.parents.get(team_id)
        return found

    def _standing(self, sheet: Sheet, seat: Seat, want: Want, over: Period) -> Standing:
        payee, until = seat.payee, sheet.period.ends_on
        if want.measure is Measure.KPI:
            kpi_id = self.kpis.get(want.kpi or "")
            sums = self.kpi_sums.get((kpi_id, over.starts_on, until), {}) if kpi_id else {}
            attained = sums.get(payee.rep_id, ZERO)
        else:
            attained = seat.credited.attained(want.measure, want.role, over.starts_on, until)
        return Standing(
            measure=want.measure,
            period=want.period,
            attained=attained,
            quota=self._quota(sheet.plan, payee, want, over),
            kpi=want.kpi,
            credits=want.role,
        )

    def _quota(self, plan: Plan, payee: Payee, want: Want, over: Period) -> Decimal | None:
        """The rep's own quota of the period, prorated; for what its teams sell, else theirs."""
        kpi_id = self.kpis.get(want.kpi) if want.kpi else None
        rest = (want.measure, kpi_id, over.kind, over.starts_on)
        quota = self.quotas.get((payee.rep_id, *rest))
        if quota is None and want.role is CreditRole.TEAM:
            teams = [self.quotas[team, *rest] for team in payee.leads if (team, *rest) in self.quotas]
            quota = sum(teams, ZERO) if teams else None
        if quota is None or want.measure not in (Measure.REVENUE, Measure.MARGIN):
            return quota
        rate = self.rates.at(self.currency, plan.currency, over.starts_on)
        return None if rate is None else quota * rate

    def with_plans(self, plans: Mapping[UUID, PlanBook]) -> "Book":
        """The same under other plans."""
        return replace(self, plans=plans, carries={}, _seats={})

    def with_sold(self, more: Mapping[UUID, Sequence[Sold]]) -> "Book":
        """The same with credits that are not there."""
        sold = {rep_id: [*self.sold.get(rep_id, ()), *more.get(rep_id, ())] for rep_id in {*self.sold, *more}}
        return replace(self, sold=sold, _credited={}, _seats={})


_LONGER = {
    PeriodKind.MONTH: (PeriodKind.QUARTER, PeriodKind.YEAR),
    PeriodKind.QUARTER: (PeriodKind.YEAR,),
    PeriodKind.YEAR: (),
    PeriodKind.WEEK: (),
}


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """In order, and as few as possible."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)
