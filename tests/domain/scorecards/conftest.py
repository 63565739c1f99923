"""A sales organisation made by the public actions: in Sales are North, with Ann and Ben, and South, with Cyd."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.calendar import PeriodKind
from domain.dirty import Dirty, Mark, Touch
from domain.org.actions import calendar
from domain.org.model import Leave, Move, RepItem, TeamItem
from domain.org.people import reps_upsert
from domain.org.trees import teams_upsert
from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus, LeadItem
from domain.quotas import model as quotas
from domain.quotas import results as attainment
from domain.quotas.actions import quotas_set
from domain.scorecards.actions import template_publish
from domain.scorecards.model import Line, Template
from domain.scorecards.results import advance, recompute
from domain.work import Work
from sql.pool import Record
from sql.queries import Query, queries
from tests.conftest import MakeOrg

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
"""Friday 20 November 2026, 15:00 in New York."""

WEEK = date(2026, 11, 16)
"""The current week."""

KPIS = ("calls", "win_rate", "revenue")


def at(day: date, hour: int = 10) -> datetime:
    """An hour of a day in New York, in the winter."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(hours=5)


@dataclass
class Company:
    """An organisation in a test."""

    work: Work
    kpis: dict[str, UUID] = field(default_factory=dict)
    reps: dict[str, UUID] = field(default_factory=dict)
    teams: dict[str, UUID] = field(default_factory=dict)

    async def run(self, sql: str, *args: object) -> list[Record]:
        """A statement of the test itself; `$1` is the organisation."""
        async with self.work.db.session(self.work.viewer.org_id) as session:
            return await session.fetch(Query("test", sql), *args)

    async def load(self) -> "Company":
        """Learn the ids of everything by its name."""
        self.kpis = {row["key"]: row["kpi_id"] for row in await self.run("select * from kpi where org_id = $1")}
        self.reps = {row["external_id"]: row["rep_id"] for row in await self.run("select * from rep where org_id = $1")}
        rows = await self.run("select * from team where org_id = $1")
        self.teams = {row["external_id"]: row["team_id"] for row in rows}
        return self

    def at(self, now: datetime) -> "Company":
        """The same at another time."""
        return replace(self, work=replace(self.work, now=now))

    async def call(self, rep: str, day: date, count: int = 1, prefix: str = "") -> None:
        items = [ActivityItem(f"{prefix}{rep}{day}{i}", rep, "CALL", at(day)) for i in range(count)]
        result = await activities_ingest(self.work, "crm", items)
        assert not result.problems

    async def lead(self, rep: str, arrived: datetime, name: str = "lead", **over: Any) -> None:
        result = await leads_ingest(self.work, "crm", [LeadItem(name, rep, arrived, company="Acme", **over)])
        assert not result.problems

    async def deal(self, rep: str, opened: date, closed: date | None = None, **over: Any) -> None:
        won = DealStatus.WON if closed else DealStatus.OPEN
        given: dict[str, Any] = {"external_id": f"{rep}{opened}{closed}", "name": "Deal", "stage": "s", "status": won}
        given |= {"amount": Decimal(1000), "currency": "USD", "rep_external_id": rep, "opened_at": at(opened)} | over
        result = await deals_ingest(self.work, "crm", [DealItem(**given, closed_at=at(closed) if closed else None)])
        assert not result.problems

    async def leave(self, rep: str, start: date, end: date) -> None:
        result = await reps_upsert(self.work, [RepItem(rep, leave=[Leave(start, end)])])
        assert not result.problems

    async def move(self, rep: str, team: str, day: date) -> None:
        result = await reps_upsert(self.work, [RepItem(rep, team=Move(team, day))])
        assert not result.problems

    async def publish(
        self,
        *kpis: str,
        targets: Sequence[int] = (),
        key: str = "standard",
        since: date = date(2026, 1, 5),
        **over: Any,
    ) -> Template:
        """A template with these KPIs."""
        wanted = [Decimal(target) for target in targets] or [Decimal(10)] * len(kpis)
        lines = [Line(self.kpis[kpi], Decimal(1), target) for kpi, target in zip(kpis, wanted, strict=True)]
        return await template_publish(self.work, key=key, name=key, lines=tuple(lines), valid_from=since, **over)

    async def recompute(self, marks: Iterable[Mark] | None = None) -> None:
        """As the workers do: claim the marks, or take those given, and recompute."""
        async with Work.system(self.work.db, self.work.viewer.org_id, self.work.now).transaction() as tx:
            rows = await tx.fetch(queries("live").marks)
            claimed = [Mark(row["rep_id"], row["from_day"], row["through_day"], Touch(row["touch"])) for row in rows]
            await tx.fetch(queries("live").recompute_claim)
            dirty = Dirty.of(tx.now, claimed if marks is None else marks)
            await attainment.recompute(tx, await calendar(tx), dirty)
            await recompute(tx, await calendar(tx), dirty)
            while await advance(tx, await calendar(tx)):
                pass

    async def recompute_all(self) -> None:
        """From nothing, whatever is stored."""
        for table in ("scorecard", "kpi_result"):
            await self.run(f"delete from {table} where org_id = $1")  # noqa: S608
        await self.recompute([Mark(None, date(2010, 1, 1), None)])

    async def result(self, subject: str, kpi: str, week: date = WEEK) -> Record | None:
        """The stored result of a rep or a team, by name."""
        subject_id = self.reps.get(subject) or self.teams[subject]
        rows = await self.run(
            "select * from kpi_result where org_id = $1 and subject_id = $2 and kpi_id = $3 and week = $4",
            subject_id,
            self.kpis[kpi],
            week,
        )
        return rows[0] if rows else None

    async def value(self, subject: str, kpi: str, week: date = WEEK) -> Decimal | None:
        """The stored value; the result has to exist."""
        result = await self.result(subject, kpi, week)
        assert result is not None, f"{subject} has no {kpi} in the week of {week}"
        value: Decimal | None = result["value"]
        return value

    async def state(self) -> list[tuple[object, ...]]:
        """All results without the times of their computation."""
        rows = await self.run(
            "select subject, subject_id, week, template_id, template_version, workdays, workdays_available, s.score, "
            "s.status, r.kpi_id, r.kpi_version, r.position, r.weight, r.value, r.numerator, r.denominator, r.sample, "
            "r.target, r.ratio, r.gap, r.status, r.trend "
            "from scorecard s left join kpi_result r using (org_id, subject, subject_id, week) "
            "where s.org_id = $1 order by subject, subject_id, week, r.position"
        )
        return [tuple(row) for row in rows]

    async def sums(self) -> list[tuple[object, ...]]:
        """What is kept added up of the facts."""
        rows = await self.run("select * from fact_sum where org_id = $1 order by operand_id, team_id, day, part, x")
        return [tuple(row) for row in rows]

    async def events(self) -> list[tuple[str, str, str]]:
        """Change, subject's name and week of what was recorded since the last look."""
        names = {str(v): k for k, v in (self.reps | self.teams).items()}
        rows = await self.run(
            "delete from outbox where org_id = $1 and kind = 'scorecards.scorecard' returning change, data, event_id"
        )
        return sorted((r["change"], names[r["data"]["subject_id"]], r["data"]["week"]) for r in rows)


