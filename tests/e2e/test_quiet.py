"""What reaches the logs of real processes: enough to find a request, and nothing that anybody must not read."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import orjson
import pytest
import websockets
from pydantic import SecretStr

from api.tokens import mint
from dev import company
from settings import Settings
from sql.migrate import migrate
from sql.pool import Database
from tests.api.clients import Socket
from tests.e2e.site import until

JWT_SECRET = "a signing secret that no line may hold"
PASSWORD = "hunter-in-the-address"
VALUE = "hunter-among-the-variables"
MEETING = """mutation Meet($items: [ActivityInput!]!) {
  activitiesIngest(source: "crm", items: $items) { created userErrors { message } } }"""
KEY = """mutation { apiKeyCreate(input: {name: "Key", scopes: [ORG_READ]}) { token userErrors { message } } }"""
WEBHOOK = """mutation ($url: String!) {
  webhookCreate(input: {url: $url, events: [ORG_TEAM]}) { secret userErrors { message } } }"""
TEAM = """mutation { teamsUpsert(items: [{externalId: "north", name: "North"}]) { userErrors { message } } }"""
BAD = """query Find($id: ID!) { rep(id: $id) { name } }"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(command: str, log: Path, environment: dict[str, str]) -> AsyncIterator[None]:
    """A process of Attain; what it says is appended to the log."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", command), env=os.environ | environment, stdout=output, stderr=output
        )
        try:
            yield
        finally:
            process.terminate()
            await process.wait()


async def answers(url: str) -> str:
    """What it says once it answers with 200."""
    async with asyncio.timeout(90), httpx.AsyncClient() as client:
        while True:
            try:
                response = await client.get(url)
                if response.status_code == 200:
                    return response.text
            except httpx.TransportError:
                await asyncio.sleep(0.05)  # the process has not begun to listen


async def test_no_log_of_a_process_holds_a_secret_or_what_people_sent(
    fresh_database_url: str, valkey_url: str, log: Path
) -> None:
    await migrate(fresh_database_url)
    db = await Database.open(fresh_database_url)
    who = await company.found(db, datetime.now(UTC))
    await db.close()
    settings = Settings(jwt_secret=SecretStr(JWT_SECRET))
    now = datetime.now(UTC)
    token = mint(settings, who.org_id, who.emails["admin"], now=now, valid=timedelta(hours=1))
    address = urlsplit(fresh_database_url)
    port, metrics_port = free_port(), free_port()
    environment = {
        "ATTAIN_DATABASE_URL": address._replace(
            netloc=address.netloc.replace("postgres@", f"postgres:{PASSWORD}@")
        ).geturl(),
        "ATTAIN_VALKEY_URL": valkey_url,
        "ATTAIN_JWT_SECRET": JWT_SECRET,
        "ATTAIN_PORT": str(port),
        "ATTAIN_METRICS_PORT": str(metrics_port),
        "ATTAIN_LOG_LEVEL": "DEBUG",
        "ATTAIN_WEBHOOK_ALLOW_PRIVATE": "true",
    }
    item = {"externalId": VALUE, "repExternalId": "rae", "kind": "MEETING", "occurredAt": now.isoformat()}

    async with running("serve", log, environment), running("work", log, environment):
        url = f"http://127.0.0.1:{port}"
        await answers(f"{url}/readyz")
        metrics = await answers(f"http://127.0.0.1:{metrics_port}/")
        assert "attain_queue_jobs" in metrics
        assert "attain_work_oldest_seconds" in metrics
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:

            async def post(query: str, key: str, **variables: object) -> dict[str, Any]:
                headers = {"Authorization": f"Bearer {key}", "X-Request-Id": "the-request"}
                answer = await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
                body: dict[str, Any] = answer.json()
                return body

            assert "errors" not in await post(MEETING, token, items=[item])
            assert "errors" not in await post(MEETING, who.partner_key, items=[item])
            assert "errors" in await post(MEETING, token, items=[item | {"occurredAt": VALUE}])
            assert "errors" in await post(BAD, f"{who.partner_key[:-4]}nope", id=VALUE)
            assert "errors" in await post(BAD, f"{token}x", id=VALUE)
            await client.get("/graphql", params={"query": BAD, "variables": f'{{"id": "{VALUE}"}}', "token": token})
            async with websockets.connect(
                f"ws://127.0.0.1:{port}/graphql",
                subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
            ) as connection:
                ws = Socket(connection)
                assert (await ws.init(token))["type"] == "connection_ack"
                await ws.subscribe(BAD, id=VALUE)
                assert (await ws.receive())["type"] == "next"
            given = (await post(KEY, token))["data"]["apiKeyCreate"]["token"]
            assert "errors" not in await post("{ viewer { name } }", given)
            # Nobody listens there: each attempt fails, and is told of.
            webhook = (await post(WEBHOOK, token, url=f"http://127.0.0.1:1/{VALUE}"))["data"]["webhookCreate"]["secret"]
            assert "errors" not in await post(TEAM, token)

            async def told() -> bool:
                return b"webhook_failed" in await asyncio.to_thread(log.read_bytes)

            await until(told, lambda: "the log tells of the webhook")
            # What nobody foresaw: a table is gone, and a column refuses what it is given.
            owner = await asyncpg.connect(fresh_database_url)
            await owner.execute("alter table activity add constraint refused check (external_id = '') not valid")
            await owner.close()
            body = await post(MEETING, token, items=[item | {"externalId": f"{VALUE}-2"}])
            assert orjson.dumps(body).count(b"INTERNAL") == 1

    written = await asyncio.to_thread(log.read_text)
    for line in written.splitlines():
        orjson.loads(line)
    assert '"operation":"Meet"' in written.replace('": "', '":"')
    assert '"the-request"' in written
    assert "CheckViolationError 23514 activity refused" in written
    keys = (key[-20:] for key in (who.partner_key, given, webhook))
    secrets = (PASSWORD, JWT_SECRET, VALUE, token, token.rpartition(".")[2], *keys)
    assert [secret for secret in secrets if secret in written] == []
