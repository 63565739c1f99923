"""A house seen by everybody in it: an administrator, a manager of the north, its rep Ann, and Bob of the south."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import strawberry

from api.context import Context
from api.relay import global_id
from domain.org.model import SCOPES, Move, RepItem, Role, TeamItem, UserItem, UserKey, Viewer
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from domain.pipeline.actions import deals_ingest
from domain.pipeline.model import DealItem, DealStatus
from domain.recompute import recompute
from domain.work import Work
from settings import Settings
from sql.queries import Query
from tests.api.execute import execute
from tests.conftest import MakeOrg

NOW = datetime(2027, 2, 15, 15, tzinfo=UTC)


def quota(subject: str | dict[str, Any], amount: str, **over: Any) -> dict[str, Any]:
    """A quota as `quotasSet` takes it; a rep by its externalId."""
    return {"subject": {"repExternalId": subject} if isinstance(subject, str) else subject, "amount": amount} | over


@dataclass
class House:
    """`ask(document, variables, who)` answers as the graph does."""

    settings: Settings
    work: Work
    viewers: dict[str, Viewer]
    ids: dict[str, strawberry.ID]

    async def ask(self, document: str, who: str = "ada", **variables: Any) -> dict[str, Any]:
        """The data; errors fail the test. `PERIOD` in a document is the first quarter of 2027."""
        result = await self.run(document, who, **variables)
        assert not result.errors, result.errors
        data: dict[str, Any] = result.data
        return data

    async def run(self, document: str, who: str = "ada", **variables: Any) -> Any:
        """Data and errors."""
        context = Context(self.work.db, self.viewers[who], NOW, self.settings, "test")
        document = document.replace("PERIOD", 'period: {quarter: "2027-Q1"}')
        return await execute(document, variables, context)

    async def win(self, rep: str, amount: str, day: str = "2027-01-20") -> None:
        """A deal won, known to the numbers."""
        instant = datetime.fromisoformat(f"{day}T15:00:00+00:00")
        item = DealItem(
            external_id=f"{rep}-{amount}-{day}",
            rep_external_id=rep,
            name="Deal",
            stage="Won",
            status=DealStatus.WON,
            amount=Decimal(amount),
            currency="USD",
            opened_at=instant,
            closed_at=instant,
        )
        stored = await deals_ingest(self.work, "crm", [item])
        assert not stored.problems
        await recompute(self.work)

    async def set(self, *items: dict[str, Any]) -> None:
        """Quotas of the first quarter, known to the numbers."""
        quarter = {"period": {"quarter": "2027-Q1"}}
        data = await self.ask(
            "mutation ($items: [QuotaInput!]!) { quotasSet(items: $items) { userErrors { code path } } }",
            items=[quarter | item for item in items],
        )
        assert data["quotasSet"]["userErrors"] == []
        await recompute(self.work)


@pytest.fixture
async def house(make_org: MakeOrg, test_settings: Settings) -> House:
    """Quotas of nobody yet."""

    work = await make_org(now=NOW)
    people = [
        UserItem("mo@harbor.example", "Mo Manager", Role.MANAGER),
        UserItem("ann@harbor.example", "Ann", Role.REP),
        UserItem("bob@harbor.example", "Bob", Role.REP),
    ]
    assert not (await users_upsert(work, people)).problems
    teams = [
        TeamItem("all", "All"),
        TeamItem("north", "North", "all", UserKey("mo@harbor.example", None)),
        TeamItem("south", "South", "all"),
    ]
    assert not (await teams_upsert(work, teams)).problems
    hired = NOW.date().replace(year=2020)
    reps = [
        RepItem("ann", "Ann", hired, user=UserKey("ann@harbor.example", None), team=Move("north")),
        RepItem("bob", "Bob", hired, user=UserKey("bob@harbor.example", None), team=Move("south")),
    ]
    assert not (await reps_upsert(work, reps)).problems
    async with work.transaction() as tx:
        rows = await tx.fetch(
            Query(
                "test.who",
                "select u.user_id, u.email, u.role, u.name, r.rep_id from app_user u"
                " left join rep r on r.org_id = u.org_id and r.user_id = u.user_id where u.org_id = $1",
            )
        )
        found = await tx.fetch(
            Query(
                "test.ids",
                "select 'Rep' as kind, external_id as key, rep_id as id from rep where org_id = $1"
                " union all select 'Team', external_id, team_id from team where org_id = $1",
            )
        )
    viewers = {
        row["email"].split("@")[0]: Viewer(
            work.viewer.org_id,
            SCOPES[Role(row["role"])],
            Role(row["role"]),
            row["user_id"],
            rep_id=row["rep_id"],
            name=row["name"],
        )
        for row in rows
    }
    ids = {row["key"]: global_id(row["kind"], row["id"]) for row in found}
    return House(test_settings, work, viewers, ids)


_OUTBOX = Query("test.outbox", "select count(*) from outbox where org_id = $1")


async def settled(house: House) -> None:
    """Wait until the relay has numbered all that was committed: until then a snapshot is ahead of the log."""
    left = 1
    async with asyncio.timeout(10):
        while left:
            async with house.work.db.session(house.work.viewer.org_id) as session:
                left = await session.value(_OUTBOX)
