"""What can be reached from a quota, and fetched again."""

from typing import Any

from api.relay import global_id
from tests.api.quotas.conftest import House, quota

PLAN = """mutation ($input: QuotaPlanInput!) { quotaPlanPropose(input: $input) {
  quotaPlan { id } userErrors { code message } } }"""
PLANS = """query ($status: QuotaPlanStatus, $after: String) {
  quotaPlans(first: 1, status: $status, after: $after) {
    totalCount nodes { id name status } pageInfo { hasNextPage endCursor } } }"""


async def propose(house: House, name: str) -> str:
    asked = {"name": name, "period": {"quarter": "2027-Q1"}, "method": {"even": {"total": "100"}}}
    made: str = (await house.ask(PLAN, input=asked))["quotaPlanPropose"]["quotaPlan"]["id"]
    return made


async def test_plans_are_listed_the_latest_first_for_those_who_see_everybody(house: House) -> None:
    first, second = [await propose(house, name) for name in ("First", "Second")]
    approve = "mutation ($id: ID!) { quotaPlanApprove(id: $id, expectedVersion: 1) { userErrors { code } } }"
    await house.ask(approve, id=first)
    shown = (await house.ask(PLANS))["quotaPlans"]
    assert (shown["totalCount"], [plan["id"] for plan in shown["nodes"]]) == (2, [second])
    rest = (await house.ask(PLANS, after=shown["pageInfo"]["endCursor"]))["quotaPlans"]
    assert rest["nodes"] == [{"id": first, "name": "First", "status": "APPROVED"}]
    assert not rest["pageInfo"]["hasNextPage"]
    assert (await house.ask(PLANS, status="PROPOSED"))["quotaPlans"]["totalCount"] == 1
    assert (await house.ask(PLANS, "mo"))["quotaPlans"]["totalCount"] == 0


async def test_a_quota_on_a_kpi_shows_the_kpi(house: House) -> None:
    (kpi,) = [
        node for node in (await house.ask("{ kpis(first: 50) { nodes { id key } } }"))["kpis"]["nodes"]
        if node["key"] == "meetings"
    ]  # fmt: skip
    await house.set(quota("ann", "40", measure="KPI", kpiId=kpi["id"]), quota("ann", "1000"))
    found: list[Any] = (
        await house.ask("{ quotas { nodes { measure kpi { key } attainment { kpi { key } } } } }")
    )["quotas"]["nodes"]  # fmt: skip
    assert sorted((node["measure"], node["kpi"], node["attainment"]["kpi"]) for node in found) == [
        ("KPI", {"key": "meetings"}, {"key": "meetings"}),
        ("REVENUE", None, None),
    ]


async def test_a_leaderboard_is_a_node(house: House) -> None:
    await house.set(quota("ann", "1000"), quota("bob", "1000"))
    await house.win("ann", "500")
    document = "query ($id: ID!) { node(id: $id) { id ... on Leaderboard { measure entries { nodes { name } } } } }"
    known = global_id("Leaderboard", "REVENUE:-:QUARTER:2027-01-01")
    board = (await house.ask(document, id=known))["node"]
    assert (board["id"], board["measure"]) == (known, "REVENUE")
    assert board["entries"]["nodes"][0] == {"name": "Ann"}
    for key in ("REVENUE:-:QUARTER:2027-01-02", "KPI:-:QUARTER:2027-01-01", "REVENUE:-:QUARTER", "X:-:WEEK:2027-01-04"):
        assert (await house.ask(document, id=global_id("Leaderboard", key)))["node"] is None, key
