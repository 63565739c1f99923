"""What comes from the CRM is stored once, as last told, and marks what depends on it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from domain.dirty import Touch
from domain.errors import Rejected
from domain.org.actions import organization_update
from domain.org.model import CalendarChange
from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import (
    ActivityItem,
    DealItem,
    DealStatus,
    Ingested,
    LeadItem,
    SplitItem,
    StageItem,
)
from sql.pool import Record
from tests.domain.pipeline.conftest import NOW, House, MakeHouse


def at(day: int, hour: int = 15) -> datetime:
    """An instant of November 2026; 15:00 UTC is the morning in New York."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)


CALL = ActivityItem("c1", "ann", "CALL", at(2), outcome="reached", minutes=12)
LEAD = LeadItem("l1", "ann", at(2), company="Harbor Cranes")
DEAL = DealItem(
    "d1",
    "ann",
    name="Fleet cover",
    stage="Proposal",
    status=DealStatus.OPEN,
    amount=Decimal("1000.00"),
    currency="USD",
    opened_at=at(2),
    source_updated_at=at(3),
)
WON = replace(DEAL, stage="Closed", status=DealStatus.WON, closed_at=at(9), source_updated_at=at(9))


def marks(rows: list[Record], *touches: Touch) -> list[tuple[str, int, int | None]]:
    """Of activities, leads and open deals, unless others are named."""
    wanted = touches or (Touch.ACTIVITY, Touch.LEAD, Touch.DEAL_OPEN)
    return [
        (row["rep"], row["from_day"].day, row["through_day"] and row["through_day"].day)
        for row in rows
        if row["touch"] in wanted
    ]


def events(rows: list[Record]) -> list[tuple[str, str]]:
    return [(row["change"], row["rep"]) for row in rows]


async def test_facts_are_stored_on_the_organisations_local_day(house: House) -> None:
    late = replace(CALL, external_id="c2", occurred_at=at(3, 4))  # 23:00 the day before in New York
    assert await activities_ingest(house.work, "crm", [CALL, late]) == Ingested(created=2)
    assert [(row["external_id"], row["day"]) for row in await house.rows("activity")] == [
        ("c1", date(2026, 11, 2)),
        ("c2", date(2026, 11, 2)),
    ]
    assert marks(await house.rows("mark")) == [("ann", 2, 2)]


async def test_a_fact_that_comes_again_unchanged_changes_nothing(house: House) -> None:
    sold = replace(WON, splits=[SplitItem("ben", Decimal("0.4")), SplitItem("ann", Decimal("0.6"))])
    for result in (Ingested(created=1), Ingested(unchanged=1)):
        assert await activities_ingest(house.work, "crm", [CALL]) == result
        assert await leads_ingest(house.work, "crm", [LEAD]) == result
        assert await deals_ingest(house.work, "crm", [sold]) == result
        if result.created:
            before = await house.rows("xmin")
    assert await house.rows("xmin") == before
    assert len(before) == 16  # 3 facts, 2 credits, a stage, 8 marks, and the events of the organisation and the deal


async def test_another_source_or_organisation_is_another_fact(make_house: MakeHouse) -> None:
    one, other = await make_house(), await make_house()
    for house, source in ((one, "crm"), (one, "dialler"), (other, "crm")):
        assert await activities_ingest(house.work, source, [CALL]) == Ingested(created=1)
    assert [len(await house.rows("activity")) for house in (one, other)] == [2, 1]


async def test_a_correction_marks_the_old_and_the_new_day_and_rep(house: House) -> None:
    await activities_ingest(house.work, "crm", [CALL])
    await house.forget_marks()
    moved = replace(CALL, rep_external_id="ben", occurred_at=at(10))
    assert await activities_ingest(house.work, "crm", [moved]) == Ingested(updated=1)
    assert marks(await house.rows("mark")) == [("ann", 2, 2), ("ben", 10, 10)]


