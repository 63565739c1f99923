"""Rows that come along with those they belong to: a page and what a document asks of its rows, in one statement.

    async def _day(ctx: Context, on: date | None = None) -> Told:
        return Told([on or await ctx.today()])

    team: Team | None = column(_team, along=Along(lambda: Team, _directory.team_of_rep, ["rep_id"], _day), ...)

    asked = await asked_of_page(Rep, info, "rep_id", "name")
    rows = await ctx.fetch(query.only(asked.columns), *arguments, *asked.told)
    asked.rows(rows)                                          # whose teams are there already

A statement costs the same whether it brings one column or ten, and more than it takes to decode either. What a field
shows stays for the field to decide: its gates are asked, and what came along stands for what its load would give.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from strawberry.types.base import StrawberryList, StrawberryOptional, get_object_definition

from api.rows import Came, FromRow, Rows, Wanted, wanted, wanted_of_page
from api.sight import Seen
from sql.pool import Record
from sql.queries import Columns, Lateral, Query

if TYPE_CHECKING:
    from api.engine import Field

ALONG = "along"
"""Metadata key of a field: its load, and what of it may come along."""

R = TypeVar("R", bound=FromRow)


class Told(NamedTuple):
    """What an operation tells a query that comes along, and whose rows the viewer sees; `beside` as in `FromRow.of`."""

    values: Sequence[object] = ()
    seen: Seen = None
    beside: Mapping[str, Any] | None = None


Tell = Callable[..., Awaitable[Told | None]]
"""`tell(ctx, **arguments)`: None when it may not come along. Whatever it raises is left for the load to raise."""


@dataclass(frozen=True, slots=True)
class Along:
    """What a load gives, as rows that come along with its parents: at most one of each, or `many`.

    `query` finds those of one parent, by its columns `on` and by what it is told. `of`: its column of the ids that
    `Told.seen` is about.
    """

    kind: Callable[[], type[FromRow]]
    query: Query
    on: Sequence[str]
    tell: Tell | None = None
    many: bool = False
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Asked(Generic[R]):
    """What to fetch of objects: the columns, and what the statement is `told` after its own arguments."""

    kind: type[R]
    columns: Columns | None
    told: Sequence[object] = ()
    along: Mapping[Any, Came] | None = None

    def rows(self, records: Sequence[Record], **beside: Any) -> Rows[R]:
        """The objects."""
        return Rows(self.kind, records, **beside).with_along(self.along or {})


async def asked_of_page(kind: type[R], info: Any, *besides: str) -> Asked[R]:
    """What a document asks of the nodes of a connection, and `besides`."""
    if not hasattr(info, "once"):
        return Asked(kind, None)
    columns, lines = info.once((kind, besides), lambda: _page_of(kind, info, besides))
    return Asked(kind, *await _ask(columns, lines, info)) if lines else Asked(kind, columns)


class _Page(NamedTuple):
    """What a document asks of rows, in every operation. `columns`: without what only the loads of `lines` look at."""

    columns: Columns | None
    lines: "Sequence[_Line]"


class _Line(NamedTuple):
    """A field whose rows may come along. `needs`: the columns that its load looks at, when they do not."""

    field: "Field"
    load: Any
    along: Along
    kind: type[FromRow]
    needs: frozenset[str]
    lateral: tuple[str, Lateral]
    below: "Sequence[_Line]"


def _page_of(kind: type[FromRow], info: Any, besides: Sequence[str]) -> _Page:
    of_edges = wanted(info, "edges", "node")
    return _page(kind, info.below("nodes") if of_edges == frozenset() else (), wanted_of_page(info), besides)


def _page(kind: type[FromRow], fields: "Sequence[Field]", names: Wanted, besides: Sequence[str]) -> _Page:
    columns = kind.columns(names, *besides)
    if names is None or columns is None:
        return _Page(None, ())
    lines = {name: line for field in fields if (name := field.python_name) and (line := _line(kind, field))}
    if not lines:
        return _Page(columns, ())
    rest = kind.columns(names.difference(lines), *besides) or columns
    return _Page(rest._replace(along=tuple(line.lateral for line in lines.values())), list(lines.values()))


def _line(parent: type[FromRow], field: "Field") -> _Line | None:
    load, along = field.metadata.get(ALONG, (None, None))
    name, names = field.python_name, field.wanted()
    if along is None or name is None or names is None:
        return None
    kind, many = along.kind(), along.many
    page = _page(kind, () if many else field.below(), names, ())
    needs = parent.columns(frozenset([name]))
    if page.columns is None or needs is None or (many and _has_lists(kind, names)):
        return None
    lateral = Lateral(along.query, tuple(along.on), many, page.columns)
    return _Line(field, load, along, kind, needs.values, (name, lateral), page.lines)


async def _ask(columns: Columns, lines: Sequence[_Line], info: Any) -> tuple[Columns, list[object], Mapping[Any, Came]]:
    """The columns for this operation, with what it may not have come along loaded, and what the statement is told."""
    told: list[object] = []
    came: dict[Any, Came] = {}
    laterals: list[tuple[str, Lateral]] = []
    values: set[str] = set()
    for field, load, along, kind, needs, (name, lateral), within in lines:
        try:
            arguments = info.arguments_of(field)
            mine = Told() if along.tell is None else await along.tell(info.context, **arguments)
        except Exception:  # the load raises it again, where it belongs
            mine = None
        if mine is None:
            values |= needs
            continue
        its_columns, further, below = await _ask(lateral.columns, within, info)
        told += [*mine.values, *further]
        laterals.append((name, lateral._replace(columns=its_columns)))
        shown = None if mine.seen is None or along.of is None else (along.of, mine.seen)
        if shown is not None:
            values.add(shown[0])
        came[load] = Came(name, arguments, kind, along.many, mine.beside or {}, shown, its_columns, below)
    joined = tuple(laterals)
    if values or joined != columns.along:  # else the very same, of which all is known by their hash
        columns = Columns(columns.values | values, columns.texts - values, joined)
    return columns, told, came


def _has_lists(kind: type[FromRow], names: frozenset[str]) -> bool:
    """Whether columns are lists themselves: an array of arrays has them all of one length."""
    definition: Any = get_object_definition(kind, strict=True)
    types = [one.type for one in definition.fields if one.python_name in names and one.base_resolver is None]
    plain = [type_.of_type if isinstance(type_, StrawberryOptional) else type_ for type_ in types]
    return any(isinstance(type_, StrawberryList) for type_ in plain)
