"""What makes an item a fact, which of two tellings holds, and who is credited with a deal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from domain.calendar import Calendar
from domain.money import EXACT, LARGEST, allocate, quantum, rounded
from domain.pipeline.check import Check
from domain.pipeline.model import (
    Activity,
    ActivityItem,
    Credit,
    Deal,
    DealItem,
    DealStatus,
    Fact,
    Lead,
    LeadItem,
    StageItem,
)

UNITS = Decimal("0.000001")
"""Credited units are split to the millionth."""

MAX_SPLITS = 20
MAX_STAGES = 100

_ONE = Decimal(1)

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Known:
    """What items are checked against. `first_day` and `last_day` (inclusive) are the calendar's reach."""

    currency: str
    calendar: Calendar
    first_day: date
    last_day: date
    reps: Mapping[str, UUID]
    territories: Mapping[str, UUID]

    def check(self, path: Sequence[str]) -> Check:
        return Check(self.calendar, self.first_day, self.last_day, tuple(path))


def activity(item: ActivityItem, known: Known, path: Sequence[str]) -> tuple[Activity, Check]:
    """The fact that the item tells; to be kept only when the check found no problems."""
    check = known.check(path)
    external_id = check.key("externalId", item.external_id)
    updated_at = check.instant("sourceUpdatedAt", item.source_updated_at)
    if item.deleted:
        return Activity(external_id, updated_at), check
    return Activity(
        external_id,
        updated_at,
        deleted=False,
        rep_id=check.reference("repExternalId", item.rep_external_id, known.reps, "rep"),
        kind=check.code("kind", item.kind, "MEETING"),
        outcome=check.text("outcome", item.outcome, 100),
        subject=check.text("subject", item.subject, 500),
        occurred_at=check.instant("occurredAt", item.occurred_at, required=True),
        day=check.day(item.occurred_at),
        minutes=check.whole("minutes", item.minutes, 10_000),
        deal_external_id=check.text("dealExternalId", item.deal_external_id, 200),
    ), check


def lead(item: LeadItem, known: Known, path: Sequence[str]) -> tuple[Lead, Check]:
    """The fact that the item tells; to be kept only when the check found no problems."""
    check = known.check(path)
    external_id = check.key("externalId", item.external_id)
    updated_at = check.instant("sourceUpdatedAt", item.source_updated_at)
    if item.deleted:
        return Lead(external_id, updated_at), check
    fact = Lead(
        external_id,
        updated_at,
        deleted=False,
        rep_id=check.reference("repExternalId", item.rep_external_id, known.reps, "rep"),
        channel=check.text("channel", item.channel, 100),
        company=check.text("company", item.company, 300),
        arrived_at=check.instant("arrivedAt", item.arrived_at, required=True),
        day=check.day(item.arrived_at),
        first_response_at=check.instant("firstResponseAt", item.first_response_at),
        quoted_at=check.instant("quotedAt", item.quoted_at),
    )
    check.order("firstResponseAt", fact.arrived_at, fact.first_response_at, "arrivedAt")
    check.order("quotedAt", fact.arrived_at, fact.quoted_at, "arrivedAt")
    return fact, check


def deal(item: DealItem, known: Known, path: Sequence[str]) -> tuple[Deal, Check]:
    """The fact that the item tells; to be kept only when the check found no problems."""
    check = known.check(path)
    external_id = check.key("externalId", item.external_id)
    updated_at = check.instant("sourceUpdatedAt", item.source_updated_at)
    if item.deleted:
        return Deal(external_id, updated_at), check
    check.present("status", item.status)
    currency = check.currency("currency", item.currency)
    fact = Deal(
        external_id,
        updated_at,
        deleted=False,
        rep_id=check.reference("repExternalId", item.rep_external_id, known.reps, "rep"),
        name=check.text("name", item.name, 300, required=True),
        account=check.text("account", item.account, 300),
        product=check.text("product", item.product, 300),
        stage=check.text("stage", item.stage, 100, required=True),
        status=item.status,
        amount=check.number("amount", item.amount, required=True),
        margin=check.number("margin", item.margin, signed=True),
        units=check.number("units", item.units),
        currency=currency,
        exchange_rate=_exchange_rate(item, currency, known, check),
        territory_id=check.reference("territoryExternalId", item.territory_external_id, known.territories, "territory")
        if item.territory_external_id is not None
        else None,
        lead_external_id=check.text("leadExternalId", item.lead_external_id, 200),
        opened_at=check.instant("openedAt", item.opened_at, required=True),
        opened_day=check.day(item.opened_at),
        closed_at=check.instant("closedAt", item.closed_at),
        closed_day=check.day(item.closed_at),
        expected_close_on=item.expected_close_on,
    )
    for name, amount in (("amount", fact.amount), ("margin", fact.margin)):
        if amount and fact.exchange_rate and abs(EXACT.multiply(amount, fact.exchange_rate)) >= LARGEST:
            check.problem("INVALID", f"{name} in {known.currency} is not a number below 10^15.", name)
    check.order("closedAt", fact.opened_at, fact.closed_at, "openedAt")
    if item.status is DealStatus.OPEN and item.closed_at is not None:
        check.problem("INVALID", "An open deal has no closedAt: leave it out, or say WON or LOST.", "closedAt")
    if item.status in (DealStatus.WON, DealStatus.LOST) and item.closed_at is None:
        check.problem("REQUIRED", f"A deal that is {item.status} needs closedAt.", "closedAt")
    _check_stages(item, check)
    return replace(fact, splits=_splits(item, fact.rep_id, known, check)), check


