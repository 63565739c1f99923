"""Activities, leads and deals as the graph shows them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from api.context import Context
from api.graph.org.types import Rep, Territory, reps_by_id, territories_by_id
from api.loaders import loads
from api.relay import Node, global_id
from api.scalars import CurrencyCode, Money, Ratio, money
from domain.money import rounded
from domain.pipeline.model import DealStatus
from sql.pool import Record
from sql.queries import queries

_facts = queries("facts")

Key = tuple[str, str | None]
"""Source and external id of a fact; None where nothing is referred to."""

_SEEN_REP = "Null when the viewer does not see this rep."
_TOLD_AT = "When the source last changed it, as the source says. Null when it does not."


async def activities_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[Activity | None]":
    """Activities of reps that the viewer sees; None for others."""
    rows = await ctx.fetch(_facts.activities_by_id, await ctx.sight(), ids)
    found = {row["activity_id"]: Activity.of(row) for row in rows}
    return [found.get(activity_id) for activity_id in ids]


async def leads_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[Lead | None]":
    """Leads of reps that the viewer sees; None for others."""
    found = {row["lead_id"]: Lead.of(row) for row in await ctx.fetch(_facts.leads_by_id, await ctx.sight(), ids)}
    return [found.get(lead_id) for lead_id in ids]


async def activities_by_key(ctx: Context, keys: Sequence[Key]) -> "list[Activity | None]":
    """Activities as their source knows them, as far as the viewer sees them."""
    rows = await ctx.fetch(_facts.activities_by_key, await ctx.sight(), *zip(*keys, strict=True))
    found = {(row["source"], row["external_id"]): Activity.of(row) for row in rows}
    return [found.get((source, external_id or "")) for source, external_id in keys]


async def leads_by_key(ctx: Context, keys: Sequence[Key]) -> "list[Lead | None]":
    """Leads as their source and deals name them, as far as the viewer sees them."""
    rows = await ctx.fetch(_facts.leads_by_key, await ctx.sight(), *zip(*keys, strict=True))
    found = {(row["source"], row["external_id"]): Lead.of(row) for row in rows}
    return [found.get((source, external_id or "")) for source, external_id in keys]


async def deals_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[Deal | None]":
    """Deals whose owner or somebody credited the viewer sees; None for others."""
    found = {row["deal_id"]: Deal.of(row) for row in await ctx.fetch(_facts.deals_by_id, await ctx.sight(), ids)}
    return [found.get(deal_id) for deal_id in ids]


async def deals_by_key(ctx: Context, keys: Sequence[Key]) -> "list[Deal | None]":
    """Deals as their source and activities name them, as far as the viewer sees them."""
    rows = await ctx.fetch(_facts.deals_by_key, await ctx.sight(), *zip(*keys, strict=True))
    found = {(row["source"], row["external_id"]): Deal.of(row) for row in rows}
    return [found.get((source, external_id or "")) for source, external_id in keys]


async def credits_of_deal(ctx: Context, ids: Sequence[UUID]) -> "list[list[Credit]]":
    """Who is credited with each deal, largest share first."""
    found: dict[UUID, list[Credit]] = {deal_id: [] for deal_id in ids}
    for row in await ctx.fetch(_facts.credits_of_deals, ids):
        found[row["deal_id"]].append(Credit.of(row))
    return [found[deal_id] for deal_id in ids]


async def stages_of_deal(ctx: Context, ids: Sequence[UUID]) -> "list[list[StageStay]]":
    """The stages that each deal was in, in order."""
    found: dict[UUID, list[StageStay]] = {deal_id: [] for deal_id in ids}
    for row in await ctx.fetch(_facts.stages_of_deals, ids):
        stay = StageStay(stage=row["stage"], entered_at=row["entered_at"], left_at=row["left_at"])
        found[row["deal_id"]].append(stay)
    return [found[deal_id] for deal_id in ids]


@strawberry.type(description="Days that a deal spent in a stage.")
class StageStay:
    stage: str = strawberry.field(description="The stage, in the source's words.")
    entered_at: datetime = strawberry.field(
        description="When the deal came into it: as the source told it, or when it was first seen there."
    )
    left_at: datetime | None = strawberry.field(description="When it went on to the next. Null for the last.")


@strawberry.type(description="A rep's part of a deal. The parts of a deal sum to it, to the cent.")
class Credit:
    rep_id: strawberry.Private[UUID]
    share: Ratio = strawberry.field(description="Its share of the deal.")
    amount: Money = strawberry.field(description="Its part of the amount, in the organisation's currency.")
    margin: Money | None = strawberry.field(
        description="Its part of the margin, in the organisation's currency. Null when the deal has none."
    )
    units: Decimal | None = strawberry.field(description="Its part of the units. Null when the deal has none.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description=f"Who is credited. {_SEEN_REP}")

    @classmethod
    def of(cls, row: Record) -> "Credit":
        """From a row of `credit` with the organisation's currency."""
        currency = CurrencyCode(row["currency"])
        return cls(
            rep_id=row["rep_id"],
            share=Ratio(row["share"]),
            amount=Money(amount=row["amount"], currency=currency),
            margin=money(row["margin"], currency),
            units=row["units"],
        )


