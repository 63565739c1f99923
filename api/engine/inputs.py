"""Input values, compiled by their types: from what a client sends to what the specification makes of it, and on to
Strawberry's objects.

What does not fit raises whatever it may. Then graphql-core and Strawberry do it anew, and say what is wrong.
"""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any, NamedTuple, cast

from graphql import (
    GraphQLBoolean,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLString,
    Undefined,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry import Some
from strawberry.relay import GlobalID
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType

Make = Callable[[Any], Any]

_AS_SENT = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


class Unfit(Exception):
    """It is no value of the type, or not one that is seen to here."""


def _unfit(_value: Any) -> Any:
    raise Unfit


class Slot(NamedTuple):
    """A place for values of a type. Those of the class `as_sent` stay what they are, `make` is for all others."""

    name: str
    as_sent: type | None
    required: bool
    make: Make

    def coerce(self, value: Any) -> Any:
        """As the specification has it."""
        if type(value) is self.as_sent:
            return value
        if value is not None:
            return self.make(value)
        if self.required:
            raise Unfit
        return None


def slot(name: str, type_: GraphQLInputType, within: frozenset[Any] = frozenset()) -> Slot:
    """A place. `within`: the input objects around it; what recurs is bounded in its depth, and not seen to here."""
    inner: Any = get_nullable_type(type_)
    if is_list_type(inner):
        make = _list(slot(name, inner.of_type, within))
    elif is_input_object_type(inner):
        make = _unfit if inner in within else _object(inner, within | {inner})
    else:
        make = inner.coerce_input_value
    return Slot(name, _AS_SENT.get(inner), is_non_null_type(type_), make)


def _list(item: Slot) -> Make:
    coerce = item.coerce

    def make(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Unfit
        return [coerce(one) for one in value]

    return make


def _object(type_: GraphQLInputObjectType, within: frozenset[Any]) -> Make:
    slots = {name: slot(field.out_name or name, field.type, within) for name, field in type_.fields.items()}
    required = {name for name, field in type_.fields.items() if is_required_input_field(field)}
    usual = {slots[name].name: coerce_default_value(field) for name, field in type_.fields.items()}
    defaults = {name: value for name, value in usual.items() if value is not Undefined}
    finish = cast("Make", type_.out_type)

    def make(value: Any) -> Any:
        if not isinstance(value, dict) or not required <= value.keys():
            raise Unfit
        made = defaults.copy()
        for name, one in value.items():
            called, as_sent, non_null, other = slots[name]
            if type(one) is as_sent:
                made[called] = one
            elif one is not None:
                made[called] = other(one)
            elif non_null:
                raise Unfit
            else:
                made[called] = None
        if type_.is_one_of and (len(made) != 1 or None in made.values()):
            raise Unfit
        return finish(made)

    return make


def maker(type_: Any, name_of: Callable[[StrawberryField], str], within: frozenset[Any] = frozenset()) -> Make | None:
    """How coerced values become those of a type of Strawberry's; None where they are."""
    if isinstance(type_, StrawberryMaybe):
        return _some(type_.of_type, maker(type_.of_type, name_of, within))
    if isinstance(type_, StrawberryOptional):
        return _optional(maker(type_.of_type, name_of, within))
    if isinstance(type_, LazyType):
        return maker(type_.resolve_type(), name_of, within)
    if isinstance(type_, StrawberryList):
        return _every(maker(type_.of_type, name_of, within))
    if type_ is GlobalID or type_ in within:
        return _unfit
    return _instance(type_, name_of, within | {type_}) if has_object_definition(type_) else None


def _optional(make: Make | None) -> Make | None:
    return None if make is None else lambda value: None if value is None else make(value)


def _every(make: Make | None) -> Make:
    return list if make is None else lambda values: [make(value) for value in values]


def _some(type_: Any, make: Make | None) -> Make:
    nullable = isinstance(type_, StrawberryOptional)

    def wrap(value: Any) -> Any:
        if value is None and not nullable:
            raise Unfit
        return Some(value if make is None else make(value))

    return wrap


def _instance(type_: Any, name_of: Callable[[StrawberryField], str], within: frozenset[Any]) -> Make:
    definition = type_.__strawberry_definition__
    if definition.from_input is not None:
        return _unfit
    fields = {
        name_of(field): (field.python_name, maker(field.resolve_type(type_definition=definition), name_of, within))
        for field in definition.fields
    }
    absent = [
        field.python_name
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    ]
    nothing = dict.fromkeys(absent)

    def make(value: Any) -> Any:
        given: dict[str, Any] = nothing.copy()
        for name, one in value.items():
            called, of_field = fields[name]
            given[called] = one if of_field is None else of_field(one)
        return type_(**given)

    return make
