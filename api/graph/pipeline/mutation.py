"""What partners write: activities, leads and deals, up to 1,000 a call."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, TypeVar

import strawberry

from api.auth import writes
from api.context import Info
from api.errors import Payload, user_error
from api.scalars import Ratio
from domain.org.model import Scope
from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import (
    ActivityItem,
    DealItem,
    DealStatus,
    Ingested,
    LeadItem,
    SplitItem,
    StageItem,
)

I = TypeVar("I", ActivityItem, LeadItem, DealItem)  # noqa: E741 - the item of a list
P = TypeVar("P", bound="IngestPayload")

_KEY = "Its key in the source. With the source it is what the fact is known by."
_REP = "`externalId` of the rep {}. Required unless deleted."
_UPDATED = (
    "When the source last changed it. What is older than what is stored is ignored, so that the order of arrival does "
    "not matter; without it the latest arrival counts."
)
_DELETED = (
    "True when the source deleted it: nothing else is needed then but the key and `sourceUpdatedAt`. It comes back "
    "only with a later `sourceUpdatedAt`."
)


@strawberry.input(description="An activity as the source has it.")
class ActivityInput:
    external_id: str = strawberry.field(description=_KEY)
    rep_external_id: str | None = strawberry.field(default=None, description=_REP.format("who did it"))
    kind: str | None = strawberry.field(
        default=None,
        description="What it was, a word in capitals of at most 40 letters: CALL, MEETING, PROPOSAL, QUOTE, or one of "
        "the source's own. Required unless deleted.",
    )
    occurred_at: datetime | None = strawberry.field(default=None, description="When it was. Required unless deleted.")
    outcome: str | None = strawberry.field(default=None, description="What came of it; at most 100 characters.")
    subject: str | None = strawberry.field(default=None, description="What it was about; at most 500 characters.")
    minutes: int | None = strawberry.field(default=None, description="How long it took; 0 to 10,000.")
    deal_external_id: str | None = strawberry.field(
        default=None, description="The deal of this source that it was for."
    )
    source_updated_at: datetime | None = strawberry.field(default=None, description=_UPDATED)
    deleted: bool = strawberry.field(default=False, description=_DELETED)


@strawberry.input(description="A lead as the source has it.")
class LeadInput:
    external_id: str = strawberry.field(description=_KEY)
    rep_external_id: str | None = strawberry.field(default=None, description=_REP.format("whose lead it is"))
    arrived_at: datetime | None = strawberry.field(
        default=None, description="When it came in. Required unless deleted."
    )
    first_response_at: datetime | None = strawberry.field(
        default=None, description="When it was first answered, not before it came in. Left out while it is not."
    )
    quoted_at: datetime | None = strawberry.field(
        default=None, description="When it had its quote, not before it came in. Left out while it has none."
    )
    channel: str | None = strawberry.field(default=None, description="How it came; at most 100 characters.")
    company: str | None = strawberry.field(default=None, description="Who asked; at most 300 characters.")
    source_updated_at: datetime | None = strawberry.field(default=None, description=_UPDATED)
    deleted: bool = strawberry.field(default=False, description=_DELETED)


@strawberry.input(description="A rep's share of a deal's credit.")
class DealSplitInput:
    rep_external_id: str = strawberry.field(description="`externalId` of the rep.")
    share: Ratio = strawberry.field(description="More than 0 and at most 1. The shares of a deal sum to exactly 1.")


@strawberry.input(description="When a deal came into a stage.")
class DealStageInput:
    stage: str = strawberry.field(description="The stage; at most 100 characters.")
    entered_at: datetime = strawberry.field(description="When the deal came into it.")


@strawberry.input(description="A deal as the source has it: the whole of it, also where only a part changed.")
class DealInput:
    external_id: str = strawberry.field(description=_KEY)
    rep_external_id: str | None = strawberry.field(default=None, description=_REP.format("who owns it"))
    name: str | None = strawberry.field(
        default=None, description="What it is called; at most 300 characters. Required unless deleted."
    )
    stage: str | None = strawberry.field(
        default=None, description="Where it stands; at most 100 characters. Required unless deleted."
    )
    status: DealStatus | None = strawberry.field(
        default=None, description="Whether it is open, and how it ended. Required unless deleted."
    )
    amount: Decimal | None = strawberry.field(
        default=None, description="What it is worth, in its currency; not negative. Required unless deleted."
    )
    currency: str | None = strawberry.field(default=None, description="ISO 4217 code. Required unless deleted.")
    exchange_rate: Decimal | None = strawberry.field(
        default=None,
        description="Units of the organisation's currency for one of the deal's. Required when the two differ.",
    )
    margin: Decimal | None = strawberry.field(
        default=None, description="What is earned on it, in its currency; negative for a loss."
    )
    units: Decimal | None = strawberry.field(default=None, description="How many are sold; not negative.")
    account: str | None = strawberry.field(default=None, description="Who buys; at most 300 characters.")
    product: str | None = strawberry.field(default=None, description="What is sold; at most 300 characters.")
    territory_external_id: str | None = strawberry.field(
        default=None, description="`externalId` of the territory where it counts."
    )
    lead_external_id: str | None = strawberry.field(
        default=None, description="The lead of this source that it came from."
    )
    opened_at: datetime | None = strawberry.field(
        default=None, description="When it was opened. Required unless deleted."
    )
    closed_at: datetime | None = strawberry.field(
        default=None, description="When it was won or lost. Required then, and left out while it is open."
    )
    expected_close_on: date | None = strawberry.field(default=None, description="When it is expected to close.")
    splits: list[DealSplitInput] = strawberry.field(
        default_factory=list, description="Who is credited, at most 20. When empty, the owner is with all of it."
    )
    stage_history: list[DealStageInput] = strawberry.field(
        default_factory=list,
        description="The stages it was in, at most 100, in any order. Left out, Attain notes the changes of `stage` "
        "that it sees.",
    )
    source_updated_at: datetime | None = strawberry.field(default=None, description=_UPDATED)
    deleted: bool = strawberry.field(default=False, description=_DELETED)


@strawberry.type(
    description="What became of the items. Those with a user error were not stored; the counts are of all others."
)
class IngestPayload(Payload):
    created: int = strawberry.field(default=0, description="New, or back after a deletion.")
    updated: int = strawberry.field(default=0, description="Changed.")
    deleted: int = strawberry.field(default=0, description="Deleted.")
    unchanged: int = strawberry.field(
        default=0,
        description="The same as stored, older than stored, or replaced by another item of the call.",
    )


@strawberry.type(description="What became of the activities.")
class ActivitiesIngestPayload(IngestPayload):
    pass


@strawberry.type(description="What became of the leads.")
class LeadsIngestPayload(IngestPayload):
    pass


@strawberry.type(description="What became of the deals.")
class DealsIngestPayload(IngestPayload):
    pass


Source = Annotated[
    str,
    strawberry.argument(
        description="The system that tells, at most 64 characters: facts are known by it and their key."
    ),
]
_AT_MOST = "At most 1,000. A bad one is reported by its path, the others are stored."


@strawberry.type
class PipelineMutation:
    @writes(
        Scope.PIPELINE_WRITE,
        "Take in activities. The same again changes nothing, so that a call can always be repeated.",
    )
    async def activities_ingest(
        self,
        info: Info,
        source: Source,
        items: Annotated[list[ActivityInput], strawberry.argument(description=_AT_MOST)],
    ) -> ActivitiesIngestPayload:
        done = await activities_ingest(info.context.work(), source, _items(items, ActivityItem))
        return _payload(ActivitiesIngestPayload, done)

    @writes(
        Scope.PIPELINE_WRITE, "Take in leads. The same again changes nothing, so that a call can always be repeated."
    )
    async def leads_ingest(
        self,
        info: Info,
        source: Source,
        items: Annotated[list[LeadInput], strawberry.argument(description=_AT_MOST)],
    ) -> LeadsIngestPayload:
        done = await leads_ingest(info.context.work(), source, _items(items, LeadItem))
        return _payload(LeadsIngestPayload, done)

    @writes(
        Scope.PIPELINE_WRITE, "Take in deals. The same again changes nothing, so that a call can always be repeated."
    )
    async def deals_ingest(
        self,
        info: Info,
        source: Source,
        items: Annotated[list[DealInput], strawberry.argument(description=_AT_MOST)],
    ) -> DealsIngestPayload:
        told = _items(
            items,
            DealItem,
            splits=lambda item: [SplitItem(split.rep_external_id, split.share) for split in item.splits],
            stage_history=lambda item: [StageItem(stay.stage, stay.entered_at) for stay in item.stage_history],
        )
        return _payload(DealsIngestPayload, await deals_ingest(info.context.work(), source, told))


def _items(inputs: Sequence[Any], kind: type[I], **made: Any) -> list[I]:
    """The domain's items; an input has its item's fields under the same names, `made` those that are lists."""
    columns = [map(made.get(field.name) or attrgetter(field.name), inputs) for field in fields(kind)]
    return [kind(*values) for values in zip(*columns, strict=True)]


def _payload(kind: type[P], done: Ingested) -> P:
    return kind(
        created=done.created,
        updated=done.updated,
        deleted=done.deleted,
        unchanged=done.unchanged,
        user_errors=[user_error(problem) for problem in done.problems],
    )
