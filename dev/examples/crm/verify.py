"""Does Attain say what the CSV says? Revenue won, win rate and median cycle per agent and quarter of 2017.

    python -m dev.examples.crm.verify --data FOLDER --email ADMIN --org ID [--data-dir .attain]

Run it after the import. It sets a quota per agent and quarter, has stale numbers recomputed, and compares: revenue and
ratio with the stored attainment, win rate and cycle with the catalogue's KPIs measured over the quarter. What it
compares them with is worked out here from the file alone. Prints every line; exit code 1 when one differs.
"""

import asyncio
import csv
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from domain.calendar import Calendar, Period, PeriodKind
from domain.org.actions import calendar
from domain.org.sight import person
from domain.pipeline.mapping import plan
from domain.quotas.actions import quotas_set
from domain.quotas.model import NO_KPI, Measure, QuotaItem, Subject, Terms
from domain.recompute import recompute
from domain.scorecards import measures, rules
from domain.scorecards.catalog import CATALOG
from domain.scorecards.formula import Leaf, leaves
from domain.scorecards.model import Measured
from domain.scorecards.model import Subject as Facing
from domain.work import Work
from sql.pool import Database
from sql.queries import queries

QUOTA = Decimal(75_000)
YEAR = 2017

_KPIS = {kpi.key: kpi.formula for kpi in CATALOG if kpi.key in ("win_rate", "sales_cycle")}
_DATES = plan(Path(__file__).parent / "mapping.toml").date_formats[0]


@dataclass(frozen=True, slots=True)
class Numbers:
    """An agent's quarter. Rate and cycle are None without a deal to judge by."""

    revenue: Decimal
    ratio: Decimal
    win_rate: Decimal | None
    cycle: Decimal | None


Board = dict[tuple[str, str], Numbers]
"""By agent and quarter ("2017-Q1")."""


@dataclass(slots=True)
class _Tally:
    revenue: Decimal = Decimal(0)
    lost: int = 0
    cycles: list[int] = field(default_factory=list)

    def numbers(self) -> Numbers:
        closed = len(self.cycles) + self.lost
        return Numbers(
            self.revenue,
            rules.published(self.revenue / QUOTA) or Decimal(0),
            rules.published(Decimal(len(self.cycles)) / closed) if closed else None,
            Decimal(str(statistics.median(self.cycles))) if self.cycles else None,
        )


