"""Exports to payroll."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry

import api.graph.incentives.enums  # noqa: F401  describes the enums before the types show them
from api.context import Context
from api.graph.org.types import Rep, User, reps_by_id, users_by_id
from api.loaders import loads
from api.periods import Period
from api.relay import Node, global_id
from api.scalars import CurrencyCode, Money
from domain.calendar import Calendar, PeriodKind
from domain.incentives.reconcile import Finding, Kind
from sql.pool import Record
from sql.queries import queries

_read = queries("incentive_read")


async def exports_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[PayrollExport | None]":
    """Exports, for those who see everybody's pay."""
    if await ctx.pay_sight() is not None:
        return [None] * len(ids)
    rows = await ctx.fetch(_read.exports_page, list(ids), None, None, None, len(ids))
    calendar = await ctx.calendar()
    found = {row["export_id"]: PayrollExport.of(row, calendar) for row in rows}
    return [found.get(export_id) for export_id in ids]


async def _files(ctx: Context, ids: Sequence[UUID]) -> list[tuple[str, str]]:
    found = {row["export_id"]: (row["csv"], row["json"]) for row in await ctx.fetch(_read.export_files, list(ids))}
    return [found[export_id] for export_id in ids]


async def _csv(ctx: Context, ids: Sequence[UUID]) -> list[str]:
    return [csv for csv, _ in await _files(ctx, ids)]


async def _json(ctx: Context, ids: Sequence[UUID]) -> list[str]:
    return [json for _, json in await _files(ctx, ids)]


@strawberry.type(description="A run of a payroll export. A period's first run is kept; later ones give the same bytes.")
class PayrollExport(Node):
    export_id: strawberry.Private[UUID]
    repeats_id: strawberry.Private[UUID | None]
    created_by_id: strawberry.Private[UUID | None]
    period: Period = strawberry.field(description="The locked period.")
    run: int = strawberry.field(description="Counts the runs of the period, from 1.")
    rows: int = strawberry.field(description="How many statements it has.")
    totals: list[Money] = strawberry.field(description="Control totals: the sum of what is paid, by currency.")
    csv_sha256: str = strawberry.field(description="Of the CSV file, in hexadecimal.")
    json_sha256: str = strawberry.field(description="Of the JSON file, in hexadecimal.")
    created_at: datetime = strawberry.field(description="When it was made.")
    csv: str = loads(_csv, "export_id", description="The file: a line a statement.")
    json: str = loads(_json, "export_id", description="The same as JSON text.")
    created_by: User | None = loads(
        users_by_id, "created_by_id", description="Who made it. Null when it was not a person."
    )
    repeats: "PayrollExport | None" = loads(
        exports_by_id, "repeats_id", description="The first run, whose bytes this one gives again. Null for that one."
    )

    @classmethod
    def of(cls, row: Record, calendar: Calendar) -> "PayrollExport":
        """From a row of `payroll_export`."""
        return cls(
            id=global_id("PayrollExport", row["export_id"]),
            export_id=row["export_id"],
            repeats_id=row["repeats"],
            created_by_id=row["created_by"],
            period=Period.of(calendar.period(PeriodKind(row["period_kind"]), row["starts_on"])),
            run=row["run"],
            rows=row["rows"],
            totals=[
                Money(amount=Decimal(amount), currency=CurrencyCode(currency))
                for currency, amount in sorted(row["totals"].items())
            ],
            csv_sha256=row["csv_sha256"].hex(),
            json_sha256=row["json_sha256"].hex(),
            created_at=row["created_at"],
        )


@strawberry.type(description="Something that does not agree between deals, credits, ledger, statements and exports.")
class ReconciliationFinding:
    rep_id: strawberry.Private[UUID | None]
    kind: Kind = strawberry.field(description="What does not agree.")
    subject: str = strawberry.field(description="Where: a deal, a statement, a line, a plan's period, an export.")
    expected: str = strawberry.field(description="What there should be.")
    found: str = strawberry.field(description="What there is.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="Whose pay. Null where it is not about one rep.")

    @classmethod
    def of(cls, finding: Finding) -> "ReconciliationFinding":
        """As the domain has it."""
        return cls(
            rep_id=finding.rep_id,
            kind=finding.kind,
            subject=finding.subject,
            expected=finding.expected,
            found=finding.found,
        )
