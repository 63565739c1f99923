"""The terms of an incentive plan, part by part."""

import api.graph.incentives.enums  # noqa: F401  describes the enums before the parts show them
from api.graph.incentives.parts import SHOWN, STATED, either, interface, part
from domain.incentives.component import Component
from domain.incentives.components import Bonus, Commission, Curve, Mbo, Spiff
from domain.incentives.plan import Plan
from domain.incentives.terms import (
    Cap,
    ClawbackWindow,
    CurveStep,
    Draw,
    Eligibility,
    Gate,
    Objective,
    Threshold,
    Tier,
    UnitTier,
)

part(
    Gate,
    "IncentiveGate",
    "A condition: so much was attained in a period, through the end of the one that is paid.",
    at_least="The ratio to the quota, or the amount, that opens it. Closed while there is no attainment.",
    by="Whether it compares the ratio or the amount.",
    period="The period that is looked at, for example a YEAR. Null is that of the plan.",
    measure="What was attained.",
    kpi="Key of the KPI, when the measure is KPI.",
    credits="Of which credits.",
)
part(
    Tier,
    "IncentiveTier",
    "A rate for what lies from one edge to the next.",
    start="The edge: an amount, or with `by` ATTAINMENT a ratio. The first tier starts at 0.",
    rate="Paid of what is credited; 0.05 is 5 %. Of units, deals and KPIs an amount for each.",
    end="The edge of the next tier, if it is to be said: a gap or an overlap is refused. The last has none.",
    mode="What reaching the tier does.",
    gate="The tier is not there while this is closed: the one below goes on.",
)
part(
    Threshold,
    "IncentiveThreshold",
    "What must be reached before anything is paid. Exactly on it is reached.",
    at="A ratio to the quota, or an amount.",
    by="Which of the two.",
    kind="What it does.",
)
part(
    Cap,
    "IncentiveCap",
    "The most that is paid.",
    amount="In the plan's currency.",
    scope="What it limits.",
    sharing="How a BUDGET is shared.",
)
part(
    CurveStep,
    "IncentiveCurveStep",
    "A point of a payout curve; the step holds until the next one.",
    ("start", "payout"),
    start="From this attainment on.",
    payout="The share of the target paid there.",
    slope="How much more for each attainment above: 1.5 adds 1.5 % of the target a point.",
)
part(
    Objective,
    "IncentiveObjective",
    "An objective of an MBO.",
    key="Unique in the component; scores name it.",
    name="What people call it.",
    weight="Relative to the other objectives.",
)
part(
    UnitTier,
    "IncentiveUnitTier",
    "What a SPIFF pays for each from a number on.",
    start="From which one on: 1, 4, 7.",
    amount="For each, in the plan's currency.",
    mode="What reaching the tier does.",
)
part(
    Draw,
    "IncentiveDraw",
    "An advance on earnings: no less is paid for a period.",
    amount="In the payee's currency, a period.",
    recoverable="Whether what it paid beyond the earnings is kept from later earnings.",
    carry_forward="Whether what is owed outlives the fiscal year.",
    proration="What becomes of it for who is on the plan for a part of the period.",
)
part(
    ClawbackWindow,
    "IncentiveClawbackWindow",
    "What is taken back for a deal that is cancelled soon after its close.",
    ("share",),
    days="Within so many days of the close.",
    share="Of what was paid for it.",
)
part(
    Eligibility,
    "IncentiveEligibility",
    "Who is on the plan. Who is named is on it; others need one of the roles and one of the teams, where an empty list "
    "asks for nothing. All empty is everybody; `reps` alone only they.",
    roles="Job roles of reps.",
    teams="External ids of teams, with those below.",
    reps="External ids of reps.",
)

