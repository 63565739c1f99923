"""What is taken back when a deal falls away after it was paid (rows 17, 18)."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from domain.incentives.terms import ClawbackWindow

ONE = Decimal(1)


def window_share(windows: Sequence[ClawbackWindow], closed_on: date, cancelled_on: date) -> Decimal:
    """The share that is taken back: of the first window that holds the day of the cancellation, nothing after the last.

    A window of 90 days holds the 90th day after the close. Without windows all is taken back, always.
    """
    if not windows:
        return ONE
    days = (cancelled_on - closed_on).days
    return next((w.share for w in sorted(windows, key=lambda w: w.days) if days <= w.days), Decimal(0))
