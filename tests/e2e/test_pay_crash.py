"""A worker that is killed in the middle of pay pays nothing twice and loses nothing (SIGKILL, real processes)."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from domain.calendar import DAY, PeriodKind
from domain.incentives.components import Commission, Spiff
from domain.incentives.model import Approval, AssignItem
from domain.incentives.plan import Plan
from domain.incentives.plans import incentive_plan_assign, incentive_plan_draft, incentive_plan_publish
from domain.incentives.reconcile import reconcile
from domain.incentives.statements import period_lock, statements_approve
from domain.incentives.terms import Cap, CapScope, ClawbackWindow, Draw, Measure, Tier, TierMode
from domain.org.actions import calendar
from domain.pipeline.actions import deals_ingest
from domain.pipeline.model import DealItem, DealStatus, SplitItem
from tests.conftest import SCALE
from tests.e2e.site import Site, check_nothing_is_lost_or_doubled, make_company, make_site, quiet
from tests.loop.company import REPS, Company

TODAY = datetime.now(UTC).date() - DAY
THIS_MONTH = TODAY.replace(day=1)
LAST_MONTH = (THIS_MONTH - DAY).replace(day=1)

Row = tuple[str, ...]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with make_site(job_timeout_seconds=5) as site:  # after which a dead worker's job is anybody's
        yield site


@pytest.fixture
async def company(site: Site) -> AsyncIterator[Company]:
    """On a plan with everything that reaches from one deal to others: a retroactive tier, a draw, windows, a budget."""
    async with make_company(site) as company:
        tiers = (
            Tier(start=Decimal(0), rate=Decimal("0.05")),
            Tier(start=Decimal(5_000), rate=Decimal("0.1"), mode=TierMode.RETROACTIVE),
        )
        prize = Spiff(
            key="prize",
            measure=Measure.DEALS,
            starts_on=LAST_MONTH,
            ends_on=THIS_MONTH + timedelta(days=31),
            per_unit=Decimal(30),
            caps=(Cap(amount=Decimal(150), scope=CapScope.BUDGET),),
        )
        terms = Plan(
            name="Sellers",
            currency="USD",
            starts_on=LAST_MONTH,
            components=(Commission(key="commission", tiers=tiers), prize),
            draw=Draw(amount=Decimal(100)),
            clawback=(ClawbackWindow(days=366, share=Decimal("0.5")),),
        )
        drafted = await incentive_plan_draft(company.work, key="sellers", document=terms)
        await incentive_plan_publish(company.work, drafted.plan_id)
        items = [AssignItem(rep_id, LAST_MONTH) for rep_id in company.reps.values()]
        await incentive_plan_assign(company.work, drafted.plan_id, items)
        yield company
        site.end()


async def sell(company: Company, key: str, rep: str, day: date, amount: int, *, won: bool = True) -> None:
    """A deal as its source tells it now, half of it another rep's."""
    closed = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    status = DealStatus.WON if won else DealStatus.LOST
    other = next(name for name in REPS if name != rep)
    item = DealItem(
        key,
        rep,
        key,
        status.value,
        status,
        Decimal(amount),
        "USD",
        opened_at=closed - timedelta(days=30),
        closed_at=closed,
        splits=(SplitItem(rep, Decimal("0.5")), SplitItem(other, Decimal("0.5"))),
    )
    result = await deals_ingest(company.now(), "crm", [item])
    assert not result.problems, result.problems


async def lock_last_month(company: Company) -> None:
    """Approved by whoever pays, and locked."""
    rows = await company.run(
        "select statement_id, version from statement where org_id = $1 and starts_on = $2", LAST_MONTH
    )
    await statements_approve(company.now(), [Approval(row["statement_id"], row["version"]) for row in rows])
    await period_lock(company.now(), PeriodKind.MONTH, LAST_MONTH)


async def ledger(company: Company) -> list[Row]:
    rows = await company.run("select * from earning where org_id = $1 order by line_id")
    return [tuple(map(str, row)) for row in rows]