def from_csv(folder: Path) -> Board:
    """Straight from the files: nothing of Attain but the rounding of what it publishes."""
    with (folder / "sales_teams.csv").open(encoding="utf-8", newline="") as stream:
        agents = [row["sales_agent"] for row in csv.DictReader(stream)]
    tallies: dict[tuple[str, str], _Tally] = defaultdict(_Tally)
    with (folder / "sales_pipeline.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["deal_stage"] not in ("Won", "Lost"):
                continue
            closed, engaged = _day(row["close_date"]), _day(row["engage_date"])
            tally = tallies[row["sales_agent"], f"{closed.year}-Q{(closed.month + 2) // 3}"]
            if row["deal_stage"] == "Won":
                tally.revenue += Decimal(row["close_value"])
                tally.cycles.append((closed - engaged).days)
            else:
                tally.lost += 1
    quarters = [f"{YEAR}-Q{n}" for n in (1, 2, 3, 4)]
    return {(agent, quarter): tallies[agent, quarter].numbers() for agent in sorted(agents) for quarter in quarters}


def _day(text: str) -> date:
    return datetime.strptime(text, _DATES).date()  # noqa: DTZ007 - a day has no zone


async def from_attain(work: Work, agents: Iterable[str]) -> Board:
    """Sets the quotas, has what is stale recomputed, and reads what is stored then."""
    async with work.db.session(work.viewer.org_id) as session:
        time = await calendar(session)
        rows = await session.fetch(queries("pipeline").reps_by_external_id, list(agents))
    reps: dict[str, UUID] = {row["external_id"]: row["rep_id"] for row in rows}
    quarters = [time.parse(PeriodKind.QUARTER, f"{YEAR}-Q{n}") for n in (1, 2, 3, 4)]
    targets = [(rep_id, quarter) for rep_id in reps.values() for quarter in quarters]
    quotas = [QuotaItem(Subject.REP, rep_id, Measure.REVENUE, quarter, Terms(QUOTA)) for rep_id, quarter in targets]
    await quotas_set(work, quotas)
    while await _stale(work):
        if not await recompute(work):
            await asyncio.sleep(0.1)  # a worker is at it
    board: Board = {}
    for quarter in quarters:
        board |= await _read(work, time, reps, quarter)
    return board


async def _stale(work: Work) -> bool:
    async with work.db.session(work.viewer.org_id) as session:
        return bool(await session.fetch(queries("live").marks))


async def _read(work: Work, time: Calendar, reps: Mapping[str, UUID], quarter: Period) -> Board:
    ids = list(reps.values())
    keys = [(Subject.REP, rep_id, Measure.REVENUE, NO_KPI, quarter.kind, quarter.starts_on) for rep_id in ids]

    def due(leaf: Leaf, rep_id: UUID) -> measures.Due:
        return measures.Due(leaf, Facing.REP, rep_id, quarter.starts_on, quarter.ends_on)

    async with work.db.session(work.viewer.org_id) as session:
        rows = await session.fetch(queries("attainment").by_keys, *zip(*keys, strict=True))
        wanted = [due(leaf, rep_id) for rep_id in ids for kpi in _KPIS.values() for leaf in leaves(kpi)]
        measured = await measures.measure(session, time, wanted, work.now)
    attained = {row["subject_id"]: row for row in rows}

    def value(key: str, rep_id: UUID) -> Decimal | None:
        outcome = rules.evaluate(_KPIS[key], lambda leaf: measured.get(due(leaf, rep_id), Measured()))
        return rules.published(outcome.value)

    board: Board = {}
    for agent, rep_id in reps.items():
        if (row := attained.get(rep_id)) is not None:
            rate, cycle = value("win_rate", rep_id), value("sales_cycle", rep_id)
            board[agent, quarter.key] = Numbers(row["attained"], row["ratio"], rate, cycle)
    return board


def compare(said: Board, computed: Board) -> tuple[Table, int]:
    """Every line of both, and how many differ."""
    names = [each.name for each in fields(Numbers)]
    table = Table("agent", "quarter", *names, "", box=None)
    differing = 0
    for agent, quarter in sorted(computed):
        ours, theirs = computed[agent, quarter], said.get((agent, quarter))
        same = ours == theirs
        differing += not same
        shown = []
        for name in names:
            mine, other = getattr(ours, name), getattr(theirs, name, None)
            shown.append(str(mine) if mine == other else f"{other}, not {mine}")
        table.add_row(agent, quarter, *shown, "=" if same else "DIFFERS")
    return table, differing


def main(
    data: Annotated[Path, typer.Option(help="The folder of the CSV files.")],
    email: Annotated[str, typer.Option(help="The administrator who imported them.")],
    org: Annotated[UUID, typer.Option(help="The organisation's id.")],
    data_dir: Annotated[Path, typer.Option(help="Where `attain up` keeps its data.")] = Path(".attain"),
) -> None:
    """Compare, and exit with 1 when a line differs."""
    environment = data_dir / "env"
    if environment.exists():
        for line in environment.read_text(encoding="utf-8").splitlines():
            name, _, setting = line.partition("=")
            os.environ.setdefault(name, setting)
    computed = from_csv(data)
    table, differing = compare(asyncio.run(_said(email, org, computed)), computed)
    console = Console(width=120, highlight=False)
    console.print(table)
    console.print(
        f"{len(computed)} agents' quarters of {YEAR}: {len(computed) - differing} are equal, {differing} differ."
    )
    raise typer.Exit(1 if differing else 0)


async def _said(email: str, org: UUID, computed: Board) -> Board:
    db = await Database.open(os.environ["ATTAIN_DATABASE_URL"], size=2, timeout_ms=120_000)
    try:
        async with db.session(org) as session:
            viewer = await person(session, email)
        if viewer is None:
            raise typer.BadParameter(f"{email} is no user of this organisation")
        return await from_attain(Work(db, viewer, datetime.now(UTC)), {agent for agent, _ in computed})
    finally:
        await db.close()


if __name__ == "__main__":
    typer.run(main)
