"""An organisation that has some of everything, made through the graph as its clients would make it.

Two worlds have the same external ids, keys and addresses; every text that is theirs alone carries the world's mark.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from api.context import Context
from api.schema import schema
from domain import recompute
from domain.work import Work
from settings import Settings
from tests.conftest import MakeOrg

NOW = datetime.now(UTC)
TODAY = NOW.date()
QUARTER = {"quarter": f"{TODAY.year}-Q{(TODAY.month - 1) // 3 + 1}"}
WEEK_AGO = NOW - timedelta(days=7)
HIRED = (TODAY - timedelta(days=400)).isoformat()
MANAGER, REP = "mo@harbor.example", "rae@harbor.example"


@dataclass(frozen=True)
class World:
    """`mark` is in every text of this world and in no other's; `token` is the partner's API key."""

    work: Work
    mark: str
    token: str

    async def run(self, document: str, **variables: object) -> dict[str, Any]:
        """What the administrator is answered; an error fails the test."""
        work = self.work
        context = Context(work.db, work.viewer, work.now, Settings(), "world")
        result = await schema.execute(document, variable_values=variables, context_value=context)
        assert not result.errors, result.errors
        assert result.data is not None
        return result.data

    async def ask(self, document: str, **variables: object) -> Any:
        """The one field of the answer; a user error fails the test."""
        (value,) = (await self.run(document, **variables)).values()
        assert not (value or {}).get("userErrors"), value
        return value

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
    await _people(world)
    kpis = await _definitions(world)
    await _facts(world)
    await _quotas(world)
    await world.settle()
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
    await world.ask(_INGEST.format("ActivityInput", "activitiesIngest"), it=calls)
    await world.ask(_INGEST.format("LeadInput", "leadsIngest"), it=[lead])
    await world.ask(_INGEST.format("DealInput", "dealsIngest"), it=[deal])


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


def day(offset: int) -> date:
    """So many days from today."""
    return TODAY + timedelta(days=offset)
