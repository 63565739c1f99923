"""Rows that come along with those they belong to: a page and what a document asks of its rows, in one statement.

    async def _team_along(ctx: Context, on: date | None = None) -> Along | None:
        return Along(Team, _directory.team_of_rep, on=["rep_id"], told=[on or await ctx.today()])

    team: Team | None = column(_team, along=_team_along, ...)

    asked = await asked_of_page(Rep, info, "rep_id", "name")
    rows = await ctx.fetch(query.only(asked.columns), *arguments, *asked.told)
    asked.rows(rows)                                          # whose teams are there already

A statement costs the same whether it brings one column or ten, and more than it takes to decode either. What a field
shows stays for the field to decide: its gates are asked, and what came along stands for what its load would give.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

from strawberry.types.base import StrawberryList, StrawberryOptional, get_object_definition

from api.rows import Came, FromRow, Rows, Wanted, wanted, wanted_of_page
from api.sight import Seen
from sql.pool import Record
from sql.queries import Columns, Lateral, Query

ALONG = "along"
"""Metadata key of a field: its load, and what says what of it may come along."""

R = TypeVar("R", bound=FromRow)


@dataclass(frozen=True, slots=True)
class Along:
    """What a load would give, as rows that come along with its parents: at most one of each, or `many`.

    `query` finds those of one parent, by its columns `on` and by what it is `told`. `seen`: a column of ids of the
    parents, and those of which the viewer sees it.
    """

    kind: type[FromRow]
    query: Query
    on: Sequence[str]
    told: Sequence[object] = ()
    many: bool = False
    seen: tuple[str, Seen] | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)


Bring = Callable[..., Awaitable[Along | None]]
"""`bring(ctx, **arguments)`: None when it may not come along. Whatever it raises is left for the load to raise."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[R]):
    """What to fetch of objects: the columns, and what the statement is `told` after its own arguments."""

    kind: type[R]
    columns: Columns | None
    told: Sequence[object]
    along: Mapping[Any, Came]

    def rows(self, records: Sequence[Record], **beside: Any) -> Rows[R]:
        """The objects."""
        return Rows(self.kind, records, **beside).with_along(self.along)


async def asked_of_page(kind: type[R], info: Any, *besides: str) -> Asked[R]:
    """What a document asks of the nodes of a connection, and `besides`."""
    of_edges = wanted(info, "edges", "node")
    return await _asked(kind, info, ["nodes"], wanted_of_page(info), besides, alone=of_edges == frozenset())


async def _asked(
    kind: type[R], info: Any, path: Sequence[str], names: Wanted, besides: Sequence[str], *, alone: bool
) -> Asked[R]:
    columns = kind.columns(names, *besides)
    if columns is None or not alone:
        return Asked(kind, columns, (), {})
    laterals: list[tuple[str, Lateral]] = []
    told: list[object] = []
    along: dict[Any, Came] = {}
    needed: set[str] = set()
    for below in info.below(*path):
        load, bring = below.metadata.get(ALONG, (None, None))
        if bring is None:
            continue
        try:
            arguments = below.arguments()
            brought = await bring(info.context, **arguments)
        except Exception:  # noqa: S112 - the load raises it again, where it belongs
            continue
        if brought is None or (brought.many and _has_lists(brought.kind, below.wanted())):
            continue
        asked = await _asked(brought.kind, below, (), below.wanted(), (), alone=True)
        if asked.columns is None:
            continue
        name = below.python_name
        told_of = len(brought.told)
        laterals.append((name, Lateral(brought.query, tuple(brought.on), told_of, brought.many, asked.columns)))
        told += [*brought.told, *asked.told]
        shown = brought.seen if brought.seen is not None and brought.seen[1] is not None else None
        needed |= {shown[0]} if shown else set()
        along[load] = Came(
            name, arguments, brought.kind, brought.many, brought.beside, shown, asked.columns, asked.along
        )
    if laterals:
        columns = Columns(columns.values | needed, columns.texts - needed, tuple(laterals))
    return Asked(kind, columns, told, along)


@lru_cache(maxsize=10_000)
def _has_lists(kind: type[FromRow], names: frozenset[str]) -> bool:
    """Whether columns are lists themselves: an array of arrays has them all of one length."""
    definition: Any = get_object_definition(kind, strict=True)
    types = [one.type for one in definition.fields if one.python_name in names and one.base_resolver is None]
    plain = [type_.of_type if isinstance(type_, StrawberryOptional) else type_ for type_ in types]
    return any(isinstance(type_, StrawberryList) for type_ in plain)
