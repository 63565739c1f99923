"""What nobody should send, at every place of the schema that takes something: a clear refusal, or an answer."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.schema import schema
from tests.api.clients import connect
from tests.api.conftest import Serve, Server
from tests.api.walk import GRAPH, Hole, every_id, holes, objects, type_named_by, whole
from tests.conftest import SCALE, MakeOrg
from tests.world import World, make_world

BATCH = 50
"""Operations that are asked in one request: there are thousands."""

REFUSED = {"BAD_REQUEST", "COST_EXCEEDED", "FORBIDDEN"}

HARD: dict[str, list[Any]] = {
    "String": ["", "👩‍👩‍👧‍👦\u202e\ufeff%_\\'; drop table rep; --", "Ω" * 10_000, "9999-12"],
    "ID": ["", "é"],
    "Int": [-(2**31), 2**31 - 1],
    "Date": ["1900-01-01", "2199-12-31"],
    "DateTime": ["1900-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z"],
    "Time": ["00:00", "23:59:59.999999"],
    "Decimal": ["-0", "9" * 28, "-1E28", "0." + "0" * 27 + "1"],
    "Ratio": ["-0", "9" * 28, "-1E28", "0." + "0" * 27 + "1"],
}
"""Well-formed, and as far out as a value may be."""

WRONG: dict[str, list[Any]] = {
    "String": [1, {}],
    "ID": [1.5, {}],
    "Int": ["1", 1.5, 2**31, 10**40, []],
    "Boolean": ["true", 1, {}],
    "Date": ["0001-01-01", "9999-12-31", "2026-02-30", "tomorrow", 20261116, {}],
    "DateTime": ["2026-11-16T09:30:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 0],
    "Time": ["24:00", "9", 9],
    "Decimal": ["9" * 40, "1e400", "NaN", "-Infinity", "", 1.5, True, {}],
    "Ratio": ["9" * 40, "1e400", "sNaN", "50 %", 0.5],
    "CurrencyCode": ["usd", "DOLLAR", "", 840],
}
"""Refused by its type alone, before anything is looked at."""

CURSOR: list[Any] = [
    *(None, "", "\0", "x", "NaN", "Infinity", "1e400000", "٣", 1.5, True, 2**70, 1e308, [], {}, "0001-01-01"),
    *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00", "x" * 5_000),
]
"""In the place of any value of a cursor."""


@pytest.fixture(scope="module")
async def public(serve: Serve) -> AsyncIterator[Server]:
    """The whole graph, with a budget that a machine may spend."""
    async with serve(graph=schema, cost_per_minute=10**9, max_batch=BATCH) as server:
        yield server


@pytest.fixture(scope="module")
async def world(make_org: MakeOrg) -> World:
    return await make_world(make_org, "Bad")


@pytest.fixture(scope="module")
async def ids(world: World) -> dict[str, list[str]]:
    return await every_id(world)


@pytest.fixture(scope="module")
async def client(public: Server, world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with public.client(public.token(world.work)) as signed_in:
        yield signed_in


async def codes(client: httpx.AsyncClient, *tries: tuple[Hole, object]) -> list[set[str]]:
    """How each value in its place is refused; nothing where it is answered. None may break."""
    found: list[set[str]] = []
    for at in range(0, len(tries), BATCH):
        some = tries[at : at + BATCH]
        asked = [{"query": hole.document, "variables": hole.fill(value)} for hole, value in some]
        response = await client.post("/graphql", json=asked)
        assert response.status_code == 200, response.text[:1_000]
        for (hole, value), answer in zip(some, response.json(), strict=True):
            tried = f"{hole}: {str(value)[:100]!r}"
            errors = answer.get("errors", ())
            for error in errors:
                assert error["extensions"]["code"] in REFUSED, f"{tried}: {error}"
                assert error["extensions"]["requestId"] == response.headers["x-request-id"], tried
                assert len(error["message"]) <= 1_000, tried
            found.append({error["extensions"]["code"] for error in errors})
    return found


def some(ids: dict[str, list[str]]) -> list[Hole]:
    """Every fourth place; all of them in `make fuzz`."""
    places = list(holes(ids, "Query", "Mutation"))
    return places[:: 1 if SCALE > 1 else 4]


@pytest.mark.fuzz
async def test_values_as_far_out_as_they_may_be(client: httpx.AsyncClient, ids: dict[str, list[str]]) -> None:
    await codes(client, *((hole, value) for hole in some(ids) for value in HARD.get(hole.scalar, ())))


@pytest.mark.fuzz
async def test_values_of_a_wrong_type_or_out_of_range(client: httpx.AsyncClient, ids: dict[str, list[str]]) -> None:
    await check_refused(client, [(hole, value) for hole in some(ids) for value in WRONG[hole.scalar]])


async def check_refused(client: httpx.AsyncClient, tries: list[tuple[Hole, Any]]) -> None:
    """Each is the request's fault."""
    for (hole, value), refusal in zip(tries, await codes(client, *tries), strict=True):
        assert refusal == {"BAD_REQUEST"}, f"{hole}: {value!r}"