async def test_a_deal_that_moves_to_another_owner_marks_and_tells_both(house: House) -> None:
    await deals_ingest(house.work, "crm", [DEAL])
    assert marks(await house.rows("mark")) == [("ann", 2, None)]
    assert events(await house.rows("event")) == [("CREATED", "ann")]
    await house.forget_marks()
    sold = replace(WON, rep_external_id="ben")
    assert await deals_ingest(house.work, "crm", [sold]) == Ingested(updated=1)
    assert marks(await house.rows("mark")) == [("ann", 2, None), ("ben", 2, 9)]
    assert events(await house.rows("event")) == [("REMOVED", "ann"), ("UPDATED", "ben")]
    assert [(row["rep"], row["status"], row["closed_day"]) for row in await house.rows("credit")] == [
        ("ben", "WON", date(2026, 11, 9))
    ]
    (deal,) = await house.rows("deal")
    assert deal["version"] == 2


async def test_an_older_telling_is_ignored_but_its_stage_is_remembered(house: House) -> None:
    await deals_ingest(house.work, "crm", [WON])
    await house.forget_marks()
    before = await house.rows("deal")
    assert await deals_ingest(house.work, "crm", [DEAL]) == Ingested(unchanged=1)
    assert await house.rows("deal") == before
    assert [tuple(row) for row in await house.rows("stage")] == [
        ("d1", at(3), "Proposal"),
        ("d1", at(9), "Closed"),
    ]
    assert not await house.rows("mark")
    assert not await house.rows("event")


async def test_a_confirmation_at_a_later_time_keeps_what_came_between_out(house: House) -> None:
    await deals_ingest(house.work, "crm", [DEAL])
    await house.forget_marks()
    assert await deals_ingest(house.work, "crm", [replace(DEAL, source_updated_at=at(8))]) == Ingested(unchanged=1)
    between = replace(DEAL, amount=Decimal(1), source_updated_at=at(5))
    assert await deals_ingest(house.work, "crm", [between]) == Ingested(unchanged=1)
    (deal,) = await house.rows("deal")
    assert (deal["amount"], deal["source_updated_at"], deal["version"]) == (Decimal("1000.00"), at(8), 1)
    assert not await house.rows("mark")


async def test_a_deleted_fact_leaves_only_its_key_and_credits_nobody(house: House) -> None:
    await deals_ingest(house.work, "crm", [WON])
    await house.forget_marks()
    gone = DealItem("d1", deleted=True, source_updated_at=at(10))
    for result in (Ingested(deleted=1), Ingested(unchanged=1)):
        assert await deals_ingest(house.work, "crm", [gone]) == result
    (deal,) = await house.rows("deal")
    assert (deal["deleted"], deal["rep_id"], deal["name"], deal["amount"]) == (True, None, None, None)
    assert not await house.rows("credit")
    assert marks(await house.rows("mark")) == [("ann", 2, 9)]
    assert events(await house.rows("event")) == [("REMOVED", "ann")]


async def test_only_a_newer_telling_brings_a_deleted_fact_back(house: House) -> None:
    gone = ActivityItem("c1", deleted=True, source_updated_at=at(5))
    assert await activities_ingest(house.work, "crm", [gone]) == Ingested(deleted=1)
    for late in (CALL, replace(CALL, source_updated_at=at(4)), replace(CALL, source_updated_at=at(5))):
        assert await activities_ingest(house.work, "crm", [late]) == Ingested(unchanged=1)
    assert await activities_ingest(house.work, "crm", [replace(CALL, source_updated_at=at(6))]) == Ingested(created=1)
    (row,) = await house.rows("activity")
    assert (row["deleted"], row["kind"]) == (False, "CALL")


