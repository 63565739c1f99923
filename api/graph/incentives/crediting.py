"""What people state that pay counts besides deals: overlays, credits by hand, rates of exchange."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

import api.graph.incentives.enums  # noqa: F401  describes the enums before the types show them
from api.auth import reads
from api.context import Context, Info
from api.filters import DateFilter
from api.graph.org.types import (
    After,
    First,
    Rep,
    Team,
    Territory,
    User,
    reps_by_id,
    teams_by_id,
    territories_by_id,
    users_by_id,
)
from api.graph.pipeline.types import Deal, deals_by_id
from api.graph.quotas.types import currency_of
from api.loaders import loads
from api.relay import KINDS, Connection, Node, decode_cursor, global_id, nodes_by_uuid, page, page_size, uuid_of
from api.scalars import CurrencyCode, Money, Ratio, money
from domain.incentives.terms import CreditRole
from domain.org.model import Scope
from sql.pool import Record
from sql.queries import queries

_read = queries("incentive_read")

_NOBODY = UUID(int=0)
_BY_WHOM = "By whom. Null when it was not a person."


async def overlays_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[Overlay | None]":
    """Overlays of those whose pay the viewer sees."""
    rows = await ctx.fetch(_read.overlays_page, await ctx.pay_sight(), list(ids), None, None, None, None, len(ids))
    found = {row["overlay_id"]: Overlay.of(row) for row in rows}
    return [found.get(overlay_id) for overlay_id in ids]


async def manual_credits_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[ManualCredit | None]":
    """Credits by hand of those whose pay the viewer sees."""
    which = (await ctx.pay_sight(), list(ids), None, None, None, None)
    rows = await ctx.fetch(_read.manual_credits_page, *which, None, None, len(ids))
    currency = await currency_of(ctx)
    found = {row["credit_id"]: ManualCredit.of(row, currency) for row in rows}
    return [found.get(credit_id) for credit_id in ids]


@strawberry.type(
    description="A rep is credited beside those who sell, with a share of what a team (and those below), a territory "
    "or a product wins; where several are given, of what they have in common."
)
class Overlay(Node):
    rep_id: strawberry.Private[UUID]
    team_id: strawberry.Private[UUID | None]
    territory_id: strawberry.Private[UUID | None]
    created_by_id: strawberry.Private[UUID | None]
    share: Ratio = strawberry.field(description="Of what they win; 1 is all of it.")
    product: str | None = strawberry.field(description="What is won of this product. Null for any.")
    starts_on: date = strawberry.field(description="The first day.")
    ends_on: date | None = strawberry.field(description="The day after the last. Null is open.")
    reason: str = strawberry.field(description="Why, in words.")
    created_at: datetime = strawberry.field(description="When it was set.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="Who is credited. Null when not seen.")
    team: Team | None = loads(
        teams_by_id, "team_id", description="What reps of this team win. Null for any, and when not seen."
    )
    territory: Territory | None = loads(
        territories_by_id, "territory_id", description="What is won in this territory. Null for any."
    )
    created_by: User | None = loads(users_by_id, "created_by_id", description=_BY_WHOM)

    @classmethod
    def of(cls, row: Record) -> "Overlay":
        """From a row of `overlays_page`."""
        return cls(
            id=global_id("Overlay", row["overlay_id"]),
            rep_id=row["rep_id"],
            team_id=row["team_id"],
            territory_id=row["territory_id"],
            created_by_id=row["created_by"],
            share=Ratio(row["share"]),
            product=row["product"],
            starts_on=row["starts_on"],
            ends_on=row["ends_on"],
            reason=row["reason"],
            created_at=row["created_at"],
        )


@strawberry.type(description="A credit by hand. It never changes: a wrong one is taken back by another.")
class ManualCredit(Node):
    rep_id: strawberry.Private[UUID]
    deal_id: strawberry.Private[UUID | None]
    created_by_id: strawberry.Private[UUID | None]
    role: CreditRole = strawberry.field(description="As what.")
    day: date = strawberry.field(description="The day on which it counts.")
    amount: Money = strawberry.field(description="In the organisation's currency; negative takes back.")
    margin: Money | None = strawberry.field(description="Of it, the margin. Null when not given.")
    units: Decimal | None = strawberry.field(description="Units. Null when not given.")
    reason: str = strawberry.field(description="Why, in words.")
    created_at: datetime = strawberry.field(description="When it was posted.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="Who is credited. Null when not seen.")
    deal: Deal | None = loads(
        deals_by_id, "deal_id", description="The deal that it is about. Null without one, and when not seen."
    )
    created_by: User | None = loads(users_by_id, "created_by_id", description=_BY_WHOM)

    @classmethod
    def of(cls, row: Record, currency: str) -> "ManualCredit":
        """From a row of `manual_credits_page`, with the organisation's currency."""
        return cls(
            id=global_id("ManualCredit", row["credit_id"]),
            rep_id=row["rep_id"],
            deal_id=row["deal_id"],
            created_by_id=row["created_by"],
            role=CreditRole(row["role"]),
            day=row["day"],
            amount=Money(amount=row["amount"], currency=CurrencyCode(currency)),
            margin=money(row["margin"], currency),
            units=row["units"],
            reason=row["reason"],
            created_at=row["created_at"],
        )


