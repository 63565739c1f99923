"""`attain backup | restore`: which database, a progress bar, and one sentence when it fails."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from cli.environment import DATA, DataDir, fail, join, settings_with
from sql import backup as dump
from sql.backup import BackupError, Progress
from sql.migrate import Unreachable

T = TypeVar("T")
Run = Callable[[str, Path, Progress], Coroutine[Any, Any, T]]

URL = "ATTAIN_DATABASE_URL"


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    data_dir: DataDir = DATA,
) -> None:
    """Write the whole database to a file, while everything runs."""
    join(data_dir)
    if not (data_dir / "postgres").exists():
        settings_with("database_url")
    try:
        _with_progress("Backing up", dump.backup, file, data_dir)
    except BackupError as failure:
        fail(str(failure))
    print(f"The database is in {file}.")


def restore(
    file: Annotated[Path, typer.Argument(help="What `attain backup` wrote.")],
    data_dir: DataDir = DATA,
) -> None:
    """Fill an empty database from a backup: everything or, when interrupted, nothing."""
    join(data_dir)
    try:
        missing = _with_progress("Restoring", dump.restore, file, data_dir)
    except BackupError as failure:
        fail(str(failure))
    print(f"{file} is restored." + (f" It lacks {len(missing)} migrations: run `attain migrate`." if missing else ""))


def _with_progress(what: str, run: Run[T], file: Path, data: Path) -> T:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with _database(data) as url, Bar(*columns, transient=True, disable=not sys.stdout.isatty()) as bar:
            task = bar.add_task(what, total=None)

            def progress(table: str, begun: int, total: int) -> None:
                bar.update(task, description=f"{what} {table}", completed=begun, total=total)

            return asyncio.run(run(url, file, progress))
    except KeyboardInterrupt:
        print("attain: Interrupted. Nothing was done.", file=sys.stderr)
        raise SystemExit(130) from None
    except Unreachable as failure:
        raise BackupError(f"The database cannot be reached: {failure}") from None


@contextmanager
def _database(data: Path) -> Iterator[str]:
    """The database that the environment names; else that of a data directory, which runs for the length of this."""
    if os.environ.get(URL):
        yield os.environ[URL]
        return
    try:
        from dev.services import ServiceError
        from dev.up import stopped
    except ModuleNotFoundError:
        raise BackupError(f"Set {URL}.") from None
    try:
        with stopped(data) as url:
            yield url
    except ServiceError as failure:
        raise BackupError(str(failure)) from None
