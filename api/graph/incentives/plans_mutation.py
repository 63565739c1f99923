"""Root fields that draft, publish and assign incentive plans, and state what they pay by."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from api.auth import writes
from api.context import Context, Info
from api.errors import Payload
from api.graph.incentives.crediting import ManualCredit, Overlay, manual_credits_by_id, overlays_by_id
from api.graph.incentives.document import PlanTermsInput
from api.graph.incentives.parts import as_json, path_of
from api.graph.incentives.plans import IncentiveAssignment, IncentivePlan, assignments_of_plan, plans_by_id
from api.relay import uuid_of
from api.scalars import CurrencyCode, Ratio
from domain.errors import Problem, Rejected
from domain.incentives import crediting, plans
from domain.incentives.codec import from_json
from domain.incentives.model import AssignItem, CreditItem, OverlayItem, RateItem
from domain.incentives.plan import Plan
from domain.incentives.terms import CreditRole
from domain.org.model import Scope

_NOBODY = UUID(int=0)

PlanId = Annotated[strawberry.ID, strawberry.argument(description="The plan's global id.")]
Document = Annotated[Any, strawberry.argument(graphql_type=PlanTermsInput, description="All that it is to say.")]
ExpectedVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The version as it was read: StaleVersion when somebody changed it since. Left out, the last wins."
    ),
]


@strawberry.input(description="A rep on a plan, from a day on.")
class IncentiveAssignmentInput:
    rep_id: strawberry.ID = strawberry.field(description="Who.")
    starts_on: date = strawberry.field(description="The first day. What the rep had of the plan gives way.")
    ends_on: date | None = strawberry.field(default=None, description="The day after the last. Null is open.")
    target: Decimal | None = strawberry.field(
        default=None,
        description="The rep's own target of a period, in the plan's currency, where components pay a share of one.",
    )


@strawberry.input(description="A credit by hand, in the organisation's currency.")
class CreditInput:
    rep_id: strawberry.ID = strawberry.field(description="Who is credited.")
    day: date = strawberry.field(description="On which day.")
    amount: Decimal = strawberry.field(description="The amount; negative takes back.")
    reason: str = strawberry.field(description="Why, in words.")
    deal_id: strawberry.ID | None = strawberry.field(default=None, description="The deal that it is about, if one.")
    role: CreditRole = strawberry.field(default=CreditRole.DIRECT, description="As what.")
    margin: Decimal | None = strawberry.field(default=None, description="Of it, the margin.")
    units: Decimal | None = strawberry.field(default=None, description="Units, where plans count them.")


@strawberry.input(
    description="A rep is credited beside those who sell, with a share of what a team (and those below), a territory "
    "or a product wins. What is given must all hold; one is needed."
)
class OverlayInput:
    rep_id: strawberry.ID = strawberry.field(description="Who is credited.")
    share: Ratio = strawberry.field(description="More than 0 and at most 1.")
    starts_on: date = strawberry.field(description="The first day.")
    reason: str = strawberry.field(description="Why, in words.")
    ends_on: date | None = strawberry.field(default=None, description="The day after the last. Null is open.")
    team_id: strawberry.ID | None = strawberry.field(default=None, description="What reps of this team win.")
    territory_id: strawberry.ID | None = strawberry.field(default=None, description="What is won in this territory.")
    product: str | None = strawberry.field(default=None, description="What is won of this product.")


@strawberry.input(description="A rate of exchange.")
class CurrencyRateInput:
    base: CurrencyCode = strawberry.field(description="For one of this currency...")
    into: CurrencyCode = strawberry.field(description="...so many of this one.")
    valid_from: date = strawberry.field(description="From this day on.")
    rate: Decimal = strawberry.field(description="More than 0.")


@strawberry.type(description="What became of a plan.")
class IncentivePlanPayload(Payload):
    incentive_plan: IncentivePlan | None = strawberry.field(
        default=None, description="As it is now. Null when nothing was done."
    )


@strawberry.type(description="The plan with its draft.")
class IncentivePlanDraftPayload(IncentivePlanPayload):
    pass


@strawberry.type(description="The plan, in force.")
class IncentivePlanPublishPayload(IncentivePlanPayload):
    pass


@strawberry.type(description="The plan, archived.")
class IncentivePlanArchivePayload(IncentivePlanPayload):
    pass


@strawberry.type(description="The plan, acknowledged.")
class IncentivePlanAcknowledgePayload(IncentivePlanPayload):
    pass


@strawberry.type(description="The outcome of incentivePlanAssign.")
class IncentivePlanAssignPayload(IncentivePlanPayload):
    assignments: list[IncentiveAssignment] = strawberry.field(
        default_factory=list, description="Who is on the plan now, by name. Empty when refused."
    )


@strawberry.type(description="The outcome of incentivePlanLeave.")
class IncentivePlanLeavePayload(IncentivePlanAssignPayload):
    pass


@strawberry.type(description="The outcome of creditPost.")
class CreditPostPayload(Payload):
    posted: int = strawberry.field(default=0, description="How many credits. 0 when refused.")
    credits: list[ManualCredit] = strawberry.field(
        default_factory=list, description="The credits, in the order of the items. Empty when refused."
    )


@strawberry.type(description="The outcome of overlaySet.")
class OverlaySetPayload(Payload):
    overlay: Overlay | None = strawberry.field(default=None, description="As it is now. Null when refused.")


@strawberry.type(description="The outcome of overlayEnd.")
class OverlayEndPayload(Payload):
    overlay: Overlay | None = strawberry.field(default=None, description="As it is now. Null when refused.")


@strawberry.type(description="The outcome of currencyRatesSet.")
class CurrencyRatesSetPayload(Payload):
    changed: int = strawberry.field(default=0, description="How many rates are other than before.")


@strawberry.type(description="The outcome of payeeSet.")
class PayeeSetPayload(Payload):
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="What the rep is paid in. Null when refused."
    )


P = TypeVar("P", bound=IncentivePlanAssignPayload)


def plan_of(document: Any, *path: str) -> Plan:
    """The terms that an input states. Raises `Rejected` with every problem below the argument's path."""
    try:
        return from_json(Plan, as_json(document))
    except Rejected as refusal:
        raise Rejected(*(replace(p, path=(*path, *path_of(document, p.path))) for p in refusal.problems)) from None


