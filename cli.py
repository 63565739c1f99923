"""`attain`: everything one does with Attain from a terminal.

Each command imports what it needs when it runs, so that `attain serve` in production needs nothing of `dev`.
"""

import asyncio
import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import UUID

import typer
from pydantic import ValidationError

import logs
import telemetry
from settings import Settings, settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)

if find_spec("dev"):  # not in production
    from dev.bench.commands import bench

    app.add_typer(bench, name="bench")

DataDir = Annotated[Path, typer.Option("--data-dir", help="Where `attain up` keeps its data.")]
_DATA = Path(".attain")


@app.callback()
def attain() -> None:
    """The open backend for sales performance management."""


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the API listens; 0 takes a free one.")] = 8000,
    data_dir: DataDir = _DATA,
    demo: Annotated[bool, typer.Option(help="Load the demo company on first run.")] = True,
) -> None:
    """Run everything on this machine: Postgres, Valkey, API, worker."""
    try:
        from dev.up import up as run
    except ModuleNotFoundError:
        _fail("`attain up` is for a development machine: here run `attain serve` and `attain work`.")
    raise typer.Exit(run(data_dir, port=port, demo=demo))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (ATTAIN_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on (ATTAIN_PORT).")] = None,
    fd: Annotated[int | None, typer.Option(hidden=True, help="A socket that listens already.")] = None,
) -> None:
    """Run the API on ATTAIN_DATABASE_URL and ATTAIN_VALKEY_URL. Run as many as you like."""
    import uvicorn

    from api.persisted import BadManifest, trusted_documents

    known = _settings("database_url", "valkey_url")
    logs.configure(known)
    _check_database(known)
    try:
        trusted_documents(known.trusted_documents)
    except BadManifest as failure:
        _fail(str(failure))
    _trace(known, "api")
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        host=host or known.host,
        port=port or known.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=known.max_body_bytes,
        # A message is encoded once for thousands; deflating it for each of them would cost more than all the rest.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    server.run(sockets=None if fd is None else [socket.socket(fileno=fd)])
    if not server.started:
        raise typer.Exit(1)


@app.command()
def work() -> None:
    """Run a worker on ATTAIN_DATABASE_URL and ATTAIN_VALKEY_URL. Run as many as you like."""
    known = _settings("database_url", "valkey_url")
    logs.configure(known)
    _check_database(known)
    _trace(known, "worker")
    from workers import metrics
    from workers.main import run

    try:
        metrics.serve(known)
    except OSError as failure:
        _fail(f"Port {known.metrics_port} cannot be used ({failure.strerror}): choose another ATTAIN_METRICS_PORT.")
    run(known)


@app.command()
def migrate() -> None:
    """Bring the database at ATTAIN_DATABASE_URL to the present."""
    from sql.migrate import Blocked, Unreachable
    from sql.migrate import migrate as apply

    known = _settings("database_url")
    try:
        applied = asyncio.run(apply(known.database_url, waiting=partial(print, flush=True)))
    except Unreachable as failure:
        _fail(f"The database cannot be reached: {failure}")
    except Blocked as failure:
        _fail(str(failure))
    for name in applied:
        print(f"applied {name}")
    print("The database is up to date.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    data_dir: DataDir = _DATA,
) -> None:
    """Write the whole database to a file, while everything runs."""
    from transfer import BackupError
    from transfer import backup as write

    _join(data_dir)
    if not (data_dir / "postgres").exists():
        _settings("database_url")
    try:
        write(file, data_dir)
    except BackupError as failure:
        _fail(str(failure))
    print(f"The database is in {file}.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `attain backup` wrote.")],
    data_dir: DataDir = _DATA,
) -> None:
    """Fill an empty database from a backup: everything or, when interrupted, nothing."""
    from transfer import BackupError
    from transfer import restore as read

    _join(data_dir)
    try:
        missing = read(file, data_dir)
    except BackupError as failure:
        _fail(str(failure))
    print(f"{file} is restored." + (f" It lacks {len(missing)} migrations: run `attain migrate`." if missing else ""))


