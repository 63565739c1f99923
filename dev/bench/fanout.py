"""One event, thousands of sockets: how long until the last has it, what a delivery costs, what a subscriber weighs."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from api.live import cursor_of, parse_cursor
from dev.bench.latency import open_subscriptions, settled
from dev.bench.machine import usage
from dev.bench.report import Cell, Table, distribution
from dev.bench.rig import Rig
from dev.bench.subscribers import Heard, Subscribers, subscribed
from domain.feed import actions as feed
from domain.org.sight import person
from domain.work import Work
from sql.pool import Database
from sql.queries import Query, queries

_live = queries("live")

_ITEMS = """subscription ($after: String) { actionItemChanged(after: $after) { kind cursor occurredAt
  node { id title status priority dueOn rep { id name } assignee { name } version } } }"""
_REP = Query("bench.rep", "select rep_id from rep where org_id = $1 order by external_id limit 1")
_LOGGED = Query(
    "bench.logged",
    "select seq, extract(epoch from pg_xact_commit_timestamp(xmin))::float8 as at from event_log where org_id = $1",
)
_PATIENCE_SECONDS = 30.0


async def fanout(rig: Rig, *, sizes: Sequence[int], events: int) -> Table:
    """All sockets ask the same as the same administrator: one group. The API's CPU is that of deliveries alone."""
    db = await Database.open(rig.settings.database_url, size=1)
    try:
        rows = [await _size(rig, db, size, events) for size in sizes]
    finally:
        await db.close()
    return Table(
        "One event to many subscribers",
        (
            "subscribers",
            "to the last, ms, p50",
            "p90",
            "p99",
            "max",
            "first to last, ms, p50",
            "CPU us a delivery",
            "API, MB",
            "API before, MB",
        ),
        rows,
        f"{events} events one by one, each an action item that changed, with its rep and assignee; from the commit of "
        "the event log to the socket of the last subscriber. One API process, WebSockets. The clients are one process.",
    )


async def _size(rig: Rig, db: Database, size: int, events: int) -> tuple[Cell, ...]:
    work, item = await _item(rig, db)
    await settled(db, rig.org_id)
    async with db.session(rig.org_id) as session:
        head = await session.row(_live.log_head)
    before = usage(*rig.api)
    token = rig.token(rig.company.emails["admin"])
    after = cursor_of(rig.org_id, head["last_seq"] if head else 0)
    with TemporaryDirectory() as folder:
        out = Path(folder) / "heard"
        async with subscribed(rig.port, _ITEMS, [(token, {"after": after})] * size, out) as clients:
            await open_subscriptions(rig.port, size)
            await _event(work, item, clients, size)  # the first one is not counted
            began = usage(*rig.api)
            for _ in range(events):
                await _event(work, item, clients, size)
            ended = usage(*rig.api)
        async with db.session(rig.org_id) as session:
            logged = {row["seq"]: row["at"] for row in await session.fetch(_LOGGED)}
        heard = Heard.read(out)
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for text, at in zip(heard.texts, heard.times, strict=True):
        first.setdefault(text, at)
        last[text] = at
    seqs = [parse_cursor(text["payload"]["data"]["actionItemChanged"]["cursor"])[1] for text in heard.distinct]
    to_last = [(last[text] - logged[seqs[text]]) * 1000 for text in last][1:]
    spread = [(last[text] - first[text]) * 1000 for text in last][1:]
    return (
        size,
        *distribution(to_last)[1:],
        distribution(spread)[1],
        round((ended.cpu_seconds - began.cpu_seconds) / (events * size) * 1e6, 1),
        round(ended.resident_mb),
        round(before.resident_mb),
    )


async def _item(rig: Rig, db: Database) -> tuple[Work, UUID]:
    """An action item, and somebody who may comment on it."""
    email = rig.company.emails["admin"]
    async with db.session(rig.org_id) as session:
        viewer = await person(session, email)
        rep_id = await session.value(_REP)
    if viewer is None:
        raise ValueError(f"{email} is no user.")
    work = Work(db, viewer, datetime.now(UTC))
    item = await feed.action_item_create(work, rep_id=rep_id, title="Plan the quarter")
    return work, item.item_id


async def _event(work: Work, item: UUID, clients: Subscribers, size: int) -> None:
    """Something happens to the item, and everybody hears of it."""
    wanted = await clients.count() + size
    await feed.action_item_comment(work, item, comment=f"At {time.time()}")
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while await clients.count() < wanted:
            await asyncio.sleep(0.01)
