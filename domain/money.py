"""Decimal arithmetic with the field's rounding: once, half-up, at the end (semantics rule 1)."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cache

from babel.numbers import get_currency_precision, is_currency


@cache
def quantum(currency: str) -> Decimal:
    """The currency's minor unit (ISO 4217): 0.01 for USD, 1 for JPY. Raises `ValueError` for an unknown code."""
    if not is_currency(currency):
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
    return Decimal(1).scaleb(-get_currency_precision(currency))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half-up to the minor unit."""
    return amount.quantize(quantum(currency), ROUND_HALF_UP)


def allocate(amount: Decimal, shares: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """Split an amount by shares into multiples of `unit` that sum to it (largest remainder; row 21).

    Equal remainders favour the earlier share. Shares need not sum to 1, but to more than 0, or `ValueError` is raised.
    """
    whole = sum(shares, Decimal(0))
    if whole <= 0:
        raise ValueError("shares must have a positive sum")
    exact = [amount * share / whole for share in shares]
    parts = [(value / unit).to_integral_value(ROUND_DOWN) * unit for value in exact]
    left = int((amount - sum(parts, Decimal(0))) / unit)
    step = unit if left >= 0 else -unit
    by_remainder = sorted(range(len(parts)), key=lambda i: (-abs(exact[i] - parts[i]), i))
    for i in by_remainder[: abs(left)]:
        parts[i] += step
    return parts
