"""Whatever happens, the ledger is what a calculation of everything says, and what was locked stays (rules 8, 16)."""

import asyncio
from collections.abc import Awaitable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from domain.calendar import PeriodKind
from domain.errors import Rejected
from domain.incentives.components import Commission, Spiff
from domain.incentives.crediting import credits_by_hand, currency_rates_set
from domain.incentives.model import Approval, AssignItem, CreditItem, RateItem
from domain.incentives.plan import Plan
from domain.incentives.plans import (
    incentive_plan_assign,
    incentive_plan_draft,
    incentive_plan_leave,
    incentive_plan_publish,
)
from domain.incentives.reconcile import Finding, reconcile
from domain.incentives.statements import period_lock, statements_approve
from domain.incentives.terms import (
    Cap,
    CapScope,
    ClawbackWindow,
    Draw,
    Eligibility,
    Measure,
    Scale,
    Sharing,
    Tier,
    TierMode,
)
from domain.incentives.terms import WithoutQuota as Without
from domain.org.actions import calendar
from domain.pipeline.model import DealItem, DealStatus
from sql.pool import Database
from tests.conftest import SCALE
from tests.loop import steps
from tests.loop.company import REPS, WEEK, Company, Rows, at

_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

SINCE = date(2026, 10, 1)


class Terms(NamedTuple):
    """What a version of a plan says: which plan, and what differs from one to the next."""

    key: str
    rate: Decimal
    starts_on: date


def document(terms: Terms) -> Plan:
    """Sellers by attainment over the quarter so far, with a draw and windows for cancellations; callers by a KPI, in
    euros; a prize for all."""
    match terms.key:
        case "sellers":
            tiers = (
                Tier(start=Decimal(0), rate=terms.rate),
                Tier(start=Decimal("0.5"), rate=2 * terms.rate, mode=TierMode.RETROACTIVE),
                Tier(start=Decimal(1), rate=3 * terms.rate),
            )
            quarter = Commission(
                key="commission",
                tiers=tiers,
                by=Scale.ATTAINMENT,
                cumulative=PeriodKind.QUARTER,
                without_quota=Without.FIRST_TIER,
            )
            who = Eligibility(roles=("Advisor",))
            windows = (ClawbackWindow(days=20), ClawbackWindow(days=60, share=Decimal("0.5")))
            return _plan(terms, quarter, draw=Draw(amount=Decimal(20)), eligibility=who, clawback=windows)
        case "callers":
            return _plan(
                terms, Commission(key="calls", rate=terms.rate, measure=Measure.KPI, kpi="calls"), currency="EUR"
            )
        case _:
            prize = Spiff(
                key="prize",
                measure=Measure.DEALS,
                starts_on=SINCE,
                ends_on=date(2027, 4, 1),
                per_unit=100 * terms.rate,
                caps=(Cap(amount=Decimal(25), scope=CapScope.BUDGET, sharing=Sharing.PRO_RATA),),
            )
            return _plan(terms, prize)


def _plan(terms: Terms, component: Commission | Spiff, **over: Any) -> Plan:
    given: dict[str, Any] = {"currency": "USD", "starts_on": terms.starts_on} | over
    return Plan(name=terms.key, components=(component,), **given)


_KEYS = st.sampled_from(["sellers", "callers", "prize"])
_RATES = st.sampled_from([Decimal("0.05"), Decimal("0.0333"), Decimal("0.1")])
_MONTHS = st.sampled_from([SINCE, date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)])


