"""Stored rows as models, and back."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.calendar import Period, PeriodKind
from domain.quotas.model import (
    Measure,
    PaceBasis,
    Plan,
    PlanLine,
    PlanMethod,
    PlanRequest,
    PlanStatus,
    ProrationBasis,
    Quota,
    Subject,
    Target,
    Terms,
)
from sql.pool import Record

Row = Record | Mapping[str, Any]


def target_from_row(row: Row) -> Target:
    """What a quota is for."""
    return Target(
        Subject(row["subject"]),
        row["subject_id"],
        Measure(row["measure"]),
        row["kpi_id"],
        PeriodKind(row["period_kind"]),
        row["starts_on"],
    )


def terms_from_row(row: Row) -> Terms:
    """What a version of a quota says."""
    return Terms(
        row["amount"],
        tuple(row["seasonality"]),
        ProrationBasis(row["proration_basis"]),
        PaceBasis(row["pace_basis"]),
        tuple(row["ramp"]),
    )


def quota_from_row(row: Row) -> Quota:
    """A quota with its version in force."""
    return Quota(
        row["quota_id"], target_from_row(row), row["ends_on"], row["version"], terms_from_row(row), row["currency"]
    )


def plan_to_json(plan: Plan) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The method and the lines as they are stored, decimals as strings. `plan_from_row` reads them back."""
    request, terms = plan.request, plan.request.terms
    method = {
        "method": request.method,
        "total": request.total,
        "growth": request.growth,
        "history_periods": request.history_periods,
        "over_assignment": request.over_assignment,
        "seasonality": terms.seasonality,
        "proration_basis": terms.proration_basis,
        "pace_basis": terms.pace_basis,
        "ramp": terms.ramp,
        "period_key": request.period.key,
    }
    lines = [
        {"subject": line.subject, "subject_id": str(line.subject_id), "amount": line.amount, "history": line.history}
        for line in plan.lines
    ]
    return method, lines


def plan_from_row(row: Row) -> Plan:
    """A stored proposal."""
    method = row["method"]
    terms = terms_from_row(
        {
            **method,
            "amount": Decimal(0),
            "seasonality": [Decimal(weight) for weight in method["seasonality"]],
            "ramp": [Decimal(share) for share in method["ramp"]],
        }
    )
    request = PlanRequest(
        row["name"],
        Subject(row["subject"]),
        row["subject_id"],
        Measure(row["measure"]),
        Period(row["starts_on"], row["ends_on"], PeriodKind(row["period_kind"]), method["period_key"]),
        PlanMethod(method["method"]),
        _decimal(method["total"]),
        Decimal(method["growth"]),
        method["history_periods"],
        Decimal(method["over_assignment"]),
        terms,
    )
    lines = tuple(
        PlanLine(Subject(line["subject"]), UUID(line["subject_id"]), Decimal(line["amount"]), _decimal(line["history"]))
        for line in row["lines"]
    )
    return Plan(
        row["plan_id"],
        request,
        lines,
        PlanStatus(row["status"]),
        row["version"],
        row["proposed_at"],
        row["approved_at"],
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
