"""How one field of a selection gets its values from a column of parents."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLResolveInfo, default_field_resolver
from graphql.pyutils.is_awaitable import is_awaitable
from graphql.type import GraphQLResolveInfoHelpers
from strawberry import Info
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from api.engine.info import ColumnInfo
from api.engine.places import InField, Place, Step, path_of
from api.engine.run import Column, Later, Run
from api.engine.tables import ByColumn, Table
from api.engine.values import Arguments, Conversion

if TYPE_CHECKING:
    from api.engine.plan import Engine
    from api.engine.shapes import Shape

COLUMN = "column"
"""Metadata key of a field: its column resolver, `(parents, info, **arguments)`, which gives the values or an awaitable
of them: what is there already comes as a `Table`, `Ones` or `Many`.
"""

_BACKREF = "strawberry-definition"


class Gate(FieldExtension, ABC):
    """A field extension that does nothing but refuse, by the context alone."""

    @abstractmethod
    def refusal(self, context: Any) -> Exception | None:
        """The error of the field for whoever asks; None lets them pass."""

    def resolve(self, next_: Any, source: Any, info: Any, /, **arguments: Any) -> Any:  # type: ignore[override]
        """For a synchronous resolver run by graphql-core."""
        if (refusal := self.refusal(info.context)) is not None:
            raise refusal
        return next_(source, info, **arguments)

    async def resolve_async(self, next_: Any, source: Any, info: Any, /, **arguments: Any) -> Any:  # type: ignore[override]
        """For an asynchronous one."""
        if (refusal := self.refusal(info.context)) is not None:
            raise refusal
        return await next_(source, info, **arguments)


class Resolver(Protocol):
    """How the values of a field come about. `once`: an object has the same one wherever it stands in an answer."""

    once: bool

    def values(
        self, run: Run, parents: Sequence[Any], place: Place, field: "Field"
    ) -> list[Any] | ByColumn[Any] | Awaitable[Any]:
        """One value a parent: exceptions are errors there, awaitables are waited for. Or an awaitable of them all."""


class Field:
    """A field of a selection, for parents of one type."""

    __slots__ = ("definition", "kept", "key", "nodes", "parent", "resolver", "shape", "step")

    def __init__(
        self,
        key: str,
        order: int,
        nodes: list[FieldNode],
        parent: GraphQLObjectType,
        definition: GraphQLField,
        resolver: Resolver,
        shape: "Shape",
    ) -> None:
        self.key = key
        self.nodes = nodes
        self.parent = parent
        self.definition = definition
        self.resolver = resolver
        self.shape = shape
        self.step = Step(key, order, shape.required, parent.name)
        self.kept: dict[Hashable, Any] = {}

    @property
    def name(self) -> str:
        """As the schema calls it."""
        return self.nodes[0].name.value

    @property
    def python_name(self) -> str | None:
        """As Strawberry's type calls it; None when it is not a field of one."""
        own = self.definition.extensions.get(_BACKREF)
        return own.python_name if isinstance(own, StrawberryField) else None

    @property
    def metadata(self) -> Mapping[Any, Any]:
        """That of Strawberry's field."""
        own = self.definition.extensions.get(_BACKREF)
        return (own.metadata or {}) if isinstance(own, StrawberryField) else {}

    def wanted(self, path: Sequence[str] = ()) -> frozenset[str] | None:
        """The Python names of what is asked of the field's objects, or of those at the end of a path of fields.

        None when they are not of one type of Strawberry's.
        """
        return self.shape.wanted(tuple(path))

    def below(self, *path: str) -> "Sequence[Field]":
        """The fields with column resolvers of those objects: those of whose kind one is asked for."""
        return self.shape.columns(path)

    def start(self, run: Run, parents: Sequence[Any], objects: Place) -> Column:
        """Resolve it for all parents, and all below that needs no waiting."""
        place = InField(objects, self.step)
        try:
            values = self.resolver.values(run, parents, place, self)
        except Exception as error:
            values = [error] * len(parents)
        if isinstance(values, list | ByColumn):
            return self.shape.complete(run, values, place)
        later = Later()

        def resume(outcome: list[Any]) -> None:
            values = run.unguarded(self._checked(outcome[0], len(parents)), place)
            later.column = self.shape.complete(run, values, place)

        run.later([values], resume)
        return later

    def _checked(self, values: Any, length: int) -> Sequence[Any]:
        if isinstance(values, Exception):
            return [values] * length
        if not isinstance(values, Sequence) or len(values) != length:
            return [TypeError(f"{self.parent.name}.{self.name} did not load one value for each parent.")] * length
        return values if isinstance(values, list | ByColumn) else list(values)

    def info(self, run: Run, place: Place, position: int) -> GraphQLResolveInfo[Any]:
        """What a resolver of graphql-core is told."""
        plan = run.plan
        return GraphQLResolveInfo(
            self.name,
            self.nodes,
            self.definition.type,
            self.parent,
            path_of(next(iter(place.ways(position)), ())),  # type: ignore[arg-type]
            plan.schema,
            plan.fragments,
            run.root,
            plan.operation,
            run.variable_values,
            run.context,
            is_awaitable,
            None,
            _HELPERS,
        )


