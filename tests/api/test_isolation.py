"""Two organisations with the same keys, names and addresses: nothing that one asks ever shows or touches the other.

Every root field and every place that takes an id comes from the schema: a new one is covered the day it is added.
"""
# ruff: noqa: S608 - the names of tables come from the catalog

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import asyncpg
import httpx
import pytest

from api.live import cursor_of
from api.schema import schema
from domain.org.keys import api_key_create
from domain.org.model import Scope
from tests.api.clients import connect
from tests.api.conftest import Serve, Server
from tests.api.walk import GRAPH, NODES, ROOTS, Hole, every_id, holes, objects, type_named_by, whole
from tests.conftest import MakeOrg
from tests.sql.test_tenancy import tables
from tests.world import ADMIN, PAYMASTER, World, make_world
from workers.relay import number

MINE, THEIRS = "Alpha", "Zulu"

# What shows nothing of an organisation, or only what every organisation starts with.
IMPERSONAL = {"rateLimit", "kpis", "coachingRules", "changes", "node", "nodes", "reconciliation"}

BATCH = 50
"""Operations that are asked in one request where there are thousands: each has its own transaction and answer."""

Clients = list[httpx.AsyncClient]

ALIKE = {"Leaderboard"}
"""Nodes known by what they are about, which are there for everybody, if only empty."""

UNFILLED = {
    *("coach_mark", "dirty_mark", "outbox", "idempotency_key", "recompute_step"),
    *("cancellation", "earning_carry", "objective_score", "payee"),
}
"""Tables that are empty when all is done, and those that only special pay needs."""

NOBODY = "01900000-0000-7000-8000-000000000000"
UUIDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
async def worlds(make_org: MakeOrg) -> dict[str, World]:
    made = {mark: await make_world(make_org, mark) for mark in (MINE, THEIRS)}
    for world in made.values():
        await number(world.work.db, world.work.viewer.org_id)
    return made


@pytest.fixture(scope="module")
async def ids(worlds: dict[str, World]) -> dict[str, dict[str, list[str]]]:
    return {mark: await every_id(world) for mark, world in worlds.items()}


@pytest.fixture(scope="module")
async def public(serve: Serve) -> AsyncIterator[Server]:
    """One process for both, with its documents, plans and connections."""
    async with serve(
        graph=schema, cost_per_minute=10**9, max_cost=10**6, max_depth=30, max_batch=BATCH, pool_size=2
    ) as server:
        yield server


@pytest.fixture(scope="module")
async def clients(public: Server, worlds: dict[str, World]) -> AsyncIterator[dict[str, Clients]]:
    async with AsyncExitStack() as stack:
        yield {
            mark: [
                await stack.enter_async_context(public.client(public.token(world.work, who)))
                for who in (ADMIN, PAYMASTER)
            ]
            for mark, world in worlds.items()
        }


Told = list[dict[str, Any]]


async def answers(asking: Clients, document: str, **variables: object) -> Told:
    """What the administrator is told, and who sees pay."""
    (told,) = await answers_to_each(asking, document, [variables])
    return told


async def answers_to_each(asking: Clients, document: str, given: Sequence[Mapping[str, object]]) -> list[Told]:
    """The same with variables by turns."""
    asked = [{"query": document, "variables": variables} for variables in given]
    told: list[Told] = [[] for _ in asked]
    for client in asking:
        for at in range(0, len(asked), BATCH):
            response = await client.post("/graphql", json=asked[at : at + BATCH])
            for place, found in enumerate(response.json(), start=at):
                errors = [error["message"] for error in found.get("errors", ())]
                told[place].append({"data": found.get("data"), "errors": errors})
    return told


def traces(world: World, known: dict[str, list[str]]) -> list[str]:
    """What would give a world away wherever it is seen."""
    own = (one for kind, ids in known.items() if kind not in ALIKE for one in ids)
    return [world.mark, str(world.work.viewer.org_id), *own]


def test_the_worlds_have_a_node_of_every_type(ids: dict[str, dict[str, list[str]]]) -> None:
    for mark in (MINE, THEIRS):
        assert NODES - ids[mark].keys() == set(), "make some in tests/world.py, or show them in a list"


