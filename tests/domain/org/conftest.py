"""An organisation at work: its state in one value, so that "nothing changed" is one comparison."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.work import Work
from sql.queries import Query

TABLES = (
    "organization",
    "calendar",
    "app_user",
    "api_key",
    "team",
    "team_ancestor",
    "rep",
    "assignment",
    "rep_leave",
    "territory",
    "territory_assignment",
    "outbox",
    "dirty_mark",
    "audit_log",
)

State = dict[str, list[dict[str, Any]]]
ReadState = Callable[[Work], Awaitable[State]]


@pytest.fixture
def state() -> ReadState:
    """`await state(work)`: every row of the organisation's own tables, in the order of their keys."""

    async def read(work: Work) -> State:
        found: State = {}
        async with work.db.session(work.viewer.org_id) as session:
            for table in TABLES:
                query = Query(f"test.{table}", f"select * from {table} where org_id = $1 order by 1, 2")  # noqa: S608
                found[table] = [dict(row) for row in await session.fetch(query)]
        return found

    return read
