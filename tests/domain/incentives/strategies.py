"""Plans that could be published, and payees that could be on them."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from domain.calendar import PeriodKind
from domain.incentives.component import Component
from domain.incentives.components import Bonus, Commission, Curve, Mbo, Spiff
from domain.incentives.inputs import Cancellation, Carry, Credit, Inputs, Score, Standing, Used
from domain.incentives.plan import Plan
from domain.incentives.terms import (
    Cap,
    CapScope,
    ClawbackWindow,
    CreditRole,
    CurveStep,
    Draw,
    Gate,
    Measure,
    Objective,
    Proration,
    Scale,
    Sharing,
    Threshold,
    ThresholdKind,
    TieBreak,
    Tier,
    TierMode,
    UnitTier,
    WithoutQuota,
)
from tests.domain.incentives.cases import MONTH, YEAR, D

FIRST, LAST = date(2026, 12, 20), date(2027, 1, 31)


def decimals(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals by their digits: a tenth of the time that `st.decimals` takes."""
    low, high = (int(D(bound).scaleb(places)) for bound in (least, most))
    return st.integers(low, high).map(lambda digits: D(digits).scaleb(-places))


rates = decimals("0", "1", 4)
amounts = decimals("1", "50000", 2)
scores = decimals("0", "2", 3)


def edges(unit: str, most: int = 40) -> st.SearchStrategy[list[Decimal]]:
    """0 and ascending multiples of a unit."""
    above = st.lists(st.integers(1, most), max_size=4, unique=True)
    return above.map(lambda steps: [D(0), *(D(unit) * step for step in sorted(steps))])


gates = st.builds(
    Gate,
    at_least=decimals("0.1", "2", 2),
    by=st.sampled_from(Scale),
    period=st.sampled_from([None, PeriodKind.MONTH, PeriodKind.YEAR]),
    measure=st.sampled_from([Measure.REVENUE, Measure.UNITS]),
)


@st.composite
def tiers(draw: st.DrawFn, by: Scale, *, gated: bool = True) -> tuple[Tier, ...]:
    """From 0, in any modes."""
    starts = draw(edges("0.05" if by is Scale.ATTAINMENT else "2500"))
    gate = st.one_of(st.none(), gates) if gated else st.none()
    return tuple(
        Tier(
            start=start,
            rate=draw(rates),
            mode=draw(st.sampled_from(TierMode)),
            gate=draw(gate) if i else None,
        )
        for i, start in enumerate(starts)
    )


def caps(*scopes: CapScope) -> st.SearchStrategy[tuple[Cap, ...]]:
    """At most one of each scope."""
    cap = st.builds(Cap, amount=amounts, scope=st.sampled_from(scopes), sharing=st.sampled_from(Sharing))
    return st.lists(cap, max_size=2, unique_by=lambda cap: cap.scope).map(tuple)


def _common(key: str) -> dict[str, st.SearchStrategy[Any]]:
    return {
        "key": st.just(key),
        "products": st.sampled_from([(), ("core",), ("core", "extra")]),
        "credits": st.sampled_from(CreditRole),
        "caps": caps(*CapScope),
        "gates": st.lists(gates, max_size=1).map(tuple),
    }


@st.composite
def commissions(draw: st.DrawFn, key: str) -> Commission:
    """Flat or in tiers, with or without threshold, of the month or of the year so far."""
    by = draw(st.sampled_from(Scale))
    measure = Measure.REVENUE if by is Scale.ATTAINMENT else draw(st.sampled_from([Measure.REVENUE, Measure.MARGIN]))
    cumulative = draw(st.sampled_from([None, None, PeriodKind.YEAR]))
    common = {name: draw(value) for name, value in _common(key).items()}
    if cumulative is not None:
        common |= {"gates": (), "caps": draw(caps(CapScope.PERIOD, CapScope.PLAN))}
    flat = draw(st.booleans())
    by_amount = st.builds(Threshold, at=amounts, by=st.just(Scale.AMOUNT), kind=st.sampled_from(ThresholdKind))
    by_ratio = st.builds(Threshold, at=decimals("0.05", "1", 2), kind=st.sampled_from(ThresholdKind))
    return Commission(
        **common,
        measure=measure,
        rate=draw(rates) if flat else None,
        tiers=() if flat else draw(tiers(by, gated=cumulative is None)),
        by=by,
        tie_break=draw(st.sampled_from(TieBreak)),
        threshold=draw(st.one_of(st.none(), by_amount, by_ratio)),
        cumulative=cumulative,
        without_quota=draw(st.sampled_from(WithoutQuota)),
    )


@st.composite
def curves(draw: st.DrawFn, key: str) -> Curve:
    """Any steps, with or without a target of the plan."""
    starts = draw(edges("0.05"))
    steps = tuple(CurveStep(start=start, payout=draw(scores), slope=draw(scores)) for start in starts)
    common = {name: draw(value) for name, value in _common(key).items()}
    target, at_most = draw(st.none() | amounts), draw(st.none() | scores)
    return Curve(**common, target=target, steps=steps, at_most=at_most, proration=draw(st.sampled_from(Proration)))


@st.composite
def bonuses(draw: st.DrawFn, key: str) -> Bonus:
    """By attainment or by amount."""
    common = {name: draw(value) for name, value in _common(key).items()}
    by = draw(st.sampled_from(Scale))
    at = draw(amounts if by is Scale.AMOUNT else decimals("0.1", "2", 2))
    return Bonus(**common, amount=draw(amounts), at=at, by=by)


