"""docs/clients.md as a reader tries it: documents run and answer as shown, and its codes are those there are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from graphql import parse, validate

from api.schema import schema as public
from tests.api.conftest import Serve
from tests.conftest import MakeOrg
from tests.world import ADMIN, REP, make_world
from workers.relay import number

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "clients.md").read_text()

# What runs, and the answer that stands right below it.
EXAMPLES = re.findall(r"```graphql\n(query.*?|mutation.*?|\{.*?)```\n(?:\n```json\n(.*?)```)?", GUIDE, re.DOTALL)
SUBSCRIPTIONS = re.findall(r"```graphql\n(subscription.*?)```", GUIDE, re.DOTALL)

MAKERS = {"Problem", "problem", "reject", "Refusal"}


async def test_documents_answer_as_shown(make_org: MakeOrg, serve: Serve) -> None:
    world = await make_world(make_org, "Guide")
    await number(world.work.db, world.work.viewer.org_id)
    async with serve(public) as server, server.client() as client:
        for document, shown in EXAMPLES:
            token = server.token(world.work, REP if "RepScreen" in document else ADMIN)
            client.headers["Authorization"] = f"Bearer {token}"
            answer = (await client.post("/graphql", json={"query": document.replace('"A-001"', '"rae"')})).json()
            assert fits(answer.get("data"), orjson.loads(shown)), answer


def test_every_document_is_tried() -> None:
    assert len(EXAMPLES) + len(SUBSCRIPTIONS) == GUIDE.count("```graphql")


@pytest.mark.parametrize("guide", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.stem)
def test_documents_of_every_guide_are_valid(guide: Path) -> None:
    for document in re.findall(r"```graphql\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL):
        assert not validate(public._schema, parse(document)), document


def test_codes_are_complete() -> None:
    """Of user errors the last table has each, of other errors the one before."""
    shown = re.findall(r"^\| `([A-Z_]+)`", GUIDE.split("## Codes of user errors")[1], re.MULTILINE)
    made = set(codes("domain", "api"))
    user = {code for maker, code in made if maker != "Refusal"}
    assert sorted(user) == shown
    others = re.findall(r"^\| `([A-Z_]+)`", GUIDE.split("## When something goes wrong")[1], re.MULTILINE)
    others = others[: len(others) - len(shown)]
    assert sorted({code for maker, code in made if maker == "Refusal"} | {"INTERNAL"}) == sorted(others)


def fits(found: object, shown: object) -> bool:
    """Whether an answer is like the one shown, where "..." is any text, numbers vary and lists go on."""
    match shown:
        case dict():
            return (
                isinstance(found, dict) and list(found) == list(shown) and all(fits(found[k], shown[k]) for k in shown)
            )
        case list():
            return isinstance(found, list) and len(found) >= len(shown) and all(map(fits, found, shown))
        case "...":
            return isinstance(found, str)
        case bool() | int():
            return type(found) is type(shown)
    return found == shown


def codes(*folders: str) -> Iterator[tuple[str, str]]:
    """Each code with the function that is given it, from the sources."""
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                maker = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if maker in MAKERS:
                    yield maker, str(node.args[0].value)
