"""Named queries from `queries/*.sql`: plain SQL with native `$1`, so that each can be pasted into psql.

A query starts with `-- name: rep_by_id`, then one comment line of why it exists. `$1` is always the organisation:
`Session` passes it, so no caller can forget it. `queries("org").rep_by_id` is the query.
"""

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent / "queries"
_HEADER = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class Columns(NamedTuple):
    """Some columns of a query; `texts` are numbers that come as text, without trailing zeros."""

    values: frozenset[str]
    texts: frozenset[str] = frozenset()


class Query(NamedTuple):
    """A statement and the name it is counted and logged under (`org.rep_by_id`)."""

    name: str
    text: str

    def only(self, columns: Columns | None) -> "Query":
        """The same rows in the same order with these columns alone, None for all; Postgres makes no others."""
        return self if columns is None else _only(self, columns)


@lru_cache(maxsize=10_000)
def _only(query: Query, columns: Columns) -> Query:
    texts = [f"trim_scale({name})::text as {name}" for name in sorted(columns.texts)]
    shown = ", ".join([*sorted(columns.values), *texts]) or "1"
    return Query(query.name, f"select {shown} from ({query.text.rstrip(';')}) q")  # noqa: S608 - names of our own


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
