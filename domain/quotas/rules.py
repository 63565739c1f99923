"""What part of a quota somebody carries, what is expected by now, and how far they got. Pure and exact.

Shares of time are `Fraction`s of counted days, so that parts sum to the whole; an amount is rounded once, when a number
is published.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise

from domain.calendar import DAY, Calendar, Period, PeriodKind, span
from domain.money import allocate, quantum, to_unit
from domain.quotas.model import Figures, Measure, PaceBasis, ProrationBasis, Reason, Terms
from domain.scorecards.formula import Count, Dated, Field, Formula, Sum

RATIO_UNIT = Decimal("0.000001")
COUNT_UNIT = Decimal("0.01")
MAX_RAMP_MONTHS = 24

_FLOWS = {Field.AMOUNT, Field.MARGIN, Field.UNITS, Field.MINUTES}

Span = tuple[date, date]
"""Days `[start, end)`."""

_PARTS: dict[tuple[PeriodKind, int], PeriodKind] = {
    (PeriodKind.YEAR, 4): PeriodKind.QUARTER,
    (PeriodKind.YEAR, 12): PeriodKind.MONTH,
    (PeriodKind.QUARTER, 3): PeriodKind.MONTH,
}


@dataclass(frozen=True, slots=True)
class Tenure:
    """The days on which a rep can carry a quota; `left_on` is the first one without."""

    hired_on: date
    left_on: date | None = None
    leave: tuple[Span, ...] = ()

    def employed(self, period: Period) -> Span:
        """The days of the period on which the rep is employed; an empty span where there are none."""
        start = max(self.hired_on, period.starts_on)
        end = min(self.left_on or period.ends_on, period.ends_on)
        return (start, max(start, end))


@dataclass(frozen=True)
class Shape:
    """A period laid out in days, workdays, months and parts, for any number of quotas of that period."""

    calendar: Calendar
    period: Period
    _known: dict[tuple[object, ...], Fraction | None] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _workdays_before(self) -> list[int]:
        days = span(self.period.starts_on, self.period.ends_on)
        return list(accumulate((int(self.calendar.is_workday(day)) for day in days), initial=0))

    @cached_property
    def months(self) -> tuple[Span, ...]:
        """The months in it, the first and last cut to the period; for a week, the week itself."""
        if self.period.kind is PeriodKind.WEEK:
            return ((self.period.starts_on, self.period.ends_on),)
        return self._split(PeriodKind.MONTH)

    def _split(self, kind: PeriodKind) -> tuple[Span, ...]:
        found, day = [], self.period.starts_on
        while day < self.period.ends_on:
            end = min(self.calendar.period(kind, day).ends_on, self.period.ends_on)
            found.append((day, end))
            day = end
        return tuple(found)

    def parts(self, seasonality: Sequence[Decimal]) -> list[tuple[Span, Fraction]]:
        """The parts that the weights are for, each with its share. One part without weights, and where a change of the
        fiscal calendar left a stored period without the parts that its weights were for.
        """
        if not seasonality:
            return [((self.period.starts_on, self.period.ends_on), Fraction(1))]
        kind = _PARTS.get((self.period.kind, len(seasonality)))
        spans = self._split(kind) if kind else ()
        if len(spans) != len(seasonality):
            return [((self.period.starts_on, self.period.ends_on), Fraction(1))]
        weights = [Fraction(weight) for weight in seasonality]
        return [(part, weight / sum(weights)) for part, weight in zip(spans, weights, strict=True)]

    def workdays(self, days: Span, leave: Sequence[Span] = ()) -> int:
        """Workdays of the calendar on these days, without those on leave."""
        start, end = _meet(days, (self.period.starts_on, self.period.ends_on))
        before, first = self._workdays_before, self.period.starts_on
        if start == end:
            return 0
        count = before[(end - first).days] - before[(start - first).days]
        for away in sorted(leave):
            gone, back = _meet(away, (start, end))
            if gone < back:
                count -= before[(back - first).days] - before[(gone - first).days]
                start = back
        return count

    def carried(self, terms: Terms, tenure: Tenure | None = None, days: Span | None = None) -> Fraction:
        """The share of the full quota that is carried on these days (default: all), by proration and ramp.

        Without a tenure (a team) the share is 1. A day's share is the seasonal share of its part, divided by the days
        (DAYS), workdays (WORKDAYS) or months (MONTHS) of the part, times the ramp's share at that day. MONTHS counts a
        month for who is there on its 15th day; NONE gives all of it to the last day on which the rep is there. Hence
        the shares of days that do not overlap add up (rows 27, 28, 29).
        """
        if tenure is None:
            return Fraction(1)
        start, end = tenure.employed(self.period)
        if start == end:
            return Fraction(0)
        window = _meet((start, end), days or (start, end))
        key = ("carried", terms.seasonality, terms.proration_basis, terms.ramp, *self._cut(terms, tenure), window)
        if key not in self._known:
            self._known[key] = self._carried(terms, tenure, window, (start, end))
        return self._known[key] or Fraction(0)

    def settled(self, terms: Terms, tenure: Tenure) -> bool:
        """Whether the rep carries the quota as if there were no tenure: there on every day, and past the ramp."""
        period = self.period
        if tenure.hired_on > period.starts_on or (tenure.left_on is not None and tenure.left_on < period.ends_on):
            return False
        if terms.ramp and _months_after(tenure.hired_on, len(terms.ramp)) > period.starts_on:
            return False
        by_workdays = terms.proration_basis is ProrationBasis.WORKDAYS or terms.pace_basis is PaceBasis.WORKDAYS
        return not (by_workdays and tenure.leave)

    def _carried(self, terms: Terms, tenure: Tenure, window: Span, employed: Span) -> Fraction:
        basis = terms.proration_basis
        if basis is ProrationBasis.NONE:
            last = employed[1] - DAY
            return Fraction(0) if not window[0] <= last < window[1] else _ramp_on(terms.ramp, tenure.hired_on, last)
        total = Fraction(0)
        for part, season in self.parts(terms.seasonality):
            for days, ramp in _ramp(terms.ramp, tenure.hired_on, _meet(part, window)):
                total += season * ramp * self._of_part(basis, part, days, tenure.leave)
        return total

    def _of_part(self, basis: ProrationBasis | PaceBasis, part: Span, days: Span, leave: tuple[Span, ...]) -> Fraction:
        if basis is ProrationBasis.MONTHS:
            months = [month for month in self.months if month[0] >= part[0] and month[1] <= part[1]]
            decided = [min(month[0] + 14 * DAY, month[1] - DAY) for month in months]
            if months:
                return Fraction(sum(days[0] <= day < days[1] for day in decided), len(months))
        if basis in (ProrationBasis.WORKDAYS, PaceBasis.WORKDAYS) and self.workdays(part):
            return Fraction(self.workdays(days, leave), self.workdays(part))
        return Fraction((days[1] - days[0]).days, (part[1] - part[0]).days)

    def elapsed(
        self, terms: Terms, today: date, tenure: Tenure | None = None, days: Span | None = None
    ) -> Fraction | None:
        """The share of what is carried on these days that is expected through `today`, today included (rule 12).

        DAYS and WORKDAYS spread it evenly over the days, or workdays, on which the rep is there; SEASONALITY as the
        quota itself is spread, by seasonal share and ramp. None when nobody is there on these days.
        """
        whole = (self.period.starts_on, self.period.ends_on)
        window = _meet(tenure.employed(self.period) if tenure else whole, days or whole)
        if window[0] == window[1]:
            return None
        through = _meet(window, (window[0], max(window[0], today + DAY)))
        cut = self._cut(terms, tenure) if tenure else ()
        key = ("elapsed", terms.seasonality, terms.pace_basis, terms.ramp, *cut, window, through)
        if key not in self._known:
            done, total = self._spread(terms, tenure, through), self._spread(terms, tenure, window)
            if not total:
                done, total = Fraction((through[1] - through[0]).days), Fraction((window[1] - window[0]).days)
            self._known[key] = done / total
        return self._known[key]

    def _spread(self, terms: Terms, tenure: Tenure | None, window: Span) -> Fraction:
        if terms.pace_basis is PaceBasis.DAYS:
            return Fraction((window[1] - window[0]).days)
        if terms.pace_basis is PaceBasis.WORKDAYS:
            return Fraction(self.workdays(window, tenure.leave if tenure else ()))
        total = Fraction(0)
        for part, season in self.parts(terms.seasonality):
            days = _meet(part, window)
            steps = _ramp(terms.ramp, tenure.hired_on, days) if tenure else [(days, Fraction(1))]
            for step, ramp in steps:
                total += season * ramp * Fraction((step[1] - step[0]).days, (part[1] - part[0]).days)
        return total

    def _cut(self, terms: Terms, tenure: Tenure) -> tuple[object, ...]:
        """What of a tenure matters for this period: the same for most reps, so that one computation serves them."""
        ramped = terms.ramp and _months_after(tenure.hired_on, len(terms.ramp)) > self.period.starts_on
        employed = tenure.employed(self.period)
        leave = tuple(away for away in tenure.leave if away[0] < employed[1] and away[1] > employed[0])
        return (tenure.hired_on if ramped else None, employed, leave)


def _meet(one: Span, other: Span) -> Span:
    start = max(one[0], other[0])
    return (start, max(start, min(one[1], other[1])))


def _months_after(day: date, months: int) -> date:
    """The same day so many months later; the last of a shorter month."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _ramp(ramp: Sequence[Decimal], hired_on: date, days: Span) -> list[tuple[Span, Fraction]]:
    """The days cut at the steps of the ramp, each with its share."""
    edges = [hired_on, *(_months_after(hired_on, i + 1) for i in range(len(ramp)))]
    shares = [*(Fraction(share) for share in ramp), Fraction(1)]
    spans = [*pairwise(edges), (edges[-1], max(edges[-1], days[1]))]
    steps = ((_meet(step, days), share) for step, share in zip(spans, shares, strict=True))
    return [(step, share) for step, share in steps if step[0] < step[1]]


