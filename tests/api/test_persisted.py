"""Documents named by their hash: trusted ones from a file, others as clients register them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from api.persisted import BadManifest, trusted_documents
from domain.work import Work
from tests.api.clients import connect
from tests.api.conftest import Serve, Server
from tests.conftest import MakeOrg
from tests.test_cli import SECRET, attain

HELLO = "query ($name: String!) { hello(name: $name) }"
ME = "{ me }"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apollo(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}


def code(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    found: str = error["extensions"]["code"]
    return found


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """The administrator of an organisation of this test."""
    return await make_org()


async def test_a_document_is_sent_once_and_then_named_by_get_or_post(server: Server, work: Work) -> None:
    ask = {"variables": {"name": "Ada"}, "extensions": apollo(HELLO)}
    async with server.client(server.token(work)) as client:
        unknown = await client.post("/graphql", json=ask)
        assert (unknown.status_code, code(unknown)) == (200, "DOCUMENT_NOT_FOUND")
        assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
        assert "data" not in unknown.json()
        strict = await client.post("/graphql", json=ask, headers={"Accept": "application/graphql-response+json"})
        assert (strict.status_code, code(strict)) == (400, "DOCUMENT_NOT_FOUND")

        both = await client.post("/graphql", json={"query": HELLO, **ask})
        by_post = await client.post("/graphql", json=ask)
        parameters = {name: json.dumps(value) for name, value in ask.items()}
        by_get = await client.get("/graphql", params=parameters)
        by_id = await client.get("/graphql", params={**parameters, "documentId": f"sha256:{sha256(HELLO)}"})
        for response in (both, by_post, by_get, by_id):
            assert response.json()["data"] == {"hello": "Hello, Ada"}, response.text
    async with connect(server, server.token(work)) as socket:
        await socket.send(type="subscribe", id="1", payload=ask)
        assert (await socket.receive())["payload"]["data"] == {"hello": "Hello, Ada"}


async def test_other_processes_know_what_one_was_told(serve: Serve, work: Work) -> None:
    text = f"{{ me }} # {work.viewer.org_id}"
    async with serve() as one, serve() as other:
        async with one.client(one.token(work)) as client:
            await client.post("/graphql", json={"query": text, "extensions": apollo(text)})
        async with other.client(other.token(work)) as client:
            named = await client.post("/graphql", json={"extensions": apollo(text)})
            assert named.json()["data"] == {"me": "Ada Admin"}


async def test_valkey_is_neither_needed_nor_trusted(serve: Serve, work: Work) -> None:
    async with serve(valkey_url="redis://127.0.0.1:1/0") as server, server.client(server.token(work)) as client:
        assert code(await client.post("/graphql", json={"extensions": apollo(ME)})) == "DOCUMENT_NOT_FOUND"
        await client.post("/graphql", json={"query": ME, "extensions": apollo(ME)})
        assert (await client.post("/graphql", json={"extensions": apollo(ME)})).json()["data"] == {"me": "Ada Admin"}
    text = "{ me } # changed by somebody else"
    async with serve() as server, server.client(server.token(work)) as client:
        async with Redis.from_url(server.settings.valkey_url) as valkey:
            await valkey.set(f"attain:document:{sha256(text)}", "{ hello }")
        assert code(await client.post("/graphql", json={"extensions": apollo(text)})) == "DOCUMENT_NOT_FOUND"


@pytest.mark.parametrize(
    "asked",
    [
        {"query": ME, "extensions": apollo(HELLO)},
        {"query": ME, "documentId": f"sha256:{sha256(HELLO)}"},
        {"documentId": 1},
        {"extensions": {"persistedQuery": "x"}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": sha256(ME)}}},
    ],
)
async def test_a_hash_that_is_not_the_documents_is_refused(server: Server, work: Work, asked: dict[str, Any]) -> None:
    async with server.client(server.token(work)) as client:
        response = await client.post("/graphql", json=asked)
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


async def test_what_is_not_valid_is_not_remembered(server: Server, work: Work) -> None:
    text = "{ nonsense }"
    async with server.client(server.token(work)) as client:
        assert code(await client.post("/graphql", json={"query": text, "extensions": apollo(text)})) == "BAD_REQUEST"
        assert code(await client.post("/graphql", json={"extensions": apollo(text)})) == "DOCUMENT_NOT_FOUND"


async def test_trusted_documents_are_known_from_the_start_by_any_id(serve: Serve, work: Work, tmp_path: Path) -> None:
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"me-1": ME, sha256(HELLO): HELLO}))
    async with serve(trusted_documents=manifest) as server, server.client(server.token(work)) as client:
        assert (await client.get("/graphql", params={"documentId": "me-1"})).json()["data"] == {"me": "Ada Admin"}
        named = {"documentId": f"sha256:{sha256(HELLO)}", "variables": {"name": "Bo"}}
        assert (await client.post("/graphql", json=named)).json()["data"] == {"hello": "Hello, Bo"}
        assert (await client.post("/graphql", json={"query": "{ hello }"})).json()["data"] == {"hello": "Hello, world"}


async def test_only_trusted_documents_are_answered_where_that_is_set(serve: Serve, work: Work, tmp_path: Path) -> None:
    manifest = tmp_path / "documents.json"
    operation = {"id": sha256(ME), "name": "Me", "type": "query", "body": ME}
    manifest.write_text(
        json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]})
    )
    set_ = {"trusted_documents": manifest, "only_trusted_documents": True}
    async with serve(**set_) as server, server.client(server.token(work)) as client:
        for asked in ({"documentId": sha256(ME)}, {"extensions": apollo(ME)}, {"query": ME}):
            assert (await client.post("/graphql", json=asked)).json()["data"] == {"me": "Ada Admin"}
        text, named = {"query": "{ hello }"}, {"extensions": apollo("{ hello }")}
        for refused in (text, named, {**text, **named}):
            assert code(await client.post("/graphql", json=refused)) == "DOCUMENT_NOT_FOUND"
        async with connect(server, server.token(work)) as socket:
            await socket.subscribe("{ hello }")
            assert (await socket.receive())["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_FOUND"


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"a": 1}', '{"format": "apollo-persisted-query-manifest", "operations": [{"id": "a"}]}']
)
def test_a_file_that_is_no_manifest_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "documents.json"
    path.write_text(content)
    with pytest.raises(BadManifest, match=r"documents\.json is n"):
        trusted_documents(path)


async def test_serve_says_what_is_wrong_with_the_file(database_url: str, valkey_url: str, tmp_path: Path) -> None:
    known = {"database_url": database_url, "valkey_url": valkey_url, "jwt_secret": SECRET}
    code, _, errors = await attain("serve", trusted_documents=str(tmp_path / "none.json"), **known)
    assert code == 1
    assert errors.startswith("attain: ATTAIN_TRUSTED_DOCUMENTS: Path does not point to a file (")
    (tmp_path / "bad.json").write_text("[]")
    code, _, errors = await attain("serve", trusted_documents=str(tmp_path / "bad.json"), **known)
    assert code == 1
    assert errors.endswith("bad.json is not a JSON object whose values are documents.\n")
