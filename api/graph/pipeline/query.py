"""Lists of activities, leads and deals, as far as the viewer sees them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.auth import reads
from api.context import Context, Info
from api.filters import DateFilter, OrderDirection, StringFilter
from api.graph.org.types import After, First
from api.graph.pipeline.enums import ActivityOrderField, DealOrderField, LeadOrderField
from api.graph.pipeline.types import (
    Activity,
    Deal,
    Lead,
    activities_by_id,
    activities_by_key,
    deals_by_id,
    deals_by_key,
    leads_by_id,
    leads_by_key,
)
from api.relay import KINDS, Connection, decode_cursor, nodes_by_uuid, page, page_size, uuid_of
from domain.org.model import Scope
from domain.pipeline.model import DealStatus
from sql.queries import Query, queries

_facts = queries("facts")

_DEALS: dict[tuple[DealOrderField, OrderDirection], Query] = {
    (DealOrderField.OPENED_AT, OrderDirection.ASC): _facts.deals_by_opened_asc,
    (DealOrderField.OPENED_AT, OrderDirection.DESC): _facts.deals_by_opened_desc,
    (DealOrderField.CLOSED_AT, OrderDirection.ASC): _facts.deals_by_closed_asc,
    (DealOrderField.CLOSED_AT, OrderDirection.DESC): _facts.deals_by_closed_desc,
    (DealOrderField.AMOUNT, OrderDirection.ASC): _facts.deals_by_amount_asc,
    (DealOrderField.AMOUNT, OrderDirection.DESC): _facts.deals_by_amount_desc,
}

nodes_by_uuid("Activity", Scope.PIPELINE_READ, activities_by_id)
nodes_by_uuid("Lead", Scope.PIPELINE_READ, leads_by_id)
nodes_by_uuid("Deal", Scope.PIPELINE_READ, deals_by_id)


@strawberry.input(description="One of several states.")
class DealStatusFilter:
    in_: list[DealStatus] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which activities; all that is given must hold.")
class ActivityFilter:
    rep_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Done by one of these reps.")
    kind: StringFilter | None = strawberry.field(default=None, description="By what it was.")
    occurred_on: DateFilter | None = strawberry.field(default=None, description="By its local day.")


@strawberry.input(description="Which leads; all that is given must hold.")
class LeadFilter:
    rep_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Of one of these reps.")
    arrived_on: DateFilter | None = strawberry.field(default=None, description="By the local day of arrival.")


@strawberry.input(description="Which deals; all that is given must hold.")
class DealFilter:
    rep_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Owned by one of these reps.")
    territory_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="In one of these territories; those below do not count."
    )
    status: DealStatusFilter | None = strawberry.field(default=None, description="By how it stands.")
    opened_on: DateFilter | None = strawberry.field(default=None, description="By the local day of its opening.")
    closed_on: DateFilter | None = strawberry.field(
        default=None, description="By the local day of its close; leaves open deals out."
    )


@strawberry.input(description="The order of deals; the id breaks ties.")
class DealOrder:
    field: DealOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which end comes first.")


@strawberry.input(description="The order of activities; the id breaks ties.")
class ActivityOrder:
    field: ActivityOrderField = strawberry.field(default=ActivityOrderField.OCCURRED_AT, description="By what.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which end comes first.")


@strawberry.input(description="The order of leads; the id breaks ties.")
class LeadOrder:
    field: LeadOrderField = strawberry.field(default=LeadOrderField.ARRIVED_AT, description="By what.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which end comes first.")


Source = Annotated[str, strawberry.argument(description="The system that told, as it was ingested.")]
ExternalId = Annotated[str, strawberry.argument(description="Its key there.")]


@strawberry.type
class PipelineQuery:
    @reads(Scope.PIPELINE_READ, "An activity, as its source knows it. Null when absent, deleted or not seen.")
    async def activity(self, info: Info, source: Source, external_id: ExternalId) -> Activity | None:
        return await info.context.load(activities_by_key, (source, external_id))

    @reads(Scope.PIPELINE_READ, "A lead, as its source knows it. Null when absent, deleted or not seen.")
    async def lead(self, info: Info, source: Source, external_id: ExternalId) -> Lead | None:
        return await info.context.load(leads_by_key, (source, external_id))

    @reads(Scope.PIPELINE_READ, "A deal, as its source knows it. Null when absent, deleted or not seen.")
    async def deal(self, info: Info, source: Source, external_id: ExternalId) -> Deal | None:
        return await info.context.load(deals_by_key, (source, external_id))

    @reads(Scope.PIPELINE_READ, "What the reps whom the viewer sees did.")
    async def activities(
        self,
        info: Info,
        filter: Annotated[ActivityFilter | None, strawberry.argument(description="Which ones.")] = None,
        order_by: Annotated[
            ActivityOrder | None, strawberry.argument(description="In which order; latest first when left out.")
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Activity]:
        ctx, size = info.context, page_size(first)
        wanted = filter or ActivityFilter()
        place = decode_cursor(after, KINDS[datetime], UUID) if after is not None else (None, None)
        which = (
            await ctx.sight(),
            _ids(wanted.rep_ids, "Rep"),
            *_days(wanted.occurred_on),
            wanted.kind.in_ if wanted.kind else None,
        )
        earliest = order_by is not None and order_by.direction is OrderDirection.ASC
        query = _facts.activities_asc if earliest else _facts.activities_desc
        rows = await ctx.fetch(query, *which, *place, size + 1)
        count = _count(ctx, _facts.activities_count, which)
        return page(rows, size, after, Activity.of, lambda row: (row["occurred_at"], row["activity_id"]), count)

    @reads(Scope.PIPELINE_READ, "The leads of the reps whom the viewer sees.")
    async def leads(
        self,
        info: Info,
        filter: Annotated[LeadFilter | None, strawberry.argument(description="Which ones.")] = None,
        order_by: Annotated[
            LeadOrder | None, strawberry.argument(description="In which order; latest first when left out.")
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Lead]:
        ctx, size = info.context, page_size(first)
        wanted = filter or LeadFilter()
        place = decode_cursor(after, KINDS[datetime], UUID) if after is not None else (None, None)
        which = (await ctx.sight(), _ids(wanted.rep_ids, "Rep"), *_days(wanted.arrived_on))
        earliest = order_by is not None and order_by.direction is OrderDirection.ASC
        query = _facts.leads_asc if earliest else _facts.leads_desc
        rows = await ctx.fetch(query, *which, *place, size + 1)
        count = _count(ctx, _facts.leads_count, which)
        return page(rows, size, after, Lead.of, lambda row: (row["arrived_at"], row["lead_id"]), count)

    @reads(Scope.PIPELINE_READ, "Deals that are owned by, or credited to, a rep whom the viewer sees.")
    async def deals(
        self,
        info: Info,
        filter: Annotated[DealFilter | None, strawberry.argument(description="Which ones.")] = None,
        order_by: Annotated[
            DealOrder | None, strawberry.argument(description="In which order; opened latest first when left out.")
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Deal]:
        ctx, size = info.context, page_size(first)
        wanted = filter or DealFilter()
        order = order_by or DealOrder(field=DealOrderField.OPENED_AT)
        kind = KINDS[Decimal if order.field is DealOrderField.AMOUNT else datetime]
        place = decode_cursor(after, kind, UUID) if after is not None else (None, None)
        which = (
            await ctx.sight(),
            _ids(wanted.rep_ids, "Rep"),
            wanted.status.in_ if wanted.status else None,
            *_days(wanted.opened_on),
            *_days(wanted.closed_on),
            _ids(wanted.territory_ids, "Territory"),
        )
        rows = await ctx.fetch(_DEALS[order.field, order.direction], *which, *place, size + 1)
        count = _count(ctx, _facts.deals_count, which)
        return page(rows, size, after, Deal.of, lambda row: (row["place"], row["deal_id"]), count)


def _ids(ids: Sequence[str] | None, type_name: str) -> list[UUID] | None:
    """The keys of global ids; what is none of this type names nothing. None is no filter."""
    if ids is None:
        return None
    return [key for key in (uuid_of(text, type_name) for text in ids) if key is not None]


def _days(wanted: DateFilter | None) -> tuple[Any, Any]:
    return (wanted.gte, wanted.lt) if wanted else (None, None)


def _count(ctx: Context, query: Query, which: Sequence[object]) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return int(await ctx.value(query, *which))

    return count
