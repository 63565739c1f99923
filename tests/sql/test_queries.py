import re
from itertools import chain

import asyncpg
import pytest

from sql.pool import Database
from sql.queries import Query, areas, queries

# What belongs to no organisation: which organisations there are, and which have work.
SYSTEM = {"live.work_pending", "live.work_waiting", "live.organizations"}

ALL = list(chain.from_iterable(queries(area).all.values() for area in areas()))
each_query = pytest.mark.parametrize("query", ALL, ids=[query.name for query in ALL])


@each_query
async def test_postgres_accepts_the_query(query: Query, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("set role attain_app")
        await connection.prepare(query.text)
    finally:
        await connection.close()


@each_query
def test_the_query_says_why_it_exists(query: Query) -> None:
    assert re.match(r"-- \S.*\.", query.text), f"{query.name} lacks its comment line"


@each_query
async def test_the_query_starts_from_the_organisation(query: Query, db: Database, database_url: str) -> None:
    if query.name in SYSTEM:
        return
    connection = await asyncpg.connect(database_url)
    try:
        prepared = await connection.prepare(query.text)
        assert prepared.get_parameters()[0].name == "uuid", f"{query.name}: $1 is not the organisation"
    finally:
        await connection.close()
