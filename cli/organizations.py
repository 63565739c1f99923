"""`attain organization | token | import | demo`: what happens to one organisation."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from cli.environment import DATA, DataDir, Org, check_database, fail, join, org_of, settings_with
from settings import Settings


def organization(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    admin_email: Annotated[str, typer.Option(help="Its first administrator's address.")],
    admin_name: Annotated[str, typer.Option(help="Its first administrator's name.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code of its numbers.")] = "USD",
    time_zone: Annotated[str, typer.Option(help="IANA name of its time zone.")] = "America/New_York",
    data_dir: DataDir = DATA,
) -> None:
    """Create an organisation, and print its id."""
    from domain.calendar import CalendarVersion
    from domain.errors import Rejected
    from domain.org.actions import CALENDAR_FROM, organization_create
    from sql.pool import Database

    join(data_dir)
    known = settings_with("database_url")
    check_database(known)

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
        fail(str(refusal))


def token(
    email: Annotated[str, typer.Option(help="Who the token speaks for.")],
    org: Org = None,
    days: Annotated[int, typer.Option(min=1, help="How long it is valid.")] = 30,
    data_dir: DataDir = DATA,
) -> None:
    """Mint a development token (HS256, ATTAIN_JWT_SECRET or that of `attain up`)."""
    from api.tokens import mint

    join(data_dir)
    known = settings_with("database_url", "jwt_secret")
    print(mint(known, asyncio.run(org_of(known, email, org)), email, now=datetime.now(UTC), valid=timedelta(days=days)))


def import_(
    mapping: Annotated[Path, typer.Argument(help="What the files hold, in TOML (see docs/import.md).")],
    email: Annotated[str, typer.Option(help="The administrator who imports.")],
    data: Annotated[Path, typer.Option(help="The folder of the files that the mapping names.")] = Path(),
    org: Org = None,
    rejects: Annotated[Path | None, typer.Option(help="Folder for rejected lines; default --data.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    data_dir: DataDir = DATA,
) -> None:
    """Import CSV files: everything or, when interrupted, nothing. Rejected lines go to *NAME.csv.rejected.csv*."""
    from domain.errors import Rejected
    from domain.pipeline.mapping import BadMapping
    from sql.pool import Unavailable

    join(data_dir)
    known = settings_with("database_url")
    check_database(known)
    into = rejects or data
    if not os.access(into, os.W_OK):
        fail(f"Rejected lines cannot be written to {into}: choose a folder with --rejects.")
    try:
        asyncio.run(_import(known, mapping, email, org, data, into, dry_run))
    except (BadMapping, Rejected) as refusal:
        fail(f"{refusal} Nothing was imported.")
    except Unavailable as failure:
        fail(f"The database did not answer in time: {failure} Nothing was imported.")
    except KeyboardInterrupt:
        print("attain: Interrupted. Nothing was imported.", file=sys.stderr)
        raise typer.Exit(130) from None


async def _import(
    known: Settings, mapping: Path, email: str, org: UUID | None, data: Path, rejects: Path, dry_run: bool
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column, Table

    from domain.org.model import Scope
    from domain.org.sight import person
    from domain.pipeline.importing import import_files, write_rejected
    from domain.pipeline.mapping import plan as read
    from domain.work import Work
    from sql.pool import Database

    plan = read(mapping)
    org_id = await org_of(known, email, org)
    db = await Database.open(known.database_url, size=1, timeout_ms=120_000)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(highlight=False)
    try:
        async with db.session(org_id) as session:
            viewer = await person(session, email)
        if viewer is None or Scope.ORG_WRITE not in viewer.scopes:
            fail(f"{email} is not an administrator.")
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


def demo(
    live: Annotated[bool, typer.Option("--live", help="Keep the company moving, until Ctrl-C.")] = False,
    seconds: Annotated[float, typer.Option(min=0.05, help="With --live: how often something happens.")] = 2.0,
    data_dir: DataDir = DATA,
) -> None:
    """Load the demo company, if it is not there yet; with --live, keep it moving."""
    from dev.demo.run import run

    join(data_dir)
    known = settings_with("database_url")
    check_database(known)
    try:
        asyncio.run(run(known, live=live, seconds=seconds))
    except KeyboardInterrupt:
        raise typer.Exit(0 if live else 130) from None
