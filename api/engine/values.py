"""Variables and arguments, coerced as the specification has it: compiled where they fit, by graphql-core else."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
    is_required_argument,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, coerce_argument, get_argument_values, get_variable_values
from graphql.language import FieldNode
from strawberry.relay import GlobalID
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.base import StrawberryMaybe

from api.engine.inputs import Slot, Unfit, maker, slot
from api.engine.run import Misfit, Run

# A constant of one of these may be handed to every resolver.
_CONSTANT = (str, int, float, bool, type(None), Decimal, date, datetime, time, UUID, Enum)

_NOTHING = VariableValues({}, {})
_MISSING: Any = object()

Convert = Callable[[Any, Any], Any]


class Variables:
    """The variables of an operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._slots = self._compiled()

    def coerce(self, given: dict[str, Any]) -> tuple[dict[str, Any], VariableValues | None]:
        """Coerced values, and all that graphql-core knows of them when it was asked. Raises `Misfit`."""
        if self._slots is not None:
            coerced: dict[str, Any] = {}
            with suppress(Exception):  # which graphql-core says again, in its words
                for place, default in self._slots:
                    name = place.name
                    if name in given:
                        coerced[name] = place.coerce(given[name])
                    elif default is not _MISSING:
                        coerced[name] = default
                    elif place.required:
                        raise Unfit
                return coerced, None
        found = self.all(given)
        return found.coerced, found

    def all(self, given: dict[str, Any]) -> VariableValues:
        """As graphql-core has it. Raises `Misfit`."""
        found = get_variable_values(self._schema, self._definitions, given, 50)
        if isinstance(found, list):
            raise Misfit(found)
        return found

    def _compiled(self) -> list[tuple[Slot, Any]] | None:
        """The place of each variable and its default, coerced; None where a default may not be shared."""
        slots = []
        for definition in self._definitions:
            signature = get_variable_signature(self._schema, definition)
            if isinstance(signature, GraphQLError):
                return None
            default = _MISSING
            if definition.default_value is not None:
                usual = get_variable_values(self._schema, [definition], {})
                if isinstance(usual, list):
                    return None
                default = usual.coerced[signature.name]
                if not isinstance(default, _CONSTANT):
                    return None
            slots.append((slot(signature.name, signature.type), default))
        return slots


class Conversion(NamedTuple):
    """How Strawberry turns a field's arguments into those of its resolver."""

    arguments: Sequence[StrawberryArgument]
    name_of: Callable[[StrawberryArgument], str]
    registry: Any
    config: Any

    def argument(self, name: str) -> StrawberryArgument:
        """The argument that the schema calls so."""
        return next(argument for argument in self.arguments if self.name_of(argument) == name)

    def converter(self, name: str) -> Convert:
        """Of one argument: from its coerced value and the info of the field."""
        argument = self.argument(name)
        make = maker(argument.type, self.config.name_converter.from_field)

        def convert(value: Any, info: Any) -> Any:
            if make is not None and value is not None:
                with suppress(Exception):  # which Strawberry raises again
                    return make(value)
            return convert_argument(value, argument.type, self.registry, self.config, info, path=(name,))

        return convert


class _Argument(NamedTuple):
    """`name` is the resolver's; `variable` is None for a constant, which is then the `default`."""

    name: str
    variable: str | None
    default: Any
    required: bool
    convert: Convert | None


class Arguments:
    """The arguments of a field in a document."""

    def __init__(self, definition: GraphQLField, node: FieldNode, conversion: Conversion | None) -> None:
        self._definition = definition
        self._node = node
        self._conversion = conversion
        self._empty = not definition.args and not node.arguments
        self._plain = None if self._empty else self._quick()

    def of(self, run: Run, info: Callable[[], Any]) -> dict[str, Any]:
        """The keywords of the resolver. Raises whatever graphql-core and Strawberry do."""
        if self._empty:
            return {}
        if self._plain is None:
            return self._slow(run, info)
        variables = run.variables
        found: dict[str, Any] = {}
        for name, variable, default, required, convert in self._plain:
            value = default if variable is None else variables.get(variable, default)
            if value is None and required:
                return self._slow(run, info)
            if value is not _MISSING:
                found[name] = value if convert is None else convert(value, info())
            elif required:
                return self._slow(run, info)
        return found

    def _slow(self, run: Run, info: Callable[[], Any]) -> dict[str, Any]:
        raw = get_argument_values(self._definition, self._node, run.variable_values)
        if self._conversion is None:
            return raw
        asked = info()
        found = {}
        for argument in self._conversion.arguments:
            name = self._conversion.name_of(argument)
            if name in raw:
                found[argument.python_name] = self._conversion.converter(name)(raw[name], asked)
        return found

    def _quick(self) -> list[_Argument] | None:
        """Arguments that are constants or plain variables, if all of them are."""
        given = {argument.name.value: argument for argument in self._node.arguments or ()}
        plain = []
        for name, definition in self._definition.args.items():
            argument = given.get(name)
            variable = argument.value.name.value if argument and isinstance(argument.value, VariableNode) else None
            out: dict[str, Any] = {}
            try:
                if variable is None:
                    coerce_argument(out, self._node, name, definition, argument, _NOTHING, None)
                elif not is_required_argument(definition):
                    coerce_argument(out, self._node, name, definition, None, _NOTHING, None)
            except (GraphQLError, TypeError):
                return None  # as it will be for graphql-core, in every execution
            default = next(iter(out.values()), _MISSING)
            if default is not _MISSING and not isinstance(default, _CONSTANT):
                return None
            convert = None
            resolver_name = definition.out_name or name
            if self._conversion is not None:
                described = self._conversion.argument(name)
                resolver_name = described.python_name
                as_is = is_leaf_type(get_nullable_type(definition.type)) and described.type is not GlobalID
                as_is = as_is or (variable is None and default is None)  # a null that is written, or the default
                if not as_is or isinstance(described.type, StrawberryMaybe):
                    convert = self._conversion.converter(name)
            non_null = is_non_null_type(definition.type)
            plain.append(_Argument(resolver_name, variable, default, non_null, convert))
        return plain
