"""Frozen dataclasses as JSON and back: decimals are strings, dates ISO, enums their names, fields in camel case.

A component carries its `type`. Reading notes every problem under the path at which it is, and makes nothing of data
that has one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from reprlib import repr as shown
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from domain.errors import Problem, Rejected
from domain.incentives.component import Component
from domain.incentives.components import Bonus, Commission, Curve, Mbo, Spiff
from domain.money import LARGEST, plain

T = TypeVar("T")
Path = tuple[str, ...]

COMPONENTS: Mapping[str, type[Component]] = {
    "COMMISSION": Commission,
    "CURVE": Curve,
    "BONUS": Bonus,
    "MBO": Mbo,
    "SPIFF": Spiff,
}
TYPE_OF = {kind: name for name, kind in COMPONENTS.items()}

_SPELLED = {"start": "from", "end": "to"}
_DECIMALS = 100


class _Flawed(Exception):
    """A part could not be read; its problems are noted."""


def spelled(name: str) -> str:
    """A field's name in the graph: `tie_break` is `tieBreak`, `start` is `from`."""
    head, *rest = _SPELLED.get(name, name).split("_")
    return head + "".join(word.title() for word in rest)


def to_json(value: object) -> Any:
    """Plain JSON of a dataclass or anything in one. Fields at their default are left out."""
    return to_data(value, _scalar_json)


def to_data(value: object, scalar: Callable[[Any], Any], *, whole: bool = False) -> Any:
    """The same with scalars as `scalar` writes them; the `whole` of it says what is at its default too."""
    if is_dataclass(value) and not isinstance(value, type):
        stored: dict[str, Any] = {"type": TYPE_OF[type(value)]} if isinstance(value, Component) else {}
        for name, default in _defaults(type(value)):
            item = getattr(value, name)
            if whole or default is MISSING or item != default:
                stored[spelled(name)] = to_data(item, scalar, whole=whole)
        return stored
    if isinstance(value, tuple):
        return [to_data(item, scalar, whole=whole) for item in value]
    return value.value if isinstance(value, Enum) else scalar(value)


def _scalar_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date) else value


def from_json(kind: type[T], stored: object) -> T:
    """What `to_json` wrote. Raises `Rejected` with every problem of it at once."""
    problems: list[Problem] = []
    try:
        value: T = _read(kind, stored, (), problems)
    except _Flawed:
        raise Rejected(*problems) from None
    return value


def _read(kind: Any, stored: object, path: Path, problems: list[Problem]) -> Any:
    if get_origin(kind) in (Union, UnionType):
        if stored is None:
            return None
        kind = next(option for option in get_args(kind) if option is not NoneType)
    if get_origin(kind) is tuple:
        return _items(get_args(kind), stored, path, problems)
    if kind is Component:
        kind = _component(stored, path, problems)
    if is_dataclass(kind):
        return _object(kind, stored, path, problems)
    try:
        return _scalar(kind, stored)
    except (TypeError, ValueError, InvalidOperation):
        raise _noted(problems, "INVALID", f"{_asked(kind)}, not {shown(stored)}.", path) from None


def _object(kind: Any, stored: object, path: Path, problems: list[Problem]) -> Any:
    if not isinstance(stored, Mapping):
        raise _noted(problems, "INVALID", f"Write fields with values here, not {shown(stored)}.", path)
    hints, names = _hints(kind), {spelled(name): name for name, _ in _defaults(kind)}
    flawed, values = False, {}
    for name in stored:
        if name not in names and not (name == "type" and kind in TYPE_OF):
            _noted(
                problems,
                "UNKNOWN_FIELD",
                f"There is no field {name}; there are {', '.join(names)}.",
                (*path, str(name)),
            )
            flawed = True
    for name, field in names.items():
        if name in stored:
            try:
                values[field] = _read(hints[field], stored[name], (*path, name), problems)
            except _Flawed:
                flawed = True
    for field, default in _defaults(kind):
        if default is MISSING and spelled(field) not in stored:
            _noted(problems, "REQUIRED", f"{spelled(field)} is required.", (*path, spelled(field)))
            flawed = True
    if flawed:
        raise _Flawed
    return kind(**values)


def _items(kinds: tuple[Any, ...], stored: object, path: Path, problems: list[Problem]) -> tuple[Any, ...]:
    if not isinstance(stored, Sequence) or isinstance(stored, str):
        raise _noted(problems, "INVALID", f"Write a list here, not {shown(stored)}.", path)
    if kinds[-1] is not Ellipsis and len(kinds) != len(stored):
        raise _noted(problems, "INVALID", f"Write {len(kinds)} values here.", path)
    flawed, items = False, []
    for i, item in enumerate(stored):
        try:
            items.append(_read(kinds[0], item, (*path, str(i)), problems))
        except _Flawed:
            flawed = True
    if flawed:
        raise _Flawed
    return tuple(items)


def _component(stored: object, path: Path, problems: list[Problem]) -> type[Component]:
    name = stored.get("type") if isinstance(stored, Mapping) else None
    if not isinstance(name, str) or name not in COMPONENTS:
        raise _noted(
            problems, "INVALID", f"The type of a component is one of {', '.join(COMPONENTS)}.", (*path, "type")
        )
    return COMPONENTS[name]


def _scalar(kind: Any, stored: object) -> Any:
    """Raises `TypeError`, `ValueError` or `InvalidOperation` for what is no value of the kind; a float lost digits."""
    if kind is bool or kind is int:
        if type(stored) is not kind:
            raise TypeError
        return stored
    if kind is Decimal:
        return _decimal(stored)
    if kind is date:
        if type(stored) is date:
            return stored
        if not isinstance(stored, str):
            raise TypeError
        return date.fromisoformat(stored)
    if not isinstance(stored, str):
        raise TypeError
    return kind(stored)


def _decimal(stored: object) -> Decimal:
    if isinstance(stored, bool) or not isinstance(stored, int | str | Decimal):
        raise TypeError
    if isinstance(stored, str) and "_" in stored:
        raise ValueError
    number = Decimal(stored)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_DECIMALS or number.copy_abs() >= LARGEST:
        raise ValueError
    return number


def _asked(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"Write one of {', '.join(kind)}"
    return {
        Decimal: f"Write a decimal below 10^15 with at most {_DECIMALS} decimals",
        date: "Write a date such as 2027-01-31",
        bool: "Write true or false",
        int: "Write a whole number",
    }.get(kind, "Write a text")


def _noted(problems: list[Problem], code: str, message: str, path: Path) -> _Flawed:
    problems.append(Problem(code, message, path))
    return _Flawed()


@cache
def _defaults(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)
