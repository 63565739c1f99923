"""`attain up`: everything on this machine, from nothing to a ready graph, until Ctrl-C.

The data directory (`.attain`) holds

    postgres/      the database, which survives a restart
    company.json   the organisation, a person's e-mail address for each role, the partner's API key
    jwt-secret     signs the development tokens
    ready.json     addresses and tokens for programs      } exist while
    env            the settings, for other commands       } everything runs
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import secrets
import shlex
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from api.tokens import mint
from dev import company, services
from dev.company import Company
from dev.demo.run import load_with_progress
from dev.processes import attain, listen, until_ready
from dev.services import ServiceError
from settings import Settings
from sql.migrate import migrate
from sql.pool import Database

_READY_SECONDS = 60.0
_TOKEN_LIFE = timedelta(days=30)
_QUERY = "{ viewer { name role organization { name } } reps(first: 5) { nodes { name team { name } } } }"

_console = Console(highlight=False)


def up(data: Path, *, port: int, demo: bool) -> int:
    """Run until SIGINT, SIGTERM or the death of a part. Returns the exit code: 0 when a signal ended it, else 1."""
    try:
        asyncio.run(_until_signal(data.absolute(), port, demo))
    except Exception as failure:
        print(f"attain: {_explain(failure, data)}", file=sys.stderr)
        return 1
    return 0


def _explain(failure: Exception, data: Path) -> str:
    """One line for a person. What nobody foresaw leaves its traceback in a file."""
    if getattr(failure, "errno", None) == errno.ENOSPC or getattr(failure, "sqlstate", None) == "53100":
        return services.DISK_FULL
    if isinstance(failure, ServiceError):
        return str(failure)
    log = data / "error.log"
    with contextlib.suppress(OSError):
        log.write_text(traceback.format_exc(), encoding="utf-8")
    return f"{type(failure).__name__}: {str(failure).partition(chr(10))[0]} (the whole story is in {log})"


async def _until_signal(data: Path, port: int, demo: bool) -> None:
    """A signal cancels the work wherever it is, and every part that was started is stopped in order."""
    task = asyncio.create_task(_run(data, port, demo))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _run(data: Path, port: int, demo: bool) -> None:
    with ExitStack() as stack:
        stack.enter_context(_folder(data))
        listening = stack.enter_context(listen(port))
        port = listening.getsockname()[1]
        _discard_half_made(data)
        with _console.status("Starting Postgres and Valkey"):
            servers = stack.enter_context(services.services(data))
            environment = {
                "ATTAIN_DATABASE_URL": servers.database_url,
                "ATTAIN_VALKEY_URL": servers.valkey_url,
                "ATTAIN_JWT_SECRET": _secret(data / "jwt-secret"),
            }
        _done("Postgres and Valkey run")
        with _console.status("Migrating"):
            applied = await migrate(servers.database_url)
        _done(f"{len(applied)} migrations applied" if applied else "The database is up to date")
        who = await _company(data, servers.database_url, demo)
        parts = dict(servers.processes)
        told = {"ATTAIN_LOG_JSON": "false", "ATTAIN_LOG_LEVEL": "WARNING", **os.environ, **environment}
        for name, arguments in (("The worker", ["work"]), ("The API", ["serve", "--fd", str(listening.fileno())])):
            parts[name] = stack.enter_context(attain(arguments, told, listening))
        deaths = [asyncio.create_task(asyncio.to_thread(part.wait), name=name) for name, part in parts.items()]
        ready = asyncio.create_task(until_ready(port), name="ready")
        with _console.status("Starting the API and a worker"):
            await asyncio.wait([ready, *deaths], return_when=asyncio.FIRST_COMPLETED, timeout=_READY_SECONDS)
        _check_alive(deaths)
        if not ready.done():
            raise ServiceError(f"The API was not ready within {_READY_SECONDS:.0f} seconds.")
        tokens = _tokens(who, Settings.model_validate({"jwt_secret": environment["ATTAIN_JWT_SECRET"]}))
        url = f"http://127.0.0.1:{port}/graphql"
        facts = {
            "url": url,
            "wsUrl": url.replace("http", "ws", 1),
            "orgId": str(who.org_id),
            "tokens": tokens,
            "query": _QUERY,
        }
        lines = "".join(f"{name}={value}\n" for name, value in environment.items())
        stack.enter_context(_file(data / "env", lines.encode()))
        stack.enter_context(_file(data / "ready.json", orjson.dumps(facts, option=orjson.OPT_INDENT_2)))
        _announce(facts, data)
        await asyncio.wait(deaths, return_when=asyncio.FIRST_COMPLETED)
        _check_alive(deaths)


@contextmanager
def _folder(data: Path) -> Iterator[None]:
    """The data directory, ours alone while we run."""
    try:
        data.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as failure:
        raise ServiceError(f"{data} cannot be used as a data directory: {failure.strerror}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(f"Attain already runs on {data}: stop it first, or choose another --data-dir.") from None
        yield


@contextmanager
def stopped(data: Path) -> Iterator[str]:
    """The database of a data directory in which nothing runs, or of a new one. Raises `ServiceError`."""
    with _folder(data), services.services(data.absolute()) as servers:
        yield servers.database_url


def _secret(path: Path) -> str:
    """The secret of development tokens, made on first use."""
    if not path.exists():
        _write(path, secrets.token_urlsafe(48).encode())
    return path.read_text(encoding="ascii")


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, and readable by its owner alone."""
    part = path.with_name(path.name + ".part")
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.replace(path)


