"""Organisations with as long a history as a bench asks for, kept between runs."""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from dev.services import Services, postgres_programs
from domain.calendar import WEEK, CalendarVersion, PeriodKind
from domain.org.actions import CALENDAR_FROM, calendar, organization_create
from domain.org.model import Move, RepItem, TeamItem
from domain.org.people import reps_upsert
from domain.org.trees import teams_upsert
from domain.quotas.actions import quotas_set
from domain.quotas.model import Measure, QuotaItem, Subject, Terms
from domain.scorecards.actions import template_publish
from domain.scorecards.definitions import definitions
from domain.scorecards.model import Line
from domain.work import Work
from sql.pool import Database
from sql.queries import queries, read

_history = read(Path(__file__).with_name("history.sql"))

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

WEEKS = 13
TARGETS = {"meetings": "4", "win_rate": "0.5", "sales_cycle": "40", "lead_to_quote_sla": "0.9", "revenue": "10000"}
_TEAM = 20
"""Reps of a team; ten teams make an area, and areas make the one team at the top."""
_SHARES = {"activities": 84, "leads": 6, "deals": 10}
_CHUNK = 50_000

T = TypeVar("T")


async def history(db: Database, running: Services, reps: int, facts: int, progress: Progress) -> Work:
    """The organisation of this size, made unless it is there: 5 KPIs, a quota a rep, a quarter of facts."""
    admin = f"admin@{reps}-{facts}.example"
    for row in await db.system(queries("live").organizations):
        async with db.session(row["org_id"]) as session:
            known = await session.row(queries("access").user_by_email, admin)
            if known and await session.value(_history.facts) >= facts * 99 // 100:
                return Work.system(db, row["org_id"])
    now = datetime.now(UTC)
    first = now.date() - WEEKS * WEEK
    work = await _organization(db, f"{facts:,} facts of {reps:,} reps", admin, now)
    await _people(work, reps, first, progress)
    await _plans(work, first, progress)
    async with db.session(work.viewer.org_id) as session:
        ids = [row["rep_id"] for row in await session.fetch(_history.reps)]
        done = 0
        for kind, share in _SHARES.items():
            count = facts * share // 100
            for start in range(0, count, _CHUNK):
                through = min(start + _CHUNK, count) - 1
                days = (now.date() - first).days
                await session.execute(_history.all[kind], ids, start, through, days, now)
                done += through + 1 - start
                progress(f"Storing {facts:,} facts", done, facts)
    analyze(running)
    return Work.system(db, work.viewer.org_id)


async def sales(db: Database, running: Services, reps: int, deals: int, progress: Progress) -> Work:
    """An organisation of so many reps, who won so many deals each in the year before today, made unless it is there."""
    admin = f"admin@{reps}-sell-{deals}.example"
    for row in await db.system(queries("live").organizations):
        async with db.session(row["org_id"]) as session:
            known = await session.row(queries("access").user_by_email, admin)
            if known and await session.value(_history.facts):
                return Work.system(db, row["org_id"])
    now = datetime.now(UTC)
    work = await _organization(db, f"{reps:,} reps", admin, now)
    await _people(work, reps, now.date() - 60 * WEEK, progress)
    async with db.session(work.viewer.org_id) as session:
        ids = [row["rep_id"] for row in await session.fetch(_history.reps)]
        # Four of nine are won.
        count = reps * deals * 9 // 4
        for start in range(0, count, _CHUNK):
            await session.execute(_history.deals, ids, start, min(start + _CHUNK, count) - 1, 365, now)
            progress(f"Storing {count:,} deals", start, count)
    analyze(running)
    return Work.system(db, work.viewer.org_id)


def analyze(running: Services) -> None:
    """Statistics and visibility maps for the planner, as autovacuum would make them in a while."""
    host = running.database_url.partition("host=")[2]
    subprocess.run(
        [str(postgres_programs() / "vacuumdb"), "-q", "-z", "-h", host, "-U", "postgres", "postgres"],
        check=True,
        capture_output=True,
    )


async def _organization(db: Database, name: str, admin: str, now: datetime) -> Work:
    calendar = CalendarVersion(1, CALENDAR_FROM, "UTC")
    return await organization_create(
        db, name=name, currency="USD", calendar=calendar, now=now, admin_email=admin, admin_name="Ada Admin"
    )


async def _people(work: Work, reps: int, hired: date, progress: Progress) -> None:
    teams = -(-reps // _TEAM)
    areas = -(-teams // 10)
    items = [
        TeamItem("top", "Everybody"),
        *(TeamItem(f"area-{n}", f"Area {n}", parent="top") for n in range(areas)),
        *(TeamItem(f"team-{n}", f"Team {n}", parent=f"area-{n // 10}") for n in range(teams)),
    ]
    _sound((await teams_upsert(work, items)).problems)
    everybody = [
        RepItem(f"rep-{n:05}", f"Rep {n}", hired_on=hired - 10 * WEEK, team=Move(f"team-{n // _TEAM}"))
        for n in range(reps)
    ]
    for done, chunk in _chunks(everybody):
        progress("Hiring", done, reps)
        _sound((await reps_upsert(work, chunk)).problems)


async def _plans(work: Work, first: date, progress: Progress) -> None:
    async with work.db.session(work.viewer.org_id) as session:
        kpis = {versions[0].key: kpi_id for kpi_id, versions in (await definitions(session)).kpis.items()}
        period = (await calendar(session)).period(PeriodKind.QUARTER, work.now.date())
        ids = [row["rep_id"] for row in await session.fetch(_history.reps)]
    lines = tuple(Line(kpis[key], Decimal(20), Decimal(target)) for key, target in TARGETS.items())
    await template_publish(work, key="standard", name="Standard", lines=lines, valid_from=first)
    terms = Terms(Decimal(150_000))
    quotas = [QuotaItem(Subject.REP, rep_id, Measure.REVENUE, period, terms) for rep_id in ids]
    for done, chunk in _chunks(quotas):
        progress("Setting quotas", done, len(quotas))
        await quotas_set(work, chunk)


def _chunks(items: Sequence[T]) -> Iterable[tuple[int, Sequence[T]]]:
    for start in range(0, len(items), 1_000):
        yield start, items[start : start + 1_000]


def _sound(problems: Sequence[object]) -> None:
    if problems:
        raise RuntimeError(f"the bench's company was refused: {problems[0]}")
