"""Decimal arithmetic with the field's rounding: once, half-up, at the end (semantics rule 1)."""

from collections.abc import Sequence
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from fractions import Fraction
from functools import cache

from babel.numbers import get_currency_precision, is_currency

EXACT = Context(prec=100, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Enough digits that sums and products are exact; only a quotient can end in rounding."""

LARGEST = Decimal(10) ** 15
"""Whatever number people or their systems state is smaller."""


@cache
def quantum(currency: str) -> Decimal:
    """The currency's minor unit (ISO 4217): 0.01 for USD, 1 for JPY. Raises `ValueError` for an unknown code."""
    if not is_currency(currency):
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
    return Decimal(1).scaleb(-get_currency_precision(currency))


def to_unit(value: Decimal | Fraction, unit: Decimal) -> Decimal:
    """Half-up to a multiple of the unit, however large the number is."""
    if isinstance(value, Fraction):
        value = EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return value.quantize(unit, ROUND_HALF_UP, EXACT)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half-up to the minor unit."""
    return to_unit(amount, quantum(currency))


def allocate(amount: Decimal, shares: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """Split an amount by shares into multiples of `unit` that sum to it (largest remainder; row 21).

    Equal remainders favour the earlier share. Shares need not sum to 1, but to more than 0, or `ValueError` is raised.
    """
    with localcontext(EXACT):
        whole = sum(shares, Decimal(0))
        if whole <= 0:
            raise ValueError("shares must have a positive sum")
        return apportion(amount, [amount * share / whole for share in shares], unit)


def apportion(amount: Decimal, exact: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """Round parts of either sign to multiples of `unit` that sum to `amount`, a multiple too (largest remainder).

    The parts sum to the amount before it was rounded. Equal remainders favour the earlier part, and no part moves by a
    unit or more.
    """
    if len(exact) == 1:
        return [amount]
    parts = [((value / unit).to_integral_value(ROUND_DOWN) * unit).quantize(unit) for value in exact]
    left = int((amount - sum(parts, Decimal(0))) / unit)
    if not left:
        return parts
    step = unit.copy_sign(left)
    gained = [(value - part) * step for value, part in zip(exact, parts, strict=True)]
    for i in sorted(range(len(parts)), key=lambda i: (-gained[i], i))[: abs(left)]:
        parts[i] += step
    return parts


def plain(number: Decimal) -> str:
    """All digits of a number and no idle zeros: the same number always looks the same."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
