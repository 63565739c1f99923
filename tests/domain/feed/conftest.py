"""A small sales organisation: Max manages Sales; below it North has Mia as manager, South has none.

Ann and Bob are reps in North, Cy in South. Ann signs in too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.feed.coaching import coach, day_of
from domain.org.actions import calendar
from domain.org.model import SCOPES, Role, Viewer
from domain.scorecards.formula import formula_to_json
from domain.scorecards.model import Kpi
from domain.work import Work
from sql.pool import Record, uuid7
from sql.queries import Query
from tests.conftest import MakeOrg
from tests.domain.feed.cases import CYCLE, MEETINGS, WIN_RATE

NOW = datetime(2026, 11, 16, 15, tzinfo=UTC)
"""Monday 16 November 2026, 10:00 in New York."""


@dataclass
class Company:
    """An organisation in a test, and what is where in it."""

    admin: Work
    users: dict[str, UUID] = field(default_factory=dict)
    teams: dict[str, UUID] = field(default_factory=dict)
    reps: dict[str, UUID] = field(default_factory=dict)
    kpis: dict[str, Kpi] = field(default_factory=dict)

    async def run(self, sql: str, *args: object) -> list[Record]:
        """A statement of the test itself; `$1` is the organisation."""
        async with self.admin.db.session(self.admin.viewer.org_id) as session:
            return await session.fetch(Query("test", sql), *args)

    def at(self, day: date | datetime) -> "Company":
        """The same company on another day, at 10:00 in New York, or at an instant."""
        instant = day if isinstance(day, datetime) else datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
        return replace(self, admin=replace(self.admin, now=instant))

    def as_(self, name: str) -> Work:
        """Work of one of the people."""
        role = {"ann": Role.REP}.get(name, Role.MANAGER)
        rep_id = self.reps["ann"] if name == "ann" else None
        viewer = Viewer(self.admin.viewer.org_id, SCOPES[role], role, self.users[name], None, rep_id, name)
        return replace(self.admin, viewer=viewer)

    async def user(self, name: str, role: Role) -> None:
        self.users[name] = uuid7()
        await self.run(
            "insert into app_user (org_id, user_id, email, name, role, created_at) values ($1, $2, $3, $4, $5, $6)",
            self.users[name],
            f"{name}@harbor.example",
            name,
            role,
            NOW,
        )

    async def team(self, name: str, parent: str | None, manager: str | None) -> None:
        self.teams[name] = team_id = uuid7()
        await self.run(
            "insert into team (org_id, team_id, external_id, name, parent_id, manager_id, created_at) "
            "values ($1, $2, $3, $3, $4, $5, $6)",
            team_id,
            name,
            self.teams[parent] if parent else None,
            self.users[manager] if manager else None,
            NOW,
        )
        await self.run(
            "insert into team_ancestor (org_id, team_id, ancestor_id, depth) values ($1, $2, $2, 0)", team_id
        )
        if parent:
            await self.run(
                "insert into team_ancestor select $1, $2, ancestor_id, depth + 1 from team_ancestor "
                "where org_id = $1 and team_id = $3",
                team_id,
                self.teams[parent],
            )

    async def rep(self, name: str, team: str, user: str | None = None, role: str | None = None) -> UUID:
        self.reps[name] = rep_id = uuid7()
        await self.run(
            "insert into rep (org_id, rep_id, external_id, user_id, name, role, hired_on, created_at) "
            "values ($1, $2, $3, $4, $3, $5, '2024-01-01', $6)",
            rep_id,
            name,
            self.users[user] if user else None,
            role,
            NOW,
        )
        await self.run(
            "insert into assignment (org_id, rep_id, starts_on, team_id) values ($1, $2, '2024-01-01', $3)",
            rep_id,
            self.teams[team],
        )
        return rep_id

    async def kpi(self, kpi: Kpi) -> Kpi:
        """A KPI of this organisation, instead of the built-in one of that key."""
        (found,) = await self.run(
            "insert into kpi (org_id, kpi_id, key, created_at) values ($1, $2, $3, $4) "
            "on conflict (org_id, key) do update set key = excluded.key returning kpi_id",
            uuid7(),
            kpi.key,
            NOW,
        )
        self.kpis[kpi.key] = own = replace(kpi, kpi_id=found["kpi_id"])
        await self.run("delete from kpi_version where org_id = $1 and kpi_id = $2", own.kpi_id)
        await self.run(
            "insert into kpi_version (org_id, kpi_id, version, valid_from, name, description, category, unit, "
            "direction, is_leading, prorated, window_weeks, formula, created_at) "
            "values ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            own.kpi_id,
            own.valid_from,
            own.name,
            own.description,
            own.category,
            own.unit,
            own.direction,
            own.leading,
            own.prorated,
            own.window_weeks,
            formula_to_json(own.formula),
            NOW,
        )
        return own

    async def week(self, rep: str, week: date, kpi: str = "meetings", value: object = 40, **over: Any) -> None:
        """A stored result, as the scorecards write it; again for the same week it replaces the old one."""
        row = {"target": 40, "sample": 20, "weight": 1, "workdays_available": 5} | over
        number = {key: None if row.get(key) is None else Decimal(str(row[key])) for key in ("numerator", "denominator")}
        await self.run(
            "insert into scorecard (org_id, subject, subject_id, week, template_id, template_version, "
            "calendar_version, workdays, workdays_available, status, computed_at, inputs_through) "
            "values ($1, 'REP', $2, $3, $4, 1, 1, 5, $5, 'NO_DATA', $6, $6) on conflict do nothing",
            self.reps[rep],
            week,
            UUID(int=1),
            row["workdays_available"],
            NOW,
        )
        await self.run(
            "insert into kpi_result (org_id, subject, subject_id, week, kpi_id, kpi_version, position, weight, value, "
            "numerator, denominator, sample, target, status, computed_at, inputs_through) "
            "values ($1, 'REP', $2, $3, $4, 1, 1, $5, $6, $7, $8, $9, $10, 'NO_DATA', $11, $11) "
            "on conflict (org_id, subject, subject_id, week, kpi_id) do update set value = excluded.value",
            self.reps[rep],
            week,
            self.kpis[kpi].kpi_id,
            Decimal(row["weight"]),
            None if value is None else Decimal(str(value)),
            number["numerator"],
            number["denominator"],
            row["sample"],
            None if row["target"] is None else Decimal(str(row["target"])),
            NOW,
        )

    async def coach(self, *names: str) -> None:
        """Evaluate the rules for these reps, or for all."""
        reps: Sequence[UUID] = [self.reps[name] for name in names or self.reps]
        async with Work.system(self.admin.db, self.admin.viewer.org_id, self.admin.now).transaction() as tx:
            await coach(tx, await day_of(tx, await calendar(tx)), reps)

    async def items(self) -> list[Record]:
        return await self.run("select * from action_item where org_id = $1 order by priority desc, title")

    async def timeline(self) -> list[str]:
        rows = await self.run("select kind from action_item_event where org_id = $1 order by occurred_at, event_id")
        return [row["kind"] for row in rows]

    async def events(self) -> list[Record]:
        """The feed's events in order, whether or not a relay has taken them to the log."""
        return await self.run(
            "select 1::bigint as seq, e.* from ("
            "select event_id, kind, change, node_type, node_key, rep_id, team_id, data, occurred_at, trace "
            "from outbox where org_id = $1 union all "
            "select event_id, kind, change, node_type, node_key, rep_id, team_id, data, occurred_at, trace "
            "from event_log where org_id = $1) e where kind = 'feed.action_item' order by event_id"
        )

    async def everything(self) -> list[list[Record]]:
        """All that acts may change, to see that a refused one changed nothing."""
        tables = ("action_item", "action_item_event", "audit_log", "coaching_rule_version", "coach_mark")
        rows = [await self.run(f"select * from {table} where org_id = $1 order by {table}::text") for table in tables]  # noqa: S608
        return [*rows, await self.events()]


@pytest.fixture
async def company(make_org: MakeOrg) -> Company:
    made = Company(await make_org(now=NOW))
    for table in ("coaching_rule_version", "coaching_rule"):  # each test says which rules there are
        await made.run(f"delete from {table} where org_id = $1")  # noqa: S608
    made.users["ada"] = made.admin.viewer.user_id or uuid7()
    for name, role in (("max", Role.MANAGER), ("mia", Role.MANAGER), ("sam", Role.MANAGER), ("ann", Role.REP)):
        await made.user(name, role)
    await made.team("sales", None, "max")
    await made.team("north", "sales", "mia")
    await made.team("south", "sales", None)
    await made.rep("ann", "north", user="ann")
    await made.rep("bob", "north")
    await made.rep("cy", "south")
    for kpi in (MEETINGS, WIN_RATE, CYCLE):
        await made.kpi(kpi)
    return made
