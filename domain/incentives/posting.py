"""Writing lines: to which statement a line goes, what it makes of the totals, and who hears of it."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import datetime
from uuid import UUID

from domain.calendar import Period, PeriodKind
from domain.events import Change, Event
from domain.incentives import stored
from domain.incentives.model import LedgerLine, Statement
from domain.work import Tx, columns
from sql.pool import Record, uuid7
from sql.queries import queries

_statements = queries("statements")

# How many changes a statement has seen when it got its first lines.
_FIRST = 2


async def open_statements(
    tx: Tx, wanted: Sequence[tuple[UUID, Period, str]], inputs_through: datetime
) -> list[Statement]:
    """The statements of reps for periods, in that order and locked; those that are not there yet are made."""
    if not wanted:
        return []
    rows = [(uuid7(), rep, p.kind, p.starts_on, p.ends_on, currency) for rep, p, currency in dict.fromkeys(wanted)]
    await tx.execute(_statements.statements_add, *columns(rows, 6), tx.now, inputs_through)
    keys = [(rep, period.kind, period.starts_on) for rep, period, _ in wanted]
    found = {
        (row["rep_id"], PeriodKind(row["period_kind"]), row["starts_on"]): stored.statement(row)
        for row in await tx.fetch(_statements.statements_found, *columns(list(dict.fromkeys(keys)), 3))
    }
    return [found[key] for key in keys]


async def append(tx: Tx, lines: Sequence[LedgerLine], inputs_through: datetime | None) -> None:
    """Write lines to statements that are not locked, with the totals that follow. An approved one is an estimate again.

    `inputs_through` is how far facts were looked at, None where none were.
    """
    if not lines:
        return
    await tx.execute(_statements.lines_add, *columns([astuple(line) for line in lines], 17), tx.viewer.actor_id, tx.now)
    touched = sorted({line.statement_id for line in lines})
    rows = await tx.fetch(_statements.statements_total, touched, tx.now, inputs_through)
    if len(rows) != len(touched):
        raise RuntimeError("a line was written to a locked statement")
    for row in rows:
        announce(tx, [row], Change.CREATED if row["version"] == _FIRST else Change.UPDATED)


def announce(tx: Tx, rows: Iterable[Record], change: Change) -> None:
    """Tell those who may see the pay of each statement's rep."""
    for row in rows:
        data = {"period_kind": row["period_kind"], "starts_on": row["starts_on"].isoformat(), "state": row["state"]}
        key = str(row["statement_id"])
        tx.record(Event("incentives.statement", change, "Statement", key, row["rep_id"], data=data))
