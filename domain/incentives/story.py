"""A line of a trace as a tree of steps, from the amount down to the deals, as every number of Attain is explained."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from domain.explain import Fact, Step
from domain.incentives.outcome import LineKind, Stage
from domain.incentives.terms import Measure
from domain.money import plain

_OWN = frozenset({Stage.CREDIT, Stage.ATTAINMENT, Stage.RATE, Stage.THRESHOLD})
_PAID = frozenset({Stage.CURRENCY, Stage.DRAW_AND_CLAWBACK, Stage.PAYABLE})
_MONEY = (Measure.REVENUE, Measure.MARGIN)
_NAMELESS: Mapping[str, str] = {}
_LABELS = {
    LineKind.EARNING: "Earned",
    LineKind.TRUE_UP: "Earned for deals of earlier periods",
    LineKind.CAP: "Above the cap of the plan",
    LineKind.DRAW: "Draw",
    LineKind.RECOVERY: "Recovered of draws",
    LineKind.CLAWBACK: "Taken back",
}


def deals_of(trace: Mapping[str, Any]) -> set[str]:
    """The keys of the deals that a trace counts."""
    return {credit["deal"] for credit in trace["inputs"].get("credits", ()) if ":" not in credit["deal"]}


def told(
    trace: Mapping[str, Any], key: str, facts: tuple[Fact, ...] = (), names: Mapping[str, str] = _NAMELESS
) -> list[Step]:
    """The tree of the line with this key; `facts` go to its root. Raises `LookupError` when there is no such line.
    `names`: what deals are called, by their keys; a deal without a name goes by its key.

    A step that several others use stands below the first of them. Of the other deals of the component one sees the
    credits, not what each of them earned.
    """
    line = next((line for line in trace["lines"] if line["key"] == key), None)
    if line is None:
        raise LookupError(f"the trace has no line {key}")
    return list(_Story(trace, line, names).tell(facts))


class _Story:
    """One line of one trace."""

    def __init__(self, trace: Mapping[str, Any], line: Mapping[str, Any], names: Mapping[str, str]) -> None:
        self.trace, self.line, self.names = trace, line, names
        self.steps = {step["id"]: step for step in trace["steps"]}
        self.deals = {credit["key"]: credit["deal"] for credit in trace["inputs"].get("credits", ())}
        self.component = line.get("component")
        self.told: set[str] = set()

    def tell(self, facts: tuple[Fact, ...]) -> Iterator[Step]:
        label = _LABELS[LineKind(self.line["kind"])]
        formula, branches = self._root()
        yield Step("line", None, label, formula, Decimal(self.line["amount"]), self._paid_in(), facts)
        for branch in branches:
            yield from self._below(branch, "line")

    def _root(self) -> tuple[str, list[str]]:
        """How the amount follows, and the steps below it."""
        if self.component is None:
            step = self.steps[self.line["key"]]
            return self._formula(step), [arg[1:] for arg in step["args"] if arg.startswith("@")]
        key = self.component
        parts = self._parts()
        rate, unit = self.steps[f"{key}/converted"]["args"][1], self.steps[f"{key}/payable"]["args"][1]
        formula = f"{self.line['exact']} x {rate}, rounded to {unit}"
        if len(parts) > 1:
            formula += f" so that {len(parts)} lines sum to {self.steps[f'{key}/payable']['value']}"
        mine = parts[self.line["key"]]
        own = [name for name, step in self.steps.items() if name.startswith(f"{key}/") and step["stage"] in _OWN]
        return formula, [mine, *(name for name in reversed(own) if name not in parts.values()), f"{key}/payable"]

    def _parts(self) -> dict[str, str]:
        """The last step of each line of the component."""
        keys = [line["key"] for line in self.trace["lines"] if line.get("component") == self.component]
        return dict(zip(keys, (arg[1:] for arg in self.steps[f"{self.component}/amount"]["args"]), strict=True))

    def _below(self, name: str, parent: str) -> Iterator[Step]:
        """A step that was not told yet, with those that it uses."""
        step = self.steps[name]
        if name in self.told:
            return
        self.told.add(name)
        value = None if step["value"] is None else Decimal(step["value"])
        deal, label = self._deal(step), step["label"]
        if deal is not None and deal in self.names:
            label = label.replace(f"Deal {deal}", self.names[deal], 1)
        facts = () if deal is None else (Fact("Deal", deal, label, value),)
        yield Step(name, parent, label, self._formula(step), value, self._unit(step), facts)
        others = set(self._parts().values()) if name == f"{self.component}/amount" else set()
        for arg in step["args"]:
            if arg.startswith("@") and arg[1:] not in others:
                yield from self._below(arg[1:], name)

    def _deal(self, step: Mapping[str, Any]) -> str | None:
        """The deal of a credit. A credit by hand has none."""
        deal: str | None = self.deals.get(step["id"].partition("/credit/")[2])
        return None if deal is None or ":" in deal else deal

    def _formula(self, step: Mapping[str, Any]) -> str:
        values = [self.steps[arg[1:]]["value"] if arg.startswith("@") else arg for arg in step["args"]]
        return FORMULAS[step["op"]](values)

    def _unit(self, step: Mapping[str, Any]) -> str:
        name, stage = step["id"], Stage(step["stage"])
        if stage in _PAID:
            return self._paid_in()
        if stage is Stage.ELIGIBILITY:
            return "DAYS"
        if step["op"] in ("ratio", "reached"):
            return "RATIO" if step["op"] == "ratio" else ""
        counts = stage in (Stage.CREDIT, Stage.ATTAINMENT) or step["label"] == "Below the threshold"
        return self._counted(name) if counts else str(self.trace["plan"]["currency"])

    def _counted(self, name: str) -> str:
        """What the measure of a step's component counts."""
        components = {component["key"]: component for component in self.trace["plan"]["components"]}
        component = components[name.partition("/")[0]]
        default = Measure.UNITS if component["type"] == "SPIFF" else Measure.REVENUE
        measure = component.get("measure", default)
        return str(self.trace["plan"]["currency"]) if measure in _MONEY else "COUNT"

    def _paid_in(self) -> str:
        return str(self.trace["inputs"]["currency"])


