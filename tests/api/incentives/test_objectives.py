"""Objectives of an MBO through the graph: set by a manager, seen by the rep."""

from typing import Any

from api.relay import global_id
from tests.api.incentives.conftest import Asked
from tests.domain.incentives.conftest import Company

TERMS = {
    "name": "Goals",
    "currency": "USD",
    "startsOn": "2026-01-01",
    "components": [{"mbo": {"key": "own", "target": "1000"}}],
}
SCORE = """
  mutation ($plan: ID!, $items: [ObjectiveScoreInput!]!) { objectivesScore(planId: $plan, items: $items) {
    changed userErrors { code path } } }"""
SHOWN = """
  query ($rep: ID!) { rep(id: $rep) { incentivePlans { plan { key }
    objectives(period: {month: "2026-12"}) { component objective name weight score note scoredBy { name } } } } }"""


async def test_a_manager_sets_objectives_and_the_rep_reads_them(company: Company, asked: Asked) -> None:
    drafted = await asked(
        "cleo",
        'mutation ($document: IncentivePlanTermsInput!) { incentivePlanDraft(key: "goals", document: $document) {'
        " incentivePlan { id } userErrors { code path } } }",
        document=TERMS,
    )
    plan = drafted["incentivePlanDraft"]["incentivePlan"]["id"]
    ann, bob = (global_id("Rep", company.reps[name]) for name in ("ann", "bob"))
    await asked(
        "cleo",
        "mutation ($id: ID!, $items: [IncentiveAssignmentInput!]!) {"
        " incentivePlanPublish(id: $id) { userErrors { code } }"
        " incentivePlanAssign(id: $id, items: $items) { userErrors { code } } }",
        id=plan,
        items=[{"repId": ann, "startsOn": "2026-01-01"}],
    )
    item: dict[str, Any] = {
        "repId": ann,
        "component": "own",
        "objective": "summit",
        "period": {"month": "2026-12"},
        "name": "Speak at the summit",
        "weight": "1",
        "score": "0.5",
        "note": "A panel.",
    }
    refused = await asked("bob", SCORE, plan=plan, items=[item])
    assert refused["objectivesScore"] == {"changed": 0, "userErrors": [{"code": "FORBIDDEN", "path": []}]}
    scored = await asked("mia", SCORE, plan=plan, items=[item])
    assert scored["objectivesScore"] == {"changed": 1, "userErrors": []}
    (shown,) = (await asked("ann", SHOWN, rep=ann))["rep"]["incentivePlans"]
    assert shown == {
        "plan": {"key": "goals"},
        "objectives": [
            {
                "component": "own",
                "objective": "summit",
                "name": "Speak at the summit",
                "weight": "1",
                "score": "0.5",
                "note": "A panel.",
                "scoredBy": {"name": "Mia"},
            }
        ],
    }
    assert (await asked("bob", SHOWN, rep=ann))["rep"] is None
    assert (await asked("bob", SHOWN, rep=bob))["rep"]["incentivePlans"] == []
    await company.settle()
    assert await company.total("ann", company.work.now.date().replace(day=1)) == "500.00"
