"""Batch loads of KPIs, templates and scorecards. What the viewer may not see is absent."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from api.context import Context, Reads
from domain.explain import Step
from domain.scorecards.explain import Asked, explain
from domain.scorecards.model import Subject
from sql.pool import Record
from sql.queries import Columns, queries

_read = queries("scorecard_read")
_quotas = queries("quotas")

SERIES_WEEKS = 12


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


async def explanations(ctx: Context, asked: Sequence[Asked]) -> list[list[Step]]:
    """Trees by result: a fixed number of statements for all of them."""
    calendar = await ctx.calendar()
    async with ctx.db.session(ctx.viewer.org_id) as session:
        currency = str(await session.value(_quotas.organization_currency))
        found = await explain(session, calendar, list(dict.fromkeys(asked)), ctx.now, currency)
    return [found.get(each, []) for each in asked]
