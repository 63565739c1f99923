"""The payout pipeline: what a plan pays somebody for a period (semantics rule 6).

Eligibility, credit, attainment, rate, threshold, cap, currency, draw and clawback, payable: in this order, for actual,
projected and what-if alike. Numbers are exact until the payable line of each component, which is rounded once; its
deals share what rounding leaves by largest remainder.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext

from domain.incentives.budget import shared
from domain.incentives.clawback import window_share
from domain.incentives.component import Component, opened
from domain.incentives.facts import Facts, attainment
from domain.incentives.inputs import Carry, Grant, Inputs, Used
from domain.incentives.outcome import Claim, Earned, Line, LineKind, Part, Rated, Reason, Result, Stage
from domain.incentives.plan import Plan
from domain.incentives.tally import Credited
from domain.incentives.terms import Cap, CapScope, Draw, Proration
from domain.incentives.trail import Detail, Trail
from domain.money import EXACT, apportion, quantum, rounded

ZERO, ONE = Decimal(0), Decimal(1)

_ORDER = (CapScope.DEAL, CapScope.PERIOD, CapScope.PLAN, CapScope.BUDGET)


def calculate(plan: Plan, inputs: Inputs, credited: Credited | None = None, *, detail: Detail = Detail.LINES) -> Result:
    """What the payee is paid. `credited` are the inputs' credits of days on the plan, where they are added up already,
    with others of other periods."""
    with localcontext(EXACT):
        return _Payout(plan, Facts(inputs, credited), Trail(detail)).run()


def calculate_all(
    plan: Plan,
    everybody: Sequence[Inputs],
    spent: Mapping[str | None, Decimal] | None = None,
    credited: Mapping[str, Credited] | None = None,
    *,
    detail: Detail = Detail.LINES,
) -> list[tuple[Inputs, Result]]:
    """What each payee is paid for a period, in the order given, with budgets shared among them (row 24).

    `spent` is what earlier periods took from the budget of a component (None: of the plan). Returned beside each result
    are the inputs that it follows from, with the payee's parts of the budgets.
    """
    known = credited or {}
    results = [calculate(plan, inputs, known.get(inputs.payee), detail=detail) for inputs in everybody]
    budgets = {
        key: cap
        for key, caps in ((None, plan.caps), *((c.key, c.caps) for c in plan.components))
        for cap in caps
        if cap.scope is CapScope.BUDGET
    }
    if not budgets:
        return list(zip(everybody, results, strict=True))
    # A component's budget decides what is claimed of the plan's, so the plan's comes last.
    for key in sorted(budgets, key=lambda key: key is None):
        claims = [claim for result in results for claim in result.claims if claim.component == key]
        left = budgets[key].amount - (spent or {}).get(key, ZERO)
        granted = shared(left, budgets[key].sharing, claims, quantum(plan.currency))
        everybody = [
            replace(
                inputs,
                grants=(*inputs.grants, Grant(component=key, amount=granted.get(inputs.payee, ZERO))),
            )
            for inputs in everybody
        ]
        results = [calculate(plan, inputs, known.get(inputs.payee), detail=detail) for inputs in everybody]
    return list(zip(everybody, results, strict=True))


class _Payout:
    """One run of the pipeline."""

    def __init__(self, plan: Plan, facts: Facts, trail: Trail) -> None:
        inputs = facts.inputs
        self.plan, self.inputs, self.facts, self.trail = plan, inputs, facts, trail
        self.unit = quantum(inputs.currency)
        self.granted = {grant.component: grant.amount for grant in inputs.grants}
        self.used = {used.component: used.amount for used in inputs.carry.used}
        self.lines: list[Line] = []
        self.payable: list[str] = []
        self.claims: list[Claim] = []

    def run(self) -> Result:
        on_plan, days = self.facts.share_on_plan
        self.trail.step(Stage.ELIGIBILITY, "eligible", f"Days on the plan, of {days}", "given", (), on_plan)
        if not on_plan:
            earned = tuple(Earned(c.key, ZERO, None, None, ZERO, Reason.NOT_ON_PLAN) for c in self.plan.components)
        else:
            earned = tuple(self._component(component) for component in self.plan.components)
        kept = self._cap_all(sum((item.amount for item in earned), ZERO))
        carry = self._carry(earned, kept, self._draw())
        self._claw_back()
        payable = self.so_far
        self.trail.step(Stage.PAYABLE, "payable", "Payable", "sum", self.payable, payable)
        return Result(payable, carry, tuple(self.lines), earned, tuple(self.claims), tuple(self.trail.steps))

    @property
    def so_far(self) -> Decimal:
        """What the lines come to until now, in the payee's currency."""
        return sum((line.amount for line in self.lines), ZERO).quantize(self.unit)

    def _component(self, component: Component) -> Earned:
        """One component from its credits to its payable lines."""
        key, trail = component.key, self.trail
        rated = component.calculate(self.facts, trail)
        gates = [opened(g, self.facts, trail, f"{key}/gate/{i}") for i, g in enumerate(component.gates)]
        if not all(gates):
            rated = Rated(rated.base, rated.quota, (), Reason.GATE_CLOSED)
        parts = self._cap(component, rated.parts)
        amount = sum((part.exact for part in parts), ZERO)
        if parts:
            whole = trail.step(
                Stage.CAP, f"{key}/amount", "Earned in all", "sum", (part.step for part in parts), amount
            )
            self._post(key, parts, whole, amount)
        ratio = attainment(rated.base, rated.quota)
        return Earned(key, rated.base, rated.quota, ratio, amount, rated.reason)

    def _cap(self, component: Component, parts: Sequence[Part]) -> Sequence[Part]:
        """The parts that the component's caps leave. A cap of more than a deal is used up in the order of days."""
        for cap in sorted(component.caps, key=lambda cap: _ORDER.index(cap.scope)):
            if cap.scope is CapScope.DEAL:
                parts = [self._deal_cap(part, cap) for part in parts]
                continue
            if cap.scope is CapScope.BUDGET:
                self.claims += [Claim(self.inputs.payee, component.key, p.day, p.key, p.exact) for p in parts]
            parts = self._limit(parts, self._left(component.key, cap), cap.scope)
        return parts

    def _deal_cap(self, part: Part, cap: Cap) -> Part:
        if part.deal is None or abs(part.exact) <= cap.amount:
            return part
        exact = cap.amount.copy_sign(part.exact)
        args = (part.step, cap.amount)
        step = self.trail.step(Stage.CAP, f"{part.key}/DEAL", "The most for a deal", "clamp", args, exact)
        return part._replace(exact=exact, step=step)

    def _limit(self, parts: Sequence[Part], limit: Decimal, scope: CapScope) -> Sequence[Part]:
        if sum((part.exact for part in parts), ZERO) <= limit:
            return parts
        left, running = [], ZERO
        for part in parts:
            exact = min(limit, running + part.exact) - min(limit, running)
            args = (running, part.step, limit)
            step = self.trail.step(
                Stage.CAP, f"{part.key}/{scope}", f"What the cap of the {scope.lower()} leaves", "within", args, exact
            )
            running += part.exact
            left.append(part._replace(exact=exact, step=step))
        return left

    def _post(self, key: str, parts: Sequence[Part], whole: str, amount: Decimal) -> None:
        """Convert, round once, and share the rounded amount among the parts."""
        rate, trail = self.inputs.exchange_rate, self.trail
        converted = amount * rate
        payable = rounded(converted, self.inputs.currency)
        label = "In the payee's currency"
        step = trail.step(Stage.CURRENCY, f"{key}/converted", label, "product", (whole, rate), converted)
        step = trail.step(Stage.PAYABLE, f"{key}/payable", "Rounded", "round", (step, self.unit), payable)
        self.payable.append(step)
        amounts = apportion(payable, [part.exact * rate for part in parts], self.unit)
        self.lines += [
            Line(part.key, part.kind, paid, key, part.deal, part.base, part.exact)
            for part, paid in zip(parts, amounts, strict=True)
        ]

    def _left(self, key: str | None, cap: Cap) -> Decimal:
        """What a cap leaves to this period."""
        if cap.scope is CapScope.BUDGET:
            return self.granted.get(key, cap.amount)
        return max(ZERO, cap.amount - self.used.get(key, ZERO)) if cap.scope is CapScope.PLAN else cap.amount

    def _cap_all(self, amount: Decimal) -> Decimal:
        """What the plan's own caps leave of all components together; what they take is a line of its own."""
        limit = amount
        for cap in sorted(self.plan.caps, key=lambda cap: _ORDER.index(cap.scope)):
            if cap.scope is CapScope.BUDGET:
                last = self.inputs.period.ends_on - timedelta(days=1)
                self.claims.append(Claim(self.inputs.payee, None, last, "plan", limit))
            limit = min(limit, self._left(None, cap))
        if limit < amount:
            exchange, trail = (limit, self.inputs.exchange_rate), self.trail
            converted = limit * self.inputs.exchange_rate
            most = rounded(converted, self.inputs.currency)
            label = "The most, in the payee's currency"
            step = trail.step(Stage.CAP, "cap/converted", label, "product", exchange, converted)
            step = trail.step(Stage.CAP, "cap/most", "Rounded", "round", (step, self.unit), most)
            args = (step, self._subtotal("cap/before"))
            self._add(LineKind.CAP, "cap", "Above the cap of the plan", "difference", args, most - self.so_far)
        return limit

    def _carry(self, earned: Iterable[Earned], kept: Decimal, owed: Decimal) -> Carry:
        """What is used of caps of scope PLAN, with this period, and what is owed."""
        capped: list[tuple[str | None, tuple[Cap, ...], Decimal]] = [(None, self.plan.caps, kept)]
        capped += [(c.key, c.caps, item.amount) for c, item in zip(self.plan.components, earned, strict=True)]
        used = [
            Used(component=key, amount=self.used.get(key, ZERO) + amount)
            for key, caps, amount in capped
            for cap in caps
            if cap.scope is CapScope.PLAN
        ]
        return Carry(owed=owed, used=tuple(used))

    def _draw(self) -> Decimal:
        """Pay the draw or get it back (row 16). Returns what is owed afterwards."""
        draw, owed = self.plan.draw, self.inputs.carry.owed
        if owed and draw is not None and not draw.carry_forward and self.inputs.opens_year:
            self.trail.step(Stage.DRAW_AND_CLAWBACK, "draw/forgiven", "Owed of last year, forgiven", "given", (), owed)
            owed = ZERO
        if draw is None and not owed:
            return ZERO
        earned = self.so_far
        subtotal = self._subtotal("draw/earned")
        least, floor = self._least(draw)
        if earned < least:
            self._add(LineKind.DRAW, "draw", "Draw", "difference", (floor, subtotal), least - earned)
            return owed + least - earned if draw is not None and draw.recoverable else owed
        recovered = min(owed, earned - least)
        if recovered:
            debt = self.trail.step(Stage.DRAW_AND_CLAWBACK, "draw/owed", "Owed of draws", "given", (), owed)
            args = (subtotal, floor)
            above = self.trail.step(
                Stage.DRAW_AND_CLAWBACK, "draw/above", "Earned above the draw", "difference", args, earned - least
            )
            label = "Recovered"
            least_of = self.trail.step(Stage.DRAW_AND_CLAWBACK, "draw/back", label, "min", (debt, above), recovered)
            self._add(LineKind.RECOVERY, "recovery", label, "difference", (ZERO, least_of), -recovered)
        return owed - recovered

    def _least(self, draw: Draw | None) -> tuple[Decimal, str]:
        """The least that is paid, in the payee's currency, and its step."""
        stage, label, (on_plan, days) = Stage.DRAW_AND_CLAWBACK, "The least that is paid", self.facts.share_on_plan
        if draw is None or not on_plan:
            return ZERO, self.trail.step(stage, "draw/least", label, "given", (), ZERO)
        part, rate = self.facts.prorated(draw.amount, draw.proration), self.inputs.exchange_rate
        args = (draw.amount, *((on_plan, days) if draw.proration is Proration.DAYS else (ONE, ONE)))
        step = self.trail.step(stage, "draw/part", "For the days on the plan", "prorated", args, part)
        step = self.trail.step(stage, "draw/converted", "In the payee's currency", "product", (step, rate), part * rate)
        least = rounded(part * rate, self.inputs.currency)
        return least, self.trail.step(stage, "draw/least", label, "round", (step, self.unit), least)

    def _claw_back(self) -> None:
        """Take back what was paid for deals of closed periods that were cancelled in this one (row 17)."""
        for gone in sorted(self.inputs.cancellations, key=lambda gone: gone.deal):
            share = window_share(self.plan.clawback, gone.closed_on, gone.cancelled_on)
            taken = rounded(gone.paid * share, self.inputs.currency)
            if not taken:
                continue
            key, label = f"clawback:{gone.deal}", f"Paid for deal {gone.deal}, by the share of its window"
            step = self.trail.step(
                Stage.DRAW_AND_CLAWBACK, f"{key}/share", label, "product", (gone.paid, share), gone.paid * share
            )
            step = self.trail.step(
                Stage.DRAW_AND_CLAWBACK, f"{key}/taken", "Rounded", "round", (step, self.unit), taken
            )
            self._add(LineKind.CLAWBACK, key, "Taken back", "difference", (ZERO, step), -taken, gone.deal)

    def _add(
        self,
        kind: LineKind,
        key: str,
        label: str,
        op: str,
        args: tuple[Decimal | str, ...],
        amount: Decimal,
        deal: str | None = None,
    ) -> None:
        """A line that is no component's."""
        stage = Stage.CAP if kind is LineKind.CAP else Stage.DRAW_AND_CLAWBACK
        self.payable.append(self.trail.step(stage, key, label, op, args, amount))
        self.lines.append(Line(key, kind, amount, deal=deal))

    def _subtotal(self, name: str) -> str:
        """What the lines come to until now, as a step."""
        return self.trail.step(Stage.PAYABLE, name, "Until here", "sum", self.payable, self.so_far)
