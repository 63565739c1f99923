"""Types of the graph whose objects are views of stored rows.

    @strawberry.type
    class Scorecard(FromRow, Node):
        week: date = strawberry.field(description="...")          # the row's column of that name
        status: Status = strawberry.field(description="...")
        made = {"status": one_of(Status, "status")}               # what is not just a column

    Scorecard.of(row).week

Nothing is read of a row before somebody asks for it. A batch load that is told what a document `wants` of its objects
fetches only the columns that this takes, decimals as the text that goes out: most of the time of a large page is spent
on decoding what nobody looks at.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, Self

from strawberry.types.base import StrawberryOptional, get_object_definition

from api.relay import global_id
from api.scalars import Ratio
from sql.pool import Record
from sql.queries import Columns

NEEDS = "needs"
"""Metadata key of a field: the attributes of its object that its load looks at."""

WANTED = "wanted"
"""The parameter of a load that is told what is asked of its objects."""

Wanted = frozenset[str] | None
"""The attributes that a document asks of the objects of a load; None when that is not known, and all may be."""


class Made(NamedTuple):
    """An attribute that is made of columns: `make(view)` looks at these columns of its `row` and no others."""

    make: Callable[[Any], Any]
    columns: Sequence[str]


def one_of(kind: type[Enum], column: str) -> Made:
    """The member of an enum that a column names; null stays None."""
    members = kind._value2member_map_

    def make(view: Any) -> Any:
        value = view.row[column]
        return None if value is None else members[value]

    return Made(make, [column])


def node_id(type_name: str, column: str) -> Made:
    """The global id of a node whose key is a column."""
    return Made(lambda view: global_id(type_name, view.row[column]), [column])


class FromRow:
    """An object whose attributes are columns of its row, or `made` of them."""

    made: ClassVar[Mapping[str, Made]] = {}
    row: Record

    @classmethod
    def of(cls, row: Record) -> Self:
        """A view of the row."""
        view = cls.__new__(cls)
        view.row = row
        return view

    def __getattr__(self, name: str) -> Any:
        made = self.made.get(name)
        if made is not None:
            value = self.__dict__[name] = made.make(self)
            return value
        try:
            return self.__dict__["row"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name}") from None

    @classmethod
    def column_of(cls, name: str) -> Callable[[Sequence[Any]], list[Any]]:
        """How the engine reads an attribute of many."""
        made = cls.made.get(name)
        if made is not None:
            make = made.make
            return lambda views: [make(view) for view in views]
        return lambda views: [view.row[name] for view in views]

    @classmethod
    def columns(cls, wanted: Wanted, *besides: str) -> Columns | None:
        """The columns to fetch for these attributes, and `besides`; None for all."""
        return None if wanted is None else _columns(cls, wanted, besides)  # type: ignore[arg-type]


@lru_cache(maxsize=10_000)
def _columns(cls: type[FromRow], wanted: frozenset[str], besides: tuple[str, ...]) -> Columns | None:
    definition: Any = get_object_definition(cls, strict=True)
    fields = {field.python_name: field for field in definition.fields}
    texts: set[str] = set()
    values = set(besides)
    for name in wanted:
        field = fields[name]
        if field.base_resolver is None:
            if name not in cls.made and _is_decimal(field.type):
                texts.add(name)
            else:
                values.update(_behind(cls, name))
            continue
        needs = (field.metadata or {}).get(NEEDS)
        if needs is None:
            return None
        for attribute in needs:
            values.update(_behind(cls, attribute))
    return Columns(frozenset(values), frozenset(texts - values))


def _behind(cls: type[FromRow], attribute: str) -> Sequence[str]:
    made = cls.made.get(attribute)
    return [attribute] if made is None else made.columns


def _is_decimal(type_: Any) -> bool:
    return (type_.of_type if isinstance(type_, StrawberryOptional) else type_) in (Decimal, Ratio)


def keys_of(*attributes: str) -> Callable[[Sequence[Any]], list[Any]]:
    """Reads an attribute of each object, or the tuple of several."""
    of_one: Callable[[Any], Any] = attrgetter(*attributes)

    def keys(objects: Sequence[Any]) -> list[Any]:
        kind: Any = type(objects[0]) if objects else object
        if not issubclass(kind, FromRow) or any("." in name for name in attributes):
            return list(map(of_one, objects))
        columns = [kind.column_of(name)(objects) for name in attributes]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    return keys


def wanted(info: Any, *path: str) -> Wanted:
    """What the document asks of the objects of a field, or of those at the end of a path of fields below it."""
    asked: Wanted = info.wanted(path) if hasattr(info, "wanted") else None
    return asked


def wanted_of_page(info: Any) -> Wanted:
    """What the document asks of the nodes of a connection."""
    nodes, of_edges = wanted(info, "nodes"), wanted(info, "edges", "node")
    return None if nodes is None or of_edges is None else nodes | of_edges