async def test_of_the_same_fact_twice_in_a_call_the_newest_counts(house: House) -> None:
    newest = replace(CALL, outcome="signed", source_updated_at=at(9))
    older = replace(CALL, outcome="no answer", source_updated_at=at(8))
    assert await activities_ingest(house.work, "crm", [newest, older]) == Ingested(created=1, unchanged=1)
    lead = [replace(LEAD, channel=channel) for channel in ("web", "phone")]
    assert await leads_ingest(house.work, "crm", lead) == Ingested(created=1, unchanged=1)
    assert [row["outcome"] for row in await house.rows("activity")] == ["signed"]
    assert [row["channel"] for row in await house.rows("lead")] == ["phone"]


async def test_credit_is_split_to_the_cent_in_the_organisations_currency(house: House) -> None:
    third = Decimal("0.3333")
    euros = replace(
        WON,
        amount=Decimal("100.00"),
        margin=Decimal("-10.01"),
        units=Decimal(2),
        currency="EUR",
        exchange_rate=Decimal("1.10"),
        territory_external_id="north",
        splits=[SplitItem("cyd", third), SplitItem("ann", third), SplitItem("ben", Decimal("0.3334"))],
    )
    assert await deals_ingest(house.work, "crm", [euros]) == Ingested(created=1)
    credited = await house.rows("credit")
    assert [(c["rep"], c["amount"], c["margin"], c["units"]) for c in credited] == [
        ("ann", Decimal("36.66"), Decimal("-3.67"), Decimal("0.6666")),
        ("ben", Decimal("36.68"), Decimal("-3.67"), Decimal("0.6668")),
        ("cyd", Decimal("36.66"), Decimal("-3.67"), Decimal("0.6666")),
    ]
    assert {c["territory_id"] for c in credited} == {house.north}
    assert marks(await house.rows("mark")) == [("ann", 2, 9), ("ben", 2, 9), ("cyd", 2, 9)]


async def test_a_history_that_the_source_gives_is_kept(house: House) -> None:
    told = [StageItem("Closed", at(9)), StageItem("Qualified", at(2)), StageItem("Proposal", at(4))]
    await deals_ingest(house.work, "crm", [replace(WON, stage_history=told)])
    assert [row["stage"] for row in await house.rows("stage")] == ["Qualified", "Proposal", "Closed"]


