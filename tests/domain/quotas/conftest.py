"""A small company: two teams under one, a rep who moves between them, credits to attain."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from domain.calendar import Calendar, CalendarVersion, PeriodKind
from domain.dirty import Dirty, Touch
from domain.org.actions import CALENDAR_FROM
from domain.quotas.actions import quotas_set
from domain.quotas.model import Measure, Quota, QuotaItem, Subject, Terms
from domain.quotas.results import recompute
from domain.work import Work
from sql.pool import Record, uuid7
from sql.queries import Query
from tests.conftest import MakeOrg

NOW = datetime(2027, 2, 15, 15, tzinfo=UTC)
VERSION = CalendarVersion(1, CALENDAR_FROM, "America/New_York")
CALENDAR = Calendar((VERSION,))
Q1 = CALENDAR.parse(PeriodKind.QUARTER, "2027-Q1")


_EVENTS = """
select event_id, kind, change, node_key, rep_id, team_id, data, occurred_at from outbox where org_id = $1
union all
select event_id, kind, change, node_key, rep_id, team_id, data, occurred_at from event_log where org_id = $1
order by occurred_at, event_id"""


def query(text: str) -> Query:
    return Query("test", text)


@dataclass
class Company:
    """Facts straight into the tables, as other areas leave them."""

    work: Work
    ids: dict[str, UUID] = field(default_factory=dict)
    forgotten: set[UUID] = field(default_factory=set)

    async def run(self, text: str, *args: object) -> None:
        async with self.work.transaction() as tx:
            await tx.execute(query(text), *args)

    async def fetch(self, text: str, *args: object) -> list[Record]:
        async with self.work.transaction() as tx:
            return await tx.fetch(query(text), *args)

    async def team(self, name: str, parent: str | None = None) -> UUID:
        team_id = self.ids[name] = uuid7()
        await self.run(
            "insert into team (org_id, team_id, external_id, name, parent_id, created_at)"
            " values ($1, $2, $3, $3, $4, now())",
            team_id,
            name,
            self.ids[parent] if parent else None,
        )
        above = parent
        chain = [(team_id, 0)]
        if above:
            rows = await self.fetch(
                "select ancestor_id, depth from team_ancestor where org_id = $1 and team_id = $2", self.ids[above]
            )
            chain += [(row["ancestor_id"], row["depth"] + 1) for row in rows]
        for ancestor, depth in chain:
            await self.run("insert into team_ancestor values ($1, $2, $3, $4)", team_id, ancestor, depth)
        return team_id

    async def territory(self, name: str, parent: str | None = None) -> UUID:
        territory_id = self.ids[name] = uuid7()
        await self.run(
            "insert into territory (org_id, territory_id, external_id, name, parent_id, created_at)"
            " values ($1, $2, $3, $3, $4, now())",
            territory_id,
            name,
            self.ids[parent] if parent else None,
        )
        return territory_id

    async def rep(self, name: str, team: str | None, hired: date = date(2020, 1, 1), left: date | None = None) -> UUID:
        rep_id = self.ids[name] = uuid7()
        await self.run(
            "insert into rep (org_id, rep_id, external_id, name, hired_on, left_on, created_at)"
            " values ($1, $2, $3, $3, $4, $5, now())",
            rep_id,
            name,
            hired,
            left,
        )
        if team:
            await self.join(name, team, hired, left)
        return rep_id

    async def join(self, rep: str, team: str, starts_on: date, ends_on: date | None = None) -> None:
        await self.run(
            "update assignment set ends_on = $3 where org_id = $1 and rep_id = $2 and ends_on is null",
            self.ids[rep],
            starts_on,
        )
        await self.run(
            "insert into assignment (org_id, rep_id, starts_on, ends_on, team_id) values ($1, $2, $3, $4, $5)",
            self.ids[rep],
            starts_on,
            ends_on,
            self.ids[team],
        )

    async def win(self, rep: str, day: date, amount: str, territory: str | None = None) -> UUID:
        """A deal won on a day, credited whole to its owner."""
        deal_id = uuid7()
        await self.run(
            "insert into deal (org_id, deal_id, source, external_id, rep_id, name, stage, status, amount, currency,"
            " exchange_rate, territory_id, opened_at, opened_day, closed_at, closed_day, received_at)"
            " values ($1, $2, 'crm', $2::uuid::text, $3, 'Deal', 'Won', 'WON', $5, 'USD', 1, $6,"
            " $4::date, $4::date, $4::date, $4::date, now())",
            deal_id,
            self.ids[rep],
            day,
            Decimal(amount),
            self.ids[territory] if territory else None,
        )
        await self.run(
            "insert into credit (org_id, deal_id, rep_id, share, amount, margin, units, status, opened_day, closed_day,"
            " territory_id) select org_id, deal_id, rep_id, 1, amount, amount / 4, 1, status, opened_day, closed_day,"
            " territory_id from deal where org_id = $1 and deal_id = $2",
            deal_id,
        )
        return deal_id

    async def lose(self, deal_id: UUID) -> None:
        await self.run("update credit set status = 'LOST' where org_id = $1 and deal_id = $2", deal_id)

    async def call(self, rep: str, day: date) -> None:
        activity_id = uuid7()
        await self.run(
            "insert into activity (org_id, activity_id, source, external_id, rep_id, kind, occurred_at, day,"
            " received_at) values ($1, $2, 'crm', $2::uuid::text, $3, 'CALL', $4::date, $4, now())",
            activity_id,
            self.ids[rep],
            day,
        )

    async def kpi(self, key: str, formula: dict[str, object]) -> UUID:
        kpi_id = self.ids[key] = uuid7()
        await self.run("insert into kpi values ($1, $2, $3, now())", kpi_id, f"own_{key}")
        await self.run(
            "insert into kpi_version (org_id, kpi_id, version, valid_from, name, description, category, unit,"
            " direction, is_leading, prorated, window_weeks, formula, created_at) values ($1, $2, 1, '2020-01-06', $3,"
            " '', 'ACTIVITY', 'COUNT', 'HIGHER_IS_BETTER', true, true, 1, $4, now())",
            kpi_id,
            key,
            formula,
        )
        return kpi_id

    def item(self, name: str, amount: str, **over: object) -> QuotaItem:
        """A quota for the first quarter, unless told otherwise."""
        kind = {"rep": Subject.REP, "team": Subject.TEAM, "area": Subject.TERRITORY}.get(
            name.split()[0], Subject.ORGANIZATION
        )
        given: dict[str, object] = {
            "subject": kind,
            "subject_id": self.ids.get(name, self.work.viewer.org_id),
            "measure": Measure.REVENUE,
            "period": Q1,
            "terms": Terms(Decimal(amount)),
        }
        return QuotaItem(**(given | over))  # type: ignore[arg-type]

    async def set(self, name: str, amount: str, **over: object) -> Quota:
        return (await quotas_set(self.work, [self.item(name, amount, **over)]))[0]

    async def compute(
        self,
        from_day: date = CALENDAR_FROM,
        through: date | None = None,
        rep: str | None = None,
        touch: Touch = Touch.ALL,
    ) -> None:
        """As the workers do for a mark of these days."""
        dirty = Dirty(self.work.now)
        if rep:
            dirty.reps[self.ids[rep]] = {touch: [(from_day, through)]}
        else:
            dirty.everybody.append((from_day, through))
        async with self.work.transaction() as tx:
            await recompute(tx, CALENDAR, dirty)

    async def attained(self, name: str, measure: str = "REVENUE", starts_on: date = Q1.starts_on) -> Record | None:
        rows = await self.fetch(
            "select * from attainment where org_id = $1 and subject_id = $2 and measure = $3 and starts_on = $4",
            self.ids.get(name, self.work.viewer.org_id),
            measure,
            starts_on,
        )
        return rows[0] if rows else None

    async def events(self, kind: str) -> list[Record]:
        """What was recorded and is not forgotten, whether or not a relay that runs beside has numbered it."""
        rows = await self.fetch(_EVENTS)
        return [row for row in rows if row["kind"] == kind and row["event_id"] not in self.forgotten]

    async def forget_events(self) -> None:
        self.forgotten |= {row["event_id"] for row in await self.fetch(_EVENTS)}


@pytest.fixture
async def company(make_org: MakeOrg) -> Company:
    """`team north` and `team south` under `team all`; `rep ann` in the north, `rep bob` in the south."""
    company = Company(await make_org(calendar=VERSION, now=NOW))
    await company.team("team all")
    await company.team("team north", "team all")
    await company.team("team south", "team all")
    await company.rep("rep ann", "team north")
    await company.rep("rep bob", "team south")
    await company.forget_events()
    return company
