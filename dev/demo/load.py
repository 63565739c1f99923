"""Lives the company's history through: plans, then week by week what came in, what was measured and what was done."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import TypeVar
from uuid import UUID

from dev.company import Company
from dev.demo import company as setting
from dev.demo import pay
from dev.demo.company import Advisor
from dev.demo.history import MEETINGS, PROPOSALS, Facts, History
from domain import recompute
from domain.calendar import DAY, WEEK, Calendar, CalendarVersion, Period, PeriodKind
from domain.feed import actions as feed
from domain.feed.model import DismissReason
from domain.org import rules as org_rules
from domain.org.actions import CALENDAR_FROM, organization_create
from domain.org.keys import api_key_create
from domain.org.model import SCOPES, Role, Scope, Upserted, Viewer
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert, territories_upsert
from domain.pipeline import actions as pipeline
from domain.pipeline.model import Ingested
from domain.quotas.actions import quotas_set
from domain.quotas.model import Measure, PaceBasis, ProrationBasis, QuotaItem, Subject, Terms
from domain.scorecards import results as scorecards
from domain.scorecards.actions import template_publish
from domain.scorecards.definitions import definitions
from domain.scorecards.model import Line
from domain.work import Work
from sql.pool import Database
from sql.queries import queries

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

WEEKS = 26
SOURCE = "crm"

_feed = queries("feed")

_QUOTAS = {"Associate Advisor": 115_000, "Advisor": 142_000, "Senior Advisor": 175_000}
_RAMP = (Decimal("0.25"), Decimal("0.5"), Decimal("0.75"))
_BATCH = 1_000

T = TypeVar("T")
Stored = TypeVar("Stored", Upserted, Ingested)


async def load(
    db: Database, now: datetime, progress: Progress, *, weeks: int = WEEKS, seed: int = setting.SEED
) -> Company:
    """Make the company, with a history of so many weeks that ends now."""
    version = CalendarVersion(
        1,
        CALENDAR_FROM,
        setting.TIME_ZONE,
        holidays=frozenset(org_rules.public_holidays("US", None, range(now.year - 2, now.year + 4))),
    )
    calendar = Calendar((version,))
    today = calendar.local_day(now)
    first_week = calendar.week(today) - weeks * WEEK
    start = calendar.midnight(first_week)
    who = setting.company(today, weeks, seed)
    admin = await organization_create(
        db,
        name=setting.NAME,
        currency=setting.CURRENCY,
        calendar=version,
        now=start,
        admin_email=setting.ADMIN_EMAIL,
        admin_name="Olivia Grant",
    )
    _all(await users_upsert(admin, who.users))
    _all(await teams_upsert(admin, who.teams))
    reps = _all(await reps_upsert(admin, [advisor.rep for advisor in who.advisors])).ids
    _all(await territories_upsert(admin, who.territories))
    await _publish(admin, first_week)
    advisors = dict(zip(reps, who.advisors, strict=True))
    await _set_quotas(admin, calendar, first_week, today, advisors)
    await pay.publish(admin, calendar, first_week, today, advisors)
    history = History(who.advisors, calendar, first_week, seed)
    # A step of the history ends on a Friday evening, when managers act; the last one ends now.
    fridays = [calendar.at(first_week).opening(first_week + n * WEEK + 4 * DAY)[1] for n in range(weeks + 1)]
    steps = [*(at for at in fridays if at < now), now]
    before: datetime | None = None
    closed: set[Period] = set()
    for number, until in enumerate(steps):
        progress("Loading the demo company, week by week", number, len(steps))
        work = replace(admin, now=until)
        await ingest(work, history.between(before, until))
        await settle(work)
        if until < now:
            await _act(work, reps, Random(f"{seed}:{number}"))
        await pay.close(work, calendar, closed, advisors, seed)
        await settle(work)
        before = until
    _, key = await api_key_create(
        replace(admin, now=now),
        name="Partner",
        expires_at=None,
        scopes=[Scope.ORG_READ, Scope.PIPELINE_READ, Scope.PIPELINE_WRITE, Scope.QUOTAS_READ, Scope.SCORECARDS_READ],
    )
    progress("Loading the demo company, week by week", len(steps), len(steps))
    emails = {
        "admin": setting.ADMIN_EMAIL,
        "compensation": setting.COMPENSATION_EMAIL,
        "manager": setting.MANAGER_EMAIL,
        "rep": str(who.advisors[0].rep.email),
    }
    return Company(admin.viewer.org_id, emails, key)


async def ingest(work: Work, facts: Facts) -> None:
    """Store facts as a CRM would send them, in calls of a thousand."""
    await _batches(facts.activities, lambda items: pipeline.activities_ingest(work, SOURCE, items))
    await _batches(facts.leads, lambda items: pipeline.leads_ingest(work, SOURCE, items))
    await _batches(facts.deals, lambda items: pipeline.deals_ingest(work, SOURCE, items))


async def _batches(items: Sequence[T], call: Callable[[Sequence[T]], Awaitable[Ingested]]) -> None:
    for at in range(0, len(items), _BATCH):
        _all(await call(items[at : at + _BATCH]))


def _all(outcome: Stored) -> Stored:
    """The demo company has no bad items."""
    if outcome.problems:
        raise ValueError(f"{len(outcome.problems)} items were refused, the first: {outcome.problems[0]}")
    return outcome


async def settle(work: Work) -> None:
    """Numbers and coaching, as the workers would bring them up to date."""
    await scorecards.stale_by_time(work, since_hours=8 * 24)
    await recompute.new_day(work)
    while await recompute.recompute(work):
        pass
    while await recompute.coach(work):
        pass


async def _publish(admin: Work, first_week: date) -> None:
    """The scorecard of an advisor: two of activity, two of quality, one of outcome."""
    async with admin.db.session(admin.viewer.org_id) as session:
        known = {versions[-1].key: kpi_id for kpi_id, versions in (await definitions(session)).kpis.items()}
    lines = (
        ("meetings", "25", str(MEETINGS)),
        ("proposals", "20", str(PROPOSALS)),
        ("lead_to_quote_sla", "15", "0.85"),
        ("win_rate", "20", "0.28"),
        ("revenue", "20", "10500"),
    )
    await template_publish(
        admin,
        key="advisor",
        name="Advisor scorecard",
        lines=tuple(Line(known[key], Decimal(weight), Decimal(target)) for key, weight, target in lines),
        role=setting.ADVISOR,
        valid_from=first_week,
    )


async def _set_quotas(
    admin: Work, calendar: Calendar, first_week: date, today: date, advisors: Mapping[UUID, Advisor]
) -> None:
    """A revenue quota for each advisor and each quarter that the history touches."""
    quarter = calendar.period(PeriodKind.QUARTER, first_week)
    while quarter.starts_on <= today:
        await quotas_set(
            admin,
            [
                QuotaItem(
                    Subject.REP,
                    rep_id,
                    Measure.REVENUE,
                    quarter,
                    Terms(
                        Decimal(_QUOTAS[str(advisor.rep.title)]),
                        proration_basis=ProrationBasis.WORKDAYS,
                        pace_basis=PaceBasis.WORKDAYS,
                        ramp=_RAMP,
                    ),
                )
                for rep_id, advisor in advisors.items()
            ],
        )
        quarter = calendar.period(PeriodKind.QUARTER, quarter.ends_on)


async def _act(work: Work, reps: Sequence[UUID], random: Random) -> None:
    """Managers take up a part of the feed: they complete, start and dismiss; the rest stays open."""
    async with work.db.session(work.viewer.org_id) as session:
        items = await session.fetch(_feed.coaching_items, reps, work.now)
    for item in items:
        if item["assignee_id"] is None or item["status"] not in ("OPEN", "IN_PROGRESS"):
            continue
        manager = replace(
            work,
            viewer=Viewer(work.viewer.org_id, SCOPES[Role.MANAGER], Role.MANAGER, item["assignee_id"], name="manager"),
        )
        chance = random.random()
        if chance < 0.30:
            await feed.action_item_complete(manager, item["item_id"], outcome=random.choice(_OUTCOMES))
        elif chance < 0.36:
            await feed.action_item_dismiss(manager, item["item_id"], reason=DismissReason.ALREADY_HANDLED)
        elif chance < 0.50 and item["status"] == "OPEN":
            await feed.action_item_start(manager, item["item_id"])


_OUTCOMES = (
    "Blocked two mornings a week for prospecting.",
    "Went through the open proposals together; three go out tomorrow.",
    "Role-played discovery; follow-up in the next one-on-one.",
    "Moved two leads to a colleague to clear the queue.",
)
