"""Bodies as small as the client takes them, and streams as prompt as they are."""

import pytest

from domain.org.model import TeamItem
from domain.org.trees import teams_upsert
from domain.work import Work
from tests.api.conftest import Server
from tests.conftest import MakeOrg

LONG = {"query": "query ($name: String!) { hello(name: $name) }", "variables": {"name": "Ada" * 1_000}}
TEAMS = "subscription { teamChanged { kind node { name } } }"


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """The administrator of an organisation of this test."""
    return await make_org()


@pytest.mark.parametrize("media", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
async def test_the_best_encoding_that_the_client_accepts(
    server: Server, work: Work, media: str, accepted: str, chosen: str | None
) -> None:
    headers = {"Accept": media, "Accept-Encoding": accepted}
    async with server.client(server.token(work), **headers) as client:
        response = await client.post("/graphql", json=LONG)
    assert response.headers.get("content-encoding") == chosen
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.json()["data"] == {"hello": "Hello, " + "Ada" * 1_000}
    sent = int(response.headers["content-length"])
    assert sent < 500 if chosen else sent > 3_000


async def test_small_bodies_are_sent_as_they_are(server: Server, work: Work) -> None:
    async with server.client(server.token(work), **{"Accept-Encoding": "zstd, br, gzip"}) as client:
        response = await client.post("/graphql", json={"query": "{ hello }"})
    assert "content-encoding" not in response.headers


@pytest.mark.usefixtures("relay")
async def test_streams_are_neither_compressed_nor_held_back(server: Server, work: Work) -> None:
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "zstd, br, gzip"}
    async with (
        server.client(server.token(work), **headers) as client,
        client.stream("POST", "/graphql", json={"query": TEAMS}) as response,
    ):
        assert "content-encoding" not in response.headers
        lines = response.aiter_lines()
        while "SNAPSHOT" not in await anext(lines):
            pass
        await teams_upsert(work, [TeamItem("n", "North")])
        while "North" not in await anext(lines):
            pass
