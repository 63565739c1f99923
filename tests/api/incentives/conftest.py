"""The company that pays, asked through the graph."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from api.relay import global_id
from domain.org.model import SCOPES, Role, Viewer
from tests.api.conftest import Ask
from tests.domain.incentives.conftest import Company, company

__all__ = ["company"]

Asked = Callable[..., Awaitable[dict[str, Any]]]

TERMS = {
    "name": "Advisors",
    "currency": "USD",
    "startsOn": "2026-01-01",
    "components": [
        {
            "commission": {
                "key": "new",
                "tiers": [{"from": "0", "rate": "0.04"}, {"from": "10000", "rate": "0.06"}],
            }
        }
    ],
}


@pytest.fixture
def asked(company: Company, ask: Ask) -> Asked:
    """`await asked("ann", document, **variables)`: the data; an error fails the test."""

    async def run(who: str, document: str, /, **variables: object) -> dict[str, Any]:
        if who == "ada":
            admin = Viewer(company.work.viewer.org_id, SCOPES[Role.ADMIN], Role.ADMIN, company.work.viewer.user_id)
            work = replace(company.work, viewer=admin)
        else:
            work = company.as_(who)
        answer = await ask(work, document, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    return run


@pytest.fixture
async def paid(company: Company, asked: Asked) -> Company:
    """Ann and Bob are on a plan made through the graph; Ann won 12,000 and Bob 5,000 in December."""
    drafted = await asked(
        "cleo",
        'mutation ($document: IncentivePlanTermsInput!) { incentivePlanDraft(key: "advisors", document: $document) {'
        " incentivePlan { id version status draft { name } } userErrors { code message path } } }",
        document=TERMS,
    )
    plan = drafted["incentivePlanDraft"]["incentivePlan"]
    assert (plan["status"], plan["draft"]) == ("DRAFT", {"name": "Advisors"})
    published = await asked(
        "cleo",
        "mutation ($id: ID!, $items: [IncentiveAssignmentInput!]!) { incentivePlanPublish(id: $id) {"
        " incentivePlan { status publishedVersion } userErrors { code message path } }"
        " incentivePlanAssign(id: $id, items: $items) { assignments { rep { name } } userErrors { code path } } }",
        id=plan["id"],
        items=[{"repId": global_id("Rep", company.reps[rep]), "startsOn": "2026-01-01"} for rep in ("ann", "bob")],
    )
    assert published["incentivePlanPublish"]["incentivePlan"] == {"status": "PUBLISHED", "publishedVersion": 1}
    assert [a["rep"]["name"] for a in published["incentivePlanAssign"]["assignments"]] == ["Ann", "Bob"]
    december = company.work.now.date().replace(day=3)
    await company.deal("D-1", "ann", december, "12000")
    await company.deal("D-2", "bob", december, "5000")
    await company.settle()
    return company