@strawberry.type(description="Somebody who asked, with the instants that response times are measured by.")
class Lead(Node):
    rep_id: strawberry.Private[UUID]
    source: str = strawberry.field(description="The system that it came from.")
    external_id: str = strawberry.field(description="Its key there.")
    channel: str | None = strawberry.field(description="How it came, in the source's words. Null when not given.")
    company: str | None = strawberry.field(description="Who asked. Null when not given.")
    arrived_at: datetime = strawberry.field(description="When it came in.")
    arrived_on: date = strawberry.field(description="The organisation's local day on which it came in.")
    first_response_at: datetime | None = strawberry.field(
        description="When it was first answered. Null while it is not."
    )
    quoted_at: datetime | None = strawberry.field(description="When it had its quote. Null while it has none.")
    source_updated_at: datetime | None = strawberry.field(description=_TOLD_AT)
    rep: Rep | None = loads(reps_by_id, "rep_id", description=f"Whose lead it is. {_SEEN_REP}")

    @classmethod
    def of(cls, row: Record) -> "Lead":
        """From a row of `lead` that is not deleted."""
        return cls(
            id=global_id("Lead", row["lead_id"]),
            rep_id=row["rep_id"],
            source=row["source"],
            external_id=row["external_id"],
            channel=row["channel"],
            company=row["company"],
            arrived_at=row["arrived_at"],
            arrived_on=row["day"],
            first_response_at=row["first_response_at"],
            quoted_at=row["quoted_at"],
            source_updated_at=row["source_updated_at"],
        )


