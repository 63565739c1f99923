"""`attain import`: CSV files through the public actions, all of it in one transaction.

One transaction, because an import that was interrupted must leave nothing: what is half there looks like the truth.
Only calls of the same source wait while it runs. The same import again changes nothing, so that after an interrupt one
starts anew.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from domain.errors import MAX_ITEMS, Problem, Rejected
from domain.org.actions import calendar
from domain.pipeline.mapping import BadMapping, BadValue, File, Lookup, Plan, Reader
from domain.pipeline.model import Ingested
from domain.pipeline.targets import TARGETS
from domain.work import Work

Progress = Callable[[int, int, int], None]
"""Told which of the plan's files is being imported (from 0), how many items are done, and how many there are."""

REJECTED = ".rejected.csv"


@dataclass(slots=True)
class Table:
    """A CSV as it was read: the header, and each row with the number of the line on which it begins."""

    path: str
    header: list[str]
    rows: list[tuple[int, list[str]]]


@dataclass(slots=True)
class Imported:
    """What became of a file's rows. `rejected` holds lines with the reason."""

    file: File
    rows: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    rejected: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """Items on their way, with the lines that each came from."""

    items: list[Any]
    lines: list[list[int]]


class _DryRun(Exception):
    """Undoes everything at the end."""


async def import_files(
    work: Work, plan: Plan, folder: Path, *, dry_run: bool = False, progress: Progress = lambda *_: None
) -> list[Imported]:
    """Import every file of the plan, in its order. A bad row is rejected with its reason, the others are stored.

    All is stored at the end or nothing: an exception, an interrupt or `dry_run` leaves no trace. Raises `BadMapping`
    before anything is done when a file cannot be read or lacks a column, and `Rejected` when the source is refused.
    """
    tables = {path: _table(plan, folder, path) for path in {file.path for file in plan.files}}
    for file in plan.files:
        _check_columns(file, tables[file.path].header)
    lookups = {lookup for file in plan.files for source in file.fields.values() for lookup in source.lookups()}
    contents = {lookup: _lookup(plan, folder, lookup) for lookup in lookups}
    try:
        async with work.transaction() as tx:
            zone = ZoneInfo(plan.time_zone) if plan.time_zone else (await calendar(tx)).versions[-1].zone
            reader = Reader(plan, zone, contents)
            joined = work.joining(tx)
            results = [
                await _import(joined, reader, file, tables[file.path], partial(progress, position))
                for position, file in enumerate(plan.files)
            ]
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return results


async def _import(
    work: Work, reader: Reader, file: File, table: Table, progress: Callable[[int, int], None]
) -> Imported:
    target = TARGETS[file.into]
    result = Imported(file, rows=len(table.rows))
    batch = _read(reader, file, table, result)
    progress(0, len(batch.items))
    for start in range(0, len(batch.items), MAX_ITEMS):
        taken = await target.take(work, reader.plan.source, batch.items[start : start + MAX_ITEMS])
        result.created += taken.created
        result.updated += taken.updated
        result.unchanged += taken.unchanged
        if isinstance(taken, Ingested):
            result.deleted += taken.deleted
        for problem in taken.problems:
            _reject(result, batch, start, problem)
        progress(min(start + MAX_ITEMS, len(batch.items)), len(batch.items))
    return result


def _read(reader: Reader, file: File, table: Table, result: Imported) -> Batch:
    """The items of a table. Rows that read the same are one, as an office is that each of its people's rows names."""
    found: dict[str, tuple[Any, list[int]]] = {}
    for line, cells in table.rows:
        if len(cells) != len(table.header):
            result.rejected[line] = f"the line has {len(cells)} cells, the header has {len(table.header)}"
            continue
        try:
            item = reader.item(file, dict(zip(table.header, cells, strict=True)))
        except BadValue as reason:
            result.rejected[line] = str(reason)
        else:
            found.setdefault(repr(item), (item, []))[1].append(line)
    return Batch([item for item, _ in found.values()], [lines for _, lines in found.values()])


def _reject(result: Imported, batch: Batch, start: int, problem: Problem) -> None:
    """Note the problem of an item on its lines. A problem of the whole call is the import's."""
    if len(problem.path) < 2 or problem.path[0] != "items":
        raise Rejected(problem)
    name = ".".join(problem.path[2:])
    reason = problem.message if problem.message.startswith(name) else f"{name}: {problem.message}"
    for line in batch.lines[start + int(problem.path[1])]:
        before = result.rejected.get(line)
        result.rejected[line] = f"{before}; {reason}" if before else reason


def write_rejected(results: Sequence[Imported], plan: Plan, folder: Path, into: Path) -> list[Path]:
    """Write each file's rejected lines, with number and reason, to `<csv>.rejected.csv` in `into`; the files written.

    One that a former import left is removed when nothing is rejected any more.
    """
    written = []
    for path in dict.fromkeys(result.file.path for result in results):
        out = into / (Path(path).name + REJECTED)
        of_file = [result for result in results if result.file.path == path and result.rejected]
        if not of_file:
            out.unlink(missing_ok=True)
            continue
        table = _table(plan, folder, path)
        cells = dict(table.rows)
        with out.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["line", "into", "reason", *table.header])
            for result in of_file:
                for line, reason in sorted(result.rejected.items()):
                    writer.writerow([line, result.file.into, reason, *cells[line]])
        written.append(out)
    return written


def _table(plan: Plan, folder: Path, path: str) -> Table:
    """Read a CSV whole. Raises `BadMapping`."""
    try:
        text = (folder / path).read_bytes().decode(plan.encoding)
    except OSError as failure:
        raise BadMapping(f"{folder / path} cannot be read: {failure.strerror}.") from None
    except UnicodeDecodeError as failure:
        raise BadMapping(f"{folder / path} is not {plan.encoding} at byte {failure.start}: set `encoding`.") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=plan.delimiter, strict=True)
    header: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    try:
        line = 1
        for cells in reader:
            if not header:
                header = [name.strip() for name in cells]
            elif cells:
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as failure:
        raise BadMapping(f"{folder / path}, line {reader.line_num}: {failure}.") from None
    doubled = {name for name in header if header.count(name) > 1}
    if doubled:
        raise BadMapping(f"{folder / path} has two columns named {min(doubled)!r}.")
    return Table(path, header, rows)


def _check_columns(file: File, header: Sequence[str]) -> None:
    for name, source in file.fields.items():
        for column in source.columns():
            if column not in header:
                has = ", ".join(header)
                raise BadMapping(f"{file.path} has no column {column!r}, which {name} needs; it has {has}.")


def _lookup(plan: Plan, folder: Path, lookup: Lookup) -> Mapping[str, str]:
    """The look-up file as text by text."""
    table = _table(plan, folder, lookup.path)
    for column in (lookup.match, lookup.column):
        if column not in table.header:
            raise BadMapping(f"{lookup.path} has no column {column!r}, which a lookup needs.")
    key, value = table.header.index(lookup.match), table.header.index(lookup.column)
    return {cells[key].strip(): cells[value].strip() for _, cells in table.rows if len(cells) == len(table.header)}
