"""What `attain plan apply` and `attain explain` do: a plan's differences in terms and in pay, a line's trace."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import orjson
from rich.console import Console
from rich.table import Column, Table

from domain.calendar import PeriodKind
from domain.errors import Rejected
from domain.incentives.changes import changes
from domain.incentives.document import parse
from domain.incentives.explain import explain, verified
from domain.incentives.loading import load_plans
from domain.incentives.plan import Plan
from domain.incentives.plans import incentive_plan_draft, incentive_plan_publish
from domain.incentives.trace import Mismatch
from domain.incentives.whatif import Simulated, simulate
from domain.org.actions import calendar
from domain.org.model import Scope
from domain.org.sight import person
from domain.work import Work
from sql.pool import Database
from sql.queries import queries


class Refused(Exception):
    """What cannot be done, in a sentence or more."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan as a file says it, against the one in force. `pay` is of the fiscal year so far."""

    key: str
    document: Plan
    changes: list[str]
    pay: list[Simulated]


async def comp_admin(db: Database, org_id: UUID, email: str) -> Work:
    """Work of somebody who may write pay. Raises `Refused` for anybody else."""
    async with db.session(org_id) as session:
        viewer = await person(session, email)
    if viewer is None or Scope.INCENTIVES_WRITE not in viewer.scopes:
        raise Refused(f"{email} is not a compensation administrator.")
    return Work(db, viewer, datetime.now(UTC))


def read(file: Path) -> tuple[str, Plan]:
    """The key and the terms of a plan. Raises `Refused` with all that is wrong with the file."""
    try:
        return parse(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as failure:
        raise Refused(f"{file} cannot be read: {failure}.") from None
    except Rejected as refusal:
        raise Refused(_told(refusal)) from None


async def propose(work: Work, key: str, document: Plan) -> Proposal:
    """Say what a plan would change; nothing is stored. Raises `Refused` for one that could not be published."""
    async with work.db.session(work.viewer.org_id) as session:
        time = await calendar(session)
        today = time.local_day(work.now)
        plans = await load_plans(session)
        current = next((book.versions[-1][1] for book in plans.values() if book.key == key), None)
        first = time.period(PeriodKind.YEAR, today).starts_on
        try:
            pay = await simulate(session, time, today, key, document, first, today)
        except Rejected as refusal:
            raise Refused(_told(refusal)) from None
    return Proposal(key, document, changes(current, document), pay)


async def publish(work: Work, proposal: Proposal) -> int:
    """Draft and publish it in one step; the version. Raises `Refused`."""
    try:
        async with work.transaction() as tx:
            joined = work.joining(tx)
            drafted = await incentive_plan_draft(joined, key=proposal.key, document=proposal.document)
            published = await incentive_plan_publish(joined, drafted.plan_id, expected_version=drafted.version)
    except Rejected as refusal:
        raise Refused(_told(refusal)) from None
    return published.version


def show(console: Console, proposal: Proposal, names: Callable[[UUID], str]) -> None:
    """The differences, and what they are worth to whom."""
    for line in proposal.changes or ["The plan says what it said before."]:
        console.print(line, markup=False)
    table = Table("rep", Column("now", justify="right"), Column("then", justify="right"), "", box=None)
    sums: dict[str, Decimal] = {}
    for one in proposal.pay:
        change = one.after - one.before
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + change
        if change:
            table.add_row(names(one.rep_id), f"{one.before:,}", f"{one.after:,}", f"{change:+,} {one.currency}")
    if table.row_count:
        console.print(table)
    changed = ", ".join(f"{amount:+,} {currency}" for currency, amount in sorted(sums.items()) if amount) or "nothing"
    console.print(f"Pay of the year so far changes by {changed}, for {table.row_count} of {len(proposal.pay)} reps.")


async def rep_names(work: Work, proposal: Proposal) -> dict[UUID, str]:
    """What the reps are called."""
    async with work.db.session(work.viewer.org_id) as session:
        rows = await session.fetch(queries("incentives").reps_by_id, [one.rep_id for one in proposal.pay])
    return {row["rep_id"]: row["name"] for row in rows}


async def explained(work: Work, line_id: UUID) -> str:
    """The document of a line, which `check` reads. Raises `Refused`."""
    async with work.db.session(work.viewer.org_id) as session:
        found = await explain(session, [line_id])
    if line_id not in found:
        raise Refused("No line has this id.")
    return orjson.dumps(found[line_id].document(), option=orjson.OPT_INDENT_2).decode()


def check(text: str) -> str:
    """Execute the document of a line again; a sentence with its amount. Raises `Refused` naming what differs."""
    try:
        document = orjson.loads(text)
        amount = verified(document)
    except (orjson.JSONDecodeError, Mismatch) as failure:
        raise Refused(f"It does not hold: {failure}") from None
    line = document["line"]
    return f"It holds: {line['kind']} {line['key']} comes to {amount} {line['currency']}."


def _told(refusal: Rejected) -> str:
    return "\n".join(
        f"{'.'.join(problem.path)}: {problem.message}" if problem.path else problem.message
        for problem in refusal.problems
    )
