"""`attain serve` as operators run it: a process of its own, with its log and its memory to look at."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson

from api.tokens import mint
from domain.work import Work
from settings import Settings

_STARTS_SECONDS = 180  # on a machine that is busy with other things


@dataclass(frozen=True)
class Served:
    """A running API."""

    settings: Settings
    port: int
    pid: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def token(self, work: Work, email: str = "ada@harbor.example") -> str:
        """Who signs in, by default the administrator of `make_org`."""
        return mint(self.settings, work.viewer.org_id, email, now=datetime.now(UTC), valid=timedelta(hours=1))

    def resident_bytes(self) -> int:
        """The memory that the process holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log that tell of an event."""
        lines = (orjson.loads(line) for line in self.log.read_bytes().splitlines())
        return [line for line in lines if line["event"] == event]


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Served]:
    """The API with these settings, and the operator's defaults for all others; stopped by SIGTERM."""
    given = settings.model_dump(mode="json", exclude_unset=True)
    environment = {f"ATTAIN_{name.upper()}": _text(value) for name, value in given.items()}
    if settings.jwt_secret is not None:
        environment["ATTAIN_JWT_SECRET"] = settings.jwt_secret.get_secret_value()
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listening:
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "cli", "serve", "--fd", str(listening.fileno())),
                env=os.environ | environment,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(listening.fileno(),),
            )
        server = Served(settings, listening.getsockname()[1], process.pid, log)
        try:
            async with httpx.AsyncClient(base_url=server.url, timeout=_STARTS_SECONDS) as client:
                await client.get("/healthz")  # waits in the queue of the socket until the process has started
            yield server
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
