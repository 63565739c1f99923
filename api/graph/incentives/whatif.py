"""What if: what deals would pay, and what another plan would have paid. Nothing is written."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.auth import reads
from api.context import Context, Info
from api.errors import Refusal, bad_request
from api.graph.incentives.document import PlanTermsInput
from api.graph.incentives.plans import IncentivePlan, plans_by_id
from api.graph.incentives.plans_mutation import placed, plan_of
from api.graph.org.types import Rep, reps_by_id
from api.graph.pipeline.types import credits_of_deal, deals_by_id
from api.loaders import loads
from api.periods import Period, PeriodInput, period_of
from api.relay import MAX_PAGE, uuid_of
from api.scalars import CurrencyCode, Money
from domain.calendar import DAY
from domain.errors import Rejected
from domain.incentives.whatif import Estimate, IfWon, Simulated, estimate, simulate
from domain.org.model import Scope

_NOBODY = UUID(int=0)
_MOST_DEALS = 100


@strawberry.input(
    description="A deal as if it were won: an open one with `dealId`, whose own numbers hold where none are given, or "
    "one that is only thought of. Of a deal of the pipeline the rep's part counts."
)
class EstimateDealInput:
    deal_id: strawberry.ID | None = strawberry.field(default=None, description="A deal of the pipeline.")
    closes_on: date | None = strawberry.field(
        default=None, description="The day on which it closes; by default when it is expected to, or today."
    )
    amount: Decimal | None = strawberry.field(
        default=None, description="What the rep is credited with, in the organisation's currency."
    )
    margin: Decimal | None = strawberry.field(default=None, description="Of it, the margin.")
    units: Decimal | None = strawberry.field(default=None, description="Units.")
    product: str | None = strawberry.field(default=None, description="The product.")


@strawberry.type(description="What a plan pays a rep for a period, as things are and if the deals were won.")
class EarningsEstimate:
    plan_id: strawberry.Private[UUID]
    plan_version: int = strawberry.field(description="The version of the plan that it follows.")
    period: Period = strawberry.field(description="The period that is paid.")
    current: Money = strawberry.field(description="As things are.")
    estimated: Money = strawberry.field(description="If the deals were won.")
    difference: Money = strawberry.field(description="What they add.")
    plan: IncentivePlan | None = loads(plans_by_id, "plan_id", description="The plan. Null when not seen.")

    @classmethod
    def of(cls, found: Estimate) -> "EarningsEstimate":
        """As the domain has it."""
        return cls(
            plan_id=found.plan_id,
            plan_version=found.plan_version,
            period=Period.of(found.period),
            current=_money(found.now, found.currency),
            estimated=_money(found.then, found.currency),
            difference=_money(found.then - found.now, found.currency),
        )


@strawberry.type(description="What a rep was due, and would have been.")
class SimulatedPay:
    rep_id: strawberry.Private[UUID]
    before: Money = strawberry.field(description="By the plan in force; 0 where there is none.")
    after: Money = strawberry.field(description="By the terms simulated.")
    difference: Money = strawberry.field(description="after - before.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="Who. Null when not seen.")

    @classmethod
    def of(cls, found: Simulated) -> "SimulatedPay":
        """As the domain has it."""
        return cls(
            rep_id=found.rep_id,
            before=_money(found.before, found.currency),
            after=_money(found.after, found.currency),
            difference=_money(found.after - found.before, found.currency),
        )


@strawberry.type(description="The sum of a simulation in one currency.")
class SimulatedTotal:
    before: Money = strawberry.field(description="By the plan in force.")
    after: Money = strawberry.field(description="By the terms simulated.")
    difference: Money = strawberry.field(description="after - before.")


@strawberry.type(description="A plan held against history. Nothing was written.")
class IncentiveSimulation:
    totals: list[SimulatedTotal] = strawberry.field(description="The sums, one a currency.")
    reps: list[SimulatedPay] = strawberry.field(description="By rep, the largest difference first; those without too.")


def _money(amount: Decimal, currency: str) -> Money:
    return Money(amount=amount, currency=CurrencyCode(currency))


def _totals(found: Sequence[Simulated]) -> list[SimulatedTotal]:
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for one in found:
        sums[one.currency][0] += one.before
        sums[one.currency][1] += one.after
    return [
        SimulatedTotal(
            before=_money(before, currency), after=_money(after, currency), difference=_money(after - before, currency)
        )
        for currency, (before, after) in sorted(sums.items())
    ]


async def _if_won(ctx: Context, rep_id: UUID, given: Sequence[EstimateDealInput]) -> list[IfWon]:
    """The deals with their numbers. Raises a BAD_REQUEST for one without: not seen, not the rep's, or no amount."""
    today = await ctx.today()
    return [await _one_won(ctx, rep_id, i, item, today) for i, item in enumerate(given)]


