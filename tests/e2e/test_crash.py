"""A process that is killed loses nothing and doubles nothing, wherever it was (SIGKILL, real processes)."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from domain.org.model import TeamItem
from domain.org.trees import teams_upsert
from domain.pipeline.actions import activities_ingest
from domain.pipeline.model import ActivityItem
from tests.conftest import SCALE
from tests.e2e.site import Site, check_nothing_is_lost_or_doubled, make_company, make_site, quiet
from tests.loop.company import Company

INGEST = """mutation ($items: [ActivityInput!]!) { activitiesIngest(source: "crm", items: $items) {
  created updated unchanged userErrors { message path } } }"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with make_site(request_timeout_seconds=2) as site:
        yield site


@pytest.fixture
async def company(site: Site) -> AsyncIterator[Company]:
    async with make_company(site) as company:
        yield company
        site.end()


async def store(company: Company, key: str) -> None:
    """A call by Ann."""
    item = ActivityItem(key, "ann", "CALL", datetime.now(UTC))
    assert (await activities_ingest(company.work, "crm", [item])).created == 1


async def calls(company: Company) -> int:
    """Ann's calls of this week, as her scorecard says."""
    rows = await company.run(
        "select value from kpi_result where org_id = $1 and subject_id = $2 and kpi_id = $3 order by week desc limit 1",
        company.reps["ann"],
        company.kpis["calls"],
    )
    return int(rows[0]["value"]) if rows else 0


POINTS = {
    "marks claimed": (
        "lock table scorecard in access exclusive mode",
        "select subject, subject_id, week from scorecard",
    ),
    "results written": ("lock table outbox in exclusive mode", "insert into outbox"),
    "items about to be opened": ("lock table action_item in exclusive mode", "select item_id, rep_id, kpi_id, rule_id"),
    "results committed, events not numbered": (
        "lock table event_log in exclusive mode",
        "delete from outbox o using locked",
    ),
}
"""By name: what the test locks, and the statement at which a worker then waits."""


async def test_a_worker_killed_at_any_step(site: Site, company: Company) -> None:
    """Each worker dies at its point; the next one takes up what it left, and dies at the next point."""
    worker = site.work()
    await quiet(company)
    for stored, (name, (lock, statement)) in enumerate(POINTS.items(), start=1):
        print(name)  # noqa: T201 said when it fails
        async with site.locked(lock) as held:
            await store(company, name)
            await held.reached(statement)
            worker.kill()
        worker = site.work()
        await quiet(company)
        assert await calls(company) == stored
    await check_nothing_is_lost_or_doubled(company)


async def test_a_worker_killed_before_it_could_tell_valkey(site: Site, company: Company) -> None:
    """Once between the log and the publication, once between the commit of a fact and the job."""
    worker = site.work()
    await quiet(company)
    await company.events()
    with site.stopped("Valkey"):
        assert not (await teams_upsert(company.work, [TeamItem("north", "Far North")])).problems
        await quiet(company)
        worker.kill()
    assert [row["node_key"] for row in await company.events()] == [str(company.teams["north"])]

    worker = site.work()
    await quiet(company)
    with site.stopped("Valkey"):
        await store(company, "not enqueued")
        worker.kill()
    site.work()
    await quiet(company)
    assert await calls(company) == 1
    await check_nothing_is_lost_or_doubled(company)


async def ingest(
    client: httpx.AsyncClient, company: Company, key: str, idempotency: str | None = None
) -> dict[str, Any]:
    """Store a call by Ann as a partner does: again and again until an answer is no invitation to retry."""
    at = f"{company.work.now:%Y-%m-%dT%H:%M:%SZ}"
    item = {"externalId": key, "repExternalId": "ann", "kind": "CALL", "occurredAt": at}
    headers = {} if idempotency is None else {"idempotency-key": idempotency}
    while True:
        try:
            answer = await client.post(
                "/graphql", json={"query": INGEST, "variables": {"items": [item]}}, headers=headers
            )
        except httpx.TransportError:
            continue  # the process died; the next one answers
        if answer.status_code != 503:
            body = answer.json()
            came_to: dict[str, Any] = (
                body["errors"][0]["extensions"] if "errors" in body else body["data"]["activitiesIngest"]
            )
            return came_to
        assert answer.json()["errors"][0]["extensions"]["retryable"]
        await asyncio.sleep(int(answer.headers["retry-after"]))


CREATED = {"created": 1, "updated": 0, "unchanged": 0, "userErrors": []}
APPLIED = "ALREADY_APPLIED"
UNCHANGED = {"created": 0, "updated": 0, "unchanged": 1, "userErrors": []}


# What was applied is known in its own transaction; the answer is kept in another one, which the test holds up.
HOLD_ANSWERS = """
create function hold_answer() returns trigger language plpgsql as
  $$ begin perform pg_advisory_xact_lock_shared(1); return new; end $$;
create trigger hold_answer before update on idempotency_key for each row when (new.status is not null)
  execute function hold_answer()"""


async def test_an_api_killed_in_the_middle_of_an_ingest(site: Site, company: Company) -> None:
    """Before the commit nothing was stored, and the retry stores it; after it, the retry is told that it was."""
    api = site.serve()
    async with site.client(company) as client:
        async with site.locked("lock table dirty_mark in exclusive mode") as held:
            asked = [asyncio.create_task(ingest(client, company, key, key)) for key in ("a", "b")]
            asked.append(asyncio.create_task(ingest(client, company, "without a key")))
            await held.reached("insert into dirty_mark")
            api.kill()
            assert await company.run("select from activity where org_id = $1") == []
        api = site.serve()
        assert await asyncio.gather(*asked) == [CREATED] * 3

        await site.administer(HOLD_ANSWERS)
        async with site.locked("select pg_advisory_xact_lock(1)") as held:
            answer = asyncio.create_task(ingest(client, company, "answer lost", "key"))
            await held.reached("update idempotency_key set status")
            api.kill()
            await held.dismiss()
        site.serve()
        assert (await answer)["code"] == APPLIED
        for key in ("a", "b", "without a key", "answer lost"):
            assert await ingest(client, company, key) == UNCHANGED
    site.work()
    await quiet(company)
    assert await calls(company) == 4
    await check_nothing_is_lost_or_doubled(company)


@pytest.mark.fuzz
async def test_processes_killed_at_random_under_a_stream_of_facts(site: Site, company: Company) -> None:
    """Two workers and the API die while facts come in, at moments that a seed decides; others take their place."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 said when it fails
    dice = random.Random(seed)
    deaths = 2 * SCALE
    start = {"api": site.serve, "one": site.work, "two": site.work}
    parts = {name: begin() for name, begin in start.items()}
    await quiet(company)
    waiting = [f"fact-{i}" for i in range(20 * deaths)]
    due = sorted(dice.sample(range(len(waiting)), deaths))
    stored = []

    async def partner(client: httpx.AsyncClient) -> None:
        while waiting:
            key = waiting.pop()
            stored.append(await ingest(client, company, key, dice.choice([None, f"key-{key}"])))
            if due and len(stored) > due[0]:
                due.pop(0)
                name = dice.choice(sorted(parts))
                await asyncio.sleep(dice.uniform(0, 0.1))
                parts[name].kill()
                parts[name] = start[name]()

    async with site.client(company) as client:
        await asyncio.gather(*(partner(client) for _ in range(4)))
    await quiet(company)
    assert [answer for answer in stored if answer not in (CREATED, UNCHANGED) and answer.get("code") != APPLIED] == []
    assert await calls(company) == 20 * deaths
    await check_nothing_is_lost_or_doubled(company)
