"""Batch loads of KPIs, templates and scorecards. What the viewer may not see is absent."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from api.context import Context, Reads
from api.engine import Guarded
from api.sight import Guard
from domain.explain import Step
from domain.scorecards.explain import Asked, explain
from domain.scorecards.model import Subject
from sql.pool import Record
from sql.queries import Columns, queries

_read = queries("scorecard_read")
_quotas = queries("quotas")
_facts = queries("facts")

SERIES_WEEKS = 12

_WHO_SEES_ALL: Guard = ("reps", None, None)

# Facts that belong to reps: how those of some ids are found that a viewer sees, and the column of the id.
_OF_REPS = {
    "Activity": (_facts.activities_by_id, "activity_id"),
    "Lead": (_facts.leads_by_id, "lead_id"),
    "Deal": (_facts.deals_by_id, "deal_id"),
}


class Key(NamedTuple):
    """A scorecard. Its text is the node's key."""

    subject: Subject
    subject_id: UUID
    week: date

    def __str__(self) -> str:
        return f"{self.subject}:{self.subject_id}:{self.week}"

    @classmethod
    def of(cls, subject: str, subject_id: UUID, week: date) -> "Key":
        """From what is stored."""
        return cls(Subject(subject), subject_id, week)

    @classmethod
    def parse(cls, text: str) -> "Key | None":
        """The key that `str` wrote; None for anything else."""
        try:
            subject, subject_id, week = text.split(":")
            return cls(Subject(subject), UUID(subject_id), date.fromisoformat(week))
        except ValueError:
            return None


Version = tuple[UUID, int]


