"""What is taken back when a deal falls away after it was paid (rows 17, 18)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.incentives.terms import ClawbackWindow
from domain.money import rounded

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """`amount` is negative: what is kept from the next payment. `voided` was pending, and will never be paid."""

    amount: Decimal
    voided: Decimal


def window_share(windows: Sequence[ClawbackWindow], closed_on: date, cancelled_on: date) -> Decimal:
    """The share that is taken back: of the first window that holds the day of the cancellation, nothing after the last.

    A window of 90 days holds the 90th day after the close. Without windows all is taken back, always.
    """
    if not windows:
        return ONE
    days = (cancelled_on - closed_on).days
    return next((w.share for w in sorted(windows, key=lambda w: w.days) if days <= w.days), Decimal(0))


def taken_back(
    windows: Sequence[ClawbackWindow],
    closed_on: date,
    cancelled_on: date,
    paid: Decimal,
    pending: Decimal,
    currency: str,
) -> TakenBack:
    """Of what was paid the share of the window; what is pending is voided whole, for it was never earned."""
    share = window_share(windows, closed_on, cancelled_on)
    return TakenBack(-rounded(paid * share, currency), pending)
