"""Payroll: what a locked period pays to whom, as CSV and JSON, the same bytes however often it is asked for."""

import csv
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from domain.calendar import Period, PeriodKind
from domain.errors import reject
from domain.events import Change, Event
from domain.incentives.model import Export
from domain.money import quantum
from domain.org import actions as org
from domain.work import Work
from sql.pool import Record, uuid7
from sql.queries import queries

_statements = queries("statements")

COLUMNS = ("period", "rep", "name", "currency", "earned", "carried", "adjusted", "drawn", "total")
"""One row a statement; `rep` is the external id."""


async def payroll_export(work: Work, kind: PeriodKind, starts_on: date) -> Export:
    """Export a locked period. Every run has an id; all but the first say which one they repeat, and give its bytes.

    Raises `Rejected` NOT_LOCKED.
    """
    async with work.transaction() as tx:
        await tx.execute(_statements.ledger_lock)
        if await tx.row(_statements.period_locked, kind, starts_on) is None:
            raise reject("NOT_LOCKED", "Lock the period first: an export is of what does not change.", "period")
        runs = await tx.fetch(_statements.exports_of_period, kind, starts_on)
        export_id = uuid7()
        if runs:
            first = runs[0]
            totals = {currency: Decimal(amount) for currency, amount in first["totals"].items()}
            files = (first["csv"], first["json"])
            count, repeats = first["rows"], first["export_id"]
        else:
            period = (await org.calendar(tx)).period(kind, starts_on)
            rows = await tx.fetch(_statements.payroll_rows, kind, starts_on)
            totals = control_totals(rows)
            files = (as_csv(period, rows), as_json(period, rows, totals))
            count, repeats = len(rows), None
        export = Export(
            export_id, kind, starts_on, len(runs) + 1, repeats, count, totals, files[0].encode(), files[1].encode()
        )
        await tx.execute(
            _statements.export_add,
            export_id,
            kind,
            starts_on,
            export.run,
            repeats,
            count,
            totals,
            *((None, None) if runs else files),
            hashlib.sha256(export.csv).digest(),
            hashlib.sha256(export.json).digest(),
            tx.viewer.actor_id,
            tx.now,
        )
        tx.record(Event("incentives.export", Change.CREATED, "PayrollExport", str(export_id)))
        tx.audit("payrollExport", "PayrollExport", str(export_id), run=export.run)
        return export


def control_totals(rows: Sequence[Record]) -> dict[str, Decimal]:
    """The sum of what is paid, by currency."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        totals[row["currency"]] += row["total"]
    return dict(sorted(totals.items()))


def as_csv(period: Period, rows: Sequence[Record]) -> str:
    """RFC 4180, with a header; keys and names as `inert` writes them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        period_key, rep, name, *rest = _cells(period, row)
        writer.writerow([period_key, inert(rep), inert(name), *rest])
    return text.getvalue()


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe stands before one that begins like one."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def as_json(period: Period, rows: Sequence[Record], totals: dict[str, Decimal]) -> str:
    """An object with the period, the control totals and the rows; amounts are decimal strings."""
    document = {
        "period": {"key": period.key, "startsOn": period.starts_on.isoformat(), "endsOn": period.ends_on.isoformat()},
        "controlTotals": {currency: _money(amount, currency) for currency, amount in totals.items()},
        "rows": [dict(zip(COLUMNS, _cells(period, row), strict=True)) for row in rows],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _cells(period: Period, row: Record) -> list[str]:
    currency = row["currency"]
    return [
        period.key,
        row["external_id"],
        row["name"],
        currency,
        *(_money(row[name], currency) for name in COLUMNS[4:]),
    ]


def _money(amount: Decimal, currency: str) -> str:
    """With the digits of the currency's minor unit, of which amounts are multiples."""
    return format(amount.quantize(quantum(currency)), "f")
