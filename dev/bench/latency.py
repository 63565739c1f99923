"""From the commit of a fact to the message on a subscriber's socket, and where the time goes.

Every fact is one more meeting of a rep: the message whose scorecard counts it is the one that brings it, so what is
measured is also known to be right, and a fact that never arrives fails the bench.
"""

import asyncio
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis

from api.live import parse_cursor
from dev.bench.http import Http, get
from dev.bench.ingest import ACTIVITIES, activity
from dev.bench.machine import cpu_of_family
from dev.bench.report import DISTRIBUTION, Table, distribution
from dev.bench.rig import Rig
from dev.bench.subscribers import Heard, Subscribers, subscribed
from domain.events import CHANNEL
from sql.pool import Database
from sql.queries import Query

_SCORECARDS = """subscription { scorecardChanged { kind cursor
  node { status score rep { externalId name } results { kpi { key } value target ratio status } }
  nodes { rep { externalId } results { kpi { key } value } } } }"""
_REPS = "{ reps(first: 200) { nodes { externalId email } } }"
_TEAMS = "{ teams(first: 200) { nodes { manager { email } } } }"

_COMMITS = Query(
    "bench.commits",
    "select external_id, extract(epoch from pg_xact_commit_timestamp(xmin))::float8 as at from activity "
    "where org_id = $1 and source = 'bench' order by 2, 1",
)
_LOG = Query(
    "bench.log",
    "select seq, extract(epoch from occurred_at)::float8 as began, "
    "extract(epoch from pg_xact_commit_timestamp(xmin))::float8 as logged from event_log where org_id = $1",
)
_WAITING = Query(
    "bench.waiting",
    "select (select count(*) from dirty_mark where org_id = $1) + (select count(*) from outbox where org_id = $1)",
)

_CONNECTIONS = 4
_WARMING_SECONDS = 2
_STAGES = (
    "committed -> recompute begins (relay, queue, or the round before)",
    "recompute begins -> committed",
    "committed -> in the log (relay)",
    "in the log -> published (relay, Valkey)",
    "published -> message (API, socket)",
)


@dataclass(slots=True)
class Load:
    """What was sent: which rep each fact is of."""

    rep_of: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


async def latency(rig: Rig, *, subscribers: int, rate: float, per_call: int, seconds: float) -> list[Table]:
    """The distribution, its stages, what it costs. Raises `ValueError` when a fact did not arrive everywhere."""
    query, sockets, reps = await company_sockets(rig, subscribers)
    db = await Database.open(rig.settings.database_url, size=1)
    published: list[tuple[int, float]] = []
    tap = asyncio.create_task(_listen(rig, published))
    with TemporaryDirectory() as folder:
        out = Path(folder) / "heard"
        try:
            async with subscribed(rig.port, query, sockets, out) as clients:
                await open_subscriptions(rig.port, subscribers)
                warming = await send(rig, reps, rate, per_call, _WARMING_SECONDS, prefix="w")
                await _quiet(db, rig.org_id, clients)
                warm, before = time.time(), _used(rig)
                load = await send(rig, reps, rate, per_call, seconds, prefix="l")
                await _quiet(db, rig.org_id, clients)
                after = _used(rig)
            async with db.session(rig.org_id) as session:
                commits = await session.fetch(_COMMITS)
                log = {row["seq"]: (row["began"], row["logged"]) for row in await session.fetch(_LOG)}
        finally:
            tap.cancel()
            await asyncio.gather(tap, return_exceptions=True)
            await db.close()
        heard = Heard.read(out)
    facts: dict[str, list[float]] = defaultdict(list)
    rep_of = warming.rep_of | load.rep_of
    for row in commits:
        if row["external_id"] in rep_of:
            facts[rep_of[row["external_id"]]].append(row["at"])
    rounds = _rounds(rig.logs["worker"])
    arrivals = [arrival for arrival in _arrivals(heard, facts) if arrival[0] >= warm]
    distributions = [
        ("all", *distribution([(arrived - fact) * 1000 for fact, arrived, _ in arrivals])),
    ]
    stages = [_stages(fact, arrived, seq, rounds, log, published) for fact, arrived, seq in arrivals]
    sent = len(load.rep_of)
    note = (
        f"{sent:,} facts in {load.seconds:.1f} s ({sent / load.seconds:.0f} a second, {per_call} a call), after "
        f"{_WARMING_SECONDS} s of the same that do not count, "
        f"{subscribers} subscribers to scorecards: a third sees everybody's, a third a manager's, a third a rep's own; "
        f"{len(heard.times):,} messages in all. A fact counts once at each subscriber that sees its rep."
    )
    return [
        Table("Commit of a fact to a subscriber's message, ms", ("what", *DISTRIBUTION), distributions, note),
        Table(
            "Where the time goes, ms",
            ("stage", *DISTRIBUTION),
            [(name, *distribution([stage[i] * 1000 for stage in stages], 2)) for i, name in enumerate(_STAGES)],
            "Stages of one message add up to its whole; percentiles do not.",
        ),
        Table(
            "What the load costs",
            ("process", "CPU ms a fact", f"share of a core at {rate:g} facts a second"),
            [
                (name, round(spent / sent * 1000, 2), f"{spent / sent * rate:.0%}")
                for name, spent in ((name, after[name] - before[name]) for name in after)
            ],
            "CPU, unlike time, hardly depends on what else the machine does. With fewer facts a second each costs "
            "more: what comes while a round is under way goes into the next one.",
        ),
    ]


