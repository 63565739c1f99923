"""From a validated operation to a plan."""

from collections.abc import AsyncIterable, Collection, Hashable, Sequence
from functools import cached_property
from typing import Any, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    located_error,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.execute import assert_event_stream
from graphql.execution.values import VariableValues
from graphql.language import Visitor
from graphql.pyutils.is_awaitable import is_awaitable

from api.engine.fields import Field, Resolver, TypeName, resolver_of, source_of
from api.engine.objects import shape_of
from api.engine.places import InField, Place, Root, reported
from api.engine.run import BUBBLE, Column, Run, Unsupported, finished
from api.engine.values import Variables

_CONDITIONS = ("skip", "include")
# So many combinations of conditions of one operation are remembered.
_VARIANTS = 32


class Engine:
    """Plans operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.strawberry: Any = getattr(schema, "_strawberry_schema", None)

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> "Plan":
        """A plan for an operation of a valid document. It is made as far as it is needed when it is run."""
        return Plan(self, document, operation)


class Plan:
    """An operation, ready to be run with any variables. `reason`: why it cannot be, and graphql-core has to."""

    def __init__(self, engine: Engine, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.engine = engine
        self.schema = engine.schema
        self.operation = operation
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.variables = Variables(engine.schema, operation)
        scan = _Scan()
        for node in (operation, *self.fragments.values()):
            visit(node, scan)
        self.reason = scan.reason
        self._conditions = sorted(scan.conditions)
        self._variants: dict[tuple[Any, ...], Variant] = {}

    async def run(self, given: dict[str, Any], context: Any, root: Any = None) -> ExecutionResult:
        """Execute it; of a subscription, one event, which is the `root`.

        Raises `Misfit` when the variables do not fit, and `Unsupported` when graphql-core has to do it after all;
        nothing was executed then.
        """
        variant, run = self._start(given, context, root)
        data = await variant.run(run)
        return ExecutionResult(data, reported(run.failures) or None if run.failures else None)

    async def run_each(self, given: dict[str, Any], context: Any, roots: Sequence[Any]) -> list[ExecutionResult]:
        """Execute it for several events of a subscription as for one column. Raises what `run` raises.

        Where something goes wrong, each is executed by itself, so that an error stays with its event.
        """
        variant, run = self._start(given, context, None)
        rows = await variant.rows(run, roots)
        if run.failures:
            return [await self.run(given, context, root) for root in roots]
        return [ExecutionResult(row) for row in rows]

    async def run_guarded(
        self, given: dict[str, Any], context: Any, roots: Sequence[Any]
    ) -> list[tuple[ExecutionResult, Collection[Hashable]]]:
        """The same for whoever passes the guards (see `Guarded`) that each event's result comes with.

        Where something goes wrong, all of it does: raises the error.
        """
        variant, run = self._start(given, context, None)
        rows = await variant.rows(run, roots)
        if run.failures:
            raise run.failures[0].error
        return [(ExecutionResult(row), run.guards.get(position, ())) for position, row in enumerate(rows)]

    async def source(self, given: dict[str, Any], context: Any, root: Any = None) -> AsyncIterable[Any]:
        """What a subscription listens to: `run` answers each of its messages.

        Raises a `GraphQLError` when its field does, and otherwise what `run` raises.
        """
        variant, run = self._start(given, context, root)
        return await variant.source(run)

    def _start(self, given: dict[str, Any], context: Any, root: Any) -> "tuple[Variant, Run]":
        if self.reason is not None:
            raise Unsupported(self.reason)
        variables, everything = self.variables.coerce(given)
        return self._variant(variables), Run(self, given, variables, context, root, everything)

    def _variant(self, variables: dict[str, Any]) -> "Variant":
        conditions = tuple(variables.get(name) for name in self._conditions)
        if None in conditions:
            raise Unsupported("null condition")
        variant = self._variants.get(conditions)
        if variant is None:
            if len(self._variants) >= _VARIANTS:
                self._variants.clear()
            variant = self._variants[conditions] = Variant(self, dict(zip(self._conditions, conditions, strict=True)))
        return variant


class Variant:
    """A plan for one outcome of all conditions of `@skip` and `@include`."""

    def __init__(self, plan: Plan, conditions: dict[str, Any]) -> None:
        self.plan = plan
        self._values = VariableValues({}, conditions)
        self._fragments = {name: FragmentDetails(node) for name, node in plan.fragments.items()}
        self._root_type = cast("GraphQLObjectType", plan.schema.get_root_type(plan.operation.operation))
        collected = collect_fields(plan.schema, self._fragments, self._values, self._root_type, plan.operation)
        self._root = Selection(self, self._root_type, collected.grouped_field_set)
        self._source: Resolver | None = None

    async def run(self, run: Run) -> dict[str, Any] | None:
        """The data."""
        operation = self.plan.operation.operation
        fields: list[Column] = []
        if operation is OperationType.MUTATION:
            for field in self._root.fields:
                fields.append(field.start(run, [run.root], _ROOT))
                await run.settle()
                if run.bubbles and finished(fields[-1])[0] is BUBBLE:
                    return None
        else:
            fields = self._root.start(run, [run.root], _ROOT)
            await run.settle()
        columns = [finished(field) for field in fields]
        if run.bubbles and any(column[0] is BUBBLE for column in columns):
            return None
        return self._root.make(1, *columns)[0]

    async def rows(self, run: Run, roots: Sequence[Any]) -> list[dict[str, Any]]:
        """The data of each root; of no use when there were failures."""
        fields = self._root.start(run, roots, _ROOT)
        await run.settle()
        return self._root.make(len(roots), *map(finished, fields))

    async def source(self, run: Run) -> AsyncIterable[Any]:
        """What the one field of a subscription listens to."""
        field = self._root.fields[0]
        place = InField(_ROOT, field.step)
        try:
            if self._source is None:
                self._source = source_of(self.plan.engine, field.parent, field.definition, field.nodes[0])
            (found,) = cast("list[Any]", self._source.values(run, [run.root], place, field))
            return assert_event_stream(await found if is_awaitable(found) else found)
        except Exception as error:
            raise located_error(error, field.nodes, [field.key]) from error

    def selection(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> "Selection":
        """What is selected of objects of a type by fields that share a name."""
        plan = self.plan
        details = [FieldDetails(node, None) for node in nodes]
        collected = collect_subfields(plan.schema, self._fragments, self._values, plan.operation, type_, details)
        return Selection(self, type_, collected.grouped_field_set)


class Selection:
    """The fields of objects of one type."""

    def __init__(self, variant: Variant, type_: GraphQLObjectType, grouped: dict[str, list[FieldDetails]]) -> None:
        self.fields = [
            _field(variant, type_, key, order, [detail.node for detail in details])
            for order, (key, details) in enumerate(grouped.items())
        ]
        self.required = [place for place, field in enumerate(self.fields) if field.shape.required]
        self._keys = [field.key for field in self.fields]

    @cached_property
    def once(self) -> bool:
        """Whether an object looks the same wherever it stands in an answer."""
        return all(field.resolver.once and field.shape.once for field in self.fields)

    def start(self, run: Run, objects: Sequence[Any], place: Place) -> list[Column]:
        """Resolve all fields of these objects."""
        return [field.start(run, objects, place) for field in self.fields]

    def make(self, length: int, *columns: list[Any]) -> list[dict[str, Any]]:
        """So many objects, from one column a field."""
        made: list[dict[str, Any]] = [{} for _ in range(length)]
        for key, column in zip(self._keys, columns, strict=True):
            for one, value in zip(made, column, strict=True):
                one[key] = value
        return made


_ROOT = Root()


def _field(variant: Variant, parent: GraphQLObjectType, key: str, order: int, nodes: list[FieldNode]) -> Field:
    engine = variant.plan.engine
    definition = cast("Any", engine.schema.get_field(parent, nodes[0].name.value))
    resolver: Resolver = TypeName()
    if nodes[0].name.value != "__typename":
        resolver = resolver_of(engine, parent, definition, nodes[0])
    shape = shape_of(variant, definition.type, nodes)
    field = Field(key, order, nodes, parent, definition, resolver, shape)
    shape.of_field(field)
    return field


class _Scan(Visitor):
    """What an operation holds that is not for the engine, and which variables decide what is selected."""

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None
        self.conditions: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        if node.name.value in ("__schema", "__type"):
            self.reason = self.reason or "introspection"

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: object) -> None:
        if node.variable_definitions:
            self.reason = self.reason or "fragment variables"

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        if node.name.value not in _CONDITIONS:
            self.reason = self.reason or f"@{node.name.value}"
            return
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.conditions.add(argument.value.name.value)
