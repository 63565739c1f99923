"""An organisation that has some of everything, made through the graph as its clients would make it.

Two worlds have the same external ids, keys and addresses; every text that is theirs alone carries the world's mark.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from api.context import Context
from api.documents import Documents
from api.execution import Execution
from api.schema import schema
from domain import recompute
from domain.org.model import SCOPES, Role, Viewer
from domain.work import Work
from settings import Settings
from sql.queries import queries
from tests.conftest import MakeOrg

_access = queries("access")

_SETTINGS = Settings(max_depth=30, max_tokens=50_000, max_aliases=1_000)
_DOCUMENTS = Documents(schema._schema, _SETTINGS)
_EXECUTION = Execution(schema._schema)

_REFUSED = {"FORBIDDEN", "BAD_REQUEST"}

NOW = datetime.now(UTC)
TODAY = NOW.date()
QUARTER = {"quarter": f"{TODAY.year}-Q{(TODAY.month - 1) // 3 + 1}"}
WEEK_AGO = NOW - timedelta(days=7)
HIRED = (TODAY - timedelta(days=400)).isoformat()
MONTH = {"month": f"{TODAY:%Y-%m}"}
_LAST_MONTH = NOW.replace(day=1) - timedelta(days=3)
LAST_MONTH = {"month": f"{_LAST_MONTH:%Y-%m}"}
ADMIN, PAYMASTER, MANAGER, REP = (f"{name}@harbor.example" for name in ("ada", "cleo", "mo", "rae"))


@dataclass(frozen=True)
class World:
    """`mark` is in every text of this world and in no other's; `token` is the partner's API key."""

    work: Work
    mark: str
    token: str

    async def run(self, document: str, who: str = ADMIN, **variables: object) -> dict[str, Any]:
        """What one of its people is answered, null for what it may not ask so; any other error fails the test."""
        work = await self.work_of(who)
        context = Context(work.db, work.viewer, work.now, _SETTINGS, "world")
        result = await _EXECUTION.execute(_DOCUMENTS.prepare(document), variables, context)
        wrong = [error for error in result.errors or () if (error.extensions or {}).get("code") not in _REFUSED]
        assert not wrong, wrong
        assert result.data is not None
        return result.data

    async def ask(self, document: str, who: str = ADMIN, **variables: object) -> Any:
        """The one field of the answer; a user error fails the test."""
        (value,) = (await self.run(document, who, **variables)).values()
        assert value is not None, document
        assert not value.get("userErrors"), value
        return value

    async def work_of(self, who: str) -> Work:
        """The work of one of its people, by address."""
        org_id = self.work.viewer.org_id
        async with self.work.db.session(org_id) as session:
            row = await session.row(_access.user_by_email, who)
        assert row is not None, who
        role = Role(row["role"])
        viewer = Viewer(org_id, SCOPES[role], role, row["user_id"], None, row["rep_id"], row["name"])
        return replace(self.work, viewer=viewer)

    async def stir(self) -> None:
        """Something of everything changes, and is told."""
        mark = self.mark
        calls = [
            {
                "externalId": f"stir-{number}",
                "repExternalId": "rae",
                "kind": "MEETING",
                "occurredAt": NOW.isoformat(),
                "subject": f"Stir {mark}",
            }
            for number in range(3)
        ]
        await self.ask(_INGEST.format("ActivityInput", "activitiesIngest"), it=calls)
        deal = {
            "externalId": "d-stir",
            "repExternalId": "rae",
            "name": f"Stir {mark}",
            "stage": "Won",
            "status": "WON",
            "amount": "4000",
            "currency": "USD",
            "openedAt": WEEK_AGO.isoformat(),
            "closedAt": NOW.isoformat(),
        }
        await self.ask(_INGEST.format("DealInput", "dealsIngest"), it=[deal])
        await self.settle()
        rep = await self.ask('{ rep(externalId: "rae") { id } }')
        given = {"repId": rep["id"], "title": f"Stir {mark}"}
        await self.ask(_SAVE.format("ActionItemCreateInput!", "actionItemCreate", "actionItem { id }"), it=given)

    async def settle(self) -> None:
        """Numbers and coaching as the workers would bring them up to date."""
        await recompute.new_day(self.work)
        while await recompute.recompute(self.work) or await recompute.coach(self.work):
            pass


async def make_world(make_org: MakeOrg, mark: str) -> World:
    """People, facts, definitions, plans, results and action items of an organisation called by its mark."""
    work = await make_org(name=f"{mark} Brokers", admin_name=f"Ada {mark}", now=NOW)
    world = World(work, mark, "")
    key = await world.ask(
        "mutation ($n: String!) { apiKeyCreate(input: {name: $n, scopes: [ORG_READ, PIPELINE_READ]}) { token } }",
        n=f"CRM {mark}",
    )
    world = World(work, mark, key["token"])
    await world.ask(
        _SAVE.format("WebhookInput!", "webhookCreate", "webhook { id }"),
        it={"url": f"https://partner.example/{mark}", "events": ["ORG_REP"]},
    )
    await _people(world)
    kpis = await _definitions(world)
    await _facts(world)
    await _quotas(world)
    await _plan(world)
    await _crediting(world)
    await world.settle()
    await _pay(world)
    rep = await world.ask('{ rep(externalId: "rae") { id } }')
    given = {"repId": rep["id"], "title": f"Ride along {mark}", "body": mark, "kpiId": kpis["meetings"]}
    item = await world.ask(_SAVE.format("ActionItemCreateInput!", "actionItemCreate", "actionItem { id }"), it=given)
    await world.ask(
        "mutation ($id: ID!, $c: String!) { actionItemComment(id: $id, comment: $c) { userErrors { message } } }",
        id=item["actionItem"]["id"],
        c=f"Heard {mark}",
    )
    return world


_SAVE = "mutation ($it: {}) {{ {}(input: $it) {{ userErrors {{ code message path }} {} }} }}"
_STORE = "mutation ($it: [{}!]!) {{ {}(items: $it) {{ userErrors {{ code message path }} }} }}"
_INGEST = 'mutation ($it: [{}!]!) {{ {}(source: "crm", items: $it) {{ userErrors {{ code message path }} }} }}'


async def _people(world: World) -> None:
    mark = world.mark
    users = [
        {"email": PAYMASTER, "name": f"Cleo {mark}", "role": "COMP_ADMIN", "externalId": "u-cleo"},
        {"email": MANAGER, "name": f"Mo {mark}", "role": "MANAGER", "externalId": "u-mo"},
        {"email": REP, "name": f"Rae {mark}", "role": "REP", "externalId": "u-rae"},
    ]
    await world.ask(_STORE.format("UserInput", "usersUpsert"), it=users)
    teams = [
        {"externalId": "all", "name": f"All {mark}", "manager": {"email": "ada@harbor.example"}},
        {"externalId": "north", "name": f"North {mark}", "parentExternalId": "all", "manager": {"email": MANAGER}},
    ]
    await world.ask(_STORE.format("TeamInput", "teamsUpsert"), it=teams)
    away = (TODAY + timedelta(days=40)).isoformat()
    rae = {
        "externalId": "rae",
        "name": f"Rae {mark}",
        "hiredOn": HIRED,
        "email": REP,
        "title": f"Advisor {mark}",
        "role": "advisor",
        "user": {"email": REP},
        "team": {"externalId": "north", "effectiveOn": HIRED},
        "leave": [{"startsOn": away, "endsOn": (TODAY + timedelta(days=41)).isoformat(), "reason": f"Off {mark}"}],
    }
    bob = {"externalId": "bob", "name": f"Bob {mark}", "hiredOn": HIRED, "team": {"externalId": "north"}}
    await world.ask(_STORE.format("RepInput", "repsUpsert"), it=[rae, bob])
    territories = [
        {"externalId": "land", "name": f"Land {mark}"},
        {
            "externalId": "east",
            "name": f"East {mark}",
            "parentExternalId": "land",
            "reps": [{"repExternalId": "rae", "startsOn": HIRED}],
        },
    ]
    await world.ask(_STORE.format("TerritoryInput", "territoriesUpsert"), it=territories)


async def _definitions(world: World) -> dict[str, str]:
    """The KPIs by their keys."""
    mark = world.mark
    mine = {
        "key": "mine",
        "name": f"Mine {mark}",
        "category": "ACTIVITY",
        "unit": "COUNT",
        "formula": {"count": {"facts": "ACTIVITY"}},
    }
    await world.ask(_SAVE.format("KpiDefineInput!", "kpiDefine", "kpi { id }"), it=mine)
    kpis = {kpi["key"]: kpi["id"] for kpi in (await world.ask("{ kpis(first: 50) { nodes { id key } } }"))["nodes"]}
    lines = [("meetings", "10"), ("win_rate", "0.3"), ("revenue", "10000")]
    template = {
        "key": "standard",
        "name": f"Standard {mark}",
        "validFrom": (TODAY - timedelta(days=60)).isoformat(),
        "kpis": [{"kpiId": kpis[key], "weight": "1", "weeklyTarget": target} for key, target in lines],
    }
    publish = _SAVE.format("ScorecardTemplatePublishInput!", "scorecardTemplatePublish", "scorecardTemplate { id }")
    await world.ask(publish, it=template)
    rule = {
        "key": "own",
        "name": f"Own {mark}",
        "kpiId": kpis["meetings"],
        "trigger": "BELOW_TARGET",
        "title": f"{mark}: {{kpi}} at {{ratio}}",
        "body": f"{mark} asks for {{reference}}",
    }
    await world.ask(_SAVE.format("CoachingRulePublishInput!", "coachingRulePublish", "coachingRule { id }"), it=rule)
    return kpis


async def _facts(world: World) -> None:
    mark = world.mark
    calls = [
        {
            "externalId": f"a-{number}",
            "repExternalId": "rae",
            "kind": "MEETING",
            "occurredAt": at.isoformat(),
            "subject": f"Renewal {mark}",
            "dealExternalId": "d-1",
        }
        for number, at in enumerate((WEEK_AGO, NOW))
    ]
    lead = {
        "externalId": "l-1",
        "repExternalId": "rae",
        "arrivedAt": WEEK_AGO.isoformat(),
        "company": f"Lead {mark}",
    }
    deal = {
        "externalId": "d-1",
        "repExternalId": "rae",
        "name": f"Deal {mark}",
        "stage": f"Stage {mark}",
        "status": "WON",
        "amount": "2500",
        "margin": "250",
        "units": "5",
        "currency": "USD",
        "account": f"Account {mark}",
        "product": f"Product {mark}",
        "territoryExternalId": "east",
        "leadExternalId": "l-1",
        "openedAt": WEEK_AGO.isoformat(),
        "closedAt": NOW.isoformat(),
        "splits": [{"repExternalId": "rae", "share": "0.5"}, {"repExternalId": "bob", "share": "0.5"}],
        "stageHistory": [{"stage": f"Stage {mark}", "enteredAt": WEEK_AGO.isoformat()}],
    }
    earlier: dict[str, object] = deal | {
        "externalId": "d-0",
        "openedAt": _LAST_MONTH.isoformat(),
        "closedAt": _LAST_MONTH.isoformat(),
        "stageHistory": [],
        "leadExternalId": None,
    }
    await world.ask(_INGEST.format("ActivityInput", "activitiesIngest"), it=calls)
    await world.ask(_INGEST.format("LeadInput", "leadsIngest"), it=[lead])
    await world.ask(_INGEST.format("DealInput", "dealsIngest"), it=[deal, earlier])


async def _quotas(world: World) -> None:
    subjects: list[dict[str, object]] = [
        {"repExternalId": "rae"},
        {"teamExternalId": "north"},
        {"territoryExternalId": "east"},
        {"organization": True},
    ]
    quotas = [
        {"subject": subject, "period": QUARTER, "amount": "100000", "note": f"Set {world.mark}"} for subject in subjects
    ]
    await world.ask(_STORE.format("QuotaInput", "quotasSet"), it=quotas)
    plan = {
        "name": f"Plan {world.mark}",
        "measure": "UNITS",
        "period": QUARTER,
        "method": {"even": {"total": "100"}},
    }
    await world.ask(_SAVE.format("QuotaPlanInput!", "quotaPlanPropose", "quotaPlan { id }"), it=plan)


async def _plan(world: World) -> None:
    """Rae and Bob are on a plan."""
    terms = {
        "name": f"Advisors {world.mark}",
        "currency": "USD",
        "startsOn": HIRED,
        "components": [{"commission": {"key": "new", "tiers": [{"from": "0", "rate": "0.04"}]}}],
    }
    drafted = await world.ask(
        'mutation ($d: IncentivePlanTermsInput!) { incentivePlanDraft(key: "advisors", document: $d) {'
        " incentivePlan { id } userErrors { code message path } } }",
        PAYMASTER,
        d=terms,
    )
    plan = drafted["incentivePlan"]["id"]
    await world.ask(
        "mutation ($id: ID!) { incentivePlanPublish(id: $id) { userErrors { code message path } } }", PAYMASTER, id=plan
    )
    reps = (await world.ask("{ reps { nodes { id } } }"))["nodes"]
    await world.ask(
        "mutation ($id: ID!, $items: [IncentiveAssignmentInput!]!) {"
        " incentivePlanAssign(id: $id, items: $items) { userErrors { code message path } } }",
        PAYMASTER,
        id=plan,
        items=[{"repId": rep["id"], "startsOn": HIRED} for rep in reps],
    )
    await world.ask(
        "mutation ($id: ID!) { incentivePlanAcknowledge(id: $id, version: 1) { userErrors { code message } } }",
        REP,
        id=plan,
    )


async def _crediting(world: World) -> None:
    """What Rae is credited with besides her own deals, and a rate that nobody is paid by."""
    rep = (await world.ask('{ rep(externalId: "rae") { id } }'))["id"]
    reason = f"So agreed with {world.mark}"
    overlay = {"repId": rep, "share": "0.1", "startsOn": HIRED, "product": f"Product {world.mark}", "reason": reason}
    await world.ask(_SAVE.format("OverlayInput!", "overlaySet", "overlay { id }"), PAYMASTER, it=overlay)
    credit = {"repId": rep, "day": TODAY.isoformat(), "amount": "100", "reason": reason}
    await world.ask(_STORE.format("CreditInput", "creditPost"), PAYMASTER, it=[credit])
    rate = {"base": "EUR", "into": "USD", "validFrom": HIRED, "rate": "1.1"}
    await world.ask(_STORE.format("CurrencyRateInput", "currencyRatesSet"), PAYMASTER, it=[rate])


async def _pay(world: World) -> None:
    """Last month is approved, locked and exported; Rae doubts a line of this month."""
    statements = await world.ask(
        "query ($p: PeriodInput!) { statements(filter: {period: $p}) { nodes { id version } } }",
        PAYMASTER,
        p=LAST_MONTH,
    )
    items = [{"id": found["id"], "expectedVersion": found["version"]} for found in statements["nodes"]]
    approve = (
        "mutation ($it: [StatementApprovalInput!]!) { statementApprove(items: $it) { userErrors { code message } } }"
    )
    await world.ask(approve, PAYMASTER, it=items)
    for step in ("periodLock", "payrollExport"):
        done = f"mutation ($p: PeriodInput!) {{ {step}(period: $p) {{ userErrors {{ code message }} }} }}"
        await world.ask(done, PAYMASTER, p=LAST_MONTH)
    lines = await world.ask(
        "query ($p: PeriodInput!) { statements(filter: {period: $p}) { nodes { lines { nodes { id } } } } }",
        REP,
        p=MONTH,
    )
    line = lines["nodes"][0]["lines"]["nodes"][0]["id"]
    await world.ask(
        "mutation ($l: ID!, $t: String!) { disputeOpen(lineId: $l, text: $t) { userErrors { code message } } }",
        REP,
        l=line,
        t=f"I doubt {world.mark}",
    )
