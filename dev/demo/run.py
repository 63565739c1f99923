"""`attain demo`: the company in a database of one's own, and in motion."""

from datetime import UTC, datetime
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from dev.company import Company
from dev.demo import company as setting
from dev.demo.live import live as keep_moving
from dev.demo.load import WEEKS, load
from settings import Settings
from sql.pool import Database
from sql.queries import queries

_console = Console(highlight=False)


async def run(known: Settings, *, live: bool, seconds: float) -> None:
    """Load the company unless the database has it; then, if wanted, keep it moving until cancelled."""
    db = await Database.open(known.database_url, size=2, timeout_ms=120_000)
    try:
        org_id = await _existing(db)
        if org_id is None:
            who = await load_with_progress(db)
            org_id = who.org_id
            for role, email in who.emails.items():
                _console.print(f"{role:8} {email}")
            _console.print(f"{'partner':8} {who.partner_key}", soft_wrap=True)
        else:
            _console.print(f"The demo company is there: organisation {org_id}")
        if live:
            _console.print(f"Something happens every {seconds:g} seconds or so. Ctrl-C stops.")
            await keep_moving(db, org_id, seconds=seconds, told=_console.print)
    finally:
        await db.close()


async def load_with_progress(db: Database, *, weeks: int = WEEKS) -> Company:
    """Load the company under a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=_console, transient=True) as bar:
        task = bar.add_task("Loading the demo company")

        def progress(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total)

        return await load(db, datetime.now(UTC), progress, weeks=weeks)


async def _existing(db: Database) -> UUID | None:
    """The organisation that has the demo company's administrator."""
    for row in await db.system(queries("live").organizations):
        org_id: UUID = row["org_id"]
        async with db.session(org_id) as session:
            if await session.row(queries("access").user_by_email, setting.ADMIN_EMAIL):
                return org_id
    return None
