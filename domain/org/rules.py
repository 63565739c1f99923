"""What makes a name, an address, a calendar acceptable."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.calendar import CalendarVersion
from domain.errors import Problem
from domain.money import quantum

# One @, something on both sides, a dot after it: the address is proved by signing in, not by a pattern.
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s.\x00-\x1f]+")
# Postgres stores no NUL; the others are never meant.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

NAME_LENGTH = 200


def named(name: str, *path: str) -> list[Problem]:
    """A name, key or title is 1 to 200 characters, not blank, without control characters."""
    if not name.strip():
        return [Problem("BLANK", "This must not be blank.", path)]
    if len(name) > NAME_LENGTH:
        return [Problem("TOO_LONG", f"This has at most {NAME_LENGTH} characters.", path)]
    if _CONTROL.search(name):
        return [Problem("INVALID_TEXT", "Leave out control characters.", path)]
    return []


def email_address(email: str, *path: str) -> list[Problem]:
    """Looks like an e-mail address of at most 254 characters."""
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        return [Problem("INVALID_EMAIL", f"{email[:254]!r} is not an e-mail address.", path)]
    return []


def known_currency(currency: str, *path: str) -> list[Problem]:
    """An ISO 4217 code."""
    try:
        quantum(currency)
    except ValueError as error:
        return [Problem("INVALID_CURRENCY", f"{error}.", path)]
    return []


def sound_calendar(version: CalendarVersion, *path: str) -> list[Problem]:
    """The zone exists, days and months are days and months, business closes after it opens."""
    problems = []
    try:
        ZoneInfo(version.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{version.time_zone!r} is not a time zone; write it as Europe/Berlin."
        problems.append(Problem("INVALID_TIME_ZONE", message, (*path, "timeZone")))
    if not 1 <= version.week_starts_on <= 7:
        problems.append(Problem("OUT_OF_RANGE", "Days of the week are 1 (Monday) to 7.", (*path, "weekStartsOn")))
    if not 1 <= version.fiscal_start_month <= 12:
        problems.append(Problem("OUT_OF_RANGE", "Months are 1 to 12.", (*path, "fiscalStartMonth")))
    if not version.workdays or not version.workdays <= set(range(1, 8)):
        message = "Name at least one workday, from 1 (Monday) to 7."
        problems.append(Problem("OUT_OF_RANGE", message, (*path, "workdays")))
    if version.opens_at >= version.closes_at:
        problems.append(Problem("INVALID_HOURS", "Business closes after it opens.", (*path, "closesAt")))
    return problems