@pytest.mark.parametrize("name", GRAPH.query_type.fields if GRAPH.query_type else ())
async def test_a_query_shows_ones_own_and_nothing_else(
    clients: dict[str, Clients], worlds: dict[str, World], ids: dict[str, dict[str, list[str]]], name: str
) -> None:
    assert GRAPH.query_type is not None
    shown: dict[str, str] = {}
    for mark in (MINE, THEIRS, MINE):
        told = await answers(clients[mark], whole(GRAPH.query_type, name, ids[mark]))
        assert [] in [found["errors"] for found in told], name
        shown[mark] = json.dumps(told)
    for mark, other in ((MINE, THEIRS), (THEIRS, MINE)):
        assert mark in shown[mark] or name in IMPERSONAL, f"{name} shows nothing of {mark}: add some to tests/world.py"
        assert [trace for trace in traces(worlds[other], ids[other]) if trace in shown[mark]] == []


@pytest.mark.parametrize("name", GRAPH.query_type.fields if GRAPH.query_type else ())
async def test_a_document_is_the_same_for_both_and_its_answer_is_not(
    clients: dict[str, Clients], worlds: dict[str, World], ids: dict[str, dict[str, list[str]]], name: str
) -> None:
    """One text, hence one plan, asked by turns; with ids of one of them in it."""
    assert GRAPH.query_type is not None
    document = whole(GRAPH.query_type, name, ids[THEIRS])
    theirs = await answers(clients[THEIRS], document)
    mine = json.dumps(await answers(clients[MINE], document))
    assert await answers(clients[THEIRS], document) == theirs or name == "rateLimit"
    # What was asked by is no secret to who asked.
    told = [trace for trace in traces(worlds[THEIRS], ids[THEIRS]) if trace not in document]
    assert [trace for trace in told if trace in mine] == []


async def everything(owner: asyncpg.Connection, world: World) -> dict[str, list[str]]:
    """All rows of an organisation, as the owner of the database sees them."""
    return {
        name: [row[0] for row in await owner.fetch(f'select t::text from "{name}" t where org_id = $1 order by 1', org)]
        for org in [world.work.viewer.org_id]
        for name in sorted(await tables(owner))
    }


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_an_id_of_the_other_is_an_id_of_nothing(
    clients: dict[str, Clients],
    worlds: dict[str, World],
    ids: dict[str, dict[str, list[str]]],
    owner: asyncpg.Connection,
) -> None:
    """In every place that takes one, of a query or a mutation."""
    before = await everything(owner, worlds[THEIRS])
    places = [hole for hole in holes(ids[MINE], "Query", "Mutation") if hole.scalar == "ID"]
    assert len(places) > 40
    for hole in places:
        kinds = kinds_of(hole, ids[THEIRS])
        foreign = [ids[THEIRS][kind][0] for kind in kinds]
        absent = [absent_of(theirs) for theirs in foreign]
        told = await answers_to_each(clients[MINE], hole.document, [hole.fill(one) for one in foreign + absent])
        for kind, theirs, none, *both in zip(kinds, foreign, absent, told, told[len(kinds) :], strict=False):
            of_theirs, of_none = (json.dumps(one) for one in both)
            assert of_theirs.replace(theirs, "?") == of_none.replace(none, "?"), f"{hole} of {kind}"
            assert THEIRS not in of_theirs, f"{hole} of {kind}"
    assert await everything(owner, worlds[THEIRS]) == before


def kinds_of(hole: Hole, ids: dict[str, list[str]]) -> list[str]:
    """The type that a place takes; every type where its name does not tell."""
    kind = type_named_by(hole.path.rpartition(".")[2])
    return [kind] if kind in ids else sorted(ids)


def absent_of(known: str) -> str:
    """An id like a known one, of nothing that exists."""
    key = base64.urlsafe_b64decode(known + "==").decode()
    return base64.urlsafe_b64encode(UUIDS.sub(NOBODY, key).encode()).rstrip(b"=").decode()