def columns_of(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """One list a column."""
    return [list(column) for column in zip(*rows, strict=True)]


async def kpis_now(reads: Reads, ids: Sequence[UUID]) -> list[Record | None]:
    """KPIs in the version in force today."""
    rows = await reads.fetch(_read.kpis_page, await reads.today(), list(ids), None, None, None, len(ids))
    found = {row["kpi_id"]: row for row in rows}
    return [found.get(kpi_id) for kpi_id in ids]


async def kpi_versions(reads: Reads, versions: Sequence[Version]) -> list[Record]:
    """Certain versions of KPIs, which exist."""
    rows = await reads.fetch(_read.kpi_versions_of, *columns_of(versions))
    found = {(row["kpi_id"], row["version"]): row for row in rows}
    return [found[version] for version in versions]


async def all_kpi_versions(ctx: Context, ids: Sequence[UUID]) -> list[list[Record]]:
    """Every version of each KPI, the newest first."""
    found: dict[UUID, list[Record]] = defaultdict(list)
    for row in await ctx.fetch(_read.kpi_versions_of, list(ids), [None] * len(ids)):
        found[row["kpi_id"]].append(row)
    return [found[kpi_id] for kpi_id in ids]


async def templates_now(ctx: Context, ids: Sequence[UUID]) -> list[Record | None]:
    """Templates in the version in force today."""
    rows = await ctx.fetch(_read.templates_page, await ctx.today(), list(ids), None, len(ids))
    found = {row["template_id"]: row for row in rows}
    return [found.get(template_id) for template_id in ids]


async def template_versions(reads: Reads, versions: Sequence[Version]) -> list[Record]:
    """Certain versions of templates, which exist."""
    rows = await reads.fetch(_read.template_versions_of, *columns_of(versions))
    found = {(row["template_id"], row["version"]): row for row in rows}
    return [found[version] for version in versions]


async def all_template_versions(ctx: Context, ids: Sequence[UUID]) -> list[list[Record]]:
    """Every version of each template, the newest first."""
    found: dict[UUID, list[Record]] = defaultdict(list)
    for row in await ctx.fetch(_read.template_versions_of, list(ids), [None] * len(ids)):
        found[row["template_id"]].append(row)
    return [found[template_id] for template_id in ids]


async def lines_of(ctx: Context, versions: Sequence[Version]) -> list[list[Record]]:
    """The KPIs of versions of templates, in their order."""
    found: dict[Version, list[Record]] = defaultdict(list)
    for row in await ctx.fetch(_read.template_lines, *columns_of(versions)):
        found[row["template_id"], row["version"]].append(row)
    return [found[version] for version in versions]


async def scorecards(reads: Reads, keys: Sequence[Key], columns: Columns | None) -> list[Record]:
    """Stored scorecards, whoever asks; `PLACE` says of which key each is, and is among the columns."""
    return await reads.fetch(_read.by_keys.only(columns), *_arguments(keys))


async def results_of(reads: Reads, keys: Sequence[Key], columns: Columns | None) -> list[Record]:
    """The KPIs of scorecards that are seen, in the order of the keys; `PLACE` as above."""
    return await reads.fetch(_read.results_of.only(columns), *_arguments(keys))


def _arguments(keys: Sequence[Key]) -> tuple[object, ...]:
    """Keys as the two queries take them. Most often all are of one kind and week, which then is sent once."""
    subjects, ids, weeks = zip(*keys, strict=True)
    if len(keys) == subjects.count(subjects[0]) == weeks.count(weeks[0]):
        return ids, [], [], subjects[0], weeks[0]
    return ids, subjects, weeks, None, None


async def series_of(ctx: Context, asked: Sequence[Asked]) -> list[list[Record]]:
    """The weeks of a KPI up to one, the twelve last at most."""
    calendar = await ctx.calendar()
    since: dict[date, date] = {}
    for week in {each.week for each in asked}:
        first = week
        for _ in range(SERIES_WEEKS - 1):
            first = calendar.week(date.fromordinal(first.toordinal() - 1))
        since[week] = first
    rows = [(each.subject, each.subject_id, each.kpi_id, since[each.week], each.week) for each in asked]
    found: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for row in await ctx.fetch(_read.series_of, *columns_of(rows)):
        found[row["subject"], row["subject_id"], row["until"], row["kpi_id"]].append(row)
    return [found[tuple(each)] for each in asked]


async def explanations(ctx: Context, asked: Sequence[Asked]) -> Sequence[list[Step] | None]:
    """Trees by result: a fixed number of statements for all of them."""
    calendar = await ctx.calendar()
    async with ctx.db.session(ctx.viewer.org_id) as session:
        currency = str(await session.value(_quotas.organization_currency))
        found = await explain(session, calendar, list(dict.fromkeys(asked)), ctx.now, currency)
    guards = [_WHO_SEES_ALL if each.subject is Subject.TEAM else None for each in asked]
    shown = await ctx.shown(["reps"], guards, [found.get(each, []) for each in asked])
    if isinstance(shown, Guarded) or None not in shown:
        return shown
    of_teams = {each: found.get(each, []) for each, tree in zip(asked, shown, strict=True) if tree is None}
    left = await _facts_seen(ctx, of_teams)
    return [left[each] if tree is None else tree for each, tree in zip(asked, shown, strict=True)]


async def _facts_seen(ctx: Context, trees: Mapping[Asked, list[Step]]) -> dict[Asked, list[Step]]:
    """The trees with the facts that the viewer sees: a rep sees its team's numbers, not its colleagues' deals."""
    sight = await ctx.sight()
    facts = [fact for tree in trees.values() for step in tree for fact in step.facts]
    seen: set[tuple[str, str]] = set()
    for node_type, (query, column) in _OF_REPS.items():
        ids = {UUID(fact.node_key) for fact in facts if fact.node_type == node_type}
        rows = await ctx.fetch(query.only(Columns(frozenset([column]))), sight, ids) if ids else []
        seen |= {(node_type, str(row[column])) for row in rows}

    def left(step: Step) -> Step:
        shown = (f for f in step.facts if f.node_type not in _OF_REPS or (f.node_type, f.node_key) in seen)
        return replace(step, facts=tuple(shown))

    return {asked: [left(step) for step in tree] for asked, tree in trees.items()}
