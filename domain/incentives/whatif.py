"""What if: a rep asks what deals would pay, an administrator what a plan would have. One engine, nothing written."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.calendar import Calendar, Period
from domain.errors import Rejected
from domain.incentives.book import Book, Calculated
from domain.incentives.inputs import Credit
from domain.incentives.known import PlanBook, Sold
from domain.incentives.loading import load, load_plans
from domain.incentives.model import Assignment
from domain.incentives.plan import Plan
from domain.incentives.plans import unfit
from domain.incentives.trail import Detail
from domain.incentives.wants import budgets
from sql.pool import Session
from sql.queries import queries

_earnings = queries("earnings")
_incentives = queries("incentives")

ZERO = Decimal(0)
NEW_PLAN = UUID(int=0)
"""Stands for a plan that is not there yet."""


@dataclass(frozen=True, slots=True)
class IfWon:
    """A deal that might close: what of it the rep would be credited with, in the organisation's currency."""

    day: date
    amount: Decimal
    margin: Decimal | None = None
    units: Decimal | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan pays a rep for a period as things are, and as they would be, in the payee's currency."""

    plan_id: UUID
    plan_version: int
    period: Period
    currency: str
    now: Decimal
    then: Decimal
    calculated: Calculated


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a rep was due in the periods of a simulation, and would have been, in the payee's currency."""

    rep_id: UUID
    currency: str
    before: Decimal
    after: Decimal


async def estimate(
    session: Session, calendar: Calendar, today: date, rep_id: UUID, deals: Sequence[IfWon]
) -> list[Estimate]:
    """What these deals would add to a rep's pay, plan by plan and period by period that a deal closes in or that runs
    today. Deals may close in periods to come; earlier periods hand on draws and caps as they do, and others claim what
    they claim of budgets.
    """
    plans = await load_plans(session)
    days = [*(deal.day for deal in deals), today]
    assigned = await _sharing(session, plans, rep_id)
    start = dict.fromkeys({rep_id, *(assignment.rep_id for assignment in assigned)}, min(days))
    book = await load(session, calendar, max(days), plans, start, assigned)
    now, _ = book.run()
    imagined = [
        Sold(
            Credit(
                key=f"estimate:{i}",
                deal=f"estimate:{i}",
                day=deal.day,
                currency=book.currency,
                revenue=deal.amount,
                margin=deal.margin,
                units=deal.units,
                product=deal.product,
            )
        )
        for i, deal in enumerate(deals)
    ]
    then, _ = book.with_sold({rep_id: imagined}).run()
    before = {one.cell: one.result.payable for one in now if one.cell.rep_id == rep_id}
    return [
        Estimate(
            one.cell.plan_id,
            one.version,
            one.inputs.period,
            one.inputs.currency,
            before.get(one.cell, ZERO),
            one.result.payable,
            one,
        )
        for one in then
        if one.cell.rep_id == rep_id and any(day in one.inputs.period for day in days)
    ]


async def _sharing(session: Session, plans: Mapping[UUID, PlanBook], rep_id: UUID) -> list[Assignment]:
    """The plans that a rep is on, and everybody who ever was on those of them that have a budget."""
    mine = await session.fetch(_earnings.assignments, [rep_id])
    shared = {row["plan_id"] for row in mine if any(budgets(plan) for _, plan in plans[row["plan_id"]].versions)}
    others = [row["rep_id"] for row in await session.fetch(_earnings.reps_on_plans, list(shared), date.min)]
    theirs = await session.fetch(_earnings.assignments, [other for other in others if other != rep_id])
    rows = [*mine, *(row for row in theirs if row["plan_id"] in shared)]
    return [Assignment(row["plan_id"], row["rep_id"], *row[2:]) for row in rows]


async def simulate(
    session: Session, calendar: Calendar, today: date, key: str, document: Plan, first: date, last: date
) -> list[Simulated]:
    """What every rep on the plan with this key would have got under a document in the periods from `first` through
    `last`, against what the plan in force gives; by rep, those for whom nothing differs too.

    For a plan that nobody is on, those who are eligible. Both sides are calculated from the facts as they are now.
    Raises `Rejected` for a document that could not be published: what `unfit` finds.
    """
    problems = await unfit(session, document)
    if problems:
        raise Rejected(*problems)
    plans = await load_plans(session)
    current = next((book for book in plans.values() if book.key == key), None)
    plan_id = current.plan_id if current else NEW_PLAN
    # Alone in force, from the beginning: what it replaces would not pay beside it.
    drafted = PlanBook(plan_id, key, ((0, replace(document, starts_on=min(document.starts_on, first))),))
    rows = await session.fetch(_incentives.assignments_of_plan, plan_id, None)
    assigned = [Assignment(row["plan_id"], row["rep_id"], *row[2:]) for row in rows]
    if not assigned:
        everybody = await session.fetch(_earnings.everybody)
        assigned = [Assignment(plan_id, row["rep_id"], row["hired_on"], row["left_on"], None) for row in everybody]
    through = min(last, today)
    start = dict.fromkeys(sorted({a.rep_id for a in assigned}), first)
    both = PlanBook(plan_id, key, (*(current.versions if current else ()), *drafted.versions))
    book = await load(session, calendar, through, {plan_id: both}, start, assigned)
    # Seconds of arithmetic for a thousand reps: in a thread, so that whoever shares this process is answered meanwhile.
    after = await asyncio.to_thread(_due, book.with_plans({plan_id: drafted}))
    before = await asyncio.to_thread(_due, book.with_plans({plan_id: current})) if current else {}
    return [
        Simulated(rep_id, payee.currency, before.get(rep_id, ZERO), after.get(rep_id, ZERO))
        for rep_id, payee in sorted(book.payees.items())
        if rep_id in before or rep_id in after
    ]


def _due(book: Book) -> dict[UUID, Decimal]:
    """What each rep is paid in all. Nothing else is kept: a year of everybody's calculations is large."""
    due: dict[UUID, Decimal] = defaultdict(Decimal)
    for one in book.calculated({}, Detail.TOTALS):
        due[one.cell.rep_id] += one.result.payable
    return due
