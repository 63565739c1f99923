"""How a line came to be: the calculation that it was written from, executed again, as one document."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.incentives import stored
from domain.incentives.codec import from_json
from domain.incentives.inputs import Inputs
from domain.incentives.model import LedgerLine
from domain.incentives.outcome import LineKind
from domain.incentives.plan import Plan
from domain.incentives.trace import Mismatch, traced, verify
from sql.pool import Session
from sql.queries import queries

_earnings = queries("earnings")
_statements = queries("statements")


@dataclass(frozen=True, slots=True)
class Explained:
    """A line with the trace of its calculation, in which it stands under its key. A reversal has the trace of the line
    that it takes back; an adjustment has a reason and no trace."""

    line: LedgerLine
    trace: dict[str, Any] | None

    def document(self) -> dict[str, Any]:
        """What `verified` reads, as JSON."""
        line = self.line
        return {
            "line": {
                "id": str(line.line_id),
                "key": line.key,
                "kind": line.kind.value,
                "amount": format(line.amount, "f"),
                "currency": line.currency,
                "planVersion": line.plan_version,
                "reason": line.reason,
            },
            "trace": self.trace,
        }


async def explain(session: Session, line_ids: Sequence[UUID]) -> dict[UUID, Explained]:
    """The lines that there are of these, each with its trace; two statements more than one, however many."""
    lines = {row["line_id"]: stored.ledger_line(row) for row in await session.fetch(_statements.lines_by_id, line_ids)}
    undone = [line.reverses for line in lines.values() if line.reverses is not None]
    originals = {
        row["line_id"]: stored.ledger_line(row)
        for row in (await session.fetch(_statements.lines_by_id, undone) if undone else ())
    }
    of = {line_id: originals.get(line.reverses, line) if line.reverses else line for line_id, line in lines.items()}
    wanted = list({line.calculation_id for line in of.values() if line.calculation_id is not None})
    traces = {}
    for row in await session.fetch(_earnings.calculations, wanted) if wanted else ():
        _, trace = traced(from_json(Plan, row["document"]), from_json(Inputs, row["inputs"]))
        traces[row["calculation_id"]] = trace
    return {
        line_id: Explained(line, traces.get(source.calculation_id) if source.calculation_id else None)
        for (line_id, line), source in zip(lines.items(), of.values(), strict=True)
    }


def verified(document: dict[str, Any]) -> Decimal:
    """Execute an explained line again, without a database; returns its amount.

    Raises `Mismatch` naming what differs: a step, a line, or the amount of this one.
    """
    try:
        line, trace = document["line"], document["trace"]
        said, key, kind = Decimal(line["amount"]), line["key"], LineKind(line["kind"])
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise Mismatch(f"This is no explained line: {error}") from error
    if trace is None:
        if kind is LineKind.ADJUSTMENT:
            return said
        raise Mismatch("The line has no trace.")
    verify(trace)
    found = {one["key"]: Decimal(one["amount"]) for one in trace["lines"]}
    if key not in found:
        raise Mismatch(f"The calculation has no line {key}.")
    amount = -found[key] if kind is LineKind.REVERSAL else found[key]
    if amount != said:
        raise Mismatch(f"The line {key} comes to {amount}, not to {said}.")
    return amount
