"""The demo company is what it says, and the same each time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dev.company import Company
from dev.demo import company as setting
from dev.demo.history import MEETINGS, PROPOSALS, History
from dev.demo.live import live
from dev.demo.load import load, settle
from domain.calendar import WEEK, Calendar, CalendarVersion
from domain.incentives.reconcile import reconcile
from domain.org.actions import CALENDAR_FROM
from domain.org.actions import calendar as calendar_of
from domain.work import Work
from sql.pool import Database
from sql.queries import queries

# A Friday evening in New York, after the last step of the history.
NOW = datetime(2026, 11, 21, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def company(db: Database) -> Company:
    return await load(db, NOW, lambda *_: None, weeks=2)


def _history(seed: int = setting.SEED) -> History:
    calendar = Calendar((CalendarVersion(1, CALENDAR_FROM, setting.TIME_ZONE),))
    today = calendar.local_day(NOW)
    first = calendar.week(today) - 26 * WEEK
    return History(setting.company(today, 26, seed).advisors, calendar, first, seed)


def test_there_are_ninety_advisors_in_eight_teams_with_names_of_their_own() -> None:
    advisors = _history().advisors
    assert len(advisors) == 90
    assert len({advisor.team for advisor in advisors}) == 8
    assert len({advisor.rep.name for advisor in advisors}) == 90


def test_54_percent_of_the_advisors_meet_their_activity_targets_in_the_first_week() -> None:
    history = _history()
    calendar, week = history.calendar, history.first_week
    facts = history.between(calendar.midnight(week), calendar.midnight(week + WEEK))
    counts = Counter((item.rep_external_id, item.kind) for item in facts.activities)
    # Those who were there for the whole week, whose targets are therefore whole.
    there = [
        a.rep.external_id
        for a in history.advisors
        if a.hired_on <= week and not any(off.starts_on < week + WEEK and off.ends_on > week for off in a.leave)
    ]
    met = [rep for rep in there if counts[rep, "MEETING"] >= MEETINGS and counts[rep, "PROPOSAL"] >= PROPOSALS]
    assert abs(len(met) / len(there) - 0.54) < 0.05


def test_the_same_seed_tells_the_same_story_and_another_one_another() -> None:
    until = NOW
    one, again, other = (_history(seed).between(None, until) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_the_brokerage_makes_about_52_million_a_year() -> None:
    deals = _history().between(None, NOW).deals
    weeks = 20  # deals opened so far back are in it; a cycle takes about five of them
    closed = [deal for deal in deals if deal.status == "WON" and deal.closed_at]
    last = [d.amount or Decimal(0) for d in closed if d.closed_at and (NOW - d.closed_at).days < 7 * (weeks - 12)]
    a_year = sum(last) / (weeks - 12) * 52
    assert Decimal(44_000_000) < a_year < Decimal(60_000_000)


async def test_the_feed_has_work_in_it_and_some_is_done(db: Database, company: Company) -> None:
    feed = queries("feed")
    async with db.session(company.org_id) as session:
        reps = [row["rep_id"] for row in await session.fetch(feed.reps_to_coach, NOW.date())]
        items = await session.fetch(feed.coaching_items, reps, NOW - timedelta(days=30))
    statuses = Counter(item["status"] for item in items)
    assert statuses["OPEN"] > 5
    assert statuses["DONE"] > 0


async def test_live_facts_keep_coming(db: Database, company: Company) -> None:
    told: list[str] = []
    await live(db, company.org_id, seconds=0, told=told.append, rounds=5)
    assert len(told) >= 5


async def test_every_advisor_is_paid_and_nothing_is_left_to_reconcile(db: Database, company: Company) -> None:
    await settle(Work.system(db, company.org_id, NOW))
    async with db.snapshot(company.org_id) as session:
        today = (await calendar_of(session)).local_day(NOW)
        which = (None, None, None, None, None, None, None, None, 1000)
        statements = await session.fetch(queries("incentive_read").statements_page, *which)
        assert len({row["rep_id"] for row in statements}) > 60
        assert {row["period_kind"] for row in statements} == {"MONTH", "QUARTER"}
        assert sum(row["total"] for row in statements) > 0
        assert await reconcile(session, await calendar_of(session), today) == []
