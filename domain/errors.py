"""Refusals that a user can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: a stable code, a sentence that says what to do, and where it is.

    `path` names the argument as the graph spells it: `("items", "3", "occurredAt")`.
    """

    code: str
    message: str
    path: tuple[str, ...] = ()
    detail: Mapping[str, object] = field(default_factory=dict)


class Rejected(Exception):
    """The action did nothing, and why. The graph turns it into `userErrors`."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems: Sequence[Problem] = problems


MAX_ITEMS = 1_000
"""Items of one call."""


def reject(code: str, message: str, *path: str, **detail: object) -> Rejected:
    """A `Rejected` with one problem: `raise reject("NOT_FOUND", "No team has this id.", "id")`."""
    return Rejected(Problem(code, message, path, detail))


def stale(version: int, *path: str) -> Problem:
    """STALE_VERSION: the current one is another, or none (0). `path` leads to the input that has `expectedVersion`."""
    changed = "Somebody else changed it since it was read: read it again and decide."
    message = changed if version else "There is none yet."
    return Problem("STALE_VERSION", message, (*path, "expectedVersion"), {"current_version": version})


def at_most(items: Sequence[object]) -> None:
    """Raises `Rejected` (TOO_MANY) for a longer list than a call may hold."""
    if len(items) > MAX_ITEMS:
        raise reject("TOO_MANY", f"Give at most {MAX_ITEMS} items a call.", "items")
