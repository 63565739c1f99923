"""The API and a worker as processes of their own on this machine."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dev import services
from dev.services import ServiceError

_ROOT = Path(__file__).parent.parent


@contextmanager
def listen(port: int) -> Iterator[socket.socket]:
    """The port, taken before anything slow starts; 0 takes a free one. The API inherits the socket."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
            listening.listen(2048)
        except OSError as failure:
            raise ServiceError(f"Port {port} cannot be used ({failure.strerror}): choose another --port.") from None
        yield listening


@contextmanager
def attain(
    arguments: list[str],
    environment: Mapping[str, str],
    listening: socket.socket | None = None,
    log: Path | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `attain ARGUMENTS` in this environment until the block ends. Without a log it writes where we do."""
    process = services.start(
        [sys.executable, "-m", "cli", *arguments],
        log=log,
        cwd=_ROOT,
        env=environment,
        pass_fds=[listening.fileno()] if listening else [],
    )
    try:
        yield process
    finally:
        services.stop(process, signal.SIGTERM)


async def until_ready(port: int) -> None:
    """Return once /readyz says 200. The socket listens already: a request waits there for the API to come up."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in await reader.readline():
                    return
            finally:
                writer.close()
        await asyncio.sleep(0.1)