def _ramp_on(ramp: Sequence[Decimal], hired_on: date, day: date) -> Fraction:
    edges = [_months_after(hired_on, i + 1) for i in range(len(ramp))]
    step = bisect_right(edges, day)
    return Fraction(ramp[step]) if step < len(ramp) else Fraction(1)


def flaws(kind: PeriodKind, terms: Terms) -> list[tuple[str, str]]:
    """What is wrong with the terms of a quota for such a period: the field as the graph spells it, and what to do."""
    found = []
    if terms.seasonality:
        if (kind, len(terms.seasonality)) not in _PARTS:
            found.append(("seasonality", "Weigh the 4 quarters or 12 months of a year, or the 3 months of a quarter."))
        elif not all(weight.is_finite() for weight in terms.seasonality) or min(terms.seasonality) < 0:
            found.append(("seasonality", "Weights are 0 or more."))
        elif not any(terms.seasonality):
            found.append(("seasonality", "One weight must be more than 0."))
    elif terms.pace_basis is PaceBasis.SEASONALITY and not terms.ramp:
        found.append(("paceBasis", "A pace by SEASONALITY needs seasonal weights or a ramp."))
    if kind is PeriodKind.WEEK and terms.proration_basis is ProrationBasis.MONTHS:
        found.append(("prorationBasis", "A week has no months: use DAYS, WORKDAYS or NONE."))
    if len(terms.ramp) > MAX_RAMP_MONTHS or not all(share.is_finite() and 0 <= share <= 1 for share in terms.ramp):
        found.append(("ramp", f"A ramp has at most {MAX_RAMP_MONTHS} shares, each from 0 to 1."))
    return found


