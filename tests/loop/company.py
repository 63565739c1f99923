"""A sales organisation whose numbers are kept as the workers keep them, and what they should be."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from uuid import UUID

from domain import recompute
from domain.calendar import CalendarVersion
from domain.org.actions import CALENDAR_FROM, organization_create
from domain.org.model import Move, RepItem, Role, TeamItem, UserItem, UserKey
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus, LeadItem
from domain.quotas.model import AttainmentKey, Measure
from domain.scorecards import results as scorecards
from domain.scorecards.actions import template_publish
from domain.scorecards.model import Line
from domain.work import Work
from sql.pool import Database, Record
from sql.queries import Query, queries
from workers.relay import number

_live = queries("live")

NOW = datetime(2027, 1, 15, 20, tzinfo=UTC)
"""Friday 15 January 2027, 15:00 in New York: weeks, quarters and years end within reach."""

WEEK = date(2027, 1, 11)
"""The current week."""

HIRED = date(2025, 1, 6)

REPS = {"ann": "north", "ben": "north", "cyd": "south", "dee": "south"}
"""Reps by external id, and the teams in which they begin."""

_NAMES = """
select rep_id as id, external_id as name from rep where org_id = $1
union all select team_id, external_id from team where org_id = $1
union all select kpi_id, key from kpi where org_id = $1
union all select template_id, key from scorecard_template where org_id = $1
union all select rule_id, key from coaching_rule where org_id = $1
union all select user_id, email from app_user where org_id = $1
union all select deal_id, external_id from deal where org_id = $1
union all select item_id, concat_ws(' ', 'item', r.external_id, k.key, i.week)
  from action_item i join rep r using (org_id, rep_id) join kpi k using (org_id, kpi_id) where org_id = $1
union all select $1, 'everybody'"""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_NOT_COMPARED = ("computed_at", "inputs_through")

Rows = dict[str, tuple[object, ...]]
"""Rows by table and key."""


def at(day: date, hour: int = 10) -> datetime:
    """An hour of a day in New York, in the winter."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(hours=5)


