"""Credits added up along the days, so that what counts between two of them is one subtraction. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, localcontext
from itertools import accumulate
from operator import attrgetter

from domain.incentives.inputs import Credit
from domain.incentives.terms import CreditRole, Measure
from domain.money import EXACT

ZERO = Decimal(0)

order = attrgetter("day", "key")
"""Of credits: the order in which they reach tiers, however they came in."""


def values(measure: Measure, credits_: Iterable[Credit]) -> list[Decimal]:
    """What each credit counts for, in the plan's currency where it is money. A KPI has no credits."""
    if measure is Measure.REVENUE:
        return [credit.revenue * credit.exchange_rate for credit in credits_]
    if measure is Measure.MARGIN:
        return [(credit.margin or ZERO) * credit.exchange_rate for credit in credits_]
    if measure is Measure.UNITS:
        return [credit.units or ZERO for credit in credits_]
    return [credit.share if credit.revenue >= 0 else -credit.share for credit in credits_]


class Tally:
    """Credits, which come in the order of their days, with what each counts for in one measure."""

    def __init__(self, measure: Measure, credits_: Sequence[Credit]) -> None:
        self.credits = credits_
        self.days = [credit.day for credit in credits_]
        with localcontext(EXACT):
            self.values = values(measure, credits_)
            self._sums = list(accumulate(self.values, initial=ZERO))

    def place(self, day: date) -> int:
        """How many credits are of days before this one."""
        return bisect_left(self.days, day)

    def sum(self, first: int, last: int) -> Decimal:
        """What the credits of places in `[first, last)` come to; nothing where there are none."""
        return EXACT.subtract(self._sums[last], self._sums[first]) if first < last else ZERO


class Credited:
    """What a payee is credited with in a plan's currency, added up once however many periods look at it."""

    def __init__(self, credits_: Iterable[Credit]) -> None:
        self._credits = sorted(credits_, key=order)
        self._days = [credit.day for credit in self._credits]
        self._tallies: dict[tuple[Measure, CreditRole, tuple[str, ...]], Tally] = {}

    def on(self, spans: Sequence[tuple[date, date]]) -> "Credited":
        """The credits of days `[start, end)`, which are in order and apart."""
        found = [credit for start, end in spans for credit in self.between(start, end)]
        return self if len(found) == len(self._credits) else Credited(found)

    def between(self, since: date, until: date) -> list[Credit]:
        """The credits of days in `[since, until)`, in order."""
        return self._credits[bisect_left(self._days, since) : bisect_left(self._days, until)]

    def tally(self, measure: Measure, role: CreditRole, products: tuple[str, ...] = ()) -> Tally:
        """The credits of a role; with `products`, of those only."""
        key = (measure, role, products)
        if key not in self._tallies:
            mine = [c for c in self._credits if c.role is role and (not products or c.product in products)]
            self._tallies[key] = Tally(measure, mine)
        return self._tallies[key]

    def attained(self, measure: Measure, role: CreditRole, since: date, until: date) -> Decimal:
        """What the credits of a role come to on days in `[since, until)`."""
        tally = self.tally(measure, role)
        return tally.sum(tally.place(since), tally.place(until))