def adds_up(formula: Formula) -> bool:
    """Whether a KPI's value of a period is the sum over its days, so that a quota can be set on it."""
    if isinstance(formula, Count):
        return formula.dated is not Dated.OPEN
    return isinstance(formula, Sum) and formula.dated is not Dated.OPEN and formula.field in _FLOWS


def smallest_unit(measure: Measure, currency: str) -> Decimal:
    """What numbers of a measure are rounded to: the currency's minor unit, or 0.01 of what is counted."""
    return quantum(currency) if measure in (Measure.REVENUE, Measure.MARGIN) else COUNT_UNIT


def divide_stints(quota: Decimal, shares: Sequence[Fraction], unit: Decimal) -> list[Decimal]:
    """A rep's quota divided over the teams of the period, so that the parts sum to it (semantics rule 1)."""
    if not quota or not any(shares):
        return [Decimal(0).quantize(unit)] * len(shares)
    whole = sum(shares, Fraction(0))
    return allocate(quota, [to_unit(share / whole, Decimal("1e-24")) for share in shares], unit)


def figures(
    quota: Decimal | None, attained: Decimal, elapsed: Fraction | None, workdays_left: int, unit: Decimal
) -> Figures:
    """All numbers of an attainment (semantics rules 4, 5, 12; rows 1, 2, 30, 31).

    `elapsed` is the share of the period that is expected by now. Without a quota, or with one of 0, ratios are None
    with a reason. `required_per_workday` is what is left over the workdays left, 0 once the quota is met and None when
    no workday is left.
    """
    started = elapsed is not None and elapsed > 0
    done = Fraction(attained)
    projected = done / elapsed if elapsed else None
    if quota is None:
        reason: Reason | None = Reason.NO_QUOTA
    elif quota == 0:
        reason = Reason.QUOTA_ZERO
    else:
        reason = None if started else Reason.NOT_STARTED
    goal = Fraction(quota) if quota else None
    left = None if quota is None else max(Decimal(0), quota - attained)
    return Figures(
        quota=quota,
        attained=to_unit(attained, unit),
        ratio=to_unit(done / goal, RATIO_UNIT) if goal else None,
        gap=None if quota is None else to_unit(attained - quota, unit),
        expected=None if quota is None or elapsed is None else to_unit(Fraction(quota) * elapsed, unit),
        pace_ratio=to_unit(done / (goal * elapsed), RATIO_UNIT) if goal and elapsed else None,
        projected=None if projected is None else to_unit(projected, unit),
        projected_ratio=to_unit(projected / goal, RATIO_UNIT) if goal and projected is not None else None,
        required_per_workday=to_unit(left / workdays_left, unit) if left is not None and workdays_left else None,
        reason=reason,
    )


