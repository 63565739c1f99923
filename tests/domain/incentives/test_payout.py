"""What the pipeline does where plans, facts and periods meet: reasons, windows, caps that run on, draws, traces."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.calendar import Period, PeriodKind
from domain.incentives.amortization import schedule
from domain.incentives.clawback import window_share
from domain.incentives.component import Component
from domain.incentives.components import Bonus, Commission, Curve, Mbo, Spiff
from domain.incentives.inputs import Carry, Inputs, Score, Standing, Used
from domain.incentives.outcome import LineKind, Reason
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
    Objective,
    Proration,
    Scale,
    Threshold,
    Tier,
    WithoutQuota,
)
from domain.incentives.trace import Mismatch, traced, verify
from tests.domain.incentives.cases import MONTH, YEAR, D, amounts, deals, paid, payee, plan

FEBRUARY = Period(date(2027, 2, 1), date(2027, 3, 1), PeriodKind.MONTH, "2027-02")
FLAT = Commission(key="c", rate=D("0.1"))
SLOPE = (CurveStep(start=D(0), payout=D(0), slope=D(1)),)


def kpi(value: int, period: PeriodKind = PeriodKind.MONTH) -> Standing:
    return Standing(measure=Measure.KPI, kpi="calls", period=period, attained=D(value))


def why(component: Component, inputs: Inputs) -> Reason | None:
    result = calculate(plan(component), inputs)
    assert result.payable == 0
    assert result.lines == ()
    (earned,) = result.earned
    return earned.reason


BY_ATTAINMENT = Commission(key="c", by=Scale.ATTAINMENT, tiers=(Tier(start=D(0), rate=D("0.1")),))
CALLS = replace(FLAT, measure=Measure.KPI, kpi="calls", rate=D(3))


@pytest.mark.parametrize(
    ("component", "inputs", "reason"),
    [
        (BY_ATTAINMENT, payee(100), Reason.NO_QUOTA),
        (BY_ATTAINMENT, payee(100, quota=0), Reason.QUOTA_ZERO),
        (replace(FLAT, threshold=Threshold(at=D("0.5"))), payee(100), Reason.NO_QUOTA),
        (Curve(key="c", target=D(1), steps=SLOPE), payee(100), Reason.NO_QUOTA),
        (Curve(key="c", steps=SLOPE), payee(100, quota=100), Reason.NO_TARGET),
        (Bonus(key="c", amount=D(1), at=D(1)), payee(100), Reason.NO_QUOTA),
        (Mbo(key="c"), payee(), Reason.NO_TARGET),
        (Mbo(key="c", target=D(1)), payee(), Reason.NO_VALUE),
        (CALLS, payee(), Reason.NO_VALUE),
        (replace(FLAT, gates=(Gate(at_least=D(1)),)), payee(100), Reason.GATE_CLOSED),
        (FLAT, payee(100, on_plan=()), Reason.NOT_ON_PLAN),
        (FLAT, payee(), None),
    ],
)
def test_what_pays_nothing_says_why(component: Component, inputs: Inputs, reason: Reason | None) -> None:
    assert why(component, inputs) is reason


def test_without_a_quota_the_first_tier_may_pay() -> None:
    first = replace(BY_ATTAINMENT, without_quota=WithoutQuota.FIRST_TIER, threshold=Threshold(at=D("0.5")))
    assert paid(plan(first), payee(1_000)) == 100
    by_amount = replace(first, threshold=Threshold(at=D(2_000), by=Scale.AMOUNT))
    assert paid(plan(by_amount), payee(1_000)) == 0


def test_a_kpi_is_paid_by_its_value_and_opens_gates() -> None:
    assert paid(plan(CALLS), payee(standings=(kpi(120),))) == 360
    gate = Gate(at_least=D(100), by=Scale.AMOUNT, measure=Measure.KPI, kpi="calls")
    gated = replace(FLAT, gates=(gate,))
    assert paid(plan(gated), payee(1_000, standings=(kpi(100),))) == 100
    assert paid(plan(gated), payee(1_000, standings=(kpi(99),))) == 0
    of_year = replace(FLAT, gates=(replace(gate, period=PeriodKind.YEAR),))
    assert paid(plan(of_year), payee(1_000, standings=(kpi(100), kpi(99, PeriodKind.YEAR)))) == 0


def test_only_credits_of_its_role_products_days_and_measure_count() -> None:
    own, team, other, late, before = deals(100, 200, 400, 800, 1_600)
    credits_ = (
        replace(own, product="core", margin=D(30), share=D("0.5")),
        replace(team, product="core", role=CreditRole.TEAM),
        replace(other, product="extra"),
        replace(late, product="core", day=date(2027, 2, 1)),
        replace(before, product="core", day=date(2026, 12, 31)),
    )
    inputs = payee(credits=credits_)
    core = replace(FLAT, rate=D(1), products=("core",))
    assert paid(plan(core), inputs) == 100
    assert paid(plan(replace(core, products=())), inputs) == 500
    assert paid(plan(replace(core, credits=CreditRole.TEAM)), inputs) == 200
    assert paid(plan(replace(core, measure=Measure.MARGIN)), inputs) == 30
    assert paid(plan(replace(core, measure=Measure.UNITS)), inputs) == 1
    assert paid(plan(replace(core, measure=Measure.DEALS)), inputs) == D("0.5")
    from_third = replace(inputs, on_plan=((date(2027, 1, 3), date(2027, 2, 1)),))
    assert paid(plan(replace(core, products=())), from_third) == 400
    until_third = replace(inputs, on_plan=((date(2027, 1, 1), date(2027, 1, 3)),))
    assert paid(plan(replace(core, products=())), until_third) == 100


def test_a_credit_is_converted_at_the_rate_on_its_record() -> None:
    (credit,) = deals(1_000)
    inputs = payee(credits=(replace(credit, currency="USD", exchange_rate=D("0.91")),))
    assert paid(plan(FLAT), inputs) == 91


def test_a_spiff_counts_on_from_month_to_month_and_ends_with_its_window() -> None:
    window: dict[str, Any] = {"key": "s", "starts_on": date(2027, 1, 5), "ends_on": date(2027, 2, 10)}
    sold = tuple(
        replace(credit, key=str(i), day=day)
        for i, (credit, day) in enumerate(
            zip(
                deals(1, 1, 1, 1),
                (date(2027, 1, 4), date(2027, 1, 20), date(2027, 2, 3), date(2027, 2, 10)),
                strict=True,
            )
        )
    )
    january = payee(credits=sold, on_plan=((date(2027, 1, 1), date(2027, 3, 1)),))
    february = replace(january, period=FEBRUARY)
    prize = plan(Spiff(**window, lump_sum=D(500), at=D(2)))
    assert [paid(prize, january), paid(prize, february)] == [0, 500]
    early = plan(Spiff(**window, lump_sum=D(500), at=D(1)))
    assert [paid(early, january), paid(early, february)] == [500, 0]
    each = plan(Spiff(**window, per_unit=D(50)))
    assert [paid(each, january), paid(each, february)] == [50, 50]


def test_objectives_may_be_the_payees_own() -> None:
    inputs = payee(
        target=D(900),
        scores=(
            Score(component="c", objective="b", score=D("0.5"), name="B", weight=D(2)),
            Score(component="c", objective="a", score=D(1), name="A", weight=D(1)),
            Score(component="other", objective="a", score=D(1)),
        ),
    )
    assert paid(plan(Mbo(key="c")), inputs) == 600
    of_plan = Mbo(key="c", objectives=(Objective(key="a", name="A", weight=D(1)),))
    assert paid(plan(of_plan), inputs) == 900


def test_a_cap_over_the_life_of_a_plan_runs_on() -> None:
    terms = plan(replace(FLAT, caps=(Cap(amount=D(250), scope=CapScope.PLAN),)))
    carry, payments = Carry(), []
    for sold in (1_000, 1_000, 1_000, 1_000, -1_000):
        inputs = payee(sold, carry=carry)
        payments.append(paid(terms, inputs))
        carry = calculate(terms, inputs).carry
    assert payments == [100, 100, 50, 0, -100]
    assert carry.used == (Used(component="c", amount=D(150)),)


def test_caps_of_the_plan_take_from_all_components_together() -> None:
    two = (FLAT, replace(FLAT, key="d"))
    terms = plan(*two, caps=(Cap(amount=D(150)), Cap(amount=D(1_000), scope=CapScope.PLAN)))
    result = calculate(terms, payee(1_000, currency="USD", exchange_rate=D("1.1")))
    assert amounts(result) == [110, 110]
    assert amounts(result, LineKind.CAP) == [-55]
    assert result.carry.used == (Used(component=None, amount=D(150)),)
    nearly = payee(1_000, carry=Carry(used=(Used(component=None, amount=D(900)),)))
    assert paid(terms, nearly) == 100


def test_a_budget_of_the_plan_is_shared_by_all_components() -> None:
    terms = plan(FLAT, replace(FLAT, key="d"), caps=(Cap(amount=D(300), scope=CapScope.BUDGET),))
    first, second = payee(1_000, payee="first"), payee(1_000, payee="second")
    assert [result.payable for _, result in calculate_all(terms, [first, second])] == [200, 100]
    assert [result.payable for _, result in calculate_all(terms, [first, second], {None: D(250)})] == [50, 0]
    (again, result), _ = calculate_all(terms, [first, second], {None: D(250)})
    assert calculate(terms, again) == result


def test_what_nobody_needs_of_a_budget_is_left() -> None:
    terms = plan(replace(FLAT, caps=(Cap(amount=D(1_000), scope=CapScope.BUDGET),)))
    assert [result.payable for _, result in calculate_all(terms, [payee(1_000), payee(500, payee="b")])] == [100, 50]


@pytest.mark.parametrize(
    ("terms", "opens_year", "expected", "owed"),
    [
        ({}, False, 1_900, 0),
        ({}, True, 1_900, 0),
        ({"carry_forward": False}, False, 1_900, 0),
        ({"carry_forward": False}, True, 2_000, 0),
        ({"amount": D(2_500)}, False, 2_500, 600),
        ({"amount": D(2_500), "recoverable": False}, False, 2_500, 100),
    ],
)
def test_draws(terms: dict[str, Any], opens_year: bool, expected: int, owed: int) -> None:
    draw = Draw(**{"amount": D(1_000), **terms})
    inputs = payee(20_000, carry=Carry(owed=D(100)), opens_year=opens_year)
    result = calculate(plan(FLAT, draw=draw), inputs)
    assert paid(plan(FLAT, draw=draw), inputs) == expected
    assert result.carry.owed == owed


def test_a_draw_shrinks_with_the_days_on_the_plan() -> None:
    terms, late = plan(FLAT, draw=Draw(amount=D(3_100))), ((date(2027, 1, 22), date(2027, 2, 1)),)
    assert paid(terms, payee(on_plan=late)) == 1_000
    whole = plan(FLAT, draw=Draw(amount=D(3_100), proration=Proration.NONE))
    assert paid(whole, payee(on_plan=late)) == 3_100
    assert paid(whole, payee(on_plan=())) == 0


def test_what_is_owed_outlives_the_draw() -> None:
    inputs = payee(5_000, carry=Carry(owed=D(800)))
    result = calculate(plan(FLAT), inputs)
    assert [paid(plan(FLAT), inputs), result.carry.owed] == [0, 300]


def test_a_negative_month_is_paid_back_from_the_draw() -> None:
    result = calculate(plan(FLAT, draw=Draw(amount=D(100))), payee(-500))
    assert [result.payable, result.carry.owed] == [100, 150]


@pytest.mark.parametrize(("day", "share"), [(1, 1), (31, 1), (32, "0.5"), (61, "0.5"), (62, 0)])
def test_clawback_windows_hold_their_last_day(day: int, share: int | str) -> None:
    windows = (ClawbackWindow(days=60, share=D("0.5")), ClawbackWindow(days=30))
    cancelled = date.fromordinal(date(2027, 1, 1).toordinal() + day - 1)
    assert window_share(windows, date(2027, 1, 1), cancelled) == D(share)
    assert window_share((), date(2020, 1, 1), cancelled) == 1


def test_a_yearly_plan_pays_by_the_quota_of_the_year() -> None:
    terms = plan(BY_ATTAINMENT, Bonus(key="b", amount=D(5), at=D(1)), period=PeriodKind.YEAR)
    quota = Standing(measure=Measure.REVENUE, period=PeriodKind.YEAR, attained=D(0), quota=D(100))
    days = ((YEAR.starts_on, YEAR.ends_on),)
    assert paid(terms, payee(100, period=YEAR, longer=(), on_plan=days, standings=(quota,))) == 15


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "other"}, "no trace of the format"),
        ({"payable": "99"}, "the trace says 99"),
        ({"plan": {}}, "cannot be read"),
        ({"inputs": None}, "cannot be read"),
        ({"steps": []}, "the steps to 0"),
        ({"lines": []}, "The lines come to 0"),
        ({"more": 1}, "other steps or lines"),
        ({"steps": [{"id": "a", "label": "", "op": "guess", "args": [], "value": "1"}]}, "cannot be read"),
        ({"steps": "none"}, "cannot be read"),
        ({"steps": [{"id": "a", "label": "", "op": "sum", "args": [1], "value": "1"}]}, "cannot be read"),
    ],
)
def test_a_trace_that_is_none_says_what_is_wrong(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Mismatch, match=said):
        verify(traced(plan(FLAT), payee(1_000))[1] | changes)


def test_a_trace_with_another_plan_names_the_first_step_that_differs() -> None:
    _, trace = traced(plan(FLAT), payee(1_000))
    trace["plan"]["components"][0]["rate"] = "0.2"
    with pytest.raises(Mismatch, match="c/base/tier/0"):
        verify(trace)


def test_a_trace_in_no_currency_cannot_be_read() -> None:
    _, trace = traced(plan(FLAT), payee(1_000))
    trace["inputs"]["currency"] = "ECU"
    with pytest.raises(Mismatch, match="cannot be read: 'ECU' is not"):
        verify(trace)


def test_a_schedule_of_no_months_is_refused() -> None:
    assert [month.amount for month in schedule(D(-100), 3, "EUR", MONTH.starts_on)] == [D("-33.33")] * 2 + [D("-33.34")]
    with pytest.raises(ValueError, match="month"):
        schedule(D(1), 0, "EUR", MONTH.starts_on)
