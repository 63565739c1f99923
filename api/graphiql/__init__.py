"""GraphiQL for a browser, whole from this server: it works where there is no internet."""

import importlib.util
from datetime import datetime
from pathlib import Path

import orjson

_HERE = Path(__file__).parent


def _assets() -> Path:
    """The folder of a package that carries GraphiQL's published build; its code is not imported."""
    found = importlib.util.find_spec("graphene_django_graphiql_static")
    if found is None or found.origin is None:
        raise ImportError("the package graphene-django-graphiql-static is not installed")
    return Path(found.origin).parent / "static" / "graphene_django_graphiql_static"


ASSETS = _assets()
_PAGE = (_HERE / "page.html").read_text(encoding="utf-8")
_EXAMPLES = [path.read_text(encoding="utf-8") for path in sorted((_HERE / "examples").glob("*.graphql"))]


def examples(now: datetime) -> list[str]:
    """The operations that GraphiQL opens with, a tab each; they run on the demo company."""
    instant = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    return [text.replace("{{now}}", instant) for text in _EXAMPLES]


def page(now: datetime) -> str:
    """The page, with the examples in it."""
    # `</` would end the script early.
    tabs = orjson.dumps([{"query": text} for text in examples(now)]).decode().replace("</", "<\\/")
    return _PAGE.replace("{{tabs}}", tabs)
