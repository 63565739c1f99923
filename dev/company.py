"""Who is in a development database: what `attain up` prints tokens for."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.calendar import CalendarVersion
from domain.errors import Rejected
from domain.org.actions import CALENDAR_FROM, organization_create
from domain.org.keys import api_key_create
from domain.org.model import Move, RepItem, Role, Scope, TeamItem, UserItem, UserKey
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from domain.work import Work
from sql.pool import Database
from sql.queries import queries

# What a partner who feeds the CRM and shows the results needs.
PARTNER = frozenset(
    {
        Scope.ORG_READ,
        Scope.PIPELINE_READ,
        Scope.PIPELINE_WRITE,
        Scope.QUOTAS_READ,
        Scope.SCORECARDS_READ,
        Scope.FEED_READ,
    }
)


@dataclass(frozen=True, slots=True)
class Company:
    """An organisation, one person's e-mail address for each of `admin`, `manager`, `rep`, and a partner's API key."""

    org_id: UUID
    emails: dict[str, str]
    partner_key: str


async def adopt(db: Database, now: datetime) -> Company | None:
    """Who is in a database that was restored: somebody of each role, and a new key. None when there is nobody."""
    organizations = await db.system(queries("live").organizations)
    if not organizations:
        return None
    org_id = UUID(str(organizations[0]["org_id"]))
    emails: dict[str, str] = {}
    async with db.session(org_id) as session:
        for role in (Role.ADMIN, Role.MANAGER, Role.REP):
            email = await session.value(queries("access").user_of_role, role)
            if email is not None:
                emails[role.lower()] = email
    _, key = await api_key_create(Work.system(db, org_id, now), name="Partner", scopes=PARTNER, expires_at=None)
    return Company(org_id, emails, key)


async def found(db: Database, now: datetime) -> Company:
    """The smallest organisation that has everybody: what `--no-demo` starts with."""
    emails = {role: f"{role}@company.example" for role in ("admin", "manager", "rep")}
    work = await organization_create(
        db,
        name="My Company",
        currency="USD",
        calendar=CalendarVersion(1, CALENDAR_FROM, "America/New_York"),
        now=now,
        admin_email=emails["admin"],
        admin_name="Ada Admin",
    )
    manager, rep = UserKey(emails["manager"]), UserKey(emails["rep"])
    people = [UserItem(emails["manager"], "Max Manager", Role.MANAGER), UserItem(emails["rep"], "Rae Rep", Role.REP)]
    today = now.date()
    for stored in (
        await users_upsert(work, people),
        await teams_upsert(work, [TeamItem("sales", "Sales", manager=manager)]),
        await reps_upsert(work, [RepItem("rae", "Rae Rep", hired_on=today, user=rep, team=Move("sales"))]),
    ):
        if stored.problems:
            raise Rejected(*stored.problems)
    _, key = await api_key_create(work, name="Partner", scopes=PARTNER, expires_at=None)
    return Company(work.viewer.org_id, emails, key)
