"""`attain plan apply` and `attain explain`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from cli.environment import DATA, DataDir, Org, check_database, fail, join, org_of, settings_with
from settings import Settings

if TYPE_CHECKING:
    from domain.incentives.plan import Plan

plan = typer.Typer(no_args_is_help=True)


@plan.callback()
def incentive_plans() -> None:
    """Incentive plans as files."""


@plan.command("apply")
def plan_apply(
    file: Annotated[Path, typer.Argument(help="The plan, in YAML (see docs/incentives.md).")],
    email: Annotated[str, typer.Option(help="The compensation administrator who applies it.")],
    org: Org = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = DATA,
) -> None:
    """Publish a plan, after saying what it changes: in its terms, and in what each rep gets."""
    from rich.console import Console

    from cli import plans
    from sql.pool import Database

    join(data_dir)
    known = settings_with("database_url")
    check_database(known)
    console = Console(highlight=False)

    async def run(key: str, document: "Plan") -> None:
        org_id = await org_of(known, email, org)
        db = await Database.open(known.database_url, size=1, timeout_ms=120_000)
        try:
            work = await plans.comp_admin(db, org_id, email)
            proposal = await plans.propose(work, key, document)
            plans.show(console, proposal, (await plans.rep_names(work, proposal)).__getitem__)
            if dry_run:
                console.print("Nothing was stored: this was a dry run.")
            elif not proposal.changes:
                console.print("Nothing was stored: there is nothing to change.")
            elif yes or typer.confirm("Publish it?"):
                console.print(f"Version {await plans.publish(work, proposal)} is in force.")
            else:
                console.print("Nothing was stored.")
        finally:
            await db.close()

    try:
        asyncio.run(run(*plans.read(file)))
    except plans.Refused as refusal:
        fail(str(refusal))


def explain(
    line: Annotated[str, typer.Argument(help="A file that an earlier run wrote, or the id of a line.")],
    verify: Annotated[bool, typer.Option("--verify", help="Execute it again; a file needs no database.")] = False,
    email: Annotated[str, typer.Option(help="The compensation administrator who asks, where it is an id.")] = "",
    org: Org = None,
    data_dir: DataDir = DATA,
) -> None:
    """Print how a line of a statement came to be, as JSON; with --verify, say whether it follows."""
    from cli import plans
    from sql.pool import Database

    async def read(known: Settings, line_id: UUID) -> str:
        org_id = await org_of(known, email, org)
        db = await Database.open(known.database_url, size=1)
        try:
            return await plans.explained(await plans.comp_admin(db, org_id, email), line_id)
        finally:
            await db.close()

    try:
        if Path(line).is_file():
            text = Path(line).read_text(encoding="utf-8")
        else:
            try:
                line_id = UUID(line)
            except ValueError:
                fail(f"{line} is neither a file nor the id of a line.")
            join(data_dir)
            known = settings_with("database_url")
            check_database(known)
            text = asyncio.run(read(known, line_id))
        print(plans.check(text) if verify else text)
    except plans.Refused as refusal:
        fail(str(refusal))
