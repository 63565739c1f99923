"""The graph's schema as a file, and the promise that it only grows.

python -m dev.sdl write     schema.graphql from the code
python -m dev.sdl check     fails if the file is not the code's, or if it breaks the last release's clients
"""

import subprocess
import sys
from pathlib import Path

from graphql import REMOVE, Node, VisitorAction, build_ast_schema, build_schema, parse, visit
from graphql.language import Visitor
from graphql.utilities import BreakingChange, find_schema_changes

FILE = Path(__file__).parent.parent / "schema.graphql"


def written() -> str:
    """The SDL of the code."""
    from api.schema import schema

    return schema.as_str() + "\n"


def breaking(released: str, current: str) -> list[str]:
    """What a client of the released schema would trip over. Deprecated members may go: they were announced."""
    promised = visit(parse(released), _WithoutDeprecated())
    changes = find_schema_changes(build_ast_schema(promised, assume_valid=True), build_schema(current))
    return [change.description for change in changes if isinstance(change, BreakingChange)]


class _WithoutDeprecated(Visitor):
    def enter(self, node: Node, *_: object) -> VisitorAction:
        directives = getattr(node, "directives", None) or ()
        return REMOVE if any(directive.name.value == "deprecated" for directive in directives) else None


def _released() -> tuple[str, str] | None:
    """The last release's tag and schema, if there is one."""
    tag = _git("describe", "--tags", "--abbrev=0", "HEAD")
    sdl = _git("show", f"{tag}:{FILE.name}") if tag else None
    return (tag, sdl) if tag and sdl else None


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=FILE.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def check() -> int:
    """The exit code: 0 when the file is the code's and no client breaks."""
    current = written()
    if not FILE.exists() or FILE.read_text(encoding="utf-8") != current:
        print("schema.graphql is not what the code says: run `make sdl` and look at the difference.", file=sys.stderr)
        return 1
    released = _released()
    if released is None:
        return 0
    tag, sdl = released
    broken = breaking(sdl, current)
    for change in broken:
        print(f"breaks clients of {tag}: {change}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        FILE.write_text(written(), encoding="utf-8")
    else:
        sys.exit(check())
