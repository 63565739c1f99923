"""Rules and items as they come back from rows."""

from datetime import date

from pydantic import TypeAdapter

from domain.feed.model import ActionItem, Definition, DismissReason, Evidence, Kind, Rule, Status
from domain.scorecards.formula import formula_from_json
from domain.scorecards.model import Category, Direction, Kpi, Unit
from domain.work import Tx
from sql.pool import Record
from sql.queries import queries

_feed = queries("feed")

DEFINITION = TypeAdapter(Definition)
EVIDENCE = TypeAdapter(Evidence)


async def rules_on(tx: Tx, day: date) -> list[tuple[Rule, Kpi]]:
    """The rules in force on a day, retired ones too, each with its KPI as defined then; by key."""
    return [(rule(row), kpi(row)) for row in await tx.fetch(_feed.rules_on, day)]


async def rule_versions_add(tx: Tx, versions: list[Rule]) -> None:
    """Store versions of rules that exist."""
    columns: list[list[object]] = [
        [r.rule_id for r in versions],
        [r.version for r in versions],
        [r.valid_from for r in versions],
        [r.active for r in versions],
        [r.name for r in versions],
        [r.kpi_id for r in versions],
        [r.definition for r in versions],
    ]
    await tx.execute(_feed.rule_versions_add, *columns, tx.viewer.actor_id, tx.now)


def rule(row: Record) -> Rule:
    """A version of a rule."""
    return Rule(
        rule_id=row["rule_id"],
        key=row["key"],
        version=row["version"],
        valid_from=row["valid_from"],
        active=row["active"],
        name=row["name"],
        kpi_id=row["kpi_id"],
        definition=DEFINITION.validate_python(row["definition"]),
    )


def kpi(row: Record) -> Kpi:
    """The KPI beside a rule."""
    return Kpi(
        kpi_id=row["kpi_id"],
        key=row["kpi_key"],
        version=row["kpi_version"],
        valid_from=row["kpi_valid_from"],
        name=row["kpi_name"],
        description=row["description"],
        category=Category(row["category"]),
        unit=Unit(row["unit"]),
        direction=Direction(row["direction"]),
        leading=row["is_leading"],
        prorated=row["prorated"],
        window_weeks=row["window_weeks"],
        formula=formula_from_json(row["formula"]),
    )


def item(row: Record) -> ActionItem:
    """An item; its evidence is read where it is asked for."""
    return ActionItem(
        item_id=row["item_id"],
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        title=row["title"],
        body=row["body"],
        rep_id=row["rep_id"],
        assignee_id=row["assignee_id"],
        kpi_id=row["kpi_id"],
        rule_id=row["rule_id"],
        rule_version=row["rule_version"],
        week=row["week"],
        priority=row["priority"],
        due_on=row["due_on"],
        snoozed_until=row["snoozed_until"],
        outcome=row["outcome"],
        dismiss_reason=DismissReason(row["dismiss_reason"]) if row["dismiss_reason"] else None,
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        closed_at=row["closed_at"],
    )
