"""Batch loads of quotas and attainment. What the viewer may not see is absent."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from api.context import Context, Reads
from api.sight import Guard, Kind, Seen
from domain.explain import Step
from domain.quotas.explain import explain
from domain.quotas.model import NO_KPI, AttainmentKey, Subject
from sql.pool import Record
from sql.queries import Columns, queries

_attainment = queries("attainment")


async def seen(ctx: Context) -> tuple[Seen, Seen]:
    """Visible reps and visible teams; None sees all."""
    return await ctx.sight(), await ctx.team_sight()


async def attainments(ctx: Context, keys: Sequence[AttainmentKey]) -> Sequence[Record | None]:
    """Stored results by their keys, of whom the viewer sees."""
    results = await ctx.whoever_asks(_stored_attainments, keys)
    return await ctx.shown(["reps", "teams"], map(_guard, keys), results)


_KINDS: dict[str, Kind] = {Subject.REP: "reps", Subject.TEAM: "teams"}


def _guard(key: AttainmentKey) -> Guard:
    """Territories and the organisation are for those who see everybody."""
    kind = _KINDS.get(key.subject)
    return (kind, key.subject_id, None) if kind else ("reps", None, None)


async def _stored_attainments(reads: Reads, keys: Sequence[AttainmentKey]) -> list[Record | None]:
    columns = key_columns(keys)
    found = {
        (row["subject"], row["subject_id"], row["measure"], row["kpi_id"], row["period_kind"], row["starts_on"]): row
        for row in await reads.fetch(_attainment.by_keys, *columns)
    }
    return [found.get(key) for key in zip(*columns, strict=True)]


def key_columns(keys: Sequence[AttainmentKey]) -> tuple[list[Any], ...]:
    """One list a column of the key."""
    return (
        [key.subject for key in keys],
        [key.subject_id for key in keys],
        [key.measure for key in keys],
        [key.kpi_id or NO_KPI for key in keys],
        [key.kind for key in keys],
        [key.starts_on for key in keys],
    )


async def explanations(ctx: Context, keys: Sequence[tuple[AttainmentKey, date]]) -> list[list[Step]]:
    """Trees by key and last day of the period: a fixed number of statements for each measure and period."""
    calendar, today = await ctx.calendar(), await ctx.today()
    boards: dict[tuple[object, ...], list[tuple[AttainmentKey, date]]] = defaultdict(list)
    for key, ends_on in keys:
        boards[key.measure, key.kpi_id, key.kind, key.starts_on, ends_on].append((key, ends_on))
    found: dict[AttainmentKey, list[Step]] = {}
    for asked in boards.values():
        async with ctx.db.session(ctx.viewer.org_id) as session:
            found |= await explain(session, calendar, asked[0][1], [key for key, _ in asked], today)
    return [found[key] for key, _ in keys]


async def quotas_by_id(ctx: Context, ids: Sequence[UUID]) -> list[Record | None]:
    """Quotas with their version in force."""
    rows = await ctx.fetch(_attainment.quotas_by_ids, ids, *await seen(ctx))
    found = {row["quota_id"]: row for row in rows}
    return [found.get(quota_id) for quota_id in ids]


async def quotas_of(
    ctx: Context, ids: Sequence[UUID], subject: Subject, from_day: date, to_day: date, columns: Columns | None
) -> list[Record]:
    """The quotas of subjects of a kind in periods that share a day with `[from_day, to_day)`, in the order of the ids.

    `PLACE` says whose each is; it is among the columns.
    """
    query = _attainment.quotas_of_subjects.only(columns)
    return await ctx.fetch(query, ids, subject, from_day, to_day, *await seen(ctx))


async def versions_of(ctx: Context, ids: Sequence[UUID]) -> list[list[Record]]:
    """Every version of each quota, the latest first."""
    found: dict[UUID, list[Record]] = {quota_id: [] for quota_id in ids}
    for row in await ctx.fetch(_attainment.versions, ids):
        found[row["quota_id"]].append(row)
    return [found[quota_id] for quota_id in ids]
