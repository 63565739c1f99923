"""What holds for every plan and everybody on it."""

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendar import Period, PeriodKind
from domain.incentives.budget import shared
from domain.incentives.check import flaws
from domain.incentives.codec import from_json, to_json
from domain.incentives.components import Commission
from domain.incentives.document import dump, parse
from domain.incentives.inputs import Carry, Credit, Inputs, Standing
from domain.incentives.outcome import Claim, LineKind
from domain.incentives.payout import calculate
from domain.incentives.plan import Plan
from domain.incentives.tally import Credited
from domain.incentives.terms import Cap, CreditRole, Draw, Measure, Scale, Sharing, TieBreak, Tier, TierMode
from domain.incentives.tiers import Schedule, brackets
from domain.incentives.trace import Mismatch, traced, verify
from domain.incentives.trail import Detail
from domain.money import quantum, rounded
from tests.domain.incentives import strategies
from tests.domain.incentives.cases import YEAR, D, amounts, deals, payee, plan, total

ONE = D(1)


@settings(max_examples=40)
@given(strategies.plans())
def test_a_plan_survives_json_and_yaml(terms: Plan) -> None:
    assert flaws(terms) == []
    assert from_json(Plan, to_json(terms)) == terms
    assert parse(dump("plan", terms)) == ("plan", terms)


@given(strategies.plans(), strategies.payees(), st.randoms(use_true_random=False))
def test_a_trace_executes_to_the_same_cent_whatever_the_order_of_deals(
    terms: Plan, inputs: Inputs, shuffle: random.Random
) -> None:
    result, trace = traced(terms, inputs)
    assert from_json(Inputs, to_json(inputs)) == inputs
    assert verify(trace) == result.payable == calculate(terms, inputs).payable
    mixed = replace(
        inputs,
        credits=tuple(shuffle.sample(inputs.credits, len(inputs.credits))),
        standings=tuple(shuffle.sample(inputs.standings, len(inputs.standings))),
        scores=tuple(shuffle.sample(inputs.scores, len(inputs.scores))),
    )
    assert traced(terms, mixed) == (result, trace)


@settings(max_examples=40)
@given(strategies.plans(), strategies.payees())
def test_parts_sum_to_the_whole(terms: Plan, inputs: Inputs) -> None:
    result, unit = calculate(terms, inputs), quantum(inputs.currency)
    assert result.payable == total(line.amount for line in result.lines)
    assert all(line.amount % unit == 0 for line in result.lines)
    assert len({line.key for line in result.lines}) == len(result.lines)
    for earned in result.earned:
        of = [line for line in result.lines if line.component == earned.component]
        assert total(line.amount for line in of) == rounded(earned.amount * inputs.exchange_rate, inputs.currency)
        assert all(abs(line.amount - (line.exact or 0) * inputs.exchange_rate) < unit for line in of)


@given(strategies.plans(), strategies.payees(), strategies.deals("later"))
def test_totals_are_those_of_lines_and_other_periods_do_not_count(terms: Plan, inputs: Inputs, later: Credit) -> None:
    result = calculate(terms, inputs)
    everything = (*inputs.credits, replace(later, day=inputs.period.ends_on))
    credited = Credited(everything).on([(start, date.max) for start, _ in inputs.on_plan])
    assert calculate(terms, inputs, credited) == result
    totals = calculate(terms, inputs, credited, detail=Detail.TOTALS)
    assert (totals.payable, totals.carry, totals.earned) == (result.payable, result.carry, result.earned)
    assert totals.claims == result.claims


def test_idle_zeros_make_no_other_trace() -> None:
    terms = plan(Commission(key="c", rate=D("0.1")))
    same = plan(Commission(key="c", rate=D("0.10")))
    short, long = payee("100", exchange_rate=D(1)), payee("100.00", exchange_rate=D("1.00"))
    assert traced(terms, short)[1] == traced(same, long)[1]


@settings(max_examples=40)
@given(strategies.plans(), strategies.payees(), st.data())
def test_a_trace_that_was_touched_is_found_out(terms: Plan, inputs: Inputs, data: st.DataObject) -> None:
    _, trace = traced(terms, inputs)
    numbers = [step for step in trace["steps"] if step["value"] is not None]
    places: list[dict[str, Any]] = [*numbers, *trace["lines"]]
    place = data.draw(st.sampled_from(places))
    name = "value" if "value" in place else "amount"
    place[name] = format(D(place[name]) + D("0.01"), "f")
    with pytest.raises(Mismatch):
        verify(trace)


@st.composite
def schedules(draw: st.DrawFn, *modes: TierMode) -> tuple[Tier, ...]:
    """Tiers with whole edges below 100."""
    starts = draw(strategies.edges("1", 99))
    return tuple(Tier(start=s, rate=draw(strategies.rates), mode=draw(st.sampled_from(modes))) for s in starts)


def unit_by_unit(tiers: tuple[Tier, ...], base: int, tie_break: TieBreak) -> Decimal:
    """What a base earns when every single unit of it looks for its own rate."""
    on_edge = 0 if tie_break is TieBreak.UPPER else 1
    reached = [i for i, tier in enumerate(tiers) if i == 0 or base >= tier.start + on_edge]
    lifting = max((i for i in reached if i and tiers[i].mode is TierMode.RETROACTIVE), default=0)
    return total(
        tiers[max(lifting, *(i for i in reached if i == 0 or unit >= tiers[i].start))].rate for unit in range(base)
    )


@given(schedules(*TierMode), st.integers(0, 120), st.sampled_from(TieBreak))
def test_the_walk_agrees_with_every_unit_looking_for_its_rate(
    tiers: tuple[Tier, ...], base: int, tie_break: TieBreak
) -> None:
    assert Schedule(brackets(tiers, D(base), ONE, tie_break)).due(D(base)) == unit_by_unit(tiers, base, tie_break)


