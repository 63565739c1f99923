"""Every document of the repository is one that the engine takes: examples, guides, tools, and those that tests ask."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, validate

from api.engine import Engine
from api.schema import schema

ROOT = Path(__file__).parents[3]
GRAPH = schema._schema


def texts() -> Iterator[tuple[Path, str]]:
    """Whatever may be a document: GraphQL files, what stands in quotes in guides and scripts, and Python's strings."""
    for folder in ("api", "dev", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and "{" in node.value:
                    yield path, node.value
        for path in (ROOT / folder).rglob("*.graphql"):
            yield path, path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests/clients").glob("*.mjs")]:
        text = path.read_text(encoding="utf-8")
        for found in re.findall(r"""```graphql\n(.*?)```|'([^']*\{[^']*)'|"query": "([^"]*)\"""", text, re.DOTALL):
            yield path, "".join(found)


def documents() -> Iterator[tuple[str, DocumentNode]]:
    """Those that are valid, with the file in which they stand."""
    for path, text in texts():
        try:
            document = parse(text)
        except GraphQLError:
            continue
        if not validate(GRAPH, document):
            yield str(path.relative_to(ROOT)), document


def test_the_engine_takes_every_document_of_ours() -> None:
    engine = Engine(GRAPH)
    places: list[str] = []
    left: dict[str, str] = {}
    for place, document in documents():
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                places.append(place)
                if reason := engine.plan(document, operation).reason:
                    left[place] = reason
    assert {place for place in left if not place.startswith("tests/")} == set()
    assert set(left.values()) == {"introspection"}  # which tests ask for
    assert {"README.md", "dev/up.py", "api/graphiql/examples/1_query.graphql"} <= set(places)
    assert len(places) > 100
