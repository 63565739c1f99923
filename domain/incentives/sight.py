"""Whose pay a viewer sees.

Its own; a compensation admin and a key with the scope everybody's; a manager that of the reps below where the
organisation says so. An admin administers and sees none but its own.
"""

from datetime import date
from uuid import UUID

from domain.org.model import Role, Scope, Viewer
from domain.org.sight import visible_reps
from sql.pool import Session
from sql.queries import queries

_incentives = queries("incentives")


async def visible_pay(session: Session, viewer: Viewer, day: date) -> frozenset[UUID] | None:
    """The reps whose pay the viewer sees as of a day; None means all of the organisation."""
    if viewer.sees_all_pay:
        return None
    if Scope.INCENTIVES_READ not in viewer.scopes:
        return frozenset()
    if viewer.role is Role.MANAGER and await session.value(_incentives.managers_see_pay):
        return await visible_reps(session, viewer, day)
    return frozenset({viewer.rep_id} if viewer.rep_id else ())