def _exchange_rate(item: DealItem, currency: str | None, known: Known, check: Check) -> Decimal | None:
    rate = check.number("exchangeRate", item.exchange_rate, decimals=10)
    if currency is None or currency == known.currency:
        if rate not in (None, _ONE):
            check.problem("INVALID", f"A deal in {known.currency} has no exchangeRate other than 1.", "exchangeRate")
        return _ONE
    if item.exchange_rate is None:
        check.problem("REQUIRED", f"Give the exchangeRate from {currency} to {known.currency}.", "exchangeRate")
    elif rate == 0:
        check.problem("INVALID", "An exchangeRate is more than 0.", "exchangeRate")
    return rate


def _splits(item: DealItem, owner: UUID | None, known: Known, check: Check) -> tuple[tuple[UUID, Decimal], ...]:
    """Shares by rep, largest first, so that the order of the input does not matter."""
    if not item.splits:
        return ()
    if len(item.splits) > MAX_SPLITS:
        check.problem("TOO_MANY", f"A deal has at most {MAX_SPLITS} splits.", "splits")
        return ()
    shares: dict[UUID, tuple[str, Decimal]] = {}
    sound = True
    for i, split in enumerate(item.splits):
        rep_id = check.reference(("splits", str(i), "repExternalId"), split.rep_external_id, known.reps, "rep")
        share = check.number(("splits", str(i), "share"), split.share, required=True)
        if share is not None and not 0 < share <= 1:
            check.problem("INVALID", "A share is more than 0 and at most 1.", "splits", str(i), "share")
            share = None
        if rep_id in shares:
            check.problem("INVALID", "This rep has a share already.", "splits", str(i), "repExternalId")
            sound = False
        elif rep_id is None or share is None:
            sound = False
        else:
            shares[rep_id] = (split.rep_external_id.strip(), share)
    total = sum((share for _, share in shares.values()), Decimal(0))
    if sound and total != 1:
        check.problem("INVALID", f"The shares sum to {total}, not to 1.", "splits")
    ordered = sorted(shares.items(), key=lambda entry: (-entry[1][1], entry[1][0]))
    splits = tuple((rep_id, share) for rep_id, (_, share) in ordered)
    return () if splits == ((owner, _ONE),) else splits


def _check_stages(item: DealItem, check: Check) -> None:
    if len(item.stage_history) > MAX_STAGES:
        check.problem("TOO_MANY", f"A deal has at most {MAX_STAGES} stages in its history.", "stageHistory")
        return
    for i, stay in enumerate(item.stage_history):
        check.text(("stageHistory", str(i), "stage"), stay.stage, 100, required=True)
        check.instant(("stageHistory", str(i), "enteredAt"), stay.entered_at, required=True)


def stages(item: DealItem, fact: Deal, stored: Deal | None, now: datetime) -> Sequence[StageItem]:
    """What an item says of the stages its deal was in.

    With neither a history nor a time of its own, a change of stage happened when the deal closed, or else now.
    """
    if item.stage_history or item.deleted or fact.stage is None:
        return item.stage_history
    if fact.source_updated_at is not None:
        return [StageItem(fact.stage, fact.source_updated_at)]
    if stored is not None and stored.stage == fact.stage:
        return []
    return [StageItem(fact.stage, fact.closed_at or now)]


def told(stored: F | None, fact: F) -> F | None:
    """What is to be kept once `fact` came in, or None when what is stored holds.

    A telling older than the stored one is ignored; of two of the same time the later arrival holds, but a deletion
    holds against its equal: only a telling that says it is newer brings a deleted fact back. A telling without a time
    holds as of the stored one's.
    """
    if stored is None:
        return fact
    before, after = stored.source_updated_at, fact.source_updated_at
    if before is not None and after is not None and after < before:
        return None
    if stored.deleted and not fact.deleted and (after is None or (before is not None and after <= before)):
        return None
    if after is None and before is not None:
        fact = replace(fact, source_updated_at=before)  # type: ignore[type-var]
    return None if fact == stored else fact


def same_content(one: Fact, other: Fact) -> bool:
    """Equal but for the source's time."""
    return replace(one, source_updated_at=None) == replace(other, source_updated_at=None)  # type: ignore[type-var]


def same_numbers(one: Fact, other: Fact) -> bool:
    """Equal as far as any number goes: a deal that only moved a stage or got another name counts as before."""
    if isinstance(one, Deal) and isinstance(other, Deal):
        return same_content(_without_words(one), _without_words(other))
    return same_content(one, other)


def _without_words(deal: Deal) -> Deal:
    return replace(deal, name=None, account=None, stage=None, lead_external_id=None, expected_close_on=None)


def credits_of(fact: Deal, currency: str) -> list[Credit]:
    """Who is credited with how much of a deal, in the organisation's currency; the parts sum to the whole (row 21).

    Margin is converted and split as the amount is, units as they are.
    """
    if fact.deleted or fact.amount is None or fact.exchange_rate is None:
        return []
    reps = [rep_id for rep_id, _ in fact.shares()]
    shares = [share for _, share in fact.shares()]

    def parts(amount: Decimal | None) -> Sequence[Decimal | None]:
        if amount is None or fact.exchange_rate is None:
            return [None] * len(shares)
        return allocate(rounded(EXACT.multiply(amount, fact.exchange_rate), currency), shares, quantum(currency))

    units = [None] * len(shares) if fact.units is None else allocate(fact.units, shares, UNITS)
    return [Credit(*part) for part in zip(reps, shares, parts(fact.amount), parts(fact.margin), units, strict=True)]
