"""Plans and inputs as JSON and back."""

from datetime import date
from decimal import Decimal

import pytest

from domain.calendar import Period, PeriodKind
from domain.errors import Rejected
from domain.incentives.codec import from_json, to_json
from domain.incentives.components import Bonus, Commission, Curve, Mbo, Spiff
from domain.incentives.inputs import Credit, Inputs
from domain.incentives.plan import Plan
from domain.incentives.terms import (
    Cap,
    CapScope,
    ClawbackWindow,
    CurveStep,
    Draw,
    Eligibility,
    Gate,
    Objective,
    Scale,
    Threshold,
    Tier,
    TierMode,
    UnitTier,
)

D = Decimal

EVERYTHING = Plan(
    name="Account executives 2027",
    currency="EUR",
    starts_on=date(2027, 1, 1),
    ends_on=date(2028, 1, 1),
    period=PeriodKind.QUARTER,
    eligibility=Eligibility(roles=("AE",), teams=("emea",)),
    components=(
        Commission(
            key="revenue",
            tiers=(
                Tier(start=D(0), rate=D("0.05")),
                Tier(start=D("0.5"), rate=D("0.1"), mode=TierMode.RETROACTIVE, gate=Gate(at_least=D(1))),
            ),
            by=Scale.ATTAINMENT,
            threshold=Threshold(at=D("0.3")),
            caps=(Cap(amount=D(10_000)),),
        ),
        Curve(key="margin", target=D(5_000), steps=(CurveStep(start=D("0.8"), payout=D("0.4"), slope=D("0.5")),)),
        Bonus(key="quota", amount=D(1_000), at=D(1)),
        Mbo(key="goals", objectives=(Objective(key="a", name="First", weight=D(1)),), at_most=None),
        Spiff(
            key="launch",
            starts_on=date(2027, 2, 1),
            ends_on=date(2027, 4, 1),
            tiers=(UnitTier(start=D(1), amount=D(250)),),
            caps=(Cap(amount=D(900), scope=CapScope.BUDGET),),
        ),
    ),
    draw=Draw(amount=D(2_000)),
    clawback=(ClawbackWindow(days=90),),
)

INPUTS = Inputs(
    payee="rep",
    currency="USD",
    exchange_rate=D("1.220000000000001"),
    period=Period(date(2027, 1, 1), date(2027, 4, 1), PeriodKind.QUARTER, "2027-Q1"),
    on_plan=((date(2027, 1, 1), date(2027, 4, 1)),),
    credits=(Credit(key="d1:rep", deal="d1", day=date(2027, 1, 3), currency="EUR", revenue=D("10.50")),),
)


def test_a_plan_and_inputs_come_back_as_they_were() -> None:
    assert from_json(Plan, to_json(EVERYTHING)) == EVERYTHING
    assert from_json(Inputs, to_json(INPUTS)) == INPUTS


def test_fields_are_spelled_as_in_the_graph_and_defaults_are_left_out() -> None:
    stored = to_json(EVERYTHING)
    assert stored["components"][0]["tiers"][1] == {
        "from": "0.5",
        "rate": "0.1",
        "mode": "RETROACTIVE",
        "gate": {"atLeast": "1"},
    }
    assert stored["components"][4]["type"] == "SPIFF"
    assert stored["startsOn"] == "2027-01-01"
    assert "tieBreak" not in stored["components"][0]


def test_every_problem_is_named_with_its_path_at_once() -> None:
    stored = to_json(EVERYTHING)
    stored["period"] = "FORTNIGHT"
    stored["startsOn"] = "2027-02-30"
    stored["components"][0]["tiers"][0]["rate"] = 0.05
    stored["components"][0]["tiers"][1]["form"] = "0.5"
    stored["components"][0]["tiers"][1]["mode"] = ["MARGINAL"]
    del stored["components"][1]["key"]
    stored["components"][2]["type"] = "LOTTERY"
    stored["components"][3]["objectives"] = {}
    stored["draw"] = 2000
    with pytest.raises(Rejected) as caught:
        from_json(Plan, stored)
    assert {(problem.code, problem.path) for problem in caught.value.problems} == {
        ("INVALID", ("period",)),
        ("INVALID", ("startsOn",)),
        ("INVALID", ("components", "0", "tiers", "0", "rate")),
        ("UNKNOWN_FIELD", ("components", "0", "tiers", "1", "form")),
        ("INVALID", ("components", "0", "tiers", "1", "mode")),
        ("REQUIRED", ("components", "1", "key")),
        ("INVALID", ("components", "2", "type")),
        ("INVALID", ("components", "3", "objectives")),
        ("INVALID", ("draw",)),
    }


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "1e15", "1e9999999", "1e-101", "1_0", True, 0.5, "a tenth", None]
)
def test_what_is_no_exact_decimal_is_refused(number: object) -> None:
    stored = to_json(EVERYTHING)
    stored["components"][2]["amount"] = number
    with pytest.raises(Rejected):
        from_json(Plan, stored)
