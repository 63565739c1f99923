"""How a number came to be: a tree of steps from the result down to the facts, with the versions that were used."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Fact:
    """Something stored that a step read: the node, what it contributed, and what a reader should know of it.

    `node_type` and `node_key` make the node's global id. `value` is in the unit of the step, or None where the fact is
    a definition (a quota's version, a KPI's version).
    """

    node_type: str
    node_key: str
    label: str
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One number of the tree. `id` is unique within the tree; the root has no `parent`.

    `formula` says in words and numbers how `value` follows from the children and the facts ("70000 / 90000"). `unit` is
    a currency code, "RATIO", "COUNT", "DAYS", "HOURS", "MULTIPLE" or "" where there is none. `value` is None where the
    number does not exist, and `formula` then gives the reason.
    """

    id: str
    parent: str | None
    label: str
    formula: str
    value: Decimal | None
    unit: str
    facts: tuple[Fact, ...] = ()


def root(steps: Iterable[Step]) -> Step:
    """The step that all others explain. Raises `ValueError` when there is not exactly one, or a parent is missing."""
    steps = list(steps)
    ids = {step.id for step in steps}
    roots = [step for step in steps if step.parent is None]
    if len(roots) != 1 or len(ids) != len(steps) or any(s.parent not in ids for s in steps if s.parent is not None):
        raise ValueError("steps must form one tree")
    return roots[0]