@given(schedules(TierMode.MARGINAL), st.integers(0, 120), st.integers(0, 50))
def test_marginal_pay_never_falls_and_never_jumps(tiers: tuple[Tier, ...], base: int, more: int) -> None:
    def due(at: int, tie_break: TieBreak) -> Decimal:
        return Schedule(brackets(tiers, D(at), ONE, tie_break)).due(D(at))

    low, high = due(base, TieBreak.UPPER), due(base + more, TieBreak.UPPER)
    assert low == due(base, TieBreak.LOWER)
    assert 0 <= high - low <= more * max(tier.rate for tier in tiers)


@given(schedules(*TierMode), st.lists(st.integers(-90, 90), min_size=1, max_size=8))
def test_what_deals_earn_sums_to_what_their_base_earns(tiers: tuple[Tier, ...], values: list[int]) -> None:
    base = D(sum(values))
    schedule = Schedule(brackets(tiers, base, ONE, TieBreak.UPPER))
    position, paid = D(0), D(0)
    for value in values:
        paid += total(width * rate for width, rate in schedule.pieces(position, position + value))
        position += value
    assert paid == schedule.due(base)


@given(strategies.commissions("c"), st.lists(strategies.amounts, max_size=6), st.none() | st.just(D(20_000)))
def test_a_reversal_of_everything_ends_at_zero(
    component: Commission, sold: list[Decimal], quota: Decimal | None
) -> None:
    terms = plan(replace(component, credits=CreditRole.DIRECT, products=(), caps=()))
    back = [replace(credit, key=f"{credit.key}r", revenue=-credit.revenue, units=D(-1)) for credit in deals(*sold)]
    inputs = payee(*sold, quota=quota)
    assert calculate(terms, replace(inputs, credits=(*inputs.credits, *back))).payable == 0


@st.composite
def years(draw: st.DrawFn) -> tuple[Credit, ...]:
    """Deals of a year."""
    days = draw(st.lists(st.dates(YEAR.starts_on, YEAR.ends_on - timedelta(days=1)), max_size=12))
    sold = deals(*(draw(strategies.amounts) for _ in days))
    return tuple(replace(credit, day=day) for credit, day in zip(sold, days, strict=True))


@given(strategies.tiers(Scale.ATTAINMENT, gated=False), st.sampled_from(TieBreak), years())
def test_months_of_a_cumulative_commission_sum_to_the_year(
    tiers: tuple[Tier, ...], tie_break: TieBreak, sold: tuple[Credit, ...]
) -> None:
    monthly = Commission(key="c", tiers=tiers, by=Scale.ATTAINMENT, tie_break=tie_break, cumulative=PeriodKind.YEAR)
    quota = Standing(measure=Measure.REVENUE, period=PeriodKind.YEAR, attained=D(0), quota=D(100_000))
    days = ((YEAR.starts_on, YEAR.ends_on),)
    everything = payee(credits=sold, standings=(quota,), on_plan=days)
    months = [date(2027, month, 1) for month in range(1, 13)] + [YEAR.ends_on]
    paid = [
        calculate(plan(monthly), replace(everything, period=Period(start, end, PeriodKind.MONTH, ""))).earned[0].amount
        for start, end in pairwise(months)
    ]
    yearly = plan(replace(monthly, cumulative=None), period=PeriodKind.YEAR)
    assert total(paid) == calculate(yearly, replace(everything, period=YEAR)).earned[0].amount


@given(st.lists(strategies.decimals("0", "5000", 2), min_size=1, max_size=12), strategies.decimals("1", "3000", 2))
def test_a_recoverable_draw_is_an_advance_and_no_gift(earned: list[Decimal], least: Decimal) -> None:
    terms = plan(Commission(key="c", rate=ONE), draw=Draw(amount=least))
    carry, paid = Carry(), []
    for amount in earned:
        result = calculate(terms, payee(amount, carry=carry))
        carry = result.carry
        paid.append(result.payable)
    assert total(paid) == total(earned) + carry.owed
    assert min(paid) >= least
    assert carry.owed >= 0


@given(st.lists(st.tuples(st.integers(0, 4), strategies.amounts), max_size=12), strategies.amounts)
@pytest.mark.parametrize("sharing", Sharing)
def test_a_budget_is_spent_and_never_overspent(
    sharing: Sharing, wanted: list[tuple[int, Decimal]], budget: Decimal
) -> None:
    claims = [Claim(f"rep{who}", "s", date(2027, 1, 1 + i), f"d{i}", amount) for i, (who, amount) in enumerate(wanted)]
    granted = shared(budget, sharing, claims, D("0.01"))
    asked = total(amount for _, amount in wanted)
    assert total(granted.values()) == min(asked, budget)
    for name, amount in granted.items():
        assert 0 <= amount <= total(claim.amount for claim in claims if claim.payee == name)
    mixed = shared(budget, sharing, claims[::-1], D("0.01"))
    assert mixed == granted


@settings(max_examples=40)
@given(strategies.plans(), strategies.payees())
def test_days_off_the_plan_count_for_nothing(terms: Plan, inputs: Inputs) -> None:
    result = calculate(terms, replace(inputs, on_plan=(), carry=Carry(), cancellations=()))
    assert result.payable == 0
    assert result.lines == ()


def test_lines_of_a_capped_period_end_when_the_cap_is_reached() -> None:
    capped = plan(Commission(key="c", rate=D("0.1"), caps=(Cap(amount=D(150)),)))
    assert amounts(calculate(capped, payee(1_000, 1_000, 1_000))) == [100, 50, 0]
    assert amounts(calculate(capped, payee(1_000, 1_000)), LineKind.CAP) == []
