"""A real receiver on a real socket hears what happens: in order, signed, at least once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
import uvicorn
from redis.asyncio import Redis
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import Rejected
from domain.events import Change, Event, EventKind
from domain.ids import event_cursor, global_id
from domain.org.webhooks import deliveries, webhook_create, webhook_delete, webhook_enable
from domain.work import Work
from settings import Settings
from sql.pool import Record
from sql.queries import Query, queries
from tests.api.clients import until
from tests.api.conftest import Ask
from tests.conftest import MakeOrg
from workers.relay import Relay, number
from workers.webhooks import Deliverer

_webhooks = queries("webhooks")

TEAM = frozenset({EventKind.ORG_TEAM})
TICK = Query(
    "test.tick",
    """update webhook set next_attempt_at = next_attempt_at - $2::interval, leased_until = leased_until - $2::interval,
    failing_since = failing_since - $2::interval where org_id = $1""",
)
TRIM = Query("test.trim", "update event_head set first_seq = $2 where org_id = $1")
FORGET = Query("test.forget", "delete from event_log where org_id = $1 and seq < $2")
MOVED = Query("test.moved", "update webhook set url = $2 where org_id = $1")
WAITING = Query("test.waiting", "select created_at from org_work where org_id = $1 and kind = 'DELIVER'")
CHANGES = """query ($after: String) { changes(first: 200, after: $after) {
  nodes { cursor kind nodeId occurredAt } } }"""


class Receiver:
    """Takes what it is sent, and answers as the test says: with the statuses of `answers`, then with 200."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}/hook?of=attain"
        self.taken: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.answers: list[int] = []
        self.hang = asyncio.Event()
        self.hang.set()

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        status = self.answers.pop(0) if self.answers else 200
        await self.hang.wait()
        if status == 200:
            self.taken.append(orjson.loads(body))
        return Response(b"x" * 100_000, status, {"Location": self.url} if status == 302 else None)

    @property
    def teams(self) -> list[str]:
        """The nodes that it took, in order."""
        return [message["data"]["nodeId"] for message in self.taken]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        receiver = Receiver(listening.getsockname()[1])
        app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        yield receiver
        receiver.hang.set()
        server.should_exit = True
        await task


@pytest.fixture
def options(database_url: str, valkey_url: str) -> Settings:
    return Settings(
        database_url=database_url, valkey_url=valkey_url, webhook_allow_private=True, webhook_timeout_seconds=5
    )


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    work = await make_org()
    await number(work.db, work.viewer.org_id)
    return work


async def happen(work: Work, count: int = 1, kind: EventKind = EventKind.ORG_TEAM) -> list[str]:
    """Events, numbered; the keys of their nodes."""
    keys = [str(uuid4()) for _ in range(count)]
    for key in keys:
        async with work.transaction() as tx:
            tx.record(Event(kind, Change.UPDATED, "Team", key))
        await number(work.db, work.viewer.org_id)
    return keys


async def deliver(work: Work, options: Settings) -> None:
    """What a worker does that hears of something to do, to the end."""
    deliverer = Deliverer(work.db, options)
    deliverer.wake(work.viewer.org_id)
    await asyncio.gather(*deliverer._running.values())
    await deliverer.close()


async def state(work: Work, webhook_id: UUID) -> Record:
    async with work.db.session(work.viewer.org_id) as session:
        row = await session.row(_webhooks.webhooks_by_id, [webhook_id])
    assert row is not None
    return row


async def pass_by(work: Work, time: timedelta) -> None:
    """As if this time had passed since the last attempt."""
    async with work.db.session(work.viewer.org_id) as session:
        await session.execute(TICK, time)


def of(*keys: str) -> list[str]:
    """Ids of teams."""
    return [global_id("Team", key) for key in keys]