async def test_a_bad_item_is_reported_by_its_path_and_the_others_are_stored(house: House) -> None:
    bad: list[tuple[dict[str, object], set[tuple[str, str]]]] = [
        ({"rep_external_id": "dan"}, {("NOT_FOUND", "repExternalId")}),
        ({"rep_external_id": None}, {("REQUIRED", "repExternalId")}),
        ({"rep_external_id": "a\x00"}, {("NOT_FOUND", "repExternalId")}),
        ({"territory_external_id": "south"}, {("NOT_FOUND", "territoryExternalId")}),
        ({"external_id": " "}, {("REQUIRED", "externalId")}),
        ({"external_id": "x" * 201}, {("TOO_LONG", "externalId")}),
        ({"name": "a\x00b"}, {("INVALID_TEXT", "name")}),
        ({"account": "\ud800"}, {("INVALID_TEXT", "account")}),
        ({"stage": None}, {("REQUIRED", "stage")}),
        ({"status": None, "closed_at": at(9)}, {("REQUIRED", "status")}),
        ({"status": DealStatus.WON}, {("REQUIRED", "closedAt")}),
        ({"closed_at": at(9)}, {("INVALID", "closedAt")}),
        ({"status": DealStatus.LOST, "closed_at": at(1)}, {("INVALID", "closedAt")}),
        ({"amount": Decimal(-1)}, {("INVALID", "amount")}),
        ({"amount": Decimal("NaN"), "units": Decimal("1e20")}, {("INVALID", "amount"), ("INVALID", "units")}),
        ({"amount": Decimal("0.0000001")}, {("INVALID", "amount")}),
        ({"currency": "XQQ"}, {("INVALID_CURRENCY", "currency")}),
        ({"currency": "EUR"}, {("REQUIRED", "exchangeRate")}),
        ({"currency": "EUR", "exchange_rate": Decimal(0)}, {("INVALID", "exchangeRate")}),
        ({"exchange_rate": Decimal(2)}, {("INVALID", "exchangeRate")}),
        (
            {"currency": "IDR", "amount": Decimal(2), "margin": Decimal(-3), "exchange_rate": Decimal("5e14")},
            {("INVALID", "amount"), ("INVALID", "margin")},
        ),
        ({"opened_at": at(2).replace(tzinfo=None)}, {("INVALID", "openedAt")}),
        ({"opened_at": at(2).replace(year=2009)}, {("OUT_OF_RANGE", "openedAt")}),
        ({"opened_at": datetime.max.replace(tzinfo=UTC)}, {("OUT_OF_RANGE", "openedAt")}),
        ({"source_updated_at": at(2).replace(year=2099)}, {("OUT_OF_RANGE", "sourceUpdatedAt")}),
        ({"splits": [SplitItem("ann", Decimal("0.5"))]}, {("INVALID", "splits")}),
        (
            {"splits": [SplitItem("ann", Decimal("0.5"))] * 2},
            {("INVALID", "splits.1.repExternalId")},
        ),
        (
            {"splits": [SplitItem("ann", Decimal("0.5")), SplitItem(" ann ", Decimal("0.5"))]},
            {("INVALID", "splits.1.repExternalId")},
        ),
        (
            {"splits": [SplitItem("eve", Decimal(2))]},
            {("NOT_FOUND", "splits.0.repExternalId"), ("INVALID", "splits.0.share")},
        ),
        ({"stage_history": [StageItem("", at(2))]}, {("REQUIRED", "stageHistory.0.stage")}),
    ]
    items = [replace(DEAL, **{"external_id": f"bad{i}", **over}) for i, (over, _) in enumerate(bad)]  # type: ignore[arg-type]
    result = await deals_ingest(house.work, "crm", [*items, DEAL])
    assert result.created == 1
    assert [row["external_id"] for row in await house.rows("deal")] == ["d1"]
    for i, (over, wanted) in enumerate(bad):
        found = {(p.code, ".".join(p.path[2:])) for p in result.problems if p.path[:2] == ("items", str(i))}
        assert found == wanted, over


async def test_activities_and_leads_are_checked_too(house: House) -> None:
    calls = [
        replace(CALL, kind="Call"),
        replace(CALL, kind=None),
        replace(CALL, minutes=-1),
        replace(CALL, minutes=2**40),
        replace(CALL, occurred_at=None),
        CALL,
    ]
    result = await activities_ingest(house.work, "crm", calls)
    assert [(p.code, ".".join(p.path)) for p in result.problems] == [
        ("INVALID", "items.0.kind"),
        ("REQUIRED", "items.1.kind"),
        ("INVALID", "items.2.minutes"),
        ("INVALID", "items.3.minutes"),
        ("REQUIRED", "items.4.occurredAt"),
    ]
    assert result.created == 1
    result = await leads_ingest(house.work, "crm", [replace(LEAD, quoted_at=at(1)), LEAD])
    assert [(p.code, ".".join(p.path)) for p in result.problems] == [("INVALID", "items.0.quotedAt")]
    assert result.created == 1


async def test_a_call_is_refused_whole_for_its_source_or_its_size(house: House) -> None:
    with pytest.raises(Rejected, match="at most 1000"):
        await activities_ingest(house.work, "crm", [CALL] * 1001)
    for source in (" ", "x" * 65, "\x00"):
        with pytest.raises(Rejected) as refusal:
            await activities_ingest(house.work, source, [CALL])
        assert refusal.value.problems[0].path == ("source",)
    assert await activities_ingest(house.work, "crm", []) == Ingested()


