"""How objects become what goes into the answer: the columns of their fields, put together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLObjectType,
    GraphQLOutputType,
    default_type_resolver,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.executor import invalid_return_type_error
from graphql.pyutils import inspect

from api.engine.fields import Columns, Field
from api.engine.places import Among, Place, Shared
from api.engine.run import BUBBLE, Column, Run, finished
from api.engine.shapes import Items, Leaf, Scattered, Shape, Spread
from api.engine.tables import Ones, Table

if TYPE_CHECKING:
    from api.engine.plan import Selection, Variant


class Objects(Shape):
    """Objects of one type."""

    def __init__(self, variant: "Variant", type_: GraphQLObjectType, nodes: list[FieldNode], required: bool) -> None:
        super().__init__(required)
        self.type = type_
        self._variant = variant
        self._nodes = nodes
        self._selection: Selection | None = None
        self._wanted: dict[tuple[str, ...], frozenset[str] | None] = {}
        self._columns: dict[tuple[str, ...], Sequence[Field]] = {}
        definition: Any = type_.extensions.get("strawberry-definition")
        self._origin = getattr(definition, "origin", None) if getattr(definition, "is_type_of", None) is None else None

    @property
    def once(self) -> bool:
        return self._selected().once

    def complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        if isinstance(values, Table) and len(values) and self._admits({values.kind}):
            return self._start(run, values, place)
        if isinstance(values, Ones) and len(values.table) and self._admits({values.table.kind}):
            return self._place(run, values.table, values.places, place)
        return super().complete(run, values, place)

    def _place(self, run: Run, table: Table[Any], places: Sequence[int | None], place: Place) -> Column:
        """Objects of a table where they stand: those that look the same everywhere are completed once."""
        null = self._holes(run, places, place)
        if self.once:
            return Spread(self._start(run, table, Shared(place, places)), places, null)
        there = [position for position, found in enumerate(places) if found is not None]
        table = table.take([found for found in places if found is not None])
        return Scattered([null] * len(places), [(there, self._start(run, table, Among(place, there)))])

    def _admits(self, kinds: set[type]) -> bool:
        return self.type.is_type_of is None or kinds == {self._origin}

    def _complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        if self._admits(set(map(type, values))):
            return self._start_each(run, values, place)
        answers = [self._is_of(run, value, place, position) for position, value in enumerate(values)]
        return self._wait(run, answers, lambda there: self._admit(run, values, there, place))

    def _is_of(self, run: Run, value: Any, place: Place, position: int) -> Any:
        try:
            return cast("Any", self.type.is_type_of)(value, self.field.info(run, place, position))
        except Exception as error:
            return error

    def _admit(self, run: Run, values: Sequence[Any], answers: Sequence[Any], place: Place) -> Column:
        cells: list[Any] = [None] * len(values)
        there: list[int] = []
        for position, (value, answer) in enumerate(zip(values, answers, strict=True)):
            if isinstance(answer, Exception):
                cells[position] = self._fail(run, place, position, answer)
            elif not answer:
                error = invalid_return_type_error(self.type, value, _details(self.field.nodes))
                cells[position] = self._fail(run, place, position, error)
            else:
                there.append(position)
        if len(there) == len(values):
            return self._start_each(run, values, place)
        column = self._start_each(run, [values[position] for position in there], Among(place, there))
        return Scattered(cells, [(there, column)])

    def wanted(self, path: tuple[str, ...]) -> frozenset[str] | None:
        if path not in self._wanted:
            self._wanted[path] = self._asked(path)
        return self._wanted[path]

    def _asked(self, path: tuple[str, ...]) -> frozenset[str] | None:
        names: set[str] = set()
        for field in self._selected().fields:
            name = field.python_name
            if name is None and field.name != "__typename":
                return None
            if not path:
                names |= {name} if name else set()
            elif name == path[0]:
                below = field.shape.wanted(path[1:])
                if below is None:
                    return None
                names |= below
        return frozenset(names)

    def columns(self, path: tuple[str, ...]) -> "Sequence[Field]":
        if path not in self._columns:
            fields = [field for field in self._selected().fields if not path or field.python_name == path[0]]
            if path:
                self._columns[path] = fields[0].shape.columns(path[1:]) if len(fields) == 1 else ()
            else:
                names = [field.python_name for field in fields]
                self._columns[path] = [
                    field
                    for field in fields
                    if isinstance(field.resolver, Columns) and names.count(field.python_name) == 1
                ]
        return self._columns[path]

    def _selected(self) -> "Selection":
        if self._selection is None:
            self._selection = self._variant.selection(self.type, self._nodes)
        return self._selection

    def _start_each(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        """The same object where it stands more than once, if that is worth it."""
        distinct = {id(value): value for value in values}
        if len(distinct) * 2 > len(values) or not self.once:
            return self._start(run, values, place)
        number = dict(zip(distinct, range(len(distinct)), strict=True))
        positions = [number[id(value)] for value in values]
        return Spread(self._start(run, list(distinct.values()), Shared(place, positions)), positions, None)

    def _start(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        selection = self._selected()
        return Rows(run, len(values), selection.start(run, values, place), selection, self.required)


class Rows:
    """A column of objects: the columns of their fields, to be put together."""

    __slots__ = ("columns", "length", "required", "run", "selection")

    def __init__(self, run: Run, length: int, columns: list[Column], selection: "Selection", required: bool) -> None:
        self.run = run
        self.length = length
        self.columns = columns
        self.selection = selection
        self.required = required

    def finish(self) -> list[Any]:
        columns = [finished(column) for column in self.columns]
        cells: list[Any] = self.selection.make(self.length, *columns)
        if self.run.bubbles:
            null = BUBBLE if self.required else None
            for column in self.selection.required:
                for position, value in enumerate(columns[column]):
                    if value is BUBBLE:
                        cells[position] = null
        return cells


class Abstract(Shape):
    """Objects of an interface or a union."""

    def __init__(self, variant: "Variant", type_: GraphQLAbstractType, nodes: list[FieldNode], required: bool) -> None:
        super().__init__(required)
        self.type = type_
        self._variant = variant
        self._nodes = nodes
        self._resolve: Any = type_.resolve_type or default_type_resolver
        self._objects: dict[str, Objects] = {}

    @property
    def once(self) -> bool:
        return False  # what type it is may depend on where it stands

    def _complete(self, run: Run, values: Sequence[Any], place: Place) -> Column:
        names = [self._name(run, value, place, position) for position, value in enumerate(values)]
        return self._wait(run, names, lambda there: self._divide(run, values, there, place))

    def _name(self, run: Run, value: Any, place: Place, position: int) -> Any:
        try:
            return self._resolve(value, self.field.info(run, place, position), self.type)
        except Exception as error:
            return error

    def _divide(self, run: Run, values: Sequence[Any], names: Sequence[Any], place: Place) -> Column:
        cells: list[Any] = [None] * len(values)
        by_type: dict[str, list[int]] = {}
        for position, name in enumerate(names):
            try:
                if isinstance(name, Exception):
                    raise name
                self._check(run, name, values[position], place, position)
                by_type.setdefault(name, []).append(position)
            except Exception as error:
                cells[position] = self._fail(run, place, position, error)
        parts: list[tuple[Sequence[int], Column]] = []
        for name, positions in by_type.items():
            some = [values[position] for position in positions]
            parts.append((positions, self._of(name)._complete(run, some, Among(place, positions))))
        return Scattered(cells, parts)

    def _check(self, run: Run, name: Any, value: Any, place: Place, position: int) -> None:
        if isinstance(name, str) and name in self._objects:
            return
        schema = run.plan.schema
        found = schema.get_type(name) if isinstance(name, str) else None
        if found is None or not is_object_type(found) or not schema.is_sub_type(self.type, found):
            # It says in detail what is wrong, and needs no more of an executor than the schema.
            details, info = _details(self.field.nodes), self.field.info(run, place, position)
            Executor.ensure_valid_runtime_type(cast("Any", run.plan), name, self.type, details, info, value)

    def _of(self, name: str) -> Objects:
        if name not in self._objects:
            found = cast("GraphQLObjectType", self._variant.plan.schema.get_type(name))
            objects = Objects(self._variant, found, self._nodes, self.required)
            objects.of_field(self.field)
            self._objects[name] = objects
        return self._objects[name]


def _details(nodes: Sequence[FieldNode]) -> list[FieldDetails]:
    return [FieldDetails(node, None) for node in nodes]


def shape_of(variant: "Variant", type_: GraphQLOutputType, nodes: list[FieldNode]) -> Shape:
    """The shape of a field's type."""
    required = is_non_null_type(type_)
    inner: Any = type_.of_type if is_non_null_type(type_) else type_
    if is_list_type(inner):
        return Items(shape_of(variant, inner.of_type, nodes), required)
    if is_leaf_type(inner):
        return Leaf(inner, required)
    if is_abstract_type(inner):
        return Abstract(variant, inner, nodes, required)
    if is_object_type(inner):
        return Objects(variant, inner, nodes, required)
    raise TypeError(f"Cannot complete a value of type {inspect(get_named_type(type_))}.")
