"""Rounding and allocation (semantics rule 1)."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import allocate, apportion, plain, quantum, rounded, to_unit

amounts = st.decimals("-1000000", "1000000", places=2)
shares = st.lists(st.decimals("0", "1000", places=4), min_size=1, max_size=20).filter(lambda s: sum(s) > 0)


@given(amounts, shares, st.sampled_from(["0.01", "0.001", "1", "0.05"]))
def test_parts_sum_to_the_whole_whenever_the_whole_is_a_multiple_of_the_unit(
    amount: Decimal, shares: list[Decimal], unit: str
) -> None:
    step = Decimal(unit)
    amount = (amount / step).quantize(Decimal(1)) * step
    parts = allocate(amount, shares, step)
    assert sum(parts, Decimal(0)) == amount
    assert all(part % step == 0 for part in parts)


@given(amounts, shares)
def test_no_part_is_a_unit_or_more_away_from_its_share(amount: Decimal, shares: list[Decimal]) -> None:
    whole = sum(shares, Decimal(0))
    for part, share in zip(allocate(amount, shares, Decimal("0.01")), shares, strict=True):
        assert abs(part - amount * share / whole) < Decimal("0.01")


@given(amounts, st.decimals("0.0001", "1000", places=4), st.integers(1, 20))
def test_equal_shares_differ_by_at_most_a_unit(amount: Decimal, share: Decimal, count: int) -> None:
    parts = allocate(amount, [share] * count, Decimal("0.01"))
    assert max(parts) - min(parts) <= Decimal("0.01")


def test_equal_remainders_favour_the_earlier_share() -> None:
    assert allocate(Decimal(1), [Decimal(1)] * 3, Decimal("0.5")) == [Decimal("0.5"), Decimal("0.5"), Decimal(0)]


def test_a_refund_is_allocated_as_the_sale_was() -> None:
    sale = allocate(Decimal(100), [Decimal(1)] * 3, Decimal("0.01"))
    assert allocate(Decimal(-100), [Decimal(1)] * 3, Decimal("0.01")) == [-part for part in sale]


@pytest.mark.parametrize("shares", [[], [Decimal(0)], [Decimal(1), Decimal(-1)]])
def test_shares_without_a_positive_sum_are_refused(shares: list[Decimal]) -> None:
    with pytest.raises(ValueError, match="positive"):
        allocate(Decimal(1), shares, Decimal("0.01"))


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [("2.345", "USD", "2.35"), ("-2.345", "USD", "-2.35"), ("2.5", "JPY", "3"), ("1.0005", "KWD", "1.001")],
)
def test_amounts_round_half_up_to_the_minor_unit(amount: str, currency: str, expected: str) -> None:
    assert str(rounded(Decimal(amount), currency)) == expected


@pytest.mark.parametrize("size", [1, 10**27, 10**40])
def test_a_number_of_any_size_is_rounded_once(size: int) -> None:
    just_below, tie = Fraction(size) + Fraction(5, 1000) - Fraction(1, 10**50), Fraction(size) + Fraction(5, 1000)
    assert [to_unit(just_below, Decimal("0.01")), to_unit(tie, Decimal("0.01"))] == [
        Decimal(f"{size}.00"),
        Decimal(f"{size}.01"),
    ]


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="XXQ"):
        quantum("XXQ")


@given(st.lists(st.integers(-(10**7), 10**7).map(lambda digits: Decimal(digits).scaleb(-4)), max_size=20))
def test_parts_of_either_sign_are_rounded_to_the_rounded_whole(exact: list[Decimal]) -> None:
    whole = rounded(sum(exact, Decimal(0)), "EUR")
    parts = apportion(whole, exact, Decimal("0.01"))
    assert sum(parts, Decimal(0)) == whole
    assert all(abs(part - value) < Decimal("0.01") for part, value in zip(parts, exact, strict=True))


@pytest.mark.parametrize(
    ("number", "text"),
    [("1.50", "1.5"), ("100.00", "100"), ("100", "100"), ("1E+3", "1000"), ("-0.00", "0"), ("1E-7", "0.0000001")],
)
def test_the_same_number_always_looks_the_same(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


def test_no_digit_is_lost() -> None:
    digits = "0." + "123456789" * 9
    assert plain(Decimal(digits)) == digits
