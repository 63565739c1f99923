"""Days around a change of zone: `Calendar.local_day` and the worked-out days agree on every instant."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.calendar import Calendar, CalendarVersion

CHANGE = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Europe/Berlin", "America/New_York"),
        ("America/New_York", "Europe/Berlin"),
        ("Pacific/Kiritimati", "Pacific/Pago_Pago"),
        ("Pacific/Pago_Pago", "Pacific/Kiritimati"),
    ],
)
def test_an_instant_near_a_change_of_zone_belongs_to_the_latest_day_that_has_begun(old: str, new: str) -> None:
    calendar = Calendar((CalendarVersion(1, date(2010, 1, 1), old), CalendarVersion(2, CHANGE, new)))
    days = list(calendar.days(CHANGE - timedelta(days=5), CHANGE + timedelta(days=5)))
    instant = datetime.combine(CHANGE - timedelta(days=3), datetime.min.time(), UTC)
    for _ in range(6 * 48):
        begun = max(day.day for day in days if day.starts_at <= instant)
        assert calendar.local_day(instant) == begun
        instant += timedelta(minutes=30)