@strawberry.type(description="A rate of exchange, from its day until that of the next between the same currencies.")
class CurrencyRate:
    created_by_id: strawberry.Private[UUID | None]
    base: CurrencyCode = strawberry.field(description="For one of this currency...")
    into: CurrencyCode = strawberry.field(description="...so many of this one.")
    valid_from: date = strawberry.field(description="The first day.")
    rate: Decimal = strawberry.field(description="More than 0.")
    created_at: datetime = strawberry.field(description="When it was set last.")
    created_by: User | None = loads(users_by_id, "created_by_id", description=_BY_WHOM)

    @classmethod
    def of(cls, row: Record) -> "CurrencyRate":
        """From a row of `rates_page`."""
        return cls(
            created_by_id=row["created_by"],
            base=CurrencyCode(row["base"]),
            into=CurrencyCode(row["into_currency"]),
            valid_from=row["valid_from"],
            rate=row["rate"],
            created_at=row["created_at"],
        )


@strawberry.input(description="Which overlays; all conditions hold together.")
class OverlayFilter:
    rep_id: strawberry.ID | None = strawberry.field(default=None, description="That credit this rep.")
    on: date | None = strawberry.field(default=None, description="That credit on this day.")


@strawberry.input(description="Which credits by hand; all conditions hold together.")
class ManualCreditFilter:
    rep_id: strawberry.ID | None = strawberry.field(default=None, description="Of this rep.")
    deal_id: strawberry.ID | None = strawberry.field(default=None, description="About this deal.")
    day: DateFilter | None = strawberry.field(default=None, description="That count on these days.")


@strawberry.input(description="Which rates of exchange; all conditions hold together.")
class CurrencyRateFilter:
    base: CurrencyCode | None = strawberry.field(default=None, description="For one of this currency.")
    into: CurrencyCode | None = strawberry.field(default=None, description="In this one.")


@strawberry.type
class CreditingQuery:
    @reads(
        Scope.INCENTIVES_READ,
        "Who is credited beside those who sell, the latest first day first; of those whose pay the viewer sees.",
    )
    async def overlays(
        self,
        info: Info,
        filter: Annotated[OverlayFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Overlay]:
        ctx, size, asked = info.context, page_size(first), filter or OverlayFilter()
        which = (await ctx.pay_sight(), None, _named(asked.rep_id, "Rep"), asked.on)
        place = decode_cursor(after, KINDS[date], KINDS[UUID]) if after is not None else (None, None)
        rows = await ctx.fetch(_read.overlays_page, *which, *place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_read.overlays_count, *which))

        return page(rows, size, after, Overlay.of, lambda row: (row["starts_on"], row["overlay_id"]), count)

    @reads(
        Scope.INCENTIVES_READ,
        "Credits by hand, the latest day first; of those whose pay the viewer sees.",
    )
    async def manual_credits(
        self,
        info: Info,
        filter: Annotated[ManualCreditFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[ManualCredit]:
        ctx, size, asked = info.context, page_size(first), filter or ManualCreditFilter()
        days = asked.day or DateFilter()
        who = (_named(asked.rep_id, "Rep"), _named(asked.deal_id, "Deal"))
        which = (await ctx.pay_sight(), None, *who, days.gte, days.lt)
        place = decode_cursor(after, KINDS[date], KINDS[UUID]) if after is not None else (None, None)
        rows = await ctx.fetch(_read.manual_credits_page, *which, *place, size + 1)
        currency = await currency_of(ctx)

        async def count() -> int:
            return int(await ctx.value(_read.manual_credits_count, *which))

        return page(
            rows,
            size,
            after,
            lambda row: ManualCredit.of(row, currency),
            lambda row: (row["day"], row["credit_id"]),
            count,
        )

    @reads(Scope.INCENTIVES_READ, "Rates of exchange that pay is calculated with, the latest first day first.")
    async def currency_rates(
        self,
        info: Info,
        filter: Annotated[CurrencyRateFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[CurrencyRate]:
        ctx, size, asked = info.context, page_size(first), filter or CurrencyRateFilter()
        which = (asked.base, asked.into)
        place = decode_cursor(after, KINDS[date], str, str) if after is not None else (None, None, None)
        rows = await ctx.fetch(_read.rates_page, *which, *place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_read.rates_count, *which))

        return page(
            rows,
            size,
            after,
            CurrencyRate.of,
            lambda row: (row["valid_from"], row["base"], row["into_currency"]),
            count,
        )


def _named(given: strawberry.ID | None, type_name: str) -> UUID | None:
    """What a filter names; what is no id names nothing that exists."""
    return None if given is None else uuid_of(given, type_name) or _NOBODY


nodes_by_uuid("Overlay", Scope.INCENTIVES_READ, overlays_by_id)
nodes_by_uuid("ManualCredit", Scope.INCENTIVES_READ, manual_credits_by_id)
