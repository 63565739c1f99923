"""Webhooks: who is told of changes, and how that goes."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import reads, writes
from api.context import Context, Info
from api.errors import Payload
from api.live import cursor_of
from api.relay import Connection, Node, decode_cursor, global_id, nodes_by_uuid, page, page_size, uuid_of
from domain.errors import reject
from domain.events import EventKind
from domain.org.model import Scope
from domain.org.webhooks import webhook_create, webhook_delete, webhook_enable
from sql.pool import Record
from sql.queries import queries

_webhooks = queries("webhooks")


@strawberry.enum(description="How a webhook is.")
class WebhookStatus(Enum):
    ACTIVE = strawberry.enum_value("ACTIVE", description="What it was to hear was delivered, or is on its way.")
    FAILING = strawberry.enum_value(
        "FAILING", description="An event was not taken; it is tried again, and others wait."
    )
    DISABLED = strawberry.enum_value(
        "DISABLED", description="It failed for three days, or said 410: nothing is sent until `webhookEnable`."
    )


@strawberry.type(
    description="An address that is told of changes, in order. Its secret is shown once, when it is created."
)
class Webhook(Node):
    url: str = strawberry.field(description="Where it is told.")
    events: list[EventKind] = strawberry.field(description="What it hears of.")
    status: WebhookStatus = strawberry.field(description="How it is.")
    created_at: datetime = strawberry.field(description="When it was created.")
    delivered_through: str = strawberry.field(
        description="Cursor of the last event that it heard of, or that is not of its kinds: "
        "`changes(after:)` has the rest."
    )
    last_attempt_at: datetime | None = strawberry.field(description="When it was last called. Null before.")
    last_delivered_at: datetime | None = strawberry.field(description="When it last took an event. Null before.")
    last_status: int | None = strawberry.field(
        description="The HTTP status of the last attempt. Null before, and when there was no answer."
    )
    last_error: str | None = strawberry.field(description="Why the last attempt failed. Null when it did not.")
    failures: int = strawberry.field(description="Attempts in vain to deliver the event that waits.")
    failing_since: datetime | None = strawberry.field(description="Since when they fail. Null when they do not.")
    next_attempt_at: datetime | None = strawberry.field(description="When it is tried again. Null when nothing failed.")
    disabled_at: datetime | None = strawberry.field(description="When it was disabled. Null when it is not.")

    @classmethod
    def of(cls, ctx: Context, row: Record) -> "Webhook":
        """From a row of `webhook`."""
        failing = WebhookStatus.FAILING if row["failures"] else WebhookStatus.ACTIVE
        return cls(
            id=global_id("Webhook", row["webhook_id"]),
            url=row["url"],
            events=[EventKind(kind) for kind in row["kinds"]],
            status=failing if row["disabled_at"] is None else WebhookStatus.DISABLED,
            created_at=row["created_at"],
            delivered_through=cursor_of(ctx.viewer.org_id, row["delivered_seq"]),
            last_attempt_at=row["last_attempt_at"],
            last_delivered_at=row["last_delivered_at"],
            last_status=row["last_status"],
            last_error=row["last_error"],
            failures=row["failures"],
            failing_since=row["failing_since"],
            next_attempt_at=row["next_attempt_at"],
            disabled_at=row["disabled_at"],
        )


async def webhooks_by_id(ctx: Context, ids: Sequence[UUID]) -> list[Webhook | None]:
    """Webhooks, whoever asks: those who may see them decide before."""
    found = {row["webhook_id"]: Webhook.of(ctx, row) for row in await ctx.fetch(_webhooks.webhooks_by_id, ids)}
    return [found.get(webhook_id) for webhook_id in ids]


nodes_by_uuid("Webhook", Scope.WEBHOOKS_WRITE, webhooks_by_id)


@strawberry.type
class WebhooksQuery:
    @reads(Scope.WEBHOOKS_WRITE, "The organisation's webhooks and how they are, oldest first.")
    async def webhooks(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="How many; 50 by default, at most 200.")] = None,
        after: Annotated[str | None, strawberry.argument(description="A cursor of this list.")] = None,
    ) -> Connection[Webhook]:
        ctx, size = info.context, page_size(first)
        (place,) = decode_cursor(after, UUID) if after is not None else (None,)
        rows = await ctx.fetch(_webhooks.webhooks_page, place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_webhooks.webhooks_count))

        return page(rows, size, after, lambda row: Webhook.of(ctx, row), lambda row: (row["webhook_id"],), count)


@strawberry.input(description="A new webhook.")
class WebhookInput:
    url: str = strawberry.field(description="An https address on the public net, at most 2,000 characters.")
    events: list[EventKind] = strawberry.field(description="What it hears of: nothing that its maker may not read.")


@strawberry.type(description="A new webhook.")
class WebhookCreatePayload(Payload):
    webhook: Webhook | None = strawberry.field(default=None, description="The webhook. Null when nothing was done.")
    secret: str | None = strawberry.field(
        default=None,
        description="With it the receiver checks the signature (Standard Webhooks). Shown this once: store it now. "
        "Null when nothing was done.",
    )


@strawberry.type(description="A webhook, enabled.")
class WebhookEnablePayload(Payload):
    webhook: Webhook | None = strawberry.field(default=None, description="The webhook. Null when there is none.")


@strawberry.type(description="A webhook, deleted.")
class WebhookDeletePayload(Payload):
    webhook_id: strawberry.ID | None = strawberry.field(
        default=None, description="Its id, which finds nothing any more. Null when there was none."
    )


@strawberry.type
class WebhooksMutation:
    @writes(
        Scope.WEBHOOKS_WRITE,
        "Tell an address of changes from now on: at least once each, in order, signed. The secret is in the answer and "
        "can never be shown again.",
    )
    async def webhook_create(
        self,
        info: Info,
        input: Annotated[WebhookInput, strawberry.argument(description="The webhook.")],
    ) -> WebhookCreatePayload:
        ctx = info.context
        webhook_id, secret = await webhook_create(
            ctx.work(), url=input.url, kinds=input.events, private=ctx.settings.webhook_allow_private
        )
        (webhook,) = await webhooks_by_id(ctx, [webhook_id])
        return WebhookCreatePayload(webhook=webhook, secret=secret, user_errors=[])

    @writes(
        Scope.WEBHOOKS_WRITE,
        "Try a failing or disabled webhook again now, from where it stopped. Events that are no longer kept are told "
        "as one gap. One that is well is left alone.",
    )
    async def webhook_enable(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The webhook's id.")],
    ) -> WebhookEnablePayload:
        ctx, webhook_id = info.context, _id(id)
        await webhook_enable(ctx.work(), webhook_id)
        (webhook,) = await webhooks_by_id(ctx, [webhook_id])
        return WebhookEnablePayload(webhook=webhook, user_errors=[])

    @writes(Scope.WEBHOOKS_WRITE, "Delete a webhook: nothing more is sent, what waits neither.")
    async def webhook_delete(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The webhook's id.")],
    ) -> WebhookDeletePayload:
        await webhook_delete(info.context.work(), _id(id))
        return WebhookDeletePayload(webhook_id=id, user_errors=[])


def _id(text: str) -> UUID:
    webhook_id = uuid_of(text, "Webhook")
    if webhook_id is None:
        raise reject("NOT_FOUND", "There is no such webhook.", "id")
    return webhook_id
