"""Servers and processes of a test alone, which it may stop, starve and kill.

A process is held at a point without its knowing: the test locks what the next statement needs (`Site.locked`), or stops
Valkey. `Lock.reached` says that the process has come to the point.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.tokens import mint
from dev.services import Services, services, stop
from settings import Settings
from sql.migrate import migrate
from sql.pool import Database
from tests.loop.company import Company, difference

SECRET = "a secret of tests, long enough to sign with"
PATIENCE_SECONDS = 240
"""Long enough for a machine that is busy with other things; nothing waits for it to pass."""

_ROOT = Path(__file__).parents[2]
_POLL_SECONDS = 0.05

_WORK_LEFT = """
select exists (select from dirty_mark where org_id = $1) or exists (select from coach_mark where org_id = $1)
  or exists (select from outbox where org_id = $1) or exists (select from org_work where org_id = $1)
  or exists (select from event_head where org_id = $1 and last_day is null)"""

_WAITS_FOR = """
select query from pg_stat_activity where $1 = any(pg_blocking_pids(pid)) and application_name = 'attain'"""


async def until(holds: Callable[[], Awaitable[bool]], what: Callable[[], str]) -> None:
    """Wait until something holds that has no event of its own."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await holds():  # noqa: ASYNC110 processes have no event to wait for
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"in {PATIENCE_SECONDS} seconds it did not come to this: {what()}") from None


@dataclass
class Lock:
    """A lock that the test holds."""

    admin: asyncpg.Connection
    pid: int

    async def reached(self, statement: str) -> None:
        """Return when a process of Attain waits for the lock with a statement that has these words."""

        waiting: list[str] = []

        async def waits() -> bool:
            rows = await self.admin.fetch(_WAITS_FOR, self.pid)
            waiting[:] = [" ".join(row["query"].split()) for row in rows]
            return any(statement in query for query in waiting)

        await until(waits, lambda: f"{statement!r} waits for the test's lock; {waiting} do")

    async def dismiss(self) -> None:
        """End what waits: a statement whose process has died would be carried out in the end."""
        await self.admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))", self.pid
        )


@dataclass
class Part:
    """A process of Attain."""

    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """As the kernel does when memory is short: no goodbye."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Site:
    """Postgres, Valkey, and what the test starts of Attain."""

    folder: Path
    servers: Services
    listening: socket.socket
    environment: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the API answers. The port is the test's own: between two API processes, requests wait in its queue."""
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    @property
    def log(self) -> Path:
        """What all parts said."""
        return self.folder / "attain.log"

    def start(self, *arguments: str, **settings: object) -> Part:
        """A process `attain ...`."""
        own = {f"ATTAIN_{name.upper()}": str(value) for name, value in settings.items()}
        process = self._run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=_ROOT,
            env={**os.environ, **self.environment, **own},
            pass_fds=[self.listening.fileno()],
        )
        part = Part(process)
        self.parts.append(part)
        return part

    def _run(self, command: Any, **options: Any) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as output:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)

    def work(self, **settings: object) -> Part:
        """A worker."""
        return self.start("work", **settings)

    def serve(self, **settings: object) -> Part:
        """An API process."""
        return self.start("serve", "--fd", str(self.listening.fileno()), **settings)

    def end(self) -> None:
        """No process of Attain is left."""
        for part in self.parts:
            part.resume()
            part.kill()
        self.parts.clear()

    def stop(self, name: str, how: signal.Signals) -> None:
        """Stop a server."""
        process = self.servers.processes[name]
        process.send_signal(how)
        process.wait()

    async def restart(self, name: str) -> None:
        """Start a server that was stopped, with the same command, and wait until it answers."""
        self.servers.processes[name] = self._run(self.servers.processes[name].args)
        await until(self._answers, lambda: f"{name} answers")

    async def _answers(self) -> bool:
        try:
            await (await asyncpg.connect(self.servers.database_url)).close()
            async with Redis.from_url(self.servers.valkey_url) as valkey:
                await valkey.ping()
        except (OSError, asyncpg.PostgresError, RedisError):
            return False
        return True

    async def administer(self, statement: str) -> None:
        """A statement of the database's owner."""
        admin = await asyncpg.connect(self.servers.database_url)
        try:
            await admin.execute(statement)
        finally:
            await admin.close()

    @asynccontextmanager
    async def locked(self, statement: str) -> AsyncIterator[Lock]:
        """What a statement locks stays locked for the length of the block."""
        admin = await asyncpg.connect(self.servers.database_url)
        holder = await asyncpg.connect(self.servers.database_url)
        try:
            await holder.execute("begin")
            await holder.execute(statement)
            yield Lock(admin, holder.get_server_pid())
        finally:
            await holder.close()
            await admin.close()

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """A server takes connections and answers nothing, with all its processes."""
        pids = _family(self.servers.processes[name].pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def client(self, company: Company, **options: Any) -> httpx.AsyncClient:
        """An HTTP client of the API, signed in as the company's administrator."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"authorization": f"Bearer {self.token(company)}"},
            timeout=PATIENCE_SECONDS,
            **options,
        )

    def token(self, company: Company, email: str = "ada@harbor.example") -> str:
        """Somebody signed in; the administrator unless told otherwise."""
        settings = Settings.model_validate({"jwt_secret": SECRET})
        return mint(settings, company.org_id, email, now=datetime.now(UTC), valid=timedelta(hours=1))


def _family(pid: int) -> list[int]:
    """A process and those under it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in _family(int(child)))]