async def test_events_arrive_in_order_signed_and_as_changes_shows_them(
    work: Work, receiver: Receiver, options: Settings, ask: Ask
) -> None:
    before = await happen(work)
    _, secret = await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    await happen(work, kind=EventKind.PIPELINE_DEAL)
    keys = await happen(work, 250)
    await deliver(work, options)
    assert receiver.teams == of(*keys)
    assert before[0] not in str(receiver.taken)
    for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
        assert Webhook(secret).verify(body, headers)["type"] == "org.team"
    assert len({headers["webhook-id"] for headers in receiver.headers}) == 250
    after = event_cursor(work.viewer.org_id, 2)  # the organisation itself, and the event before the webhook
    shown = (await ask(work, CHANGES, after=after))["data"]["changes"]["nodes"]
    assert [message["data"] for message in receiver.taken][:199] == [
        node for node in shown if node["nodeId"] in receiver.teams
    ]

    await deliver(work, options)
    assert len(receiver.taken) == 250


async def test_nothing_overtakes_an_event_that_is_not_taken_and_it_is_tried_again(
    work: Work, receiver: Receiver, options: Settings
) -> None:
    webhook_id, _ = await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    keys = await happen(work, 3)
    receiver.answers = [200, 500, 302, 200]
    await deliver(work, options)
    await deliver(work, options)  # not due yet
    assert receiver.teams == of(keys[0])
    assert len(receiver.bodies) == 2
    failing = await state(work, webhook_id)
    assert (failing["failures"], failing["last_status"], failing["last_error"]) == (1, 500, "The answer was 500.")
    assert failing["next_attempt_at"] - failing["last_attempt_at"] == timedelta(seconds=5)

    # The next attempt waits in the table that the sweep looks at, and not before it is due.
    async with work.db.session(work.viewer.org_id) as session:
        assert [row["created_at"] for row in await session.fetch(WAITING)] == [failing["next_attempt_at"]]

    await pass_by(work, timedelta(seconds=5))
    await deliver(work, options)  # a redirect is not followed
    again = await state(work, webhook_id)
    assert (again["failures"], again["failing_since"]) == (2, failing["failing_since"] - timedelta(seconds=5))
    assert again["next_attempt_at"] - again["last_attempt_at"] == timedelta(seconds=20)
    await pass_by(work, timedelta(seconds=20))
    await deliver(work, options)
    assert receiver.teams == of(*keys)
    assert receiver.bodies[1] == receiver.bodies[2] == receiver.bodies[3]
    assert len({headers["webhook-id"] for headers in receiver.headers[1:4]}) == 1
    well = await state(work, webhook_id)
    assert (well["failures"], well["failing_since"], well["next_attempt_at"], well["last_error"]) == (
        0,
        None,
        None,
        None,
    )
    async with work.db.session(work.viewer.org_id) as session:
        assert await session.fetch(WAITING) == []


@pytest.mark.parametrize(("status", "failing"), [(410, timedelta()), (500, timedelta(days=3))])
async def test_what_fails_for_days_or_is_gone_is_disabled_until_somebody_enables_it(
    work: Work, receiver: Receiver, options: Settings, status: int, failing: timedelta
) -> None:
    webhook_id, _ = await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    keys = await happen(work, 2)
    receiver.answers = [500, status]
    await deliver(work, options)
    await pass_by(work, max(failing, timedelta(seconds=5)))
    await deliver(work, options)
    disabled = await state(work, webhook_id)
    assert disabled["disabled_at"] is not None
    assert disabled["next_attempt_at"] is None
    await pass_by(work, timedelta(days=1))
    await deliver(work, options)
    assert receiver.taken == []

    await webhook_enable(work, webhook_id)
    await deliver(work, options)
    assert receiver.teams == of(*keys)
    assert (await state(work, webhook_id))["disabled_at"] is None


async def test_a_worker_that_dies_leaves_the_rest_to_another(work: Work, receiver: Receiver, options: Settings) -> None:
    await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    keys = await happen(work, 3)
    receiver.hang.clear()
    dying = Deliverer(work.db, options)
    dying.wake(work.viewer.org_id)
    await until(lambda: bool(receiver.bodies))
    await dying.close()
    receiver.hang.set()

    await deliver(work, options)  # the lease holds
    assert len(receiver.bodies) == 1
    await pass_by(work, timedelta(minutes=1))
    await deliver(work, options)
    assert receiver.bodies[0] == receiver.bodies[1]
    assert receiver.teams[-3:] == of(*keys)


