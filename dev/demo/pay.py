"""What the company pays: commission plans, a bonus, the SPIFF of the quarter, and months closed one after another."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from dev.demo import company as setting
from dev.demo.company import Advisor
from domain.calendar import Calendar, Period, PeriodKind
from domain.incentives import disputes, payroll, statements
from domain.incentives.components import Bonus, Commission, Spiff
from domain.incentives.model import Approval, AssignItem
from domain.incentives.plan import Plan
from domain.incentives.plans import (
    incentive_plan_acknowledge,
    incentive_plan_assign,
    incentive_plan_draft,
    incentive_plan_publish,
)
from domain.incentives.terms import Cap, CapScope, ClawbackWindow, Draw, Measure, Scale, Sharing, Tier, UnitTier
from domain.org.sight import person
from domain.work import Work
from sql.queries import queries

_read = queries("incentive_read")

# Payroll closes a period so many days after its end.
_CLOSES = timedelta(days=5)
_ASSOCIATE = "Associate Advisor"

COMMISSION = Commission(
    key="commission",
    name="Commission on written premium",
    tiers=(
        Tier(start=Decimal(0), rate=Decimal("0.05")),
        Tier(start=Decimal(1), rate=Decimal("0.08")),
        Tier(start=Decimal("1.25"), rate=Decimal("0.1")),
    ),
    by=Scale.ATTAINMENT,
    cumulative=PeriodKind.QUARTER,
)


async def publish(admin: Work, calendar: Calendar, first_week: date, today: date, of: Mapping[UUID, Advisor]) -> None:
    """The plans in force since the quarter in which the history begins, and who is on them."""
    since = calendar.period(PeriodKind.QUARTER, first_week).starts_on
    quarter = calendar.period(PeriodKind.QUARTER, today)
    work = await compensation(admin)
    juniors = [rep_id for rep_id, advisor in of.items() if advisor.rep.title == _ASSOCIATE]
    seniors = [rep_id for rep_id in of if rep_id not in juniors]
    advisors = Plan(
        name="Advisors",
        currency=setting.CURRENCY,
        starts_on=since,
        text="Five percent of the premium you write, eight above your quarter's quota, ten from 125 % on.",
        components=(COMMISSION,),
        clawback=(ClawbackWindow(days=90),),
    )
    associates = replace(
        advisors,
        name="Associate advisors",
        text=f"{advisors.text} You get 1,500 a month at least; what that adds is kept from later months.",
        draw=Draw(amount=Decimal(1500)),
    )
    bonus = Plan(
        name="Quarterly bonus",
        currency=setting.CURRENCY,
        starts_on=since,
        period=PeriodKind.QUARTER,
        text="2,500 once the quarter's quota is met.",
        components=(Bonus(key="quota_met", name="Quota met", amount=Decimal(2500), at=Decimal(1)),),
    )
    sprint = Plan(
        name="Cyber sprint",
        currency=setting.CURRENCY,
        starts_on=quarter.starts_on,
        ends_on=quarter.ends_on,
        period=PeriodKind.QUARTER,
        text="150 for each cyber policy of this quarter, 250 from the third on, out of 20,000 for everybody.",
        components=(
            Spiff(
                key="cyber",
                name="Cyber policies",
                measure=Measure.DEALS,
                products=("Cyber",),
                starts_on=quarter.starts_on,
                ends_on=quarter.ends_on,
                tiers=(
                    UnitTier(start=Decimal(1), amount=Decimal(150)),
                    UnitTier(start=Decimal(3), amount=Decimal(250)),
                ),
                caps=(Cap(amount=Decimal(20_000), scope=CapScope.BUDGET, sharing=Sharing.PRO_RATA),),
            ),
        ),
    )
    for key, plan, reps in (
        ("advisors", advisors, seniors),
        ("associates", associates, juniors),
        ("quarter", bonus, list(of)),
        ("cyber-sprint", sprint, list(of)),
    ):
        drafted = await incentive_plan_draft(work, key=key, document=plan)
        await incentive_plan_publish(work, drafted.plan_id)
        items = [AssignItem(rep_id, max(plan.starts_on, of[rep_id].hired_on)) for rep_id in reps]
        await incentive_plan_assign(work, drafted.plan_id, items)
        for number, rep_id in enumerate(reps):
            if number % 8:  # one in eight has not read it yet
                await incentive_plan_acknowledge(await _rep(admin, of[rep_id]), drafted.plan_id, 1)


async def close(admin: Work, calendar: Calendar, done: set[Period], of: Mapping[UUID, Advisor], seed: int) -> None:
    """Approve, lock, export and pay the months and quarters that ended some days ago and are not closed yet."""
    work = await compensation(admin)
    day = calendar.local_day(admin.now) - _CLOSES
    for kind in (PeriodKind.MONTH, PeriodKind.QUARTER):
        running = calendar.period(kind, day)
        ended = calendar.period(kind, running.starts_on - timedelta(days=1))
        if ended in done:
            continue
        waiting = await _statements(work, ended)
        if not waiting:
            continue
        if kind is PeriodKind.MONTH:
            await _doubt(admin, work, waiting, of, Random(f"{seed}:{ended.key}"))
            waiting = await _statements(work, ended)
        await statements.statements_approve(
            work, [Approval(statement_id, version) for statement_id, version, _ in waiting]
        )
        await statements.period_lock(work, kind, ended.starts_on)
        await payroll.payroll_export(work, kind, ended.starts_on)
        await statements.period_pay(work, kind, ended.starts_on)
        done.add(ended)


async def compensation(admin: Work) -> Work:
    """The compensation administrator at work."""
    return await _person(admin, setting.COMPENSATION_EMAIL)


async def _rep(admin: Work, advisor: Advisor) -> Work:
    return await _person(admin, str(advisor.rep.email))


async def _person(admin: Work, email: str) -> Work:
    async with admin.db.session(admin.viewer.org_id) as session:
        viewer = await person(session, email)
    if viewer is None:
        raise LookupError(email)
    return replace(admin, viewer=viewer)


async def _statements(work: Work, period: Period) -> list[tuple[UUID, int, UUID]]:
    """Statements of a period with their versions and reps."""
    which = (None, None, period.kind, period.starts_on, period.ends_on, ["ESTIMATED"], None, None, 1000)
    async with work.db.session(work.viewer.org_id) as session:
        rows = await session.fetch(_read.statements_page, *which)
    return [(row["statement_id"], row["version"], row["rep_id"]) for row in rows]


async def _doubt(
    admin: Work, work: Work, of_period: Sequence[tuple[UUID, int, UUID]], of: Mapping[UUID, Advisor], random: Random
) -> None:
    """A rep doubts a line of the month, and is right half of the time."""
    statement_id, _, rep_id = random.choice(of_period)
    async with work.db.session(work.viewer.org_id) as session:
        lines = await session.fetch(_read.lines_of_statements, [statement_id])
    earned = [line for line in lines if line["kind"] == "EARNING" and not line["reversed"]]
    if not earned:
        return
    line = random.choice(earned)
    dispute = await disputes.dispute_open(
        await _rep(admin, of[rep_id]),
        line["line_id"],
        text="I expected more for this policy: was the endorsement counted?",
    )
    right = random.random() < 0.5
    await disputes.dispute_resolve(
        work,
        dispute.dispute_id,
        accepted=right,
        answer="The endorsement came in late; here is the difference." if right else "It is in next month's premium.",
        redress=disputes.Redress(Decimal(100), setting.CURRENCY, line["origin_starts_on"]) if right else None,
    )
