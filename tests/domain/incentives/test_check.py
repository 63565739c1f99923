"""What is wrong with a plan is refused, all at once, each with its path."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.calendar import PeriodKind
from domain.incentives.check import flaws
from domain.incentives.component import Component
from domain.incentives.components import Bonus, Commission, Curve, Mbo, Spiff
from domain.incentives.plan import Plan
from domain.incentives.terms import (
    Cap,
    CapScope,
    ClawbackWindow,
    CurveStep,
    Draw,
    Eligibility,
    Gate,
    Measure,
    Objective,
    Scale,
    Threshold,
    Tier,
    UnitTier,
)
from tests.domain.incentives.cases import D, plan
from tests.domain.incentives.test_codec import EVERYTHING

KIND = PeriodKind


def found(terms: Plan, kpis: frozenset[str] | None = None) -> set[tuple[str, str]]:
    return {(problem.code, ".".join(problem.path)) for problem in flaws(terms, kpis)}


def of(component: Component, **terms: Any) -> set[tuple[str, str]]:
    """What is wrong with a plan of this component, with paths from the component on."""
    return {(code, path.removeprefix("components.0.")) for code, path in found(plan(component, **terms))}


def test_a_plan_with_every_kind_of_component_is_flawless() -> None:
    assert flaws(EVERYTHING, frozenset()) == []


TEN = Tier(start=D(0), rate=D("0.1"))


def tier(start: Decimal | str, end: Decimal | str | None = None, **terms: Any) -> Tier:
    return Tier(start=D(start), rate=D("0.1"), end=None if end is None else D(end), **terms)


def tiers(*given: Tier, **terms: Any) -> Commission:
    return Commission(key="c", tiers=given, **terms)


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (tiers(tier("0", "499.99"), tier("500")), {("TIER_GAP", "tiers.0.to")}),
        (tiers(tier("0", "600"), tier("500")), {("TIER_OVERLAP", "tiers.0.to")}),
        (tiers(tier("0", "500"), tier("500")), set()),
        (tiers(tier("100")), {("TIER_GAP", "tiers.0.from")}),
        (tiers(tier("0"), tier("500", "900")), {("TIER_GAP", "tiers.1.to")}),
        (tiers(tier("0"), tier("500"), tier("500")), {("TIER_OVERLAP", "tiers.2.from")}),
        (tiers(tier("0"), tier("500"), tier("400")), {("TIER_OVERLAP", "tiers.2.from")}),
        (tiers(tier("0", gate=Gate(at_least=D(1)))), {("INVALID", "tiers.0.gate")}),
        (tiers(tier("0"), tier("120"), by=Scale.ATTAINMENT), {("OUT_OF_RANGE", "tiers.1.from")}),
        (tiers(Tier(start=D(0), rate=D(5))), {("OUT_OF_RANGE", "tiers.0.rate")}),
        (tiers(Tier(start=D(0), rate=D(5)), measure=Measure.UNITS), set()),
        (tiers(Tier(start=D(0), rate=D("-0.05"))), {("NEGATIVE", "tiers.0.rate")}),
        (tiers(Tier(start=D(0), rate=D("NaN"))), {("INVALID", "tiers.0.rate")}),
        (tiers(Tier(start=D(0), rate=D("0.0000000000001"))), {("INVALID", "tiers.0.rate")}),
        (tiers(Tier(start=D("1e15"), rate=D(0))), {("INVALID", "tiers.0.from")}),
        (tiers(TEN, measure=Measure.DEALS, by=Scale.ATTAINMENT), {("UNKNOWN_MEASURE", "measure")}),
        (tiers(TEN, measure=Measure.DEALS), set()),
        (tiers(TEN, rate=D("0.1")), {("INVALID", "rate")}),
        (Commission(key="c"), {("INVALID", "rate")}),
        (Commission(key="c", rate=D("1.1")), {("OUT_OF_RANGE", "rate")}),
        (Commission(key="c", rate=D(1), threshold=Threshold(at=D(0))), {("INVALID", "threshold.at")}),
        (Commission(key="c", rate=D(1), threshold=Threshold(at=D(70))), {("OUT_OF_RANGE", "threshold.at")}),
        (Commission(key="c", rate=D(1), cumulative=KIND.MONTH), {("INVALID", "cumulative")}),
        (Commission(key="c", rate=D(1), cumulative=KIND.YEAR), set()),
        (
            Commission(key="c", rate=D(1), cumulative=KIND.YEAR, gates=(Gate(at_least=D(1)),)),
            {("INVALID", "cumulative")},
        ),
        (
            Commission(key="c", rate=D(1), cumulative=KIND.YEAR, caps=(Cap(amount=D(1), scope=CapScope.DEAL),)),
            {("INVALID", "cumulative")},
        ),
        (Commission(key="C!", rate=D(1)), {("INVALID", "key")}),
        (Commission(key="c", rate=D(1), measure=Measure.KPI), {("UNKNOWN_MEASURE", "kpi")}),
        (Commission(key="c", rate=D(1), kpi="calls"), {("UNKNOWN_MEASURE", "kpi")}),
        (
            Commission(key="c", rate=D(1), products=("a", "a", " ")),
            {("DUPLICATE", "products.1"), ("REQUIRED", "products.2")},
        ),
        (Commission(key="c", rate=D(1), gates=(Gate(at_least=D(95)),)), {("OUT_OF_RANGE", "gates.0.atLeast")}),
        (
            Commission(key="c", rate=D(1), gates=(Gate(at_least=D(1), period=KIND.WEEK),)),
            {("INVALID", "gates.0.period")},
        ),
        (
            Commission(key="c", rate=D(1), gates=(Gate(at_least=D(1), measure=Measure.DEALS),)),
            {("UNKNOWN_MEASURE", "gates.0.measure")},
        ),
        (
            Commission(key="c", rate=D(1), caps=(Cap(amount=D(0)), Cap(amount=D(1)))),
            {("INVALID", "caps.0.amount"), ("DUPLICATE", "caps.1.scope")},
        ),
        (Curve(key="c", steps=()), {("REQUIRED", "steps")}),
        (
            Curve(
                key="c", target=D(0), steps=(CurveStep(start=D(80), payout=D(1)), CurveStep(start=D(1), payout=D(1)))
            ),
            {("OUT_OF_RANGE", "steps.0.from"), ("TIER_OVERLAP", "steps.1.from"), ("INVALID", "target")},
        ),
        (Bonus(key="c", amount=D(0), at=D(0)), {("INVALID", "amount"), ("INVALID", "at")}),
        (Bonus(key="c", amount=D(1), at=D(100)), {("OUT_OF_RANGE", "at")}),
        (Bonus(key="c", amount=D(1), at=D(100), by=Scale.AMOUNT), set()),
        (
            Commission(key="c", rate=D(1), measure=Measure.KPI, kpi="calls", products=("core",)),
            {("INVALID", "products")},
        ),
        (
            Commission(key="c", rate=D(1), measure=Measure.KPI, kpi="calls", cumulative=KIND.YEAR),
            {("INVALID", "cumulative")},
        ),
        (Commission(key="c", rate=D(1), gates=(Gate(at_least=D(100), by=Scale.AMOUNT),)), set()),
        (Mbo(key="c", target=D(0)), {("INVALID", "target")}),
        (
            Mbo(key="c", objectives=(Objective(key="A b", name="A", weight=D(1)),)),
            {("INVALID", "objectives.0.key")},
        ),
        (Mbo(key="c"), set()),
        (
            Mbo(
                key="c",
                objectives=(
                    Objective(key="a", name="A", weight=D(0)),
                    Objective(key="a", name=" ", weight=D(1)),
                ),
            ),
            {
                ("INVALID", "objectives.0.weight"),
                ("DUPLICATE", "objectives.1.key"),
                ("REQUIRED", "objectives.1.name"),
            },
        ),
    ],
)
def test_components(component: Component, expected: set[tuple[str, str]]) -> None:
    assert of(component) == expected


def spiff(**terms: Any) -> Spiff:
    known: dict[str, Any] = {"key": "c", "starts_on": date(2027, 2, 1), "ends_on": date(2027, 3, 1)}
    return Spiff(**known | terms)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"per_unit": D(1)}, set()),
        ({"lump_sum": D(1), "at": D(3)}, set()),
        ({"lump_sum": D(1)}, {("INVALID", "at")}),
        ({"per_unit": D(1), "at": D(1)}, {("INVALID", "at")}),
        ({"per_unit": D(1), "ends_on": date(2027, 2, 1)}, {("INVALID", "endsOn")}),
        ({"per_unit": D(1), "starts_on": date(2026, 2, 1)}, {("OUT_OF_RANGE", "startsOn")}),
        ({"per_unit": D(1), "measure": Measure.KPI, "kpi": "calls"}, {("UNKNOWN_MEASURE", "measure")}),
        (
            {"tiers": (UnitTier(start=D(0), amount=D(1)), UnitTier(start=D("1.5"), amount=D(1)))},
            {("TIER_GAP", "tiers.0.from"), ("TIER_GAP", "tiers.1.from")},
        ),
        (
            {"tiers": (UnitTier(start=D(1), amount=D(1)), UnitTier(start=D(1), amount=D(1)))},
            {("TIER_OVERLAP", "tiers.1.from")},
        ),
    ],
)
def test_spiffs(terms: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert of(spiff(**terms)) == expected


def test_a_spiff_pays_in_one_way() -> None:
    assert {path for _, path in found(plan(spiff()))} == {"components.0"}
    assert {path for _, path in found(plan(spiff(per_unit=D(1), lump_sum=D(1), at=D(1))))} == {"components.0"}


FLAT = Commission(key="c", rate=D("0.1"))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"name": " "}, {("REQUIRED", "name")}),
        ({"name": "x" * 201}, {("TOO_LONG", "name")}),
        ({"text": "\x00"}, {("INVALID_TEXT", "text")}),
        ({"currency": "EURO"}, {("INVALID_CURRENCY", "currency")}),
        ({"ends_on": date(2027, 1, 1)}, {("INVALID", "endsOn")}),
        ({"starts_on": date(1027, 1, 1)}, {("OUT_OF_RANGE", "startsOn")}),
        ({"period": PeriodKind.WEEK}, {("INVALID", "period")}),
        ({"components": ()}, {("REQUIRED", "components")}),
        ({"components": (FLAT, FLAT)}, {("DUPLICATE", "components.1.key")}),
        ({"components": (FLAT,) * 101}, {("TOO_MANY", "components")}),
        ({"caps": (Cap(amount=D(1), scope=CapScope.DEAL),)}, {("INVALID", "caps.0.scope")}),
        ({"draw": Draw(amount=D(0))}, {("INVALID", "draw.amount")}),
        ({"eligibility": Eligibility(teams=("a", "a"))}, {("DUPLICATE", "eligibility.teams.1")}),
        (
            {"clawback": (ClawbackWindow(days=90), ClawbackWindow(days=90, share=D(2)), ClawbackWindow(days=-1))},
            {("INVALID", "clawback.1.days"), ("INVALID", "clawback.1.share"), ("INVALID", "clawback.2.days")},
        ),
    ],
)
def test_terms(terms: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert found(replace(plan(FLAT), **terms)) == expected


def test_a_kpi_must_be_one_that_adds_up() -> None:
    calls = Commission(key="c", rate=D(3), measure=Measure.KPI, kpi="calls")
    assert found(plan(calls), frozenset({"calls"})) == set()
    assert found(plan(calls), frozenset({"meetings"})) == {("UNKNOWN_MEASURE", "components.0.kpi")}
    gate = Gate(at_least=D(10), by=Scale.AMOUNT, measure=Measure.KPI, kpi="calls")
    gated = tiers(tier("0"), replace(tier("5"), gate=gate), gates=(gate,))
    assert found(plan(gated), frozenset({"calls"})) == set()
    assert found(plan(gated), frozenset()) == {
        ("UNKNOWN_MEASURE", "components.0.gates.0.kpi"),
        ("UNKNOWN_MEASURE", "components.0.tiers.1.gate.kpi"),
    }


def test_everything_wrong_is_told_at_once() -> None:
    wrong = plan(tiers(tier("0"), tier("5")), Commission(key="c"), currency="X", ends_on=date(2026, 1, 1))
    assert found(wrong) == {
        ("INVALID_CURRENCY", "currency"),
        ("INVALID", "endsOn"),
        ("DUPLICATE", "components.1.key"),
        ("INVALID", "components.1.rate"),
    }
