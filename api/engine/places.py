"""Where values stand in the answer. Built for whole columns, and looked into only when something goes wrong."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from graphql import GraphQLError
from graphql.pyutils import Path


class Step(NamedTuple):
    """One step from the root. `order` is that among its siblings; `required`: null here is null above."""

    key: str | int
    order: int
    required: bool
    type_name: str | None


Steps = tuple[Step, ...]


class Place(Protocol):
    """The places of a column's values."""

    def ways(self, position: int) -> Sequence[Steps]:
        """The ways from the root to where the value at this position of the column stands: one, unless it is shared."""

    def roots(self, position: int) -> Iterable[int]:
        """The positions of the roots below which that is."""


class Root:
    """The place of the root object."""

    def ways(self, position: int) -> Sequence[Steps]:
        return [()]

    def roots(self, position: int) -> Iterable[int]:
        return (position,)


class InField:
    """A field of all objects of a column."""

    __slots__ = ("objects", "step")

    def __init__(self, objects: Place, step: Step) -> None:
        self.objects = objects
        self.step = step

    def ways(self, position: int) -> Sequence[Steps]:
        return [(*steps, self.step) for steps in self.objects.ways(position)]

    def roots(self, position: int) -> Iterable[int]:
        return self.objects.roots(position)


class InList:
    """The items of a column of lists, one after the other."""

    __slots__ = ("_ends", "lengths", "outer", "required")

    def __init__(self, outer: Place, lengths: Sequence[int], required: bool) -> None:
        self.outer = outer
        self.lengths = lengths
        self.required = required
        self._ends: list[int] | None = None

    def ways(self, position: int) -> Sequence[Steps]:
        row, start = self._row(position)
        index = position - start
        return [(*steps, Step(index, index, self.required, None)) for steps in self.outer.ways(row)]

    def roots(self, position: int) -> Iterable[int]:
        return self.outer.roots(self._row(position)[0])

    def _row(self, position: int) -> tuple[int, int]:
        """Which list it is in, and the position of that one's first item."""
        if self._ends is None:
            self._ends = list(accumulate(self.lengths))
        row = bisect_right(self._ends, position)
        return row, self._ends[row - 1] if row else 0


class Among:
    """Some values of a column."""

    __slots__ = ("outer", "positions")

    def __init__(self, outer: Place, positions: Sequence[int]) -> None:
        self.outer = outer
        self.positions = positions

    def ways(self, position: int) -> Sequence[Steps]:
        return self.outer.ways(self.positions[position])

    def roots(self, position: int) -> Iterable[int]:
        return self.outer.roots(self.positions[position])


class Shared:
    """Values of which each stands wherever its position is named in a longer column."""

    __slots__ = ("outer", "positions")

    def __init__(self, outer: Place, positions: Sequence[int | None]) -> None:
        self.outer = outer
        self.positions = positions

    def ways(self, position: int) -> Sequence[Steps]:
        return [steps for place in self._there(position) for steps in self.outer.ways(place)]

    def roots(self, position: int) -> Iterable[int]:
        return {root for place in self._there(position) for root in self.outer.roots(place)}

    def _there(self, position: int) -> list[int]:
        return [place for place, named in enumerate(self.positions) if named == position]


class Failure(NamedTuple):
    """An error and where it happened."""

    steps: Steps
    error: GraphQLError


def path_of(steps: Steps) -> Path | None:
    """The same as graphql-core has it."""
    path: Path | None = None
    for step in steps:
        path = Path(path, step.key, step.type_name)
    return path


def reported(failures: Iterable[Failure]) -> list[GraphQLError]:
    """Errors in the order of the document, without those in what an earlier one made null."""
    errors: list[GraphQLError] = []
    nulled: set[tuple[str | int, ...]] = set()
    for steps, error in sorted(failures, key=lambda failure: [step.order for step in failure.steps]):
        path = tuple(step.key for step in steps)
        if any(path[:length] in nulled for length in range(len(path) + 1)):
            continue
        errors.append(error)
        length = len(steps)
        while length and steps[length - 1].required:
            length -= 1
        nulled.add(path[:length])
    return errors
