"""What `attain bench pay` asks of a database: a draft held against a year of everybody's deals."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dev.bench.history import sales
from dev.bench.report import Cell, Table
from dev.services import Services, services
from domain.incentives.model import AssignItem
from domain.incentives.plan import Plan
from domain.incentives.plans import incentive_plan_assign, incentive_plan_draft, incentive_plan_publish
from domain.incentives.whatif import simulate
from domain.org import actions as org
from domain.work import Work
from sql.migrate import migrate
from sql.pool import Database
from sql.queries import queries

IN_FORCE = "in-force"

Drafts = Sequence[tuple[str, Plan]]


def simulation(folder: Path, reps: int, deals: int, drafts: Drafts) -> Table:
    """Each draft against the first of them, in force for everybody, over the year before today, as
    `incentivePlanSimulate` does it. Raises `ServiceError`."""
    with services(folder / "pay") as running:
        rows = asyncio.run(_run(running, reps, deals, drafts))
    columns = ("draft", "reps", "deals", "months", "CPU s", "seconds")
    note = (
        "Twice the calculation: by the plan in force, a rate, and by the draft. CPU is of the process that calculates."
    )
    return Table("A draft held against a year", columns, rows, note)


async def _run(running: Services, reps: int, deals: int, drafts: Drafts) -> list[list[Cell]]:
    await migrate(running.database_url)
    db = await Database.open(running.database_url, size=2, timeout_ms=600_000)
    rows: list[list[Cell]] = []
    try:
        work = await sales(db, running, reps, deals, lambda *_: None)
        today = datetime.now(UTC).date()
        first = (today - timedelta(days=365)).replace(day=1)
        await _in_force(work, drafts[0][1], first)
        for name, draft in drafts:
            terms = replace(draft, currency="USD", starts_on=first)
            began, cpu = time.perf_counter(), time.process_time()
            async with db.session(work.viewer.org_id) as session:
                found = await simulate(session, await org.calendar(session), today, IN_FORCE, terms, first, today)
            spent = (round(time.process_time() - cpu, 2), round(time.perf_counter() - began, 2))
            rows.append([name, len(found), reps * deals, 13, *spent])
    finally:
        await db.close()
    return rows


async def _in_force(work: Work, terms: Plan, first: date) -> None:
    """Publish the plan for everybody unless it is there."""
    async with work.db.session(work.viewer.org_id) as session:
        if await session.value(queries("earnings").any_plan):
            return
        everybody = await session.fetch(queries("earnings").everybody)
    drafted = await incentive_plan_draft(
        work, key=IN_FORCE, document=replace(terms, currency="USD", starts_on=first - timedelta(days=60))
    )
    await incentive_plan_publish(work, drafted.plan_id)
    items = [AssignItem(row["rep_id"], max(row["hired_on"], first - timedelta(days=60))) for row in everybody]
    await incentive_plan_assign(work, drafted.plan_id, items)