async def test_workers_side_by_side_send_each_event_once(work: Work, receiver: Receiver, options: Settings) -> None:
    await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    keys = await happen(work, 20)
    await asyncio.gather(*(deliver(work, options) for _ in range(4)))
    assert receiver.teams == of(*keys)


async def test_a_lease_that_somebody_else_took_moves_nothing(work: Work, receiver: Receiver) -> None:
    webhook_id, _ = await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    await happen(work, 2)
    (stopped,) = await deliveries(work)
    await pass_by(work, timedelta(minutes=1))
    (other,) = await deliveries(work)
    first, second = await other.messages(work)
    assert await other.delivered(work, first, 200)
    assert await other.delivered(work, second, 200)
    assert not await stopped.delivered(work, first, 200)
    await stopped.failed(work, 500, "late")
    await stopped.released(work)
    assert (await state(work, webhook_id))["delivered_seq"] == second.seq
    assert (await state(work, webhook_id))["failures"] == 0


async def test_events_that_were_forgotten_are_told_as_a_gap(work: Work, receiver: Receiver, options: Settings) -> None:
    await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    keys = await happen(work, 3)
    async with work.db.session(work.viewer.org_id) as session:
        head = await session.row(queries("live").log_head)
        assert head is not None
        await session.execute(FORGET, head["last_seq"])
        await session.execute(TRIM, head["last_seq"])
    await deliver(work, options)
    gap, last = receiver.taken
    assert (gap["type"], gap["data"]["kind"], gap["data"]["nodeId"]) == ("gap", "GAP", None)
    assert last["data"]["nodeId"] == of(keys[-1])[0]


async def test_a_commit_reaches_the_receiver_through_the_relay(
    work: Work, receiver: Receiver, options: Settings
) -> None:
    await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    deliverer = Deliverer(work.db, options)

    async def begin(job: str, org_id: UUID) -> None:
        if job == "deliver" and org_id == work.viewer.org_id:
            deliverer.wake(org_id)

    async with Redis.from_url(options.valkey_url) as valkey:
        relay = Relay(work.db, valkey, options.model_copy(update={"sweep_seconds": 3600}), begin)
        relaying = asyncio.create_task(relay.run())
        await relay.listening.wait()
        async with work.transaction() as tx:
            tx.record(Event("org.team", Change.CREATED, "Team", "1"))
        await until(lambda: bool(receiver.taken))
        relaying.cancel()
        await asyncio.gather(relaying, return_exceptions=True)
        await deliverer.close()
    assert receiver.teams == of("1")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://localhost:{port}/hook", "The address is not on the public net."),
        ("HTTPS://localhost:{port}/hook", "The address is not on the public net."),
        ("http://localhost:{port}/hook", "The address is not https."),
        ("https://127.0.0.1.nip.invalid/hook", "No answer: gaierror."),
    ],
)
async def test_no_private_address_is_called_whatever_name_it_has(
    work: Work, receiver: Receiver, options: Settings, url: str, error: str
) -> None:
    port = receiver.url.split(":")[2].split("/")[0]
    webhook_id, _ = await webhook_create(work, url=url.format(port=port), kinds=TEAM, private=True)
    await happen(work)
    await deliver(work, options.model_copy(update={"webhook_allow_private": False}))
    assert (await state(work, webhook_id))["last_error"] == error
    assert receiver.bodies == []


async def test_an_address_that_nobody_can_look_up_fails_and_holds_up_nobody_else(
    work: Work, receiver: Receiver, options: Settings
) -> None:
    webhook_id, _ = await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    async with work.db.session(work.viewer.org_id) as session:
        await session.execute(MOVED, "https://partner..example/hook")
    await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    keys = await happen(work)
    await deliver(work, options)
    assert receiver.teams == of(*keys)
    failing = await state(work, webhook_id)
    assert (failing["failures"], failing["last_error"]) == (1, "No answer: UnicodeError.")


