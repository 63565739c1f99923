"""Rows of semantics.md that concern pay, under their numbers. Rows 20, 27 and 28 are with credits and quotas."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.calendar import PeriodKind
from domain.incentives.amortization import schedule
from domain.incentives.components import Commission, Curve, Spiff
from domain.incentives.inputs import Cancellation, Carry, Standing
from domain.incentives.payout import calculate, calculate_all
from domain.incentives.terms import (
    Cap,
    CapScope,
    ClawbackWindow,
    CreditRole,
    CurveStep,
    Draw,
    Gate,
    Measure,
    Scale,
    Sharing,
    Threshold,
    ThresholdKind,
    TieBreak,
    Tier,
    TierMode,
    UnitTier,
)
from domain.money import allocate
from tests.domain.incentives.cases import D, amounts, deals, paid, payee, plan

RETROACTIVE = TierMode.RETROACTIVE


def tiers(*edges: tuple[str, str], mode: TierMode = TierMode.MARGINAL) -> tuple[Tier, ...]:
    return tuple(Tier(start=D(start), rate=D(rate), mode=mode) for start, rate in edges)


def commission(*edges: tuple[str, str], mode: TierMode = TierMode.MARGINAL, **terms: Any) -> Commission:
    return Commission(key="commission", tiers=tiers(*edges, mode=mode), **terms)


ROW_3 = (("0", "0.03"), ("300000", "0.05"), ("500000", "0.07"))
ROW_9 = (("0", "0.05"), ("100000", "0.06"), ("125000", "0.07"))


def test_row_1_attainment() -> None:
    component = Commission(key="c", tiers=tiers(("0", "0.1")), by=Scale.ATTAINMENT)
    (earned,) = calculate(plan(component), payee(70_000, quota=90_000)).earned
    assert [earned.base, earned.quota, earned.attainment] == [70_000, 90_000, D("0.777778")]


def test_row_3_marginal_tiers() -> None:
    assert paid(plan(commission(*ROW_3)), payee(600_000)) == 26_000


def test_row_4_row_3_retroactive() -> None:
    assert paid(plan(commission(*ROW_3, mode=RETROACTIVE)), payee(600_000)) == 42_000


def test_row_5_marginal_one_deal_crosses() -> None:
    result = calculate(plan(commission(("0", "0.04"), ("150000", "0.06"))), payee(145_000, 20_000))
    assert amounts(result) == [5_800, 1_100]


def test_row_6_retroactive_and_marginal() -> None:
    edges = (("0", "0.5"), ("100000", "0.6"))
    assert paid(plan(commission(*edges, mode=RETROACTIVE)), payee(180_000)) == 108_000
    assert paid(plan(commission(*edges)), payee(180_000)) == 98_000


def test_row_7_no_gap_in_brackets() -> None:
    assert paid(plan(commission(("0", "0.25"), ("500", "0.3"))), payee(1_500)) == D("425.00")


@pytest.mark.parametrize(
    ("sold", "earned"), [("16499", "824.95"), ("16500", "1650"), ("33000", "3300"), ("40000", "4700")]
)
def test_row_8_decelerator_retroactive_accelerator(sold: str, earned: str) -> None:
    component = Commission(
        key="c",
        by=Scale.ATTAINMENT,
        tiers=(
            Tier(start=D(0), rate=D("0.05")),
            Tier(start=D("0.5"), rate=D("0.1"), mode=RETROACTIVE),
            Tier(start=D(1), rate=D("0.2")),
        ),
    )
    assert paid(plan(component), payee(sold, quota=33_000)) == D(earned)


def test_row_9_accelerator() -> None:
    assert paid(plan(commission(*ROW_9)), payee(150_000)) == 8_250


@pytest.mark.parametrize(
    ("sold", "so_far", "earned"),
    [(50_000, 50_000, 2_500), (75_000, 125_000, 3_750), (200_000, 325_000, 10_000), (200_000, 400_000, 11_750)],
)
def test_row_10_annual_gate_on_the_accelerator_of_row_9(sold: int, so_far: int, earned: int) -> None:
    gate = Gate(at_least=D(1), period=PeriodKind.YEAR)
    first, *faster = tiers(*ROW_9)
    component = Commission(key="c", tiers=(first, *(replace(tier, gate=gate) for tier in faster)))
    year = Standing(measure=Measure.REVENUE, period=PeriodKind.YEAR, attained=D(so_far), quota=D(400_000))
    assert paid(plan(component), payee(sold, standings=(year,))) == earned


def test_row_10_ungated() -> None:
    assert paid(plan(commission(*ROW_9)), payee(200_000)) == 11_750


@pytest.mark.parametrize(("tie_break", "earned"), [(TieBreak.LOWER, 26_250), (TieBreak.UPPER, 37_500)])
def test_row_11_tie_on_an_edge(tie_break: TieBreak, earned: int) -> None:
    edges = (("0", "0.0175"), ("1500000", "0.025"))
    component = commission(*edges, mode=RETROACTIVE, tie_break=tie_break)
    assert paid(plan(component), payee(1_500_000)) == earned


@pytest.mark.parametrize(("sold", "earned"), [(690_000, 0), (700_000, 70_000)])
def test_row_12_cliff(sold: int, earned: int) -> None:
    component = Commission(key="c", rate=D("0.1"), threshold=Threshold(at=D("0.7")))
    assert paid(plan(component), payee(sold, quota=1_000_000)) == earned


def test_row_13_incremental_threshold() -> None:
    threshold = Threshold(at=D(10_000), by=Scale.AMOUNT, kind=ThresholdKind.INCREMENTAL)
    component = Commission(key="c", rate=D("0.07"), threshold=threshold)
    assert paid(plan(component), payee(15_000)) == 350


@pytest.mark.parametrize(("attained", "percent"), [("79.99", 0), ("80", 40), ("110", 65), ("150", 80)])
def test_row_14_payout_curve_with_cap_in_percent_of_base(attained: str, percent: int) -> None:
    steps = (
        CurveStep(start=D("0.8"), payout=D("0.4"), slope=D("0.5")),
        CurveStep(start=D(1), payout=D("0.5"), slope=D("1.5")),
    )
    component = Curve(key="c", target=D(100), steps=steps, at_most=D("0.8"))
    assert paid(plan(component), payee(attained, quota=100)) == percent


def test_row_15_hard_cap() -> None:
    component = Commission(key="c", rate=D("0.03"), caps=(Cap(amount=D(10_000)),))
    assert paid(plan(component), payee(400_000)) == 10_000


def test_row_16_recoverable_draw() -> None:
    terms = plan(Commission(key="c", rate=D(1)), draw=Draw(amount=D(2_000)))
    carry, payments, owed = Carry(), [], []
    for earned in (2_750, 3_000, 1_500, 2_375, 3_000, 2_750):
        inputs = payee(earned, carry=carry)
        payments.append(paid(terms, inputs))
        carry = calculate(terms, inputs).carry
        owed.append(carry.owed)
    assert payments == [2_750, 3_000, 2_000, 2_000, 2_875, 2_750]
    assert owed == [0, 0, 500, 125, 0, 0]


def test_row_17_clawback() -> None:
    terms = plan(Commission(key="c", rate=D("0.1")), clawback=(ClawbackWindow(days=180, share=D("0.5")),))
    gone = Cancellation(deal="d", closed_on=date(2026, 11, 2), cancelled_on=date(2027, 1, 20), paid=D(10_000))
    assert paid(terms, payee(cancellations=(gone,))) == -5_000


def test_row_18_clawback_of_what_was_paid() -> None:
    terms = plan(Commission(key="c", rate=D("0.1")), clawback=(ClawbackWindow(days=90),))
    gone = Cancellation(deal="d", closed_on=date(2027, 1, 4), cancelled_on=date(2027, 2, 1), paid=D(500))
    pending, cancelled = payee(5_000), payee(cancellations=(gone,))
    assert [paid(terms, pending), paid(terms, cancelled)] == [500, -500]


def test_row_19_a_refund_drops_a_retroactive_tier() -> None:
    terms = plan(commission(("0", "0.04"), ("150000", "0.08"), mode=RETROACTIVE))
    before, after = paid(terms, payee(60_000, 100_000)), paid(terms, payee(60_000, 100_000, -20_000))
    assert [before, after, after - before] == [12_800, 5_600, -7_200]


def test_row_21_residual() -> None:
    assert allocate(D(100), [D(1)] * 3, D("0.01")) == [D("33.34"), D("33.33"), D("33.33")]


def test_row_21_deals_share_what_rounding_leaves() -> None:
    terms = plan(Commission(key="c", rate=D("0.1")))
    third = D("333.3333")
    assert amounts(calculate(terms, payee(third, third, third))) == [D("33.34"), D("33.33"), D("33.33")]


def spiff(**terms: Any) -> Spiff:
    return Spiff(key="s", starts_on=date(2027, 1, 1), ends_on=date(2027, 4, 1), **terms)


def test_row_22_spiff_per_unit() -> None:
    assert paid(plan(spiff(per_unit=D(250))), payee(1, 1, 1, 1)) == 1_000


@pytest.mark.parametrize(("mode", "earned"), [(RETROACTIVE, 4_200), (TierMode.MARGINAL, 2_550)])
@pytest.mark.parametrize("measure", [Measure.UNITS, Measure.DEALS])
def test_row_23_spiff_tiers_of_seven_deals(measure: Measure, mode: TierMode, earned: int) -> None:
    steps = tuple(UnitTier(start=D(n), amount=D(a), mode=mode) for n, a in ((1, 250), (4, 400), (7, 600)))
    assert paid(plan(spiff(measure=measure, tiers=steps)), payee(*[1] * 7)) == earned


@pytest.mark.parametrize(("sharing", "parts"), [(Sharing.PRO_RATA, [600, 300]), (Sharing.FIRST_COME, [900, 0])])
def test_row_24_spiff_budget(sharing: Sharing, parts: list[int]) -> None:
    budget = Cap(amount=D(900), scope=CapScope.BUDGET, sharing=sharing)
    terms = plan(spiff(per_unit=D(450), caps=(budget,)))
    first = payee(1, 1, payee="first")
    second = replace(payee(1, payee="second"), credits=(replace(deals(1)[0], key="x", day=date(2027, 1, 9)),))
    assert [result.payable for _, result in calculate_all(terms, [second, first])] == parts[::-1]


def test_row_25_manager_override() -> None:
    team = payee(credits=deals(100_000, 200_000, role=CreditRole.TEAM))
    override = Commission(key="c", rate=D("0.03"), credits=CreditRole.TEAM)
    assert paid(plan(override), team) == 9_000
    above = Threshold(at=D(225_000), by=Scale.AMOUNT, kind=ThresholdKind.INCREMENTAL)
    assert paid(plan(replace(override, threshold=above)), team) == 2_250


def test_row_26_currency() -> None:
    terms = plan(Commission(key="c", rate=D("0.1")), currency="GBP")
    assert paid(terms, payee(1_000, currency="GBP")) == 100
    result = calculate(terms, payee(1_000, currency="USD", exchange_rate=D("1.22")))
    assert [result.payable, result.earned[0].amount] == [122, 100]


def test_row_40_amortise_15000_over_36_months() -> None:
    months = schedule(D(15_000), 36, "EUR", date(2027, 11, 15))
    assert [month.amount for month in months] == [D("416.67")] * 35 + [D("416.55")]
    assert (months[0].starts_on, months[-1].starts_on) == (date(2027, 11, 1), date(2030, 10, 1))
    assert months[-1].left == 0
