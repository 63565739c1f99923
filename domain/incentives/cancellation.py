"""Deals that a locked period paid for and that are won no more, under a plan with clawback windows (rows 17, 18).

What was locked stays: the deal's credits go on counting in its period. A line in the period of the cancellation takes
back the share of the window. Without windows a cancelled deal is a difference like any other. What was never locked was
never owed: there the deal's lines are just reversed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.calendar import PeriodKind
from domain.incentives.book import Book
from domain.incentives.codec import from_json, to_json
from domain.incentives.inputs import BY_HAND, Inputs
from domain.incentives.known import Cancelled, Cell
from domain.incentives.model import LedgerLine
from domain.incentives.outcome import LineKind
from domain.work import Tx, columns
from sql.queries import queries

_earnings = queries("earnings")

_PAID = (LineKind.EARNING, LineKind.TRUE_UP)


async def cancellations(
    tx: Tx,
    book: Book,
    held: Mapping[Cell, Mapping[str, LedgerLine]],
    locked: Collection[tuple[PeriodKind, date]],
) -> Book:
    """Notes deals newly found cancelled, forgets those that are won again; returns the book with those that hold."""
    # What was credited by hand stays credited: it neither keeps a deal won, nor is it lost with it.
    won = {
        rep_id: {sold.credit.deal for sold in sold_ if not sold.credit.by_hand} for rep_id, sold_ in book.sold.items()
    }
    back = [
        (rep_id, plan_id, gone.origin, gone.deal_id)
        for (rep_id, plan_id), gones in book.cancelled.items()
        for gone in gones
        if str(gone.deal_id) in won.get(rep_id, ())
    ]
    if back:
        await tx.execute(_earnings.cancellations_remove, *columns(back, 4))
    stay = {
        key: [gone for gone in gones if (*key, gone.origin, gone.deal_id) not in back]
        for key, gones in book.cancelled.items()
    }
    known = {(*key, gone.origin, gone.deal_id) for key, gones in stay.items() for gone in gones}
    missed: dict[tuple[Cell, UUID], list[LedgerLine]] = defaultdict(list)
    for cell, lines in held.items():
        governing = book.plans[cell.plan_id].governs(book.period(book.plans[cell.plan_id].kind, cell.starts_on))
        if governing is None or not governing[1].clawback:
            continue
        if (book.plans[cell.plan_id].kind, cell.starts_on) not in locked:
            continue
        for line in lines.values():
            deal_id = line.deal_id
            if deal_id is None or line.kind not in _PAID or str(deal_id) in won.get(cell.rep_id, ()):
                continue
            if line.key.partition(":")[2].startswith(BY_HAND):
                continue
            if (cell.rep_id, cell.plan_id, cell.starts_on, deal_id) not in known:
                missed[cell, deal_id].append(line)
    for (rep_id, plan_id), gone in await _found(tx, book, missed):
        stay.setdefault((rep_id, plan_id), []).append(gone)
    return replace(book, cancelled=stay)


async def _found(
    tx: Tx, book: Book, missed: Mapping[tuple[Cell, UUID], list[LedgerLine]]
) -> list[tuple[tuple[UUID, UUID], Cancelled]]:
    """Those of the missed deals that are won no more, as they stood in the calculation that paid for them."""
    if not missed:
        return []
    rows = await tx.fetch(_earnings.deals_lost, list({deal_id for _, deal_id in missed}))
    lost = {row["deal_id"]: book.calendar.local_day(row["received_at"]) for row in rows}
    gone = {key: lines for key, lines in missed.items() if key[1] in lost}
    ids = {line.calculation_id for lines in gone.values() for line in lines if line.calculation_id is not None}
    inputs = {
        row["calculation_id"]: from_json(Inputs, row["inputs"])
        for row in await tx.fetch(_earnings.calculations, list(ids))
    }
    found = []
    for (cell, deal_id), lines in sorted(gone.items(), key=lambda item: item[0]):
        # The newest line stands for the calculation that was paid.
        last = max(lines, key=lambda line: line.line_id)
        if last.calculation_id is None:
            continue
        credits_ = tuple(c for c in inputs[last.calculation_id].credits if c.deal == str(deal_id) and not c.by_hand)
        closed_on = min(credit.day for credit in credits_)
        paid = sum((line.amount for line in lines), Decimal(0))
        cancelled_on = max(closed_on, lost[deal_id])
        found.append(
            (
                (cell.rep_id, cell.plan_id),
                Cancelled(deal_id, cell.starts_on, closed_on, cancelled_on, paid, credits_),
            )
        )
    rows_ = [
        (
            *key,
            c.origin,
            c.deal_id,
            c.closed_on,
            c.cancelled_on,
            c.paid,
            {"of": [to_json(credit) for credit in c.credits]},
        )
        for key, c in found
    ]
    if rows_:
        await tx.execute(_earnings.cancellations_add, *columns(rows_, 8))
    return found
