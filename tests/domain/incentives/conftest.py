"""A company that pays: Mia manages North with Ann and Bob; Cleo and Carl are compensation admins.

It is the middle of December 2026. Deals come as from a CRM; `settle` does what the workers do.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from domain.calendar import CalendarVersion, PeriodKind
from domain.incentives.component import Component
from domain.incentives.components import Commission
from domain.incentives.model import Approval, AssignItem, PlanVersion, Statement
from domain.incentives.plan import Plan
from domain.incentives.plans import incentive_plan_assign, incentive_plan_draft, incentive_plan_publish
from domain.incentives.statements import period_lock, statements_approve
from domain.incentives.stored import statement
from domain.org.actions import CALENDAR_FROM
from domain.org.model import SCOPES, Move, RepItem, Role, TeamItem, UserItem, UserKey, Viewer
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from domain.pipeline.actions import deals_ingest
from domain.pipeline.model import DealItem, DealStatus, SplitItem
from domain.recompute import recompute
from domain.work import Work
from sql.pool import Record
from sql.queries import Query
from tests.conftest import MakeOrg

NOW = datetime(2026, 12, 15, 15, tzinfo=UTC)
OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
MONTH, QUARTER = PeriodKind.MONTH, PeriodKind.QUARTER

_EVENTS = """
select kind, change, node_key, rep_id, data, occurred_at, event_id from outbox where org_id = $1
union all
select kind, change, node_key, rep_id, data, occurred_at, event_id from event_log where org_id = $1
order by occurred_at, event_id"""


def plan(*components: Component, **over: object) -> Plan:
    """A monthly plan in dollars since 2026."""
    given: dict[str, object] = {"name": "Account executives", "currency": "USD", "starts_on": date(2026, 1, 1)}
    return Plan(components=components or (Commission(key="commission", rate=Decimal("0.1")),), **(given | over))  # type: ignore[arg-type]


@dataclass
class Company:
    """What is where in the organisation, and what a test does to it."""

    work: Work
    users: dict[str, UUID] = field(default_factory=dict)
    reps: dict[str, UUID] = field(default_factory=dict)
    told: int = 0

    def at(self, day: date) -> "Company":
        """The same company at noon of another day."""
        return replace(self, work=replace(self.work, now=datetime(day.year, day.month, day.day, 17, tzinfo=UTC)))

    def as_(self, name: str) -> Work:
        """Work of one of the people."""
        role = {"cleo": Role.COMP_ADMIN, "carl": Role.COMP_ADMIN, "mia": Role.MANAGER}.get(name, Role.REP)
        viewer = Viewer(
            self.work.viewer.org_id, SCOPES[role], role, self.users[name], None, self.reps.get(name), name.title()
        )
        return replace(self.work, viewer=viewer)

    async def fetch(self, text: str, *args: object) -> list[Record]:
        """A statement of the test itself; `$1` is the organisation."""
        async with self.work.db.session(self.work.viewer.org_id) as session:
            return await session.fetch(Query("test", text), *args)

    async def publish(self, document: Plan, *reps: str, key: str = "ae", since: date = date(2026, 1, 1)) -> PlanVersion:
        """A plan in force, with these reps on it."""
        drafted = await incentive_plan_draft(self.as_("cleo"), key=key, document=document)
        published = await incentive_plan_publish(self.as_("cleo"), drafted.plan_id)
        if reps:
            items = [AssignItem(self.reps[rep], since) for rep in reps]
            await incentive_plan_assign(self.as_("cleo"), drafted.plan_id, items)
        return published

    async def deal(
        self,
        key: str,
        rep: str,
        day: date | None,
        amount: str,
        *,
        status: DealStatus = DealStatus.WON,
        splits: dict[str, str] | None = None,
        **over: object,
    ) -> None:
        """A deal as its source tells it now."""
        closed = None if day is None else datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
        given: dict[str, object] = {
            "external_id": key,
            "rep_external_id": rep,
            "name": key,
            "stage": status.value,
            "status": status,
            "amount": Decimal(amount),
            "currency": "USD",
            "opened_at": datetime(2026, 1, 5, 17, tzinfo=UTC),
            "closed_at": None if status is DealStatus.OPEN else closed,
            "splits": tuple(SplitItem(name, Decimal(share)) for name, share in (splits or {}).items()),
        }
        result = await deals_ingest(self.work, "crm", [DealItem(**(given | over))])  # type: ignore[arg-type]
        assert not result.problems

    async def undo(self, key: str, told: datetime | None = None) -> None:
        """The source deleted a deal."""
        await deals_ingest(self.work, "crm", [DealItem(key, deleted=True, source_updated_at=told)])

    async def settle(self) -> None:
        """What the workers do."""
        while await recompute(Work.system(self.work.db, self.work.viewer.org_id, self.work.now)):
            pass

    async def statement(self, rep: str, starts_on: date, kind: PeriodKind = MONTH) -> Statement | None:
        rows = await self.fetch(
            "select * from statement where org_id = $1 and rep_id = $2 and starts_on = $3 and period_kind = $4",
            self.reps[rep],
            starts_on,
            kind,
        )
        return statement(rows[0]) if rows else None

    async def total(self, rep: str, starts_on: date, kind: PeriodKind = MONTH) -> str | None:
        """What the statement comes to, plainly."""
        found = await self.statement(rep, starts_on, kind)
        return None if found is None else format(found.total, "f")

    async def lines(self, rep: str | None = None) -> list[Record]:
        """The ledger, in the order in which it was written."""
        return await self.fetch(
            "select e.*, s.starts_on as posted_on from earning e join statement s using (org_id, statement_id)"
            " where e.org_id = $1 and ($2::uuid is null or e.rep_id = $2) order by line_id",
            self.reps[rep] if rep else None,
        )

    async def lock(self, starts_on: date, kind: PeriodKind = MONTH) -> None:
        """Approve all statements of a period, and lock it."""
        rows = await self.fetch(
            "select statement_id, version from statement where org_id = $1 and period_kind = $2 and starts_on = $3"
            " and state = 'ESTIMATED'",
            kind,
            starts_on,
        )
        await statements_approve(self.as_("cleo"), [Approval(row["statement_id"], row["version"]) for row in rows])
        await period_lock(self.as_("cleo"), kind, starts_on)

    async def events(self, kind: str) -> list[Record]:
        """What was recorded, whether or not a relay that runs beside has numbered it."""
        return [row for row in await self.fetch(_EVENTS) if row["kind"] == kind]


async def a_company(make_org: MakeOrg) -> Company:
    """A new one, as the fixture `company` is."""
    company = Company(await make_org(calendar=CalendarVersion(1, CALENDAR_FROM, "America/New_York"), now=NOW))
    roles = {"mia": Role.MANAGER, "ann": Role.REP, "bob": Role.REP, "cleo": Role.COMP_ADMIN, "carl": Role.COMP_ADMIN}
    users = await users_upsert(
        company.work, [UserItem(f"{name}@harbor.example", name.title(), role) for name, role in roles.items()]
    )
    company.users = dict(zip(roles, users.ids, strict=True))
    await teams_upsert(company.work, [TeamItem("north", name="North", manager=UserKey("mia@harbor.example"))])
    since = date(2020, 1, 1)
    people = [
        RepItem(
            name, name=name.title(), hired_on=since, user=UserKey(f"{name}@harbor.example"), team=Move("north", since)
        )
        for name in ("mia", "ann", "bob")
    ]
    reps = await reps_upsert(company.work, people)
    assert not reps.problems
    company.reps = dict(zip(("mia", "ann", "bob"), reps.ids, strict=True))
    await company.settle()
    return company


@pytest.fixture
async def company(make_org: MakeOrg) -> Company:
    return await a_company(make_org)
