"""Who somebody is, and whom a viewer sees: a rep itself, a manager those below as of the day asked for, others all."""

from datetime import date
from uuid import UUID

from domain.org.model import SCOPES, Role, Viewer
from sql.pool import Session
from sql.queries import queries

_access = queries("access")


async def person(session: Session, email: str) -> Viewer | None:
    """The active user of the organisation with this address; None when there is none."""
    row = await session.row(_access.user_by_email, email)
    if row is None:
        return None
    role = Role(row["role"])
    return Viewer(session.org_id, SCOPES[role], role, row["user_id"], None, row["rep_id"], row["name"])


async def visible_reps(session: Session, viewer: Viewer, day: date) -> frozenset[UUID] | None:
    """The reps that the viewer sees as of a day; None means all of the organisation."""
    if viewer.sees_everybody:
        return None
    own = frozenset({viewer.rep_id} if viewer.rep_id else ())
    if viewer.role is Role.MANAGER:
        own |= {row["rep_id"] for row in await session.fetch(_access.reps_below, viewer.user_id, day)}
    return own


async def visible_teams(session: Session, viewer: Viewer, day: date) -> frozenset[UUID] | None:
    """The teams whose numbers the viewer sees as of a day: a manager's and those below, a rep's own. None means all."""
    if viewer.sees_everybody:
        return None
    if viewer.role is Role.MANAGER:
        rows = await session.fetch(_access.teams_below, viewer.user_id)
    else:
        rows = await session.fetch(_access.team_of_rep, viewer.rep_id, day)
    return frozenset(row["team_id"] for row in rows)
