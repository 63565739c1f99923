"""Plans, statements, disputes and payroll through the graph, and who may see which of it."""

from typing import Any

from api.relay import global_id
from domain.incentives.explain import verified
from domain.org.actions import organization_update
from domain.pipeline.model import DealStatus
from tests.api.conftest import Ask
from tests.api.incentives.conftest import TERMS, Asked
from tests.domain.incentives.conftest import NOVEMBER, Company
from workers.relay import number

STATEMENT = """
  query ($rep: ID!) { statement(repId: $rep, period: {month: "2026-12"}) { id version state total { amount currency }
    lines { nodes { id kind component amount { amount } base deal { externalId } plan { key } reversed } } } }"""


def rep_id(company: Company, name: str) -> str:
    return global_id("Rep", company.reps[name])


async def statement(asked: Asked, company: Company, who: str, rep: str) -> Any:
    return (await asked(who, STATEMENT, rep=rep_id(company, rep)))["statement"]


async def test_a_statement_pays_by_the_tiers_deal_by_deal(paid: Company, asked: Asked) -> None:
    shown = await statement(asked, paid, "ann", "ann")
    assert shown["total"] == {"amount": "520", "currency": "USD"}  # 4 % of 10,000 and 6 % of 2,000
    (line,) = shown["lines"]["nodes"]
    assert (line["kind"], line["component"], line["base"]) == ("EARNING", "new", "12000")
    assert (line["deal"], line["plan"]) == ({"externalId": "D-1"}, {"key": "advisors"})


async def test_pay_is_seen_by_oneself_and_by_compensation_admins(paid: Company, asked: Asked) -> None:
    line = (await statement(asked, paid, "ann", "ann"))["lines"]["nodes"][0]["id"]
    for who, seen in {"ann": True, "cleo": True, "bob": False, "mia": False, "ada": False}.items():
        shown = await statement(asked, paid, who, "ann")
        assert (shown is not None) is seen, who
        data = await asked(
            who,
            """query ($rep: ID!, $line: ID!) { node(id: $line) { id } statements(filter: {repId: $rep}) { totalCount }
              reps { nodes { id statement(period: {month: "2026-12"}) { total { amount } } } } }""",
            rep=rep_id(paid, "ann"),
            line=line,
        )
        assert (data["node"] is not None) is seen, who
        assert data["statements"]["totalCount"] == int(seen), who
        of_ann = [rep["statement"] for rep in data["reps"]["nodes"] if rep["id"] == rep_id(paid, "ann")]
        assert all((found is not None) is seen for found in of_ann), who


async def test_managers_see_pay_where_the_organisation_says_so(paid: Company, asked: Asked) -> None:
    await organization_update(paid.work, expected_version=1, managers_see_pay=True)
    assert (await statement(asked, paid, "mia", "ann"))["total"]["amount"] == "520"


async def test_changes_about_pay_are_heard_by_those_who_see_it(paid: Company, asked: Asked) -> None:
    while await number(paid.work.db, paid.work.viewer.org_id):
        pass
    heard = {}
    for who in ("ann", "bob", "mia", "ada", "cleo"):
        data = await asked(who, "{ changes(first: 200) { nodes { nodeId node { __typename } } } }")
        ids = [change["nodeId"] for change in data["changes"]["nodes"]]
        own = (await statement(asked, paid, "ann", "ann"))["id"]
        heard[who] = own in ids
    assert heard == {"ann": True, "bob": False, "mia": False, "ada": False, "cleo": True}


async def test_a_plan_that_does_not_add_up_is_refused_with_its_paths(company: Company, asked: Asked) -> None:
    tiers = [{"from": "0", "to": "100", "rate": "0.1"}, {"from": "200", "rate": "1.1"}]
    terms = TERMS | {"components": [{"commission": {"key": "new", "tiers": tiers}}]}
    drafted = await asked(
        "cleo",
        'mutation ($d: IncentivePlanTermsInput!) { incentivePlanDraft(key: "bad", document: $d) {'
        " incentivePlan { id } userErrors { code path } } }",
        d=terms,
    )
    plan = drafted["incentivePlanDraft"]["incentivePlan"]
    refused = await asked(
        "cleo",
        "mutation ($id: ID!) { incentivePlanPublish(id: $id) { incentivePlan { id } userErrors { code path } } }",
        id=plan["id"],
    )
    assert refused["incentivePlanPublish"]["incentivePlan"] is None
    errors = {error["code"]: error["path"] for error in refused["incentivePlanPublish"]["userErrors"]}
    assert errors["TIER_GAP"] == ["document", "components", "0", "tiers", "0", "to"]


