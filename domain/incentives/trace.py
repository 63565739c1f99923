"""A calculation as one JSON document that anybody can execute again, without a database, to the same cent.

It holds the plan, the inputs, every step with its operation, and the lines. The same calculation gives the same
document, whatever the order in which its inputs came.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from domain.errors import Rejected
from domain.incentives.codec import from_json, to_json
from domain.incentives.components import on_curve
from domain.incentives.facts import RATIO_UNIT
from domain.incentives.inputs import Inputs
from domain.incentives.outcome import Result
from domain.incentives.payout import calculate
from domain.incentives.plan import Plan
from domain.incentives.trail import Detail
from domain.money import EXACT

FORMAT = "attain.incentives/1"
ZERO = Decimal(0)


class Mismatch(ValueError):
    """A trace that does not come out as it says, and where."""


def traced(plan: Plan, inputs: Inputs) -> tuple[Result, dict[str, Any]]:
    """The calculation with its trace."""
    inputs = _sorted(inputs)
    result = calculate(plan, inputs, detail=Detail.STEPS)
    trace = {
        "format": FORMAT,
        "plan": to_json(plan),
        "inputs": to_json(inputs),
        "steps": [to_json(step) for step in result.steps],
        "lines": [to_json(line) for line in result.lines],
        "payable": to_json(result.payable),
    }
    return result, trace


def verify(trace: Mapping[str, Any]) -> Decimal:
    """Execute a trace again; returns the payable amount. Raises `Mismatch` naming the first number that differs.

    Twice: each step by its own arithmetic from the steps before it, and the whole from the plan and the inputs.
    """
    if trace.get("format") != FORMAT:
        raise Mismatch(f"This is no trace of the format {FORMAT}.")
    try:
        with localcontext(EXACT):
            payable = _executed(trace["steps"])
            lines = sum((Decimal(line["amount"]) for line in trace["lines"]), ZERO)
        said = Decimal(trace["payable"])
        _, again = traced(from_json(Plan, trace["plan"]), from_json(Inputs, trace["inputs"]))
    except Mismatch:
        raise
    except (Rejected, LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise Mismatch(f"The trace cannot be read: {error}") from error
    if not payable == lines == said:
        raise Mismatch(f"The lines come to {lines}, the steps to {payable}, the trace says {said}.")
    for part in ("steps", "lines"):
        for told, found in zip(trace[part], again[part], strict=False):
            if told != found:
                raise Mismatch(f"{found.get('id') or found.get('key')} comes to {found}, the trace says {told}.")
    if again != trace:
        raise Mismatch("The calculation has other steps or lines than the trace.")
    return payable


def _executed(steps: Sequence[Mapping[str, Any]]) -> Decimal:
    """Each step by its operation alone. Returns the value of the last."""
    known: dict[str, Decimal] = {}
    value = ZERO
    for step in steps:
        if step["value"] is None:
            continue
        said = Decimal(step["value"])
        args = [known[arg[1:]] if arg.startswith("@") else Decimal(arg) for arg in step["args"]]
        value = said if step["op"] == "given" else OPERATIONS[step["op"]](*args)
        if value != said:
            raise Mismatch(f"{step['id']} ({step['label']}) comes to {value}, the trace says {said}.")
        known[step["id"]] = value
    return value


def _product(*args: Decimal) -> Decimal:
    value = Decimal(1)
    for arg in args:
        value *= arg
    return value


def _bracket(base: Decimal, rate: Decimal, start: Decimal, end: Decimal | None = None) -> Decimal:
    width = (base if end is None else min(base, end)) - start
    return width * rate if width > 0 or not start else ZERO


def _within(before: Decimal, amount: Decimal, limit: Decimal) -> Decimal:
    return min(limit, before + amount) - min(limit, before)


OPERATIONS: Mapping[str, Callable[..., Decimal]] = {
    "sum": lambda *args: sum(args, ZERO),
    "difference": lambda whole, part: whole - part,
    "product": _product,
    "ratio": lambda base, quota: (base / quota).quantize(RATIO_UNIT, ROUND_HALF_UP),
    "prorated": lambda amount, part, whole: amount * part / whole,
    "min": min,
    "reached": lambda attained, goal: Decimal(attained >= goal),
    "cliff": lambda amount, base, at: amount if base >= at else ZERO,
    "bracket": _bracket,
    "pieces": lambda *args: sum((width * rate for width, rate in zip(args[::2], args[1::2], strict=True)), ZERO),
    "curve": on_curve,
    "clamp": lambda amount, most: max(-most, min(most, amount)),
    "within": _within,
    "round": lambda amount, unit: amount.quantize(unit, ROUND_HALF_UP),
}
"""What each operation of a step does: all that an independent reader of a trace needs to know."""


def _sorted(inputs: Inputs) -> Inputs:
    """The same inputs in the one order that a trace has."""
    return replace(
        inputs,
        longer=tuple(sorted(inputs.longer)),
        on_plan=tuple(sorted(inputs.on_plan)),
        credits=tuple(sorted(inputs.credits, key=lambda item: (item.day, item.key))),
        standings=tuple(sorted(inputs.standings, key=lambda s: (s.measure, s.kpi or "", s.credits, s.period))),
        scores=tuple(sorted(inputs.scores, key=lambda item: (item.component, item.objective))),
        grants=tuple(sorted(inputs.grants, key=lambda item: item.component or "")),
        cancellations=tuple(sorted(inputs.cancellations, key=lambda item: (item.deal, item.cancelled_on))),
    )
