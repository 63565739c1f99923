"""Who is in a development database: what `attain up` prints tokens for."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.calendar import CalendarVersion
from domain.org.actions import CALENDAR_FROM, organization_create
from sql.pool import Database


@dataclass(frozen=True, slots=True)
class Company:
    """An organisation, one person's e-mail address for each of `admin`, `manager`, `rep`, and a partner's API key."""

    org_id: UUID
    emails: dict[str, str]
    partner_key: str


async def found(db: Database, now: datetime) -> Company:
    """The smallest organisation that has everybody: what `--no-demo` starts with."""
    work = await organization_create(
        db,
        name="My Company",
        currency="USD",
        calendar=CalendarVersion(1, CALENDAR_FROM, "America/New_York"),
        now=now,
        admin_email="admin@company.example",
        admin_name="Ada Admin",
    )
    return Company(work.viewer.org_id, {"admin": "admin@company.example"}, "")
