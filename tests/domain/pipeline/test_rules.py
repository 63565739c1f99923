"""Shares, stretches of days and which telling holds."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from domain.pipeline import rules
from domain.pipeline.model import Activity, Deal, DealStatus
from sql.pool import uuid7

REPS = [uuid7() for _ in range(4)]
DEAL = Deal(
    "d1",
    deleted=False,
    rep_id=REPS[0],
    name="Cover",
    stage="Closed",
    status=DealStatus.WON,
    amount=Decimal(40000),
    currency="USD",
    exchange_rate=Decimal(1),
)


def test_row_20_split_credit() -> None:
    halves = replace(DEAL, splits=((REPS[0], Decimal("0.5")), (REPS[1], Decimal("0.5"))))
    assert [credit.amount for credit in rules.credits_of(halves, "USD")] == [Decimal(20_000), Decimal(20_000)]


def test_row_21_the_residual_cent_goes_to_the_largest_remainder() -> None:
    thirds = tuple((rep, Decimal(share)) for rep, share in zip(REPS, ("0.3334", "0.3333", "0.3333"), strict=False))
    credited = rules.credits_of(replace(DEAL, amount=Decimal("100.00"), splits=thirds), "USD")
    assert [credit.amount for credit in credited] == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]


def test_the_owner_is_credited_with_all_of_a_deal_without_splits() -> None:
    (credit,) = rules.credits_of(replace(DEAL, exchange_rate=Decimal("1.22"), amount=Decimal("1000.01")), "USD")
    assert (credit.rep_id, credit.share, credit.amount, credit.margin) == (
        REPS[0],
        Decimal(1),
        Decimal("1220.01"),
        None,
    )


@given(
    st.decimals(0, 10**9, places=3),
    st.decimals(-(10**6), 10**6, places=2),
    st.decimals(0, 100, places=6),
    st.lists(st.integers(1, 9_999), min_size=0, max_size=3, unique=True),
    st.sampled_from(["USD", "JPY", "KWD"]),
    st.decimals("0.0001", 1000, places=4),
)
def test_credits_sum_to_the_deal(
    amount: Decimal, margin: Decimal, units: Decimal, cuts: list[int], currency: str, rate: Decimal
) -> None:
    edges = [0, *sorted(cuts), 10_000]
    shares = [Decimal(end - start) / 10_000 for start, end in pairwise(edges)]
    deal = replace(
        DEAL,
        amount=amount,
        margin=margin,
        units=units,
        exchange_rate=rate,
        splits=tuple(zip(REPS, shares, strict=False)),
    )
    credited = rules.credits_of(deal, currency)
    whole = replace(deal, splits=())
    (all_of_it,) = rules.credits_of(whole, currency)
    for part in ("amount", "margin", "units"):
        assert sum(getattr(credit, part) for credit in credited) == getattr(all_of_it, part)
    assert all_of_it.units == units


def test_the_same_tellings_in_any_order_leave_the_newest() -> None:
    at = [datetime(2026, 11, day, tzinfo=UTC) for day in (2, 3, 4)]
    tellings = [
        Activity("c1", at[0], deleted=False, kind="CALL"),
        Activity("c1", at[1]),
        Activity("c1", at[1], deleted=False, kind="MEETING"),
        Activity("c1", at[2], deleted=False, kind="QUOTE"),
    ]
    for until, kind in ((4, "QUOTE"), (3, None)):
        for order in permutations(tellings[:until]):
            kept: Activity | None = None
            for telling in order:
                kept = rules.told(kept, telling) or kept
            assert kept is not None
            assert kept.kind == kind
