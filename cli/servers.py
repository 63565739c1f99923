"""`attain up | serve | work | migrate | schema`: what runs, and what has to be there first."""

import asyncio
import gc
import socket
from functools import partial
from typing import Annotated

import typer

import logs
import telemetry
from cli.environment import DATA, DataDir, check_database, fail, settings_with
from settings import Settings


def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the API listens; 0 takes a free one.")] = 8000,
    data_dir: DataDir = DATA,
    demo: Annotated[bool, typer.Option(help="Load the demo company on first run.")] = True,
) -> None:
    """Run everything on this machine: Postgres, Valkey, API, worker."""
    try:
        from dev.up import up as run
    except ModuleNotFoundError:
        fail("`attain up` is for a development machine: here run `attain serve` and `attain work`.")
    raise typer.Exit(run(data_dir, port=port, demo=demo))


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (ATTAIN_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on (ATTAIN_PORT).")] = None,
    fd: Annotated[int | None, typer.Option(hidden=True, help="A socket that listens already.")] = None,
) -> None:
    """Run the API on ATTAIN_DATABASE_URL and ATTAIN_VALKEY_URL. Run as many as you like."""
    known = settings_with("database_url", "valkey_url")
    logs.configure(known)
    check_database(known)
    import uvicorn

    from api.persisted import BadManifest, trusted_documents
    from api.protocols import http_protocol
    from api.sockets import Sockets

    try:
        trusted_documents(known.trusted_documents)
    except BadManifest as failure:
        fail(str(failure))
    _trace(known, "api")
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        host=host or known.host,
        port=port or known.port,
        loop="uvloop",
        http=http_protocol(known),
        ws=Sockets,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here depends on the address that a client has
        ws_max_size=known.max_body_bytes,
        # A message is encoded once for thousands; deflating it for each of them would cost more than all the rest.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=10,
    )
    listening = _listen(config.host, config.port, config.backlog) if fd is None else socket.socket(fileno=fd)
    config.load()
    _spare_the_collector()
    server = uvicorn.Server(config)
    server.run(sockets=[listening])
    if not server.started:
        raise typer.Exit(1)


def _listen(host: str, port: int, backlog: int) -> socket.socket:
    """The socket of an address; else one line that says why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as failure:
        fail(f"The API cannot listen: {failure.strerror}. Choose another --host or --port.")


def _spare_the_collector() -> None:
    """Let the garbage collector leave alone what lives as long as the process, and look at the rest less often.

    An answer is thousands of small objects without cycles, and so is a recompute. By default each some hundred of them
    had those of all requests under way walked, and every so often the whole schema: two fifths of the time of a page of
    fifty reps.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def work() -> None:
    """Run a worker on ATTAIN_DATABASE_URL and ATTAIN_VALKEY_URL. Run as many as you like."""
    known = settings_with("database_url", "valkey_url")
    logs.configure(known)
    check_database(known)
    _trace(known, "worker")
    from workers import metrics
    from workers.main import run

    try:
        metrics.serve(known)
    except OSError as failure:
        fail(f"Port {known.metrics_port} cannot be used ({failure.strerror}): choose another ATTAIN_METRICS_PORT.")
    _spare_the_collector()
    run(known)


def migrate() -> None:
    """Bring the database at ATTAIN_DATABASE_URL to the present."""
    from sql.migrate import Blocked, Unreachable
    from sql.migrate import migrate as apply

    known = settings_with("database_url")
    try:
        applied = asyncio.run(apply(known.database_url, waiting=partial(print, flush=True)))
    except Unreachable as failure:
        fail(f"The database cannot be reached: {failure}")
    except Blocked as failure:
        fail(str(failure))
    for name in applied:
        print(f"applied {name}")
    print("The database is up to date.")


def schema() -> None:
    """Print the graph's schema (SDL)."""
    from api.schema import schema as graph

    print(graph.as_str())


def _trace(known: Settings, process: str) -> None:
    if known.tracing:
        try:
            telemetry.start(process)
        except ModuleNotFoundError:
            fail("ATTAIN_TRACING needs OpenTelemetry: install what requirements-otel.lock names.")
