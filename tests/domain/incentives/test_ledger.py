"""Whatever comes in whatever order, with locks between: the ledger is what the facts say, and what was locked stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.incentives.components import Commission
from domain.incentives.model import Statement
from domain.incentives.reconcile import Finding, reconcile
from domain.incentives.statements import adjustment_post
from domain.incentives.terms import CreditRole, Draw, Tier, TierMode
from domain.org.actions import calendar
from domain.pipeline.model import DealStatus
from tests.conftest import SCALE, MakeOrg
from tests.domain.incentives.conftest import DECEMBER, MONTH, NOVEMBER, OCTOBER, Company, a_company, plan

MONTHS = (OCTOBER, NOVEMBER, DECEMBER)
REPS = ("ann", "bob")
SELLERS = plan(
    Commission(
        key="commission",
        tiers=(
            Tier(start=Decimal(0), end=Decimal(20_000), rate=Decimal("0.04")),
            Tier(start=Decimal(20_000), rate=Decimal("0.08"), mode=TierMode.RETROACTIVE),
        ),
    ),
    draw=Draw(amount=Decimal(500)),
)
MANAGERS = plan(Commission(key="override", rate=Decimal("0.0125"), credits=CreditRole.TEAM), name="Managers")


@dataclass(frozen=True)
class Step:
    """Something that happens: a deal as it now is, a deal that goes, a month that is locked, an adjustment."""

    what: Literal["won", "gone", "lost", "lock", "adjust"]
    key: int
    rep: str
    month: date
    amount: int
    split: bool
    settle: bool


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["won", "won", "won", "gone", "lost", "lock", "adjust"]),
        st.integers(0, 4),
        st.sampled_from(REPS),
        st.sampled_from(MONTHS),
        st.integers(1, 3_000_000),
        st.booleans(),
        st.booleans(),
    ),
    min_size=3,
    max_size=10,
)


async def a_selling_company(make_org: MakeOrg) -> Company:
    company = await a_company(make_org)
    await company.publish(SELLERS, *REPS)
    await company.publish(MANAGERS, "mia", key="managers")
    return company


async def tell(company: Company, step: Step, turn: int) -> None:
    """A deal, as its source says at some turn that it is."""
    told = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(minutes=turn)
    if step.what == "gone":
        await company.undo(f"d{step.key}", told)
        return
    status = DealStatus.WON if step.what == "won" else DealStatus.LOST
    splits = {"ann": "0.3333", "bob": "0.6667"} if step.split else None
    day, amount = step.month.replace(day=1 + 3 * step.key), str(Decimal(step.amount) / 100)
    await company.deal(f"d{step.key}", step.rep, day, amount, status=status, splits=splits, source_updated_at=told)


async def findings(company: Company) -> list[Finding]:
    async with company.work.db.session(company.work.viewer.org_id) as session:
        time = await calendar(session)
        return await reconcile(session, time, time.local_day(company.work.now))


async def sums(company: Company) -> list[tuple[object, ...]]:
    """What the ledger says of each rep and month, adjustments by hand left out."""
    rows = await company.fetch(
        "select r.external_id, e.origin_starts_on, sum(e.amount) as amount from earning e"
        " join rep r using (org_id, rep_id) where e.org_id = $1 and e.kind <> 'ADJUSTMENT'"
        " group by 1, 2 having sum(e.amount) <> 0 order by 1, 2"
    )
    return [tuple(row) for row in rows]


async def locked(company: Company) -> dict[tuple[str, date], Statement | None]:
    rows = await company.fetch(
        "select r.external_id, s.starts_on from statement s join rep r using (org_id, rep_id)"
        " where s.org_id = $1 and s.state = 'LOCKED'"
    )
    return {(name, day): await company.statement(name, day) for name, day in rows}


async def play(company: Company, steps: Sequence[Step]) -> None:
    frozen: dict[tuple[str, date], Statement | None] = {}
    months = set()
    for turn, step in enumerate(steps):
        if step.what == "lock":
            await company.settle()
            if step.month not in months and step.month != DECEMBER:
                months.add(step.month)
                await company.lock(step.month)
                frozen |= await locked(company)
        elif step.what == "adjust":
            await adjustment_post(
                company.as_("cleo"),
                rep_id=company.reps[step.rep],
                kind=MONTH,
                starts_on=DECEMBER,
                amount=Decimal(step.amount) / 100,
                currency="USD",
                reason="Agreed",
            )
        else:
            await tell(company, step, turn)
        if step.settle:
            await company.settle()
            assert await findings(company) == []
            assert await locked(company) == frozen
    await company.settle()
    assert await findings(company) == []
    assert await locked(company) == frozen


@pytest.mark.fuzz
@settings(
    max_examples=2 * SCALE,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_the_ledger_is_what_the_facts_say_and_what_was_locked_stays(make_org: MakeOrg, steps: list[Step]) -> None:
    company = await a_selling_company(make_org)
    await play(company, steps)

    last = {step.key: step for step in steps if step.what in ("won", "gone", "lost")}
    other = await a_selling_company(make_org)
    for key in sorted(last, reverse=True):
        await tell(other, last[key], 0)
    await other.settle()
    assert await sums(company) == await sums(other)

    frozen = await locked(company)
    for key in last:
        await company.undo(f"d{key}", datetime(2026, 12, 2, tzinfo=UTC))
    await company.settle()
    empty = await a_selling_company(make_org)
    await empty.settle()
    assert await sums(company) == await sums(empty)
    assert await locked(company) == frozen
    assert await findings(company) == []
