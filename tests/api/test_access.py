"""Who may ask what: every root field, asked by every role and by a key of every scope.

`access.txt` is the outcome: a field that is new or changed shows as a diff. Write it anew with
`ATTAIN_WRITE_ACCESS=1 pytest tests/api/test_access.py`, and read the diff.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    ExecutionResult,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
    subscribe,
)
from graphql import parse as parse_document

from api.auth import RequiresScope
from api.context import Context
from api.schema import schema
from domain.org.model import SCOPES, Role, Scope, Viewer
from domain.work import Work
from sql.pool import uuid7
from sql.queries import Query
from tests.api.conftest import Ask
from tests.api.execute import SETTINGS, execute
from tests.conftest import MakeOrg

SNAPSHOT = Path(__file__).with_name("access.txt")
GRAPH = schema._schema

TABLES = Query(
    "test.tables",
    """select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and $1::uuid is not null order by 1""",
)

SAMPLES = {
    "ID": "Tm90aGluZzox",
    "String": "x",
    "Int": 1,
    "Float": 1.0,
    "Boolean": True,
    "Date": "2026-11-16",
    "DateTime": "2026-11-16T09:30:00Z",
    "Time": "09:00",
    "Decimal": "1",
    "Ratio": "1",
    "CurrencyCode": "USD",
    "JSON": {},
}


def sample(kind: GraphQLInputType) -> Any:
    """A value that passes validation and names nothing that exists."""
    if is_non_null_type(kind):
        return sample(kind.of_type)
    if is_list_type(kind):
        return []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        fields = kind.fields.items()
        if kind.extensions["strawberry-definition"].is_one_of:
            name, field = next(iter(fields))
            return {name: sample(field.type)}
        return {name: sample(field.type) for name, field in fields if is_required_input_field(field)}
    return SAMPLES[get_named_type(kind).name]


def operation(root: GraphQLObjectType, name: str, field: GraphQLField) -> tuple[str, dict[str, Any]]:
    """The smallest operation that asks for a root field, and its variables."""
    needed = {arg: value for arg, value in field.args.items() if is_required_argument(value)}
    declared = ", ".join(f"${arg}: {value.type}" for arg, value in needed.items())
    passed = ", ".join(f"{arg}: ${arg}" for arg in needed)
    kind = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}[root.name]
    selection = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    document = f"{kind} {f'({declared})' if declared else ''} {{ {name}{f'({passed})' if passed else ''} {selection} }}"
    return document, {arg: sample(value.type) for arg, value in needed.items()}


ROOTS = [root for root in (GRAPH.query_type, GRAPH.mutation_type, GRAPH.subscription_type) if root is not None]
FIELDS = {
    f"{root.name}.{name}": operation(root, name, field) for root in ROOTS for name, field in sorted(root.fields.items())
}


def viewers(work: Work) -> dict[str, Viewer]:
    """One of each role, and a key for each scope."""
    org_id, user_id = work.viewer.org_id, work.viewer.user_id
    people = {role.value: Viewer(org_id, SCOPES[role], role, user_id, name=role) for role in Role}
    keys = {scope.value: Viewer(org_id, frozenset({scope}), key_id=uuid7(), name=scope) for scope in Scope}
    return people | keys


async def admitted(work: Work, field: str) -> bool:
    """Whether a viewer is let in; what becomes of its empty-handed question does not matter."""
    document, variables = FIELDS[field]
    context = Context(work.db, work.viewer, work.now, SETTINGS, "request-1")
    if field.startswith("Subscription."):
        outcome = subscribe(GRAPH, parse_document(document), context_value=context, variable_values=variables)
        result = outcome if isinstance(outcome, ExecutionResult | AsyncIterator) else await outcome
        errors = result.errors if isinstance(result, ExecutionResult) else None
    else:
        errors = (await execute(document, variables, context)).errors
    codes = {(error.extensions or {}).get("code") for error in errors or ()}
    assert all(error.path for error in errors or ()), f"{field}: {errors}"
    return "FORBIDDEN" not in codes


async def everything(work: Work) -> dict[str, list[str]]:
    """All rows of the organisation."""
    async with work.db.session(work.viewer.org_id) as session:
        tables = [row["relname"] for row in await session.fetch(TABLES)]
        rows = {}
        for table in tables:
            query = Query(f"test.{table}", f"select t::text from {table} t where org_id = $1 order by 1")  # noqa: S608
            rows[table] = [row["t"] for row in await session.fetch(query)]
    return rows


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    return await make_org()


async def test_every_root_field_admits_whom_the_snapshot_says(work: Work) -> None:
    lines = []
    for field in FIELDS:
        let_in = [name for name, viewer in viewers(work).items() if await admitted(replace(work, viewer=viewer), field)]
        roles = [role.value for role in Role if role.value in let_in]
        scopes = [scope.value for scope in Scope if scope.value in let_in]
        shown = "every role" if len(roles) == len(Role) else " ".join(roles) or "no role"
        keys = "every key" if len(scopes) == len(Scope) else " ".join(scopes) or "no key"
        lines.append(f"{field:<36} {shown:<28} {keys}".rstrip())
    found = "\n".join(lines) + "\n"
    if os.environ.get("ATTAIN_WRITE_ACCESS"):
        SNAPSHOT.write_text(found)
    assert found == SNAPSHOT.read_text()


async def test_who_is_refused_changes_nothing(work: Work) -> None:
    before = await everything(work)
    for name, viewer in viewers(work).items():
        for line in SNAPSHOT.read_text().splitlines():
            field, roles, keys = line[:36].strip(), line[36:65].split(), line[65:].split()
            if "every" not in (among := roles if name in list(Role) else keys) and name not in among:
                assert not await admitted(replace(work, viewer=viewer), field), (name, field)
    assert await everything(work) == before


async def test_every_mutation_demands_a_scope() -> None:
    lines = SNAPSHOT.read_text().splitlines()
    assert [line for line in lines if line.startswith("Mutation.") and "every key" in line] == []


async def test_no_node_of_another_organisation_is_ever_found(make_org: MakeOrg, ask: Ask) -> None:
    mine, other = await make_org(), await make_org()
    built = await ask(other, BUILD)
    assert "errors" not in built
    found = (await ask(other, NODES))["data"]
    ids = [node["id"] for listed in (found, found["organization"]) for node in listed_nodes(listed)]
    ids.append(found["organization"]["id"])
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    own = (await ask(other, document, ids=ids))["data"]["nodes"]
    assert [node["id"] for node in own] == ids
    assert {node["__typename"] for node in own} >= {"Organization", "User", "Rep", "Team", "Territory", "ApiKey"}
    assert await ask(mine, document, ids=ids) == {"data": {"nodes": [None] * len(ids)}}


BUILD = """mutation {
  usersUpsert(items: [{email: "rae@x.io", name: "Rae", role: REP}]) { created }
  teamsUpsert(items: [{externalId: "north", name: "North"}]) { created }
  repsUpsert(items: [{externalId: "r1", name: "Rae", hiredOn: "2026-01-05", team: {externalId: "north"}}]) { created }
  territoriesUpsert(items: [{externalId: "east", name: "East"}]) { created }
  apiKeyCreate(input: {name: "CRM", scopes: [ORG_READ]}) { token }
}"""

NODES = """{
  reps { nodes { id } } teams { nodes { id } } territories { nodes { id } }
  organization { id users { nodes { id } } apiKeys { id } }
}"""


def listed_nodes(found: dict[str, Any]) -> list[dict[str, str]]:
    """The nodes of every list in an answer."""
    lists = [value["nodes"] if isinstance(value, dict) and "nodes" in value else value for value in found.values()]
    return [node for nodes in lists if isinstance(nodes, list) for node in nodes]


async def test_a_key_learns_nothing_beside_its_scopes(work: Work, ask: Ask) -> None:
    await ask(work, BUILD)
    rep = (await ask(work, '{ rep(externalId: "r1") { id team { id } } }'))["data"]["rep"]
    ids = [rep["id"], rep["team"]["id"]]
    document = """query ($ids: [ID!]!) { viewer { name user { name } rep { name } organization { name } }
      nodes(ids: $ids) { id } }"""
    for scope in Scope:
        key = replace(work, viewer=Viewer(work.viewer.org_id, frozenset({scope}), key_id=uuid7(), name="CRM"))
        known = scope is Scope.ORG_READ
        assert (await ask(key, document, ids=ids))["data"] == {
            "viewer": {
                "name": "CRM",
                "user": None,
                "rep": None,
                "organization": {"name": "Harbor Brokers"} if known else None,
            },
            "nodes": [{"id": node_id} for node_id in ids] if known else [None, None],
        }


def test_what_other_areas_show_on_the_organisation_demands_their_scope() -> None:
    open_to_all = [
        f"{name}.{field_name}"
        for name, kind in GRAPH.type_map.items()
        if isinstance(kind, GraphQLObjectType) and area_of(kind) == "org" and name not in ROOT_NAMES
        for field_name, field in kind.fields.items()
        if (area := area_of(get_named_type(field.type))) not in ("org", None)
        and f"{area}:read" not in [d.scope for d in directives_of(field) if isinstance(d, RequiresScope)]
    ]
    assert open_to_all == []


ROOT_NAMES = {root.name for root in ROOTS}


def area_of(kind: GraphQLNamedType) -> str | None:
    """The area whose module declares a type, or the type of a connection's nodes; None for what all share."""
    if isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection"):
        return area_of(get_named_type(kind.fields["nodes"].type))
    definition = (kind.extensions or {}).get("strawberry-definition")
    module = getattr(getattr(definition, "origin", None), "__module__", "")
    return module.split(".")[2] if module.startswith("api.graph.") and module.count(".") > 2 else None


def directives_of(field: GraphQLField) -> list[object]:
    """The schema directives of a field."""
    return list(field.extensions["strawberry-definition"].directives)
