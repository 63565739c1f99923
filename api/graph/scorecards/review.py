"""The weekly review of a team."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import Requires
from api.context import Context, Info
from api.graph.feed.query import ActionItemFilter, ActionItemStatusFilter, conditions
from api.graph.feed.types import ActionItem
from api.graph.org.types import Rep, Team, reps_by_id, teams_by_id
from api.graph.pipeline.types import Deal
from api.graph.scorecards.loaders import Key, results_of
from api.graph.scorecards.types import KpiResult, Scorecard, scorecard_at
from api.loaders import loads
from api.relay import KINDS, Connection, decode_cursor, global_id, page, page_size
from domain.calendar import PeriodKind
from domain.feed.model import LIVE
from domain.org.model import Scope
from domain.scorecards.model import Status, Subject
from sql.queries import queries

_read = queries("scorecard_read")
_feed = queries("feed")
_facts = queries("facts")

First = Annotated[int | None, strawberry.argument(description="How many; 50 by default, at most 200.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which the page begins.")]
_WORST_FIRST = (Status.OFF_TRACK, Status.AT_RISK, Status.ON_TRACK, Status.NO_DATA)


@strawberry.type(description="The reps of a team who stand alike.")
class TeamReviewGroup:
    status: Status = strawberry.field(description="How they stand.")
    scorecards: list[Scorecard] = strawberry.field(description="Their scorecards, the lowest score first.")


@strawberry.type(description="A KPI of a rep that is behind its target.")
class TeamReviewGap:
    rep_id: strawberry.Private[UUID]
    result: KpiResult = strawberry.field(description="The KPI of the rep's scorecard.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="The rep. Null when the viewer does not see it today.")


@strawberry.type(description="What a team looks at in its thirty minutes a week.")
class TeamReview:
    team: Team = strawberry.field(description="The team.")
    team_uuid: strawberry.Private[UUID]
    member_ids: strawberry.Private[Sequence[UUID]]
    week: date = strawberry.field(description="The first day of the week.")
    scorecard: Scorecard | None = strawberry.field(
        description="The team's own scorecard. Null where no template applies, and before the first fact."
    )

    @strawberry.field(
        description="Its reps of the week by how they stand, the worst first; groups without any are left out."
    )
    async def reps_by_status(self, info: Info) -> list[TeamReviewGroup]:
        found = await info.context.load(_members_scorecards, (self.team_uuid, self.week, tuple(self.member_ids)))
        groups = {status: [s for s in found if s.status is status] for status in _WORST_FIRST}
        return [TeamReviewGroup(status=status, scorecards=group) for status, group in groups.items() if group]

    @strawberry.field(
        description="The KPIs of its reps that are furthest behind their targets, the lowest ratio first; those with "
        "the heavier weight first among equals."
    )
    async def gaps(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many, at most 200.")] = 10,
    ) -> list[TeamReviewGap]:
        ctx, size = info.context, page_size(first)
        found = await ctx.load(_members_scorecards, (self.team_uuid, self.week, tuple(self.member_ids)))
        results = await ctx.load(_results, tuple(scorecard.key for scorecard in found))
        behind = [result for result in results if result.ratio is not None and result.ratio < 1]
        behind.sort(key=lambda result: (result.ratio, -result.weight, result.asked))
        return [TeamReviewGap(rep_id=result.asked.subject_id, result=result) for result in behind[:size]]

    @strawberry.field(
        description="Action items about its reps that are not closed, the most urgent first.",
        extensions=[Requires(Scope.FEED_READ)],
    )
    async def action_items(self, info: Info, first: First = None, after: After = None) -> Connection[ActionItem]:
        ctx, size = info.context, page_size(first)
        open_ = ActionItemStatusFilter(in_=sorted(LIVE))
        where = await conditions(ctx, ActionItemFilter(status=open_, team_id=global_id("Team", self.team_uuid)))
        place = decode_cursor(after, KINDS[Decimal], KINDS[UUID]) if after is not None else (None, None)
        rows = await ctx.fetch(_feed.items_page, *where, -1, "PRIORITY", *place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_feed.items_count, *where))

        return page(rows, size, after, ActionItem.of, lambda row: (row["place"], row["item_id"]), count)

    @strawberry.field(
        description="The open deals of its reps of the week, as they stand now: those due to close first, overdue ones "
        "among them, come first, and those without a day last.",
        extensions=[Requires(Scope.PIPELINE_READ)],
    )
    async def pipeline(self, info: Info, first: First = None, after: After = None) -> Connection[Deal]:
        ctx, size = info.context, page_size(first)
        which = (await ctx.sight(), list(self.member_ids))
        place = decode_cursor(after, KINDS[date], KINDS[UUID]) if after is not None else (None, None)
        rows = await ctx.fetch(_facts.deals_due, *which, *place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_facts.deals_due_count, *which))

        return page(rows, size, after, Deal.of, lambda row: (row["place"], row["deal_id"]), count)


async def review(ctx: Context, team_id: UUID, day: date | None) -> TeamReview | None:
    """The review of a team; None when the viewer does not see it."""
    team = await ctx.load(teams_by_id, team_id)
    if team is None:
        return None
    calendar = await ctx.calendar()
    week = calendar.period(PeriodKind.WEEK, day or calendar.local_day(ctx.now))
    rows = await ctx.fetch(_read.members, team_id, week.starts_on, week.ends_on)
    return TeamReview(
        team=team,
        team_uuid=team_id,
        member_ids=[row["rep_id"] for row in rows],
        week=week.starts_on,
        scorecard=await scorecard_at(ctx, Subject.TEAM, team_id, week.starts_on),
    )


async def _members_scorecards(
    ctx: Context, keys: Sequence[tuple[UUID, date, tuple[UUID, ...]]]
) -> list[list[Scorecard]]:
    """The scorecards of reps in a week, the lowest score first and those without one last."""
    found = []
    for _, week, reps in keys:
        rows = await ctx.fetch(
            _read.page, week, Subject.REP, await ctx.sight(), list(reps), None, None, None, 1, max(len(reps), 1)
        )
        found.append([Scorecard.of(row) for row in rows])
    return found


async def _results(ctx: Context, keys: Sequence[tuple[Key, ...]]) -> list[list[KpiResult]]:
    return [[KpiResult.of(row) for row in await results_of(ctx, cards, None)] if cards else [] for cards in keys]
