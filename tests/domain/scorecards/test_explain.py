"""An explanation computes to the stored number, from the facts that it names."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.explain import Step, root
from domain.org.actions import calendar
from domain.pipeline.model import DealStatus, SplitItem
from domain.scorecards import rules
from domain.scorecards.explain import Asked, explain
from domain.scorecards.model import Measured, Subject
from tests.domain.scorecards.conftest import NOW, WEEK, Company, at, quota

D = Decimal
LAST = WEEK - timedelta(days=7)


@pytest.fixture
async def busy(company: Company) -> Company:
    """A quarter with something of everything."""
    await company.publish(
        "calls", "win_rate", "sales_cycle", "pipeline_coverage", "revenue", targets=(20, 1, 45, 3, 1000)
    )
    await company.publish(
        "calls", "lead_to_quote_sla", "expected_coverage", "average_deal", "speed_to_lead",
        targets=(20, 1, 1, 1000, 60), key="south", team_id=company.teams["south"],
    )  # fmt: skip
    await quota(company, "ann", 10_000)
    await quota(company, "cyd", 8_000)
    for rep in ("ann", "ben", "cyd"):
        await company.call(rep, WEEK, 3)
        await company.deal(rep, WEEK - timedelta(days=40), WEEK, external_id=f"{rep}1", amount=D("1500.50"))
        await company.deal(rep, LAST, WEEK, external_id=f"{rep}2", status=DealStatus.LOST)
        await company.deal(rep, LAST, WEEK + timedelta(days=1), external_id=f"{rep}3")
        splits = [SplitItem("ann", D("0.25")), SplitItem("cyd", D("0.75"))]
        await company.deal(rep, LAST, external_id=f"{rep}4", amount=D(9000), splits=splits)
        await company.lead(rep, at(WEEK, 9), f"{rep}5", first_response_at=at(WEEK, 11), quoted_at=at(WEEK, 12))
        await company.lead(rep, at(WEEK, 9), f"{rep}6")
    await company.leave("ben", WEEK, WEEK + timedelta(days=1))
    await company.recompute()
    return company


async def told(company: Company, asked: list[Asked]) -> dict[Asked, list[Step]]:
    async with company.work.db.session(company.work.viewer.org_id) as session:
        return await explain(session, await calendar(session), asked, NOW, "USD")


async def all_results(company: Company) -> dict[Asked, dict[str, object]]:
    rows = await company.run("select * from kpi_result where org_id = $1")
    return {Asked(Subject(r["subject"]), r["subject_id"], r["week"], r["kpi_id"]): dict(r) for r in rows}


def again(steps: list[Step], step: Step) -> Decimal | None:
    """The value of a step from those below it and its facts, as its formula says."""
    below = {child.id.rsplit(".", 1)[-1]: again(steps, child) for child in steps if child.parent == step.id}
    values = sorted(fact.value for fact in step.facts if fact.value is not None)
    if "numerator" in below:
        return rules.divided(below["numerator"], below["denominator"])
    if "left" in below:
        left, right = below["left"], below["right"]
        return left * right if left is not None and right is not None else None
    if "won" in below:
        quota, won = below["quota"], below["won"] or D(0)
        return quota - won if quota is not None and quota > won else None
    if below:
        return sum((value for value in below.values() if value is not None), D(0))
    if not values and step.id.startswith("target"):
        return step.value
    if step.formula.startswith("median"):
        middle = len(values) // 2
        return rules.middle(Measured(1, None, values[(len(values) - 1) // 2], values[middle])) if values else None
    if " in time / " in step.formula or (" / " in step.formula and " facts" in step.formula):
        return rules.divided(sum(values, D(0)), D(len(values)))
    if step.facts or "facts" in step.formula or "credits" in step.formula:
        return sum(values, D(0))
    return step.value


async def test_every_result_is_explained_to_its_last_digit(busy: Company) -> None:
    results = await all_results(busy)
    explained = await told(busy, list(results))
    assert explained.keys() == results.keys()
    seen = set()
    for asked, stored in results.items():
        steps = explained[asked]
        top = root(steps)
        by_id = {step.id: step for step in steps}
        assert (top.value, by_id["value"].value, by_id["target"].value) == (
            stored["ratio"],
            stored["value"],
            stored["target"],
        )
        assert rules.published(again(steps, by_id["value"])) == stored["value"]
        assert rules.published(again(steps, by_id["target"])) == stored["target"]
        seen |= {step.id for step in steps if step.value is not None}
        assert [fact.node_type for fact in top.facts] == ["Kpi", "ScorecardTemplate"]
    assert {"value.denominator.quota", "value.left.numerator", "target.0"} <= seen


async def test_coverage_is_the_open_pipeline_to_what_is_left_of_the_quarter(busy: Company) -> None:
    """Ann has a quarter of three open deals of 9,000; of 10,000 her 1,500.50 and 1,000 are won."""
    result = await busy.result("ann", "pipeline_coverage")
    assert result is not None
    assert (result["numerator"], result["denominator"]) == (6750, D("7499.5"))
    assert result["value"] == D("0.90006")
    assert await busy.value("ben", "pipeline_coverage") is None  # no quota
    expected = await busy.value("cyd", "expected_coverage")
    won = D(2) / 3
    assert expected == rules.published(D(20250) / (8000 - D("2500.5")) * won)


async def test_any_number_of_results_takes_the_same_statements(
    busy: Company, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    results = list(await all_results(busy))
    ann = [asked for asked in results if asked.subject_id in (busy.reps["ann"], busy.reps["cyd"])]
    with statements() as few:
        await told(busy, ann)
    with statements() as many:
        await told(busy, results)
    assert few == many


async def test_what_is_on_no_scorecard_is_not_explained(busy: Company) -> None:
    ann, calls = busy.reps["ann"], busy.kpis["calls"]
    before = Asked(Subject.REP, ann, date(2020, 1, 6), calls)
    other = Asked(Subject.REP, ann, WEEK, busy.kpis["quotes"])
    nobody = Asked(Subject.TEAM, ann, WEEK, calls)
    assert await told(busy, [before, other, nobody]) == {}
