"""What a commission costs month by month, where accounting spreads it over the life of what was sold (row 40)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.money import rounded


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a schedule: what it bears, and what is left afterwards."""

    starts_on: date
    amount: Decimal
    left: Decimal


def schedule(amount: Decimal, months: int, currency: str, from_day: date) -> list[Month]:
    """Straight line over so many months, from that of a day on: equal amounts, with what rounding leaves in the last.

    Works for what is taken back (a negative amount) as for what is paid. Raises `ValueError` without a month.
    """
    if months < 1:
        raise ValueError("a schedule has at least one month")
    each = rounded(amount / months, currency)
    found, left = [], rounded(amount, currency)
    for i in range(months):
        bears = left if i == months - 1 else each
        left -= bears
        month = from_day.year * 12 + from_day.month - 1 + i
        found.append(Month(date(month // 12, month % 12 + 1, 1), bears, left))
    return found