async def test_a_receiver_that_does_not_answer_is_given_up_in_time(
    work: Work, receiver: Receiver, options: Settings
) -> None:
    webhook_id, _ = await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    await happen(work)
    receiver.hang.clear()
    await deliver(work, options.model_copy(update={"webhook_timeout_seconds": 0.2}))
    assert (await state(work, webhook_id))["last_error"] == "No answer within 0.2 s."


async def test_one_that_was_deleted_hears_nothing(work: Work, receiver: Receiver, options: Settings) -> None:
    webhook_id, _ = await webhook_create(work, url=receiver.url, kinds=TEAM, private=True)
    await happen(work)
    await webhook_delete(work, webhook_id)
    await deliver(work, options)
    assert receiver.bodies == []
    for act in (webhook_delete, webhook_enable):
        with pytest.raises(Rejected) as refusal:
            await act(work, webhook_id)
        assert [problem.code for problem in refusal.value.problems] == ["NOT_FOUND"]


CREATE = """mutation ($input: WebhookInput!) { webhookCreate(input: $input) {
  webhook { id url events status deliveredThrough lastStatus failures } secret userErrors { code path } } }"""
LIST = "{ webhooks { totalCount nodes { id url status lastStatus lastError failures nextAttemptAt lastDeliveredAt } } }"


async def test_a_webhook_by_the_graph_shows_how_it_is_and_its_secret_once(
    work: Work, receiver: Receiver, options: Settings, ask: Ask
) -> None:
    made = await ask(work, CREATE, input={"url": "https://partner.example/hook", "events": ["ORG_TEAM", "ORG_REP"]})
    created = made["data"]["webhookCreate"]
    assert created["userErrors"] == []
    assert created["secret"].startswith("whsec_")
    webhook = created["webhook"]
    assert (webhook["events"], webhook["status"]) == (["ORG_REP", "ORG_TEAM"], "ACTIVE")
    refused = await ask(work, CREATE, input={"url": "http://partner.example/hook", "events": []})
    assert refused["data"]["webhookCreate"] == {
        "webhook": None,
        "secret": None,
        "userErrors": [
            {"code": "INVALID_URL", "path": ["input", "url"]},
            {"code": "REQUIRED", "path": ["input", "events"]},
        ],
    }

    async with work.db.session(work.viewer.org_id) as session:
        await session.execute(MOVED, receiver.url)
    await happen(work)
    receiver.answers = [503]
    await deliver(work, options)
    listed = (await ask(work, LIST))["data"]["webhooks"]
    assert listed["totalCount"] == 1
    (node,) = listed["nodes"]
    assert (node["status"], node["lastStatus"], node["lastError"]) == ("FAILING", 503, "The answer was 503.")
    assert (node["failures"], node["lastDeliveredAt"]) == (1, None)
    assert node["nextAttemptAt"] is not None
    assert created["secret"] not in str(listed)

    document = "mutation ($id: ID!) { webhookEnable(id: $id) { webhook { status } userErrors { code } } }"
    enabled = (await ask(work, document, id=webhook["id"]))["data"]["webhookEnable"]
    assert enabled == {"webhook": {"status": "ACTIVE"}, "userErrors": []}
    await deliver(work, options)
    assert len(receiver.taken) == 1

    document = "mutation ($id: ID!) { webhookDelete(id: $id) { webhookId userErrors { code } } }"
    assert (await ask(work, document, id=webhook["id"]))["data"]["webhookDelete"]["webhookId"] == webhook["id"]
    again = (await ask(work, document, id=webhook["id"]))["data"]["webhookDelete"]
    assert again == {"webhookId": None, "userErrors": [{"code": "NOT_FOUND"}]}
    entries = (await ask(work, "{ auditLog { nodes { action } } }"))["data"]["auditLog"]["nodes"]
    assert {"webhookCreate", "webhookEnable", "webhookDelete"} <= {entry["action"] for entry in entries}
