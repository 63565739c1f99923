"""Every way on which pay might be seen, asked by the rep, a colleague, its manager, an admin and pay's own admin."""

import pytest

from api.relay import global_id
from domain.incentives.disputes import dispute_open
from domain.incentives.payroll import payroll_export
from domain.org.actions import organization_update
from tests.api.conftest import Ask
from tests.api.incentives.conftest import Asked
from tests.domain.incentives.conftest import MONTH, NOVEMBER, Company
from workers.relay import number

EVERYBODY = ("ann", "bob", "mia", "ada", "cleo")

WAYS = {
    "statement": 'query ($rep: ID!) { seen: statement(repId: $rep, period: {month: "2026-11"}) { id } }',
    "statements": "query ($rep: ID!) { seen: statements(filter: {repId: $rep}) { nodes { id } } }",
    "rep": 'query ($rep: ID!) { seen: rep(id: $rep) { statement(period: {month: "2026-11"}) { id } } }',
    "node of a statement": "query ($statement: ID!) { seen: node(id: $statement) { id } }",
    "node of a line": "query ($line: ID!) { seen: node(id: $line) { ... on StatementLine { amount { amount } } } }",
    "explain": "query ($line: ID!) { seen: node(id: $line) { ... on StatementLine { explain { value } trace } } }",
    "node of a dispute": "query ($dispute: ID!) { seen: node(id: $dispute) { id } }",
    "disputes": "query ($rep: ID!) { seen: disputes(filter: {repId: $rep}) { nodes { id } } }",
    "estimate": "query ($rep: ID!) { seen: earningsEstimate(repId: $rep, deals: []) { current { amount } } }",
    "target": """query ($plan: ID!) {
      seen: node(id: $plan) { ... on IncentivePlan { assignments { rep { id } target { amount } } } } }""",
    "changes": "{ seen: changes(first: 200) { nodes { nodeId } } }",
}
OF_ALL = {
    "node of an export": "query ($export: ID!) { seen: node(id: $export) { id } }",
    "exports": "{ seen: payrollExports { nodes { csv } } }",
}


@pytest.fixture
async def closed(company: Company, paid: Company) -> Company:
    """November is locked and exported; Ann doubts a line of it, and has a target of her own."""
    await paid.deal("D-0", "ann", NOVEMBER, "1000")
    await paid.settle()
    await paid.lock(NOVEMBER)
    await payroll_export(paid.as_("cleo"), MONTH, NOVEMBER)
    [line] = [row for row in await paid.lines("ann") if row["posted_on"] == NOVEMBER]
    await dispute_open(paid.as_("ann"), line["line_id"], text="Less than I thought.")
    await paid.fetch("update incentive_assignment set target = 4321 where org_id = $1")
    return paid


async def ids(company: Company) -> dict[str, str]:
    [line] = [row for row in await company.lines("ann") if row["posted_on"] == NOVEMBER]
    [dispute] = await company.fetch("select dispute_id from dispute where org_id = $1")
    [export] = await company.fetch("select export_id from payroll_export where org_id = $1")
    [plan] = await company.fetch("select plan_id from incentive_plan where org_id = $1")
    return {
        "rep": global_id("Rep", company.reps["ann"]),
        "statement": global_id("Statement", line["statement_id"]),
        "line": global_id("StatementLine", line["line_id"]),
        "dispute": global_id("Dispute", dispute["dispute_id"]),
        "export": global_id("PayrollExport", export["export_id"]),
        "plan": global_id("IncentivePlan", plan["plan_id"]),
    }


def sees(way: str, seen: object, known: dict[str, str]) -> bool:
    """Whether an answer shows anything of Ann's pay."""
    if way == "rep":
        return isinstance(seen, dict) and seen["statement"] is not None
    if way == "target":
        of = seen["assignments"] if isinstance(seen, dict) else []
        return any(one["rep"]["id"] == known["rep"] and one["target"] for one in of)
    if way == "changes":
        return isinstance(seen, dict) and known["statement"] in [node["nodeId"] for node in seen["nodes"]]
    return bool(seen["nodes"]) if isinstance(seen, dict) and "nodes" in seen else bool(seen)


@pytest.mark.parametrize("managers", [False, True])
async def test_pay_is_seen_on_no_way_by_whom_it_does_not_concern(closed: Company, asked: Asked, managers: bool) -> None:
    if managers:
        await organization_update(closed.work, expected_version=1, managers_see_pay=True)
    while await number(closed.work.db, closed.work.viewer.org_id):
        pass
    known, found = await ids(closed), {}
    for way, document in (WAYS | OF_ALL).items():
        variables = {name: known[name] for name in known if f"${name}:" in document}
        answers = {who: (await asked(who, document, **variables))["seen"] for who in EVERYBODY}
        found[way] = {who for who, seen in answers.items() if sees(way, seen, known)}
    concerned = {"ann", "cleo"} | ({"mia"} if managers else set())
    assert found == {way: concerned if way in WAYS else {"cleo"} for way in found}


REFUSED = (
    "{ reconciliation { kind } }",
    """{ incentivePlanSimulate(key: "advisors", since: {month: "2026-11"}, document: {name: "Other", currency: "USD",
      startsOn: "2026-01-01", components: [{commission: {key: "new", rate: "0.1"}}]}) { reps { rep { id } } } }""",
    'mutation { payrollExport(period: {month: "2026-11"}) { payrollExport { csv } } }',
)


async def test_what_tells_of_everybodys_pay_is_for_those_who_write_it(closed: Company, ask: Ask) -> None:
    for document in REFUSED:
        for work in (closed.as_("ann"), closed.as_("mia"), closed.work):
            answer = await ask(work, document)
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        assert "errors" not in await ask(closed.as_("cleo"), document)
