"""Servers go away and come back, and tables change, under load: nothing is lost or missed, no process is restarted."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets
from redis.asyncio import Redis

from domain.org.model import TeamItem
from domain.org.trees import teams_upsert
from sql.migrate import migrate
from tests.api.clients import Socket
from tests.e2e.load import Follower, Load
from tests.e2e.site import (
    PATIENCE_SECONDS,
    Site,
    check_nothing_is_lost_or_doubled,
    make_company,
    make_site,
    quiet,
    until,
)
from tests.loop.company import Company
from tests.sql.test_migrate import with_more

REQUEST_SECONDS = 5


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Statements may take long: what ends a call is its own timeout."""
    with make_site(durable=True, request_timeout_seconds=REQUEST_SECONDS, statement_timeout_ms=60_000) as site:
        yield site


@pytest.fixture(scope="module")
async def company(site: Site) -> AsyncIterator[Company]:
    """Served by an API and two workers, which live through all that happens here."""
    async with make_company(site) as company:
        parts = [site.serve(), site.work(), site.work()]
        async with site.client(company) as client:
            await client.get("/healthz")  # waits in the socket's queue until the process has begun
        await quiet(company)
        yield company
        assert [part.process.poll() for part in parts] == [None] * 3
        site.end()


async def closed_with(site: Site, company: Company) -> int | None:
    """What a client is told that comes now."""
    url = site.url.replace("http", "ws") + "/graphql"
    subprotocol = websockets.Subprotocol("graphql-transport-ws")
    async with websockets.connect(url, subprotocols=[subprotocol], open_timeout=PATIENCE_SECONDS) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init", payload={"authorization": f"Bearer {site.token(company)}"})
        return await socket.closed()


@asynccontextmanager
async def in_use(site: Site, company: Company, source: str) -> AsyncIterator[Load]:
    """A load of facts from a source and two subscribers, for the length of the block; then all is checked."""
    load = Load(site, company, source)
    admin, manager = (Follower(site, company, f"{name}@harbor.example") for name in ("ada", "nora"))
    tasks = [asyncio.create_task(running) for running in (load.run(), admin.run(), manager.run())]
    try:
        await admin.begin()
        await manager.begin()
        await load.grow(5)
        yield load
        await load.grow(5)
        load.stopping = True
        await tasks[0]
        assert load.wrong == {}
        assert load.longest_seconds < 3 * REQUEST_SECONDS
        await check_nothing_is_lost_or_doubled(company)
        facts = await company.run(
            "select external_id from activity where org_id = $1 and source = $2"
            " union all select external_id from deal where org_id = $1 and source = $2",
            source,
        )
        assert sorted(row[0] for row in facts) == sorted(load.stored)
        log = await company.run("select seq, rep_id, team_id from event_log where org_id = $1 order by seq")
        await admin.heard([row["seq"] for row in log if row["seq"] > admin.began])
        # North's manager hears of nobody else, whatever failed meanwhile.
        hers = {company.reps["ann"], company.reps["ben"], company.teams["north"], None}
        await manager.heard(
            [row["seq"] for row in log if row["seq"] > manager.began and (row["rep_id"] or row["team_id"]) in hers]
        )
        assert admin.gaps == manager.gaps == 0
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_postgres_restarts(site: Site, company: Company) -> None:
    async with in_use(site, company, "restart") as load, site.client(company) as client:
        for how in (signal.SIGINT, signal.SIGQUIT):  # orderly, and as if it had crashed
            site.stop("Postgres", how)
            await load.refusals(1)
            assert (await client.get("/readyz")).status_code == 503
            assert await closed_with(site, company) == 1013
            await site.restart("Postgres")
            await load.grow(20)

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(ready, lambda: "it is ready")


async def test_postgres_says_nothing_any_more(site: Site, company: Company) -> None:
    """Its connections stay open: a call ends when its own time is up, again and again."""
    async with in_use(site, company, "silence") as load, site.client(company) as client:
        with site.stopped("Postgres"):
            await load.refusals(5)  # of each of the four, and of one that comes when nobody is known any more
            assert (await client.get("/readyz")).status_code == 503
            assert await closed_with(site, company) == 1013
        await load.grow(20)


async def test_valkey_falls_silent_restarts_and_forgets_everything(site: Site, company: Company) -> None:
    async with in_use(site, company, "valkey") as load:
        with site.stopped("Valkey"):
            await load.grow(20)
        site.stop("Valkey", signal.SIGKILL)
        await load.grow(20)
        assert load.refused == 0
        await site.restart("Valkey")
        await load.grow(20)
        async with Redis.from_url(site.servers.valkey_url) as valkey:
            await valkey.flushall()
        await load.grow(20)
        assert load.refused == 0


async def test_without_valkey_events_are_told_and_one_relay_stays_one(site: Site, company: Company) -> None:
    """Twice, because what an outage leaves behind shows in the next one."""
    admin = Follower(site, company, "ada@harbor.example")
    listening = asyncio.create_task(admin.run())
    try:
        await admin.begin()
        for times in (1, 2):
            site.stop("Valkey", signal.SIGKILL)
            assert not (await teams_upsert(company.work, [TeamItem("north", f"North {times}")])).problems
            await quiet(company)
            await admin.heard([admin.began + n for n in range(1, times + 1)])
            await site.restart("Valkey")
        [(listeners,)] = await company.run(
            "select count(*) from pg_stat_activity where application_name = 'attain-listener' and $1::uuid is not null"
        )
        assert listeners == 2  # of the two workers
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_a_migration_of_every_table_while_all_goes_on(site: Site, company: Company, tmp_path: Path) -> None:
    """As a release does it: the processes are those of the one before, and live on."""
    [(tables,)] = await company.run(
        "select array_agg(tablename order by tablename) from pg_tables where schemaname = 'public' and $1 = $1::uuid"
        " and tablename not like '\\_pogo%'"
    )
    folder = with_more(
        tmp_path, *(f"alter table {table} add column added text not null default 'x'" for table in tables)
    )
    async with in_use(site, company, "release") as load:
        assert len(await migrate(site.servers.database_url, folder=folder)) == len(tables) > 50
        await load.grow(20)
