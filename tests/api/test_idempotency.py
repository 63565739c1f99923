"""A mutation sent again is answered again, and not done again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.operation import Asked
from domain.work import Work
from sql.queries import Query, queries
from tests.api.conftest import Serve, Server
from tests.api.graph import gate
from tests.conftest import MakeOrg

_live = queries("live")
_AGE = Query("test.age", "update idempotency_key set created_at = created_at - interval '1 hour' where org_id = $1")
_FORGET = Query("test.forget", "update idempotency_key set status = null, response = null where org_id = $1")

RENAME = """mutation($name: String!, $wait: Boolean! = false, $sleep: Float! = 0) {
  teamRename(name: $name, externalId: "t", wait: $wait, sleep: $sleep) { count userErrors { code } }
}"""


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    """The administrator of an organisation of this test."""
    return await make_org()


@pytest.fixture
async def client(server: Server, work: Work) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the administrator."""
    async with server.client(server.token(work)) as signed_in:
        yield signed_in


async def _rename(client: httpx.AsyncClient, name: str, key: str = "k1", **variables: object) -> httpx.Response:
    asked = {"query": RENAME, "variables": {"name": name, **variables}}
    return await client.post("/graphql", json=asked, headers={"Idempotency-Key": key})


def _code(response: httpx.Response) -> Any:
    return response.json()["errors"][0]["extensions"]["code"]


async def _events(work: Work) -> int:
    async with work.db.session(work.viewer.org_id) as session:
        return int(await session.value(Query("test.events", "select count(*) from audit_log where org_id = $1")))


async def test_the_same_request_gets_the_same_answer_and_is_done_once(client: httpx.AsyncClient, work: Work) -> None:
    first = await _rename(client, "North")
    done = await _events(work)
    again = await _rename(client, "North")
    assert first.json() == again.json()
    assert first.json()["data"]["teamRename"] == {"count": 1, "userErrors": []}
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await _events(work) == done


async def test_a_refusal_is_replayed_too(client: httpx.AsyncClient) -> None:
    first, again = await _rename(client, " "), await _rename(client, " ")
    assert first.json()["data"]["teamRename"]["userErrors"] != []
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_is_for_one_request(client: httpx.AsyncClient, work: Work) -> None:
    await _rename(client, "North")
    done = await _events(work)
    other = await _rename(client, "South")
    assert _code(other) == "BAD_REQUEST"
    assert "another request" in other.json()["errors"][0]["message"]
    assert await _events(work) == done


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_a_length(client: httpx.AsyncClient, key: str) -> None:
    assert _code(await _rename(client, "North", key)) == "BAD_REQUEST"


async def test_keys_of_different_viewers_do_not_meet(
    client: httpx.AsyncClient, server: Server, make_org: MakeOrg
) -> None:
    await _rename(client, "North")
    async with server.client(server.token(await make_org())) as other:
        assert (await _rename(other, "South")).json()["data"]["teamRename"]["count"] == 1


async def test_a_request_under_way_is_not_begun_again(client: httpx.AsyncClient) -> None:
    gate.shut()
    first = asyncio.create_task(_rename(client, "North", wait=True))
    await gate.entered.wait()
    second = await _rename(client, "North", wait=True)
    assert (second.status_code, _code(second)) == (503, "UNAVAILABLE")
    assert second.json()["errors"][0]["extensions"]["retryable"] is True
    gate.open.set()
    assert (await first).json() == (await _rename(client, "North", wait=True)).json()


async def test_what_was_applied_without_an_answer_is_said_and_not_done_again(
    client: httpx.AsyncClient, work: Work
) -> None:
    """The process died between the commit and its answer."""
    await _rename(client, "North")
    async with work.db.session(work.viewer.org_id) as session:
        await session.execute(_FORGET)
        await session.execute(_AGE)
    done = await _events(work)
    again = await _rename(client, "North")
    assert _code(again) == "ALREADY_APPLIED"
    assert await _events(work) == done


async def test_what_was_stopped_before_it_was_applied_leaves_the_key_free(serve: Serve, work: Work) -> None:
    async with serve(request_timeout_seconds=0.3) as server, server.client(server.token(work)) as client:
        slow = await _rename(client, "North", sleep=5)
        assert (slow.status_code, _code(slow)) == (503, "UNAVAILABLE")
        assert (await _rename(client, "North")).json()["data"]["teamRename"]["count"] == 1


async def test_what_a_killed_process_began_may_be_sent_again_later(client: httpx.AsyncClient, work: Work) -> None:
    digest = hashlib.sha256(Asked(RENAME, {"name": "North"}, None).canonical()).digest()
    async with work.db.session(work.viewer.org_id) as session:
        await session.execute(_live.idempotency_claim, work.viewer.actor_id, "k1", digest, datetime.now(UTC), work.now)
    assert _code(await _rename(client, "North")) == "UNAVAILABLE"
    async with work.db.session(work.viewer.org_id) as session:
        await session.execute(_AGE)
    assert (await _rename(client, "North")).json()["data"]["teamRename"]["count"] == 1
