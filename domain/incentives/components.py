"""The components of a plan: each pays in its own way for what somebody was credited with."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.calendar import PeriodKind
from domain.incentives.component import Component, opened
from domain.incentives.facts import Counted, Facts, no_quota
from domain.incentives.outcome import Part, Rated, Reason, Stage
from domain.incentives.terms import (
    CurveStep,
    Measure,
    Objective,
    Proration,
    Scale,
    Threshold,
    TieBreak,
    Tier,
    UnitTier,
    WithoutQuota,
)
from domain.incentives.tiers import Schedule, brackets, thresholded
from domain.incentives.trail import Trail

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission(Component):
    """A rate on what is credited: one `rate`, or `tiers` (rows 3 to 11). With credits of a team it is an override, with
    OVERLAY credits an overlay commission (row 25). Of units, deals and KPIs a rate is an amount for each.

    `cumulative` runs the base and the tiers over a longer period (a year) than the one that is paid: what is due for
    the year so far, less what was due before this period.
    """

    rate: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    by: Scale = Scale.AMOUNT
    tie_break: TieBreak = TieBreak.UPPER
    threshold: Threshold | None = None
    cumulative: PeriodKind | None = None
    without_quota: WithoutQuota = WithoutQuota.NOTHING

    @property
    def needs_quota(self) -> bool:
        """By its tiers or its threshold."""
        by_threshold = self.threshold is not None and self.threshold.by is Scale.ATTAINMENT
        return by_threshold or (bool(self.tiers) and self.by is Scale.ATTAINMENT)

    def quota_period(self, paid: PeriodKind) -> PeriodKind:
        """The longer one, where it is cumulative."""
        return self.cumulative or paid

    def first_day(self, facts: Facts) -> date:
        """That of the longer period, where it is cumulative."""
        return facts.starts_on(self.cumulative)

    def calculate(self, facts: Facts, trail: Trail) -> Rated:
        """By the tiers that the base reached, and what a threshold leaves of it."""
        found = self.count(facts, trail)
        quota = self.quota(facts, trail, found.base) if self.needs_quota else None
        if found.value is None:
            return Rated(found.base, quota, (), Reason.NO_VALUE)
        reason = no_quota(quota) if self.needs_quota else None
        if reason and self.without_quota is WithoutQuota.NOTHING:
            return Rated(found.base, quota, (), reason)
        tiers = self.tiers or (Tier(start=ZERO, rate=self.rate or ZERO),)
        tiers = tiers[:1] if reason else self._open(tiers, facts, trail)
        scale, threshold = quota or ONE, self.threshold
        if reason and threshold is not None and threshold.by is Scale.ATTAINMENT:
            threshold = None

        def schedule(base: Decimal) -> Schedule:
            reached = brackets(tiers, base, scale if self.by is Scale.ATTAINMENT else ONE, self.tie_break)
            if threshold is None:
                return Schedule(reached)
            at = threshold.at * (scale if threshold.by is Scale.ATTAINMENT else ONE)
            return thresholded(reached, base, at, threshold.kind)

        return Rated(found.base, quota, self.walk(facts, found, schedule, trail))

    def _open(self, tiers: tuple[Tier, ...], facts: Facts, trail: Trail) -> tuple[Tier, ...]:
        if all(tier.gate is None for tier in tiers):
            return tiers
        names = (f"{self.key}/tier/{i}/gate" for i in range(len(tiers)))
        return tuple(
            tier
            for tier, name in zip(tiers, names, strict=True)
            if tier.gate is None or opened(tier.gate, facts, trail, name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve(Component):
    """A payout curve over attainment: a share of a target amount (row 14), nothing before the first step.

    Without a `target` it is the payee's own. `at_most` is the largest share of the target.
    """

    target: Decimal | None = None
    steps: tuple[CurveStep, ...]
    at_most: Decimal | None = None
    proration: Proration = Proration.DAYS

    @property
    def needs_quota(self) -> bool:
        """Always."""
        return True

    def calculate(self, facts: Facts, trail: Trail) -> Rated:
        """The target times what the curve says of the attainment."""
        found = self.count(facts, trail)
        quota = self.quota(facts, trail, found.base)
        target = self.target_of(facts, trail, self.target, self.proration)
        if found.value is None or target is None:
            return Rated(found.base, quota, (), Reason.NO_VALUE if found.value is None else Reason.NO_TARGET)
        if not quota:
            return Rated(found.base, quota, (), no_quota(quota))
        reached = [step for step in self.steps if found.base >= step.start * quota]
        if not reached:
            return Rated(found.base, quota, ())
        step = reached[-1]
        amount = on_curve(target, step.payout, step.slope, step.start, found.base, quota)
        args = (f"@{self.key}/target", step.payout, step.slope, step.start, f"@{self.key}/base", f"@{self.key}/quota")
        paid = trail.step(Stage.RATE, f"{self.key}/rated", "On the curve", "curve", args, amount)
        if self.at_most is not None:
            most = target * self.at_most
            amount = min(amount, most)
            share = (f"@{self.key}/target", self.at_most)
            limit = trail.step(Stage.RATE, f"{self.key}/most", "The most of the target", "product", share, most)
            paid = trail.step(Stage.RATE, f"{self.key}/due", "At most that", "min", (paid, limit), amount)
        return Rated(found.base, quota, self.lump(facts, amount, paid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus(Component):
    """A lump sum once `at` is reached, by attainment or by amount."""

    amount: Decimal
    at: Decimal
    by: Scale = Scale.ATTAINMENT

    @property
    def needs_quota(self) -> bool:
        """By attainment."""
        return self.by is Scale.ATTAINMENT

    def calculate(self, facts: Facts, trail: Trail) -> Rated:
        """All or nothing."""
        found = self.count(facts, trail)
        quota = self.quota(facts, trail, found.base) if self.needs_quota else None
        reason = Reason.NO_VALUE if found.value is None else no_quota(quota) if self.needs_quota else None
        if reason:
            return Rated(found.base, quota, (), reason)
        at = self.at * (quota or ONE) if self.needs_quota else self.at
        paid = self.amount if found.base >= at else ZERO
        args = (self.amount, f"@{self.key}/base", at)
        step = trail.step(Stage.RATE, f"{self.key}/rated", "A lump sum once this is reached", "cliff", args, paid)
        return Rated(found.base, quota, self.lump(facts, paid, step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mbo(Component):
    """Objectives with weights: the target times the weighted mean of their scores, each of at most `at_most` (None: as
    high as it goes). An objective without a score counts as 0. Objectives and target are the payee's own where the plan
    has none.
    """

    target: Decimal | None = None
    objectives: tuple[Objective, ...] = ()
    at_most: Decimal | None = ONE
    proration: Proration = Proration.DAYS

    def calculate(self, facts: Facts, trail: Trail) -> Rated:
        """The target times the weighted mean."""
        target = self.target_of(facts, trail, self.target, self.proration)
        if target is None:
            return Rated(ZERO, None, (), Reason.NO_TARGET)
        scores = {score.objective: score for score in facts.inputs.scores if score.component == self.key}
        objectives = self.objectives or tuple(
            Objective(key=score.objective, name=score.name, weight=score.weight)
            for score in sorted(scores.values(), key=lambda score: score.objective)
        )
        weighted, names = ZERO, []
        for objective in objectives:
            score = scores[objective.key].score if objective.key in scores else ZERO
            counted = score if self.at_most is None else min(score, self.at_most)
            weighted += objective.weight * counted
            name, value = f"{self.key}/objective/{objective.key}", objective.weight * counted
            names.append(trail.step(Stage.RATE, name, objective.name, "product", (objective.weight, counted), value))
        weights = sum((objective.weight for objective in objectives), ZERO)
        if not weights:
            return Rated(ZERO, None, (), Reason.NO_VALUE)
        trail.step(Stage.RATE, f"{self.key}/weighted", "Scores by weight", "sum", names, weighted)
        amount = target * weighted / weights
        args = (f"@{self.key}/target", f"@{self.key}/weighted", weights)
        step = trail.step(Stage.RATE, f"{self.key}/rated", "Target by the weighted mean", "prorated", args, amount)
        return Rated(weighted, None, self.lump(facts, amount, step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spiff(Component):
    """A prize for a while: `per_unit` (row 22), in `tiers` by how many (row 23), or a `lump` at `at` of them.

    It counts what closed on days in `[starts_on, ends_on)`, from one period to the next. A budget is a cap of scope
    BUDGET (row 24).
    """

    measure: Measure = Measure.UNITS
    starts_on: date
    ends_on: date
    per_unit: Decimal | None = None
    tiers: tuple[UnitTier, ...] = ()
    lump_sum: Decimal | None = None
    at: Decimal | None = None

    def first_day(self, facts: Facts) -> date:
        """That of the window."""
        return self.starts_on

    def calculate(self, facts: Facts, trail: Trail) -> Rated:
        """By the unit, or once so many are reached."""
        found = self.count(facts, trail, self.ends_on)
        if self.lump_sum is not None and self.at is not None:
            return Rated(found.base, None, self._prize(self.lump_sum, self.at, found, facts, trail))
        # The fourth unit lies above an edge at three, and three of them are not yet above it.
        tiers = tuple(Tier(start=tier.start - ONE, rate=tier.amount, mode=tier.mode) for tier in self.tiers)
        tiers = tiers or (Tier(start=ZERO, rate=self.per_unit or ZERO),)

        def schedule(base: Decimal) -> Schedule:
            return Schedule(brackets(tiers, base, ONE, TieBreak.LOWER))

        return Rated(found.base, None, self.walk(facts, found, schedule, trail))

    def _prize(self, prize: Decimal, at: Decimal, found: Counted, facts: Facts, trail: Trail) -> tuple[Part, ...]:
        """The lump sum, less what was due of it before the period, on the day on which it was reached."""
        before = prize if found.before >= at else ZERO
        now = prize if found.base >= at else ZERO
        day, position = None, found.before
        for credit, value in found.credits:
            position += value
            if position >= at:
                day = credit.day
                break
        due = trail.step(
            Stage.RATE, f"{self.key}/base/due", "Once so many", "cliff", (prize, f"@{self.key}/base", at), now
        )
        args = (prize, f"@{self.key}/before", at)
        had = trail.step(Stage.RATE, f"{self.key}/before/due", "Due before this period", "cliff", args, before)
        step = trail.step(Stage.RATE, f"{self.key}/rated", "Due now", "difference", (due, had), now - before)
        return self.lump(facts, now - before, step, day)


def on_curve(
    target: Decimal, payout: Decimal, slope: Decimal, start: Decimal, base: Decimal, quota: Decimal
) -> Decimal:
    """target x (payout + slope x (base / quota - start)), with the division last."""
    return target * ((payout - slope * start) * quota + slope * base) / quota