def _used(rig: Rig) -> dict[str, float]:
    """CPU seconds of each part so far."""
    api, *_ = rig.api
    servers = {name: server.pid for name, server in rig.servers.processes.items()}
    return {name: cpu_of_family(pid) for name, pid in {"API": api, "worker": rig.worker or api, **servers}.items()}


async def open_subscriptions(port: int, wanted: int) -> None:
    """Return once the API has so many."""
    while f"attain_subscribers {float(wanted)}" not in await get(port, "/metrics"):
        await asyncio.sleep(0.1)


async def company_sockets(rig: Rig, subscribers: int) -> tuple[str, list[tuple[str, Mapping[str, object]]], list[str]]:
    """A screen of scorecards, the sockets of an admin, a manager and a rep in turn; and the reps' external ids."""
    http = await Http.connect(rig.port, rig.token(rig.company.emails["admin"]))
    try:
        reps = (await http.ask(_REPS))["nodes"]
        teams = (await http.ask(_TEAMS))["nodes"]
    finally:
        http.close()
    managers = sorted({team["manager"]["email"] for team in teams if team["manager"]})
    people = (
        who
        for rep, manager in zip(cycle(reps), cycle(managers), strict=False)
        for who in (rig.company.emails["admin"], manager, rep["email"])
    )
    sockets: list[tuple[str, Mapping[str, object]]] = [(rig.token(who), {}) for who in islice(people, subscribers)]
    return _SCORECARDS, sockets, [rep["externalId"] for rep in reps]


async def _listen(rig: Rig, published: list[tuple[int, float]]) -> None:
    """When Valkey said that the log had reached which number."""
    async with Redis.from_url(rig.settings.valkey_url) as valkey, valkey.pubsub() as channel:
        await channel.subscribe(CHANNEL)
        async for message in channel.listen():
            if message["type"] == "message":
                numbered: int = orjson.loads(message["data"])["seq"]
                published.append((numbered, time.time()))


async def settled(db: Database, org_id: UUID) -> None:
    """Return once nothing waits to be recomputed or numbered."""
    async with db.session(org_id) as session:
        while await session.value(_WAITING):
            await asyncio.sleep(0.1)


async def _quiet(db: Database, org_id: UUID, clients: Subscribers) -> None:
    """Return once nothing waits to be recomputed or numbered, and no message comes any more."""
    before = -1
    while True:
        async with db.session(org_id) as session:
            waiting = await session.value(_WAITING)
        now = await clients.count()
        if not waiting and now == before:
            return
        before = now
        await asyncio.sleep(0.5)