async def make_company(make_org: MakeOrg) -> Company:
    """The organisation, without facts and templates; its marks and events are worked off."""
    work = await make_org(now=NOW)
    teams = [TeamItem("sales", "Sales", None), TeamItem("north", "North", "sales"), TeamItem("south", "South", "sales")]
    assert not (await teams_upsert(work, teams)).problems
    since = date(2024, 1, 1)
    reps = [
        RepItem(name, name.title(), since, role="Advisor", team=Move(team, since))
        for name, team in (("ann", "north"), ("ben", "north"), ("cyd", "south"))
    ]
    assert not (await reps_upsert(work, reps)).problems
    company = await Company(work).load()
    await company.recompute()
    await company.run("delete from outbox where org_id = $1")
    return company


async def quota(company: Company, rep: str, amount: int) -> None:
    """A revenue quota of the quarter."""
    async with company.work.db.session(company.work.viewer.org_id) as session:
        quarter = (await calendar(session)).period(PeriodKind.QUARTER, WEEK)
    item = quotas.QuotaItem(
        quotas.Subject.REP,
        company.reps[rep],
        quotas.Measure.REVENUE,
        quarter,
        quotas.Terms(Decimal(amount)),
        currency="USD",
    )
    await quotas_set(company.work, [item])


@pytest.fixture
async def company(make_org: MakeOrg) -> Company:
    """A company of the test alone."""
    return await make_company(make_org)