async def test_a_rep_acknowledges_its_plan(paid: Company, asked: Asked) -> None:
    query = "{ incentivePlans { nodes { id versions { version } assignments { rep { name } acknowledgedVersion } } } }"
    (plan,) = (await asked("ann", query))["incentivePlans"]["nodes"]
    assert plan["assignments"] == [{"rep": {"name": "Ann"}, "acknowledgedVersion": None}]
    done = await asked(
        "ann",
        "mutation ($id: ID!) { incentivePlanAcknowledge(id: $id, version: 1) { userErrors { code } } }",
        id=plan["id"],
    )
    assert done["incentivePlanAcknowledge"]["userErrors"] == []
    (plan,) = (await asked("cleo", query))["incentivePlans"]["nodes"]
    assert {a["rep"]["name"]: a["acknowledgedVersion"] for a in plan["assignments"]} == {"Ann": 1, "Bob": None}


async def test_a_dispute_is_answered_with_redress(paid: Company, asked: Asked) -> None:
    line = (await statement(asked, paid, "ann", "ann"))["lines"]["nodes"][0]["id"]
    opened = await asked(
        "ann",
        'mutation ($line: ID!) { disputeOpen(lineId: $line, text: "The deal was 13,000.") {'
        " dispute { id status version actionItem { title } timeline { kind comment } } userErrors { code } } }",
        line=line,
    )
    dispute = opened["disputeOpen"]["dispute"]
    assert (dispute["status"], dispute["timeline"][0]["kind"]) == ("OPEN", "OPENED")
    await paid.deal("D-0", "ann", NOVEMBER, "1000")
    await paid.settle()
    await paid.lock(NOVEMBER)
    refused = await asked(
        "cleo",
        'mutation ($id: ID!) { disputeResolve(id: $id, accepted: true, answer: "So it was.",'
        ' redress: {day: "2026-11-10", amount: {amount: "60", currency: "USD"}}) { userErrors { code path } } }',
        id=dispute["id"],
    )
    assert refused["disputeResolve"]["userErrors"] == [{"code": "LOCKED", "path": ["redress", "day"]}]
    resolved = await asked(
        "cleo",
        'mutation ($id: ID!) { disputeResolve(id: $id, accepted: true, answer: "So it was.",'
        ' redress: {day: "2026-12-10", amount: {amount: "60", currency: "USD"}}) {'
        " dispute { status timeline { kind adjustment { amount { amount } } } } userErrors { code message } } }",
        id=dispute["id"],
    )
    answer = resolved["disputeResolve"]["dispute"]
    assert answer["status"] == "ACCEPTED"
    assert answer["timeline"][-1] == {"kind": "ACCEPTED", "adjustment": {"amount": {"amount": "60"}}}
    assert (await statement(asked, paid, "ann", "ann"))["total"]["amount"] == "580"
    seen = await asked("bob", "{ disputes { totalCount } }")
    assert seen["disputes"]["totalCount"] == 0


async def test_a_line_by_hand_tells_the_rep_why(paid: Company, asked: Asked) -> None:
    posted = await asked(
        "cleo",
        'mutation ($rep: ID!) { creditPost(items: [{repId: $rep, day: "2026-12-03", amount: "1000",'
        ' reason: "She brought the partner."}]) { posted userErrors { code } } }',
        rep=global_id("Rep", paid.reps["ann"]),
    )
    assert posted["creditPost"] == {"posted": 1, "userErrors": []}
    await paid.settle()
    told = await asked(
        "ann",
        'query ($rep: ID!) { statement(repId: $rep, period: {month: "2026-12"}) {'
        " lines { nodes { reason deal { name } explain { label } } } } }",
        rep=global_id("Rep", paid.reps["ann"]),
    )
    line = told["statement"]["lines"]["nodes"][-1]
    assert (line["reason"], line["deal"]) == ("She brought the partner.", None)
    assert "Credited by hand for 2026-12-03" in [step["label"] for step in line["explain"]]


