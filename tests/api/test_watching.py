"""What an operator is told: readiness, metrics, a line a request."""

import asyncio
import math
import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import ANY

import asyncpg
import httpx
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

import logs
from api.tokens import mint
from dev import company
from dev.services import services
from domain.org.model import TeamItem
from domain.org.trees import teams_upsert
from domain.work import Work
from sql.migrate import migrate
from sql.pool import Database
from tests.api.clients import connect
from tests.api.conftest import Serve, Server
from tests.conftest import MakeOrg
from tests.sql.test_migrate import with_more

HELLO = {"query": "query Greet { hello }"}
TEAMS = {"query": "query Teams { teams { nodes { name } } }"}


def metric(name: str, **labels: str) -> float:
    """A sample of this process; 0 before it was first noted."""
    value = REGISTRY.get_sample_value(name, labels)
    return 0.0 if value is None else value


def told(text: str, sample: str) -> float:
    """A sample of what /metrics said."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    assert found, f"{sample} is not in\n{text}"
    return float(found[1])


async def readiness(client: httpx.AsyncClient) -> httpx.Response:
    """What /readyz says, once nothing is only too slow for it: this machine may be busy with other things."""
    while True:
        response = await client.get("/readyz")
        if not any(" within " in why for why in response.json()["wrong"].values()):
            return response


async def test_a_process_that_can_serve_says_so(serve: Serve, fresh_database_url: str) -> None:
    await migrate(fresh_database_url)
    async with serve(database_url=fresh_database_url) as server, server.client() as client:
        assert (await client.get("/healthz")).text == "ok"
        ready = await readiness(client)
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "wrong": {}})


async def test_work_that_nobody_does_is_told_and_hinders_no_request(serve: Serve, fresh_database_url: str) -> None:
    await migrate(fresh_database_url)
    db = await Database.open(fresh_database_url)
    await company.found(db, datetime.now(UTC))
    await db.close()
    owner = await asyncpg.connect(fresh_database_url)
    async with serve(database_url=fresh_database_url) as server, server.client() as client:
        for age, wrong in (("0 s", {}), ("100 s", {"workers": ANY})):
            await owner.execute(f"update org_work set created_at = clock_timestamp() - interval '{age}'")  # noqa: S608
            ready = await readiness(client)
            assert (ready.status_code, ready.json()) == (200, {"ready": True, "wrong": wrong})
    await owner.close()
    assert re.fullmatch(
        r"Work has waited for 1\d\d s: check that `attain work` runs.*", ready.json()["wrong"]["workers"]
    )


async def test_readiness_names_what_is_missing_and_what_to_do(serve: Serve, fresh_database_url: str) -> None:
    async with serve(database_url=fresh_database_url) as server, server.client() as client:
        response = await readiness(client)
    assert (response.status_code, response.json()["ready"]) == (503, False)
    missing = response.json()["wrong"]["migrations"]
    assert missing.startswith("The database lacks 0001_org, ")
    assert missing.endswith(": run `attain migrate`.")


async def test_without_valkey_it_serves_and_says_what_is_wrong(serve: Serve, make_org: MakeOrg) -> None:
    work = await make_org()
    async with (
        serve(valkey_url="redis://:hunter2@127.0.0.1:1/0") as server,
        server.client(server.token(work)) as client,
    ):
        response = await readiness(client)
        answer = await client.post("/graphql", json=HELLO)
        metrics = (await client.get("/metrics")).text
    assert (response.status_code, response.json()["ready"]) == (200, True)
    assert response.json()["wrong"]["valkey"].startswith("does not answer (")
    assert "that ATTAIN_VALKEY_URL leads to it" in response.json()["wrong"]["valkey"]
    assert "hunter2" not in response.text
    assert answer.json()["data"] == {"hello": "Hello, world"}
    assert math.isnan(told(metrics, "attain_queue_jobs"))


async def test_readiness_ends_with_postgres(serve: Serve, tmp_path: Path) -> None:
    with ExitStack() as postgres:
        url = postgres.enter_context(services(tmp_path, durable=False)).database_url
        await migrate(url)
        async with serve(database_url=url) as server, server.client() as client:
            assert (await readiness(client)).status_code == 200
            postgres.close()
            response = await readiness(client)
            metrics = await client.get("/metrics")
    assert response.status_code == 503
    assert response.json()["wrong"]["postgres"].startswith("does not answer (")
    assert math.isnan(told(metrics.text, 'attain_work_oldest_seconds{kind="RECOMPUTE"}'))


async def test_it_serves_while_a_migration_waits_and_when_it_is_done(
    serve: Serve, fresh_database_url: str, tmp_path: Path
) -> None:
    await migrate(fresh_database_url)
    folder = with_more(tmp_path, "alter table team add column motto text not null default 'Onward'")
    db = await Database.open(fresh_database_url)
    who = await company.found(db, datetime.now(UTC))
    await db.close()
    reader = await asyncpg.connect(fresh_database_url)
    reading = reader.transaction()
    await reading.start()
    await reader.fetch("select from team")
    waited: list[str] = []
    async with serve(database_url=fresh_database_url) as server:
        token = mint(
            server.settings, who.org_id, who.emails["admin"], now=datetime.now(UTC), valid=timedelta(minutes=5)
        )
        async with server.client(token) as client:
            served = 0

            async def keep_asking(until_done: "asyncio.Task[list[str]]") -> None:
                nonlocal served
                while not until_done.done() or served % 10:
                    answers = [
                        await client.post("/graphql", json=TEAMS),
                        await client.post(
                            "/graphql", json={"query": f'mutation {{ teamRename(name: "{served}") {{ count }} }}'}
                        ),
                    ]
                    assert ["errors" in answer.json() for answer in answers] == [False, False], answers[1].text
                    served += 1
                    if served == 10:
                        await reading.rollback()

            migrating = asyncio.create_task(
                migrate(fresh_database_url, folder=folder, waiting=waited.append, lock_seconds=0.1, tries=1000)
            )
            await keep_asking(migrating)
            assert await migrating == ["9900_more"]
    await reader.close()
    assert waited
    assert served >= 10


async def test_requests_are_counted_by_operation_and_outcome(server: Server, make_org: MakeOrg) -> None:
    def counted(code: str, operation: str = "hello", kind: str = "query", transport: str = "http") -> float:
        return metric("attain_requests_total", transport=transport, kind=kind, operation=operation, code=code)

    before = counted("OK"), counted("OK", "several"), counted("UNAUTHENTICATED", "none", "none")
    timed = metric("attain_request_seconds_count", kind="query", operation="hello")
    ran = metric("attain_request_statements_sum", operation="teams")
    async with server.client(server.token(await make_org())) as client:
        await client.post("/graphql", json=HELLO)
        await client.post("/graphql", json={"query": "{ a: hello b: hello }"})
        await client.post("/graphql", json={"query": "{ teams { nodes { id } } }"})
        await client.post("/graphql", json=HELLO, headers={"Authorization": "Bearer nonsense"})
    assert (counted("OK"), counted("OK", "several"), counted("UNAUTHENTICATED", "none", "none")) == tuple(
        count + 1 for count in before
    )
    assert metric("attain_request_seconds_count", kind="query", operation="hello") == timed + 1
    assert metric("attain_request_statements_sum", operation="teams") == ran + 1


async def test_work_that_waits_is_counted_and_has_an_age(serve: Serve, make_org: MakeOrg, work: Work) -> None:
    async with serve() as server, server.client(server.token(work)) as client:
        async with work.transaction() as tx:
            tx.mark(None, work.now.date(), None)
        first = (await client.get("/metrics")).text
        second = (await client.get("/metrics")).text
    sample = 'attain_work_oldest_seconds{kind="RECOMPUTE"}'
    assert told(first, 'attain_work_organizations{kind="RECOMPUTE"}') >= 1
    assert 0 < told(first, sample) < told(second, sample)
    assert told(first, "attain_queue_jobs") >= 0
    assert told(first, 'attain_pool_connections{state="idle"}') >= 1


@pytest.mark.usefixtures("relay")
async def test_a_subscription_is_counted_while_it_is_open_and_its_messages_are_timed(
    server: Server, work: Work
) -> None:
    async with connect(server, server.token(work)) as socket, server.client() as client:
        await socket.subscribe("subscription { changes { cursor } }")
        await socket.next()
        before = (await client.get("/metrics")).text
        await teams_upsert(work, [TeamItem("north", "North")])
        await socket.next()
        after = (await client.get("/metrics")).text
    assert told(after, "attain_subscribers") >= 1
    assert told(after, "attain_bus_behind_seconds") >= 0
    for counted in ("attain_event_lag_seconds_count", "attain_deliveries_total"):
        assert told(after, counted) > told(before, counted), counted
    assert told(after, "attain_event_lag_seconds_sum") > told(before, "attain_event_lag_seconds_sum")
    assert told(after, "attain_gaps_total") >= 0


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    return await make_org()


async def test_a_request_is_one_line(server: Server, work: Work) -> None:
    with capture_logs(processors=[logs.merge_about]) as lines:
        async with server.client(server.token(work), **{"X-Request-Id": "mine-1"}) as client:
            await client.post("/graphql", json=TEAMS)
    (line,) = lines
    assert line.pop("milliseconds") > 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "transport": "http",
        "method": "POST",
        "status": 200,
        "request_id": "mine-1",
        "org_id": str(work.viewer.org_id),
        "operation": "Teams",
        "field": "teams",
        "kind": "query",
        "code": "OK",
        "cost": line["cost"],
        "statements": 1,
    }


async def test_an_operation_on_a_socket_is_one_line(server: Server, work: Work) -> None:
    with capture_logs(processors=[logs.merge_about]) as lines:
        async with connect(server, server.token(work)) as socket:
            await socket.subscribe("query Greet { hello }")
            assert (await socket.receive())["payload"] == {"data": {"hello": "Hello, world"}, "extensions": ANY}
            assert (await socket.receive())["type"] == "complete"
    (line,) = (line for line in lines if line["event"] == "request")
    assert (line["transport"], line["operation"], line["code"], line["org_id"], line["statements"]) == (
        "websocket",
        "Greet",
        "OK",
        str(work.viewer.org_id),
        0,
    )
    assert line["request_id"]


async def test_a_value_that_does_not_fit_its_column_is_our_error_and_no_outage(server: Server, work: Work) -> None:
    async with server.client(server.token(work)) as client:
        answer = await client.post("/graphql", json={"query": "{ misfit }"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