async def check_the_ledger(company: Company) -> None:
    """It is what a calculation of everything says: to the recompute, which then writes nothing, and to the
    reconciliation, which also looks for lines paid twice and for statements that are not their lines' sum."""
    await quiet(company)
    async with company.work.db.snapshot(company.org_id) as session:
        time = await calendar(session)
        assert await reconcile(session, time, time.local_day(datetime.now(UTC))) == []
    before = await ledger(company)
    await check_nothing_is_lost_or_doubled(company)
    assert await ledger(company) == before


LEDGER = "hashtextextended('ledger', hashtextextended('{org}', 0))"

POINTS = {
    "nothing of pay is read": (f"select pg_advisory_xact_lock({LEDGER})", "pg_advisory_xact_lock"),
    "all is calculated": ("lock table calculation in exclusive mode", "insert into calculation"),
    "what it follows from is kept": ("lock table statement in exclusive mode", "insert into statement"),
    "the statements are there": ("lock table earning in exclusive mode", "insert into earning"),
    "the lines are written": ("lock table earning_carry in exclusive mode", "insert into earning_carry"),
    "its events are recorded": ("lock table coach_mark in exclusive mode", "insert into coach_mark"),
}
"""By name: what the test locks, and the statement at which a worker then waits."""


async def test_a_worker_killed_at_any_step_of_pay(site: Site, company: Company) -> None:
    """Each worker finds what the one before left and a change more, and dies at its point without a trace."""
    for i, rep in enumerate(REPS):
        await sell(company, f"past-{i}", rep, LAST_MONTH, 4_000)
    worker = site.work()
    await quiet(company)
    worker.kill()
    await lock_last_month(company)
    locked = await company.run("select * from statement where org_id = $1 and state = 'LOCKED' order by statement_id")
    assert len(locked) == len(REPS)

    changes = [
        ("this-1", "ann", TODAY, 3_000, True),
        ("late", "ben", LAST_MONTH, 6_000, True),  # lifts a tier of a month that is locked
        ("past-0", "ann", LAST_MONTH, 4_000, False),  # within its window
        ("this-2", "ann", TODAY, 9_000, True),
        ("this-1", "ann", TODAY, 3_000, False),
        ("this-2", "ann", TODAY, 2_000, True),
    ]
    for (name, (lock, statement)), change in zip(POINTS.items(), changes, strict=True):
        print(name)  # noqa: T201 said when it fails
        key, rep, day, amount, won = change
        await sell(company, key, rep, day, amount, won=won)
        before = await ledger(company)
        async with site.locked(lock.format(org=company.org_id)) as held:
            worker = site.work()
            await held.reached(statement)
            worker.kill()
            await held.dismiss()
        assert await ledger(company) == before
    site.work()
    await check_the_ledger(company)
    again = await company.run("select * from statement where org_id = $1 and state = 'LOCKED' order by statement_id")
    assert again == locked
    kinds = {row["kind"] for row in await company.run("select kind from earning where org_id = $1")}
    assert kinds >= {"EARNING", "REVERSAL", "CLAWBACK", "DRAW"}


@pytest.mark.fuzz
async def test_workers_killed_at_random_while_deals_come_and_go(site: Site, company: Company) -> None:
    """Two workers die at moments that a seed decides, others take their place; a month is locked in between."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 said when it fails
    dice = random.Random(seed)
    workers = [site.work(), site.work()]
    await quiet(company)
    deaths = 2 * SCALE
    for round_ in range(deaths):
        for _ in range(10):
            key, rep = f"deal-{dice.randrange(12)}", dice.choice(sorted(REPS))
            day = dice.choice([LAST_MONTH, LAST_MONTH + timedelta(days=20), THIS_MONTH, TODAY])
            await sell(company, key, rep, day, dice.randrange(100, 9_000), won=dice.random() < 0.7)
        await asyncio.sleep(dice.uniform(0, 0.3))  # somewhere in the middle of it
        worker = dice.randrange(len(workers))
        workers[worker].kill()
        workers[worker] = site.work()
        if round_ == deaths // 2:
            await quiet(company)
            await lock_last_month(company)
    await check_the_ledger(company)