async def _one_won(ctx: Context, rep_id: UUID, i: int, item: EstimateDealInput, today: date) -> IfWon:
    if item.deal_id is None:
        if item.amount is None:
            raise bad_request(f"deals.{i}: give an amount, or a dealId.")
        return IfWon(item.closes_on or today, item.amount, item.margin, item.units, item.product)
    deal_id = uuid_of(item.deal_id, "Deal") or _NOBODY
    deal = await ctx.load(deals_by_id, deal_id)
    credit = next((c for c in await ctx.load(credits_of_deal, deal_id) if c.rep_id == rep_id), None)
    if deal is None or credit is None:
        raise bad_request(f"deals.{i}.dealId: no deal that you see, and that the rep is credited with, has this id.")
    return IfWon(
        item.closes_on or max(today, deal.expected_close_on or today),
        credit.amount.amount if item.amount is None else item.amount,
        (credit.margin.amount if credit.margin else None) if item.margin is None else item.margin,
        credit.units if item.units is None else item.units,
        item.product or deal.product,
    )


@strawberry.type
class WhatIfQuery:
    @reads(
        Scope.INCENTIVES_READ,
        "What a rep would earn if these deals closed, plan by plan, for the running period and those that they close "
        "in. Null when its pay is not seen. The same calculation as that of statements.",
    )
    async def earnings_estimate(
        self,
        info: Info,
        rep_id: Annotated[strawberry.ID, strawberry.argument(description="Whose pay.")],
        deals: Annotated[
            list[EstimateDealInput], strawberry.argument(description="At most 100; none tells what is due as it is.")
        ],
    ) -> list[EarningsEstimate] | None:
        ctx, rep = info.context, uuid_of(rep_id, "Rep") or _NOBODY
        if len(deals) > _MOST_DEALS:
            raise bad_request(f"At most {_MOST_DEALS} deals at once.")
        pay = await ctx.pay_sight()
        if pay is not None and rep not in pay:
            return None
        won, calendar = await _if_won(ctx, rep, deals), await ctx.calendar()
        async with ctx.db.session(ctx.viewer.org_id) as session:
            found = await estimate(session, calendar, await ctx.today(), rep, won)
        return [EarningsEstimate.of(one) for one in found]

    @reads(
        Scope.INCENTIVES_WRITE,
        "What terms would have paid in past periods, against what the plan of this key gives. For a plan that nobody "
        "is on, those who are eligible. Nothing is written.",
    )
    async def incentive_plan_simulate(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="The plan that they would be the next version of.")],
        document: Annotated[
            Any,
            strawberry.argument(
                graphql_type=PlanTermsInput, description="The terms, as `incentivePlanDraft` takes them."
            ),
        ],
        since: Annotated[PeriodInput, strawberry.argument(description="From the start of this period.")],
        through: Annotated[
            PeriodInput | None, strawberry.argument(description="Through this one; today by default.")
        ] = None,
        first: Annotated[
            int | None, strawberry.argument(description="How many reps to show; 200 by default and at most.")
        ] = None,
    ) -> IncentiveSimulation:
        ctx = info.context
        try:
            terms = plan_of(document, "document")
        except Rejected as refusal:
            raise _refused(refusal) from None
        begins = (await period_of(ctx, since)).starts_on
        today = await ctx.today()
        last = (await period_of(ctx, through)).ends_on - DAY if through else today
        if last < begins:
            raise bad_request("`through` ends before `since` begins.")
        calendar = await ctx.calendar()
        starts_on = calendar.period(terms.period, begins).starts_on
        try:
            async with ctx.db.session(ctx.viewer.org_id) as session:
                with placed(document):
                    found = await simulate(session, calendar, today, key, terms, starts_on, last)
        except Rejected as refusal:
            raise _refused(refusal) from None
        ranked = sorted(found, key=lambda one: (-abs(one.after - one.before), one.rep_id))
        shown = ranked[: MAX_PAGE if first is None else min(first, MAX_PAGE)]
        return IncentiveSimulation(totals=_totals(found), reps=[SimulatedPay.of(one) for one in shown])


def _refused(refusal: Rejected) -> Refusal:
    """A BAD_REQUEST that has each problem as a mutation would tell it."""
    told = "; ".join(f"{'.'.join(problem.path)}: {problem.message}" for problem in refusal.problems)
    problems = [{"code": one.code, "message": one.message, "path": list(one.path)} for one in refusal.problems]
    return Refusal("BAD_REQUEST", told, problems=problems)