def _joined(values: Sequence[str], sign: str) -> str:
    shown = values if len(values) <= _MOST else [*values[: _MOST - 1], f"{len(values) - _MOST + 1} more"]
    return sign.join(shown)


def _bracket(values: Sequence[str]) -> str:
    base, rate, start, *end = values
    part = f"the part of {base} from {start}" + (f" to {end[0]}" if end else "")
    return f"{part if start != '0' or end else base} x {rate}"


def _pieces(values: Sequence[str]) -> str:
    pairs = [f"{width} x {rate}" for width, rate in zip(values[::2], values[1::2], strict=True)]
    return _joined(pairs, " + ") or plain(Decimal(0))


_MOST = 12

FORMULAS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "given": lambda _: "",
    "sum": lambda values: _joined(values, " + ") or plain(Decimal(0)),
    "difference": lambda values: f"{values[0]} - {values[1]}",
    "product": lambda values: _joined(values, " x "),
    "ratio": lambda values: f"{values[0]} / {values[1]}",
    "prorated": lambda values: f"{values[0]} x {values[1]} / {values[2]}",
    "min": lambda values: f"the smaller of {values[0]} and {values[1]}",
    "reached": lambda values: f"{values[0]} of {values[1]}",
    "cliff": lambda values: f"{values[0]} once {values[1]} is at least {values[2]}",
    "bracket": _bracket,
    "pieces": _pieces,
    "curve": lambda v: f"{v[0]} x ({v[1]} + {v[2]} x ({v[4]} / {v[5]} - {v[3]}))",
    "clamp": lambda values: f"{values[0]}, at most {values[1]}",
    "within": lambda values: f"what {values[2]} leaves of {values[1]} after {values[0]}",
    "round": lambda values: f"{values[0]} rounded half up to {values[1]}",
}
"""The operations of a trace in words and numbers."""
