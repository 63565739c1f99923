"""What benches run on: Postgres, Valkey, API and worker as processes of this machine, and the demo company.

The company is made once a day and version of its makers and copied for each run, so that every run begins with the
same rows.
"""

import asyncio
import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import orjson

from api.tokens import mint
from dev.bench.machine import on_cores
from dev.company import Company
from dev.demo.load import WEEKS
from dev.demo.run import load_with_progress
from dev.processes import attain, listen, until_ready
from dev.services import ServiceError, Services, services
from settings import Settings
from sql.migrate import migrate
from sql.pool import Database

_READY_SECONDS = 60.0
_ROOT = Path(__file__).parent.parent.parent

# When a transaction committed is what latency is counted from, and only Postgres knows.
_OPTIONS = {"track_commit_timestamp": "on"}
# While it is measured, Postgres looks after its tables as often as it does by itself. New ones are looked at soon.
_RUNNING = {**_OPTIONS, "autovacuum_naptime": "1min"}


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything that runs. `logs` are the processes' outputs by name, `folder` is this run's own."""

    settings: Settings
    company: Company
    servers: Services
    port: int = 0
    api: tuple[int, ...] = ()
    worker: int | None = None
    logs: Mapping[str, Path] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()

    @property
    def org_id(self) -> UUID:
        """The demo company."""
        return self.company.org_id

    def token(self, email: str) -> str:
        """Who signs in."""
        return mint(self.settings, self.org_id, email, now=datetime.now(UTC), valid=timedelta(days=1))


@contextmanager
def rig(
    folder: Path,
    *,
    weeks: int = WEEKS,
    apis: int = 1,
    workers: bool = True,
    server_cores: set[int] | None = None,
    api_cores: set[int] | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Rig]:
    """Run it until the block ends. `variables` are settings of API and worker. Raises `ServiceError`."""
    company = _prepared(folder, weeks)
    run = folder / f"run-{os.getpid()}"
    try:
        subprocess.run(["cp", "-a", "--reflink=auto", company, run], check=True)
        with ExitStack() as stack:
            with on_cores(server_cores):
                servers = stack.enter_context(services(run, options=_RUNNING))
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith("ATTAIN_")},
                "ATTAIN_DATABASE_URL": servers.database_url,
                "ATTAIN_VALKEY_URL": servers.valkey_url,
                "ATTAIN_JWT_SECRET": secrets.token_urlsafe(48),
                "ATTAIN_MAX_CONNECTIONS_PER_VIEWER": "100000",  # thousands of screens are a few people here
                "ATTAIN_MAX_SUBSCRIPTIONS_PER_VIEWER": "100000",
                "ATTAIN_MAX_CHARACTERS_PER_VIEWER": "1000000000",
                **variables,
            }
            settings = Settings.model_validate(
                {
                    name.removeprefix("ATTAIN_").lower(): value
                    for name, value in environment.items()
                    if name.startswith("ATTAIN_")
                }
            )
            logs = {}
            listening = stack.enter_context(listen(0))
            port = listening.getsockname()[1]
            api = []
            for number in range(apis):
                logs[f"api-{number}"] = log = run / f"api-{number}.log"
                command = ["serve", "--fd", str(listening.fileno())]
                with on_cores(api_cores):
                    api.append(stack.enter_context(attain(command, environment, listening, log)).pid)
            worker = None
            if workers:
                logs["worker"] = run / "worker.log"
                tracing = environment | {"ATTAIN_LOG_LEVEL": "DEBUG"}
                worker = stack.enter_context(attain(["work"], tracing, log=logs["worker"])).pid
            _wait(port, api, logs)
            yield Rig(settings, _known(company), servers, port, tuple(api), worker, logs, environment, run)
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _prepared(folder: Path, weeks: int) -> Path:
    """A data directory with the demo company as of today."""
    made_by = hashlib.sha256()
    for path in sorted([*(_ROOT / "dev/demo").glob("*.py"), *(_ROOT / "sql").rglob("*.sql")]):
        made_by.update(path.read_bytes())
    company = folder / f"company-{weeks}-{datetime.now(UTC):%Y%m%d}-{made_by.hexdigest()[:8]}"
    if not (company / "company.json").exists():
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        for old in folder.glob(f"company-{weeks}-*"):
            shutil.rmtree(old)
        with services(company, options=_OPTIONS) as servers:
            who = asyncio.run(_load(servers.database_url, weeks))
        (company / "company.json").write_bytes(orjson.dumps(who))
    return company


async def _load(database_url: str, weeks: int) -> Company:
    await migrate(database_url)
    db = await Database.open(database_url, timeout_ms=120_000)
    try:
        return await load_with_progress(db, weeks=weeks)
    finally:
        await db.close()


def _known(company: Path) -> Company:
    known = orjson.loads((company / "company.json").read_bytes())
    return Company(UUID(known["org_id"]), known["emails"], known["partner_key"])


def _wait(port: int, api: list[int], logs: Mapping[str, Path]) -> None:
    async def until() -> None:
        async with asyncio.timeout(_READY_SECONDS):
            await asyncio.gather(*(until_ready(port) for _ in api))

    try:
        asyncio.run(until())
    except TimeoutError:
        said = "\n".join(path.read_text(encoding="utf-8")[-2_000:] for path in logs.values())
        raise ServiceError(f"The API was not ready within {_READY_SECONDS:.0f} seconds: {said}") from None
