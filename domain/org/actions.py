"""The organisation itself and its calendar."""

from dataclasses import fields, replace
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter

from domain.calendar import DAY, Calendar, CalendarDay, CalendarVersion, FiscalPattern
from domain.errors import Rejected
from domain.events import Change, Event
from domain.org import rules
from domain.org.model import SCOPES, Role, Viewer
from domain.work import Tx, Work
from sql.pool import Database, Session, uuid7
from sql.queries import queries

_org = queries("org")

CALENDAR_FROM = date(2010, 1, 1)
"""Facts before this day are refused."""

_YEARS_AHEAD = 3


def calendar_end(today: date) -> date:
    """The first day that the projection of the calendar does not reach: after three full years to come."""
    return date(today.year + _YEARS_AHEAD + 1, 1, 1)


async def organization_create(
    db: Database,
    *,
    name: str,
    currency: str,
    calendar: CalendarVersion,
    now: datetime,
    admin_email: str,
    admin_name: str,
) -> Work:
    """A new tenant with the first version of its calendar and its first administrator.

    The calendar given becomes version 1 and holds from the beginning, whatever its `version` and `valid_from` say.
    Returns work whose viewer is the administrator. Raises `Rejected` for a blank name, an unknown currency or zone.
    """
    first = replace(calendar, version=1, valid_from=CALENDAR_FROM)
    problems = [
        *rules.named(name, "name"),
        *rules.known_currency(currency, "currency"),
        *rules.sound_calendar(first, "calendar"),
        *rules.email_address(admin_email, "adminEmail"),
        *rules.named(admin_name, "adminName"),
    ]
    if problems:
        raise Rejected(*problems)
    org_id, user_id = uuid7(), uuid7()
    viewer = Viewer(org_id, SCOPES[Role.ADMIN], Role.ADMIN, user_id, name=admin_name)
    work = Work(db, viewer, now)
    async with work.transaction() as tx:
        await tx.execute(_org.organization_add, name, currency, now)
        await tx.execute(_org.event_head_add)
        await _calendar_add(tx, first)
        await _calendar_project(tx, Calendar((first,)))
        await tx.execute(_org.users_add, [user_id], [None], [admin_email], [admin_name], [Role.ADMIN], [True], now)
        tx.record(Event("org.organization", Change.CREATED, "Organization", str(org_id)))
        tx.audit("organizationCreate", "Organization", str(org_id), name=name)
    return work


async def calendar(session: Session | Tx) -> Calendar:
    """The organisation's rules of time, all versions."""
    return Calendar(
        tuple(
            CalendarVersion(
                version=row["version"],
                valid_from=row["valid_from"],
                time_zone=row["time_zone"],
                week_starts_on=row["week_starts_on"],
                fiscal_start_month=row["fiscal_start_month"],
                fiscal_pattern=FiscalPattern(row["fiscal_pattern"]),
                workdays=frozenset(row["workdays"]),
                opens_at=row["opens_at"],
                closes_at=row["closes_at"],
                holidays=frozenset(row["holidays"]),
            )
            for row in await session.fetch(_org.calendar_versions)
        )
    )


async def calendar_extend(work: Work) -> bool:
    """Keep the projection of the calendar three years ahead; called daily, does nothing while it is. True if it did."""
    async with work.transaction() as tx:
        rules_of_time = await calendar(tx)
        last = await tx.value(_org.calendar_day_last)
        if last == calendar_end(rules_of_time.local_day(work.now)) - DAY:
            return False
        await _calendar_project(tx, rules_of_time)
        return True


async def _calendar_add(tx: Tx, version: CalendarVersion) -> None:
    await tx.execute(
        _org.calendar_add,
        version.version,
        version.valid_from,
        version.time_zone,
        version.week_starts_on,
        version.fiscal_start_month,
        version.fiscal_pattern,
        sorted(version.workdays),
        version.opens_at,
        version.closes_at,
        sorted(version.holidays),
        tx.now,
    )


async def _calendar_project(tx: Tx, calendar: Calendar) -> None:
    """Write `calendar_day` anew."""
    columns = _columns(calendar.versions, calendar_end(calendar.local_day(tx.now)))
    await tx.execute(_org.calendar_days_remove)
    await tx.execute(_org.calendar_days_add, *columns)


@lru_cache(maxsize=8)
def _columns(versions: tuple[CalendarVersion, ...], end: date) -> list[tuple[object, ...]]:
    """The days worked out, one sequence a column. Kept, because many organisations share the same rules of time."""
    row = attrgetter(*(field.name for field in fields(CalendarDay)))
    return list(zip(*map(row, Calendar(versions).days(CALENDAR_FROM, end)), strict=True))
