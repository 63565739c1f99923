"""What is to be written when a calculation differs from the ledger. Pure.

The ledger is never changed: a line that does not hold any more is reversed by a line that names it, and what holds
instead is a line of its own. A calculation knows nothing of locks: they only decide on which statement lines go. Hence
the lines about a period always sum to what its calculation comes to, wherever they stand.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.calendar import Calendar, Period, PeriodKind
from domain.incentives.book import Calculated
from domain.incentives.known import Cell
from domain.incentives.model import LedgerLine
from domain.incentives.outcome import Line, LineKind

NOWHERE = UUID(int=0)
"""Stands for the ids that a line gets when it is written."""


def open_period(
    calendar: Calendar, kind: PeriodKind, starts_on: date, locked: Collection[tuple[PeriodKind, date]]
) -> Period:
    """The period itself, or where it is locked the first one after it that is not (rule 8)."""
    period = calendar.period(kind, starts_on)
    while (kind, period.starts_on) in locked:
        period = calendar.period(kind, period.ends_on)
    return period


def wanted(calculated: Calculated) -> dict[str, Line]:
    """The lines of a calculation by key; what neither counts nor pays is none."""
    return {line.key: line for line in calculated.result.lines if line.amount or line.base}


def reversed_(line: LedgerLine) -> LedgerLine:
    """The line that takes back another one."""
    return replace(
        line,
        line_id=NOWHERE,
        statement_id=NOWHERE,
        kind=LineKind.REVERSAL,
        base=None if line.base is None else -line.base,
        amount=-line.amount,
        calculation_id=None,
        reverses=line.line_id,
    )


def difference(
    cell: Cell, kind: PeriodKind, held: Mapping[str, LedgerLine], calculated: Calculated | None
) -> Iterator[LedgerLine]:
    """The lines that make the ledger agree with a calculation; None where there is nothing to calculate any more.

    What a line is about and what it pays is compared, not the version of the plan that said so: a line stays as long as
    it is right.
    """
    lines = wanted(calculated) if calculated else {}
    stale = {key for key, line in held.items() if key not in lines or not _same(line, lines[key], calculated)}
    for key in sorted(stale):
        yield reversed_(held[key])
    if calculated is None:
        return
    for key, line in sorted(lines.items()):
        if key in stale or key not in held:
            yield LedgerLine(
                line_id=NOWHERE,
                statement_id=NOWHERE,
                rep_id=cell.rep_id,
                period_kind=kind,
                origin_starts_on=cell.starts_on,
                kind=line.kind,
                plan_id=cell.plan_id,
                plan_version=calculated.version,
                component=line.component,
                deal_id=_deal(line.deal),
                key=key,
                base=line.base,
                amount=line.amount,
                currency=calculated.inputs.currency,
                calculation_id=NOWHERE,
                reverses=None,
            )


def _same(held: LedgerLine, line: Line, calculated: Calculated | None) -> bool:
    currency = calculated.inputs.currency if calculated else None
    told = (line.kind.value, line.amount, line.base or Decimal(0), currency)
    return (held.kind.value, held.amount, held.base or Decimal(0), held.currency) == told


def _deal(text: str | None) -> UUID | None:
    """The deal of a line; a credit by hand may be for none."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
