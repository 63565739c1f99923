"""Plans as YAML: what people write and review. Numbers keep every digit, and `5 %` is 0.05.

Plain YAML without anchors, aliases and tags. A problem is refused with its path and the line at which it stands.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import yaml

from domain.errors import Problem, Rejected, reject
from domain.incentives.check import flaws
from domain.incentives.codec import from_json, to_data
from domain.incentives.plan import Plan

MAX_LENGTH = 200_000

_NUMBER = re.compile(r"[-+]?\d+(_\d+)*(\.\d+)?")
_PERCENT = re.compile(rf"({_NUMBER.pattern}) ?%")
_SHORT = 18
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}

Path = tuple[str, ...]


def parse(text: str, kpis: Collection[str] | None = None) -> tuple[str, Plan]:
    """The key and the terms of the plan in a document, checked.

    Raises `Rejected` with everything that is wrong with it, each with its line in the message and in the detail.
    """
    reader = _Reader(text)
    key = reader.stored.pop("key", None)
    if not isinstance(key, str) or not key.strip():
        reader.problems.append(Problem("REQUIRED", "a word by which the plan is found again is required.", ("key",)))
    plan = None
    try:
        plan = from_json(Plan, reader.stored)
        reader.problems += flaws(plan, kpis)
    except Rejected as rejected:
        reader.problems += rejected.problems
    if plan is None or reader.problems:
        raise Rejected(*(reader.located(problem) for problem in reader.problems))
    return str(key).strip(), plan


def dump(key: str, plan: Plan) -> str:
    """The document of a plan; `parse` reads the same plan from it."""
    stored = {"key": key, **to_data(plan, lambda value: value)}
    return yaml.dump(stored, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)


class _Reader:
    """A document as plain data, with the line of every path."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()
        self.stored: dict[str, Any] = self._plain(_composed(text), ())

    def _plain(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            self.problems.append(Problem("INVALID_YAML", "Write it out: there are no aliases here.", path))
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*path, str(i))) for i, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in node.value:
            line = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode):
                raise reject("INVALID_YAML", f"line {line}: A field has a word for its name.", line=line)
            at = (*path, name.value)
            self.lines[at] = line
            if name.value in found:
                self.problems.append(Problem("DUPLICATE", "This is there twice.", at))
            found[name.value] = self._plain(value, at)
        return found

    def located(self, problem: Problem) -> Problem:
        """The problem with the line of its path, or of what lacks something."""
        path = problem.path
        while path not in self.lines:
            path = path[:-1]
        line = self.lines[path]
        return replace(problem, message=f"line {line}: {problem.message}", detail={**problem.detail, "line": line})


def _composed(text: str) -> yaml.MappingNode:
    if len(text) > MAX_LENGTH:
        raise reject("TOO_LONG", f"A plan has at most {MAX_LENGTH} characters.")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise reject("INVALID_YAML", f"line {line}: {error.problem}.", line=line) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise reject("INVALID_YAML", f"This is no YAML: {error}") from None
    if not isinstance(node, yaml.MappingNode):
        raise reject("INVALID_YAML", "line 1: A plan has fields with values.", line=1)
    return node


def _scalar(node: Any) -> Any:
    """Text where it is quoted; else a word, a number with all its digits, a percentage, or text."""
    text: str = node.value
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return int(text) if len(text) <= _SHORT and "." not in text else Decimal(text)
    percent = _PERCENT.fullmatch(text)
    return Decimal(percent[1]).scaleb(-2) if percent else text


class _Dumper(yaml.SafeDumper):
    """Decimals digit by digit, long texts as blocks, and in quotes what `_scalar` would read as something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists are indented below their field."""
        super().increase_indent(flow, False)


def _decimal(dumper: _Dumper, value: Decimal) -> yaml.ScalarNode:
    text = format(value, "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    quoted = "'" if _PERCENT.fullmatch(value) or _NUMBER.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else quoted)


_Dumper.add_representer(Decimal, _decimal)
_Dumper.add_representer(str, _text)
