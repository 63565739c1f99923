"""What a bench found: tables, as Markdown for people and as JSON for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import orjson

from dev.bench.machine import description

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of figures. Units stand in the names of the columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def markdown(self) -> str:
        """As a table of GitHub's Markdown; figures to the right."""
        right = [all(not isinstance(row[i], str) for row in self.rows) for i in range(len(self.columns))]
        lines = [
            f"### {self.title}",
            "",
            _row(self.columns),
            _row(["--:" if figures else "---" for figures in right]),
            *(_row([_shown(cell) for cell in row]) for row in self.rows),
        ]
        return "\n".join([*lines, "", self.note] if self.note else lines)


@dataclass(slots=True)
class Report:
    """One run of one bench."""

    bench: str
    settings: Mapping[str, Cell]
    tables: list[Table] = field(default_factory=list)
    machine: Mapping[str, str] = field(default_factory=description)
    failures: list[str] = field(default_factory=list)
    """What was found and may not be."""

    def markdown(self) -> str:
        """Everything that was found, and on what."""
        facts = [f"- {name}: {value}" for name, value in {**self.machine, **self.settings}.items()]
        parts = ["\n".join(facts), *(table.markdown() for table in self.tables)]
        return "\n\n".join(parts) + "\n"

    def json(self) -> bytes:
        """The same for programs."""
        return orjson.dumps(self, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def publish(self, json: Path | None, write: Path | None) -> None:
        """Print it; keep it as JSON and inside a document between this bench's two marks, if asked to.

        Raises `ValueError` when the document has no such marks, and at the end for failures.
        """
        print(self.markdown())
        if json is not None:
            json.write_bytes(self.json())
        if write is not None:
            before, after = parts(write, self.bench)
            write.write_text(f"{before}\n\n{self.markdown()}\n{after}", encoding="utf-8")
        if self.failures:
            raise ValueError(" ".join(self.failures))


def parts(document: Path, bench: str) -> tuple[str, str]:
    """What stands before and after a bench's report in a document, with its marks. Raises `ValueError` without them."""
    begin, end = (f"<!-- bench {bench}: {mark} -->" for mark in ("begin", "end"))
    before, found, rest = document.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{document} has no {begin} ... {end}")
    return before + found, closed + after


def distribution(values: Sequence[float], digits: int = 1) -> list[Cell]:
    """How many, p50, p90, p99 and the greatest: what DISTRIBUTION names."""
    ordered = sorted(values)
    if not ordered:
        return [0, None, None, None, None]
    return [len(ordered), *(round(percentile(ordered, p), digits) for p in (0.5, 0.9, 0.99, 1.0))]


DISTRIBUTION = ("n", "p50", "p90", "p99", "max")


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the ordered values does not exceed (nearest rank)."""
    return ordered[max(0, ceil(len(ordered) * share) - 1)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int | float) else cell
