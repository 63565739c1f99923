"""Events are numbered in order and once, however many relays there are and whatever becomes of one."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle

import pytest

from domain.org.model import TeamItem
from domain.org.trees import teams_upsert
from domain.pipeline.actions import activities_ingest, deals_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus
from tests.conftest import SCALE
from tests.e2e.site import Site, check_nothing_is_lost_or_doubled, make_company, make_site, quiet
from tests.loop.company import REPS, Company


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with make_site() as site:
        yield site


@pytest.fixture
async def company(site: Site) -> AsyncIterator[Company]:
    async with make_company(site) as company:
        yield company
        site.end()


async def rename(company: Company, name: str) -> None:
    """One event, at the time of its name's turn."""
    assert not (await teams_upsert(company.now(), [TeamItem("north", name)])).problems


async def in_order(company: Company) -> int:
    """How many renamings were logged; each after those that were committed before it."""
    rows = await company.run(
        "select occurred_at from event_log where org_id = $1 and kind = 'org.team' and change = 'UPDATED' order by seq"
    )
    times = [row["occurred_at"] for row in rows]
    assert times == sorted(times)
    return len(times)


@pytest.mark.fuzz
async def test_a_relay_paused_in_the_middle_is_taken_over_and_harms_nothing_when_it_wakes(
    site: Site, company: Company
) -> None:
    paused = site.work()
    await quiet(company)
    async with site.locked("lock table event_log in exclusive mode") as held:
        await rename(company, "1")
        await held.reached("delete from outbox o using locked")
        paused.pause()
        for name in "23":
            await rename(company, name)
    other = site.work()
    for name in "45":
        await rename(company, name)
    await quiet(company)
    assert await in_order(company) == 5
    if SCALE > 1:
        await asyncio.sleep(60)  # a minute is what is promised
    paused.resume()
    for name in "678":
        await rename(company, name)
        await quiet(company)
    assert await in_order(company) == 8
    other.kill()  # the one that slept works alone again
    await rename(company, "9")
    await check_nothing_is_lost_or_doubled(company)
    assert await in_order(company) == 9
    assert paused.process.poll() is None


def past(now: datetime) -> tuple[list[ActivityItem], list[DealItem]]:
    """Seven weeks of calls, meetings and deals."""
    calls, deals = [], []
    for i, rep in zip(range(150), cycle(REPS), strict=False):
        at = now - timedelta(hours=8 * i + 1)
        calls.append(ActivityItem(f"a{i}", rep, ("CALL", "MEETING")[i % 3 % 2], at))
        if i % 4:
            status = (DealStatus.WON, DealStatus.LOST, DealStatus.OPEN)[i % 3]
            amount = Decimal(i) + Decimal("0.37")
            times = {"opened_at": at - timedelta(days=i), "closed_at": None if status is DealStatus.OPEN else at}
            deals.append(DealItem(f"d{i}", rep, "Cover", "Met", status, amount, "USD", **times))  # type: ignore[arg-type]
    return calls, deals


async def test_four_workers_come_to_the_same_as_one_and_number_each_event_once(site: Site, company: Company) -> None:
    calls, deals = past(company.work.now)
    await activities_ingest(company.work, "crm", calls)
    await deals_ingest(company.work, "crm", deals)
    site.work()
    await quiet(company)
    site.end()
    async with make_company(site) as other:
        mixed = random.Random(4)
        mixed.shuffle(calls)
        mixed.shuffle(deals)
        for i in range(0, len(calls), 10):
            await activities_ingest(other.work, "crm", calls[i : i + 10])
            await deals_ingest(other.work, "crm", deals[i : i + 10])
        for _ in range(4):
            site.work()
        for name in range(30):
            await rename(other, f"{name}")
        await rename(other, "North")
        await quiet(other)
        one, four = await company.story(), await other.story()
        assert one["results"]
        assert one["items"]
        assert four == one
        assert await in_order(other) == 31
        await check_nothing_is_lost_or_doubled(other)
