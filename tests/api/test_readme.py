"""README's tour as a newcomer pastes it: in a shell, from its first command to the last but the import's."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.schema import schema as public
from tests.api.conftest import Serve
from tests.conftest import MakeOrg
from tests.world import MANAGER, PAYMASTER, REP, make_world
from workers.relay import number

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("## A tour of ten minutes")[2].partition("**Import.**")[0].replace("A-001", "rae")
BLOCKS = re.findall(r"```sh\n(.*?)```", TOUR, re.DOTALL)

KEY = """mutation {
  apiKeyCreate(input: {name: "Tour", scopes: [ORG_READ, PIPELINE_WRITE]}) { token userErrors { code } } }"""


async def test_the_tour_runs_as_it_is_written(make_org: MakeOrg, serve: Serve, tmp_path: Path) -> None:
    world = await make_world(make_org, "Tour")
    await number(world.work.db, world.work.viewer.org_id)
    partner = (await world.ask(KEY))["token"]
    async with serve(public) as server:
        people = {"manager": MANAGER, "rep": REP, "compensation": PAYMASTER}
        tokens = {who: server.token(world.work, email) for who, email in people.items()} | {"partner": partner}
        (tmp_path / ".attain").mkdir()
        ready = {"url": f"{server.url}/graphql", "tokens": tokens}
        (tmp_path / ".attain" / "ready.json").write_text(json.dumps(ready))
        (watch,) = (block for block in BLOCKS if "event-stream" in block)
        asked = [block for block in BLOCKS if block is not watch]
        answers = list(documents(await shell(tmp_path, "set -eu", *asked)))
        heard = await first_line(tmp_path, asked[0] + watch)
    assert len(answers) == sum(len(re.findall(r"\bask \w+ ['\"]", block)) for block in asked)
    for answer in answers:
        assert not answer.get("errors"), answer
        assert None not in answer["data"].values(), answer
        assert not any(value.get("userErrors") for value in answer["data"].values() if isinstance(value, dict)), answer
    assert '"kind":"SNAPSHOT"' in heard


async def shell(folder: Path, *script: str) -> str:
    """What a script prints."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", "\n".join(script), cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, errors = await process.communicate()
    assert process.returncode == 0, (said + errors).decode()
    return said.decode()


async def first_line(folder: Path, script: str) -> str:
    """The first data line of a stream of events, which goes on until it is ended."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script.rstrip().replace("\ncurl", "\nexec curl"), cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            if line.startswith(b"data:"):
                return line.decode()
        raise AssertionError("the stream ended before its first message")
    finally:
        process.terminate()
        await process.wait()


def documents(text: str) -> Iterator[dict[str, Any]]:
    """JSON documents, one after the other."""
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:].lstrip()
