"""Recomputing what changed gives what recomputing everything gives (semantics rule 16)."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.org.model import Leave, Move, RepItem
from domain.org.people import reps_upsert
from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus, LeadItem, SplitItem
from tests.conftest import SCALE, MakeOrg
from tests.domain.scorecards.conftest import NOW, WEEK, Company, at, make_company, quota

REPS = st.sampled_from(["ann", "ben", "cyd"])
DAYS = st.dates(WEEK - timedelta(weeks=12), NOW.date() - timedelta(days=1))
KEYS = st.sampled_from("uvwxyz")


@dataclass(frozen=True)
class Publish:
    """A template of some kind, from a day on."""

    kpis: tuple[str, ...]
    audience: str
    since: date


Fact = ActivityItem | LeadItem | DealItem
Step = Fact | RepItem | Publish | None
"""Something that happens; None is a run of the workers."""


@st.composite
def deals(draw: st.DrawFn) -> DealItem:
    key = draw(KEYS)
    if draw(st.integers(0, 5)) == 0:
        return DealItem(key, deleted=True)
    status, opened = draw(st.sampled_from(DealStatus)), draw(DAYS)
    closed = min(opened + timedelta(days=draw(st.integers(0, 90))), NOW.date() - timedelta(days=1))
    shares = draw(st.sampled_from([(), ("1",), ("0.5", "0.5"), ("0.3", "0.3", "0.4")]))
    reps = draw(st.permutations(["ann", "ben", "cyd"]))
    return DealItem(
        key,
        draw(REPS),
        "Cover",
        "Stage",
        status,
        draw(st.decimals(1, 1000, places=2)),
        "USD",
        opened_at=at(opened),
        closed_at=None if status is DealStatus.OPEN else at(closed),
        splits=[SplitItem(rep, Decimal(share)) for rep, share in zip(reps, shares, strict=False)],
    )


@st.composite
def leads(draw: st.DrawFn) -> LeadItem:
    arrived = at(draw(DAYS), draw(st.integers(0, 23)))
    after = st.none() | st.integers(0, 200).map(lambda hours: arrived + timedelta(hours=hours))
    return LeadItem(draw(KEYS), draw(REPS), arrived, draw(after), draw(after))


@st.composite
def people(draw: st.DrawFn) -> RepItem:
    rep, day = draw(REPS), draw(DAYS)
    kind = draw(st.sampled_from(["move", "leave", "left", "hired", "role"]))
    if kind == "move":
        return RepItem(rep, team=Move(draw(st.sampled_from(["north", "south", "sales"])), day))
    if kind == "leave":
        return RepItem(rep, leave=[Leave(day, day + timedelta(days=draw(st.integers(1, 20))))])
    if kind == "role":
        return RepItem(rep, role=draw(st.sampled_from(["Advisor", "Senior"])))
    return RepItem(rep, left_on=day) if kind == "left" else RepItem(rep, hired_on=day)


activities = st.builds(ActivityItem, KEYS, REPS, st.sampled_from(["CALL", "MEETING"]), DAYS.map(at)) | KEYS.map(
    lambda key: ActivityItem(key, deleted=True)
)
publications = st.builds(
    Publish,
    st.sampled_from(
        [
            ("calls", "win_rate", "revenue"),
            ("meetings", "calls", "sales_cycle", "average_deal"),
            ("calls", "lead_to_quote_sla", "speed_to_lead", "margin"),
        ]
    ),
    st.sampled_from(["everybody", "north", "Senior"]),
    st.dates(WEEK - timedelta(weeks=20), WEEK),
)
steps: st.SearchStrategy[list[Step]] = st.lists(
    activities | leads() | deals() | people() | publications | st.none(), min_size=1, max_size=8
)


async def take(company: Company, step: Step) -> None:
    """One step; what an action refuses (a move before the hire) changes nothing, which is fine here."""
    match step:
        case None:
            await company.recompute()
        case ActivityItem():
            await activities_ingest(company.work, "crm", [step])
        case LeadItem():
            await leads_ingest(company.work, "crm", [step])
        case DealItem():
            await deals_ingest(company.work, "crm", [step])
        case RepItem():
            await reps_upsert(company.work, [step])
        case Publish(kpis, audience, since):
            team_id = company.teams.get(audience)
            role = audience if audience == "Senior" else None
            await company.publish(*kpis, key=audience.lower(), since=since, team_id=team_id, role=role)


async def seasoned(make_org: MakeOrg) -> Company:
    """A company with a past that is worked off: facts of every kind in each of twelve weeks, and quotas."""
    company = await make_company(make_org)
    await company.publish("calls", "win_rate", "pipeline_coverage", "revenue", since=WEEK - timedelta(weeks=20))
    for rep in ("ann", "ben", "cyd"):
        await quota(company, rep, 100_000)
    calls, sales, asks = [], [], []
    for i in range(36):
        rep, day = ("ann", "ben", "cyd")[i % 3], WEEK - timedelta(weeks=i // 3, days=-(i % 3))
        calls.append(ActivityItem(f"past{i}", rep, "CALL", at(day)))
        asks.append(LeadItem(f"past{i}", rep, at(day), quoted_at=at(day) + timedelta(hours=i)))
        status = (DealStatus.WON, DealStatus.LOST, DealStatus.OPEN)[i % 4 % 3]
        closed = None if status is DealStatus.OPEN else at(day)
        opened = at(day - timedelta(days=i))
        sales.append(
            DealItem(f"past{i}", rep, "Cover", "s", status, Decimal(100 + i), "USD", opened_at=opened, closed_at=closed)
        )
    for result in (
        await activities_ingest(company.work, "crm", calls),
        await leads_ingest(company.work, "crm", asks),
        await deals_ingest(company.work, "crm", sales),
    ):
        assert result.created == 36
    await company.recompute()
    return company


# Shrinking makes hundreds of companies; the steps are few enough to read.
_PHASES = [Phase.explicit, Phase.reuse, Phase.generate]


@pytest.mark.fuzz
@settings(max_examples=4 * SCALE, deadline=None, phases=_PHASES, suppress_health_check=list(HealthCheck))
@given(steps)
async def test_incremental_equals_full(make_org: MakeOrg, happened: list[Step]) -> None:
    company = await seasoned(make_org)
    for step in happened:
        await take(company, step)
    await company.recompute()
    incremental, sums = await company.state(), await company.sums()
    assert len(incremental) > 100
    assert len(sums) > 50
    await company.recompute_all()
    assert await company.state() == incremental
    assert await company.sums() == sums


@pytest.mark.fuzz
@settings(max_examples=2 * SCALE, deadline=None, phases=_PHASES, suppress_health_check=list(HealthCheck))
@given(st.lists(activities | leads() | deals(), min_size=2, max_size=10), st.randoms(use_true_random=False))
async def test_the_order_of_facts_leaves_no_trace(make_org: MakeOrg, facts: list[Fact], random: Random) -> None:
    told = [replace(fact, source_updated_at=NOW - timedelta(hours=i)) for i, fact in enumerate(facts)]
    states = []
    for _ in range(2):
        company = await make_company(make_org)
        await company.publish("calls", "win_rate", "lead_to_quote_sla", "revenue")
        for fact in told:
            await take(company, fact)
            if random.random() < 0.4:
                await company.recompute()
        await company.recompute()
        names = {value: name for name, value in (company.reps | company.teams | company.kpis).items()}
        rows = await company.run(
            "select subject_id, week, kpi_id, value, target, sample, trend from kpi_result where org_id = $1"
        )
        states.append(sorted((names[r[0]], r[1], names[r[2]], *map(str, r[3:])) for r in map(tuple, rows)))
        random.shuffle(told)
    assert states[0] == states[1]
