"""Stored rows as models."""

from collections.abc import Sequence
from uuid import UUID

from domain.calendar import PeriodKind
from domain.incentives.codec import from_json
from domain.incentives.model import (
    Dispute,
    DisputeStatus,
    LedgerLine,
    PlanVersion,
    State,
    Statement,
    StoredPlan,
)
from domain.incentives.outcome import LineKind
from domain.incentives.plan import Plan
from sql.pool import Record, Session
from sql.queries import queries

_incentives = queries("incentives")


async def versions_of(session: Session, plan_ids: Sequence[UUID] | None) -> list[PlanVersion]:
    """Every published version of some plans (None: of all), by plan and number."""
    rows = await session.fetch(_incentives.plan_versions, plan_ids)
    return [plan_version(row) for row in rows]


def plan_version(row: Record) -> PlanVersion:
    """A published version."""
    return PlanVersion(
        row["plan_id"], row["version"], from_json(Plan, row["document"]), row["published_by"], row["published_at"]
    )


def stored_plan(row: Record) -> StoredPlan:
    """A plan as it stands."""
    return StoredPlan(
        row["plan_id"],
        row["key"],
        row["name"],
        PeriodKind(row["period_kind"]),
        row["published"],
        None if row["draft"] is None else from_json(Plan, row["draft"]),
        row["archived_on"],
        row["version"],
    )


def statement(row: Record) -> Statement:
    """A statement as it stands."""
    return Statement(
        row["statement_id"],
        row["rep_id"],
        PeriodKind(row["period_kind"]),
        row["starts_on"],
        row["ends_on"],
        row["currency"],
        State(row["state"]),
        row["earned"],
        row["carried"],
        row["adjusted"],
        row["drawn"],
        row["total"],
        row["version"],
    )


def ledger_line(row: Record) -> LedgerLine:
    """A line of the ledger."""
    return LedgerLine(
        row["line_id"],
        row["statement_id"],
        row["rep_id"],
        PeriodKind(row["period_kind"]),
        row["origin_starts_on"],
        LineKind(row["kind"]),
        row["plan_id"],
        row["plan_version"],
        row["component"],
        row["deal_id"],
        row["key"],
        row["base"],
        row["amount"],
        row["currency"],
        row["calculation_id"],
        row["reverses"],
        row["reason"],
    )


def dispute(row: Record) -> Dispute:
    """A dispute as it stands."""
    return Dispute(
        row["dispute_id"],
        row["rep_id"],
        row["statement_id"],
        row["line_id"],
        DisputeStatus(row["status"]),
        row["item_id"],
        row["version"],
    )