@app.command()
def token(
    email: Annotated[str, typer.Option(help="Who the token speaks for.")],
    org: Annotated[UUID | None, typer.Option(help="The organisation's id, if the database has several.")] = None,
    days: Annotated[int, typer.Option(min=1, help="How long it is valid.")] = 30,
    data_dir: DataDir = _DATA,
) -> None:
    """Mint a development token (HS256, ATTAIN_JWT_SECRET or that of `attain up`)."""
    from api.auth import mint

    _join(data_dir)
    known = _settings("database_url", "jwt_secret")
    print(
        mint(known, asyncio.run(_org_of(known, email, org)), email, now=datetime.now(UTC), valid=timedelta(days=days))
    )


async def _org_of(known: Settings, email: str, org: UUID | None) -> UUID:
    """The organisation in which this address is an active user."""
    from sql.pool import Database
    from sql.queries import queries

    db = await Database.open(known.database_url, size=1)
    try:
        candidates = [org] if org else [row["org_id"] for row in await db.system(queries("live").organizations)]
        found = []
        for org_id in candidates:
            async with db.session(org_id) as session:
                if await session.row(queries("access").user_by_email, email):
                    found.append(org_id)
    finally:
        await db.close()
    if len(found) != 1:
        _fail(
            f"{email} is an active user of {len(found)} organisations: choose one with --org."
            if found
            else f"No active user has the address {email}."
        )
    return UUID(str(found[0]))