async def test_a_locked_period_is_exported_once_and_the_same_again(
    company: Company, paid: Company, asked: Asked
) -> None:
    await paid.deal("D-0", "ann", NOVEMBER, "1000")
    await paid.settle()
    read = await asked(
        "cleo", '{ statements(filter: {period: {month: "2026-11"}}) { nodes { id version state total { amount } } } }'
    )
    (november,) = read["statements"]["nodes"]
    approved = await asked(
        "cleo",
        "mutation ($items: [StatementApprovalInput!]!) { statementApprove(items: $items) {"
        " statements { state } userErrors { code } } }",
        items=[{"id": november["id"], "expectedVersion": november["version"]}],
    )
    assert approved["statementApprove"] == {"statements": [{"state": "APPROVED"}], "userErrors": []}
    document = """mutation { periodLock(period: {month: "2026-11"}) { statements { state } userErrors { code } }
      first: payrollExport(period: {month: "2026-11"}) { payrollExport { run rows totals { amount currency } csv json
        csvSha256 repeats { id } } userErrors { code } }
      again: payrollExport(period: {month: "2026-11"}) { payrollExport { run csv csvSha256 repeats { run } } }
      periodPay(period: {month: "2026-11"}) { statements { state } userErrors { code } } }"""
    done = await asked("cleo", document)
    assert done["periodLock"] == {"statements": [{"state": "LOCKED"}], "userErrors": []}
    first, again = done["first"]["payrollExport"], done["again"]["payrollExport"]
    assert first["totals"] == [{"amount": "40", "currency": "USD"}]
    assert (first["repeats"], again["repeats"]) == (None, {"run": 1})
    assert (first["csv"], first["csvSha256"]) == (again["csv"], again["csvSha256"])
    assert "ann,Ann,USD,40.00" in first["csv"]
    assert done["periodPay"]["statements"] == [{"state": "PAID"}]
    hidden = await asked(
        "ada", "{ payrollExports { totalCount nodes { csv } } auditLog(first: 200) { nodes { action data } } }"
    )
    assert hidden["payrollExports"] == {"totalCount": 0, "nodes": []}
    said = [entry["data"] for entry in hidden["auditLog"]["nodes"] if entry["action"] == "payrollExport"]
    assert sorted(entry["run"] for entry in said) == [1, 2]
    assert {name for entry in said for name in entry} == {"run"}


async def test_nobody_approves_or_reads_pay_without_the_scope(paid: Company, asked: Asked, ask: Any) -> None:
    for who in ("ann", "mia"):
        answer = await ask(paid.as_(who), 'mutation { periodLock(period: {month: "2026-11"}) { userErrors { code } } }')
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await statement(asked, paid, "cleo", "ann"))["state"] == "ESTIMATED"


async def test_a_line_explains_itself_and_executes_again(paid: Company, asked: Asked) -> None:
    line = (await statement(asked, paid, "ann", "ann"))["lines"]["nodes"][0]["id"]
    data = await asked(
        "ann",
        """query ($line: ID!) { node(id: $line) { ... on StatementLine { trace
          deal { name } explain { id parentId label formula value facts { label } }
          amortization(months: 36) { startsOn amount { amount } left { amount } } } } }""",
        line=line,
    )
    root, *steps = data["node"]["explain"]
    assert (root["parentId"], root["value"], root["facts"][0]["label"]) == (None, "520", "version 1")
    (upper,) = [step for step in steps if step["id"] == "new/base/tier/1"]
    assert (upper["formula"], upper["value"]) == ("the part of 12000 from 10000 x 0.06", "120")
    name = data["node"]["deal"]["name"]
    assert [step["label"].partition(",")[0] for step in steps if step["id"].startswith("new/credit/")] == [name]
    assert verified(data["node"]["trace"]) == 520
    months = data["node"]["amortization"]
    assert [m["amount"]["amount"] for m in (months[0], months[-1])] == ["14.44", "14.6"]
    assert (months[0]["startsOn"], months[-1]["left"]["amount"]) == ("2026-12-01", "0")


async def test_a_rep_asks_what_a_deal_would_pay(paid: Company, asked: Asked) -> None:
    query = """query ($rep: ID!, $deals: [EstimateDealInput!]!) { earningsEstimate(repId: $rep, deals: $deals) {
      planVersion plan { key } period { key } current { amount } estimated { amount } difference { amount } } }"""
    await paid.deal("D-9", "ann", None, "3000", status=DealStatus.OPEN)
    found = await asked("ann", "{ deals(first: 10) { nodes { id externalId } } }")
    (open_deal,) = [deal["id"] for deal in found["deals"]["nodes"] if deal["externalId"] == "D-9"]
    deals = [{"amount": "1000"}, {"dealId": open_deal, "closesOn": "2026-12-20"}]
    data = await asked("ann", query, rep=rep_id(paid, "ann"), deals=deals)
    (estimate,) = data["earningsEstimate"]
    assert (estimate["current"]["amount"], estimate["estimated"]["amount"]) == ("520", "760")
    assert (estimate["difference"]["amount"], estimate["period"]["key"]) == ("240", "2026-12")
    for who in ("bob", "mia", "ada"):
        assert (await asked(who, query, rep=rep_id(paid, "ann"), deals=[]))["earningsEstimate"] is None
    assert (await statement(asked, paid, "ann", "ann"))["total"]["amount"] == "520"


