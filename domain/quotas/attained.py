"""What reps attained in the periods of quotas, kept beside the facts: a team costs its members, not their facts.

A row has what a rep attained in a period while it was in a team, in a territory. The rows of a rep whose facts changed
are added up anew from its facts, and whoever stands above sums rows; nothing is ever added to what was there before, so
a sum is a function of the facts alone (rule 16).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.quotas.model import NO_KPI, Subject
from domain.quotas.rollup import Board, Sums, Who
from domain.quotas.rows import Row
from domain.quotas.rules import adds_up
from domain.scorecards.formula import Count, Sum, formula_from_json
from domain.work import Tx
from sql.pool import Session
from sql.queries import queries

_quotas = queries("quotas")
_attained = queries("attained")

NOWHERE = NO_KPI
"""The team or territory of what was attained in none."""


@dataclass(slots=True)
class Moved:
    """The teams and territories, by the place of their board, for which reps attained something before or do now."""

    teams: set[tuple[int, UUID]] = field(default_factory=set)
    territories: set[tuple[int, UUID]] = field(default_factory=set)

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row["team_id"] != NOWHERE:
                self.teams.add((row["position"], row["team_id"]))
            if row["territory_id"] != NOWHERE:
                self.territories.add((row["position"], row["territory_id"]))


async def refresh(tx: Tx, boards: Sequence[Board], reps: Collection[UUID] | None) -> Moved:
    """Add up anew what these reps attained (None: everybody), from their facts."""
    moved = Moved()
    only = None if reps is None else sorted(reps)
    moved.add(await tx.fetch(_attained.remove, *_places(boards), only))
    won = [i for i, board in enumerate(boards) if board.kpi_id is None]
    if won:
        moved.add(await tx.fetch(_attained.add_credits, *_places(boards, won), only))
    for formula, positions in await formulas(tx.session, boards):
        moved.add(await tx.fetch(_attained.add_kpi, *_places(boards, positions), only, *counted(formula)))
    return moved


async def everybodys(session: Session, boards: Sequence[Board]) -> list[Sums]:
    """All of it, board by board."""
    found = [Sums() for _ in boards]
    for row in await session.fetch(_attained.everybodys, *_places(boards)):
        sums, key = found[row["position"]], (row["rep_id"], None if row["team_id"] == NOWHERE else row["team_id"])
        sums.reps[key] = sums.reps.get(key, Decimal(0)) + row["value"]
        if (territory_id := row["territory_id"]) != NOWHERE:
            sums.territories[territory_id] = sums.territories.get(territory_id, Decimal(0)) + row["value"]
    return found


async def above(
    session: Session, boards: Sequence[Board], reps: Collection[UUID], moved: Moved
) -> dict[tuple[int, Who], Decimal]:
    """What these reps attained, what everybody together did, and every team and territory at or above those that moved;
    by board. 0 for what nobody attained.
    """
    parents: dict[tuple[str, UUID], list[UUID]] = {}
    teams, territories = ({node for _, node in of} for of in (moved.teams, moved.territories))
    for row in await session.fetch(_attained.paths, list(teams), list(territories)):
        parents.setdefault((row["subject"], row["id"]), []).append(row["above"])
    wanted: dict[tuple[int, Who], Decimal] = {}
    for i in range(len(boards)):
        wanted[i, (Subject.ORGANIZATION, session.org_id)] = Decimal(0)
        wanted |= {(i, (Subject.REP, rep_id)): Decimal(0) for rep_id in reps}
    for subject, nodes in ((Subject.TEAM, moved.teams), (Subject.TERRITORY, moved.territories)):
        wanted |= {(i, (subject, over)): Decimal(0) for i, node in nodes for over in parents[subject, node]}
    asked = sorted(wanted, key=str)
    places = _places(boards, [i for i, _ in asked])
    subjects = [subject for _, (subject, _) in asked], [subject_id for _, (_, subject_id) in asked]
    for n, row in enumerate(await session.fetch(_attained.of_subjects, *places, *subjects)):
        wanted[asked[n]] = row["value"] or Decimal(0)
    return wanted


async def formulas(session: Session, boards: Sequence[Board]) -> list[tuple[Count | Sum, list[int]]]:
    """Each formula that quotas are set on, with the boards that it counts for.

    The version of a KPI that is in force when a period begins counts for all of the period.
    """
    wanted = {(b.kpi_id, b.period.starts_on) for b in boards if b.kpi_id is not None}
    if not wanted:
        return []
    rows = await session.fetch(_quotas.kpi_formulas, [kpi_id for kpi_id, _ in wanted], [day for _, day in wanted])
    known = {(row["kpi_id"], row["day"]): formula_from_json(row["formula"]) for row in rows}
    found: dict[Count | Sum, list[int]] = {}
    for i, board in enumerate(boards):
        formula = known.get((board.kpi_id, board.period.starts_on)) if board.kpi_id else None
        if isinstance(formula, (Count, Sum)) and adds_up(formula):
            found.setdefault(formula, []).append(i)
    return list(found.items())


def counted(formula: Count | Sum) -> tuple[object, ...]:
    """What a formula counts, as the statements take it: facts, what of them, by which day, and the filter."""
    where = formula.where
    what = formula.field if isinstance(formula, Sum) else "COUNT"
    filters = (where.kinds, where.outcomes, where.channels, where.statuses, where.products)
    return formula.facts, what, formula.dated, *filters


def _places(boards: Sequence[Board], positions: Sequence[int] | None = None) -> tuple[list[Any], ...]:
    """The boards as the statements take them, with their places."""
    places = range(len(boards)) if positions is None else positions
    chosen = [boards[i] for i in places]
    return (
        list(places),
        [b.measure for b in chosen],
        [b.kpi_id or NO_KPI for b in chosen],
        [b.period.kind for b in chosen],
        [b.period.starts_on for b in chosen],
        [b.period.ends_on for b in chosen],
    )
