"""What is wrong with a plan: everything at once, each with the path at which it stands (rule 2)."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from domain.calendar import PeriodKind
from domain.errors import Problem
from domain.incentives.codec import spelled
from domain.incentives.component import Component
from domain.incentives.components import Bonus, Commission, Curve, Mbo, Spiff
from domain.incentives.plan import Plan
from domain.incentives.terms import Cap, CapScope, CurveStep, Gate, Measure, Scale, Threshold, Tier, UnitTier
from domain.money import LARGEST, quantum

Flaws = Iterator[Problem]
Path = tuple[str, ...]

MAX_NAME, MAX_TEXT, MAX_ITEMS = 200, 20_000, 100
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)

KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
_DECIMALS = 12
_MOST_ATTAINED = Decimal(10)
_LENGTH = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}
_MONEY = (Measure.REVENUE, Measure.MARGIN)


def flaws(plan: Plan, kpis: Collection[str] | None = None) -> list[Problem]:
    """All problems of a plan; none when it can be published. `kpis` are the keys of those that add up over days."""
    found = list(_numbers(plan, ()))
    if found:
        return found  # no comparison below is worth much with a NaN
    found += _terms(plan)
    for i, component in enumerate(plan.components):
        at = ("components", str(i))
        found += _component(plan, component, at)
    if kpis is not None:
        found += _unknown(plan, (), kpis)
    return found


def _unknown(value: object, path: Path, kpis: Collection[str]) -> Flaws:
    """KPIs that are not there, of components and of gates."""
    if isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _unknown(item, (*path, str(i)), kpis)
    elif is_dataclass(value):
        for field in fields(value):
            at = (*path, spelled(field.name))
            found = getattr(value, field.name)
            if field.name == "kpi" and found is not None and found not in kpis:
                yield Problem("UNKNOWN_MEASURE", f"No KPI that adds up has the key {found}.", at)
            yield from _unknown(found, at, kpis)


def _numbers(value: object, path: Path) -> Flaws:
    """Every number of a plan is exact, bounded, and not negative; a list is of a size that one can read."""
    if is_dataclass(value):
        for field in fields(value):
            yield from _numbers(getattr(value, field.name), (*path, spelled(field.name)))
    elif isinstance(value, tuple):
        if len(value) > MAX_ITEMS:
            yield Problem("TOO_MANY", f"There are more than {MAX_ITEMS} of them.", path)
        for i, item in enumerate(value):
            yield from _numbers(item, (*path, str(i)))
    elif isinstance(value, Decimal):
        if not value.is_finite() or abs(value) >= LARGEST:
            yield Problem("INVALID", "Write a number below 10^15.", path)
        elif value < 0:
            yield Problem("NEGATIVE", "Write 0 or more: what is taken back is no negative rate.", path)
        elif value != round(value, _DECIMALS):
            yield Problem("INVALID", f"Write at most {_DECIMALS} decimals.", path)
    elif isinstance(value, date) and not FIRST_DAY <= value < LAST_DAY:
        yield Problem("OUT_OF_RANGE", f"Write a day from {FIRST_DAY} on and before {LAST_DAY}.", path)


def _terms(plan: Plan) -> Flaws:
    yield from _text(plan.name, MAX_NAME, "name", required=True)
    yield from _text(plan.text, MAX_TEXT, "text")
    try:
        quantum(plan.currency)
    except ValueError:
        yield Problem("INVALID_CURRENCY", "currency is no ISO 4217 code.", ("currency",))
    if plan.ends_on is not None and plan.ends_on <= plan.starts_on:
        yield Problem("INVALID", "endsOn is the first day without the plan, and after startsOn.", ("endsOn",))
    if plan.period not in _LENGTH:
        yield Problem("INVALID", "A plan pays by MONTH, QUARTER or YEAR.", ("period",))
    if not plan.components:
        yield Problem("REQUIRED", "A plan has at least one component.", ("components",))
    yield from _unique([component.key for component in plan.components], ("components",), "key")
    for name in ("roles", "teams", "reps"):
        yield from _unique(getattr(plan.eligibility, name), ("eligibility", name))
    yield from _caps(plan.caps, ())
    for i, cap in enumerate(plan.caps):
        if cap.scope is CapScope.DEAL:
            yield Problem("INVALID", "Cap the deals of each component.", ("caps", str(i), "scope"))
    if plan.draw is not None and not plan.draw.amount:
        yield Problem("INVALID", "A draw is more than 0.", ("draw", "amount"))
    days = [window.days for window in plan.clawback]
    for i, window in enumerate(plan.clawback):
        if window.days < 0 or window.days in days[:i]:
            yield Problem("INVALID", "Each window has days of its own, 0 or more.", ("clawback", str(i), "days"))
        if window.share > 1:
            yield Problem("INVALID", "A share is at most 1.", ("clawback", str(i), "share"))


def _component(plan: Plan, component: Component, at: Path) -> Flaws:
    if not KEY.fullmatch(component.key):
        yield Problem("INVALID", "A key is of small letters, digits and underscores.", (*at, "key"))
    yield from _text(component.name, MAX_NAME, *at, "name")
    yield from _measure(component.measure, component.kpi, at)
    yield from _unique(component.products, (*at, "products"))
    if component.measure is Measure.KPI and component.products:
        yield Problem("INVALID", "A KPI filters products itself.", (*at, "products"))
    if component.measure is Measure.DEALS and component.needs_quota:
        yield Problem("UNKNOWN_MEASURE", "No quota is set in DEALS: use UNITS, or tiers by AMOUNT.", (*at, "measure"))
    for i, gate in enumerate(component.gates):
        yield from _gate(plan, gate, (*at, "gates", str(i)))
    yield from _caps(component.caps, at)
    match component:
        case Commission():
            yield from _commission(plan, component, at)
        case Curve():
            yield from _curve(component, at)
        case Bonus():
            yield from _bonus(component, at)
        case Mbo():
            yield from _mbo(component, at)
        case Spiff():
            yield from _spiff(plan, component, at)


def _commission(plan: Plan, component: Commission, at: Path) -> Flaws:
    if (component.rate is None) is not bool(component.tiers):
        yield Problem("INVALID", "Give either a rate or tiers.", (*at, "rate"))
    if component.rate is not None:
        yield from _rate(component, component.rate, (*at, "rate"))
    yield from _tiers(plan, component, (*at, "tiers"))
    if component.threshold is not None:
        yield from _threshold(component.threshold, (*at, "threshold"))
    if component.cumulative is None:
        return
    if not _longer(component.cumulative, plan.period):
        message = f"It is cumulative over something longer than the {plan.period} that is paid."
        yield Problem("INVALID", message, (*at, "cumulative"))
    if component.measure is Measure.KPI:
        yield Problem("INVALID", "A KPI is not cumulative.", (*at, "cumulative"))
    if component.gates or any(tier.gate for tier in component.tiers):
        message = "A gate would have to stay as it was in earlier periods: give a cumulative component none."
        yield Problem("INVALID", message, (*at, "cumulative"))
    if any(cap.scope is CapScope.DEAL for cap in component.caps):
        message = "What later tiers add to earlier deals fits under no cap of a deal: cap the period."
        yield Problem("INVALID", message, (*at, "cumulative"))


def _tiers(plan: Plan, component: Commission, at: Path) -> Flaws:
    tiers = component.tiers
    if tiers and tiers[0].start:
        yield Problem("TIER_GAP", "The first tier is from 0.", (*at, "0", "from"))
    if tiers and tiers[0].gate is not None:
        yield Problem("INVALID", "The first tier has no gate: put it on the component.", (*at, "0", "gate"))
    for i, tier in enumerate(tiers):
        yield from _rate(component, tier.rate, (*at, str(i), "rate"))
        yield from _end(tiers, i, (*at, str(i)))
        if component.by is Scale.ATTAINMENT:
            yield from _attained(tier.start, (*at, str(i), "from"))
        if tier.gate is not None:
            yield from _gate(plan, tier.gate, (*at, str(i), "gate"))


def _end(tiers: Sequence[Tier], i: int, at: Path) -> Flaws:
    """Tiers follow one another without a gap or an overlap, and the last has no end."""
    tier, following = tiers[i], tiers[i + 1] if i + 1 < len(tiers) else None
    if following is None:
        if tier.end is not None:
            yield Problem("TIER_GAP", "Nothing pays above the last tier: leave its end out.", (*at, "to"))
    elif following.start <= tier.start:
        yield Problem("TIER_OVERLAP", "The next tier does not begin above this one.", (*at[:-1], str(i + 1), "from"))
    elif tier.end is not None and tier.end != following.start:
        code = "TIER_GAP" if tier.end < following.start else "TIER_OVERLAP"
        yield Problem(code, f"The next tier is from {following.start}, so this one is to there.", (*at, "to"))


def _curve(component: Curve, at: Path) -> Flaws:
    if not component.steps:
        yield Problem("REQUIRED", "A curve has at least one step.", (*at, "steps"))
    yield from _ascending(component.steps, (*at, "steps"))
    for i, step in enumerate(component.steps):
        yield from _attained(step.start, (*at, "steps", str(i), "from"))
    if component.target is not None and not component.target:
        yield Problem("INVALID", "A target is more than 0.", (*at, "target"))


def _bonus(component: Bonus, at: Path) -> Flaws:
    if not component.amount:
        yield Problem("INVALID", "A bonus is more than 0.", (*at, "amount"))
    if not component.at:
        yield Problem("INVALID", "A bonus is for something to reach.", (*at, "at"))
    if component.by is Scale.ATTAINMENT:
        yield from _attained(component.at, (*at, "at"))


def _mbo(component: Mbo, at: Path) -> Flaws:
    if component.target is not None and not component.target:
        yield Problem("INVALID", "A target is more than 0.", (*at, "target"))
    yield from _unique([objective.key for objective in component.objectives], (*at, "objectives"), "key")
    for i, objective in enumerate(component.objectives):
        if not KEY.fullmatch(objective.key):
            message = "A key is of small letters, digits and underscores."
            yield Problem("INVALID", message, (*at, "objectives", str(i), "key"))
        yield from _text(objective.name, MAX_NAME, *at, "objectives", str(i), "name", required=True)
        if not objective.weight:
            yield Problem("INVALID", "A weight is more than 0.", (*at, "objectives", str(i), "weight"))


def _spiff(plan: Plan, component: Spiff, at: Path) -> Flaws:
    if component.ends_on <= component.starts_on:
        yield Problem("INVALID", "endsOn is the first day after it, and after startsOn.", (*at, "endsOn"))
    if component.starts_on < plan.starts_on or (plan.ends_on is not None and component.ends_on > plan.ends_on):
        yield Problem("OUT_OF_RANGE", "A SPIFF runs within the days of its plan.", (*at, "startsOn"))
    if component.measure is Measure.KPI:
        yield Problem("UNKNOWN_MEASURE", "A SPIFF counts credits: REVENUE, MARGIN, UNITS or DEALS.", (*at, "measure"))
    lump = component.lump_sum is not None
    if (component.per_unit is not None) + bool(component.tiers) + lump != 1:
        yield Problem("INVALID", "Give one of perUnit, tiers and lumpSum.", at)
    if lump is not (component.at is not None) or component.at == 0:
        yield Problem("INVALID", "A lumpSum is for reaching `at`, which is more than 0.", (*at, "at"))
    yield from _ascending(component.tiers, (*at, "tiers"))
    for i, tier in enumerate(component.tiers):
        if tier.start != tier.start.to_integral_value() or (i == 0 and tier.start != 1):
            message = "Tiers are from the first unit on: 1, 4, 7."
            yield Problem("TIER_GAP", message, (*at, "tiers", str(i), "from"))


def _ascending(steps: Sequence[CurveStep | UnitTier], at: Path) -> Flaws:
    for i, (before, step) in enumerate(pairwise(steps), 1):
        if step.start <= before.start:
            yield Problem("TIER_OVERLAP", "This does not begin above the one before.", (*at, str(i), "from"))


def _threshold(threshold: Threshold, at: Path) -> Flaws:
    if not threshold.at:
        yield Problem("INVALID", "A threshold is more than 0.", (*at, "at"))
    if threshold.by is Scale.ATTAINMENT:
        yield from _attained(threshold.at, (*at, "at"))


def _gate(plan: Plan, gate: Gate, at: Path) -> Flaws:
    yield from _measure(gate.measure, gate.kpi, at)
    if gate.measure is Measure.DEALS:
        yield Problem("UNKNOWN_MEASURE", "Attainment is not kept for DEALS: use UNITS.", (*at, "measure"))
    if gate.period is not None and gate.period is not plan.period and not _longer(gate.period, plan.period):
        message = f"A gate looks at the {plan.period} that is paid, or at something longer."
        yield Problem("INVALID", message, (*at, "period"))
    if gate.by is Scale.ATTAINMENT:
        yield from _attained(gate.at_least, (*at, "atLeast"))


def _measure(measure: Measure, kpi: str | None, at: Path) -> Flaws:
    if (measure is Measure.KPI) is not (kpi is not None):
        yield Problem("UNKNOWN_MEASURE", "Name a KPI where the measure is KPI, and only there.", (*at, "kpi"))


def _rate(component: Component, rate: Decimal, at: Path) -> Flaws:
    if component.measure in _MONEY and rate > 1:
        yield Problem("OUT_OF_RANGE", "A rate on money is a share: write 5 % as 0.05.", at)


def _attained(ratio: Decimal, at: Path) -> Flaws:
    if ratio > _MOST_ATTAINED:
        yield Problem("OUT_OF_RANGE", "An attainment is a ratio: write 150 % as 1.5.", at)


def _caps(caps: Sequence[Cap], at: Path) -> Flaws:
    yield from _unique([cap.scope for cap in caps], (*at, "caps"), "scope")
    for i, cap in enumerate(caps):
        if not cap.amount:
            yield Problem("INVALID", "A cap is more than 0.", (*at, "caps", str(i), "amount"))


def _longer(kind: PeriodKind, than: PeriodKind) -> bool:
    return _LENGTH.get(kind, 0) > _LENGTH.get(than, 12)


def _unique(values: Sequence[str], at: Path, *name: str) -> Flaws:
    for i, value in enumerate(values):
        if value in values[:i]:
            yield Problem("DUPLICATE", f"{value} is there before.", (*at, str(i), *name))
        elif not value.strip():
            yield Problem("REQUIRED", "This is blank.", (*at, str(i), *name))


def _text(value: str, longest: int, *at: str, required: bool = False) -> Flaws:
    if required and not value.strip():
        yield Problem("REQUIRED", f"{at[-1]} is required.", at)
    if len(value) > longest:
        yield Problem("TOO_LONG", f"{at[-1]} has more than {longest} characters.", at)
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        yield Problem("INVALID_TEXT", f"{at[-1]} holds characters that are no text.", at)
