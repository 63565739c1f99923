"""A new organisation, and its calendar worked out day by day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.calendar import CalendarVersion
from domain.errors import Rejected
from domain.org.actions import CALENDAR_FROM, calendar, calendar_end, calendar_extend
from domain.org.model import Role
from sql.queries import Query
from tests.conftest import MakeOrg

DAYS = Query("test.days", "select * from calendar_day where org_id = $1 order by day")
USERS = Query("test.users", "select email, role, active from app_user where org_id = $1")
HEAD = Query("test.head", "select last_seq, first_seq from event_head where org_id = $1")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def test_a_new_organisation_has_an_administrator_a_calendar_and_an_empty_log(make_org: MakeOrg) -> None:
    berlin = CalendarVersion(7, date(2020, 1, 1), "Europe/Berlin", holidays=frozenset({date(2026, 12, 25)}))
    work = await make_org(calendar=berlin, admin_email="Ann@example.com", now=NOW)
    async with work.db.session(work.viewer.org_id) as session:
        assert await calendar(session) == await calendar(session)
        (version,) = (await calendar(session)).versions
        users = [tuple(row) for row in await session.fetch(USERS)]
        head = await session.row(HEAD)
    assert version == replace(berlin, version=1, valid_from=CALENDAR_FROM)
    assert users == [("Ann@example.com", "ADMIN", True)]
    assert head is not None
    assert tuple(head) == (0, 1)
    assert work.viewer.role is Role.ADMIN


async def test_the_calendar_is_worked_out_three_years_ahead_and_stays_so(make_org: MakeOrg) -> None:
    work = await make_org(now=NOW)
    async with work.db.session(work.viewer.org_id) as session:
        before = await session.fetch(DAYS)
        rules_of_time = await calendar(session)
    expected = list(rules_of_time.days(CALENDAR_FROM, date(2030, 1, 1)))
    assert [row["day"] for row in before] == [day.day for day in expected]
    assert [row["business_seconds_before"] for row in before] == [day.business_seconds_before for day in expected]
    assert before[-1]["day"] == calendar_end(NOW.date()) - timedelta(days=1)

    assert not await calendar_extend(work)
    assert await calendar_extend(replace(work, now=NOW + timedelta(days=365)))
    async with work.db.session(work.viewer.org_id) as session:
        after = await session.fetch(DAYS)
    assert after[: len(before)] == before
    assert after[-1]["day"] == date(2030, 12, 31)


async def test_everything_wrong_with_a_new_organisation_is_told_at_once(make_org: MakeOrg) -> None:
    with pytest.raises(Rejected) as refusal:
        await make_org(
            name=" ",
            currency="usd",
            calendar=CalendarVersion(1, CALENDAR_FROM, "Mars/Base"),
            admin_email="ann",
            admin_name="",
        )
    assert [".".join(problem.path) for problem in refusal.value.problems] == [
        "name",
        "currency",
        "calendar.timeZone",
        "adminEmail",
        "adminName",
    ]
