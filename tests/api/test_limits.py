"""What is too much is refused before anything is executed."""

import asyncio
import time
from typing import Any

import pytest
from graphql import parse

from api.documents import Documents, Invalid
from settings import Settings
from tests.api.conftest import Serve
from tests.api.graph import schema
from tests.conftest import MakeOrg


def _documents(**over: Any) -> Documents:
    return Documents(schema._schema, Settings(**over))


def _cost(query: str, **variables: object) -> int:
    return _documents().prepare(query).cost(variables)


def _code(query: str, **limits: int) -> str:
    with pytest.raises(Invalid) as caught:
        _documents(**limits).prepare(query)
    return str((caught.value.errors[0].extensions or {}).get("code", "BAD_REQUEST"))


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ hello }", 0),
        ("{ teams { totalCount } }", 1),
        ("{ teams { nodes { name } } }", 1 + 50),
        ("{ teams(first: 3) { nodes { name id } pageInfo { hasNextPage } } }", 1 + 3 + 1),
        ("{ teams(first: 3) { edges { cursor node { name } } } }", 1 + 3 * 2),
        ("{ teams(first: 0) { nodes { name } } }", 1),
        ("{ a: teams(first: 2) { nodes { id } } b: teams(first: 3) { nodes { id } } }", 3 + 4),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ("{ ...F } fragment F on Query { teams(first: 4) { ...C } } fragment C on TeamConnection { nodes { id } }", 5),
        ('mutation { teamRename(name: "x") { count userErrors { code } } }', 10 + 1 + 10),
        ("subscription { changes { node { id } nodes { id } } }", 1 + 1 + 10),
        ("{ __schema { types { fields { name } } } }", 0),
    ],
)
def test_cost_of_a_document(query: str, cost: int) -> None:
    assert _cost(query) == cost


def test_cost_follows_the_variables() -> None:
    query = (
        "query($n: Int = 7, $ids: [ID!] = []) { teams(first: $n) { ...C } nodes(ids: $ids) { id } } "
        "fragment C on TeamConnection { nodes { id } }"
    )
    prepared = _documents().prepare(query)
    assert prepared.cost({}) == 1 + 7
    assert prepared.cost({"n": 20, "ids": ["a"] * 5}) == 1 + 20 + 5
    assert prepared.cost({"n": None}) == 1 + 7
    assert prepared.cost({"n": -5}) == 1


def test_fragments_that_double_at_each_step_are_priced_at_once() -> None:
    """Thirty steps make a billion objects: the price is right, and does not take a billion steps."""
    steps = 13
    query = "query($n: Int) { ...F0 }"
    for step in range(steps):
        both = " ".join(f"{alias}: node(id: 1) {{ ... on Team {{ id }} }}" for alias in ("a", "b"))
        query += f" fragment F{step} on Query {{ {both} teams(first: $n) {{ totalCount }} "
        query += f"...F{step + 1} ...F{step + 1} }}" if step < steps - 1 else "}"
    started = time.perf_counter()
    assert _cost(query, n=3) > 0
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("query", "limits"),
    [
        ("{ " + "hello " * 50 + "}", {"max_tokens": 40}),
        ("{ teams { nodes { id } } }", {"max_depth": 2}),
        (
            "{ ...A } fragment A on Query { teams { ...B } } fragment B on TeamConnection { nodes { id } }",
            {"max_depth": 2},
        ),
        ("{ a: hello b: hello c: hello }", {"max_aliases": 2}),
        ("{ ...A } fragment A on Query { ...A }", {}),
        ("{ " + "hello " * 21 + "}", {}),
        ("{ " + "...{ hello } " * 21 + "}", {}),
        ("{ ...F0 } " + " ".join(f"fragment F{i} on Query {{ hello ...F{i + 1} }}" for i in range(101)), {}),
        ("{" * 4_000, {}),
        ("{ teams(first: 1) { nodes { broken: name } } }", {"max_aliases": 0}),
        (
            " ".join(f"fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(700)) + " { ...F0 }",
            {"max_tokens": 10_000},
        ),
    ],
)
def test_documents_beyond_the_limits_are_refused(query: str, limits: dict[str, int]) -> None:
    assert _code(query, **limits) == "BAD_REQUEST"


def test_a_document_is_parsed_and_validated_once() -> None:
    documents = _documents()
    assert documents.prepare("{ hello }") is documents.prepare("{ hello }")
    several = "query A { hello } query B { me }"
    assert documents.prepare(several, "A").document is documents.prepare(several, "B").document
    with pytest.raises(Invalid, match="several operations"):
        documents.prepare(several)
    with pytest.raises(Invalid, match="no such operation"):
        documents.prepare(several, "C")


def test_the_cache_is_bounded() -> None:
    documents = Documents(schema._schema, Settings(), room=30)
    first = documents.prepare("{ hello }")
    documents.prepare("{ a: hello }")
    assert documents.prepare("{ hello }") is first
    documents.prepare("{ b: hello }")
    documents.prepare("{ c: hello }")
    assert documents.prepare("{ hello }") is not first
    assert parse("{ hello }") == first.document


async def test_an_operation_that_is_too_dear_is_refused(serve: Serve, make_org: MakeOrg) -> None:
    async with serve(max_cost=10) as server, server.client(server.token(await make_org())) as client:
        dear = await client.post("/graphql", json={"query": "{ teams(first: 10) { nodes { id } } }"})
        cheap = await client.post("/graphql", json={"query": "{ teams(first: 9) { nodes { id } } }"})
    error = dear.json()["errors"][0]["extensions"]
    assert (error["code"], error["requested"], error["limit"]) == ("COST_EXCEEDED", 11, 10)
    assert cheap.json()["data"] == {"teams": {"nodes": []}}


async def test_the_budget_of_a_minute_is_spent_in_one_process_and_known_in_another(
    serve: Serve, make_org: MakeOrg
) -> None:
    token_of = await make_org()
    query = {"query": "{ teams(first: 99) { nodes { id } } }"}
    async with (
        serve(cost_per_minute=150) as one,
        serve(cost_per_minute=150) as two,
        one.client(one.token(token_of)) as here,
        two.client(two.token(token_of)) as there,
    ):
        assert (await here.post("/graphql", json=query)).status_code == 200
        while (refused := await here.post("/graphql", json=query)).status_code == 200:
            pass  # a minute turned in between
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        small = {"query": "{ teams(first: 0) { nodes { id } } }"}
        remaining = 150
        async with asyncio.timeout(10):
            while remaining > 60:
                await here.post("/graphql", json=query)  # spends anew when a minute turned
                answer = (await there.post("/graphql", json=small)).json()
                remaining = answer["extensions"]["cost"]["remaining"]


async def test_a_budget_without_valkey_is_kept_by_the_process(serve: Serve, make_org: MakeOrg) -> None:
    work = await make_org()
    query = {"query": "{ teams(first: 99) { nodes { id } } }"}
    async with (
        serve(cost_per_minute=150, valkey_url="redis://127.0.0.1:1/0") as server,
        server.client(server.token(work)) as client,
    ):
        assert (await client.post("/graphql", json=query)).status_code == 200
        while (response := await client.post("/graphql", json=query)).status_code == 200:
            pass  # a minute turned in between
        assert response.status_code == 429
