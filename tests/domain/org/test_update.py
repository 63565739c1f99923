"""Changing the organisation and its calendar; API keys."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from domain.calendar import FiscalPattern
from domain.errors import Rejected
from domain.org.actions import calendar, calendar_end, organization_update
from domain.org.keys import api_key_create, api_key_revoke
from domain.org.model import SCOPES, CalendarChange, Holidays, Move, RepItem, Role, Scope, TeamItem
from domain.org.people import reps_upsert
from domain.org.trees import teams_upsert
from domain.work import Work
from sql.pool import uuid7
from sql.queries import Query
from tests.conftest import MakeOrg
from tests.domain.org.conftest import ReadState

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

ACTIVITY = Query(
    "test.activity",
    """insert into activity (org_id, activity_id, source, external_id, rep_id, kind, occurred_at, day, received_at)
    values ($1, $2, 'crm', $2::uuid::text, $3, 'CALL', $4, $5, $4)""",
)
DEAL = Query(
    "test.deal",
    """with d as (insert into deal (org_id, deal_id, source, external_id, rep_id, name, stage, status, amount, currency,
      exchange_rate, opened_at, opened_day, closed_at, closed_day, received_at)
    values ($1, $2, 'crm', $2::uuid::text, $3, 'Deal', 'Won', 'WON', 10, 'USD', 1, $4, $5, $6, $7, $4) returning 1)
    insert into credit (org_id, deal_id, rep_id, share, amount, status, opened_day, closed_day)
    values ($1, $2, $3, 1, 10, 'WON', $5, $7)""",
)
DAYS = Query(
    "test.days",
    """select a.day, d.opened_day, d.closed_day, c.opened_day, c.closed_day
    from activity a, deal d, credit c where a.org_id = $1 and d.org_id = $1 and c.org_id = $1""",
)


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    return await make_org(now=NOW)


async def test_a_name_changes_once_for_two_who_read_the_same_version(work: Work, state: ReadState) -> None:
    assert await organization_update(work, expected_version=1, name="Harbour") == 2
    before = await state(work)
    with pytest.raises(Rejected) as refusal:
        await organization_update(work, expected_version=1, name="Haven")
    (problem,) = refusal.value.problems
    assert (problem.code, problem.path, problem.detail) == (
        "STALE_VERSION",
        ("expectedVersion",),
        {"current_version": 2},
    )
    assert await state(work) == before


async def test_of_two_changes_at_the_same_moment_one_is_stale(work: Work, state: ReadState) -> None:
    both = await asyncio.gather(
        organization_update(work, expected_version=1, name="One"),
        organization_update(work, expected_version=1, name="Two"),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in both) == ["Rejected", "int"]
    assert (await state(work))["organization"][0]["version"] == 2


async def test_what_holds_already_changes_nothing(work: Work, state: ReadState) -> None:
    before = await state(work)
    change = CalendarChange(time_zone="America/New_York", week_starts_on=1, holidays=Holidays())
    assert await organization_update(work, expected_version=1, managers_see_pay=False, change=change) == 1
    assert await state(work) == before


async def test_everything_wrong_is_told_at_once_and_nothing_changes(work: Work, state: ReadState) -> None:
    before = await state(work)
    change = CalendarChange(
        valid_from=date(2009, 12, 31),
        time_zone="Mars/Base",
        workdays=frozenset(),
        opens_at=time(18),
        holidays=Holidays(country="DE", subdivision="QQ"),
    )
    with pytest.raises(Rejected) as refusal:
        await organization_update(work, expected_version=1, name="", change=change)
    assert [".".join(problem.path) for problem in refusal.value.problems] == [
        "input.name",
        "input.calendar.validFrom",
        "input.calendar.holidays.country",
        "input.calendar.timeZone",
        "input.calendar.workdays",
        "input.calendar.closesAt",
    ]
    assert await state(work) == before


async def test_a_calendar_change_holds_from_its_day_on_and_marks_everybody(work: Work, state: ReadState) -> None:
    change = CalendarChange(
        date(2026, 7, 1),
        week_starts_on=7,
        fiscal_start_month=2,
        fiscal_pattern=FiscalPattern.WEEKS_445,
        holidays=Holidays(frozenset({date(2026, 12, 24)}), "US"),
    )
    await organization_update(work, expected_version=1, change=change)
    async with work.db.session(work.viewer.org_id) as session:
        rules_of_time = await calendar(session)
        days = {
            row["day"]: row
            for row in await session.fetch(Query("test.all", "select * from calendar_day where org_id = $1"))
        }
    assert [version.version for version in rules_of_time.versions] == [1, 2]
    assert rules_of_time.versions[1].week_starts_on == 7
    assert days[date(2026, 6, 30)]["week"] == date(2026, 6, 29)
    assert days[date(2026, 7, 1)]["week"] == date(2026, 6, 28)
    assert days[date(2025, 12, 25)]["is_workday"]
    assert not days[date(2026, 12, 25)]["is_workday"]
    assert not days[date(2026, 12, 24)]["is_workday"]
    assert not days[date(2028, 7, 4)]["is_workday"]
    assert max(days) == calendar_end(NOW.date()) - timedelta(days=1)
    marks = [(row["rep_id"], row["from_day"], row["through_day"]) for row in (await state(work))["dirty_mark"]]
    assert marks == [(None, date(2026, 1, 1), None)]


async def test_another_zone_moves_facts_to_the_day_that_they_then_fall_on(work: Work) -> None:
    await teams_upsert(work, [TeamItem("a", "A")])
    (rep_id,) = (await reps_upsert(work, [RepItem("r1", "Rae", date(2026, 1, 5), team=Move("a"))])).ids
    late, early = datetime(2026, 8, 3, 2, tzinfo=UTC), datetime(2026, 5, 4, 2, tzinfo=UTC)
    async with work.db.transaction(work.viewer.org_id) as session:
        await session.execute(ACTIVITY, uuid7(), rep_id, late, date(2026, 8, 2))
        await session.execute(DEAL, uuid7(), rep_id, early, date(2026, 5, 3), late, date(2026, 8, 2))
    await organization_update(work, expected_version=1, change=CalendarChange(date(2026, 7, 1), "Europe/Berlin"))
    async with work.db.session(work.viewer.org_id) as session:
        row = await session.row(DAYS)
        rules_of_time = await calendar(session)
    assert row is not None
    assert tuple(row) == (date(2026, 8, 3), date(2026, 5, 3), date(2026, 8, 3), date(2026, 5, 3), date(2026, 8, 3))
    assert (rules_of_time.local_day(early), rules_of_time.local_day(late)) == (row[1], row[2])


async def test_a_key_is_shown_once_and_stored_as_a_hash(work: Work, state: ReadState) -> None:
    scopes = [Scope.PIPELINE_WRITE, Scope.ORG_READ]
    key_id, token = await api_key_create(work, name="CRM", scopes=scopes, expires_at=NOW + timedelta(days=1))
    prefix, org, key, secret = token.split("_", 3)
    assert (prefix, org, key) == ("atk", work.viewer.org_id.hex, key_id.hex)
    after = await state(work)
    (row,) = after["api_key"]
    assert row["hash"] == hashlib.sha256(secret.encode()).digest()
    assert (row["last_four"], row["scopes"]) == (secret[-4:], ["org:read", "pipeline:write"])
    assert secret not in str(after)


async def test_nobody_makes_a_key_that_can_do_more_than_its_maker(work: Work, state: ReadState) -> None:
    manager = replace(work, viewer=replace(work.viewer, scopes=SCOPES[Role.MANAGER], role=Role.MANAGER))
    before = await state(work)
    with pytest.raises(Rejected) as refusal:
        await api_key_create(manager, name="", scopes=[Scope.ORG_WRITE], expires_at=NOW)
    assert [(problem.code, problem.path[-1]) for problem in refusal.value.problems] == [
        ("BLANK", "name"),
        ("SCOPE_NOT_HELD", "scopes"),
        ("INVALID_EXPIRY", "expiresAt"),
    ]
    with pytest.raises(Rejected):
        await api_key_create(work, name="Empty", scopes=[], expires_at=None)
    assert await state(work) == before


async def test_a_key_is_revoked_once(work: Work, state: ReadState) -> None:
    key_id, _ = await api_key_create(work, name="CRM", scopes=[Scope.ORG_READ], expires_at=None)
    await api_key_revoke(work, key_id)
    revoked = await state(work)
    await api_key_revoke(replace(work, now=NOW + timedelta(hours=1)), key_id)
    assert await state(work) == revoked
    assert revoked["api_key"][0]["revoked_at"] == NOW
    with pytest.raises(Rejected) as refusal:
        await api_key_revoke(work, uuid7())
    assert [problem.code for problem in refusal.value.problems] == ["NOT_FOUND"]