async def _gather(values: Sequence[Awaitable[Any]]) -> list[Any]:
    return [await value for value in values]


_HELPERS = GraphQLResolveInfoHelpers(gather=_gather, track=lambda values: None)


class TypeName:
    """`__typename`."""

    once = True

    def values(self, run: Run, parents: Sequence[Any], place: Place, field: Field) -> list[Any]:
        return [field.parent.name] * len(parents)


class Event:
    """The root field of a subscription: its message. What it listens to is `source_of` it."""

    once = False

    def values(self, run: Run, parents: Sequence[Any], place: Place, field: Field) -> list[Any]:
        return list(parents)


class Attribute:
    """An attribute of the parent."""

    once = True

    def __init__(self, name: str, gates: Sequence[Gate]) -> None:
        self._name = name
        self._get: Callable[[Any], Any] = attrgetter(name)
        self._gates = gates

    def values(self, run: Run, parents: Sequence[Any], place: Place, field: Field) -> list[Any]:
        _pass(self._gates, run)
        try:
            return parents.column(self._name) if isinstance(parents, Table) else list(map(self._get, parents))
        except Exception:
            return [_tried(self._get, parent) for parent in parents]


class Columns:
    """A column resolver."""

    once = True

    def __init__(self, load: Any, own: StrawberryField, arguments: Arguments, gates: Sequence[Gate]) -> None:
        self._load = load
        self.own = own
        self._arguments = arguments
        self._gates = gates

    def values(
        self, run: Run, parents: Sequence[Any], place: Place, field: Field
    ) -> list[Any] | ByColumn[Any] | Awaitable[Any]:
        info = ColumnInfo(run, place, 0, field, self.own)
        loading: ByColumn[Any] | Awaitable[Any] = self._load(parents, info, **self.given(run, info))
        return loading

    def given(self, run: Run, info: ColumnInfo) -> dict[str, Any]:
        """Its arguments, for whom the gates let pass."""
        arguments = self._arguments.of(run, lambda: info)
        _pass(self._gates, run)
        return arguments


class Method:
    """A resolver written for Strawberry, called directly."""

    once = False

    def __init__(self, own: StrawberryField, arguments: Arguments, gates: Sequence[Gate]) -> None:
        resolver: Any = own.base_resolver
        self._call = resolver.wrapped_func
        self._own = own
        self._arguments = arguments
        self._gates = gates
        self._takes_self = resolver.self_parameter is not None
        self._parents = [found.name for found in (resolver.parent_parameter, resolver.root_parameter) if found]
        self._info = resolver.info_parameter.name if resolver.info_parameter else None

    def values(self, run: Run, parents: Sequence[Any], place: Place, field: Field) -> list[Any]:
        arguments = self._arguments.of(run, lambda: ColumnInfo(run, place, 0, field, self._own))
        _pass(self._gates, run)
        call = self._call
        if self._takes_self and self._info is None and not self._parents and not arguments:
            return [_tried(call, parent) for parent in parents]
        found: list[Any] = []
        for position, parent in enumerate(parents):
            keywords = dict(arguments)
            for name in self._parents:
                keywords[name] = parent
            if self._info is not None:
                keywords[self._info] = ColumnInfo(run, place, position, field, self._own)
            try:
                found.append(call(parent, **keywords) if self._takes_self else call(**keywords))
            except Exception as error:
                found.append(error)
        return found


