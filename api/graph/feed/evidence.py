"""Why a coaching item was opened, as the graph shows it."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from api.relay import global_id
from api.scalars import Ratio
from domain.feed import stored
from domain.feed.model import Trigger


@strawberry.type(description="A week in the series that evidence shows.")
class EvidencePoint:
    week: date = strawberry.field(description="The first day of the week.")
    value: Decimal | None = strawberry.field(description="Null when there was nothing to measure.")
    target: Decimal | None = strawberry.field(description="The week's target; null when there was none.")


@strawberry.type(
    description="Why a coaching item was opened: the numbers as they were, with the versions and thresholds that "
    "judged them. Written once, never changed."
)
class CoachingEvidence:
    trigger: Trigger = strawberry.field(description="What the KPI was held against.")
    week: date = strawberry.field(description="The first day of the week that was judged.")
    week_complete: bool = strawberry.field(description="False when the week was still running.")
    workdays_elapsed: int = strawberry.field(description="Whole workdays of the week that counted.")
    workdays_available: int = strawberry.field(description="Workdays that the rep had in the week.")
    value: Decimal = strawberry.field(description="The KPI's value, in its unit.")
    judged: Decimal = strawberry.field(
        description="What was compared: the value, the shrunk rate, or the activity that a full week comes to."
    )
    reference: Decimal = strawberry.field(
        description="What it was compared with: the target to date, the rep's own mean, or the peers' median."
    )
    target: Decimal | None = strawberry.field(description="The target of the whole week; null when there was none.")
    gap: Decimal = strawberry.field(description="How far `judged` was from `reference`, in the KPI's unit.")
    ratio: Ratio = strawberry.field(
        description="Between the two; 1 is par, lower is worse whichever way the KPI points."
    )
    open_below: Ratio = strawberry.field(description="The threshold that the ratio fell below.")
    close_above: Ratio = strawberry.field(description="The ratio above which the item closes by itself.")
    sample: int = strawberry.field(description="How many facts the value rests on.")
    numerator: Decimal | None = strawberry.field(description="Of a rate; null for other KPIs.")
    denominator: Decimal | None = strawberry.field(description="Of a rate; null for other KPIs.")
    prior: Ratio | None = strawberry.field(
        description="The rate that a small sample was drawn toward; null when it was not."
    )
    peers: int | None = strawberry.field(description="How many peers made the median; null for the other triggers.")
    weight: Decimal = strawberry.field(description="The KPI's weight on the scorecard; 1 is the mean of its KPIs.")
    series: list[EvidencePoint] = strawberry.field(description="The last twelve weeks, oldest first.")
    rule_version: int = strawberry.field(description="The version of the rule that decided.")
    kpi_version: int = strawberry.field(description="The version of the KPI that was measured.")
    template_id: strawberry.ID = strawberry.field(description="The scorecard template that set target and weight.")
    template_version: int = strawberry.field(description="Its version.")

    @classmethod
    def of(cls, data: Any) -> "CoachingEvidence":
        """From what is stored with an item."""
        evidence = stored.EVIDENCE.validate_python(data)
        r = evidence.reading
        return cls(
            trigger=evidence.trigger,
            week=r.week,
            week_complete=r.week_complete,
            workdays_elapsed=r.workdays_elapsed,
            workdays_available=r.workdays_available,
            value=r.value,
            judged=r.judged,
            reference=r.reference,
            target=r.target,
            gap=abs(r.reference - r.judged),
            ratio=Ratio(r.ratio),
            open_below=Ratio(evidence.open_below),
            close_above=Ratio(evidence.close_above),
            sample=r.sample,
            numerator=r.numerator,
            denominator=r.denominator,
            prior=None if r.prior is None else Ratio(r.prior),
            peers=r.peers,
            weight=r.weight,
            series=[EvidencePoint(week=p.week, value=p.value, target=p.target) for p in r.series],
            rule_version=evidence.rule_version,
            kpi_version=r.kpi_version,
            template_id=global_id("ScorecardTemplate", r.template_id),
            template_version=r.template_version,
        )