class Payday(RuleBasedStateMachine):
    """Deals come and go, people move, calendars, quotas, rates and plans change, months are locked in between."""

    def __init__(self, runner: asyncio.Runner, db: Database) -> None:
        super().__init__()
        self._run = runner.run
        self._db = db

    def do(self, happening: Awaitable[Any]) -> Any:
        """What an action refuses changes nothing, which is fine here."""

        async def run() -> Any:
            try:
                return await happening
            except Rejected:
                return None

        return self._run(run())

    @initialize()
    def found(self) -> None:
        self.company: Company = self.do(Company.found(self._db))
        self.do(currency_rates_set(self.company.work, [RateItem("EUR", "USD", SINCE, Decimal("1.1"))]))
        for quota in steps.QUOTAS:
            self.do(steps.take(self.company, quota))
        for key in ("sellers", "callers", "prize"):
            self.do(self.publish(Terms(key, Decimal("0.05"), SINCE)))
        self.do(self.company.live_through())
        self.locked: Rows = {}
        assert len(self.do(self.ledger())) > 20

    async def publish(self, terms: Terms) -> None:
        """A version; the first puts everybody on the plan."""
        drafted = await incentive_plan_draft(self.company.work, key=terms.key, document=document(terms))
        version = await incentive_plan_publish(self.company.work, drafted.plan_id)
        if version.version == 1:
            items = [AssignItem(rep_id, SINCE) for rep_id in self.company.reps.values()]
            await incentive_plan_assign(self.company.work, drafted.plan_id, items)

    async def ledger(self) -> Rows:
        rows = await self.company.run("select * from earning where org_id = $1")
        return {str(row["line_id"]): tuple(map(str, row)) for row in rows}

    async def statements(self) -> Rows:
        rows = await self.company.run("select * from statement where org_id = $1 and state = 'LOCKED'")
        return {str(row["statement_id"]): tuple(map(str, row)) for row in rows}

    async def findings(self) -> list[Finding]:
        async with self._db.snapshot(self.company.org_id) as session:
            time = await calendar(session)
            return await reconcile(session, time, time.local_day(self.company.work.now))

    @rule(facts=st.lists(steps.facts, min_size=1, max_size=3))
    def facts_come(self, facts: list[steps.Fact]) -> None:
        for fact in facts:
            self.do(steps.take(self.company, fact))

    @rule(step=steps.people | steps.teams | steps.calendars | steps.quotas)
    def something_changes(self, step: steps.Step) -> None:
        self.do(steps.take(self.company, step))

    @rule(rate=st.sampled_from([Decimal("1.05"), Decimal("1.2")]), day=_MONTHS)
    def a_currency_moves(self, rate: Decimal, day: date) -> None:
        self.do(currency_rates_set(self.company.work, [RateItem("EUR", "USD", day, rate)]))

    @rule(terms=st.builds(Terms, _KEYS, _RATES, _MONTHS))
    def a_plan_is_published(self, terms: Terms) -> None:
        self.do(self.publish(terms))

    @rule(rep=steps.reps, key=_KEYS, day=steps.days)
    def somebody_leaves_a_plan(self, rep: str, key: str, day: date) -> None:
        async def leave() -> None:
            [row] = await self.company.run("select plan_id from incentive_plan where org_id = $1 and key = $2", key)
            await incentive_plan_leave(self.company.work, row["plan_id"], [self.company.reps[rep]], day)

        self.do(leave())

    @rule(rep=steps.reps, day=steps.days, amount=st.decimals(-500, 500, places=2))
    def somebody_is_credited_by_hand(self, rep: str, day: date, amount: Decimal) -> None:
        self.do(credits_by_hand(self.company.work, [CreditItem(self.company.reps[rep], day, amount, "Agreed")]))

    @rule(n=st.integers(0, 35), status=st.sampled_from([DealStatus.WON, DealStatus.LOST, None]))
    def a_sale_falls_away_or_comes_back(self, n: int, status: DealStatus | None) -> None:
        """One that somebody may have been paid for, within its windows or after; None deletes it."""
        day = WEEK - timedelta(weeks=n // 3, days=-(n % 3))
        item = DealItem(f"past{n}", deleted=True)
        if status is not None:
            rep, opened = list(REPS)[n % len(REPS)], at(day - timedelta(days=n))
            amount = Decimal(100 + n)
            item = DealItem(f"past{n}", rep, "Cover", "Met", status, amount, "USD", opened_at=opened, closed_at=at(day))
        self.do(steps.take(self.company, item))

    @rule(month=_MONTHS)
    def a_month_is_locked(self, month: date) -> None:
        async def lock() -> None:
            await self.company.drain()
            rows = await self.company.run(
                "select statement_id, version from statement where org_id = $1 and period_kind = 'MONTH'"
                " and starts_on = $2 and state = 'ESTIMATED'",
                month,
            )
            approvals = [Approval(row["statement_id"], row["version"]) for row in rows]
            await statements_approve(self.company.work, approvals)
            await period_lock(self.company.work, PeriodKind.MONTH, month)
            self.locked = await self.statements()

        self.do(lock())

    @rule(hours=st.floats(0.1, 30, allow_nan=False))
    def time_passes(self, hours: float) -> None:
        self.do(self.company.pass_time(hours))

    @rule()
    def workers_work(self) -> None:
        self.do(self.company.drain())
        assert self.do(self.findings()) == []
        assert self.do(self.statements()) == self.locked

    def teardown(self) -> None:
        if not hasattr(self, "locked"):
            return
        self.workers_work()
        before = self.do(self.ledger())
        self.do(self.company.stale())
        self.do(self.company.drain())
        assert self.do(self.ledger()) == before


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """A state machine is not a coroutine: it runs a loop of its own."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.fuzz
def test_the_ledger_is_what_a_calculation_of_everything_says(runner: asyncio.Runner, database_url: str) -> None:
    db = runner.run(Database.open(database_url))
    options = settings(
        max_examples=5 * SCALE, stateful_step_count=10, phases=_PHASES, suppress_health_check=list(HealthCheck)
    )
    try:
        run_state_machine_as_test(lambda: Payday(runner, db), settings=options)  # type: ignore[arg-type]
    finally:
        runner.run(db.close())
