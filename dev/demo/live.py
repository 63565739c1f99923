"""Keeps the company moving: plausible new facts every few seconds, so that a dashboard has something to show."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from dev.demo.company import CURRENCY
from dev.demo.load import SOURCE
from domain.org import actions as org
from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus, LeadItem
from domain.work import Work
from sql.pool import Database, uuid7
from sql.queries import queries

_org = queries("org")

_KINDS = ("CALL", "CALL", "MEETING", "MEETING", "PROPOSAL", "QUOTE")


async def live(
    db: Database, org_id: UUID, *, seconds: float, told: Callable[[str], None], rounds: int | None = None
) -> None:
    """One to three facts every so many seconds, on average, until cancelled or for so many rounds."""
    random = Random()
    async with db.session(org_id) as session:
        today = (await org.calendar(session)).local_day(datetime.now(UTC))
        reps = [row["external_id"] for row in await session.fetch(_org.reps_here, today)]
    done = 0
    while rounds is None or done < rounds:
        work = replace(Work.system(db, org_id), now=datetime.now(UTC))
        for _ in range(random.choice((1, 1, 2, 3))):
            told(await _happen(work, random, random.choice(reps)))
        done += 1
        await asyncio.sleep(random.expovariate(1 / seconds) if seconds else 0)


async def _happen(work: Work, random: Random, rep: str) -> str:
    """Store one new fact; says in words what it was."""
    key = f"live-{uuid7()}"
    chance = random.random()
    if chance < 0.75:
        kind = random.choice(_KINDS)
        item = ActivityItem(key, rep, kind, work.now, minutes=30 if kind == "MEETING" else None)
        await activities_ingest(work, SOURCE, [item])
        return f"{rep}: {kind.lower()}"
    if chance < 0.9:
        await leads_ingest(work, SOURCE, [LeadItem(key, rep, work.now, channel="WEB", company="Brightwater Foods")])
        return f"{rep}: lead"
    amount = Decimal(random.randrange(4_000, 30_000))
    deal = DealItem(
        key,
        rep,
        name="Brightwater Foods: Commercial Property",
        stage="CLOSED_WON",
        status=DealStatus.WON,
        amount=amount,
        currency=CURRENCY,
        margin=amount * Decimal("0.42"),
        units=Decimal(1),
        opened_at=work.now - timedelta(days=random.randrange(9, 60)),
        closed_at=work.now,
    )
    await deals_ingest(work, SOURCE, [deal])
    return f"{rep}: won {amount:,}"
