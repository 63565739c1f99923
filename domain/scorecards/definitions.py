"""KPIs and templates as they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from uuid import UUID

from domain.scorecards import rules
from domain.scorecards.formula import Leaf, QuotaLeft, formula_from_json, leaves
from domain.scorecards.model import Category, Direction, Kpi, Line, Template, Unit
from sql.pool import Record, Session
from sql.queries import queries

_scorecards = queries("scorecards")


Asked = tuple[int, Line, Kpi]
"""A KPI of a template: its place, its line, and its version in force."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """Every version of every KPI and template of an organisation."""

    kpis: dict[UUID, tuple[Kpi, ...]]
    templates: tuple[tuple[Template, ...], ...]
    _in_force: dict[tuple[UUID, date], Kpi | None] = field(default_factory=dict, compare=False, repr=False)
    _asked: dict[tuple[UUID, int, date], tuple[Asked, ...]] = field(default_factory=dict, compare=False, repr=False)

    def kpi(self, kpi_id: UUID, week: date) -> Kpi | None:
        """The version in force in a week."""
        asked = (kpi_id, week)
        if asked not in self._in_force:
            self._in_force[asked] = rules.in_force(self.kpis.get(kpi_id, ()), week)
        return self._in_force[asked]

    def asked(self, template: Template, week: date) -> tuple[Asked, ...]:
        """The template's KPIs as defined in the week, in order; publishing saw to it that there are some."""
        key = (template.template_id, template.version, week)
        if key not in self._asked:
            found = ((position, line, self.kpi(line.kpi_id, week)) for position, line in enumerate(template.lines))
            self._asked[key] = tuple((position, line, kpi) for position, line, kpi in found if kpi is not None)
        return self._asked[key]

    def template(self, template_id: UUID, version: int) -> Template:
        """A version of a template. Raises `StopIteration` for one that was never published."""
        return next(
            each for of in self.templates for each in of if (each.template_id, each.version) == (template_id, version)
        )

    def used(self) -> set[Kpi]:
        """Every version of every KPI that stands on a template."""
        ids = {line.kpi_id for versions in self.templates for version in versions for line in version.lines}
        return {kpi for kpi_id in ids for kpi in self.kpis.get(kpi_id, ())}

    def operands(self) -> set[Leaf]:
        """What the facts must tell for them, as sums that are kept: of what is left of a quota, what was won."""
        return {
            rules.won(leaf.measure) if isinstance(leaf, QuotaLeft) else leaf
            for kpi in self.used()
            for leaf in leaves(kpi.formula)
        }


# By organisation, with how many versions they are.
_kept: dict[UUID, tuple[int, Definitions]] = {}
_MOST = 1_000


async def definitions_kept(session: Session, versions: int) -> Definitions:
    """The same from memory, as long as there are as many `versions`: they are added, never changed or removed."""
    kept = _kept.get(session.org_id)
    if kept is not None and kept[0] == versions:
        return kept[1]
    found = await definitions(session)
    if len(_kept) >= _MOST:
        _kept.clear()
    count = sum(len(of) for of in (*found.kpis.values(), *found.templates))
    _kept[session.org_id] = count, found
    return found


async def definitions(session: Session) -> Definitions:
    """Load them all: definitions are few and results need most."""
    kpis: dict[UUID, list[Kpi]] = {}
    for row in await session.fetch(_scorecards.kpi_versions):
        kpis.setdefault(row["kpi_id"], []).append(kpi_of(row))
    templates = template_versions_of(await session.fetch(_scorecards.template_versions))
    return Definitions({kpi_id: tuple(versions) for kpi_id, versions in kpis.items()}, templates)


def kpi_of(row: Record) -> Kpi:
    """A stored version."""
    return Kpi(
        kpi_id=row["kpi_id"],
        key=row["key"],
        version=row["version"],
        valid_from=row["valid_from"],
        name=row["name"],
        description=row["description"],
        category=Category(row["category"]),
        unit=Unit(row["unit"]),
        direction=Direction(row["direction"]),
        leading=row["is_leading"],
        prorated=row["prorated"],
        window_weeks=row["window_weeks"],
        formula=formula_from_json(row["formula"]),
    )


def template_versions_of(rows: Sequence[Record]) -> tuple[tuple[Template, ...], ...]:
    """The versions of each template from rows that have one KPI each, ordered by template, version, position."""
    templates: dict[UUID, list[Template]] = {}
    for (template_id, version), group in groupby(rows, key=lambda row: (row["template_id"], row["version"])):
        lines = list(group)
        templates.setdefault(template_id, []).append(
            Template(
                template_id=template_id,
                key=lines[0]["key"],
                version=version,
                valid_from=lines[0]["valid_from"],
                name=lines[0]["name"],
                team_id=lines[0]["team_id"],
                role=lines[0]["role"],
                lines=tuple(
                    Line(row["kpi_id"], row["weight"], row["weekly_target"], row["on_track"], row["at_risk"])
                    for row in lines
                ),
            )
        )
    return tuple(tuple(versions) for versions in templates.values())