async def send(rig: Rig, reps: Sequence[str], rate: float, per_call: int, seconds: float, *, prefix: str) -> Load:
    """Calls at a steady pace, whether or not those before have been answered."""
    load = Load()
    free: asyncio.Queue[Http] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await Http.connect(rig.port, rig.company.partner_key))
    turn = cycle(reps)
    began = time.perf_counter()
    calls: list[asyncio.Task[None]] = []

    async def call(http: Http, items: list[dict[str, object]]) -> None:
        await http.ask(ACTIVITIES, items=items)
        free.put_nowait(http)

    for number in range(round(rate * seconds / per_call)):
        with suppress(TimeoutError):
            await asyncio.sleep(max(0.0, began + number * per_call / rate - time.perf_counter()))
        http = await free.get()
        now = datetime.now(UTC)
        items = [activity(f"{prefix}-{number}-{n}", rep, now) for n, rep in enumerate(islice(turn, per_call))]
        load.rep_of |= {str(item["externalId"]): str(item["repExternalId"]) for item in items}
        calls.append(asyncio.create_task(call(http, items)))
    await asyncio.gather(*calls)
    load.seconds = time.perf_counter() - began
    while not free.empty():
        free.get_nowait().close()
    return load


def _rounds(log: Path) -> dict[int, float]:
    """When a recompute had committed, in seconds since 1970, by when it began, in microseconds."""
    rounds = {}
    for line in log.read_bytes().splitlines():
        if b'"round"' in line and (said := orjson.loads(line)).get("job") == "recompute":
            began = datetime.fromisoformat(said["now"]).timestamp()
            rounds[round(began * 1e6)] = began + said["milliseconds"] / 1000
    return rounds


def _meetings(card: Mapping[str, Any]) -> int:
    return next((int(line["value"] or 0) for line in card["results"] if line["kpi"]["key"] == "meetings"), 0)


def _arrivals(heard: Heard, facts: Mapping[str, Sequence[float]]) -> list[tuple[float, float, int]]:
    """(committed, arrived, number of the event) of each fact at each subscriber that sees its rep."""
    told = [text["payload"]["data"]["scorecardChanged"] for text in heard.distinct]
    known: dict[tuple[int, str], tuple[int, int]] = {}  # at a socket, of a rep: meetings at first, facts since
    arrivals = []
    for socket, text, at in zip(heard.sockets, heard.texts, heard.times, strict=True):
        message = told[text]
        if message["kind"] == "SNAPSHOT":
            for card in message["nodes"]:
                if card["rep"]:
                    known[socket, card["rep"]["externalId"]] = _meetings(card), 0
        elif message["kind"] == "GAP":
            raise ValueError("A subscriber was told GAP: it did not keep up.")
        elif message["node"]["rep"]:
            rep = message["node"]["rep"]["externalId"]
            base, before = known[socket, rep]
            counted = _meetings(message["node"]) - base
            _, seq = parse_cursor(message["cursor"])
            arrivals += [(fact, at, seq) for fact in facts[rep][before:counted]]
            known[socket, rep] = base, max(before, counted)
    missing = sum(len(facts[rep]) - counted for (_, rep), (_, counted) in known.items())
    if missing:
        raise ValueError(f"{missing} facts did not arrive.")
    return arrivals


def _stages(
    fact: float,
    arrived: float,
    seq: int,
    rounds: Mapping[int, float],
    log: Mapping[int, tuple[float, float]],
    published: Sequence[tuple[int, float]],
) -> list[float]:
    """How long each stage took. A message may show a newer state than its event's: stages before that took no time."""
    began, logged = log[seq]
    place = bisect_left(published, (seq, 0.0))
    marks = (
        began,
        rounds.get(round(began * 1e6), began),
        logged,
        published[place][1] if place < len(published) else logged,
        arrived,
    )
    return list(_between(fact, arrived, marks))


def _between(first: float, last: float, marks: Iterable[float]) -> Iterable[float]:
    before = first
    for mark in marks:
        now = min(last, max(before, mark))
        yield now - before
        before = now
