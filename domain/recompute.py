"""Keeps the numbers true: claims what is stale and recomputes exactly that, in the transaction that writes it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import date
from itertools import chain
from uuid import UUID

import structlog

import telemetry
from domain.calendar import DAY
from domain.dirty import Dirty, Mark, Touch
from domain.feed import actions as feed
from domain.feed import coaching
from domain.incentives import earnings as incentives
from domain.org import actions as org
from domain.quotas import results as quotas
from domain.scorecards import results as scorecards
from domain.work import Tx, Work
from sql.pool import Record
from sql.queries import queries

_live = queries("live")
log = structlog.get_logger("attain.recompute")

Rest = Callable[[float], Awaitable[None]]
"""Awaited after so many seconds of work."""

_COACHED_TOGETHER = 10
"""Reps a transaction: bounds what is held of them, and for how long their items are locked."""


async def recompute(work: Work) -> bool:
    """Recompute the organisation's stale days. False when there is nothing to do or another job is at it.

    What is stale of everybody is taken step by step, a transaction at a time: call again as long as it is True. A crash
    leaves the marks and the steps; a second run changes nothing. A job that finds the lock taken may leave: whoever
    holds it looks for more after its commit.
    """
    with ExitStack() as traced:
        async with work.transaction() as tx:
            claimed = await tx.row(_live.recompute_claim)
            assert claimed is not None  # noqa: S101 the statement always has a row
            dirty = _dirty(claimed)
            if dirty is None and not claimed["unfinished"]:
                return False
            traced.enter_context(telemetry.span("recompute", claimed["traces"]))
            calendar = await org.calendar(tx.session)
            more = True
            if dirty is not None:
                measured = dirty.measured()
                if measured is not None:
                    # Scorecards look at what is left of a quota.
                    await quotas.recompute(tx, calendar, measured)
                    more = await scorecards.recompute(tx, calendar, measured)
                await incentives.recompute(tx, calendar, dirty)
            left = await scorecards.advance(tx, calendar) if more else 0
            if left:
                tx.again("RECOMPUTE")
                log.info("recompute_goes_on", steps_left=left)
    return True


async def coach(work: Work, rest: Rest | None = None) -> bool:
    """Evaluate the coaching rules of the reps whose numbers changed. False when there is nothing to do.

    Some reps a transaction, so that nobody waits long for an item or behind this; in between it rests, where it is told
    how. A crash leaves the marks of those whom it has not come to; a second run changes nothing.
    """
    with ExitStack() as traced:
        began = time.perf_counter()
        async with work.transaction() as tx:
            if not await tx.value(_live.lock_try, "coach"):
                return False
            parents = await tx.claim("COACH")
            marks: list[list[UUID]] = [row["marks"] for row in await tx.fetch(_live.coach_marks)]
            if not marks:
                return False
            traced.enter_context(telemetry.span("coach", parents))
            day = await coaching.day_of(tx, await org.calendar(tx.session))
            await _coach(tx, day, marks[:_COACHED_TOGETHER])
            if marks[_COACHED_TOGETHER:]:
                tx.again("COACH")  # for whoever comes after a crash
        for start in range(_COACHED_TOGETHER, len(marks), _COACHED_TOGETHER):
            if rest is not None:
                await rest(time.perf_counter() - began)
            began = time.perf_counter()
            async with work.transaction() as tx:
                if not await tx.value(_live.lock_try, "coach"):
                    break  # somebody began later, and comes to the rest
                await _coach(tx, day, marks[start : start + _COACHED_TOGETHER])
    return True


async def _coach(tx: Tx, day: coaching.Day, marks: Sequence[Sequence[UUID]]) -> None:
    """Those who were marked when the day was read: what is marked later may be of another day, or by another rule."""
    claimed = await tx.fetch(_live.coach_marks_claim, list(chain.from_iterable(marks)))
    await coaching.coach(tx, day, sorted({row["rep_id"] for row in claimed}))


async def new_day(work: Work) -> bool:
    """What a new local day changes by itself: pace, the running week, overdue SLAs, snoozed items. Once a day.

    A crash on the way leaves the day to be begun again.
    """
    async with work.db.session(work.viewer.org_id) as session:
        today = (await org.calendar(session)).local_day(work.now)
        if not await session.value(_live.day_is_new, today):
            return False
    await org.calendar_extend(work)
    await feed.wake(work)
    async with work.transaction() as tx:
        before: date | None = await tx.session.value(_live.day_begins, today)
        if before is None:
            return False
        # The day before too: it may have ended a week or a period. After an outage, all days since.
        tx.mark(None, min(before, today - DAY), None)
    return True


def _dirty(claimed: Record) -> Dirty | None:
    """The marks that were claimed. Those that arrive later stay for the next run."""
    if claimed["marked_at"] is None:
        return None
    columns = (claimed[name] for name in ("reps", "from_days", "through_days", "touches"))
    return Dirty.of(
        claimed["marked_at"],
        (Mark(rep_id, start, end, Touch(touch)) for rep_id, start, end, touch in zip(*columns, strict=True)),
    )