@dataclass
class Company:
    """An organisation in a test. `told` is how many events were read from its log."""

    work: Work
    kpis: dict[str, UUID] = field(default_factory=dict)
    reps: dict[str, UUID] = field(default_factory=dict)
    teams: dict[str, UUID] = field(default_factory=dict)
    told: int = 0

    @classmethod
    async def found(cls, db: Database, now: datetime = NOW) -> "Company":
        """North and South under Sales, two reps in each, managers of Sales and North; no facts and no templates yet."""
        zone = CalendarVersion(1, CALENDAR_FROM, "America/New_York")
        work = await organization_create(
            db,
            name="Harbor Brokers",
            currency="USD",
            calendar=zone,
            now=now,
            admin_email="ada@harbor.example",
            admin_name="Ada Admin",
        )
        managers = [UserItem(f"{name}@harbor.example", name.title(), Role.MANAGER) for name in ("max", "nora")]
        teams = [
            TeamItem("sales", "Sales", manager=UserKey("max@harbor.example")),
            TeamItem("north", "North", "sales", manager=UserKey("nora@harbor.example")),
            TeamItem("south", "South", "sales"),
        ]
        reps = [RepItem(key, key.title(), HIRED, role="Advisor", team=Move(team)) for key, team in REPS.items()]
        for stored in (
            await users_upsert(work, managers),
            await teams_upsert(work, teams),
            await reps_upsert(work, reps),
        ):
            assert not stored.problems, stored.problems
        company = cls(work)
        company.kpis = {row["key"]: row["kpi_id"] for row in await company.run("select * from kpi where org_id = $1")}
        rows = await company.run("select * from rep where org_id = $1")
        company.reps = {row["external_id"]: row["rep_id"] for row in rows}
        rows = await company.run("select * from team where org_id = $1")
        company.teams = {row["external_id"]: row["team_id"] for row in rows}
        return company

    @property
    def org_id(self) -> UUID:
        return self.work.viewer.org_id

    @property
    def system(self) -> Work:
        """Work of the workers, at the company's time."""
        return Work.system(self.work.db, self.org_id, self.work.now)

    def now(self) -> Work:
        """The administrator's work at this moment."""
        return replace(self.work, now=datetime.now(UTC))

    async def run(self, sql: str, *args: object) -> list[Record]:
        """A statement of the test itself; `$1` is the organisation."""
        async with self.work.db.session(self.org_id) as session:
            return await session.fetch(Query("test", sql), *args)

    async def publish(
        self, *kpis: str, key: str = "standard", since: date = date(2026, 1, 5), target: int = 10, **over: UUID | str
    ) -> None:
        """A scorecard template with these KPIs."""
        lines = tuple(Line(self.kpis[kpi], Decimal(i + 1), Decimal(target)) for i, kpi in enumerate(kpis))
        await template_publish(self.work, key=key, name=key, lines=lines, valid_from=since, **over)  # type: ignore[arg-type]

    async def live_through(self, weeks: int = 12) -> None:
        """A past: a fact of every kind each week for somebody, on a scorecard of four KPIs."""
        await self.publish("calls", "win_rate", "pipeline_coverage", "revenue", since=WEEK - timedelta(weeks=20))
        calls, asks, sales = [], [], []
        for i, rep in zip(range(3 * weeks), cycle(REPS), strict=False):
            day = WEEK - timedelta(weeks=i // 3, days=-(i % 3))
            calls.append(ActivityItem(f"past{i}", rep, "CALL", at(day)))
            asks.append(LeadItem(f"past{i}", rep, at(day), quoted_at=at(day) + timedelta(hours=i)))
            status = (DealStatus.WON, DealStatus.LOST, DealStatus.OPEN)[i % 4 % 3]
            times = (at(day - timedelta(days=i)), None if status is DealStatus.OPEN else at(day))
            amount = Decimal(100 + i)
            deal = DealItem(
                f"past{i}", rep, "Cover", "Met", status, amount, "USD", opened_at=times[0], closed_at=times[1]
            )
            sales.append(deal)
        for result in (
            await activities_ingest(self.work, "crm", calls),
            await leads_ingest(self.work, "crm", asks),
            await deals_ingest(self.work, "crm", sales),
        ):
            assert result.created == 3 * weeks
        await self.drain()

    async def drain(self) -> None:
        """Recompute and coach until nothing is stale, and number what happened."""
        await self.recompute()
        while await recompute.coach(self.system):
            pass
        await number(self.work.db, self.org_id)

    async def recompute(self) -> None:
        """Until nothing is stale."""
        while await recompute.recompute(self.system):
            pass

    async def pass_time(self, hours: float) -> None:
        """The clock goes on, and the workers' tick with it."""
        self.work = replace(self.work, now=self.work.now + timedelta(hours=hours))
        await scorecards.stale_by_time(self.system)
        await recompute.new_day(self.system)

    async def results(self) -> Rows:
        """What was computed, of every table that says when: whatever is computed has `computed_at`."""
        tables = await self.run(
            "select table_name from information_schema.columns"
            " where table_schema = 'public' and column_name = 'computed_at' and $1::uuid is not null"
        )
        found: Rows = {}
        for (table,) in tables:
            for row in await self.run(f"select * from {table} where org_id = $1"):  # noqa: S608
                key, *rest = _node(table, row)
                found[":".join((table, key, *rest))] = tuple(
                    value for name, value in row.items() if name not in _NOT_COMPARED
                )
        return found

    async def items(self) -> Rows:
        """The feed, without the times of its changes."""
        rows = await self.run(
            "select item_id, status, rep_id, assignee_id, kpi_id, rule_id, rule_version, week, evidence, priority,"
            " due_on, title, body, outcome, dismiss_reason, version from action_item where org_id = $1"
        )
        return {f"action_item:{row['item_id']}": tuple(map(_plain, row)) for row in rows}

    async def events(self) -> list[Record]:
        """The log's news since the last look; numbered without a gap."""
        rows = await self.run(
            "select seq, kind, change, node_type, node_key from event_log where org_id = $1 and seq > $2 order by seq",
            self.told,
        )
        assert [row["seq"] for row in rows] == list(range(self.told + 1, self.told + 1 + len(rows)))
        self.told += len(rows)
        return rows

    async def story(self) -> dict[str, list[str]]:
        """Results, items and events in the words of everybody: with names for ids, to be compared with another's."""
        rows = await self.run(_NAMES)
        names = {str(row["id"]): row["name"] for row in rows}

        def told(things: Iterable[object]) -> list[str]:
            return sorted(_ID.sub(lambda found: names.get(found[0], "?"), str(thing)) for thing in things)

        def plain(rows: Rows) -> Iterator[str]:
            for key, row in rows.items():
                yield f"{key} {[str(value) for value in row]}"

        # Each telling of a deal is an event of its own; of what is computed, only a change is.
        events = await self.run("select kind, change, node_key from event_log where org_id = $1 and kind !~ '^org[.]'")
        return {
            "results": told(plain(await self.results())),
            "items": told(plain(await self.items())),
            "events": told(tuple(row) for row in events if row["kind"] != "pipeline.deal"),
            "deals": told({row["node_key"] for row in events if row["kind"] == "pipeline.deal"}),
        }

    async def compute_anew(self) -> None:
        """Every result from the facts alone: as if nothing had ever been computed."""
        for table in ("scorecard", "kpi_result", "attainment", "attained"):
            await self.run(f"delete from {table} where org_id = $1")  # noqa: S608
        await self.stale()
        await self.recompute()

    async def stale(self) -> None:
        """Everything is to be recomputed, and everybody coached."""
        async with self.system.transaction() as tx:
            tx.mark(None, CALENDAR_FROM, None)
            for row in await self.run("select rep_id from rep where org_id = $1"):
                tx.coach(row["rep_id"])


def changed(before: Rows, after: Rows) -> set[str]:
    """The nodes of rows that differ, are new or gone."""
    return {node(key) for key, *_ in difference(before, after)}


def difference(is_: Rows, should: Rows) -> list[tuple[str, object, object]]:
    """Each row that is not as it should be: its key, what it is, what it should be."""
    keys = sorted(is_.keys() | should.keys())
    return [(key, is_.get(key), should.get(key)) for key in keys if is_.get(key) != should.get(key)]


def node(key: str) -> str:
    """The node that a row is told of by: a KPI's result by its scorecard, the others by themselves."""
    table, _, rest = key.partition(":")
    return rest.rpartition(":")[0] if table == "kpi_result" else rest


def _node(table: str, row: Record) -> Sequence[str]:
    """The key of the row's node, and what else tells the row from others."""
    if table == "attainment":
        kpi_id = row["kpi_id"] if row["kpi_id"].int else None
        which = (row["subject"], row["subject_id"], Measure(row["measure"]), kpi_id, row["period_kind"])
        return (str(AttainmentKey(*which, row["starts_on"])),)
    if table in ("scorecard", "kpi_result"):
        key = f"{row['subject']}:{row['subject_id']}:{row['week']}"
        return (key,) if table == "scorecard" else (key, str(row["kpi_id"]))
    if table == "statement":
        return (str(row["statement_id"]),)
    raise AssertionError(f"say by which key the rows of {table} are told of")


def _plain(value: object) -> object:
    return str(value) if isinstance(value, dict) else value