async def test_nodes_of_the_other_are_null_and_change_no_place_in_the_answer(
    clients: dict[str, Clients], ids: dict[str, dict[str, list[str]]]
) -> None:
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    for kind in ids[THEIRS]:
        mine, theirs = ids[MINE][kind][0], ids[THEIRS][kind][0]
        if kind in ALIKE:
            continue
        told = await answers(clients[MINE], document, ids=[theirs, mine, theirs])
        assert [None, {"id": mine}, None] in [found["data"]["nodes"] for found in told], kind
        assert theirs not in json.dumps(told)


@pytest.mark.parametrize(
    "name",
    [name for name, field in GRAPH.query_type.fields.items() if "after" in field.args] if GRAPH.query_type else (),
)
async def test_a_cursor_of_the_other_is_but_a_place(
    clients: dict[str, Clients], worlds: dict[str, World], ids: dict[str, dict[str, list[str]]], name: str
) -> None:
    assert GRAPH.query_type is not None
    shown = await answers(clients[THEIRS], whole(GRAPH.query_type, name, ids[THEIRS], depth=0))
    cursors = [cursor for found in objects(shown) for key, cursor in found.items() if key == "startCursor"]
    (hole,) = (hole for hole in holes(ids[MINE], "Query") if (hole.name, hole.path) == (name, "after"))
    for cursor in filter(None, cursors):
        mine = await answers(clients[MINE], hole.document, **hole.fill(cursor))
        assert THEIRS not in json.dumps(mine)
        if name == "changes":
            assert [found["errors"] for found in mine] == [["The cursor is not one that this list gave out."]] * 2


async def test_an_idempotency_key_is_ones_own(public: Server, worlds: dict[str, World]) -> None:
    document = 'mutation { teamsUpsert(items: [{externalId: "idem", name: "Idem"}]) { created } }'
    for mark in (MINE, THEIRS):
        async with public.client(public.token(worlds[mark].work), **{"Idempotency-Key": "the same"}) as client:
            for replayed in (None, "true"):
                response = await client.post("/graphql", json={"query": document})
                assert response.json()["data"] == {"teamsUpsert": {"created": 1}}
                assert response.headers.get("idempotency-replayed") == replayed


async def test_a_key_opens_its_own_organisation(public: Server, worlds: dict[str, World]) -> None:
    for mark in (MINE, THEIRS):
        async with public.client(worlds[mark].token) as client:
            (found,) = await answers([client], "{ viewer { name organization { name } } reps { nodes { name } } }")
        assert found["data"]["viewer"] == {"name": f"CRM {mark}", "organization": {"name": f"{mark} Brokers"}}
        assert {rep["name"].split()[-1] for rep in found["data"]["reps"]["nodes"]} == {mark}


async def test_a_document_that_one_may_ask_whole_and_another_in_part(public: Server, worlds: dict[str, World]) -> None:
    """One text and one plan; what it shows and refuses is each viewer's own, whoever asked before."""
    document = "{ reps { nodes { name } } quotas { nodes { id } } }"
    scopes = {"all": {Scope.ORG_READ, Scope.QUOTAS_READ}, "some": {Scope.ORG_READ}, "none": {Scope.FEED_READ}}
    clients = {}
    async with AsyncExitStack() as stack:
        for mark in (MINE, THEIRS):
            for name, held in scopes.items():
                _, token = await api_key_create(worlds[mark].work, name=f"{name} {mark}", scopes=held, expires_at=None)
                clients[mark, name] = await stack.enter_async_context(public.client(token))
        for (mark, name), client in [*clients.items(), *reversed(clients.items())]:
            (told,) = await answers([client], document)
            seen = {field for field, found in told["data"].items() if found is not None}
            assert seen == {"all": {"reps", "quotas"}, "some": {"reps"}, "none": set()}[name]
            assert len(told["errors"]) == 2 - len(seen)
            if "reps" in seen:
                assert {rep["name"].split()[-1] for rep in told["data"]["reps"]["nodes"]} == {mark}


