"""Named queries from `queries/*.sql`: plain SQL with native `$1`, so that each can be pasted into psql.

A query starts with `-- name: rep_by_id`, then one comment line of why it exists. `$1` is always the organisation:
`Session` passes it, so no caller can forget it. `queries("org").rep_by_id` is the query.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent / "queries"
_HEADER = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
# What no query calls its own tables: they would hide it.
_ROWS = '">"'
_PARAMETER = re.compile(r"\$(\d+)")


class Columns(NamedTuple):
    """Some columns of a query; `texts` are numbers that come as text, without trailing zeros.

    `along`: what comes along with each row, by a name that tells its columns from the row's own.
    """

    values: frozenset[str]
    texts: frozenset[str] = frozenset()
    along: "tuple[tuple[str, Lateral], ...]" = ()

    def expressions(self, of: str) -> Iterator[tuple[str, str]]:
        """Each column's name, and what it is of the rows called `of`."""
        yield from ((name, f"{of}.{name}") for name in sorted(self.values))
        yield from ((name, f"trim_scale({of}.{name})::text") for name in sorted(self.texts))


class Lateral(NamedTuple):
    """The rows of another query that belong to a row: after the organisation it takes that row's columns `on`. What it
    takes besides comes after the parameters of the statement and of what stands before.

    One row at most comes as `name.column`, and in `name` whether it is there; of `many` each column is an array, and
    `name` is their number.
    """

    query: "Query"
    on: tuple[str, ...]
    many: bool
    columns: Columns


class Query(NamedTuple):
    """A statement and the name it is counted and logged under (`org.rep_by_id`)."""

    name: str
    text: str

    @property
    def parameters(self) -> int:
        """How many it takes, the organisation among them."""
        return max((int(number) for number in _PARAMETER.findall(self.text)), default=0)

    def only(self, columns: Columns | None) -> "Query":
        """The same rows in the same order with these columns alone, None for all; Postgres makes no others."""
        return self if columns is None else _only(self, columns)


@lru_cache(maxsize=10_000)
def _only(query: Query, columns: Columns) -> Query:
    free = count(1 + query.parameters)
    shown, joins = _select(_ROWS, "", columns, free)
    text = f"select {', '.join(shown) or '1'} from ({query.text.rstrip(';')}) {_ROWS}{''.join(joins)}"  # noqa: S608
    return Query(query.name, text)


def _select(of: str, prefix: str, columns: Columns, free: Iterator[int]) -> tuple[list[str], list[str]]:
    """What to select of rows called `of` and of what comes along with them, and how that is joined: all names are ours.

    Each join looks its rows up for one row after the other, so that those stay in their order.
    """
    shown = [f'{value} as "{prefix}{name}"' for name, value in columns.expressions(of)]
    joins = []
    for name, (query, on, many, its_columns) in columns.along:
        alias = f'">{prefix}{name}"'
        given = [
            "$1",
            *(f"{of}.{column}" for column in on),
            *(f"${next(free)}" for _ in range(1 + len(on), query.parameters)),
        ]
        text = _PARAMETER.sub(lambda found, given=given: given[int(found[1]) - 1], query.text.rstrip(";"))  # type: ignore[misc]
        shown.append(f'{alias}.found as "{prefix}{name}"')
        if many:
            arrays = "".join(f", array_agg({value}) as {column}" for column, value in its_columns.expressions("o"))
            joins.append(f" cross join lateral (select count(*) as found{arrays} from ({text}) o) {alias}")  # noqa: S608
            names = its_columns.values | its_columns.texts
            shown += [f'{alias}.{column} as "{prefix}{name}.{column}"' for column in sorted(names)]
        else:
            joins.append(f" left join lateral (select true as found, o.* from ({text}) o limit 1) {alias} on true")  # noqa: S608
            below, further = _select(alias, f"{prefix}{name}.", its_columns, free)
            shown += below
            joins += further
    return shown, joins


class Queries:
    """The queries of one area, as attributes. A name that does not exist raises `AttributeError` at import."""

    def __init__(self, area: str, found: dict[str, Query]) -> None:
        self.area = area
        self.all = found

    def __getattr__(self, name: str) -> Query:
        try:
            return self.all[name]
        except KeyError:
            raise AttributeError(f"{self.area}.sql has no query named {name!r}") from None


@cache
def queries(area: str) -> Queries:
    """Load `queries/{area}.sql`. Raises `ValueError` when a name stands twice."""
    return read(_FOLDER / f"{area}.sql")


def read(path: Path) -> Queries:
    """Load a file of queries. Raises `ValueError` when a name stands twice."""
    area = path.stem
    parts = _HEADER.split(path.read_text(encoding="utf-8"))[1:]
    found: dict[str, Query] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in found:
            raise ValueError(f"{path.name} names {name!r} twice")
        found[name] = Query(f"{area}.{name}", body.strip())
    return Queries(area, found)


def areas() -> list[str]:
    """Every area that has a query file."""
    return sorted(path.stem for path in _FOLDER.glob("*.sql"))
