"""The coaching rules that every organisation starts with, one or two a KPI of the catalogue.

Few on purpose, leading indicators first, framed as help. Their versions are the organisation's own to replace by
`coachingRulePublish`, or to retire.
"""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from domain.feed import stored
from domain.feed.model import Definition, Rule, Trigger
from domain.work import Tx
from sql.pool import uuid7
from sql.queries import queries

_feed = queries("feed")


class Default(NamedTuple):
    """A rule by the keys of itself and of its KPI."""

    key: str
    kpi: str
    name: str
    definition: Definition


def _activity(kpi: str, name: str, next_step: str) -> Default:
    """Behind the week's target, judged from the third workday on."""
    return Default(
        f"{kpi}_below_target",
        kpi,
        f"{name} below target",
        Definition(
            trigger=Trigger.BELOW_TARGET,
            title="{rep}: {kpi} at {ratio} of target",
            body="{kpi}: {value} in the week of {week} where {reference} were due, {gap} short. " + next_step,
        ),
    )


CATALOG: tuple[Default, ...] = (
    _activity(
        "meetings",
        "Meetings",
        "Go through the next five days together and book the missing meetings by {due}, renewals first.",
    ),
    _activity(
        "calls",
        "Calls",
        "Agree on two fixed hours a day for calls and pick the first twenty names together, by {due}.",
    ),
    _activity(
        "proposals",
        "Proposals",
        "List the open deals that had a meeting and no proposal yet, and choose the ones to send by {due}.",
    ),
    _activity(
        "quotes",
        "Quotes",
        "Look at which requests wait for a quote and what holds each one up; clear the oldest by {due}.",
    ),
    Default(
        "meetings_below_trend",
        "meetings",
        "Meetings below own trend",
        Definition(
            trigger=Trigger.BELOW_OWN_TREND,
            open_below=Decimal("0.7"),
            close_above=Decimal("0.85"),
            title="{rep}: fewer meetings than usual",
            body="The week of {week} comes to {value} for a full week; the mean of the {weeks} weeks before is "
            "{reference}. Ask what changed before asking for more: workload, a stuck deal, leads that dried up. Agree "
            "on one step by {due}.",
        ),
    ),
    Default(
        "win_rate_below_peers",
        "win_rate",
        "Win rate below peers",
        Definition(
            trigger=Trigger.BELOW_PEER_MEDIAN,
            open_below=Decimal("0.8"),
            min_sample=5,
            shrink_weight=Decimal(10),
            due_workdays=5,
            title="{rep}: win rate {value}, peers {reference}",
            body="Over {sample} closed deals {rep} wins {value}, allowing for the small number; the median of {peers} "
            "peers is {reference}. Review the last three lost deals by {due}: at which stage, to whom, and why. Pick "
            "one thing to do differently in the next one.",
        ),
    ),
    Default(
        "sales_cycle_above_peers",
        "sales_cycle",
        "Sales cycle longer than peers'",
        Definition(
            trigger=Trigger.BELOW_PEER_MEDIAN,
            open_below=Decimal("0.75"),
            close_above=Decimal("0.9"),
            min_sample=3,
            due_workdays=5,
            title="{rep}: deals take {value}, peers {reference}",
            body="The median deal takes {value} from opening to close; for {peers} peers it is {reference}. Go through "
            "the open deals that are older than that by {due} and give each a next step with a date, or close it.",
        ),
    ),
    Default(
        "average_deal_below_peers",
        "average_deal",
        "Average deal below peers",
        Definition(
            trigger=Trigger.BELOW_PEER_MEDIAN,
            open_below=Decimal("0.7"),
            close_above=Decimal("0.85"),
            min_sample=3,
            due_workdays=5,
            title="{rep}: average deal {value}, peers {reference}",
            body="The mean deal is {value}; the median of {peers} peers is {reference}. Take the two largest open "
            "deals and look by {due} at what else the client needs, before price is talked about.",
        ),
    ),
    Default(
        "pipeline_coverage_below_target",
        "pipeline_coverage",
        "Pipeline coverage below target",
        Definition(
            trigger=Trigger.BELOW_TARGET,
            due_workdays=5,
            title="{rep}: pipeline covers {value} of what is left",
            body="The open pipeline is {value} of the quota that is left this quarter; {reference} is asked for. Block "
            "time for new business this week, and name by {due} the five accounts to open.",
        ),
    ),
    Default(
        "expected_coverage_below_target",
        "expected_coverage",
        "Expected coverage below target",
        Definition(
            trigger=Trigger.BELOW_TARGET,
            min_sample=5,
            due_workdays=5,
            title="{rep}: pipeline should bring in {value} of what is left",
            body="At the present win rate the open pipeline brings in {value} of the quota left; {reference} is asked "
            "for. Decide by {due} which is the shorter way: more deals, or more of the open ones won.",
        ),
    ),
    Default(
        "lead_to_quote_below_target",
        "lead_to_quote_sla",
        "Lead-to-quote SLA missed",
        Definition(
            trigger=Trigger.BELOW_TARGET,
            open_below=Decimal("0.9"),
            close_above=Decimal("0.97"),
            min_sample=5,
            due_workdays=2,
            title="{rep}: {value} of leads quoted in time",
            body="{value} of {sample} leads were quoted in time; {reference} is the target. Quote the overdue ones by "
            "{due}, oldest first, and find the step at which they wait.",
        ),
    ),
    Default(
        "speed_to_lead_below_target",
        "speed_to_lead",
        "First response too slow",
        Definition(
            trigger=Trigger.BELOW_TARGET,
            open_below=Decimal("0.7"),
            close_above=Decimal("0.9"),
            min_sample=5,
            due_workdays=2,
            title="{rep}: first response takes {value}",
            body="Half of the {sample} leads wait {value} or longer for a first response; {reference} is the target. "
            "Agree by {due} who answers while {rep} is with clients.",
        ),
    ),
    Default(
        "revenue_below_trend",
        "revenue",
        "Revenue below own trend",
        Definition(
            trigger=Trigger.BELOW_OWN_TREND,
            open_below=Decimal("0.5"),
            close_above=Decimal("0.8"),
            trend_weeks=12,
            running_week_from=Decimal(1),
            cooldown_days=28,
            due_workdays=5,
            title="{rep}: revenue at {ratio} of the usual week",
            body="{value} in the week of {week}; the mean of the {weeks} weeks before is {reference}. One week may be "
            "chance: look at what is due to close this month, and settle by {due} what could slip and how to keep it.",
        ),
    ),
    Default(
        "margin_below_trend",
        "margin",
        "Margin below own trend",
        Definition(
            trigger=Trigger.BELOW_OWN_TREND,
            open_below=Decimal("0.5"),
            close_above=Decimal("0.8"),
            trend_weeks=12,
            running_week_from=Decimal(1),
            cooldown_days=28,
            due_workdays=5,
            title="{rep}: margin at {ratio} of the usual week",
            body="{value} in the week of {week}; the mean of the {weeks} weeks before is {reference}. Check the "
            "discounts of the deals won that week, and agree by {due} below which margin to ask first.",
        ),
    ),
)


async def install(tx: Tx, valid_from: date) -> None:
    """Add the rules whose KPIs the organisation has and whose keys it does not; those that exist stay as they are."""
    kpis = {row["key"]: row["kpi_id"] for row in await tx.fetch(_feed.kpis_by_key, [d.kpi for d in CATALOG])}
    versions = [
        Rule(uuid7(), d.key, 1, valid_from, True, d.name, kpis[d.kpi], d.definition) for d in CATALOG if d.kpi in kpis
    ]
    rows = await tx.fetch(_feed.rules_add, [v.rule_id for v in versions], [v.key for v in versions], tx.now)
    added = {row["rule_id"] for row in rows}
    await stored.rule_versions_add(tx, [v for v in versions if v.rule_id in added])