@contextmanager
def placed(document: Any, name: str = "document") -> Iterator[None]:
    """Problems of a document are told where the argument `name` states it."""
    try:
        yield
    except Rejected as refusal:
        raise Rejected(*(_placed(problem, document, name) for problem in refusal.problems)) from None


def _placed(problem: Problem, document: Any, name: str) -> Problem:
    if problem.path[:1] != ("document",):
        return problem
    return replace(problem, path=(name, *path_of(document, problem.path[1:])))


@strawberry.type
class PlansMutation:
    @writes(
        Scope.INCENTIVES_WRITE,
        "Draft a new plan, or the next version of the one with this key. Nothing is in force before it is published; "
        "`incentivePlanSimulate` tells what it would pay.",
    )
    async def incentive_plan_draft(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="The organisation's own name for it; it stays.")],
        document: Document,
        expected_version: ExpectedVersion = None,
    ) -> IncentivePlanDraftPayload:
        ctx, terms = info.context, plan_of(document, "document")
        with placed(document):
            drafted = await plans.incentive_plan_draft(
                ctx.work(), key=key, document=terms, expected_version=expected_version
            )
        return IncentivePlanDraftPayload(user_errors=[], incentive_plan=await _plan(ctx, drafted.plan_id))

    @writes(
        Scope.INCENTIVES_WRITE,
        "Put the draft in force as the next version, which never changes. What it pays is calculated anew from its "
        "first day; locked periods stay as they are. Refused with the path of whatever does not fit.",
    )
    async def incentive_plan_publish(
        self, info: Info, id: PlanId, expected_version: ExpectedVersion = None
    ) -> IncentivePlanPublishPayload:
        ctx, plan_id = info.context, uuid_of(id, "IncentivePlan") or _NOBODY
        await plans.incentive_plan_publish(ctx.work(), plan_id, expected_version=expected_version)
        return IncentivePlanPublishPayload(user_errors=[], incentive_plan=await _plan(ctx, plan_id))

    @writes(Scope.INCENTIVES_WRITE, "Let a plan pay nothing any more from a day on. It stays readable.")
    async def incentive_plan_archive(
        self,
        info: Info,
        id: PlanId,
        on: Annotated[date | None, strawberry.argument(description="The first day; today by default.")] = None,
        expected_version: ExpectedVersion = None,
    ) -> IncentivePlanArchivePayload:
        ctx, plan_id = info.context, uuid_of(id, "IncentivePlan") or _NOBODY
        await plans.incentive_plan_archive(ctx.work(), plan_id, on=on, expected_version=expected_version)
        return IncentivePlanArchivePayload(user_errors=[], incentive_plan=await _plan(ctx, plan_id))

    @writes(
        Scope.INCENTIVES_WRITE,
        "Put reps on a plan, all or none. They are paid on the days on which the plan's eligibility holds as well.",
    )
    async def incentive_plan_assign(
        self,
        info: Info,
        id: PlanId,
        items: Annotated[list[IncentiveAssignmentInput], strawberry.argument(description="At most 1,000.")],
    ) -> IncentivePlanAssignPayload:
        ctx, plan_id = info.context, uuid_of(id, "IncentivePlan") or _NOBODY
        wanted = [AssignItem(_rep(item.rep_id), item.starts_on, item.ends_on, item.target) for item in items]
        await plans.incentive_plan_assign(ctx.work(), plan_id, wanted)
        return await _assigned(ctx, plan_id, IncentivePlanAssignPayload)

    @writes(Scope.INCENTIVES_WRITE, "Take reps off a plan from a day on.")
    async def incentive_plan_leave(
        self,
        info: Info,
        id: PlanId,
        rep_ids: Annotated[list[strawberry.ID], strawberry.argument(description="Who; at most 1,000.")],
        day: Annotated[date, strawberry.argument(description="The first day on which they are not on it.")],
    ) -> IncentivePlanLeavePayload:
        ctx, plan_id = info.context, uuid_of(id, "IncentivePlan") or _NOBODY
        await plans.incentive_plan_leave(ctx.work(), plan_id, [_rep(rep_id) for rep_id in rep_ids], day)
        return await _assigned(ctx, plan_id, IncentivePlanLeavePayload)

    @writes(Scope.FEED_WRITE, "The rep who asks has read a version of a plan that it is on, and agrees to it.")
    async def incentive_plan_acknowledge(
        self,
        info: Info,
        id: PlanId,
        version: Annotated[int, strawberry.argument(description="The published version that was read.")],
    ) -> IncentivePlanAcknowledgePayload:
        ctx, plan_id = info.context, uuid_of(id, "IncentivePlan") or _NOBODY
        await plans.incentive_plan_acknowledge(ctx.work(), plan_id, version)
        return IncentivePlanAcknowledgePayload(user_errors=[], incentive_plan=await _plan(ctx, plan_id))

    @writes(
        Scope.INCENTIVES_WRITE,
        "Credit reps with what no deal says, each with its reason; all or none. A wrong one is taken back by another.",
    )
    async def credit_post(
        self, info: Info, items: Annotated[list[CreditInput], strawberry.argument(description="At most 1,000.")]
    ) -> CreditPostPayload:
        wanted = [
            CreditItem(
                _rep(item.rep_id),
                item.day,
                item.amount,
                item.reason,
                None if item.deal_id is None else uuid_of(item.deal_id, "Deal") or _NOBODY,
                item.role,
                item.margin,
                item.units,
            )
            for item in items
        ]
        ctx = info.context
        posted = await crediting.credits_by_hand(ctx.work(), wanted)
        shown = [credit for credit in await manual_credits_by_id(ctx, posted) if credit is not None]
        return CreditPostPayload(user_errors=[], posted=len(posted), credits=shown)

    @writes(Scope.INCENTIVES_WRITE, "Credit a rep beside those who sell.")
    async def overlay_set(
        self, info: Info, input: Annotated[OverlayInput, strawberry.argument(description="Whom, and with what.")]
    ) -> OverlaySetPayload:
        item = OverlayItem(
            _rep(input.rep_id),
            input.share,
            input.starts_on,
            input.reason,
            input.ends_on,
            None if input.team_id is None else uuid_of(input.team_id, "Team") or _NOBODY,
            None if input.territory_id is None else uuid_of(input.territory_id, "Territory") or _NOBODY,
            input.product,
        )
        overlay_id = await crediting.overlay_set(info.context.work(), item)
        (overlay,) = await overlays_by_id(info.context, [overlay_id])
        return OverlaySetPayload(user_errors=[], overlay=overlay)

    @writes(Scope.INCENTIVES_WRITE, "End an overlay: it credits nothing from a day on.")
    async def overlay_end(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The overlay's global id.")],
        day: Annotated[date, strawberry.argument(description="The first day without credit.")],
    ) -> OverlayEndPayload:
        overlay_id = uuid_of(id, "Overlay") or _NOBODY
        await crediting.overlay_end(info.context.work(), overlay_id, day)
        (overlay,) = await overlays_by_id(info.context, [overlay_id])
        return OverlayEndPayload(user_errors=[], overlay=overlay)

    @writes(
        Scope.INCENTIVES_WRITE,
        "Set rates of exchange. Every line keeps the rate that it used; open periods are calculated anew.",
    )
    async def currency_rates_set(
        self, info: Info, items: Annotated[list[CurrencyRateInput], strawberry.argument(description="At most 1,000.")]
    ) -> CurrencyRatesSetPayload:
        rates = [RateItem(item.base, item.into, item.valid_from, item.rate) for item in items]
        changed = await crediting.currency_rates_set(info.context.work(), rates)
        return CurrencyRatesSetPayload(user_errors=[], changed=changed)

    @writes(
        Scope.INCENTIVES_WRITE,
        "Say what a rep is paid in, where it is not the organisation's currency; before its first statement.",
    )
    async def payee_set(
        self,
        info: Info,
        rep_id: Annotated[strawberry.ID, strawberry.argument(description="Who.")],
        currency: Annotated[CurrencyCode, strawberry.argument(description="Paid in this.")],
    ) -> PayeeSetPayload:
        await crediting.payee_set(info.context.work(), _rep(rep_id), currency)
        return PayeeSetPayload(user_errors=[], currency=currency)


def _rep(given: strawberry.ID) -> UUID:
    """The id of a rep; one that is none is that of nobody."""
    return uuid_of(given, "Rep") or _NOBODY


async def _plan(ctx: Context, plan_id: UUID) -> IncentivePlan | None:
    (shown,) = await plans_by_id(ctx, [plan_id])
    return shown


async def _assigned(ctx: Context, plan_id: UUID, payload: type[P]) -> P:
    (assignments,) = await assignments_of_plan(ctx, [plan_id])
    return payload(user_errors=[], incentive_plan=await _plan(ctx, plan_id), assignments=assignments)
