"""KPIs, templates, scorecards and the weekly review looked up."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.auth import reads
from api.context import Context, Info
from api.filters import OrderDirection, StringFilter
from api.graph.scorecards.definitions import Kpi, ScorecardTemplate
from api.graph.scorecards.on_subject import WeekArgument
from api.graph.scorecards.review import TeamReview, review
from api.graph.scorecards.types import Scorecard, scorecard_at
from api.relay import KINDS, Connection, decode_cursor, page, page_size, uuid_of
from domain.calendar import PeriodKind
from domain.org.model import Scope
from domain.scorecards.model import Category, Status, Subject
from sql.queries import queries

_read = queries("scorecard_read")

First = Annotated[int | None, strawberry.argument(description="How many; 50 by default, at most 200.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which the page begins.")]

_NOBODY = UUID(int=0)


@strawberry.input(description="Some categories.")
class KpiCategoryFilter:
    in_: list[Category] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which KPIs; all that is given must hold.")
class KpisFilter:
    key: StringFilter | None = strawberry.field(default=None, description="By their own names.")
    category: KpiCategoryFilter | None = strawberry.field(default=None, description="By what they tell of.")


@strawberry.input(description="Some statuses.")
class KpiStatusFilter:
    in_: list[Status] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which scorecards; all that is given must hold.")
class ScorecardFilter:
    week: date | None = strawberry.field(
        default=None, description="Of the week that holds this day; the current week by default."
    )
    subject: Subject = strawberry.field(default=Subject.REP, description="Of reps or of teams.")
    rep_id: strawberry.ID | None = strawberry.field(default=None, description="Of this rep.")
    team_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Of reps who were in this team or below it on a day of the week; of teams, of this one and those "
        "below.",
    )
    status: KpiStatusFilter | None = strawberry.field(default=None, description="By how they stand.")


@strawberry.input(description="By score; those without one come last either way.")
class ScorecardOrder:
    direction: OrderDirection = strawberry.field(description="Which end first.")


async def scorecard_page(
    ctx: Context, filter: ScorecardFilter | None, direction: OrderDirection, first: int | None, after: str | None
) -> Connection[Scorecard]:
    """A page of one week's scorecards that the viewer sees."""
    size, asked, calendar = page_size(first), filter or ScorecardFilter(), await ctx.calendar()
    week = calendar.week(asked.week or calendar.local_day(ctx.now))
    seen = await (ctx.sight() if asked.subject is Subject.REP else ctx.team_sight())
    which = (week, asked.subject, seen, await _wanted(ctx, asked, week), asked.status and asked.status.in_)
    place = decode_cursor(after, KINDS[Decimal], UUID) if after is not None else (None, None)
    sign = 1 if direction is OrderDirection.ASC else -1
    rows = await ctx.fetch(_read.page, *which, *place, sign, size + 1)

    async def count() -> int:
        return int(await ctx.value(_read.page_count, *which))

    return page(rows, size, after, Scorecard.of, lambda row: (row["place"], row["subject_id"]), count)


async def _wanted(ctx: Context, asked: ScorecardFilter, week: date) -> list[UUID] | None:
    """The subjects that the filter names; None for all."""
    wanted: set[UUID] | None = None
    if asked.rep_id is not None:
        rep_id = uuid_of(asked.rep_id, "Rep")
        wanted = {rep_id} if rep_id and asked.subject is Subject.REP else set()
    if asked.team_id is not None:
        team_id = uuid_of(asked.team_id, "Team") or _NOBODY
        if asked.subject is Subject.TEAM:
            below = {row["team_id"] for row in await ctx.fetch(_read.teams_below, team_id)}
        else:
            below = set(await members(ctx, team_id, week))
        wanted = below if wanted is None else wanted & below
    return None if wanted is None else sorted(wanted)


async def members(ctx: Context, team_id: UUID, week: date) -> Sequence[UUID]:
    """The reps who were in a team or below it on a day of a week."""
    calendar = await ctx.calendar()
    rows = await ctx.fetch(_read.members, team_id, week, calendar.period(PeriodKind.WEEK, week).ends_on)
    return [row["rep_id"] for row in rows]


@strawberry.type
class ScorecardsQuery:
    @reads(Scope.SCORECARDS_READ, "The organisation's KPIs by key, each as it is defined today.")
    async def kpis(
        self,
        info: Info,
        filter: Annotated[KpisFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Kpi]:
        ctx, size, asked = info.context, page_size(first), filter or KpisFilter()
        which: tuple[Any, ...] = (asked.key and asked.key.in_, asked.category and asked.category.in_)
        (place,) = decode_cursor(after, str) if after is not None else (None,)
        rows = await ctx.fetch(_read.kpis_page, await ctx.today(), None, *which, place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_read.kpis_count, *which))

        return page(rows, size, after, Kpi.of, lambda row: (row["key"],), count)

    @reads(Scope.SCORECARDS_READ, "The organisation's scorecard templates by key, each as it is published today.")
    async def scorecard_templates(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[ScorecardTemplate]:
        ctx, size = info.context, page_size(first)
        (place,) = decode_cursor(after, str) if after is not None else (None,)
        rows = await ctx.fetch(_read.templates_page, await ctx.today(), None, place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_read.templates_count))

        return page(rows, size, after, ScorecardTemplate.of, lambda row: (row["key"],), count)

    @reads(
        Scope.SCORECARDS_READ,
        "A rep's scorecard of a week. Null before the first fact, in weeks when the rep is not there or no template "
        "applies, and when the viewer does not see it.",
    )
    async def scorecard(
        self,
        info: Info,
        rep_id: Annotated[strawberry.ID, strawberry.argument(description="The rep.")],
        week: WeekArgument = None,
    ) -> Scorecard | None:
        known = uuid_of(rep_id, "Rep")
        return await scorecard_at(info.context, Subject.REP, known, week) if known else None

    @reads(Scope.SCORECARDS_READ, "The scorecards of a week that the viewer sees.")
    async def scorecards(
        self,
        info: Info,
        filter: Annotated[
            ScorecardFilter | None, strawberry.argument(description="Which ones; those of reps by default.")
        ] = None,
        order_by: Annotated[
            ScorecardOrder | None, strawberry.argument(description="The highest score first by default.")
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Scorecard]:
        direction = order_by.direction if order_by else OrderDirection.DESC
        return await scorecard_page(info.context, filter, direction, first, after)

    @reads(
        Scope.SCORECARDS_READ,
        "What a team looks at in its thirty minutes a week: its scorecard, its reps by how they stand, the widest "
        "gaps, the open deals that are due first, and the open action items. Null when the viewer does not see the "
        "team.",
    )
    async def team_review(
        self,
        info: Info,
        team_id: Annotated[strawberry.ID, strawberry.argument(description="The team.")],
        week: WeekArgument = None,
    ) -> TeamReview | None:
        known = uuid_of(team_id, "Team")
        return await review(info.context, known, week) if known else None