_COMPONENT = {
    "key": "Unique in the plan, the same in every version.",
    "name": "What people call it.",
    "measure": "What it counts.",
    "kpi": "Key of the KPI, when the measure is KPI.",
    "credits": "Which credits it counts.",
    "products": "Only deals of these products; empty is all.",
    "gates": "It pays nothing while one of these is closed.",
    "caps": "What limits it.",
}
IncentiveComponent = interface(
    Component, "IncentiveComponent", "A part of a plan that pays in its own way for what is credited.", **_COMPONENT
)

part(
    Commission,
    "IncentiveCommission",
    "A rate on what is credited, or tiers of rates. With credits of the TEAM it is a manager's override.",
    implements=IncentiveComponent,
    **_COMPONENT,
    rate="One rate for all; exclusive with tiers.",
    tiers="Rates by edges.",
    by="What the edges count.",
    tie_break="What a base exactly on an edge gets.",
    threshold="What must be reached first.",
    cumulative="A longer period over which base and tiers run: what is due so far less what was due before. Null: "
    "each period by itself.",
    without_quota="What tiers by attainment pay to whom no quota is set.",
)
part(
    Curve,
    "IncentiveCurve",
    "A share of a target amount, by attainment.",
    ("at_most",),
    implements=IncentiveComponent,
    **_COMPONENT,
    target="The amount paid at 1, in the plan's currency. Null is the rep's own target.",
    steps="The curve; below the first step nothing is paid.",
    at_most="The largest share paid. Null is no limit.",
    proration="What becomes of the target for who is on the plan for a part of the period.",
)
part(
    Bonus,
    "IncentiveBonus",
    "A lump sum.",
    implements=IncentiveComponent,
    **_COMPONENT,
    amount="In the plan's currency.",
    at="What must be reached: a ratio to the quota, or an amount.",
    by="Which of the two.",
)
part(
    Mbo,
    "IncentiveMbo",
    "A target amount times the weighted mean of scores. An objective without a score counts as 0.",
    ("at_most",),
    implements=IncentiveComponent,
    **_COMPONENT,
    target="The amount paid at 1, in the plan's currency. Null is the rep's own target.",
    objectives="What is scored. Empty: each payee's own objectives.",
    at_most="The largest score that counts. Null is no limit.",
    proration="What becomes of the target for who is on the plan for a part of the period.",
)
part(
    Spiff,
    "IncentiveSpiff",
    "A prize for a while: for each, in tiers by how many, or a lump. A budget is a cap of scope BUDGET.",
    implements=IncentiveComponent,
    **_COMPONENT,
    starts_on="Deals closed on this day or later count.",
    ends_on="Deals closed before this day count.",
    per_unit="The amount for each.",
    tiers="The amount for each, by how many.",
    lump_sum="One amount, at `at` of them.",
    at="How many the lump sum asks for.",
)
either(
    Component,
    "IncentiveComponentInput",
    "A component, under the name of its kind.",
    commission=(Commission, "A rate on what is credited."),
    curve=(Curve, "A share of a target, by attainment."),
    bonus=(Bonus, "A lump sum."),
    mbo=(Mbo, "Scored objectives."),
    spiff=(Spiff, "A prize for a while."),
)
part(
    Plan,
    "IncentivePlanTerms",
    "What a version of a plan says. A published version never changes.",
    name="What people call the plan.",
    currency="ISO 4217; amounts and rates of the plan are in it.",
    starts_on="The first day on which it is in force.",
    ends_on="The first day on which it is not. Null is open.",
    period="How often it pays.",
    text="What payees read and acknowledge.",
    eligibility="Who is on it.",
    components="What it pays for.",
    caps="What limits all components together.",
    draw="An advance on earnings.",
    clawback="What is taken back for cancelled deals, by the days since they closed. Empty: everything, at any time.",
)

COMPONENT_TYPES = [SHOWN[kind] for kind in (Commission, Curve, Bonus, Mbo, Spiff)]
PlanTerms = SHOWN[Plan]
PlanTermsInput = STATED[Plan]
