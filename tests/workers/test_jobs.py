"""A job that is under way takes what comes meanwhile, and a moment longer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool

from domain.org import actions as org
from domain.work import Work
from settings import Settings
from sql.queries import queries
from tests.conftest import MakeOrg
from tests.e2e.site import until
from workers import jobs

_live = queries("live")


@pytest.fixture
async def ctx(work: Work, database_url: str, valkey_url: str) -> AsyncIterator[dict[str, Any]]:
    """What arq gives a job; its queue is the test's own."""
    settings = Settings(database_url=database_url, valkey_url=valkey_url)
    connections: ConnectionPool = ConnectionPool.from_url(valkey_url)
    async with ArqRedis(connections, default_queue_name=str(work.viewer.org_id)) as queue:
        yield {"db": work.db, "redis": queue, "settings": settings, "under_way": jobs.UnderWay()}
    await connections.disconnect()


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    return await make_org()


async def test_facts_that_keep_coming_keep_one_job(
    work: Work, ctx: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_LINGER_SECONDS", 3600.0)
    org_id, under_way = work.viewer.org_id, ctx["under_way"]
    assert not under_way.look_again(org_id), "nobody is at it: it needs a job"
    await _mark(work)
    job = asyncio.create_task(jobs.recompute(ctx, str(org_id)))
    await _taken(work)
    for _ in range(3):
        await _mark(work)
        assert under_way.look_again(org_id)
        await _taken(work)
    await jobs.recompute(ctx, str(org_id))  # leaves at once, and has the first one look: there is nothing more
    await job
    assert not under_way.look_again(org_id), "it can begin anew"


async def test_a_job_does_not_wait_for_more_where_others_want_its_place(
    work: Work, ctx: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_LINGER_SECONDS", 3600.0)
    ctx["settings"] = ctx["settings"].model_copy(update={"max_jobs": 1})
    await _mark(work)
    async with asyncio.timeout(60):
        await jobs.recompute(ctx, str(work.viewer.org_id))
    assert not await _marked(work)


async def test_a_job_that_goes_on_for_long_leaves_the_rest_to_another_one(work: Work, ctx: dict[str, Any]) -> None:
    ctx["settings"] = ctx["settings"].model_copy(update={"job_timeout_seconds": 0})
    await _mark(work)
    await jobs.recompute(ctx, str(work.viewer.org_id))
    (queued,) = await ctx["redis"].queued_jobs()
    assert (queued.function, queued.args) == ("recompute", (str(work.viewer.org_id),))


async def _mark(work: Work) -> None:
    async with work.transaction() as tx:
        today = (await org.calendar(tx.session)).local_day(work.now)
        tx.mark(None, today, None)


async def _taken(work: Work) -> None:
    """Return once nothing is marked."""

    async def taken() -> bool:
        return not await _marked(work)

    await until(taken, lambda: "the marks are taken")


async def _marked(work: Work) -> bool:
    async with work.db.session(work.viewer.org_id) as session:
        return bool(await session.fetch(_live.marks))