@strawberry.type(description="A sale in the making, won or lost.")
class Deal(Node):
    deal_id: strawberry.Private[UUID]
    rep_id: strawberry.Private[UUID]
    territory_id: strawberry.Private[UUID | None]
    lead_key: strawberry.Private[Key]
    source: str = strawberry.field(description="The system that it came from.")
    external_id: str = strawberry.field(description="Its key there.")
    name: str = strawberry.field(description="What it is called.")
    account: str | None = strawberry.field(description="Who buys. Null when not given.")
    product: str | None = strawberry.field(description="What is sold. Null when not given.")
    stage: str = strawberry.field(description="Where it stands, in the source's words.")
    status: DealStatus = strawberry.field(description="Whether it is open, and how it ended.")
    amount: Money = strawberry.field(description="What it is worth, in the currency of the deal.")
    margin: Money | None = strawberry.field(
        description="What is earned on it, in the currency of the deal; negative for a loss. Null when not given."
    )
    units: Decimal | None = strawberry.field(description="How many are sold. Null when not given.")
    exchange_rate: Decimal = strawberry.field(
        description="Units of the organisation's currency for one of the deal's, fixed by the source; 1 in the same."
    )
    amount_converted: Money = strawberry.field(
        description="The amount in the organisation's currency, which the credits sum to."
    )
    opened_at: datetime = strawberry.field(description="When it was opened.")
    opened_on: date = strawberry.field(description="The organisation's local day on which it was opened.")
    closed_at: datetime | None = strawberry.field(description="When it was won or lost. Null while it is open.")
    closed_on: date | None = strawberry.field(
        description="The organisation's local day on which it was won or lost. Null while it is open."
    )
    expected_close_on: date | None = strawberry.field(description="When it is expected to close. Null when not given.")
    source_updated_at: datetime | None = strawberry.field(description=_TOLD_AT)
    version: int = strawberry.field(description="Counts its changes, from 1.")
    owner: Rep | None = loads(reps_by_id, "rep_id", description=f"Who owns it. {_SEEN_REP}")
    territory: Territory | None = loads(
        territories_by_id, "territory_id", description="Where it counts. Null when not given."
    )
    lead: Lead | None = loads(
        leads_by_key,
        "lead_key",
        description="The lead that it came from. Null when not given, not known, or not seen by the viewer.",
    )
    credits: list[Credit] = loads(
        credits_of_deal, "deal_id", description="Who is credited with how much of it, largest share first."
    )
    stage_history: list[StageStay] = loads(
        stages_of_deal, "deal_id", description="The stages that it was in, in order, as far as they are known."
    )

    @classmethod
    def of(cls, row: Record) -> "Deal":
        """From a row of `deal` that is not deleted, with the organisation's currency."""
        currency = CurrencyCode(row["currency"])
        own = CurrencyCode(row["own_currency"])
        return cls(
            id=global_id("Deal", row["deal_id"]),
            deal_id=row["deal_id"],
            rep_id=row["rep_id"],
            territory_id=row["territory_id"],
            lead_key=(row["source"], row["lead_external_id"]),
            source=row["source"],
            external_id=row["external_id"],
            name=row["name"],
            account=row["account"],
            product=row["product"],
            stage=row["stage"],
            status=DealStatus(row["status"]),
            amount=Money(amount=row["amount"], currency=currency),
            margin=money(row["margin"], currency),
            units=row["units"],
            exchange_rate=row["exchange_rate"],
            amount_converted=Money(amount=rounded(row["amount"] * row["exchange_rate"], own), currency=own),
            opened_at=row["opened_at"],
            opened_on=row["opened_day"],
            closed_at=row["closed_at"],
            closed_on=row["closed_day"],
            expected_close_on=row["expected_close_on"],
            source_updated_at=row["source_updated_at"],
            version=row["version"],
        )


@strawberry.type(description="Something that a rep did.")
class Activity(Node):
    rep_id: strawberry.Private[UUID]
    deal_key: strawberry.Private[Key]
    source: str = strawberry.field(description="The system that it came from.")
    external_id: str = strawberry.field(description="Its key there.")
    kind: str = strawberry.field(
        description="What it was: CALL, MEETING, PROPOSAL, QUOTE, or a code of the source's own."
    )
    outcome: str | None = strawberry.field(description="What came of it, in the source's words. Null when not given.")
    subject: str | None = strawberry.field(description="What it was about. Null when not given.")
    occurred_at: datetime = strawberry.field(description="When it was.")
    occurred_on: date = strawberry.field(description="The organisation's local day on which it was.")
    minutes: int | None = strawberry.field(description="How long it took. Null when not given.")
    source_updated_at: datetime | None = strawberry.field(description=_TOLD_AT)
    rep: Rep | None = loads(reps_by_id, "rep_id", description=f"Who did it. {_SEEN_REP}")
    deal: Deal | None = loads(
        deals_by_key,
        "deal_key",
        description="The deal that it was for. Null when not given, not known, or not seen by the viewer.",
    )

    @classmethod
    def of(cls, row: Record) -> "Activity":
        """From a row of `activity` that is not deleted."""
        return cls(
            id=global_id("Activity", row["activity_id"]),
            rep_id=row["rep_id"],
            deal_key=(row["source"], row["deal_external_id"]),
            source=row["source"],
            external_id=row["external_id"],
            kind=row["kind"],
            outcome=row["outcome"],
            subject=row["subject"],
            occurred_at=row["occurred_at"],
            occurred_on=row["day"],
            minutes=row["minutes"],
            source_updated_at=row["source_updated_at"],
        )
