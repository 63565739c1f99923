"""Root fields that read the feed."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.auth import reads
from api.context import Context, Info
from api.filters import DateFilter, OrderDirection
from api.graph.feed.enums import ActionItemGroup, ActionItemOrderField
from api.graph.feed.types import ActionItem, ActionItemSummary, CoachingRule, items_by_id, rules_by_id
from api.graph.org.types import After, First
from api.relay import KINDS, Connection, decode_cursor, nodes_by_uuid, page, page_size, uuid_of
from domain.feed.model import Kind, Status
from domain.org.model import Scope
from sql.queries import queries

_feed = queries("feed")

_NOBODY = UUID(int=0)
"""Stands for an id that is none: it matches nothing."""


@strawberry.input(description="Which statuses.")
class ActionItemStatusFilter:
    in_: list[Status] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which kinds.")
class ActionItemKindFilter:
    in_: list[Kind] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which action items; all conditions hold together.")
class ActionItemFilter:
    status: ActionItemStatusFilter | None = strawberry.field(default=None, description="Where they stand.")
    kind: ActionItemKindFilter | None = strawberry.field(default=None, description="Where they come from.")
    rep_id: strawberry.ID | None = strawberry.field(default=None, description="About this rep.")
    team_id: strawberry.ID | None = strawberry.field(
        default=None, description="About reps who today are in this team or in one below it."
    )
    assignee_id: strawberry.ID | None = strawberry.field(default=None, description="For this user to do.")
    rule_id: strawberry.ID | None = strawberry.field(default=None, description="Opened by this coaching rule.")
    overdue: bool | None = strawberry.field(default=None, description="Whether they are overdue.")
    due_on: DateFilter | None = strawberry.field(default=None, description="When they are due.")


@strawberry.input(description="In which order.")
class ActionItemOrder:
    field: ActionItemOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="Which end first.")


@strawberry.input(description="Which coaching rules; all conditions hold together.")
class CoachingRuleFilter:
    kpi_id: strawberry.ID | None = strawberry.field(default=None, description="Watching this KPI.")
    active: bool | None = strawberry.field(default=None, description="Whether they are in force, or retired.")


def _wanted(text: str | None, type_name: str) -> UUID | None:
    return None if text is None else uuid_of(text, type_name) or _NOBODY


async def conditions(ctx: Context, filter: ActionItemFilter | None) -> tuple[Any, ...]:
    """The first parameters of `items_page` and `items_count`: sight, viewer, today, then the filter."""
    f = filter or ActionItemFilter()
    due = f.due_on or DateFilter()
    return (
        await ctx.sight(),
        ctx.viewer.user_id,
        await ctx.today(),
        f.status and f.status.in_,
        f.kind and f.kind.in_,
        _wanted(f.rep_id, "Rep"),
        _wanted(f.team_id, "Team"),
        _wanted(f.assignee_id, "User"),
        _wanted(f.rule_id, "CoachingRule"),
        f.overdue,
        due.gte,
        due.lt,
    )


@strawberry.type
class FeedQuery:
    @reads(Scope.FEED_READ, "The action feed: items about the reps that the viewer sees, and the viewer's own to do.")
    async def action_items(
        self,
        info: Info,
        filter: Annotated[
            ActionItemFilter | None, strawberry.argument(description="Which items; all by default.")
        ] = None,
        order_by: Annotated[
            ActionItemOrder | None, strawberry.argument(description="The most urgent first by default.")
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[ActionItem]:
        ctx, size = info.context, page_size(first)
        order = order_by or ActionItemOrder(field=ActionItemOrderField.PRIORITY, direction=OrderDirection.DESC)
        sign = -1 if order.direction is OrderDirection.DESC else 1
        place = decode_cursor(after, KINDS[Decimal], KINDS[UUID]) if after is not None else (None, None)
        where = await conditions(ctx, filter)
        rows = await ctx.fetch(_feed.items_page, *where, sign, order.field, *place, size + 1)

        async def count() -> int:
            found: int = await ctx.value(_feed.items_count, *where)
            return found

        return page(rows, size, after, ActionItem.of, lambda row: (row["place"], row["item_id"]), count)

    @reads(Scope.FEED_READ, "How work stands, counted over the items that the viewer sees.")
    async def action_item_summary(
        self,
        info: Info,
        group_by: Annotated[ActionItemGroup, strawberry.argument(description="What to count by.")],
        since: Annotated[
            date | None, strawberry.argument(description="Count what was closed from this day on; ever, by default.")
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[ActionItemSummary]:
        ctx, size = info.context, page_size(first)
        from_instant = None if since is None else (await ctx.calendar()).midnight(since)
        place = decode_cursor(after, KINDS[UUID])[0] if after is not None else None
        sight = (await ctx.sight(), ctx.viewer.user_id, await ctx.today(), from_instant, group_by)
        rows = await ctx.fetch(_feed.items_summary, *sight, place, size + 1)
        grouped_by = f"{group_by.lower()}_id"

        async def count() -> int:
            return len(await ctx.fetch(_feed.items_summary, *sight, None, None))

        return page(
            rows, size, after, lambda row: ActionItemSummary.of(row, grouped_by), lambda row: (row["place"],), count
        )

    @reads(Scope.FEED_READ, "Coaching rules by key, retired ones too.")
    async def coaching_rules(
        self,
        info: Info,
        filter: Annotated[
            CoachingRuleFilter | None, strawberry.argument(description="Which rules; all by default.")
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[CoachingRule]:
        ctx, size, f = info.context, page_size(first), filter or CoachingRuleFilter()
        today = await ctx.today()
        wanted = (_wanted(f.kpi_id, "Kpi"), f.active)
        place = decode_cursor(after, str)[0] if after is not None else None
        rows = await ctx.fetch(_feed.rules_page, today, None, *wanted, place, size + 1)

        async def count() -> int:
            found: int = await ctx.value(_feed.rules_count, today, *wanted)
            return found

        return page(rows, size, after, CoachingRule.of, lambda row: (row["key"],), count)


nodes_by_uuid("ActionItem", Scope.FEED_READ, items_by_id)
nodes_by_uuid("CoachingRule", Scope.FEED_READ, rules_by_id)
