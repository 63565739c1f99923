"""Webhooks: a partner's address hears of changes, in order, signed, at least once.

Each webhook remembers the last event that it heard of. A worker takes a lease on it, sends one event after the other
and moves on with each answer; what fails is tried again after a while, and nothing overtakes it.
"""

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.errors import Problem, Rejected, reject
from domain.events import PAY_KINDS, EventKind
from domain.ids import event_cursor, global_id
from domain.org import rules
from domain.work import Work
from sql.pool import uuid7
from sql.queries import queries

_live = queries("live")
_webhooks = queries("webhooks")

MOST = 20
"""Webhooks of an organisation."""

SECRET_PREFIX = "whsec_"  # noqa: S105 as the Standard Webhooks have it

LEASE_SECONDS = 60.0
"""How long a worker that says nothing keeps a webhook to itself; longer than an attempt may take."""

_PAGE = 100


async def webhook_create(work: Work, *, url: str, kinds: Collection[EventKind], private: bool) -> tuple[UUID, str]:
    """A new webhook; returns its id and the secret that signs what it is sent, which nobody can show again.

    `private`: plain http and addresses of the own network are allowed, for development. Raises `Rejected`: INVALID_URL,
    REQUIRED, SCOPE_NOT_HELD, TOO_MANY.
    """
    problems = rules.webhook_url(url, private, "input", "url")
    if not kinds:
        problems.append(Problem("REQUIRED", "A webhook hears of at least one kind of event.", ("input", "events")))
    readable = {scope.removesuffix(":read") for scope in work.viewer.scopes if scope.endswith(":read")}
    beyond = sorted({kind for kind in kinds if kind.split(".")[0] not in readable})
    if not work.viewer.sees_all_pay:
        beyond = sorted({*beyond, *PAY_KINDS.intersection(kinds)})
    if beyond:
        message = f"You may not read what these tell of: {', '.join(beyond)}."
        problems.append(Problem("SCOPE_NOT_HELD", message, ("input", "events")))
    if problems:
        raise Rejected(*problems)
    webhook_id, secret = uuid7(), SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    heard = sorted(set(kinds))
    async with work.transaction() as tx:
        if int(str(await tx.value(_webhooks.webhooks_count))) >= MOST:
            raise reject("TOO_MANY", f"An organisation has at most {MOST} webhooks: delete one first.", "input")
        await tx.execute(_webhooks.webhook_add, webhook_id, url, heard, secret, work.viewer.actor_id, work.now)
        tx.audit("webhookCreate", "Webhook", str(webhook_id), url=url, events=heard)
    return webhook_id, secret


async def webhook_delete(work: Work, webhook_id: UUID) -> None:
    """It hears nothing any more. Raises `Rejected` NOT_FOUND."""
    async with work.transaction() as tx:
        gone = await tx.row(_webhooks.webhook_delete, webhook_id)
        if gone is None:
            raise reject("NOT_FOUND", "There is no such webhook.", "id")
        tx.audit("webhookDelete", "Webhook", str(webhook_id), url=gone["url"])


async def webhook_enable(work: Work, webhook_id: UUID) -> None:
    """Try again now, from where it stopped. One that is well is left alone. Raises `Rejected` NOT_FOUND."""
    async with work.transaction() as tx:
        if not await tx.fetch(_webhooks.webhooks_by_id, [webhook_id]):
            raise reject("NOT_FOUND", "There is no such webhook.", "id")
        if await tx.execute(_webhooks.webhook_enable, webhook_id):
            await tx.execute(_webhooks.deliver_wake, uuid7())
            tx.audit("webhookEnable", "Webhook", str(webhook_id))


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: the same each time that it is tried. `seq` is the event that it stands for."""

    id: str
    seq: int
    body: dict[str, Any]


@dataclass(slots=True)
class Delivery:
    """A webhook that this worker has to itself for now."""

    org_id: UUID
    webhook_id: UUID
    url: str
    secret: str
    kinds: list[str]
    lease: UUID
    seq: int
    first_seq: int
    last_seq: int

    async def messages(self, work: Work) -> list[Message]:
        """The next ones; none when all is delivered."""
        if self.seq < self.first_seq - 1:
            return [self._gap(work.now)]
        async with work.db.session(self.org_id) as session:
            rows = await session.fetch(_webhooks.webhook_events, self.seq, self.kinds, _PAGE)
        return [
            Message(
                f"evt_{row['event_id'].hex}",
                row["seq"],
                _body(
                    row["kind"],
                    row["occurred_at"],
                    cursor=event_cursor(self.org_id, row["seq"]),
                    kind=row["change"],
                    nodeId=global_id(row["node_type"], row["node_key"]),
                ),
            )
            for row in rows
        ]

    def _gap(self, now: datetime) -> Message:
        """Events were forgotten before they could be delivered."""
        seq = self.first_seq - 1
        body = _body("gap", now, cursor=event_cursor(self.org_id, seq), kind="GAP", nodeId=None)
        return Message(f"gap_{self.webhook_id.hex}_{seq}", seq, body)

    async def delivered(self, work: Work, message: Message, status: int) -> bool:
        """Move on. False when the webhook was deleted, or is somebody else's by now: stop."""
        self.seq = message.seq
        async with work.transaction() as tx:
            done = (self.webhook_id, self.lease, message.seq, work.now, status, LEASE_SECONDS)
            return bool(await tx.value(_webhooks.webhook_delivered, *done))

    async def failed(self, work: Work, status: int | None, error: str) -> bool:
        """Try again later; False when that is over and the webhook is disabled."""
        async with work.transaction() as tx:
            before = await tx.row(_webhooks.webhook_failing, self.webhook_id, self.lease)
            if before is None:
                return True
            since = before["failing_since"] or work.now
            pause = rules.webhook_pause(before["failures"] + 1, work.now - since, status)
            again, disabled = (work.now + pause, None) if pause is not None else (None, work.now)
            outcome = (work.now, again, disabled, status, error)
            await tx.execute(_webhooks.webhook_failed, self.webhook_id, self.lease, *outcome)
            if disabled is not None:
                tx.audit("webhookDisabled", "Webhook", str(self.webhook_id), error=error)
        return pause is not None

    async def released(self, work: Work) -> None:
        """All of the log, as it was when the lease began, is delivered."""
        async with work.transaction() as tx:
            await tx.execute(_webhooks.webhook_released, self.webhook_id, self.lease, self.last_seq)


def _body(type_name: str, occurred_at: datetime, **data: object) -> dict[str, Any]:
    at = occurred_at.isoformat().replace("+00:00", "Z")
    return {"type": type_name, "timestamp": at, "data": {**data, "occurredAt": at}}


async def deliveries(work: Work) -> list[Delivery]:
    """Take what is due in the organisation. A worker that dies leaves the rest to whoever looks after its lease."""
    lease = uuid7()
    async with work.transaction() as tx:
        await tx.claim("DELIVER")
        rows = await tx.fetch(_webhooks.webhooks_lease, lease, work.now, LEASE_SECONDS)
        await tx.execute(_webhooks.deliver_later, uuid7(), work.now)
    return [
        Delivery(
            work.viewer.org_id,
            row["webhook_id"],
            row["url"],
            row["secret"],
            row["kinds"],
            lease,
            row["delivered_seq"],
            row["first_seq"],
            row["last_seq"],
        )
        for row in rows
    ]


async def schedule(work: Work) -> None:
    """See to it that somebody looks again when the next attempt is due, and not before."""
    async with work.transaction() as tx:
        await tx.claim("DELIVER")
        await tx.execute(_webhooks.deliver_later, uuid7(), work.now)
