"""Types of the graph whose objects are views of stored rows.

    @strawberry.type
    class Scorecard(FromRow, Node):
        week: date = strawberry.field(description="...")          # the row's column of that name
        status: Status = strawberry.field(description="...")
        made = {"status": one_of(Status, "status")}               # what is not just a column

    Scorecard.of(row).week
    Rows(Scorecard, rows)                                         # all of them, read by the column

Nothing is read of a row before somebody asks for it, and the engine makes no objects of `Rows` but asks for columns. A
batch load that is told what a document `wants` of its objects fetches only the columns that this takes, decimals as the
text that goes out: most of the time of a large page is spent on what nobody looks at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import lru_cache, partial
from itertools import chain, count
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, Self, TypeVar
from uuid import UUID

from strawberry.types.base import StrawberryOptional, get_object_definition

from api.engine import Many, Ones, Table
from api.relay import global_id
from api.scalars import Ratio
from sql.pool import Record
from sql.queries import Columns

PLACE = "place"
"""The column of a query that says which of the keys it was asked for a row answers, from 1."""

NEEDS = "needs"
"""Metadata key of a field: the attributes of its object that its load looks at."""

WANTED = "wanted"
"""The parameter of a load that is told what is asked of its objects."""

R = TypeVar("R", bound="FromRow")

Wanted = frozenset[str] | None
"""The attributes that a document asks of the objects of a load; None when that is not known, and all may be."""


class Made(NamedTuple):
    """An attribute that is made of columns: `make` takes their values in this order."""

    make: Callable[..., Any]
    columns: Sequence[str]


def one_of(kind: type[Enum], column: str) -> Made:
    """The member of an enum that a column names; null stays None."""
    return Made({None: None, **kind._value2member_map_}.__getitem__, [column])


def node_id(type_name: str, column: str) -> Made:
    """The global id of a node whose key is a column."""
    return Made(partial(global_id, type_name), [column])


class FromRow:
    """An object whose attributes are columns of its row, or `made` of them.

    What is `made` may take, besides columns, what all rows of a load share: `of(row, calendar=...)`.
    """

    made: ClassVar[Mapping[str, Made]] = {}
    shared: ClassVar[Sequence[str]] = ()
    row: Record
    beside: Mapping[str, Any]

    @classmethod
    def of(cls, row: Record, **beside: Any) -> Self:
        """A view of the row."""
        view = cls.__new__(cls)
        view.row = row
        view.beside = beside
        return view

    def __getattr__(self, name: str) -> Any:
        row, beside = self.__dict__["row"], self.__dict__["beside"]
        made = self.made.get(name)
        try:
            if made is None:
                return beside[name] if name in beside else row[name]
            values = [beside[column] if column in beside else row[column] for column in made.columns]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name}") from None
        value = self.__dict__[name] = made.make(*values)
        return value

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
    return [attribute] if made is None else [column for column in made.columns if column not in cls.shared]


def _is_decimal(type_: Any) -> bool:
    return (type_.of_type if isinstance(type_, StrawberryOptional) else type_) in (Decimal, Ratio)


class Stored:
    """Rows as they were fetched, or only columns of so many."""

    __slots__ = ("_columns", "_length", "records")

    def __init__(self, records: Sequence[Record] | None, columns: dict[str, list[Any]] | None, length: int) -> None:
        self.records = records
        self._columns = columns
        self._length = length

    def __len__(self) -> int:
        return self._length

    @property
    def columns(self) -> dict[str, list[Any]]:
        """All columns by name; none of no rows."""
        if self._columns is None:
            records = self.records or ()
            names = records[0].keys() if records else ()
            self._columns = dict(zip(names, map(list, zip(*records, strict=True)), strict=True))
        return self._columns

    def take(self, positions: Sequence[int]) -> "Stored":
        """Those at these positions."""
        if self.records is not None:
            return Stored([self.records[position] for position in positions], None, len(positions))
        columns = {name: [column[place] for place in positions] for name, column in self.columns.items()}
        return Stored(None, columns, len(positions))


class Came(NamedTuple):
    """Rows that came along with those they belong to, under a name. `shown`: of whom they are shown, where not of all:
    those whose ids, of a column, are among these.
    """

    name: str
    arguments: Mapping[str, Any]
    kind: "type[FromRow]"
    many: bool
    beside: Mapping[str, Any]
    shown: tuple[str, frozenset[UUID]] | None
    columns: Columns
    along: "Mapping[Any, Came]"


class Rows(Table[R]):
    """Stored rows as objects of a type."""

    __slots__ = ("_along", "_beside", "_prefix", "_stored", "kind")

    def __init__(self, kind: type[R], records: Sequence[Record], **beside: Any) -> None:
        self._set(kind, Stored(records, None, len(records)), "", beside, {})

    def _set(
        self, kind: type[R], stored: Stored, prefix: str, beside: Mapping[str, Any], along: Mapping[Any, Came]
    ) -> "Rows[R]":
        self.kind = kind
        self._stored = stored
        self._prefix = prefix
        self._beside = beside
        self._along = along
        return self

    def with_along(self, along: Mapping[Any, Came]) -> "Rows[R]":
        """The same with what came along, by the load that would be asked for it."""
        self._along = along
        return self

    def __len__(self) -> int:
        return len(self._stored)

    def __iter__(self) -> Iterator[R]:
        records: Any = self._stored.records
        if records is None or self._prefix:
            columns = self._stored.columns
            names = [name for name in columns if name.startswith(self._prefix)]
            called = [name.removeprefix(self._prefix) for name in names]
            values = zip(*(columns[name] for name in names), strict=True)
            records = (dict(zip(called, row, strict=True)) for row in values)
        return (self.kind.of(record, **self._beside) for record in records)

    def take(self, positions: Sequence[int]) -> "Rows[R]":
        """Those at these positions."""
        taken: Rows[R] = Rows.__new__(Rows)
        return taken._set(self.kind, self._stored.take(positions), self._prefix, self._beside, self._along)

    def column(self, name: str) -> list[Any]:
        """An attribute of all."""
        made = self.kind.made.get(name)
        return self.stored(name) if made is None else list(map(made.make, *map(self.stored, made.columns)))

    def stored(self, column: str) -> list[Any]:
        """A column as it is stored."""
        if column in self._beside:
            return [self._beside[column]] * len(self._stored)
        return self._stored.columns[self._prefix + column if self._prefix else column]

    def along(self, load: Any, arguments: Mapping[str, Any]) -> "Rows[Any] | Ones[Any] | Many[Any] | None":
        """What came along for a load with these arguments; None when nothing did."""
        came = self._along.get(load)
        if came is None or came.arguments != arguments or not self._stored:
            return None
        found = self.stored(came.name)
        rows: Rows[Any] = Rows.__new__(Rows)
        if came.many:
            names = came.columns.values | came.columns.texts
            columns = {name: _joined(self.stored(f"{came.name}.{name}")) for name in names}
            stored = Stored(None, columns, sum(found))
            return Many(rows._set(came.kind, stored, "", came.beside, {}), found)
        if came.shown is not None:
            ids, among = self.stored(came.shown[0]), came.shown[1]
            found = [there and one in among for there, one in zip(found, ids, strict=True)]
        rows._set(came.kind, self._stored, f"{self._prefix}{came.name}.", came.beside, came.along)
        if all(found):
            return rows
        places = [place for place, there in enumerate(found) if there]
        number = count()
        return Ones(rows.take(places), [next(number) if there else None for there in found])

    def by(self, column: str, keys: Sequence[Any]) -> Ones[R]:
        """For each key the row that has it in a column; None without one. No other rows were asked for."""
        if not self._stored:
            return Ones(self, [None] * len(keys))
        found = {key: position for position, key in enumerate(self.stored(column))}
        return Ones(self, list(map(found.get, keys)))

    def placed(self, column: str, length: int) -> Ones[R]:
        """For each of so many keys the row with its number, from 1, in a column; None without one."""
        places: list[int | None] = [None] * length
        for position, number in enumerate(self.stored(column) if self._stored else ()):
            places[number - 1] = position
        return Ones(self, places)

    def listed(self, column: str, length: int) -> Many[R]:
        """For each of so many keys the rows with its number, from 1, in a column, by which rows are ordered."""
        lengths = [0] * length
        for number in self.stored(column) if self._stored else ():
            lengths[number - 1] += 1
        return Many(self, lengths)


def _joined(arrays: Sequence[list[Any] | None]) -> list[Any]:
    return list(chain.from_iterable(filter(None, arrays)))


def _one_each(column: list[Any]) -> list[Any]:
    """One object for equal ids: an id remembers its hash, which takes longer to make than to find the id."""
    if not column or not isinstance(column[0], UUID):
        return column
    known: dict[bytes | None, UUID] = {}
    return [None if one is None else known.setdefault(one.bytes, one) for one in column]


def keys_of(*attributes: str) -> Callable[[Sequence[Any]], list[Any]]:
    """Reads an attribute of each object, or the tuple of several."""
    of_one: Callable[[Any], Any] = attrgetter(*attributes)

    def keys(objects: Sequence[Any]) -> list[Any]:
        if not isinstance(objects, Table) or any("." in name for name in attributes):
            return list(map(of_one, objects))
        columns = [_one_each(objects.column(name)) for name in attributes]
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
