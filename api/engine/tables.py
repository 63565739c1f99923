"""Objects that are read by the column: what column resolvers may answer with besides plain sequences.

    Table                     the objects themselves; as an answer, the first is the first parent's, and so on
    Ones(table, places)       of each parent the object at a place of the table, or none; several may have the same
    Repeated(values, places)  the same of values that are in no table
    Many(table, lengths)      of each parent a list: so many of the table as follow those of the parent before

All of them are sequences of what they stand for, so that whoever wants objects has them. Nobody changes them.

    Guarded(values, guards)   any of these, or a plain sequence, of which some are not for everybody
"""

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Generic, NoReturn, TypeVar, overload

T = TypeVar("T")


class ByColumn(Sequence[T]):
    """What all of them are."""

    __slots__ = ()

    @abstractmethod
    def __iter__(self) -> Iterator[T]: ...

    @overload
    def __getitem__(self, position: int) -> T: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[T]: ...
    def __getitem__(self, position: int | slice) -> T | Sequence[T]:
        return list(self)[position]


class Table(ByColumn[T]):
    """Objects of one class of Strawberry's, its `kind`."""

    __slots__ = ()
    kind: type[T]

    @abstractmethod
    def column(self, name: str) -> list[Any]:
        """An attribute of all of them, by its Python name. Raises what reading the attribute of one may raise."""

    @abstractmethod
    def take(self, positions: Sequence[int]) -> "Table[T]":
        """Those at these positions."""


class Ones(ByColumn[T | None], Generic[T]):
    """For each parent an object of the table, all of which are used, or None."""

    __slots__ = ("places", "table")

    def __init__(self, table: Table[T], places: Sequence[int | None]) -> None:
        self.table = table
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[T | None]:
        table = list(self.table)
        return (None if place is None else table[place] for place in self.places)

    def where(self, shown: Sequence[bool]) -> "Ones[T]":
        """None instead for parents where this says False."""
        places = [place if show else None for place, show in zip(self.places, shown, strict=True)]
        used = sorted({place for place in places if place is not None})
        renumbered = {place: position for position, place in enumerate(used)}
        return Ones(self.table.take(used), [None if place is None else renumbered[place] for place in places])


class Repeated(ByColumn[T | None], Generic[T]):
    """For each parent one of the values, all of which are used, or None."""

    __slots__ = ("places", "values")

    def __init__(self, values: Sequence[T], places: Sequence[int | None]) -> None:
        self.values = values
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[T | None]:
        values = list(self.values)
        return (None if place is None else values[place] for place in self.places)


class Guarded(ByColumn[T]):
    """Values, and for each what it takes to be shown it: a guard, or None where it takes nothing.

    `Plan.run_guarded` tells the guards of what it puts into an answer. Whoever else looks at the values would leave
    their guards behind, hence it is an error to.
    """

    __slots__ = ("guards", "values")

    def __init__(self, values: Sequence[T], guards: Sequence[Hashable]) -> None:
        self.values = values
        self.guards = guards

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> NoReturn:
        raise TypeError("Values were looked at without their guards.")

    def arranged(
        self, values: Callable[[Sequence[T]], Sequence[Any]], guards: Callable[[Sequence[Any]], Sequence[Hashable]]
    ) -> "Guarded[Any]":
        """Others made of these, position by position."""
        return Guarded(values(self.values), guards(self.guards))


class Many(ByColumn[list[T]], Generic[T]):
    """For each parent the next so many objects of the table."""

    __slots__ = ("lengths", "table")

    def __init__(self, table: Table[T], lengths: Sequence[int]) -> None:
        self.table = table
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[list[T]]:
        objects = iter(self.table)
        return ([next(objects) for _ in range(length)] for length in self.lengths)
