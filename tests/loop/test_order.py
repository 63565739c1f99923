"""The same facts in any order, twice, in one batch or many, by one worker or four: the same in the end."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import ActivityItem, DealItem, LeadItem
from sql.pool import Database
from tests.conftest import SCALE
from tests.loop import steps
from tests.loop.company import NOW, WEEK, Company

Batch = Sequence[steps.Fact]


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Batch], list[Batch]]:
    """What sources tell of facts, each telling at its own time: one by one in order, and in disorder, some twice."""
    drawn = draw(st.lists(steps.facts, min_size=4, max_size=30))
    facts = [replace(fact, source_updated_at=NOW - timedelta(minutes=i)) for i, fact in enumerate(drawn)]
    mixed = draw(st.permutations(facts + draw(st.lists(st.sampled_from(facts), max_size=6))))
    cuts = [0, *sorted(draw(st.lists(st.integers(0, len(mixed)), max_size=6))), len(mixed)]
    return [[fact] for fact in facts], [mixed[start:end] for start, end in pairwise(cuts)]


async def ingest(company: Company, batch: Batch) -> None:
    """A call for each kind of fact."""
    for result in (
        await activities_ingest(company.work, "crm", [fact for fact in batch if isinstance(fact, ActivityItem)]),
        await leads_ingest(company.work, "crm", [fact for fact in batch if isinstance(fact, LeadItem)]),
        await deals_ingest(company.work, "crm", [fact for fact in batch if isinstance(fact, DealItem)]),
    ):
        assert not result.problems


async def prepared(db: Database) -> Company:
    """A company that measures, and carries quotas."""
    company = await Company.found(db)
    await company.publish("calls", "win_rate", "pipeline_coverage", "revenue", since=WEEK - timedelta(weeks=12))
    for quota in steps.QUOTAS:
        await steps.take(company, quota)
    return company


@pytest.mark.fuzz
@settings(
    max_examples=5 * SCALE,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(tellings())
async def test_order_batches_and_workers_leave_no_trace(db: Database, told: tuple[list[Batch], list[Batch]]) -> None:
    one_by_one, mixed = told
    quiet, busy, watched = [await prepared(db) for _ in range(3)]

    for batch in one_by_one:
        await ingest(quiet, batch)
    await quiet.drain()

    await asyncio.gather(*(ingest(busy, batch) for batch in mixed))
    await asyncio.gather(*(busy.drain() for _ in range(4)))
    await busy.drain()

    async def ingest_and_work(batch: Batch) -> None:
        await ingest(watched, batch)
        await watched.recompute()

    await asyncio.gather(*(ingest_and_work(batch) for batch in mixed))
    await watched.drain()

    once, at_once, meanwhile = [await company.story() for company in (quiet, busy, watched)]
    assert once["results"]
    assert at_once == once
    # Who computes between two facts tells of what was true in between, too.
    assert meanwhile["results"] == once["results"]
    assert meanwhile["items"] == once["items"]
    assert set(meanwhile["events"]) >= {event for event in once["events"] if "'UPDATED'" not in event}