async def test_null_where_only_absence_is_known(client: httpx.AsyncClient, ids: dict[str, list[str]]) -> None:
    await codes(client, *((hole, None) for hole in holes(ids, "Query", "Mutation")))


async def test_the_zero_that_no_text_can_hold(client: httpx.AsyncClient, ids: dict[str, list[str]]) -> None:
    for hole in holes(ids, "Query", "Mutation"):
        if hole.scalar in ("ID", "String"):  # as JSON it is refused with the whole request
            response = await client.post("/graphql", json={"query": hole.document, "variables": hole.fill("a\0b")})
            assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["BAD_REQUEST"], hole
    in_ids = [hole for hole in holes(ids, "Query", "Mutation") if hole.scalar == "ID"]
    known = [ids.get(type_named_by(hole.path.rpartition(".")[2]), ids["Scorecard"])[0] for hole in in_ids]
    await codes(client, *((hole, _pack(f"{_unpack(one)}\0")) for hole, one in zip(in_ids, known, strict=True)))


async def test_the_zero_in_a_document_however_it_is_written(client: httpx.AsyncClient) -> None:
    for text in ('"\0"', '"""\0"""', '"\\u0000"', '"\\u{0}"', '"\\u{000}"'):
        asked = {"query": f"{{ rep(externalId: {text}) {{ name }} }}"}
        for response in (await client.post("/graphql", json=asked), await client.get("/graphql", params=asked)):
            (error,) = response.json()["errors"]
            assert error["extensions"]["code"] == "BAD_REQUEST", text


