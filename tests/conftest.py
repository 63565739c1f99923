"""Real servers for every test: one Postgres and one Valkey a run, one database a worker, one organisation a test.

`ATTAIN_TEST_DATABASE_URL` and `ATTAIN_TEST_VALKEY_URL` name servers of one's own instead of the embedded ones. The
login must be a superuser; every database made is dropped at the end.
"""

import asyncio
import os
import re
import secrets
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import hypothesis
import pytest

from dev.services import services
from domain.calendar import CalendarVersion
from domain.org.actions import CALENDAR_FROM, organization_create
from domain.work import Work
from sql import pool
from sql.migrate import migrate
from sql.pool import Database

SCALE = 25 if os.environ.get("ATTAIN_FUZZ") else 1
"""How many times as much the tests marked `fuzz` do as in `make test`; set by `make fuzz`."""

# Who runs tests in the background has SIGINT ignored, and so would have the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no counterexample.
hypothesis.settings.register_profile("attain", deadline=None, max_examples=100 * SCALE, print_blob=True)
hypothesis.settings.load_profile("attain")

MakeOrg = Callable[..., Awaitable[Work]]

_DATABASE = "ATTAIN_TEST_DATABASE_URL"
_VALKEY = "ATTAIN_TEST_VALKEY_URL"
_RUN = "ATTAIN_TEST_RUN"  # names the databases of this run; set by the controller, inherited by its workers
_stack = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """In the controller, before xdist starts its workers: they inherit the environment."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    if not (os.environ.get(_DATABASE) and os.environ.get(_VALKEY)):
        folder = Path(_stack.enter_context(tempfile.TemporaryDirectory(prefix="attain-test-")))
        folder.chmod(0o711)  # Postgres, which is not root, passes through
        running = _stack.enter_context(services(folder, durable=False))
        os.environ.setdefault(_DATABASE, running.database_url)
        os.environ.setdefault(_VALKEY, running.valkey_url)
    os.environ[_RUN] = f"attain_test_{secrets.token_hex(4)}"
    _stack.callback(lambda: asyncio.run(_drop_all()))
    asyncio.run(_create("template"))
    asyncio.run(migrate(_url("template")))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _stack.close()


def _url(name: str) -> str:
    """The address of a database of this run."""
    return urlunsplit(urlsplit(os.environ[_DATABASE])._replace(path=f"/{os.environ[_RUN]}_{name}"))


async def _create(name: str, template: str | None = None) -> None:
    run = os.environ[_RUN]
    await _administer(f'create database "{run}_{name}"' + (f' template "{run}_{template}"' if template else ""))


async def _drop(name: str) -> None:
    await _administer(f'drop database if exists "{os.environ[_RUN]}_{name}" with (force)')


async def _drop_all() -> None:
    connection = await asyncpg.connect(os.environ[_DATABASE])
    try:
        mine = await connection.fetch(
            "select datname from pg_database where starts_with(datname, $1)", os.environ[_RUN]
        )
        for (name,) in mine:
            await connection.execute(f'drop database if exists "{name}" with (force)')
    finally:
        await connection.close()


async def _administer(statement: str) -> None:
    connection = await asyncpg.connect(os.environ[_DATABASE])
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def worker(worker_id: str) -> str:
    """Names this xdist worker, or `main` without xdist."""
    return "main" if worker_id == "master" else worker_id


@pytest.fixture(scope="session")
async def database_url(worker: str) -> AsyncIterator[str]:
    """This worker's own migrated database, as its owner sees it."""
    await _create(worker, template="template")
    yield _url(worker)
    await _drop(worker)


@pytest.fixture(scope="session")
async def db(database_url: str) -> AsyncIterator[Database]:
    """This worker's database as the application sees it. Tests share it: each works in its own organisation."""
    database = await Database.open(database_url)
    yield database
    await database.close()


@pytest.fixture
async def fresh_database_url(worker: str) -> AsyncIterator[str]:
    """An empty database, not migrated, of this test alone."""
    name = f"{worker}_{secrets.token_hex(4)}"
    await _create(name)
    yield _url(name)
    await _drop(name)


@pytest.fixture(scope="session")
def valkey_url(worker: str) -> str:
    """This worker's own Valkey database (channels are shared by all: name them by organisation)."""
    number = re.sub(r"\D", "", worker)
    return f"{os.environ[_VALKEY]}?db={int(number) + 1 if number else 0}"


@pytest.fixture(scope="session")
def make_org(db: Database) -> MakeOrg:
    """`await make_org(**over)`: a new organisation, and its administrator's `Work`. Organisations isolate tests."""

    async def make(**over: Any) -> Work:
        given: dict[str, Any] = {
            "name": "Harbor Brokers",
            "currency": "USD",
            "calendar": CalendarVersion(1, CALENDAR_FROM, "America/New_York"),
            "now": datetime.now(UTC),
            "admin_email": "ada@harbor.example",
            "admin_name": "Ada Admin",
        }
        return await organization_create(db, **given | over)

    return make


@pytest.fixture
def statements() -> Callable[[], AbstractContextManager[list[str]]]:
    """`with statements() as ran:` names the statements that the block ran, in order."""

    @contextmanager
    def record() -> Iterator[list[str]]:
        ran: list[str] = []
        token = pool.statements.set(ran)
        try:
            yield ran
        finally:
            pool.statements.reset(token)

    return record
