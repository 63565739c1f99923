"""A line is explained from its amount down to the deals."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from domain.calendar import PeriodKind
from domain.explain import Fact, Step, root
from domain.incentives.components import Commission
from domain.incentives.inputs import Carry, Inputs
from domain.incentives.plan import Plan
from domain.incentives.story import FORMULAS, deals_of, told
from domain.incentives.terms import Cap, Draw, Gate, Scale, Tier, TierMode
from domain.incentives.trace import OPERATIONS, traced
from tests.domain.incentives import strategies
from tests.domain.incentives.cases import D, payee, plan

ACCELERATED = plan(
    Commission(
        key="c",
        by=Scale.ATTAINMENT,
        tiers=(Tier(start=D(0), rate=D("0.05")), Tier(start=D(1), rate=D("0.1"), mode=TierMode.MARGINAL)),
        gates=(Gate(at_least=D("0.5"), period=PeriodKind.MONTH),),
        caps=(Cap(amount=D(1_600)),),
    ),
    draw=Draw(amount=D(100)),
)


def tree(terms: Plan, inputs: Inputs, key: str) -> dict[str, Step]:
    return {step.id: step for step in told(traced(terms, inputs)[1], key, (Fact("Plan", "p", "Version 1"),))}


def test_a_deal_that_crosses_the_quota_names_every_number_on_the_way() -> None:
    inputs = payee(15_000, 10_000, 5_000, quota=20_000, exchange_rate=D("1.1"), currency="USD")
    standings = (replace(inputs.standings[0], attained=D(30_000)),)
    open_gate = tree(ACCELERATED, replace(inputs, standings=standings), "c:d1")
    assert [(step.label, step.formula, step.value, step.unit) for step in open_gate.values()] == [
        ("Earned", "750 x 1.1, rounded to 0.01 so that 3 lines sum to 1760", D(825), "USD"),
        ("What the cap of the period leaves", "what 1600 leaves of 750 after 750", D(750), "EUR"),
        ("Earned for deal", "5000 x 0.05 + 5000 x 0.1", D(750), "EUR"),
        ("The gate is open", "30000 of 10000", D(1), ""),
        ("At these rates", "1000 + 1000", D(2_000), "EUR"),
        ("0.05 from 0 to 20000", "the part of 30000 from 0 to 20000 x 0.05", D(1_000), "EUR"),
        ("Credited", "0 + 15000 + 10000 + 5000", D(30_000), "EUR"),
        ("Before this period", "", D(0), "EUR"),
        ("Deal d0, closed on 2027-01-01", "15000 x 1", D(15_000), "EUR"),
        ("Deal d1, closed on 2027-01-02", "10000 x 1", D(10_000), "EUR"),
        ("Deal d2, closed on 2027-01-03", "5000 x 1", D(5_000), "EUR"),
        ("0.1 from 20000", "the part of 30000 from 20000 x 0.1", D(1_000), "EUR"),
        ("Attainment", "30000 / 20000", D("1.5"), "RATIO"),
        ("Quota of the month", "", D(20_000), "EUR"),
        ("Rounded", "1760 rounded half up to 0.01", D(1_760), "USD"),
        ("In the payee's currency", "1600 x 1.1", D(1_760), "USD"),
        ("Earned in all", "750 + 750 + 100", D(1_600), "EUR"),
    ]
    assert open_gate["line"].facts == (Fact("Plan", "p", "Version 1"),)
    assert open_gate["c/credit/d1"].facts == (Fact("Deal", "d1", "Deal d1, closed on 2027-01-02", D(10_000)),)


def test_deals_go_by_their_names_where_they_are_known() -> None:
    trace = traced(plan(Commission(key="c", rate=D("0.1"))), payee(15_000, 10_000))[1]
    assert deals_of(trace) == {"d0", "d1"}
    steps = {step.id: step for step in told(trace, "c:d0", names={"d1": "Harbor Mills"})}
    assert steps["c/credit/d0"].label == "Deal d0, closed on 2027-01-01"
    assert steps["c/credit/d1"].label == "Harbor Mills, closed on 2027-01-02"
    assert steps["c/credit/d1"].facts == (Fact("Deal", "d1", "Harbor Mills, closed on 2027-01-02", D(10_000)),)


def test_a_draw_is_explained_by_what_was_earned_until_then() -> None:
    steps = tree(plan(Commission(key="c", rate=D("0.1")), draw=Draw(amount=D(2_000))), payee(5_000), "draw")
    assert steps["line"].formula == "2000 - 500"
    assert steps["draw/earned"].value == 500
    terms = plan(Commission(key="c", rate=D(1)), draw=Draw(amount=D(2_000)))
    back = tree(terms, payee(2_375, carry=Carry(owed=D(500))), "recovery")
    assert back["line"].value == -375
    assert back["draw/back"].formula == "the smaller of 500 and 375"


def test_a_line_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError, match="bonus"):
        tree(ACCELERATED, payee(1), "bonus")


def test_every_operation_has_words() -> None:
    assert FORMULAS.keys() == OPERATIONS.keys() | {"given"}


@settings(max_examples=40)
@given(strategies.plans(), strategies.payees())
def test_every_line_has_one_tree(terms: Plan, inputs: Inputs) -> None:
    result, trace = traced(terms, inputs)
    for line in result.lines:
        found = told(trace, line.key)
        assert root(found).value == line.amount
        assert len(found) > 1
