"""What may happen to a company, drawn at random."""

from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from domain.calendar import FiscalPattern, PeriodKind
from domain.errors import Rejected
from domain.feed.actions import action_item_complete, action_item_snooze, coaching_rule_publish
from domain.feed.model import Definition as Coaching
from domain.feed.model import Trigger
from domain.org.actions import calendar, organization_update
from domain.org.model import CalendarChange, Holidays, Leave, Move, RepItem, TeamItem
from domain.org.people import reps_upsert
from domain.org.trees import teams_upsert
from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus, LeadItem, SplitItem
from domain.quotas.actions import quotas_set
from domain.quotas.model import Measure, PaceBasis, ProrationBasis, QuotaItem, Subject, Terms
from domain.scorecards.actions import kpi_define
from domain.scorecards.catalog import CATALOG
from tests.loop.company import NOW, REPS, WEEK, Company, at

Fact = ActivityItem | LeadItem | DealItem


@dataclass(frozen=True)
class Template:
    """A scorecard template of some kind, from a day on."""

    kpis: tuple[str, ...]
    audience: str
    since: date


@dataclass(frozen=True)
class Redefine:
    """A KPI looks back over so many weeks from a day on."""

    key: str
    window_weeks: int
    since: date


@dataclass(frozen=True)
class Quota:
    """What somebody is to bring in the period of a day. The KPI that it is set on, or a measure."""

    who: str
    measure: str
    kind: PeriodKind
    day: date
    terms: Terms


@dataclass(frozen=True)
class Rule:
    """A coaching rule on a KPI, or its end."""

    kpi: str
    trigger: Trigger
    open_below: Decimal
    active: bool


@dataclass(frozen=True)
class Attend:
    """Somebody takes care of the n-th open item."""

    n: int
    snooze: bool


Step = Fact | RepItem | TeamItem | CalendarChange | Template | Redefine | Quota | Rule | Attend

keys = st.sampled_from("uvwxyz")
reps = st.sampled_from(sorted(REPS))
days = st.dates(WEEK - timedelta(weeks=12), NOW.date() - timedelta(days=1))
# Later tellings, earlier ones, and those of sources that do not say.
tellings = st.none() | st.integers(0, 48).map(lambda hours: NOW - timedelta(hours=hours))
_TEAMS = ["north", "south", "sales"]


def _deal(draw: Any) -> DealItem:
    if draw(st.integers(0, 6)) == 0:
        return DealItem(draw(keys), deleted=True, source_updated_at=draw(tellings))
    status, opened = draw(st.sampled_from(DealStatus)), draw(days)
    closed = min(opened + timedelta(days=draw(st.integers(0, 90))), NOW.date() - timedelta(days=1))
    shares = draw(st.sampled_from([(), ("0.5", "0.5"), ("0.3333", "0.3333", "0.3334")]))
    credited = draw(st.permutations(sorted(REPS)))
    return DealItem(
        draw(keys),
        draw(reps),
        "Cover",
        draw(st.sampled_from(["Met", "Offered"])),
        status,
        draw(st.decimals(1, 9_999, places=2)),
        "USD",
        margin=draw(st.none() | st.decimals(-99, 99, places=2)),
        opened_at=at(opened),
        closed_at=None if status is DealStatus.OPEN else at(closed, 22),
        splits=[SplitItem(rep, Decimal(share)) for rep, share in zip(credited, shares, strict=False)],
        source_updated_at=draw(tellings),
    )


def _lead(draw: Any) -> LeadItem:
    if draw(st.integers(0, 6)) == 0:
        return LeadItem(draw(keys), deleted=True, source_updated_at=draw(tellings))
    arrived = at(draw(days), draw(st.integers(0, 23)))
    after = st.none() | st.integers(0, 200).map(lambda hours: arrived + timedelta(hours=hours))
    return LeadItem(draw(keys), draw(reps), arrived, draw(after), draw(after), source_updated_at=draw(tellings))


def _person(draw: Any) -> RepItem:
    rep, day = draw(reps), draw(days)
    match draw(st.sampled_from(["move", "visit", "leave", "left", "back", "hired", "role"])):
        case "move":
            return RepItem(rep, team=Move(draw(st.sampled_from(_TEAMS)), day))
        case "visit":
            until = day + timedelta(days=draw(st.integers(1, 30)))
            return RepItem(rep, team=Move(draw(st.sampled_from(_TEAMS)), day, until))
        case "leave":
            return RepItem(rep, leave=[Leave(day, day + timedelta(days=draw(st.integers(1, 40))))])
        case "left":
            return RepItem(rep, left_on=day)
        case "back":
            return RepItem(rep, left_on=None)
        case "hired":
            return RepItem(rep, hired_on=day)
        case _:
            return RepItem(rep, role=draw(st.sampled_from(["Advisor", "Senior"])))


def _calendar(draw: Any) -> CalendarChange:
    since = draw(days)
    match draw(st.sampled_from(["holidays", "week", "zone", "hours", "workdays", "fiscal"])):
        case "holidays":
            return CalendarChange(since, holidays=Holidays(draw(st.frozensets(days, max_size=5))))
        case "week":
            return CalendarChange(since, week_starts_on=draw(st.integers(1, 7)))
        case "zone":
            zone = st.sampled_from(["America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"])
            return CalendarChange(since, time_zone=draw(zone))
        case "hours":
            return CalendarChange(since, opens_at=time(draw(st.integers(0, 11))))
        case "workdays":
            return CalendarChange(since, workdays=draw(st.frozensets(st.integers(1, 7), min_size=1)))
        case _:
            return CalendarChange(
                since,
                fiscal_start_month=draw(st.integers(1, 12)),
                fiscal_pattern=draw(st.sampled_from(FiscalPattern)),
            )


