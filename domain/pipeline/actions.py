"""Taking in what the CRM says: up to 1,000 items a call, in a handful of statements whatever their number.

The same item again changes nothing. An item older than what is stored is ignored. A bad item is reported by its path
and the others are stored. Items without `source_updated_at` count as told when they arrive.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from domain.dirty import Days, Touch, merged
from domain.errors import Problem, at_most, reject
from domain.events import Change, Event
from domain.org.actions import calendar
from domain.pipeline import rules
from domain.pipeline.check import Check, is_text, source_name
from domain.pipeline.model import (
    Activity,
    ActivityItem,
    Deal,
    DealItem,
    Fact,
    Ingested,
    Lead,
    LeadItem,
)
from domain.pipeline.rules import Known
from domain.work import Tx, Work
from sql.pool import Record, uuid7
from sql.queries import Query, queries

_pipeline = queries("pipeline")

_EVER = datetime.min.replace(tzinfo=UTC)

F = TypeVar("F", bound=Fact)


class Item(Protocol):
    """What the items of every kind have."""

    @property
    def external_id(self) -> str: ...
    @property
    def rep_external_id(self) -> str | None: ...


I = TypeVar("I", bound=Item)  # noqa: E741 - the item of a fact F


@dataclass(frozen=True, slots=True)
class _Kind(Generic[I, F]):
    """How one kind of fact is read, loaded and saved."""

    name: str
    read: Callable[[I, Known, Sequence[str]], tuple[F, Check]]
    load: Callable[[Record], F]
    columns: Callable[[F], tuple[object, ...]]
    stored: Query
    save: Query
    touch: Query


@dataclass(slots=True)
class _Outcome(Generic[I, F]):
    """What a call came to: the facts that changed, each with what was stored before, and what was said of all."""

    known: Known
    ids: dict[str, UUID]
    before: dict[str, F]
    after: dict[str, F]
    told: list[tuple[I, F]]
    result: Ingested
    changed: list[str] = field(default_factory=list)


def _values(kind: type, *leave: str) -> Callable[[object], tuple[object, ...]]:
    return attrgetter(*(f.name for f in fields(kind) if f.name not in leave))


def _load_activity(row: Record) -> Activity:
    return Activity(*row[1:])


def _load_lead(row: Record) -> Lead:
    return Lead(*row[1:])


def _load_deal(row: Record) -> Deal:
    *content, reps, shares = row[1:]
    splits = tuple(zip(reps or (), shares or (), strict=True))
    content.append(() if splits == ((row["rep_id"], Decimal(1)),) else splits)
    return Deal(*content)


_ACTIVITIES = _Kind(
    "activity",
    rules.activity,
    _load_activity,
    _values(Activity),
    _pipeline.activities_stored,
    _pipeline.activities_save,
    _pipeline.activities_touch,
)
_LEADS = _Kind(
    "lead",
    rules.lead,
    _load_lead,
    _values(Lead),
    _pipeline.leads_stored,
    _pipeline.leads_save,
    _pipeline.leads_touch,
)
_DEALS = _Kind(
    "deal",
    rules.deal,
    _load_deal,
    _values(Deal, "splits"),
    _pipeline.deals_stored,
    _pipeline.deals_save,
    _pipeline.deals_touch,
)


async def activities_ingest(work: Work, source: str, items: Sequence[ActivityItem]) -> Ingested:
    """Store what reps did. Raises `Rejected` for a bad source or more than 1,000 items."""
    async with work.transaction() as tx:
        return (await _ingest(tx, _ACTIVITIES, source, items)).result


async def leads_ingest(work: Work, source: str, items: Sequence[LeadItem]) -> Ingested:
    """Store who asked, and when they were answered. Raises `Rejected` for a bad source or more than 1,000 items."""
    async with work.transaction() as tx:
        return (await _ingest(tx, _LEADS, source, items)).result


async def deals_ingest(work: Work, source: str, items: Sequence[DealItem]) -> Ingested:
    """Store deals, their stages and who is credited. Raises `Rejected` for a bad source or more than 1,000 items."""
    async with work.transaction() as tx:
        outcome = await _ingest(tx, _DEALS, source, items)
        await _save_credits(tx, outcome)
        await _save_stages(tx, outcome)
        for key in outcome.changed:
            for event in _events(outcome.ids[key], outcome.before.get(key), outcome.after[key]):
                tx.record(event)
        return outcome.result


async def _known(tx: Tx, items: Iterable[Item]) -> Known:
    """What the items are checked against, and what their references stand for."""
    reps, territories = set(), set()
    for item in items:
        reps.add((item.rep_external_id or "").strip())
        if isinstance(item, DealItem):
            reps.update(split.rep_external_id.strip() for split in item.splits)
            territories.add((item.territory_external_id or "").strip())
    found = await tx.row(_pipeline.ingest_known)
    if found is None:
        raise reject("NOT_FOUND", "This organisation does not exist.")
    return Known(
        currency=found["currency"],
        calendar=await calendar(tx),
        first_day=found["first_day"],
        last_day=found["last_day"],
        reps=await _references(tx, _pipeline.reps_by_external_id, reps),
        territories=await _references(tx, _pipeline.territories_by_external_id, territories),
    )


async def _references(tx: Tx, query: Query, wanted: Iterable[str]) -> Mapping[str, UUID]:
    external_ids = [text for text in wanted if text and is_text(text)]
    if not external_ids:
        return {}
    return {row[0]: row[1] for row in await tx.fetch(query, external_ids)}


async def _ingest(tx: Tx, kind: _Kind[I, F], source: str, items: Sequence[I]) -> _Outcome[I, F]:
    """Check the items, decide which of them change what is stored, save those and mark the days they count on."""
    at_most(items)
    source = source_name(source)
    await tx.execute(_pipeline.ingest_lock, kind.name, source)
    known = await _known(tx, items)
    told, problems = [], list[Problem]()
    for i, item in enumerate(items):
        fact, check = kind.read(item, known, ("items", str(i)))
        if check.problems:
            problems += check.problems
        else:
            told.append((item, fact))
    rows = await tx.fetch(kind.stored, source, sorted({fact.external_id for _, fact in told}))
    before = {row["external_id"]: kind.load(row) for row in rows}
    after = dict(before)
    for _, fact in told:
        kept = rules.told(after.get(fact.external_id), fact)
        if kept is not None:
            after[fact.external_id] = kept
    ids = {row["external_id"]: row["id"] for row in rows}
    for key in after:
        ids.setdefault(key, uuid7())
    outcome = _Outcome(known, ids, before, after, told, Ingested(problems=tuple(problems)))
    await _save(tx, kind, source, outcome)
    return outcome


async def _save(tx: Tx, kind: _Kind[I, F], source: str, outcome: _Outcome[I, F]) -> None:
    """Write the facts that changed, mark their days, and count."""
    touched: list[tuple[UUID, datetime | None]] = []
    counts = {"created": 0, "updated": 0, "deleted": 0}
    days: dict[tuple[UUID, Touch], list[Days]] = defaultdict(list)
    for key, fact in outcome.after.items():
        stored = outcome.before.get(key)
        if stored is fact:
            continue
        if stored is not None and rules.same_content(stored, fact):
            touched.append((outcome.ids[key], fact.source_updated_at))
            continue
        outcome.changed.append(key)
        counts["deleted" if fact.deleted else "created" if stored is None or stored.deleted else "updated"] += 1
        if stored is not None and rules.same_numbers(stored, fact):
            continue
        for telling in (stored, fact):
            for touch, rep_id, start, end in telling.counts() if telling else ():
                days[rep_id, touch].append((start, end))
    if outcome.changed:
        rows = [(outcome.ids[key], *kind.columns(outcome.after[key])) for key in outcome.changed]
        await tx.execute(kind.save, source, tx.now, *zip(*rows, strict=True))
    if touched:
        await tx.execute(kind.touch, *zip(*touched, strict=True))
    for (rep_id, touch), stretches in days.items():
        for start, end in merged(stretches):
            tx.mark(rep_id, start, end, touch)
    unchanged = len(outcome.told) - len(outcome.changed)
    outcome.result = Ingested(**counts, unchanged=unchanged, problems=outcome.result.problems)


async def _save_credits(tx: Tx, outcome: _Outcome[DealItem, Deal]) -> None:
    """The credits of the deals that changed, written anew."""
    stale = [outcome.ids[key] for key in outcome.changed if key in outcome.before]
    if stale:
        await tx.execute(_pipeline.credits_remove, stale)
    rows = [
        (outcome.ids[key], c.rep_id, c.share, c.amount, c.margin, c.units)
        for key in outcome.changed
        for c in rules.credits_of(outcome.after[key], outcome.known.currency)
    ]
    if rows:
        await tx.execute(_pipeline.credits_add, *zip(*rows, strict=True))


async def _save_stages(tx: Tx, outcome: _Outcome[DealItem, Deal]) -> None:
    """What the items say of stages, also those that are older than what is stored. The newest word counts."""
    stages: dict[tuple[UUID, datetime], tuple[str, datetime | None]] = {}
    seen = dict(outcome.before)
    for item, fact in sorted(outcome.told, key=lambda telling: telling[1].source_updated_at or _EVER):
        deal_id = outcome.ids[fact.external_id]
        for stay in rules.stages(item, fact, seen.get(fact.external_id), tx.now):
            stages[deal_id, stay.entered_at] = (stay.stage.strip(), fact.source_updated_at)
        seen[fact.external_id] = fact
    if stages:
        rows = [(*key, *word) for key, word in sorted(stages.items(), key=lambda entry: entry[0])]
        await tx.execute(_pipeline.stages_add, *zip(*rows, strict=True))


def _events(deal_id: UUID, stored: Deal | None, fact: Deal) -> Iterable[Event]:
    """One for the owner; when the owner changed, the one before hears that the deal is gone."""
    there = stored is not None and not stored.deleted
    if stored is not None and there and (fact.deleted or stored.rep_id != fact.rep_id):
        yield Event("pipeline.deal", Change.REMOVED, "Deal", str(deal_id), rep_id=stored.rep_id)
    if not fact.deleted:
        change = Change.UPDATED if there else Change.CREATED
        yield Event("pipeline.deal", change, "Deal", str(deal_id), rep_id=fact.rep_id)
