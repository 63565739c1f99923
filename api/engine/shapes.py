"""How values become what goes into the answer, by the type of their field: a column at a time."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Sequence
from enum import Enum
from itertools import chain
from types import GeneratorType, NoneType
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)
from graphql.execution import Executor
from graphql.pyutils import UndefinedType
from graphql.pyutils.is_awaitable import is_awaitable
from graphql.pyutils.is_iterable import is_iterable
from graphql.type.scalars import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

from api.engine.places import Among, InList, Place, Shared
from api.engine.run import BUBBLE, Column, Later, Run, finished
from api.engine.tables import ByColumn, Many, Repeated, Table

if TYPE_CHECKING:
    from api.engine.fields import Field

_NATIVE = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool, GraphQLInt: int}


_PLAIN, _SPECIAL, _WAITS = range(3)


class _Looks(dict[type, int]):
    """What values of a class may be: plain values, or nulls and errors, or something to wait for."""

    def __missing__(self, kind: type) -> int:
        if kind is GeneratorType or hasattr(kind, "__await__"):
            look = _WAITS
        elif kind in (NoneType, UndefinedType) or issubclass(kind, Exception):
            look = _SPECIAL
        else:
            look = _PLAIN
        self[kind] = look
        return look


_looks = _Looks()


class Shape(ABC):
    """A type in a place of the answer. `required`: it is non-null."""

    def __init__(self, required: bool) -> None:
        self.required = required
        self.field: Field

    def complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        """The column of these values, once all that is in them is there. Errors are noted where they belong."""
        if not values:
            return []
        if isinstance(values, ByColumn):
            if isinstance(values, Repeated) and self.once:
                return self._spread(run, values, place)
            values = list(values)
        look = max(map(_looks.__getitem__, set(map(type, values))))
        if look is _PLAIN:
            return self._complete(run, values, place)
        if look is _SPECIAL:
            return self._sort_out(run, values, place)
        return self._wait(run, values, lambda there: self._sort_out(run, there, place))

    @property
    def once(self) -> bool:
        """Whether an object looks the same wherever it stands in an answer."""
        return True

    def of_field(self, field: "Field") -> None:
        """Tell it whose values they are."""
        self.field = field

    def wanted(self, path: tuple[str, ...]) -> frozenset[str] | None:
        """The Python names of what is asked of the objects at the end of a path of fields; None when not known."""
        return None

    def columns(self, path: tuple[str, ...]) -> "Sequence[Field]":
        """The fields with column resolvers of those objects, where no other has the same Python name."""
        return ()

    @abstractmethod
    def _complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        """The column of values that are neither null nor errors."""

    def _spread(self, run: Run, values: Repeated[Any], place: Place) -> Column:
        """Complete each of the values once."""
        column = self.complete(run, values.values, Shared(place, values.places))
        return Spread(column, values.places, self._holes(run, values.places, place))

    def _holes(self, run: Run, places: Sequence[int | None], place: Place) -> Any:
        """What stands where there is no place."""
        null = None
        if self.required:
            for position in [position for position, there in enumerate(places) if there is None]:
                null = self._fail(run, place, position, self._hole())
        return null

    def _wait(self, run: Run, values: Sequence[Any], then: Callable[[Sequence[Any]], Column]) -> Column:
        waits = [position for position, value in enumerate(values) if is_awaitable(value)]
        if not waits:
            return then(values)
        later = Later()

        def resume(outcomes: list[Any]) -> None:
            there = list(values)
            for position, outcome in zip(waits, outcomes, strict=True):
                there[position] = outcome
            later.column = then(there)

        run.later([values[position] for position in waits], resume)
        return later

    def _sort_out(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        """Complete what is there, and put nulls and errors where they are."""
        cells: list[Any] = [None] * len(values)
        there: list[int] = []
        for position, value in enumerate(values):
            if isinstance(value, Exception):
                cells[position] = self._fail(run, place, position, value)
            elif value is not None and value is not Undefined:
                there.append(position)
            elif self.required:
                cells[position] = self._fail(run, place, position, self._hole())
        if not there:
            return cells
        if len(there) == len(values):
            return self._complete(run, values, place)
        column = self._complete(run, [values[position] for position in there], Among(place, there))
        return Scattered(cells, [(there, column)])

    def _hole(self) -> Exception:
        return TypeError(f"Cannot return null for non-nullable field {self.field.parent}.{self.field.name}.")

    def _fail(self, run: Run, place: Place, position: int, error: Exception) -> Any:
        return run.fail(place, position, error, self.field.nodes, self.required)


class Scattered:
    """Columns whose values belong to certain positions of a longer one."""

    __slots__ = ("cells", "parts")

    def __init__(self, cells: list[Any], parts: list[tuple[Sequence[int], Column]]) -> None:
        self.cells = cells
        self.parts = parts

    def finish(self) -> list[Any]:
        for positions, column in self.parts:
            for position, value in zip(positions, finished(column), strict=True):
                self.cells[position] = value
        return self.cells


class Spread:
    """A column in which each value of a shorter one stands wherever its position is named."""

    __slots__ = ("column", "null", "positions")

    def __init__(self, column: Column, positions: Sequence[int | None], null: Any) -> None:
        self.column = column
        self.positions = positions
        self.null = null

    def finish(self) -> list[Any]:
        cells = finished(self.column)
        return [self.null if position is None else cells[position] for position in self.positions]


class Leaf(Shape):
    """A scalar or an enum."""

    def __init__(self, type_: GraphQLLeafType, required: bool) -> None:
        super().__init__(required)
        self.type = type_
        self._coerce = type_.coerce_output_value
        native = _NATIVE.get(cast("Any", type_))
        self._is_int = native is int
        self._as_is = {native} if required else {native, NoneType}
        # Members are looked up by identity: hashing one runs Python code.
        self._members: dict[int, str] = {}
        if isinstance(type_, GraphQLEnumType):
            held = [value.value for value in type_.values.values()]
            classes = {type(value) for value in held} | {getattr(type_, "wrapped_cls", Enum)}
            for kind in classes:
                if issubclass(kind, Enum):
                    self._members |= {id(member): self._coerce(member) for member in kind if self._shown(member)}
        if self._members:
            self._coerce = self._member

    def complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        kinds = set(map(type, values))
        if kinds <= self._as_is and not (self._is_int and not _in_range(values)):
            return values if isinstance(values, list) else list(values)
        if NoneType in kinds and not self.required:
            kinds.discard(NoneType)
            if not any(map(_looks.__getitem__, kinds)):
                return self._with_nulls(run, values, place)
        return super().complete(run, values, place)

    def _complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        try:
            cells = list(map(self._coerce, values))
        except Exception:
            return self._one_by_one(run, values, place)
        if None in cells:
            return self._one_by_one(run, values, place)
        return cells

    def _with_nulls(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        coerce = self._coerce
        try:
            cells = [None if value is None else coerce(value) for value in values]
        except Exception:
            return self._sort_out(run, values, place)
        if any(cell is None and value is not None for cell, value in zip(cells, values, strict=True)):
            return self._sort_out(run, values, place)
        return cells

    def _one_by_one(self, run: Run, values: Sequence[Any], place: Place) -> list[Any]:
        cells: list[Any] = []
        for position, value in enumerate(values):
            try:
                cells.append(Executor.complete_leaf_value(self.type, value))
            except Exception as error:
                cells.append(self._fail(run, place, position, error))
        return cells

    def _shown(self, member: Enum) -> bool:
        try:
            self.type.coerce_output_value(member)
        except Exception:
            return False
        return True

    def _member(self, value: Any) -> Any:
        name = self._members.get(id(value))
        return self.type.coerce_output_value(value) if name is None else name


def _in_range(values: Sequence[Any]) -> bool:
    numbers = [value for value in values if value is not None]
    return not numbers or (min(numbers) >= GRAPHQL_MIN_INT and max(numbers) <= GRAPHQL_MAX_INT)


class Items(Shape):
    """A list."""

    def __init__(self, item: Shape, required: bool) -> None:
        super().__init__(required)
        self.item = item

    def of_field(self, field: "Field") -> None:
        super().of_field(field)
        self.item.of_field(field)

    @property
    def once(self) -> bool:
        return self.item.once

    def wanted(self, path: tuple[str, ...]) -> frozenset[str] | None:
        return self.item.wanted(path)

    def columns(self, path: tuple[str, ...]) -> "Sequence[Field]":
        return self.item.columns(path)

    def complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        if isinstance(values, Many):
            return self._cut(run, values.table, values.lengths, place)
        return super().complete(run, values, place)

    def _complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        if not all(isinstance(value, list | tuple | Table) for value in values):
            read = [self._read(value) for value in values]
            return self._wait(run, read, lambda there: self._sort_out(run, there, place))
        items = values[0] if len(values) == 1 else list(chain.from_iterable(values))
        return self._cut(run, items, [len(value) for value in values], place)

    def _cut(self, run: Run, items: Sequence[Any], lengths: Sequence[int], place: Place) -> Column:
        inside = self.item.complete(run, items, InList(place, lengths, self.item.required))
        return Lists(run, lengths, inside, self.required)

    def _read(self, value: Any) -> Any:
        """A sequence, the error of reading it, or what has to be waited for."""
        if isinstance(value, list | tuple | Table):
            return value
        if hasattr(value, "__aiter__"):
            return _all_of(value)
        if not is_iterable(value):
            name = f"{self.field.parent}.{self.field.name}"
            return GraphQLError(f"Expected Iterable, but did not find one for field '{name}'.")
        try:
            return list(value)
        except Exception as error:
            return error


async def _all_of(values: AsyncIterable[Any]) -> list[Any]:
    return [value async for value in values]


class Lists:
    """A column of lists, cut from a column of their items."""

    __slots__ = ("inside", "lengths", "required", "run")

    def __init__(self, run: Run, lengths: Sequence[int], inside: Column, required: bool) -> None:
        self.run = run
        self.lengths = lengths
        self.inside = inside
        self.required = required

    def finish(self) -> list[Any]:
        items = finished(self.inside)
        cells: list[Any] = []
        at = 0
        for length in self.lengths:
            cells.append(items[at : at + length])
            at += length
        if self.run.bubbles:
            null = BUBBLE if self.required else None
            cells = [null if any(item is BUBBLE for item in cell) else cell for cell in cells]
        return cells
