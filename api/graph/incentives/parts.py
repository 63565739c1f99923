"""Documents of the domain in the graph: each part as the type that shows it and the input that states it.

A plan's terms are shown and stated field by field alike, so both are made from the one frozen dataclass, whose fields
are described once. What resolves to the type is the dataclass itself.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import strawberry

from api.scalars import Ratio
from domain.incentives.codec import spelled
from domain.incentives.component import Component

SHOWN: dict[type, Any] = {}
STATED: dict[type, Any] = {}


def part(
    domain: type,
    name: str,
    description: str,
    ratios: tuple[str, ...] = (),
    /,
    *,
    implements: Any = None,
    **described: str,
) -> None:
    """Show `domain` as `name` and state it as `nameInput`; `ratios` are the decimals that are shares.

    The parts that it consists of come before it. Raises `ValueError` when a field has no description, or a description
    no field.
    """
    hints = _hints(domain, described, ratios)
    shown = _type(name, (implements,) if implements else (), hints, _shown_fields(described), SHOWN)
    if implements:
        shown.is_type_of = classmethod(lambda _cls, value, _info: type(value) is domain)
    SHOWN[domain] = strawberry.type(shown, name=name, description=description)
    stated = {f.name: _stated_field(f, described[f.name]) for f in _fields(domain)}
    wanted = {f.name: hints[f.name] | None if _implied(f) else hints[f.name] for f in _fields(domain)}
    STATED[domain] = strawberry.input(
        _type(f"{name}Input", (), wanted, stated, STATED), name=f"{name}Input", description=description
    )


def interface(domain: type, name: str, description: str, /, **described: str) -> Any:
    """Show a dataclass that others derive from."""
    shown = _type(name, (), _hints(domain, described, ()), _shown_fields(described), SHOWN)
    SHOWN[domain] = strawberry.interface(shown, name=name, description=description)
    return SHOWN[domain]


def either(domain: type, name: str, description: str, /, **kinds: tuple[type, str]) -> None:
    """State a dataclass as one of those that derive from it, each under a field of its own."""
    wanted = {key: STATED[kind] | None for key, (kind, _) in kinds.items()}
    body = {
        key: strawberry.field(default=strawberry.UNSET, description=described) for key, (_, described) in kinds.items()
    }
    made = _type(name, (), wanted, body, {})
    STATED[domain] = strawberry.input(made, name=name, description=description, one_of=True)


def as_json(given: Any) -> Any:
    """What an input states, as `domain.incentives.codec` reads it; what is left out is left out."""
    if isinstance(given, list):
        return [as_json(item) for item in given]
    if not is_dataclass(given):
        return given
    stated = {
        spelled(f.name): as_json(value)
        for f in fields(given)
        if (value := getattr(given, f.name)) is not strawberry.UNSET
    }
    if type(given) is STATED.get(Component):
        ((kind, component),) = stated.items()
        return {"type": kind.upper(), **component}
    return stated


def path_of(given: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    """Where the input states what has this path in the document: a component is under the name of its kind."""
    if path[:1] == ("components",) and len(path) > 1 and path[1].isdigit() and int(path[1]) < len(given.components):
        component = given.components[int(path[1])]
        kind = next(f.name for f in fields(component) if getattr(component, f.name) is not strawberry.UNSET)
        return (*path[:2], kind, *path[2:])
    return path


def _fields(domain: type) -> tuple[Field[Any], ...]:
    if not is_dataclass(domain):
        raise TypeError(domain)
    return fields(domain)


def _hints(domain: type, described: Mapping[str, str], ratios: tuple[str, ...]) -> dict[str, Any]:
    hints = {f.name: get_type_hints(domain)[f.name] for f in _fields(domain)}
    if hints.keys() != described.keys():
        raise ValueError(f"{domain.__name__}: describe {hints.keys() ^ described.keys()} or leave it out")
    return hints | {name: Ratio | None if _optional(hints[name]) else Ratio for name in ratios}


def _type(name: str, bases: tuple[Any, ...], hints: Mapping[str, Any], body: dict[str, Any], made: Any) -> Any:
    annotations = {key: _translated(hint, made) for key, hint in hints.items()}
    return type(name, bases, {"__annotations__": annotations, "__module__": __name__, **body})


def _translated(hint: Any, made: Mapping[type, Any]) -> Any:
    if _optional(hint):
        (kind,) = (option for option in get_args(hint) if option is not NoneType)
        return _translated(kind, made) | None
    if get_origin(hint) is tuple:
        return list[_translated(get_args(hint)[0], made)]  # type: ignore[misc]
    return made.get(hint, hint)


def _optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)


def _shown_fields(described: Mapping[str, str]) -> dict[str, Any]:
    return {name: strawberry.field(name=spelled(name), description=text) for name, text in described.items()}


def _stated_field(field: Field[Any], description: str) -> Any:
    if field.default is MISSING:
        return strawberry.field(name=spelled(field.name), description=description)
    if isinstance(field.default, tuple):
        return strawberry.field(name=spelled(field.name), description=description, default_factory=list)
    default = strawberry.UNSET if _implied(field) else field.default
    return strawberry.field(name=spelled(field.name), description=description, default=default)


def _implied(field: Field[Any]) -> bool:
    """Whether leaving it out states a whole part."""
    return is_dataclass(field.default)