@app.command("import")
def import_(
    mapping: Annotated[Path, typer.Argument(help="What the files hold, in TOML (see docs/import.md).")],
    email: Annotated[str, typer.Option(help="The administrator who imports.")],
    data: Annotated[Path, typer.Option(help="The folder of the files that the mapping names.")] = Path(),
    org: Annotated[UUID | None, typer.Option(help="The organisation's id, if the database has several.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Folder for rejected lines; default --data.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    data_dir: DataDir = _DATA,
) -> None:
    """Import CSV files: everything or, when interrupted, nothing. Rejected lines go to *NAME.csv.rejected.csv*."""
    from domain.errors import Rejected
    from domain.pipeline.mapping import BadMapping
    from sql.pool import Unavailable

    _join(data_dir)
    known = _settings("database_url")
    _check_database(known)
    into = rejects or data
    if not os.access(into, os.W_OK):
        _fail(f"Rejected lines cannot be written to {into}: choose a folder with --rejects.")
    try:
        asyncio.run(_import(known, mapping, email, org, data, into, dry_run))
    except (BadMapping, Rejected) as refusal:
        _fail(f"{refusal} Nothing was imported.")
    except Unavailable as failure:
        _fail(f"The database did not answer in time: {failure} Nothing was imported.")
    except KeyboardInterrupt:
        print("attain: Interrupted. Nothing was imported.", file=sys.stderr)
        raise typer.Exit(130) from None


async def _import(
    known: Settings, mapping: Path, email: str, org: UUID | None, data: Path, rejects: Path, dry_run: bool
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column, Table

    from domain.org.model import SCOPES, Role, Scope, Viewer
    from domain.pipeline.importing import import_files, write_rejected
    from domain.pipeline.mapping import plan as read
    from domain.work import Work
    from sql.pool import Database
    from sql.queries import queries

    plan = read(mapping)
    org_id = await _org_of(known, email, org)
    db = await Database.open(known.database_url, size=1, timeout_ms=120_000)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(highlight=False)
    try:
        async with db.session(org_id) as session:
            user = await session.row(queries("access").user_by_email, email)
        role = Role(user["role"]) if user else Role.REP
        if user is None or Scope.ORG_WRITE not in SCOPES[role]:
            _fail(f"{email} is not an administrator.")
        viewer = Viewer(org_id, SCOPES[role], role, user["user_id"], name=user["name"])
        with Progress(*columns, console=console) as bar:
            tasks = [bar.add_task(f"{file.path} into {file.into}", visible=False) for file in plan.files]

            def progress(position: int, done: int, total: int) -> None:
                bar.update(tasks[position], completed=done, total=total, visible=True)

            work = Work(db, viewer, datetime.now(UTC))
            results = await import_files(work, plan, data, dry_run=dry_run, progress=progress)
    finally:
        await db.close()
    counts = ("rows", "created", "updated", "deleted", "unchanged")
    table = Table("file", "into", *(Column(name, justify="right") for name in (*counts, "rejected")), box=None)
    for result in results:
        numbers = (*(getattr(result, name) for name in counts), len(result.rejected))
        table.add_row(result.file.path, result.file.into, *map(str, numbers))
    console.print(table)
    for path in write_rejected(results, plan, data, rejects):
        console.print(f"Rejected lines are in {path}")
    if dry_run:
        console.print("Nothing was stored: this was a dry run.")


@app.command()
def organization(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    admin_email: Annotated[str, typer.Option(help="Its first administrator's address.")],
    admin_name: Annotated[str, typer.Option(help="Its first administrator's name.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code of its numbers.")] = "USD",
    time_zone: Annotated[str, typer.Option(help="IANA name of its time zone.")] = "America/New_York",
    data_dir: DataDir = _DATA,
) -> None:
    """Create an organisation, and print its id."""
    from domain.calendar import CalendarVersion
    from domain.errors import Rejected
    from domain.org.actions import CALENDAR_FROM, organization_create
    from sql.pool import Database

    _join(data_dir)
    known = _settings("database_url")
    _check_database(known)

    async def create() -> UUID:
        db = await Database.open(known.database_url, size=1)
        try:
            work = await organization_create(
                db,
                name=name,
                currency=currency,
                calendar=CalendarVersion(1, CALENDAR_FROM, time_zone),
                now=datetime.now(UTC),
                admin_email=admin_email,
                admin_name=admin_name,
            )
        finally:
            await db.close()
        return work.viewer.org_id

    try:
        print(asyncio.run(create()))
    except Rejected as refusal:
        _fail(str(refusal))


@app.command()
def demo(
    live: Annotated[bool, typer.Option("--live", help="Keep the company moving, until Ctrl-C.")] = False,
    seconds: Annotated[float, typer.Option(min=0.05, help="With --live: how often something happens.")] = 2.0,
    data_dir: DataDir = _DATA,
) -> None:
    """Load the demo company, if it is not there yet; with --live, keep it moving."""
    from dev.demo.run import run

    _join(data_dir)
    known = _settings("database_url")
    _check_database(known)
    try:
        asyncio.run(run(known, live=live, seconds=seconds))
    except KeyboardInterrupt:
        raise typer.Exit(0 if live else 130) from None


plan = typer.Typer(no_args_is_help=True, help="Incentive plans as files.")
app.add_typer(plan, name="plan")


@plan.callback()
def plans() -> None:
    """Incentive plans as files."""


@plan.command("apply")
def plan_apply(
    file: Annotated[Path, typer.Argument(help="The plan, in YAML (see docs/incentives.md).")],
    email: Annotated[str, typer.Option(help="The compensation administrator who applies it.")],
    org: Annotated[UUID | None, typer.Option(help="The organisation's id, if the database has several.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = _DATA,
) -> None:
    """Publish a plan, after saying what it changes: in its terms, and in what each rep gets."""
    from rich.console import Console

    import pay
    from domain.incentives.plan import Plan
    from sql.pool import Database

    _join(data_dir)
    known = _settings("database_url")
    _check_database(known)
    console = Console(highlight=False)

    async def run(key: str, document: Plan) -> None:
        org_id = await _org_of(known, email, org)
        db = await Database.open(known.database_url, size=1, timeout_ms=120_000)
        try:
            work = await pay.comp_admin(db, org_id, email)
            proposal = await pay.propose(work, key, document)
            pay.show(console, proposal, (await pay.rep_names(work, proposal)).__getitem__)
            if dry_run:
                console.print("Nothing was stored: this was a dry run.")
            elif not proposal.changes:
                console.print("Nothing was stored: there is nothing to change.")
            elif yes or typer.confirm("Publish it?"):
                console.print(f"Version {await pay.publish(work, proposal)} is in force.")
            else:
                console.print("Nothing was stored.")
        finally:
            await db.close()

    try:
        asyncio.run(run(*pay.read(file)))
    except pay.Refused as refusal:
        _fail(str(refusal))


@app.command()
def explain(
    line: Annotated[str, typer.Argument(help="A file that an earlier run wrote, or the id of a line.")],
    verify: Annotated[bool, typer.Option("--verify", help="Execute it again; a file needs no database.")] = False,
    email: Annotated[str, typer.Option(help="The compensation administrator who asks, where it is an id.")] = "",
    org: Annotated[UUID | None, typer.Option(help="The organisation's id, if the database has several.")] = None,
    data_dir: DataDir = _DATA,
) -> None:
    """Print how a line of a statement came to be, as JSON; with --verify, say whether it follows."""
    import pay
    from sql.pool import Database

    async def read(known: Settings, line_id: UUID) -> str:
        org_id = await _org_of(known, email, org)
        db = await Database.open(known.database_url, size=1)
        try:
            return await pay.explained(await pay.comp_admin(db, org_id, email), line_id)
        finally:
            await db.close()

    try:
        if Path(line).is_file():
            text = Path(line).read_text(encoding="utf-8")
        else:
            try:
                line_id = UUID(line)
            except ValueError:
                _fail(f"{line} is neither a file nor the id of a line.")
            _join(data_dir)
            known = _settings("database_url")
            _check_database(known)
            text = asyncio.run(read(known, line_id))
        print(pay.check(text) if verify else text)
    except pay.Refused as refusal:
        _fail(str(refusal))


@app.command()
def schema() -> None:
    """Print the graph's schema (SDL)."""
    from api.schema import schema as graph

    print(graph.as_str())


def _settings(*needed: str) -> Settings:
    """The environment's settings, those needed among them; else one line that names each variable at fault."""
    try:
        known = settings()
    except ValidationError as failure:
        for error in failure.errors():
            print(f"attain: ATTAIN_{str(error['loc'][0]).upper()}: {error['msg']}", file=sys.stderr)
        raise typer.Exit(1) from None
    missing = [f"ATTAIN_{name.upper()}" for name in needed if not getattr(known, name)]
    if missing:
        _fail(f"Set {' and '.join(missing)}, or run `attain up`, which needs neither.")
    return known


def _check_database(known: Settings) -> None:
    from sql.migrate import Unreachable, pending

    try:
        waiting = asyncio.run(pending(known.database_url))
    except Unreachable as failure:
        _fail(f"The database cannot be reached: {failure}")
    if waiting:
        _fail(f"The database lacks {len(waiting)} migrations: run `attain migrate`.")


def _trace(known: Settings, process: str) -> None:
    if known.tracing:
        try:
            telemetry.start(process)
        except ModuleNotFoundError:
            _fail("ATTAIN_TRACING needs OpenTelemetry: install what requirements-otel.lock names.")


def _join(data_dir: Path) -> None:
    """Take from a running `attain up` what the environment does not say."""
    file = data_dir / "env"
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)


def _fail(message: str) -> NoReturn:
    print(f"attain: {message}", file=sys.stderr)
    raise typer.Exit(1)


def main() -> None:
    """The console script."""
    app(prog_name="attain")


if __name__ == "__main__":
    main()
