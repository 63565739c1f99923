"""What the organisation accepts."""

from dataclasses import replace
from datetime import date, time

import pytest

from domain.calendar import CalendarVersion
from domain.errors import Problem
from domain.org import rules

SOUND = CalendarVersion(1, date(2010, 1, 1), "Europe/Berlin")


def codes(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.code, ".".join(problem.path)) for problem in problems]


def test_a_sound_calendar_has_no_problems() -> None:
    assert rules.sound_calendar(SOUND, "calendar") == []


@pytest.mark.parametrize(
    ("calendar", "problem"),
    [
        (replace(SOUND, time_zone="Europe/Nowhere"), ("INVALID_TIME_ZONE", "calendar.timeZone")),
        (replace(SOUND, time_zone="../etc/passwd"), ("INVALID_TIME_ZONE", "calendar.timeZone")),
        (replace(SOUND, time_zone=""), ("INVALID_TIME_ZONE", "calendar.timeZone")),
        (replace(SOUND, week_starts_on=0), ("OUT_OF_RANGE", "calendar.weekStartsOn")),
        (replace(SOUND, fiscal_start_month=13), ("OUT_OF_RANGE", "calendar.fiscalStartMonth")),
        (replace(SOUND, workdays=frozenset()), ("OUT_OF_RANGE", "calendar.workdays")),
        (replace(SOUND, workdays=frozenset({1, 8})), ("OUT_OF_RANGE", "calendar.workdays")),
        (replace(SOUND, closes_at=time(9)), ("INVALID_HOURS", "calendar.closesAt")),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_where_it_is_wrong(
    calendar: CalendarVersion, problem: tuple[str, str]
) -> None:
    assert codes(rules.sound_calendar(calendar, "calendar")) == [problem]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b"])
def test_a_name_is_1_to_200_printable_characters(name: str) -> None:
    assert rules.named(name, "name")


@pytest.mark.parametrize("email", ["", "ann", "ann@", "@b.co", "a b@c.de", "a@b", "a@b@c.de", "a" * 250 + "@b.co"])
def test_what_is_no_address_is_refused(email: str) -> None:
    assert codes(rules.email_address(email, "email")) == [("INVALID_EMAIL", "email")]


@pytest.mark.parametrize("email", ["ann@example.com", "a.b+c@sub.example.co.uk", "ü@bücher.example"])
def test_addresses_pass(email: str) -> None:
    assert rules.email_address(email, "email") == []


def test_a_currency_is_an_iso_code() -> None:
    assert rules.known_currency("JPY", "currency") == []
    assert codes(rules.known_currency("QQQ", "currency")) == [("INVALID_CURRENCY", "currency")]