async def test_a_key_with_the_name_of_the_other_opens_nothing(public: Server, worlds: dict[str, World]) -> None:
    org, key, secret = worlds[MINE].token.removeprefix("atk_").split("_", 2)
    other, other_key, _ = worlds[THEIRS].token.removeprefix("atk_").split("_", 2)
    for forged in (
        f"atk_{other}_{key}_{secret}",
        f"atk_{org}_{other_key}_{secret}",
        f"atk_{other}_{other_key}_{secret}",
    ):
        async with public.client(forged) as client:
            assert (await client.post("/graphql", json={"query": "{ viewer { name } }"})).status_code == 401


@pytest.mark.usefixtures("relay")
async def test_no_subscription_hears_of_the_other(
    public: Server, worlds: dict[str, World], ids: dict[str, dict[str, list[str]]]
) -> None:
    """Both hear all there is, by the same documents, while facts of both come in."""
    (root,) = (root for root in ROOTS if root.name == "Subscription")
    mine, theirs = worlds[MINE], worlds[THEIRS]
    async with (
        connect(public, public.token(mine.work, PAYMASTER)) as socket,
        connect(public, public.token(theirs.work, PAYMASTER)) as other,
    ):
        for one in (socket, other):
            for name in root.fields:
                await one.subscribe(whole(root, name, ids[MINE], depth=1), name)
                message = await one.receive()
                assert message["type"] == "next", (name, message)
        for world in (theirs, mine):
            await world.stir()
        for one, away in ((socket, theirs), (other, mine)):
            seen: set[str] = set()
            while seen != set(root.fields):
                message = await one.receive()
                assert message["type"] == "next", message
                text = json.dumps(message)
                asked = traces(worlds[MINE], ids[MINE]) if away is mine else []
                assert [t for t in traces(away, ids[away.mark]) if t in text and t not in asked] == [], message["id"]
                seen.add(message["id"])


@pytest.mark.parametrize("name", GRAPH.subscription_type.fields if GRAPH.subscription_type else ())
async def test_the_place_in_the_others_log_is_no_place(
    public: Server, worlds: dict[str, World], ids: dict[str, dict[str, list[str]]], name: str
) -> None:
    (hole,) = (hole for hole in holes(ids[MINE], "Subscription") if (hole.name, hole.path) == (name, "after"))
    cursor = cursor_of(worlds[THEIRS].work.viewer.org_id, 1)
    async with connect(public, public.token(worlds[MINE].work)) as socket:
        await socket.send(type="subscribe", id="1", payload={"query": hole.document, "variables": hole.fill(cursor)})
        message = await socket.receive()
        assert THEIRS not in json.dumps(message)
        (change,) = message["payload"]["data"].values()
        assert change["kind"] == "GAP"


async def test_every_table_shows_each_its_own_rows_and_none_of_the_other(
    worlds: dict[str, World], owner: asyncpg.Connection
) -> None:
    """Under the role of the application, whatever the statement says."""
    names = sorted(await tables(owner))
    orgs = {mark: str(world.work.viewer.org_id) for mark, world in worlds.items()}
    rows = {
        name: await owner.fetchval(f'select count(*) from "{name}" where org_id = $1', orgs[MINE]) for name in names
    }
    assert {name for name, count in rows.items() if not count} <= UNFILLED, "make some in tests/world.py"
    await owner.execute("set role attain_app")
    for mark, other in ((MINE, THEIRS), (THEIRS, MINE)):
        await owner.execute("select set_config('attain.org_id', $1, false)", orgs[mark])
        for name in names:
            shown = await owner.fetch(f'select distinct org_id::text from "{name}"')
            assert [row[0] for row in shown if row[0] != orgs[mark]] == [], name
            for change in (f'delete from "{name}"', f'update "{name}" set org_id = org_id'):
                with suppress(asyncpg.InsufficientPrivilegeError):  # a ledger is only added to
                    done = await owner.execute(f"{change} where org_id = $1", orgs[other])
                    assert done in ("DELETE 0", "UPDATE 0"), name