async def test_two_calls_at_once_neither_wait_for_each_other_for_ever_nor_store_twice(house: House) -> None:
    calls = [replace(CALL, external_id=f"c{i}", source_updated_at=at(3)) for i in range(200)]
    deals = [replace(DEAL, external_id=f"d{i}") for i in range(100)]
    sold = [replace(WON, external_id=f"d{i}") for i in range(100)]
    results = await asyncio.gather(
        *(activities_ingest(house.work, "crm", order) for order in (calls, calls[::-1], calls[100:] + calls[:100])),
        *(deals_ingest(house.work, "crm", order) for order in (deals, sold[::-1], sold[50:] + deals[:50])),
    )
    assert sum(result.created for result in results[:3]) == 200
    assert sum(result.created for result in results[3:]) == 100
    assert len(await house.rows("activity")) == 200
    assert {row["status"] for row in await house.rows("deal")} == {"WON"}
    assert len(await house.rows("credit")) == 100


async def test_a_fact_that_comes_while_the_calendar_changes_is_on_its_day(house: House) -> None:
    late = [replace(CALL, external_id=f"c{i}", occurred_at=at(3, 4)) for i in range(50)]
    *results, _ = await asyncio.gather(
        *(activities_ingest(house.work, "crm", late[i : i + 10]) for i in range(0, 50, 10)),
        organization_update(
            house.work,
            expected_version=1,
            change=CalendarChange(valid_from=date(2026, 1, 1), time_zone="Europe/Berlin"),
        ),
    )
    assert sum(result.created for result in results if isinstance(result, Ingested)) == 50
    assert {row["day"] for row in await house.rows("activity")} == {date(2026, 11, 3)}


async def test_a_thousand_items_take_a_handful_of_statements(
    house: House, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    minutes = [NOW - timedelta(minutes=7 * i) for i in range(1000)]
    calls = [replace(CALL, external_id=f"c{i}", occurred_at=minute) for i, minute in enumerate(minutes)]
    deals = [replace(DEAL, external_id=f"d{i}", opened_at=minute) for i, minute in enumerate(minutes)]
    with statements() as ran:
        await activities_ingest(house.work, "crm", calls)
    assert ran == [
        "pipeline.ingest_lock",
        "pipeline.ingest_known",
        "org.calendar_versions",
        "pipeline.reps_by_external_id",
        "pipeline.activities_stored",
        "pipeline.activities_save",
        "live.marks_add",
        "live.work_add",
    ]
    with statements() as ran:
        await deals_ingest(house.work, "crm", deals)
    assert ran == [
        "pipeline.ingest_lock",
        "pipeline.ingest_known",
        "org.calendar_versions",
        "pipeline.reps_by_external_id",
        "pipeline.deals_stored",
        "pipeline.deals_save",
        "pipeline.credits_add",
        "pipeline.stages_add",
        "live.outbox_add",
        "live.marks_add",
        "live.work_add",
    ]
    started = time.perf_counter()
    again = await activities_ingest(house.work, "crm", calls)
    assert again == Ingested(unchanged=1000)
    assert time.perf_counter() - started < 3


async def test_a_won_deal_is_stale_where_it_opened_where_it_closed_and_in_between(house: House) -> None:
    await deals_ingest(house.work, "crm", [DEAL])
    await house.forget_marks()
    await deals_ingest(house.work, "crm", [WON])

    rows = await house.rows("mark")
    assert marks(rows, Touch.DEAL_OPENED) == [("ann", 2, 2)]
    assert marks(rows, Touch.DEAL_OPEN) == [("ann", 2, None)]
    assert marks(rows, Touch.DEAL_CLOSED) == [("ann", 9, 9)]


async def test_a_deal_that_only_moves_a_stage_makes_no_number_stale(house: House) -> None:
    await deals_ingest(house.work, "crm", [DEAL])
    await house.forget_marks()
    await deals_ingest(house.work, "crm", [replace(DEAL, stage="Proposal", name="Big", source_updated_at=at(5))])

    assert await house.rows("mark") == []
