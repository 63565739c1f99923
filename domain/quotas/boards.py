"""A leaderboard moved."""

from datetime import date
from uuid import UUID

from domain.calendar import PeriodKind
from domain.events import Change, Event
from domain.quotas.model import Measure


def board_data(measure: Measure, kpi_id: UUID | None, kind: PeriodKind, starts_on: date) -> dict[str, object]:
    """What subscriptions tell one board from another by."""
    return {
        "measure": measure,
        "kpi_id": kpi_id and str(kpi_id),
        "period_kind": kind,
        "starts_on": starts_on.isoformat(),
    }


def board_moved(measure: Measure, kpi_id: UUID | None, kind: PeriodKind, starts_on: date) -> Event:
    """A place on a leaderboard may have changed. It names nobody, because boards are open to the organisation."""
    key = f"{measure}:{kpi_id or '-'}:{kind}:{starts_on}"
    data = board_data(measure, kpi_id, kind, starts_on)
    return Event("quotas.leaderboard", Change.UPDATED, "Leaderboard", key, data=data)
