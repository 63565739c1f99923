"""Objectives: those of the plan and those of a rep's own, who scores them, and what that pays."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from domain.errors import Rejected
from domain.incentives.components import Mbo
from domain.incentives.model import ScoreItem
from domain.incentives.objectives import objectives_score
from domain.incentives.terms import Objective
from tests.domain.incentives.conftest import DECEMBER, NOVEMBER, Company, plan

GOALS = Mbo(
    key="goals",
    target=Decimal(1_000),
    objectives=(
        Objective(key="pipeline", name="Pipeline", weight=Decimal(20)),
        Objective(key="launch", name="Launch", weight=Decimal(80)),
    ),
)
OWN = Mbo(key="own", target=Decimal(1_000))


def item(company: Company, rep: str, objective: str, score: str | None, **over: object) -> ScoreItem:
    given = None if score is None else Decimal(score)
    return replace(ScoreItem(company.reps[rep], "goals", objective, DECEMBER, given), **over)  # type: ignore[arg-type]


async def refused(company: Company, who: str, plan_id: UUID, items: Sequence[ScoreItem]) -> list[tuple[str, ...]]:
    with pytest.raises(Rejected) as refusal:
        await objectives_score(company.as_(who), plan_id, items)
    return [(problem.code, *problem.path) for problem in refusal.value.problems]


async def test_scores_are_paid_by_weight_and_again_when_they_change(company: Company) -> None:
    plan_id = (await company.publish(plan(GOALS), "ann")).plan_id
    scores = [item(company, "ann", "pipeline", "0.5"), item(company, "ann", "launch", "1")]
    assert await objectives_score(company.as_("cleo"), plan_id, scores) == 2
    await company.settle()
    assert await company.total("ann", DECEMBER) == "900.00"
    assert await objectives_score(company.as_("cleo"), plan_id, scores) == 0
    assert await objectives_score(company.as_("cleo"), plan_id, [item(company, "ann", "launch", "0")]) == 1
    await company.settle()
    assert await company.total("ann", DECEMBER) == "100.00"


async def test_a_manager_sets_and_scores_objectives_of_a_reps_own(company: Company) -> None:
    plan_id = (await company.publish(plan(OWN), "ann", "bob")).plan_id
    first = item(company, "ann", "summit", None, component="own", name="Speak at the summit", weight=Decimal(1))
    other = item(company, "ann", "hire", "1", component="own", name="Hire two", weight=Decimal(3))
    assert await objectives_score(company.as_("mia"), plan_id, [first, other]) == 2
    await company.settle()
    assert await company.total("ann", DECEMBER) == "750.00"
    assert await company.total("bob", DECEMBER) is None
    await objectives_score(company.as_("mia"), plan_id, [replace(first, score=Decimal("0.5"), note="In part")])
    await company.settle()
    assert await company.total("ann", DECEMBER) == "875.00"


async def test_nobody_scores_themselves_and_only_who_leads_or_pays_scores(company: Company) -> None:
    plan_id = (await company.publish(plan(GOALS), "ann", "mia")).plan_id
    assert await refused(company, "ann", plan_id, [item(company, "ann", "launch", "1")]) == [("FORBIDDEN",)]
    assert await refused(company, "mia", plan_id, [item(company, "mia", "launch", "1")]) == [
        ("OWN_PAY", "items", "0", "repId")
    ]
    await company.fetch("update team set manager_id = null where org_id = $1")
    assert await refused(company, "mia", plan_id, [item(company, "ann", "launch", "1")]) == [
        ("NOT_FOUND", "items", "0", "repId")
    ]
    assert await company.fetch("select from objective_score where org_id = $1") == []


async def test_what_fits_no_objective_is_refused_with_its_place(company: Company) -> None:
    goals = (await company.publish(plan(GOALS), "ann")).plan_id
    wrong = [
        item(company, "ann", "launch", None),
        item(company, "ann", "golf", "1"),
        item(company, "ann", "launch", "-1"),
        item(company, "ann", "launch", "1", starts_on=NOVEMBER.replace(day=3)),
        item(company, "ann", "launch", "1", name="Other", weight=Decimal(1)),
    ]
    assert await refused(company, "cleo", goals, wrong) == [
        ("REQUIRED", "items", "0", "score"),
        ("NOT_FOUND", "items", "1", "objective"),
        ("OUT_OF_RANGE", "items", "2", "score"),
        ("OUT_OF_RANGE", "items", "3", "startsOn"),
        ("INVALID", "items", "4", "name"),
    ]
    own = (await company.publish(plan(OWN), "ann", key="own")).plan_id
    assert await refused(
        company,
        "cleo",
        own,
        [
            item(company, "ann", "summit", "1", component="own"),
            item(company, "ann", "The summit", "1", component="own", name="Summit", weight=Decimal(0)),
        ],
    ) == [
        ("REQUIRED", "items", "0", "name"),
        ("INVALID", "items", "1", "objective"),
        ("OUT_OF_RANGE", "items", "1", "weight"),
    ]
