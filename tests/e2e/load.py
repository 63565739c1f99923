"""People who use Attain while it is in trouble: partners who store facts, and subscribers who keep count."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import websockets

from api.live import parse_cursor
from tests.api.clients import Socket
from tests.e2e.site import PATIENCE_SECONDS, Site, until
from tests.loop.company import Company

CALLS = """mutation ($source: String!, $items: [ActivityInput!]!) { activitiesIngest(source: $source, items: $items) {
  created updated unchanged userErrors { message path } } }"""
DEALS = """mutation ($source: String!, $items: [DealInput!]!) { dealsIngest(source: $source, items: $items) {
  created updated unchanged userErrors { message path } } }"""
READ = "{ reps(first: 5) { nodes { externalId team { name } } } }"
CHANGES = "subscription ($after: String) { changes(after: $after) { kind cursor nodeId } }"


@dataclass
class Load:
    """Calls without a pause, each again until it succeeds. Anything but success and an invitation to retry is wrong."""

    site: Site
    company: Company
    source: str
    stored: set[str] = field(default_factory=set)
    refused: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    longest_seconds: float = 0.0
    stopping: bool = False

    async def run(self) -> None:
        """Until `stopping`; what was begun is brought to an end."""
        numbers = count()
        async with self.site.client(self.company) as client:
            await asyncio.gather(*(self._partner(client, numbers) for _ in range(3)), self._reader(client))

    async def grow(self, by: int) -> None:
        """Wait until so many more facts are stored."""
        goal = len(self.stored) + by

        async def stored() -> bool:
            return len(self.stored) >= goal

        await until(stored, lambda: f"{goal} facts are stored, not {len(self.stored)}")

    async def refusals(self, number: int) -> None:
        """Wait until so many calls more are refused."""
        goal = self.refused + number

        async def refused() -> bool:
            return self.refused >= goal

        await until(refused, lambda: f"{goal} calls are refused, not {self.refused}")

    async def _partner(self, client: httpx.AsyncClient, numbers: Any) -> None:
        while not self.stopping:
            n = next(numbers)
            at = datetime.now(UTC).isoformat()
            fact: dict[str, Any] = {"externalId": f"{n}", "repExternalId": ("ann", "cyd")[n % 2]}
            if n % 5:
                query, fact = CALLS, fact | {"kind": "CALL", "occurredAt": at}
            else:
                deal = {"name": "Cover", "stage": "Met", "status": "OPEN", "amount": "1", "currency": "USD"}
                query, fact = DEALS, fact | deal | {"openedAt": at}
            data = await self._insist(client, query, source=self.source, items=[fact])
            (payload,) = data.values()
            if payload["created"] + payload["unchanged"] + payload["updated"] != 1:
                self.wrong[str(payload)] += 1
            self.stored.add(f"{n}")

    async def _reader(self, client: httpx.AsyncClient) -> None:
        while not self.stopping:
            data = await self._insist(client, READ)
            if len(data["reps"]["nodes"]) != 4:
                self.wrong[str(data)] += 1

    async def _insist(self, client: httpx.AsyncClient, query: str, **variables: object) -> dict[str, Any]:
        while True:
            started = time.monotonic()
            answer = await client.post("/graphql", json={"query": query, "variables": variables})
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - started)
            body = answer.json()
            if "errors" not in body:
                data: dict[str, Any] = body["data"]
                return data
            self.refused += 1
            told = body["errors"][0]
            if told["extensions"]["code"] != "UNAVAILABLE" or not told["extensions"]["retryable"]:
                self.wrong[f"{answer.status_code} {told['message']}"] += 1
            if answer.status_code == 503:
                await asyncio.sleep(float(answer.headers["retry-after"]))


@dataclass
class Follower:
    """A subscriber to every change that it sees, who comes back with its cursor when the connection is lost.

    `seqs` are the events heard of, after the one at which it began.
    """

    site: Site
    company: Company
    email: str
    began: int = 0
    seqs: list[int] = field(default_factory=list)
    gaps: int = 0
    lost: int = 0
    cursor: str | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except (OSError, websockets.WebSocketException, ConnectionError):
                self.lost += 1

    async def _listen(self) -> None:
        url = self.site.url.replace("http", "ws") + "/graphql"
        async with websockets.connect(url, subprotocols=["graphql-transport-ws"], open_timeout=PATIENCE_SECONDS) as ws:  # type: ignore[list-item]
            socket = Socket(ws)
            if (await socket.init(self.site.token(self.company, self.email)))["type"] != "connection_ack":
                raise ConnectionError
            await socket.subscribe(CHANGES, after=self.cursor)
            async for message in _messages(socket):
                change = message["payload"]["data"]["changes"]
                self.cursor = change["cursor"]
                _, seq = parse_cursor(self.cursor)
                if change["kind"] == "SNAPSHOT":
                    self.began = seq
                elif change["kind"] == "GAP":
                    self.gaps += 1
                else:
                    self.seqs.append(seq)

    async def begin(self) -> None:
        """Wait until it listens."""

        async def listens() -> bool:
            return self.cursor is not None

        await until(listens, lambda: f"{self.email} listens")

    async def heard(self, events: list[int]) -> None:
        """Wait until it has heard of these events, and of no others."""

        async def knows() -> bool:
            return len(self.seqs) >= len(events)

        await until(knows, lambda: f"{self.email} hears of {len(events)} events, not of {len(self.seqs)}")
        assert self.seqs == events


async def _messages(socket: Socket) -> Any:
    async for text in socket.connection:
        message = json.loads(text)
        if message["type"] != "next":
            raise ConnectionError(message)
        yield message
