"""The order and the batching of what comes in leave no trace (semantics rule 16)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.pipeline.actions import activities_ingest, deals_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus, SplitItem, StageItem
from sql.queries import Query
from tests.domain.pipeline.conftest import House

START = datetime(2026, 11, 1, 3, tzinfo=UTC)
REPS = st.sampled_from(["ann", "ben", "cyd"])
TIMES = st.integers(0, 600).map(lambda hours: START + timedelta(hours=hours))
CENTS = st.decimals(0, 10_000, places=2)
SHARES = st.sampled_from([("1",), ("0.5", "0.5"), ("0.2", "0.8"), ("0.3333", "0.3333", "0.3334")])
SOURCES = count()

STORED = {
    "activity": """
        select external_id, source_updated_at, deleted, rep_id, kind, outcome, occurred_at, day
        from activity where org_id = $1 and source = $2 order by 1""",
    "deal": """
        select external_id, source_updated_at, deleted, rep_id, name, stage, status, amount, margin, units, opened_at,
          opened_day, closed_at, closed_day
        from deal where org_id = $1 and source = $2 order by 1""",
    "credit": """
        select d.external_id, c.rep_id, c.share, c.amount, c.margin, c.units, c.status, c.opened_day, c.closed_day
        from credit c join deal d using (org_id, deal_id) where org_id = $1 and d.source = $2 order by 1, 2""",
    "stage": """
        select d.external_id, s.entered_at, s.stage
        from deal_stage s join deal d using (org_id, deal_id) where org_id = $1 and d.source = $2 order by 1, 2""",
}


@st.composite
def deals(draw: st.DrawFn) -> DealItem:
    if draw(st.integers(0, 4)) == 0:
        return DealItem("", deleted=True)
    status = draw(st.sampled_from(DealStatus))
    opened_at = draw(TIMES)
    shares = draw(SHARES)
    reps = draw(st.permutations(["ann", "ben", "cyd"]))
    return DealItem(
        "",
        draw(REPS),
        name="Cover",
        stage=draw(st.sampled_from(["Qualified", "Proposal", "Closed"])),
        status=status,
        amount=draw(CENTS),
        margin=draw(st.none() | st.decimals(-1000, 1000, places=2)),
        units=draw(st.none() | st.decimals(0, 10, places=1)),
        currency="USD",
        opened_at=opened_at,
        closed_at=None if status is DealStatus.OPEN else opened_at + timedelta(days=draw(st.integers(0, 20))),
        splits=[SplitItem(rep, Decimal(share)) for rep, share in zip(reps, shares, strict=False)],
        stage_history=draw(st.just(()) | st.lists(st.builds(StageItem, st.just("Met"), TIMES), max_size=1)),
    )


@st.composite
def activities(draw: st.DrawFn) -> ActivityItem:
    if draw(st.integers(0, 4)) == 0:
        return ActivityItem("", deleted=True)
    return ActivityItem("", draw(REPS), draw(st.sampled_from(["CALL", "MEETING"])), draw(TIMES))


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[list[ActivityItem | DealItem]], list[list[ActivityItem | DealItem]]]:
    """The same tellings of a few facts, each at its own time, in two orders and batchings; the second repeats some."""
    items = draw(st.lists(deals() | activities(), min_size=1, max_size=12))
    facts = [
        replace(item, external_id=draw(st.sampled_from("xyz")), source_updated_at=START + timedelta(minutes=i))
        for i, item in enumerate(items)
    ]

    def batches(order: list[ActivityItem | DealItem]) -> list[list[ActivityItem | DealItem]]:
        cuts = [0, *sorted(draw(st.lists(st.integers(0, len(order)), max_size=3))), len(order)]
        return [order[start:end] for start, end in pairwise(cuts)]

    repeated = draw(st.permutations(facts + draw(st.lists(st.sampled_from(facts), max_size=4))))
    return batches(facts), batches(list(repeated))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tellings())
async def test_any_order_and_batching_of_the_same_tellings_stores_the_same(
    house: House, orders: tuple[list[list[ActivityItem | DealItem]], list[list[ActivityItem | DealItem]]]
) -> None:
    stored = []
    for batches in orders:
        source = f"crm{next(SOURCES)}"
        for batch in batches:
            calls = [item for item in batch if isinstance(item, ActivityItem)]
            sales = [item for item in batch if isinstance(item, DealItem)]
            for result, items in (
                (await activities_ingest(house.work, source, calls), calls),
                (await deals_ingest(house.work, source, sales), sales),
            ):
                assert not result.problems
                assert result.created + result.updated + result.deleted + result.unchanged == len(items)
        async with house.work.db.session(house.work.viewer.org_id) as session:
            stored.append(
                {
                    name: [tuple(row) for row in await session.fetch(Query(f"test.{name}", text), source)]
                    for name, text in STORED.items()
                }
            )
    assert stored[0] == stored[1]