@st.composite
def mbos(draw: st.DrawFn, key: str) -> Mbo:
    """Up to three objectives."""
    weights = draw(st.lists(st.integers(1, 100), max_size=3))
    objectives = tuple(Objective(key=f"o{i}", name=f"Goal {i}", weight=D(weight)) for i, weight in enumerate(weights))
    return Mbo(
        key=key,
        target=draw(st.none() | amounts),
        objectives=objectives,
        at_most=draw(st.none() | scores),
        caps=draw(caps(CapScope.PERIOD, CapScope.PLAN)),
    )


@st.composite
def spiffs(draw: st.DrawFn, key: str) -> Spiff:
    """One of the three ways to pay."""
    common = {name: draw(value) for name, value in _common(key).items()}
    starts = [D(1), *(step + 1 for step in draw(edges("1", 9))[1:])]
    unit_tiers = tuple(UnitTier(start=s, amount=draw(amounts), mode=draw(st.sampled_from(TierMode))) for s in starts)
    ways: list[dict[str, Any]] = [
        {"per_unit": draw(amounts)},
        {"tiers": unit_tiers},
        {"lump_sum": draw(amounts), "at": D(draw(st.integers(1, 5)))},
    ]
    starts_on = draw(st.dates(FIRST, LAST))
    return Spiff(
        **common,
        **draw(st.sampled_from(ways)),
        measure=draw(st.sampled_from([Measure.UNITS, Measure.DEALS])),
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=draw(st.integers(1, 60))),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Up to three components of any kind."""
    kinds = draw(st.lists(st.sampled_from([commissions, curves, bonuses, mbos, spiffs]), min_size=1, max_size=3))
    components: list[Component] = [draw(kind(f"c{i}")) for i, kind in enumerate(kinds)]
    window = st.builds(ClawbackWindow, days=st.integers(0, 90), share=decimals("0", "1", 2))
    return Plan(
        name="Plan",
        currency=draw(st.sampled_from(["EUR", "JPY"])),
        starts_on=date(2026, 1, 1),
        components=tuple(components),
        caps=draw(caps(CapScope.PERIOD, CapScope.PLAN, CapScope.BUDGET)),
        draw=draw(st.none() | st.builds(Draw, amount=amounts, recoverable=st.booleans(), carry_forward=st.booleans())),
        clawback=tuple(draw(st.lists(window, max_size=2, unique_by=lambda window: window.days))),
    )


@st.composite
def deals(draw: st.DrawFn, key: str) -> Credit:
    """A credit of a won deal, or what was taken back of one."""
    sign = draw(st.sampled_from([1, 1, 1, -1]))
    return Credit(
        key=key,
        deal=key,
        day=draw(st.dates(FIRST, LAST)),
        currency="EUR",
        revenue=sign * draw(amounts),
        margin=draw(st.none() | amounts.map(lambda amount: sign * amount)),
        units=D(sign * draw(st.integers(0, 5))),
        share=draw(st.sampled_from([D(1), D("0.5")])),
        role=draw(st.sampled_from(CreditRole)),
        product=draw(st.sampled_from([None, "core", "extra"])),
        exchange_rate=draw(st.sampled_from([D(1), D("1.0825")])),
    )


_STANDINGS = [
    Standing(measure=measure, credits=role, period=period, attained=D(0))
    for measure in (Measure.REVENUE, Measure.UNITS, Measure.MARGIN)
    for role in CreditRole
    for period in (PeriodKind.MONTH, PeriodKind.YEAR)
]


@st.composite
def payees(draw: st.DrawFn) -> Inputs:
    """On the plan for all of January or a part of it."""
    known = st.lists(st.sampled_from(_STANDINGS), max_size=9, unique=True)
    standings = tuple(
        replace(standing, attained=draw(amounts), quota=draw(st.sampled_from([None, D(0), D(5_000), D(60_000)])))
        for standing in draw(known)
    )
    gone = st.builds(
        Cancellation,
        deal=st.just("gone"),
        closed_on=st.dates(date(2026, 10, 1), date(2026, 12, 31)),
        cancelled_on=st.just(LAST),
        paid=amounts,
    )
    return Inputs(
        payee="rep",
        currency=draw(st.sampled_from(["EUR", "USD", "JPY", "KWD"])),
        exchange_rate=draw(st.sampled_from([D(1), D("1.22"), D("0.0061")])),
        period=MONTH,
        longer=(YEAR,),
        on_plan=((draw(st.sampled_from([FIRST, date(2027, 1, 10)])), date(2027, 2, 1)),),
        credits=tuple(draw(deals(f"d{i}")) for i in range(draw(st.integers(0, 8)))),
        standings=standings,
        scores=tuple(
            Score(component="c0", objective=f"o{i}", score=score)
            for i, score in enumerate(draw(st.lists(scores, max_size=3)))
        ),
        target=draw(st.none() | amounts),
        carry=Carry(owed=draw(st.sampled_from([D(0), D("120.50")])), used=(Used(component="c0", amount=D(900)),)),
        opens_year=draw(st.booleans()),
        cancellations=tuple(draw(st.lists(gone, max_size=1))),
    )
