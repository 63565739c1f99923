"""Quotas, attainment and leaderboards looked up."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.along import asked_of_page
from api.auth import reads
from api.context import Context, Info
from api.errors import bad_request
from api.graph.quotas.loaders import seen
from api.graph.quotas.on_subject import KpiArgument, MeasureArgument, PeriodArgument, kpi_of
from api.graph.quotas.types import Attainment, LeaderboardEntry, Quota, QuotaPlan, currency_of
from api.periods import PeriodInput, period_of
from api.relay import KINDS, Connection, decode_cursor, page, page_of, page_size, uuid_of
from api.rows import Rows
from api.sight import Seen
from domain.calendar import DAY, Period, PeriodKind
from domain.org.model import Scope
from domain.quotas.model import NO_KPI, Measure, PlanStatus, Subject
from domain.quotas.rows import plan_from_row
from sql.pool import Record
from sql.queries import queries

_attainment = queries("attainment")
_quotas = queries("quotas")

First = Annotated[int | None, strawberry.argument(description="How many; 50 by default, at most 200.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which the page begins.")]

_NOBODY = UUID(int=0)

_NODES = {
    Subject.REP: "Rep",
    Subject.TEAM: "Team",
    Subject.TERRITORY: "Territory",
    Subject.ORGANIZATION: "Organization",
}


@strawberry.input(description="Some subjects.")
class SubjectIdFilter:
    in_: list[strawberry.ID] = strawberry.field(name="in", description="Global ids of reps, teams or territories.")


@strawberry.input(description="Some kinds of subjects.")
class SubjectFilter:
    in_: list[Subject] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which quotas; all that is given must hold.")
class QuotaFilter:
    subject: SubjectFilter | None = strawberry.field(default=None, description="By who carries them.")
    subject_id: SubjectIdFilter | None = strawberry.field(default=None, description="Of these.")
    measure: Measure | None = strawberry.field(default=None, description="By what they count.")
    kpi_id: strawberry.ID | None = strawberry.field(default=None, description="On this KPI.")
    period: PeriodInput | None = strawberry.field(
        default=None, description="Of periods that share a day with this one."
    )
    period_kind: PeriodKind | None = strawberry.field(default=None, description="By the length of their period.")


@strawberry.input(description="Which attainments; all that is given must hold.")
class AttainmentFilter:
    measure: Measure = strawberry.field(default=Measure.REVENUE, description="What is counted.")
    kpi_id: strawberry.ID | None = strawberry.field(default=None, description="The KPI, when the measure is KPI.")
    subject_id: SubjectIdFilter | None = strawberry.field(default=None, description="Of these.")
    team_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Of reps who are in this team or below it, today or on the last day of a past period; grouped by "
        "team, of this team and those below.",
    )


@strawberry.type
class QuotasQuery:
    @reads(Scope.QUOTAS_READ, "Quotas that the viewer sees, the latest period first.")
    async def quotas(
        self,
        info: Info,
        filter: Annotated[QuotaFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Quota]:
        ctx, size = info.context, page_size(first)
        asked = filter or QuotaFilter()
        period = await period_of(ctx, asked.period) if asked.period else None
        which = (
            *await seen(ctx),
            asked.subject.in_ if asked.subject else None,
            _ids(asked.subject_id, *_NODES.values()),
            asked.measure,
            (uuid_of(asked.kpi_id, "Kpi") or _NOBODY) if asked.kpi_id else None,
            asked.period_kind,
            period and period.starts_on,
            period and period.ends_on,
        )
        place = decode_cursor(after, KINDS[date], UUID) if after is not None else (None, None)
        along = await asked_of_page(Quota, info, "starts_on", "quota_id")
        rows = await ctx.fetch(_attainment.quotas_page.only(along.columns), *which, *place, size + 1, *along.told)
        calendar = await ctx.calendar()

        async def count() -> int:
            return int(await ctx.value(_attainment.quotas_count, *which))

        def shown(some: Sequence[Record]) -> Rows[Quota]:
            return along.rows(some, calendar=calendar)

        return page_of(rows, size, after, shown, _quota_place, count)

    @reads(
        Scope.QUOTAS_READ,
        "How far those got whom the viewer sees, in a period for which quotas are set; the highest ratio first, those "
        "without one last. A range must be a week, month, quarter or year of the fiscal calendar.",
    )
    async def attainment(
        self,
        info: Info,
        period: PeriodArgument,
        group_by: Annotated[Subject, strawberry.argument(description="Of whom.")] = Subject.REP,
        filter: Annotated[AttainmentFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Attainment]:
        return await attainment_page(info.context, period, group_by, filter, first, after, info)

    @reads(
        Scope.QUOTAS_READ,
        "Reps by rank: by the ratio of what they attained to their quota, or, for a KPI in a week, by its value. "
        "Open to everybody, because it is a leaderboard.",
    )
    async def leaderboard(
        self,
        info: Info,
        period: PeriodArgument,
        measure: MeasureArgument = Measure.REVENUE,
        kpi_id: KpiArgument = None,
        team_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only reps in this team or below it; all of the organisation by default."),
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[LeaderboardEntry]:
        ctx = info.context
        meant = await period_of(ctx, period)
        return await board_page(ctx, meant, measure, kpi_of(measure, kpi_id), team_id, first, after)

    @reads(Scope.QUOTAS_READ, "Plans of quotas, the latest first; for those who see the whole organisation.")
    async def quota_plans(
        self,
        info: Info,
        status: Annotated[PlanStatus | None, strawberry.argument(description="Only those that stand so.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[QuotaPlan]:
        ctx, size = info.context, page_size(first)
        (place,) = decode_cursor(after, KINDS[UUID]) if after is not None else (None,)
        which = (ctx.viewer.sees_everybody, status)
        rows = await ctx.fetch(_quotas.plans_page, *which, place, size + 1)
        currency = await currency_of(ctx)

        async def count() -> int:
            return int(await ctx.value(_quotas.plans_count, *which))

        def shown(row: Record) -> QuotaPlan:
            return QuotaPlan.of(plan_from_row(row), currency)

        return page(rows, size, after, shown, lambda row: (row["plan_id"],), count)


async def attainment_page(
    ctx: Context,
    given: PeriodInput,
    group_by: Subject,
    filter: AttainmentFilter | None,
    first: int | None,
    after: str | None,
    info: Any = None,
) -> Connection[Attainment]:
    """A page of attainments that the viewer sees; of what the document asks when there is an `info` to tell it."""
    size, meant = page_size(first), filter or AttainmentFilter()
    period = await period_of(ctx, given)
    which = (
        meant.measure,
        kpi_of(meant.measure, meant.kpi_id) or NO_KPI,
        period.kind,
        period.starts_on,
        group_by,
        await _seen_of(ctx, group_by),
        await _wanted(ctx, meant, group_by, period),
    )
    place = decode_cursor(after, KINDS[Decimal], UUID) if after is not None else (None, None)
    asked = await asked_of_page(Attainment, info, "ratio", "subject_id")
    rows = await ctx.fetch(_attainment.page.only(asked.columns), *which, *place, size + 1, *asked.told)
    calendar = await ctx.calendar()

    async def count() -> int:
        return int(await ctx.value(_attainment.page_count, *which))

    def shown(some: Sequence[Record]) -> Rows[Attainment]:
        return asked.rows(some, calendar=calendar)

    return page_of(rows, size, after, shown, _ratio_place, count)


async def board_page(
    ctx: Context,
    period: Period,
    measure: Measure,
    kpi: UUID | None,
    team_id: strawberry.ID | None,
    first: int | None,
    after: str | None,
) -> Connection[LeaderboardEntry]:
    """A page of a leaderboard."""
    size = page_size(first)
    reps = None if team_id is None else await _members(ctx, team_id, period)
    place = decode_cursor(after, KINDS[Decimal], UUID) if after is not None else (None, None)
    if kpi is not None and period.kind is PeriodKind.WEEK:
        which: tuple[Any, ...] = (kpi, period.starts_on, reps)
        rows = await ctx.fetch(_attainment.kpi_board, *which, *place, size + 1)
        counted = _attainment.kpi_board_count
    else:
        which = (measure, kpi or NO_KPI, period.kind, period.starts_on, reps)
        rows = await ctx.fetch(_attainment.board, *which, *place, size + 1, None)
        counted = _attainment.board_count

    async def count() -> int:
        return int(await ctx.value(counted, *which))

    return page(rows, size, after, LeaderboardEntry.of, _score_place, count)


async def _seen_of(ctx: Context, group_by: Subject) -> Seen:
    """Territories and the organisation are for those who see everybody."""
    if group_by is Subject.REP:
        return await ctx.sight()
    if group_by is Subject.TEAM:
        return await ctx.team_sight()
    return None if ctx.viewer.sees_everybody else frozenset()


async def _wanted(ctx: Context, asked: AttainmentFilter, group_by: Subject, period: Period) -> list[UUID] | None:
    """The subjects asked for; None is all."""
    ids = _ids(asked.subject_id, _NODES[group_by])
    if asked.team_id is None:
        return ids
    if group_by is Subject.REP:
        within = await _members(ctx, asked.team_id, period)
    elif group_by is Subject.TEAM:
        team_id = uuid_of(asked.team_id, "Team") or _NOBODY
        within = [row["team_id"] for row in await ctx.fetch(_attainment.teams_below, team_id)]
    else:
        raise bad_request("`teamId` goes with groupBy REP or TEAM.")
    return within if ids is None else sorted(set(ids) & set(within))


async def _members(ctx: Context, team_id: strawberry.ID, period: Period) -> list[UUID]:
    """The reps of a team and of those below: today, or at the end of a past period, or the start of one to come."""
    day = max(period.starts_on, min(await ctx.today(), period.ends_on - DAY))
    rows = await ctx.fetch(_attainment.members, uuid_of(team_id, "Team") or _NOBODY, day)
    return [row["rep_id"] for row in rows]


def _ids(given: SubjectIdFilter | None, *types: str) -> list[UUID] | None:
    if given is None:
        return None
    return [next(filter(None, (uuid_of(text, name) for name in types)), _NOBODY) for text in given.in_]


def _quota_place(row: Record) -> tuple[object, ...]:
    return row["starts_on"], row["quota_id"]


def _ratio_place(row: Record) -> tuple[object, ...]:
    return row["ratio"], row["subject_id"]


def _score_place(row: Record) -> tuple[object, ...]:
    return row["score"], row["rep_id"]
