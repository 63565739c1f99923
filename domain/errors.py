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


def reject(code: str, message: str, *path: str, **detail: object) -> Rejected:
    """A `Rejected` with one problem: `raise reject("NOT_FOUND", "No team has this id.", "id")`."""
    return Rejected(Problem(code, message, path, detail))
