"""The organisation itself and its calendar."""

from dataclasses import fields, replace
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter

from domain.calendar import DAY, Calendar, CalendarDay, CalendarVersion, FiscalPattern, PeriodKind
from domain.errors import Problem, Rejected, stale
from domain.events import Change, Event
from domain.feed import catalog as coaching_catalog
from domain.org import rules
from domain.org.model import SCOPES, CalendarChange, Role, Viewer
from domain.scorecards import catalog as kpi_catalog
from domain.unset import UNSET, Unset, given
from domain.work import Tx, Work
from sql.pool import Database, Session, uuid7
from sql.queries import queries

_org = queries("org")

CALENDAR_FROM = date(2010, 1, 1)
"""Facts before this day are refused."""

_YEARS_AHEAD = 3
# Public holidays are worked out so far ahead when a calendar is stored, then kept: a library does not change numbers.
_HOLIDAY_YEARS = 10


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
        await kpi_catalog.install(tx, CALENDAR_FROM)
        await coaching_catalog.install(tx, CALENDAR_FROM)
        await tx.execute(_org.users_add, [user_id], [None], [admin_email], [admin_name], [Role.ADMIN], [True], now)
        tx.record(Event("org.organization", Change.CREATED, "Organization", str(org_id)))
        tx.audit("organizationCreate", "Organization", str(org_id), name=name)
    return work


async def organization_update(
    work: Work,
    *,
    expected_version: int,
    name: str | Unset = UNSET,
    managers_see_pay: bool | Unset = UNSET,
    several_spiffs: bool | Unset = UNSET,
    change: CalendarChange | None = None,
) -> int:
    """Change what the organisation is called, what holds for pay, and its calendar; returns the organisation's version.

    A change of the calendar is a new version, in force from its day on whatever earlier versions said. Facts are put
    on the local day that they then fall on, and everybody's numbers from there on are marked.

    Raises `Rejected`: STALE_VERSION when somebody else changed it since, BLANK, TOO_LONG, INVALID_TEXT, OUT_OF_RANGE,
    INVALID_TIME_ZONE, INVALID_HOURS, UNKNOWN_COUNTRY.
    """
    async with work.transaction() as tx:
        row = await tx.row(_org.organization_lock)
        if row is None or row["version"] != expected_version:
            raise Rejected(stale(row["version"] if row else 0))
        old = (row["name"], row["managers_see_pay"], row["several_spiffs"])
        new = (given(name, old[0]), given(managers_see_pay, old[1]), given(several_spiffs, old[2]))
        problems = rules.named(new[0], "input", "name")
        before = await calendar(tx)
        version, wrong = (None, []) if change is None else _next_version(before, change, before.local_day(tx.now))
        if problems or wrong:
            raise Rejected(*problems, *wrong)
        named = ("name", "managersSeePay", "severalSpiffs")
        fields_changed = [field for field, a, b in zip(named, old, new, strict=True) if a != b]
        if version is not None:
            fields_changed.append("calendar")
            await tx.row(_org.calendar_lock)
            await _calendar_add(tx, version)
            await _calendar_project(tx, Calendar((*before.versions, version)))
            for redo in (_org.activity_days_redo, _org.lead_days_redo, _org.deal_days_redo, _org.credit_days_redo):
                await tx.execute(redo)
            # Quotas prorate by workdays: the days of the year before the change count too.
            year = before.period(PeriodKind.YEAR, version.valid_from - 2 * DAY)
            tx.mark(None, max(year.starts_on, CALENDAR_FROM), None)
        if not fields_changed:
            return expected_version
        await tx.execute(_org.organization_save, *new, expected_version + 1)
        key = str(work.viewer.org_id)
        tx.record(Event("org.organization", Change.UPDATED, "Organization", key))
        tx.audit("organizationUpdate", "Organization", key, fields=fields_changed)
        return expected_version + 1


def _next_version(
    calendar: Calendar, change: CalendarChange, today: date
) -> tuple[CalendarVersion | None, list[Problem]]:
    """The version that a change asks for, or what is wrong with it; neither when it says what holds already."""
    latest = calendar.versions[-1]
    valid_from = change.valid_from or today
    problems = []
    if not CALENDAR_FROM <= valid_from < calendar_end(today):
        message = f"A calendar is valid from {CALENDAR_FROM} at the earliest, and within three years."
        problems.append(Problem("OUT_OF_RANGE", message, ("input", "calendar", "validFrom")))
    holidays = latest.holidays
    if not isinstance(change.holidays, Unset):
        holidays = change.holidays.dates
        if change.holidays.country is not None:
            years = range(CALENDAR_FROM.year, today.year + _HOLIDAY_YEARS)
            try:
                holidays |= rules.public_holidays(change.holidays.country, change.holidays.subdivision, years)
            except ValueError as error:
                problems.append(Problem("UNKNOWN_COUNTRY", f"{error}.", ("input", "calendar", "holidays", "country")))
    asked = replace(
        latest,
        version=latest.version + 1,
        valid_from=valid_from,
        time_zone=given(change.time_zone, latest.time_zone),
        week_starts_on=given(change.week_starts_on, latest.week_starts_on),
        fiscal_start_month=given(change.fiscal_start_month, latest.fiscal_start_month),
        fiscal_pattern=given(change.fiscal_pattern, latest.fiscal_pattern),
        workdays=given(change.workdays, latest.workdays),
        opens_at=given(change.opens_at, latest.opens_at),
        closes_at=given(change.closes_at, latest.closes_at),
        holidays=holidays,
    )
    problems += rules.sound_calendar(asked, "input", "calendar")
    same = replace(asked, version=latest.version, valid_from=latest.valid_from) == latest
    return (None if same and valid_from >= latest.valid_from else asked), problems


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