@contextmanager
def _file(path: Path, content: bytes) -> Iterator[None]:
    """A file that exists for the length of the block."""
    _write(path, content)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _discard_half_made(data: Path) -> None:
    """A company whose loading was interrupted is made anew."""
    if (data / "loading").exists():
        shutil.rmtree(data / "postgres", ignore_errors=True)
        (data / "loading").unlink()


async def _company(data: Path, database_url: str, demo: bool) -> Company:
    """Who is in the database: made on the first run, known from then on."""
    path = data / "company.json"
    if path.exists():
        known = orjson.loads(path.read_bytes())
        return Company(UUID(known["org_id"]), known["emails"], known["partner_key"])
    db = await Database.open(database_url, timeout_ms=120_000)
    try:
        who = await company.adopt(db, datetime.now(UTC))
        if who is not None:
            _write(path, orjson.dumps(who))
            return who
        (data / "loading").touch()
        if demo:
            who = await load_with_progress(db)
            _done("The demo company is loaded")
        else:
            who = await company.found(db, datetime.now(UTC))
    finally:
        await db.close()
    _write(path, orjson.dumps(who))
    (data / "loading").unlink()
    return who


def _check_alive(deaths: list[asyncio.Task[int]]) -> None:
    for death in deaths:
        if death.done():
            raise ServiceError(f"{death.get_name()} stopped by itself (exit code {death.result()}): see above.")


def _tokens(who: Company, settings: Settings) -> dict[str, str]:
    now = datetime.now(UTC)
    people = {role: mint(settings, who.org_id, email, now=now, valid=_TOKEN_LIFE) for role, email in who.emails.items()}
    return people | {"partner": who.partner_key}


def _announce(ready: dict[str, Any], data: Path) -> None:
    """The ready block. Links and commands stand on lines of their own, whole, to be copied."""
    url, tokens = ready["url"], ready["tokens"]
    _console.print(Panel.fit(f"[bold]Attain is ready:[/bold] {url}", border_style="green"))
    _console.print("GraphiQL with examples, as each of them:\n")
    for who, token in tokens.items():
        _line(f"  [bold]{who:<12}[/bold] {url}#token={token}")
    _console.print("\nOr from a terminal:\n")
    body = orjson.dumps({"query": ready["query"]}).decode()
    _line(f"  curl {url} -H 'content-type: application/json' \\")
    _line(f"    -H 'authorization: Bearer {tokens.get('manager', tokens['partner'])}' \\")
    _line(f"    -d {escape(shlex.quote(body))}")
    _console.print(f"\nThe same for programs: {data / 'ready.json'}. Ctrl-C stops everything.", soft_wrap=True)


def _line(text: str) -> None:
    _console.print(text, soft_wrap=True)


def _done(what: str) -> None:
    _console.print(f"[green]✓[/green] {what}")
