"""What pay counts besides deals is listed for those who see that pay: overlays, credits by hand, rates."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.relay import global_id
from tests.api.incentives.conftest import Asked
from tests.domain.incentives.conftest import Company

OVERLAYS = """query ($f: OverlayFilter, $n: Int, $a: String) { overlays(filter: $f, first: $n, after: $a) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id share product startsOn endsOn reason
    rep { name } team { name } territory { name } createdBy { name } } } }"""
CREDITS = """query ($f: ManualCreditFilter, $n: Int, $a: String) { manualCredits(filter: $f, first: $n, after: $a) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id role day amount { amount currency } margin { amount } units reason
    rep { name } deal { externalId } } } }"""
RATES = """query ($f: CurrencyRateFilter, $n: Int, $a: String) { currencyRates(filter: $f, first: $n, after: $a) {
  totalCount pageInfo { hasNextPage endCursor } nodes { base into validFrom rate createdBy { name } } } }"""
SET = """mutation ($it: OverlayInput!) { overlaySet(input: $it) { overlay { id endsOn } userErrors { code path } } }"""
POST = """mutation ($it: [CreditInput!]!) { creditPost(items: $it) { posted credits { id reason }
  userErrors { code path } } }"""
RATE = """mutation ($it: [CurrencyRateInput!]!) { currencyRatesSet(items: $it) { changed userErrors { code } } }"""


async def pages(asked: Asked, who: str, document: str) -> AsyncIterator[dict[str, Any]]:
    """The nodes of a list, one a page."""
    after = None
    while True:
        (shown,) = (await asked(who, document, n=1, a=after)).values()
        for node in shown["nodes"]:
            yield node
        if not shown["pageInfo"]["hasNextPage"]:
            return
        after = shown["pageInfo"]["endCursor"]


@pytest.fixture
async def overlays(paid: Company, asked: Asked) -> dict[str, str]:
    """Their ids by their reason: two of Ann's, one of Bob's."""
    made = {}
    for rep, product, starts_on in (
        ("ann", "Cloud", "2026-01-01"),
        ("ann", "Edge", "2026-06-01"),
        ("bob", "Cloud", "2026-01-01"),
    ):
        given = {
            "repId": global_id("Rep", paid.reps[rep]),
            "share": "0.25",
            "product": product,
            "startsOn": starts_on,
            "reason": f"{rep} knows {product}",
        }
        done = (await asked("cleo", SET, it=given))["overlaySet"]
        assert done["userErrors"] == []
        made[given["reason"]] = done["overlay"]["id"]
    return made


async def test_the_audit_log_tells_who_credited_somebody_and_not_with_what(
    asked: Asked, overlays: dict[str, str]
) -> None:
    told = await asked("ada", '{ auditLog(filter: {action: {in: ["overlaySet"]}}) { nodes { data } } }')
    assert [set(entry["data"]) for entry in told["auditLog"]["nodes"]] == [{"overlay"}] * len(overlays)


async def test_an_overlay_s_product_is_no_book(paid: Company, asked: Asked) -> None:
    given = {"repId": global_id("Rep", paid.reps["ann"]), "share": "0.25", "product": "x" * 2_001}
    done = await asked("cleo", SET, it=given | {"startsOn": "2026-01-01", "reason": "Specialist"})
    assert done["overlaySet"]["userErrors"] == [{"code": "TOO_LONG", "path": ["input", "product"]}]


async def test_overlays_are_listed_by_their_first_day(paid: Company, asked: Asked, overlays: dict[str, str]) -> None:
    found = (await asked("cleo", OVERLAYS))["overlays"]
    assert found["totalCount"] == 3
    assert found["nodes"][0] == {
        "id": overlays["ann knows Edge"],
        "share": "0.25",
        "product": "Edge",
        "startsOn": "2026-06-01",
        "endsOn": None,
        "reason": "ann knows Edge",
        "rep": {"name": "Ann"},
        "team": None,
        "territory": None,
        "createdBy": {"name": "Cleo"},
    }
    assert [node["id"] async for node in pages(asked, "cleo", OVERLAYS)] == [node["id"] for node in found["nodes"]]


async def test_overlays_are_found_by_rep_and_by_day(paid: Company, asked: Asked, overlays: dict[str, str]) -> None:
    of_ann = {"repId": global_id("Rep", paid.reps["ann"])}
    assert [one["product"] for one in (await asked("cleo", OVERLAYS, f=of_ann))["overlays"]["nodes"]] == [
        "Edge",
        "Cloud",
    ]
    spring = await asked("cleo", OVERLAYS, f=of_ann | {"on": "2026-05-31"})
    assert [one["product"] for one in spring["overlays"]["nodes"]] == ["Cloud"]
    ended = await asked(
        "cleo",
        'mutation ($id: ID!) { overlayEnd(id: $id, day: "2026-05-31") { overlay { id endsOn } userErrors { code } } }',
        id=overlays["ann knows Cloud"],
    )
    shown = {"id": overlays["ann knows Cloud"], "endsOn": "2026-05-31"}
    assert ended["overlayEnd"] == {"overlay": shown, "userErrors": []}
    assert (await asked("cleo", OVERLAYS, f=of_ann | {"on": "2026-05-31"}))["overlays"]["totalCount"] == 0


async def test_credits_by_hand_are_listed_by_their_day(paid: Company, asked: Asked) -> None:
    ann, bob = (global_id("Rep", paid.reps[rep]) for rep in ("ann", "bob"))
    deals = (await asked("cleo", "{ deals { nodes { id externalId } } }"))["deals"]["nodes"]
    deal = next(one["id"] for one in deals if one["externalId"] == "D-1")
    items = [
        {
            "repId": ann,
            "day": "2026-12-01",
            "amount": "1000",
            "margin": "10",
            "reason": "Brought them.",
            "dealId": deal,
        },
        {"repId": ann, "day": "2026-12-02", "amount": "-50", "units": "2", "role": "OVERLAY", "reason": "Too much."},
        {"repId": bob, "day": "2026-12-02", "amount": "5", "reason": "Helped."},
    ]
    posted = (await asked("cleo", POST, it=items))["creditPost"]
    assert (posted["posted"], posted["userErrors"]) == (3, [])
    assert [credit["reason"] for credit in posted["credits"]] == [item["reason"] for item in items]
    found = (await asked("cleo", CREDITS, f={"repId": ann}))["manualCredits"]
    assert found["totalCount"] == 2
    assert found["nodes"] == [
        {
            "id": posted["credits"][1]["id"],
            "role": "OVERLAY",
            "day": "2026-12-02",
            "amount": {"amount": "-50", "currency": "USD"},
            "margin": None,
            "units": "2",
            "reason": "Too much.",
            "rep": {"name": "Ann"},
            "deal": None,
        },
        {
            "id": posted["credits"][0]["id"],
            "role": "DIRECT",
            "day": "2026-12-01",
            "amount": {"amount": "1000", "currency": "USD"},
            "margin": {"amount": "10"},
            "units": None,
            "reason": "Brought them.",
            "rep": {"name": "Ann"},
            "deal": {"externalId": "D-1"},
        },
    ]
    listed = [node["id"] async for node in pages(asked, "cleo", CREDITS)]
    assert set(listed) == {credit["id"] for credit in posted["credits"]}
    assert len(listed) == 3
    by_deal = (await asked("cleo", CREDITS, f={"dealId": deal}))["manualCredits"]["nodes"]
    assert [one["reason"] for one in by_deal] == ["Brought them."]
    by_day = (await asked("cleo", CREDITS, f={"day": {"gte": "2026-12-02", "lt": "2026-12-03"}}))["manualCredits"]
    assert by_day["totalCount"] == 2


async def test_rates_are_listed_by_their_first_day(paid: Company, asked: Asked) -> None:
    rates = [
        ("EUR", "USD", "2026-01-01", "1.1"),
        ("EUR", "USD", "2026-06-01", "1.2"),
        ("GBP", "USD", "2026-01-01", "1.3"),
    ]
    items = [dict(zip(("base", "into", "validFrom", "rate"), rate, strict=True)) for rate in rates]
    assert (await asked("cleo", RATE, it=items))["currencyRatesSet"] == {"changed": 3, "userErrors": []}
    found = (await asked("ann", RATES))["currencyRates"]
    assert found["totalCount"] == 3
    assert [(one["base"], one["into"], one["validFrom"], one["rate"]) for one in found["nodes"]] == [
        rates[1],
        rates[0],
        rates[2],
    ]
    assert [node async for node in pages(asked, "ann", RATES)] == found["nodes"]
    pounds = (await asked("ann", RATES, f={"base": "GBP", "into": "USD"}))["currencyRates"]
    assert [one["rate"] for one in pounds["nodes"]] == ["1.3"]
    assert (await asked("ann", RATES, f={"base": "USD"}))["currencyRates"]["totalCount"] == 0


async def test_a_rep_sees_only_what_its_own_pay_counts(paid: Company, asked: Asked, overlays: dict[str, str]) -> None:
    item = {"repId": global_id("Rep", paid.reps["ann"]), "day": "2026-12-01", "amount": "1", "reason": "Why not."}
    credit = (await asked("cleo", POST, it=[item]))["creditPost"]["credits"][0]["id"]
    assert {one["rep"]["name"] for one in (await asked("ann", OVERLAYS))["overlays"]["nodes"]} == {"Ann"}
    assert (await asked("ann", CREDITS))["manualCredits"]["totalCount"] == 1
    assert (await asked("bob", CREDITS))["manualCredits"] == {
        "totalCount": 0,
        "pageInfo": {"hasNextPage": False, "endCursor": None},
        "nodes": [],
    }
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    ids = [credit, overlays["ann knows Edge"]]
    shown = [{"__typename": "ManualCredit", "id": ids[0]}, {"__typename": "Overlay", "id": ids[1]}]
    assert (await asked("ann", nodes, ids=ids))["nodes"] == shown
    assert (await asked("bob", nodes, ids=ids))["nodes"] == [None, None]