async def test_half_of_a_surrogate_pair(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (
        rb'{"query": "{ rep(externalId: \"\\ud83d\") { name } }"}',
        rb'{"query": "{ rep(externalId: \"\ud83d\") { name } }"}',
        rb'{"query": "query($x: String) { rep(externalId: $x) { name } }", "variables": {"x": "\udc00"}}',
    ):
        response = await client.post("/graphql", content=content, headers=headers)
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["BAD_REQUEST"], content


async def test_arguments_of_subscriptions(public: Server, world: World, ids: dict[str, list[str]]) -> None:
    """Each value in each place, one after the other on one socket: opened, or refused in words."""
    tries = [
        (hole, value, wrong)
        for hole in holes(ids, "Subscription")
        for values, wrong in ((HARD.get(hole.scalar, []), False), (WRONG[hole.scalar], True), ([_TORN], False))
        for value in values
    ]
    assert len({hole.name for hole, *_ in tries}) == len(GRAPH.subscription_type.fields)  # type: ignore[union-attr]
    async with connect(public, public.token(world.work)) as socket:
        for number, (hole, value, wrong) in enumerate(tries):
            asked = {"query": hole.document, "variables": hole.fill(value)}
            await socket.send(type="subscribe", id=str(number), payload=asked)
            message = await socket.receive()
            while message["id"] != str(number):  # what an earlier one had to say
                message = await socket.receive()
            tried = f"{hole}: {str(value)[:100]!r}: {message}"
            if message["type"] == "error":
                assert {error["extensions"]["code"] for error in message["payload"]} <= REFUSED, tried
                continue
            assert not wrong, tried
            assert "errors" not in message["payload"], tried
            await socket.send(type="complete", id=str(number))


_TORN = base64.urlsafe_b64encode(b'["x",').decode()
"""A cursor of which the end is missing."""

LISTS = [name for name, field in GRAPH.query_type.fields.items() if "after" in field.args]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", LISTS)
async def test_a_cursor_that_was_tampered_with(
    client: httpx.AsyncClient, world: World, ids: dict[str, list[str]], name: str
) -> None:
    (hole,) = (hole for hole in holes(ids, "Query") if (hole.name, hole.path) == (name, "after"))
    assert GRAPH.query_type is not None
    shown = await world.run(whole(GRAPH.query_type, name, ids, depth=0))
    cursor = next((found["endCursor"] for found in objects(shown) if found.get("endCursor")), _pack('["x", 1]'))
    values = json.loads(_unpack(cursor))
    texts = ("", "x", cursor[:-1], cursor * 3, "é", _pack("[]"), _pack("null"), _pack("[" * 5_000))
    await check_refused(client, [(hole, text) for text in texts])
    changed = (
        [*values[:position], value, *values[position + 1 :]] for position in range(len(values)) for value in CURSOR
    )
    await codes(client, *((hole, _pack(json.dumps(one))) for one in changed))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "{",
        "query",
        "{ a(",
        '{ rep(externalId: "',
        '{ rep(externalId: "\\q") { id } }',
        "\ufeff",
        "fragment F on Rep { id }",
        "{ viewer { name } } }",
        "{ " + "a: viewer { name } " * 1_000 + "}",
        "{ " + " ".join(f"a{n}: viewer {{ name }}" for n in range(100_000)) + " }",
        "{ viewer { organization " + "{ me { organization " * 100 + "{ name }" + "} }" * 100 + "} }",
        "{a" * 2_000 + "}" * 2_000,
        "{ nodes(ids: " + "[" * 2_000 + "]" * 2_000 + ") { id } }",
        "query($x: " + "[" * 2_000 + "Int" + "]" * 2_000 + ") { viewer { name } }",
        '{ node(id: "' + "a" * 3_000_000 + '") { id } }',
        "# " + "a" * 3_000_000,
        "{ " + "a" * 3_000_000 + " }",
    ],
    ids=lambda query: f"{query[:20]!r}, {len(query)}",
)
async def test_documents_that_are_none(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post("/graphql", json={"query": query})
    errors = response.json()["errors"]
    assert {error["extensions"]["code"] for error in errors} == {"BAD_REQUEST"}
    assert len(response.content) < 30_000


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "{ teams { nodes" + " { parent" * 100 + " { name }" + " }" * 102,
            "The document is nested more than 15 fields",
        ),
        (
            "{ " + " ".join(f"a{n}: viewer {{ name }}" for n in range(101)) + " }",
            "The document has 101 aliases; at most 100",
        ),
    ],
    ids=["depth", "aliases"],
)
async def test_documents_that_ask_for_too_much(client: httpx.AsyncClient, query: str, message: str) -> None:
    """Nothing else is wrong with them."""
    (error,) = (await client.post("/graphql", json={"query": query})).json()["errors"]
    assert error["message"].startswith(message)
    assert error["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("query", "message", "column"),
    [
        ("{ reps { nodes { nam } } }", "Did you mean 'name'", 18),
        ('{ quotas(filter: {period: {month: "2026-11", year: "2026"}}) { totalCount } }', "exactly one field", 27),
        ("{ quotas(filter: {period: {}}) { totalCount } }", "exactly one field", 27),
        ('{ scorecards(filter: {week: "22.11.2026"}) { totalCount } }', 'a day such as "2026-11-16"', 29),
        ("{ earningsEstimate(repId: 1, deals: [{amount: 1.5}]) { planVersion } }", 'for example "1250.00"', 47),
    ],
)
async def test_a_slip_is_told_with_its_place(client: httpx.AsyncClient, query: str, message: str, column: int) -> None:
    (error,) = (await client.post("/graphql", json={"query": query})).json()["errors"]
    assert message in error["message"]
    assert error["locations"] == [{"line": 1, "column": column}]
    assert error["extensions"]["code"] == "BAD_REQUEST"


async def test_variables_nested_deeper_than_anybody_reads(client: httpx.AsyncClient) -> None:
    for deep in ("[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "[" * 100_000 + "]" * 100_000):
        content = '{"query": "query($x: [ID!]!) { nodes(ids: $x) { id } }", "variables": {"x": ' + deep + "}}"
        response = await client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
        assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"BAD_REQUEST"}


def _pack(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _unpack(text: str) -> str:
    return base64.urlsafe_b64decode(text + "==").decode()