async def quiet(company: Company) -> None:
    """Wait until everything is computed and told."""

    async def nothing_left() -> bool:
        [(left,)] = await company.run(_WORK_LEFT)
        return not left

    await until(nothing_left, lambda: "nothing is left to do")


async def check_nothing_is_lost_or_doubled(company: Company) -> None:
    """Once it is quiet: computing everything again changes nothing, and each event was logged once, without a gap."""
    await quiet(company)
    results, items = await company.results(), await company.items()
    await company.stale()
    await quiet(company)
    assert difference(await company.results(), results) == []
    assert difference(await company.items(), items) == []
    await company.events()
    [(events, distinct)] = await company.run(
        "select count(*), count(distinct event_id) from event_log where org_id = $1"
    )
    assert events == distinct


@contextmanager
def make_site(*, durable: bool = False, **environment: object) -> Iterator[Site]:
    """Servers with an empty database, and no process of Attain yet. `durable`: Postgres may crash, too."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="attain-site-")))
        folder.chmod(0o711)  # Postgres, which is not root, passes through
        running = stack.enter_context(services(folder, durable=durable))
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        site = Site(folder, running, listening)
        site.environment = {
            "ATTAIN_DATABASE_URL": running.database_url,
            "ATTAIN_VALKEY_URL": running.valkey_url,
            "ATTAIN_JWT_SECRET": SECRET,
            "ATTAIN_COST_PER_MINUTE": "1000000000",
            **{f"ATTAIN_{name.upper()}": str(value) for name, value in environment.items()},
        }
        try:
            yield site
        finally:
            site.end()
            for process in running.processes.values():
                stop(process, signal.SIGINT)  # those that were restarted; nobody else knows them
            print(site.log.read_text() if site.log.exists() else "")  # noqa: T201 pytest shows it when a test failed


@asynccontextmanager
async def make_company(site: Site) -> AsyncIterator[Company]:
    """A company whose reps are measured and coached, as of now."""
    await migrate(site.servers.database_url)
    db = await Database.open(site.servers.database_url)
    try:
        company = await Company.found(db, datetime.now(UTC))
        since = (company.work.now - timedelta(days=60)).date()
        await company.publish("calls", "meetings", "win_rate", "revenue", since=since)
        yield company
    finally:
        await db.close()
