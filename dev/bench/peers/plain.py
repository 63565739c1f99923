"""Strawberry as its documentation shows it: async resolvers and DataLoaders, behind Starlette. And the floor: a plain
route, one statement, JSON text from Postgres.

    DATABASE_URL=... uvicorn plain:app     TUNED=1 adds the parser's and the validator's caches
"""

import datetime
import decimal
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache

_pool: "asyncpg.Pool[asyncpg.Record]"


async def _teams(ids: list[int]) -> list["Team | None"]:
    rows = await _pool.fetch("select id, name from peer.team where id = any($1::int[])", ids)
    found = {row["id"]: Team(name=row["name"]) for row in rows}
    return [found.get(id_) for id_ in ids]


async def _quotas(keys: list[tuple[int, str]]) -> list["Quota | None"]:
    rows = await _pool.fetch(
        "select rep_id, period, amount from peer.quota "
        "where (rep_id, period) in (select * from unnest($1::int[], $2::text[]))",
        [rep_id for rep_id, _ in keys],
        [period for _, period in keys],
    )
    found = {(row["rep_id"], row["period"]): Quota(amount=row["amount"]) for row in rows}
    return [found.get(key) for key in keys]


async def _kpis(ids: list[int]) -> list[list["KpiValue"]]:
    rows = await _pool.fetch(
        "select rep_id, kpi, value, target from peer.kpi_value where rep_id = any($1::int[]) order by rep_id, position",
        ids,
    )
    found: dict[int, list[KpiValue]] = {id_: [] for id_ in ids}
    for row in rows:
        found[row["rep_id"]].append(KpiValue(kpi=row["kpi"], value=row["value"], target=row["target"]))
    return [found[id_] for id_ in ids]


async def _reps(ids: list[int]) -> list["Rep | None"]:
    found = {row["key"]: Rep(**row) for row in await _pool.fetch(_SOME, ids)}
    return [found.get(id_) for id_ in ids]


@strawberry.type
class Team:
    name: str


@strawberry.type
class Quota:
    amount: decimal.Decimal


@strawberry.type
class KpiValue:
    kpi: str
    value: decimal.Decimal | None
    target: decimal.Decimal | None


@strawberry.type
class Rep:
    key: strawberry.Private[int]
    team_id: strawberry.Private[int | None]
    external_id: str
    name: str
    email: str | None
    title: str | None
    role: str | None
    hired_on: datetime.date
    left_on: datetime.date | None
    version: int

    @strawberry.field
    async def team(self, info: strawberry.Info) -> Team | None:
        return None if self.team_id is None else await info.context["teams"].load(self.team_id)

    @strawberry.field
    async def quota(self, info: strawberry.Info, period: str) -> Quota | None:
        found: Quota | None = await info.context["quotas"].load((self.key, period))
        return found

    @strawberry.field
    async def kpis(self, info: strawberry.Info) -> list[KpiValue]:
        found: list[KpiValue] = await info.context["kpis"].load(self.key)
        return found


@strawberry.type
class Attainment:
    rep_id: strawberry.Private[int]
    quota: decimal.Decimal | None
    attained: decimal.Decimal
    ratio: decimal.Decimal | None

    @strawberry.field
    async def rep(self, info: strawberry.Info) -> Rep:
        found: Rep = await info.context["reps"].load(self.rep_id)
        return found


_COLUMNS = "id as key, team_id, external_id, name, email, title, role, hired_on, left_on, version"
# ruff: noqa: S608 (nothing in them comes from outside)
_ONE = f"select {_COLUMNS} from peer.rep where external_id = $1"
_PAGE = f"select {_COLUMNS} from peer.rep where name > $2 order by name limit $1"
_SOME = f"select {_COLUMNS} from peer.rep where id = any($1::int[])"


@strawberry.type
class Query:
    @strawberry.field
    async def rep(self, external_id: str) -> Rep | None:
        row = await _pool.fetchrow(_ONE, external_id)
        return Rep(**row) if row else None

    @strawberry.field
    async def reps(self, first: int, after: str) -> list[Rep]:
        return [Rep(**row) for row in await _pool.fetch(_PAGE, first, after)]

    @strawberry.field
    async def attainment(self, period: str, first: int) -> list[Attainment]:
        rows = await _pool.fetch(
            "select rep_id, quota, attained, ratio from peer.attainment where period = $1 order by ratio desc limit $2",
            period,
            first,
        )
        return [Attainment(**row) for row in rows]


_caches: list[type[SchemaExtension]] = [ParserCache, ValidationCache]
schema = strawberry.Schema(Query, extensions=_caches if os.environ.get("TUNED") else [])


class _View(GraphQL[Any, Any]):
    async def get_context(self, request: Any, response: Any) -> Any:
        return {
            "teams": DataLoader(load_fn=_teams),
            "quotas": DataLoader(load_fn=_quotas),
            "kpis": DataLoader(load_fn=_kpis),
            "reps": DataLoader(load_fn=_reps),
        }


_FLOOR = {
    "Q1": """select json_build_object('data', json_build_object('rep', (select row_to_json(x) from (
      select external_id as "externalId", name, email, title, role, hired_on as "hiredOn", left_on as "leftOn", version
      from peer.rep where external_id = $1) x)))::text""",
    "Q2": """select json_build_object('data', json_build_object('reps', (select json_agg(x) from (
      select r.external_id as "externalId", r.name, r.title,
        (select json_build_object('name', t.name) from peer.team t where t.id = r.team_id) as team,
        (select json_build_object('amount', q.amount::text) from peer.quota q
          where q.rep_id = r.id and q.period = $2) as quota,
        (select json_agg(json_build_object('kpi', k.kpi, 'value', k.value::text, 'target', k.target::text)
          order by k.position) from peer.kpi_value k where k.rep_id = r.id) as kpis
      from (select * from peer.rep where name > $1 order by name limit 50) r) x)))::text""",
    "Q3": """select json_build_object('data', json_build_object('attainment', (select json_agg(x) from (
      select json_build_object('externalId', r.external_id, 'name', r.name,
          'team', json_build_object('name', t.name)) as rep,
        a.quota::text, a.attained::text, a.ratio::text
      from (select * from peer.attainment where period = $1 order by ratio desc limit 20) a
      join peer.rep r on r.id = a.rep_id left join peer.team t on t.id = r.team_id
      order by a.ratio desc) x)))::text""",
}
_ARGUMENTS = {"Q1": ("id",), "Q2": ("after", "period"), "Q3": ("period",)}


async def floor(request: Request) -> Response:
    """`{"operationName", "variables"}` to what Postgres says."""
    asked = orjson.loads(await request.body())
    name, variables = asked["operationName"], asked["variables"]
    text = await _pool.fetchval(_FLOOR[name], *(variables[argument] for argument in _ARGUMENTS[name]))
    return Response(text, media_type="application/json")


@asynccontextmanager
async def _lifespan(_app: Starlette) -> AsyncIterator[None]:
    global _pool
    _pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10)
    yield
    await _pool.close()


app = Starlette(routes=[Route("/graphql", _View(schema)), Route("/floor", floor, methods=["POST"])], lifespan=_lifespan)