def _quota(draw: Any) -> Quota:
    return Quota(
        draw(st.sampled_from([*REPS, *_TEAMS, "everybody"])),
        draw(st.sampled_from(["REVENUE", "MARGIN", "calls"])),
        draw(st.sampled_from(PeriodKind)),
        draw(days),
        Terms(
            Decimal(draw(st.integers(0, 20_000))),
            proration_basis=draw(st.sampled_from(ProrationBasis)),
            pace_basis=draw(st.sampled_from([PaceBasis.DAYS, PaceBasis.WORKDAYS])),
            ramp=draw(st.sampled_from([(), (Decimal(0), Decimal("0.5"))])),
        ),
    )


facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        ActivityItem,
        keys,
        reps,
        st.sampled_from(["CALL", "MEETING"]),
        days.map(at),
        source_updated_at=tellings,
    ),
    st.builds(ActivityItem, keys, deleted=st.just(True), source_updated_at=tellings),
    st.composite(_lead)(),
    st.composite(_deal)(),
)
people = st.composite(_person)()
calendars = st.composite(_calendar)()
quotas = st.composite(_quota)()
teams = st.builds(TeamItem, st.sampled_from(_TEAMS), parent=st.none() | st.sampled_from(_TEAMS))
templates = st.builds(
    Template,
    st.sampled_from(
        [
            ("calls", "win_rate", "revenue"),
            ("meetings", "calls", "sales_cycle", "average_deal"),
            ("calls", "lead_to_quote_sla", "speed_to_lead", "margin"),
            ("calls", "pipeline_coverage", "expected_coverage", "revenue"),
        ]
    ),
    st.sampled_from(["everybody", "north", "Senior"]),
    st.dates(WEEK - timedelta(weeks=20), WEEK),
)
definitions = st.builds(Redefine, st.sampled_from(["calls", "win_rate", "revenue"]), st.integers(1, 5), days)
rules = st.builds(
    Rule,
    st.sampled_from(["calls", "win_rate", "revenue"]),
    st.sampled_from([Trigger.BELOW_TARGET, Trigger.BELOW_OWN_TREND]),
    st.sampled_from([Decimal("0.5"), Decimal("0.9")]),
    st.sampled_from([True, True, False]),
)
attendances = st.builds(Attend, st.integers(0, 5), st.booleans())


QUOTAS = (
    Quota("ann", "REVENUE", PeriodKind.QUARTER, WEEK, Terms(Decimal(10_000))),
    Quota("cyd", "REVENUE", PeriodKind.QUARTER, WEEK, Terms(Decimal(7_000), pace_basis=PaceBasis.WORKDAYS)),
    Quota("south", "calls", PeriodKind.MONTH, WEEK, Terms(Decimal(5))),
)
"""A rep's, another's, and a team's on a KPI."""


async def take(company: Company, step: Step) -> None:
    """One step. What an action refuses (a move before the hire) changes nothing, which is fine here."""
    work = company.work
    try:
        match step:
            case ActivityItem():
                await activities_ingest(work, "crm", [step])
            case LeadItem():
                await leads_ingest(work, "crm", [step])
            case DealItem():
                await deals_ingest(work, "crm", [step])
            case RepItem():
                await reps_upsert(work, [step])
            case TeamItem():
                await teams_upsert(work, [step])
            case CalendarChange():
                [row] = await company.run("select version from organization where org_id = $1")
                await organization_update(work, expected_version=row["version"], change=step)
            case Template(kpis, audience, since):
                over: dict[str, Any] = {"team_id": company.teams.get(audience)}
                over["role"] = audience if audience == "Senior" else None
                await company.publish(*kpis, key=audience.lower(), since=since, **over)
            case Redefine(key, window_weeks, since):
                known = next(definition for definition in CATALOG if definition.key == key)
                await kpi_define(work, replace(known, window_weeks=window_weeks), since)
            case Quota():
                await _set(company, step)
            case Rule(kpi, trigger, open_below, active):
                definition = Coaching(trigger, "{rep}: {kpi}", "{value}", open_below, cooldown_days=1)
                kpi_id = company.kpis[kpi]
                await coaching_rule_publish(
                    work, key=f"own_{kpi}", name=kpi, kpi_id=kpi_id, definition=definition, active=active
                )
            case Attend(n, snooze):
                await _attend(company, n, snooze)
    except Rejected:
        pass


async def _set(company: Company, quota: Quota) -> None:
    async with company.work.db.session(company.org_id) as session:
        period = (await calendar(session)).period(quota.kind, quota.day)
    subject = Subject.REP if quota.who in REPS else Subject.TEAM if quota.who in _TEAMS else Subject.ORGANIZATION
    whom = (company.reps | company.teams).get(quota.who, company.org_id)
    kpi_id = company.kpis.get(quota.measure)
    measure = Measure.KPI if kpi_id else Measure(quota.measure)
    await quotas_set(company.work, [QuotaItem(subject, whom, measure, period, quota.terms, kpi_id)])


async def _attend(company: Company, n: int, snooze: bool) -> None:
    found = await company.run(
        "select item_id from action_item where org_id = $1 and status in ('OPEN', 'IN_PROGRESS', 'SNOOZED')"
        " order by item_id offset $2 limit 1",
        n,
    )
    for row in found:
        if snooze:
            day = company.work.now.date() + timedelta(days=2)
            await action_item_snooze(company.work, row["item_id"], until=day)
        else:
            await action_item_complete(company.work, row["item_id"], outcome="Done.")