class Extended(Method):
    """An asynchronous resolver within field extensions, which are given its source, its info and its arguments."""

    def __init__(self, own: StrawberryField, arguments: Arguments) -> None:
        super().__init__(own, arguments, ())
        self._outermost: Callable[..., Any] = self._innermost
        for extension in own.extensions:
            self._outermost = partial(extension.resolve_async, self._outermost)

    def _innermost(self, source: Any, info: Any, /, **keywords: Any) -> Any:
        if self._info is not None:
            keywords[self._info] = info
        return self._call(source, **keywords) if self._takes_self else self._call(**keywords)

    def values(self, run: Run, parents: Sequence[Any], place: Place, field: Field) -> list[Any]:
        arguments = self._arguments.of(run, lambda: ColumnInfo(run, place, 0, field, self._own))
        found: list[Any] = []
        for position, parent in enumerate(parents):
            keywords = arguments | dict.fromkeys(self._parents, parent)
            found.append(self._outermost(parent, ColumnInfo(run, place, position, field, self._own), **keywords))
        return found


class Whatever:
    """A resolver as graphql-core calls it."""

    once = False

    def __init__(self, call: Callable[..., Any] | None, arguments: Arguments) -> None:
        self._call = call or default_field_resolver
        self._arguments = arguments

    def values(self, run: Run, parents: Sequence[Any], place: Place, field: Field) -> list[Any]:
        arguments = self._arguments.of(run, lambda: None)
        found: list[Any] = []
        for position, parent in enumerate(parents):
            try:
                found.append(self._call(parent, field.info(run, place, position), **arguments))
            except Exception as error:
                found.append(error)
        return found


def _tried(call: Callable[[Any], Any], parent: Any) -> Any:
    try:
        return call(parent)
    except Exception as error:
        return error


def _pass(gates: Sequence[Gate], run: Run) -> None:
    for gate in gates:
        if (refusal := gate.refusal(run.context)) is not None:
            raise refusal


def resolver_of(engine: "Engine", parent: GraphQLObjectType, definition: GraphQLField, node: FieldNode) -> Resolver:
    """The cheapest way that does the same as graphql-core and Strawberry."""
    own = definition.extensions.get(_BACKREF)
    if isinstance(own, StrawberryField) and own.is_subscription:
        return Event()
    return _calling(definition.resolve, engine, parent, definition, node)


def source_of(engine: "Engine", parent: GraphQLObjectType, definition: GraphQLField, node: FieldNode) -> Resolver:
    """The same for what the root field of a subscription listens to."""
    return _calling(definition.subscribe, engine, parent, definition, node)


def _calling(
    call: Callable[..., Any] | None,
    engine: "Engine",
    parent: GraphQLObjectType,
    definition: GraphQLField,
    node: FieldNode,
) -> Resolver:
    whatever = Whatever(call, Arguments(definition, node, None))
    own = definition.extensions.get(_BACKREF)
    strawberry = engine.strawberry
    if not isinstance(own, StrawberryField) or strawberry is None:
        return whatever
    # The last extension is the outermost: it is asked first.
    gates = [extension for extension in reversed(own.extensions) if isinstance(extension, Gate)]
    direct = (
        type(own).get_result is StrawberryField.get_result
        and strawberry.config.info_class is Info
        and not strawberry.schema_converter.exception_handlers
    )
    if not direct:
        return whatever
    names = strawberry.config.name_converter
    conversion = Conversion(
        own.arguments, names.from_argument, strawberry.schema_converter.scalar_registry, strawberry.config
    )
    arguments = Arguments(definition, node, conversion)
    if len(gates) < len(own.extensions):
        return Extended(own, arguments) if _is_wrapped(own) else whatever
    metadata: Mapping[Any, Any] = own.metadata or {}
    column = metadata.get(COLUMN)
    if column is not None:
        return Columns(column, own, arguments, gates)
    if own.base_resolver is None:
        if own.default_resolver is not getattr:
            return whatever
        return Attribute(own.python_name, gates)
    if inspect.isasyncgenfunction(own.base_resolver.wrapped_func):
        return whatever
    return Method(own, arguments, gates)


def _is_wrapped(own: StrawberryField) -> bool:
    """Whether all that its extensions do is to be asked around an asynchronous resolver."""
    return (
        own.base_resolver is not None
        and inspect.iscoroutinefunction(own.base_resolver.wrapped_func)
        and all(
            extension.supports_async and type(extension).map_arguments is FieldExtension.map_arguments
            for extension in own.extensions
        )
    )
