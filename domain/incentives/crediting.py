"""What pay counts besides deals and their splits: credits by hand, overlays, rates of currencies."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from domain.dirty import Touch
from domain.errors import Problem, Rejected, at_most, reject
from domain.incentives.model import CreditItem, OverlayItem, RateItem
from domain.money import LARGEST
from domain.org import actions as org
from domain.org.rules import known_currency, prose
from domain.work import Tx, Work, columns
from sql.pool import Record, uuid7
from sql.queries import queries

_incentives = queries("incentives")


async def credits_by_hand(work: Work, items: Sequence[CreditItem]) -> list[UUID]:
    """Credit reps with what no deal says, each with its reason; all or none. Returns the credits' ids in order.

    Raises `Rejected` with every problem by path: TOO_MANY, NOT_FOUND, OUT_OF_RANGE, BLANK, TOO_LONG.
    """
    at_most(items)
    async with work.transaction() as tx:
        last = (await org.calendar(tx)).local_day(tx.now)
        reps = await known_reps(tx, [item.rep_id for item in items])
        deals = [item.deal_id for item in items if item.deal_id is not None]
        known = {row["deal_id"] for row in await tx.fetch(_incentives.deals_exist, deals)}
        problems = []
        for i, item in enumerate(items):
            at = ("items", str(i))
            if item.rep_id not in reps:
                problems.append(unknown_rep(*at))
            if item.deal_id is not None and item.deal_id not in known:
                problems.append(Problem("NOT_FOUND", "No deal has this id.", (*at, "dealId")))
            if not org.CALENDAR_FROM <= item.day <= last:
                message = f"A credit counts on a day from {org.CALENDAR_FROM} to today."
                problems.append(Problem("OUT_OF_RANGE", message, (*at, "day")))
            for name in ("amount", "margin", "units"):
                value = getattr(item, name)
                if value is not None and not abs(value) < LARGEST:
                    problems.append(Problem("OUT_OF_RANGE", "Numbers are below 10^15.", (*at, name)))
            problems += written(item.reason, *at, "reason")
        if problems:
            raise Rejected(*problems)
        rows = [(uuid7(), c.rep_id, c.role, c.deal_id, c.day, c.amount, c.margin, c.units, c.reason) for c in items]
        await tx.execute(_incentives.manual_credits_add, *columns(rows, 9), tx.viewer.actor_id, tx.now)
        for row, item in zip(rows, items, strict=True):
            tx.mark(item.rep_id, item.day, item.day, Touch.EARNINGS)
            tx.audit("creditPost", "Rep", str(item.rep_id), credit=str(row[0]))
        return [row[0] for row in rows]


async def overlay_set(work: Work, item: OverlayItem) -> UUID:
    """Credit a rep with a share of what others win. Raises `Rejected`: NOT_FOUND, REQUIRED, OUT_OF_RANGE, BLANK."""
    problems = written(item.reason, "input", "reason")
    if item.team_id is None and item.territory_id is None and item.product is None:
        problems.append(Problem("REQUIRED", "Name a team, a territory or a product.", ("input",)))
    elif item.product is not None:
        problems += prose(item.product, "input", "product")
    if not 0 < item.share <= 1:
        problems.append(Problem("OUT_OF_RANGE", "A share is more than 0 and at most 1.", ("input", "share")))
    if item.ends_on is not None and item.ends_on <= item.starts_on:
        problems.append(Problem("OUT_OF_RANGE", "It ends after it starts.", ("input", "endsOn")))
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        if item.rep_id not in await known_reps(tx, [item.rep_id]):
            raise Rejected(unknown_rep("input"))
        if not await tx.value(_incentives.subjects_exist, item.team_id, item.territory_id):
            raise reject("NOT_FOUND", "There is no such team or territory.", "input")
        overlay_id = uuid7()
        await tx.execute(
            _incentives.overlay_add,
            overlay_id,
            item.rep_id,
            item.team_id,
            item.territory_id,
            item.product,
            item.share,
            item.starts_on,
            item.ends_on,
            item.reason,
            tx.viewer.actor_id,
            tx.now,
        )
        tx.mark(item.rep_id, item.starts_on, item.ends_on, Touch.EARNINGS)
        tx.audit("overlaySet", "Rep", str(item.rep_id), overlay=str(overlay_id))
        return overlay_id


async def overlay_end(work: Work, overlay_id: UUID, day: date) -> None:
    """From this day on it credits nothing. Raises `Rejected` NOT_FOUND when there is none, or none from then on."""
    async with work.transaction() as tx:
        row = await tx.row(_incentives.overlay_end, overlay_id, day)
        if row is None:
            raise reject("NOT_FOUND", "No overlay with this id lasts until that day.", "id")
        tx.mark(row["rep_id"], day, None, Touch.EARNINGS)
        tx.audit("overlayEnd", "Rep", str(row["rep_id"]), overlay=str(overlay_id), day=day)


async def currency_rates_set(work: Work, items: Sequence[RateItem]) -> int:
    """Set rates of currencies, each from its day on; returns how many changed. Lines keep the rate that they used until
    a calculation of their period finds another. Raises `Rejected`: TOO_MANY, INVALID_CURRENCY, OUT_OF_RANGE."""
    at_most(items)
    problems = []
    for i, item in enumerate(items):
        at = ("items", str(i))
        problems += [*known_currency(item.base, *at, "base"), *known_currency(item.into, *at, "into")]
        if item.base == item.into:
            problems.append(Problem("OUT_OF_RANGE", "A currency is worth itself.", (*at, "into")))
        if not 0 < item.rate < LARGEST:
            problems.append(Problem("OUT_OF_RANGE", "A rate is more than 0.", (*at, "rate")))
    if problems:
        raise Rejected(*problems)
    wanted = {(item.base, item.into, item.valid_from): item.rate for item in items}
    async with work.transaction() as tx:
        rows = [(*key, rate) for key, rate in sorted(wanted.items())]
        changed = await tx.fetch(_incentives.rates_set, *columns(rows, 4), tx.viewer.actor_id, tx.now)
        if changed:
            tx.audit("currencyRatesSet", rates=[list(row) for row in rows])
            await mark_everybody(tx, min(row["valid_from"] for row in changed))
        return len(changed)


async def payee_set(work: Work, rep_id: UUID, currency: str) -> None:
    """What a rep is paid in. Raises `Rejected`: NOT_FOUND, INVALID_CURRENCY, CURRENCY_FIXED once there are lines."""
    problems = known_currency(currency, "currency")
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        if rep_id not in await known_reps(tx, [rep_id]):
            raise reject("NOT_FOUND", "No rep has this id.", "repId")
        if await tx.value(_incentives.was_paid, rep_id):
            raise reject("CURRENCY_FIXED", "This rep has statements already: their currency stays.", "currency")
        await tx.execute(_incentives.payee_set, rep_id, currency)
        tx.mark(rep_id, org.CALENDAR_FROM, None, Touch.EARNINGS)
        tx.audit("payeeSet", "Rep", str(rep_id), currency=currency)


async def known_reps(tx: Tx, rep_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Those that exist, of these."""
    return {row["rep_id"]: row for row in await tx.fetch(_incentives.reps_by_id, list(set(rep_ids)))}


async def mark_everybody(tx: Tx, from_day: date) -> None:
    """Whoever is on a plan is to be paid anew from a day on."""
    for row in await tx.fetch(_incentives.assigned_reps, from_day):
        tx.mark(row["rep_id"], from_day, None, Touch.EARNINGS)


def written(text: str, *path: str) -> list[Problem]:
    """A reason or a word to somebody: not blank, not a book."""
    if not text.strip():
        return [Problem("BLANK", "Say why, in words.", path)]
    return prose(text, *path)


def unknown_rep(*path: str) -> Problem:
    return Problem("NOT_FOUND", "No rep has this id.", (*path, "repId"))