async def test_a_draft_is_held_against_history(paid: Company, asked: Asked) -> None:
    terms = TERMS | {"components": [{"commission": {"key": "new", "rate": "0.05"}}]}
    data = await asked(
        "cleo",
        """query ($d: IncentivePlanTermsInput!) { incentivePlanSimulate(key: "advisors", document: $d,
          since: {month: "2026-12"}) { totals { before { amount } after { amount } difference { amount currency } }
          reps { rep { name } before { amount } after { amount } difference { amount } } } }""",
        d=terms,
    )
    simulation = data["incentivePlanSimulate"]
    (total,) = simulation["totals"]
    assert (total["before"]["amount"], total["after"]["amount"]) == ("720", "850")
    assert [(r["rep"]["name"], r["difference"]["amount"]) for r in simulation["reps"]] == [("Ann", "80"), ("Bob", "50")]
    assert (await statement(asked, paid, "ann", "ann"))["total"]["amount"] == "520"


async def test_a_draft_that_could_not_be_published_is_not_simulated(paid: Company, asked: Asked, ask: Ask) -> None:
    """In the same words: what it would pay by a KPI that nobody knows is nothing, and says nothing."""
    commission = {"key": "new", "rate": "0.05", "measure": "KPI", "kpi": "charm"}
    terms = TERMS | {"components": [{"commission": commission}], "eligibility": {"teams": ["atlantis"]}}
    published = await asked(
        "cleo",
        'mutation ($d: IncentivePlanTermsInput!) { incentivePlanDraft(key: "charm", document: $d) {'
        " incentivePlan { id } } }",
        d=terms,
    )
    refused = await asked(
        "cleo",
        "mutation ($id: ID!) { incentivePlanPublish(id: $id) { userErrors { code message path } } }",
        id=published["incentivePlanDraft"]["incentivePlan"]["id"],
    )
    problems = refused["incentivePlanPublish"]["userErrors"]
    assert [problem["code"] for problem in problems] == ["UNKNOWN_MEASURE", "UNKNOWN_TEAM"]
    answer = await ask(
        paid.as_("cleo"),
        'query ($d: IncentivePlanTermsInput!) { incentivePlanSimulate(key: "charm", document: $d,'
        ' since: {month: "2026-12"}) { reps { rep { name } } } }',
        d=terms,
    )
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    told = [(problem["code"], problem["message"]) for problem in error["extensions"]["problems"]]
    assert told == [(problem["code"], problem["message"]) for problem in problems]
    commissions = ["document", "components", "0", "commission", "kpi"]
    assert [problem["path"] for problem in error["extensions"]["problems"]] == [
        commissions,
        ["document", "eligibility", "teams", "0"],
    ]


async def test_a_month_without_statements_is_not_locked(paid: Company, asked: Asked) -> None:
    """A lock stays, and what comes late to such a month would go elsewhere from then on."""
    lock = "mutation ($p: PeriodInput!) { periodLock(period: $p) { statements { id } userErrors { code path } } }"
    nothing = {"statements": [], "userErrors": [{"code": "NOTHING_TO_LOCK", "path": ["period"]}]}
    assert (await asked("cleo", lock, p={"month": "2026-11"}))["periodLock"] == nothing
    await paid.deal("D-0", "ann", NOVEMBER, "1000")
    await paid.settle()
    await paid.lock(NOVEMBER)
    again = (await asked("cleo", lock, p={"month": "2026-11"}))["periodLock"]
    assert again["userErrors"] == [{"code": "ALREADY_LOCKED", "path": ["period"]}]


async def test_nothing_is_left_to_reconcile(paid: Company, asked: Asked) -> None:
    data = await asked("cleo", "{ reconciliation { kind subject expected found } }")
    assert data["reconciliation"] == []


async def test_a_webhook_hears_of_pay_for_those_only_who_see_it(paid: Company, asked: Asked) -> None:
    document = """mutation { webhookCreate(input: {url: "https://partner.example/hook",
      events: [INCENTIVES_PLAN, INCENTIVES_STATEMENT]}) { webhook { id } userErrors { code message path } } }"""
    refused = (await asked("ada", document))["webhookCreate"]
    assert refused["webhook"] is None
    assert [(e["code"], e["path"]) for e in refused["userErrors"]] == [("SCOPE_NOT_HELD", ["input", "events"])]
    assert "incentives.statement" in refused["userErrors"][0]["message"]
    assert "incentives.plan" not in refused["userErrors"][0]["message"]