def quota_left(quota: Decimal | None, attained: Decimal) -> Decimal | None:
    """What pipeline coverage divides by (rule 13, row 36): the rest of the quota, None when nothing is left of it."""
    return quota - attained if quota is not None and quota > attained else None


def plan_total(total: Decimal | None, history: Sequence[Decimal | None], growth: Decimal, unit: Decimal) -> Decimal:
    """What a plan adds up to: the total given, or history times one plus `growth`.

    Who has no history is taken at the mean of those who have. Raises `ValueError` when there is nothing to grow from.
    """
    if total is not None:
        return to_unit(total, unit)
    whole = sum(_weights(history), Fraction(0))
    if whole <= 0:
        raise ValueError("nobody has a history to grow from")
    return to_unit(whole * (1 + Fraction(growth)), unit)


def divide_plan(
    total: Decimal, history: Sequence[Decimal | None], over_assignment: Decimal, unit: Decimal
) -> list[Decimal]:
    """Quotas of reps by their history, evenly where nobody has one: multiples of the unit that sum to the total and the
    share assigned on top of it (semantics rule 1).
    """
    weights = _weights(history)
    if sum(weights) <= 0:
        weights = [Fraction(1)] * len(weights)
    goal = to_unit(total * (1 + over_assignment), unit)
    return allocate(goal, [to_unit(weight, Decimal("1e-12")) for weight in weights], unit)


def _weights(history: Sequence[Decimal | None]) -> list[Fraction]:
    known = [Fraction(value) for value in history if value is not None]
    mean = sum(known, Fraction(0)) / max(1, len(known))
    return [mean if value is None else max(Fraction(0), Fraction(value)) for value in history]


def total_of(parts: Iterable[tuple[Decimal, Fraction | None]]) -> tuple[Decimal, Fraction | None]:
    """The sum of quotas and the share of it expected by now: the ratio of sums, never the mean of ratios (row 2)."""
    by_share: dict[Fraction | None, Decimal] = {}
    for amount, elapsed in parts:
        by_share[elapsed] = by_share.get(elapsed, Decimal(0)) + amount
    quota = sum(by_share.values(), Decimal(0))
    expected = sum((Fraction(amount) * (elapsed or 0) for elapsed, amount in by_share.items()), Fraction(0))
    return quota, (expected / Fraction(quota) if quota else None)
