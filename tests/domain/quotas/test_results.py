"""Attainment kept true, on Postgres."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest

from domain.calendar import PeriodKind
from domain.dirty import Touch
from domain.quotas.model import AttainmentKey, Measure, PaceBasis, Terms
from tests.conftest import MakeOrg
from tests.domain.quotas.conftest import CALENDAR, NOW, Q1, VERSION, Company

JANUARY = date(2027, 1, 20)
FEBRUARY = date(2027, 2, 10)
YEAR = CALENDAR.parse(PeriodKind.YEAR, "2027")


async def numbers(
    company: Company, name: str, measure: str = "REVENUE"
) -> tuple[Decimal | None, Decimal, Decimal | None]:
    row = await company.attained(name, measure)
    assert row is not None, f"{name} has no attainment"
    return row["quota"], row["attained"], row["ratio"]


async def test_what_is_won_counts_for_rep_teams_territories_and_organisation(company: Company) -> None:
    await company.territory("area east")
    await company.territory("area city", "area east")
    await company.set("rep ann", "100000")
    await company.set("rep bob", "40000")
    await company.set("area east", "200000")
    await company.win("rep ann", JANUARY, "50000", "area city")
    await company.win("rep bob", JANUARY, "60000")
    await company.compute()
    assert await numbers(company, "rep ann") == (Decimal(100_000), Decimal(50_000), Decimal("0.5"))
    assert await numbers(company, "rep bob") == (Decimal(40_000), Decimal(60_000), Decimal("1.5"))
    assert await numbers(company, "team south") == (Decimal(40_000), Decimal(60_000), Decimal("1.5"))
    assert await numbers(company, "team all") == (Decimal(140_000), Decimal(110_000), Decimal("0.785714"))
    assert await numbers(company, "the organisation") == (Decimal(140_000), Decimal(110_000), Decimal("0.785714"))
    assert await numbers(company, "area east") == (Decimal(200_000), Decimal(50_000), Decimal("0.25"))
    assert await numbers(company, "area city") == (None, Decimal(50_000), None)


async def test_pace_is_as_of_the_local_day(company: Company) -> None:
    """15 February is day 46 of 90 of the quarter, and 32 workdays are left."""
    await company.set("rep ann", "90000")
    await company.win("rep ann", JANUARY, "23000")
    await company.compute()
    row = await company.attained("rep ann")
    assert row is not None
    assert row["expected"] == Decimal(46_000)
    assert row["pace_ratio"] == Decimal("0.5")
    assert row["projected"] == Decimal(45_000)
    assert row["projected_ratio"] == Decimal("0.5")
    assert row["gap"] == Decimal(-67_000)
    assert row["required_per_workday"] == Decimal("2093.75")
    assert row["calendar_version"] == 1


async def test_a_rep_who_moved_counts_where_it_was(company: Company) -> None:
    await company.set("rep ann", "90000")
    await company.join("rep ann", "team south", date(2027, 2, 1))
    await company.win("rep ann", JANUARY, "1000")
    await company.win("rep ann", FEBRUARY, "2000")
    await company.compute()
    assert await numbers(company, "team north") == (Decimal(31_000), Decimal(1_000), Decimal("0.032258"))
    assert await numbers(company, "team south") == (Decimal(59_000), Decimal(2_000), Decimal("0.033898"))
    assert await numbers(company, "team all") == (Decimal(90_000), Decimal(3_000), Decimal("0.033333"))
    north = await company.attained("team north")
    assert north is not None
    assert north["expected"] == Decimal(31_000)


async def test_a_teams_own_quota_goes_before_the_sum_of_its_reps(company: Company) -> None:
    await company.set("rep ann", "110")
    await company.set("rep bob", "50")
    await company.set("team north", "100")
    await company.compute()
    rows = {name: await company.attained(name) for name in ("team north", "team south", "team all")}
    assert {name: (row["quota"], row["quota_source"]) for name, row in rows.items() if row} == {
        "team north": (Decimal(100), "OWN"),
        "team south": (Decimal(50), "ROLL_UP"),
        "team all": (Decimal(150), "ROLL_UP"),
    }


async def test_a_rep_without_a_quota_attains_with_a_reason(company: Company) -> None:
    await company.set("rep bob", "0")
    await company.win("rep ann", JANUARY, "10")
    await company.compute()
    ann, bob = await company.attained("rep ann"), await company.attained("rep bob")
    assert ann is not None
    assert bob is not None
    assert (ann["quota"], ann["attained"], ann["ratio"], ann["reason"]) == (None, 10, None, "NO_QUOTA")
    assert (bob["quota"], bob["attained"], bob["ratio"], bob["reason"]) == (0, 0, None, "QUOTA_ZERO")


async def test_every_measure_has_its_own_attainment(company: Company) -> None:
    calls = await company.kpi(
        "calls", {"type": "COUNT", "facts": "ACTIVITY", "dated": "OCCURRED", "where": {"kinds": ["CALL"]}}
    )
    await company.set("rep ann", "100", measure=Measure.MARGIN)
    await company.set("rep ann", "4", measure=Measure.UNITS)
    await company.set("rep ann", "8", measure=Measure.KPI, kpi_id=calls)
    await company.win("rep ann", JANUARY, "40")
    await company.win("rep ann", FEBRUARY, "160")
    await company.call("rep ann", JANUARY)
    await company.call("rep ann", FEBRUARY)
    await company.call("rep ann", Q1.ends_on)
    await company.compute()
    assert await numbers(company, "rep ann", "MARGIN") == (Decimal(100), Decimal(50), Decimal("0.5"))
    assert await numbers(company, "rep ann", "UNITS") == (Decimal(4), Decimal(2), Decimal("0.5"))
    assert await numbers(company, "rep ann", "KPI") == (Decimal(8), Decimal(2), Decimal("0.25"))
    assert await company.attained("rep ann", "REVENUE") is None


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ({"type": "SUM", "facts": "CREDIT", "field": "AMOUNT", "dated": "CLOSED", "where": {"statuses": ["WON"]}}, 200),
        ({"type": "COUNT", "facts": "DEAL", "dated": "OPENED", "where": {}}, 2),
        ({"type": "COUNT", "facts": "DEAL", "dated": "CLOSED", "where": {"statuses": ["LOST"]}}, 0),
        ({"type": "COUNT", "facts": "LEAD", "dated": "OCCURRED", "where": {"channels": ["WEB"]}}, 0),
        ({"type": "SUM", "facts": "DEAL", "field": "UNITS", "dated": "CLOSED", "where": {"products": ["Auto"]}}, 0),
        ({"type": "SUM", "facts": "ACTIVITY", "field": "MINUTES", "dated": "OCCURRED", "where": {}}, 0),
    ],
)
async def test_a_kpi_attains_by_its_own_formula(company: Company, formula: dict[str, object], expected: int) -> None:
    kpi_id = await company.kpi("some", formula)
    await company.set("team all", "8", measure=Measure.KPI, kpi_id=kpi_id)
    await company.win("rep ann", JANUARY, "40")
    await company.win("rep bob", FEBRUARY, "160")
    await company.call("rep ann", JANUARY)
    await company.compute()
    assert await numbers(company, "team all", "KPI") == (Decimal(8), Decimal(expected), Decimal(expected) / 8)


async def test_only_what_changed_tells_the_world(company: Company) -> None:
    await company.set("rep ann", "100")
    await company.set("rep bob", "100")
    await company.compute()
    created = await company.events("quotas.attainment")
    assert {event["change"] for event in created} == {"CREATED"}
    assert len(created) == 6
    await company.forget_events()
    await company.compute()
    assert await company.events("quotas.attainment") == []

    await company.win("rep ann", JANUARY, "10")
    await company.compute(JANUARY, JANUARY, "rep ann")
    told = {event["node_key"]: event for event in await company.events("quotas.attainment")}
    assert {AttainmentKey.parse(key).subject_id for key in told} == {
        company.ids["rep ann"],
        company.ids["team north"],
        company.ids["team all"],
        company.work.viewer.org_id,
    }
    for event in told.values():
        assert event["change"] == "UPDATED"
    board = await company.events("quotas.leaderboard")
    assert [(event["node_key"], event["rep_id"], event["team_id"]) for event in board] == [
        ("REVENUE:-:QUARTER:2027-01-01", None, None)
    ]
    ann = next(event for event in told.values() if event["rep_id"])
    assert ann["rep_id"] == company.ids["rep ann"]
    assert ann["data"] == {
        "subject": "REP",
        "subject_id": str(company.ids["rep ann"]),
        "measure": "REVENUE",
        "kpi_id": None,
        "period_kind": "QUARTER",
        "starts_on": "2027-01-01",
    }


async def test_an_attainment_of_nothing_any_more_is_removed(company: Company) -> None:
    await company.set("rep ann", "100")
    deal = await company.win("rep bob", JANUARY, "10")
    await company.compute()
    assert await company.attained("rep bob") is not None
    await company.forget_events()
    await company.lose(deal)
    await company.compute(JANUARY, JANUARY, "rep bob")
    assert await company.attained("rep bob") is None
    removed = [event["node_key"] for event in await company.events("quotas.attainment") if event["change"] == "REMOVED"]
    assert [AttainmentKey.parse(key).subject_id for key in removed if key.startswith("REP")] == [company.ids["rep bob"]]


async def test_days_without_quotas_compute_nothing(company: Company) -> None:
    await company.set("rep ann", "100")
    await company.compute(date(2026, 1, 1), date(2026, 12, 31))
    assert await company.attained("rep ann") is None
    await company.compute(date(2026, 12, 31), Q1.starts_on)
    assert await company.attained("rep ann") is not None


async def test_midnight_moves_what_is_expected_and_a_finished_period_rests(company: Company) -> None:
    await company.set("rep ann", "90000")
    await company.win("rep ann", JANUARY, "23000")
    await company.compute()
    expected = []
    for now in (NOW + timedelta(days=1), NOW + timedelta(days=60), NOW + timedelta(days=61)):
        company.work = replace(company.work, now=now)
        await company.forget_events()
        await company.compute()
        row = await company.attained("rep ann")
        assert row is not None
        expected.append((row["expected"], row["required_per_workday"], len(await company.events("quotas.attainment"))))
    assert expected == [
        (Decimal(47_000), Decimal("2161.29"), 4),
        (Decimal(90_000), None, 4),
        (Decimal(90_000), None, 0),
    ]


async def everything(company: Company) -> list[tuple[object, ...]]:
    rows = await company.fetch(
        "select subject, subject_id, measure, period_kind, starts_on, quota, quota_source, attained, ratio, gap,"
        " expected, pace_ratio, projected, projected_ratio, required_per_workday, reason, calendar_version"
        " from attainment where org_id = $1 order by 1, 2, 3, 4, 5"
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("seed", range(6))
async def test_a_full_recompute_equals_the_incremental_result_in_any_order(make_org: MakeOrg, seed: int) -> None:
    """Facts in a random order, each followed by the recompute of its own days, against one recompute at the end."""
    random = Random(seed)
    company = Company(await make_org(calendar=VERSION, now=NOW))
    await company.team("team all")
    teams = ["team north", "team south"]
    for team in teams:
        await company.team(team, "team all")
    reps = [f"rep {i}" for i in range(4)]
    for rep in reps:
        await company.rep(rep, random.choice(teams), hired=date(2026, 12, random.randint(1, 31)))
    deals: list[tuple[str, date, UUID]] = []
    for _ in range(25):
        rep, day = random.choice(reps), date(2027, random.randint(1, 5), random.randint(1, 28))
        match random.randint(0, 4):
            case 0 | 1:
                deals.append((rep, day, await company.win(rep, day, str(random.randint(1, 9999)))))
                await company.compute(day, day, rep)
            case 2 if deals:
                rep, day, deal = deals.pop(random.randrange(len(deals)))
                await company.lose(deal)
                await company.compute(day, day, rep)
            case 3:
                period = random.choice([Q1, YEAR])
                terms = Terms(
                    Decimal(random.randint(0, 9999)),
                    pace_basis=random.choice([PaceBasis.DAYS, PaceBasis.WORKDAYS]),
                    ramp=random.choice([(), (Decimal(0), Decimal("0.5"))]),
                )
                name = random.choice([*reps, *teams])
                await company.set(name, "0", period=period, terms=terms, measure=random.choice([*Measure][:3]))
                await company.compute(period.starts_on, period.ends_on - timedelta(days=1))
    incremental = await everything(company)
    assert incremental
    await company.compute()
    assert await everything(company) == incremental
    await company.run("delete from attainment where org_id = $1")
    await company.compute()
    assert await everything(company) == incremental


async def test_a_deal_costs_who_won_it_and_those_above(
    company: Company, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    """What is asked of everybody is not looked at again; the numbers are those of all that is looked at."""
    await company.territory("area east")
    await company.territory("area city", "area east")
    for name in ("rep ann", "rep bob", "area east"):
        await company.set(name, "90000")
    await company.rep("rep cat", None)
    await company.win("rep bob", JANUARY, "5", "area east")
    await company.compute()
    first = await company.win("rep ann", JANUARY, "10", "area city")
    await company.win("rep ann", FEBRUARY, "0.005")
    await company.win("rep cat", FEBRUARY, "7", "area city")
    with statements() as ran:
        await company.compute(JANUARY, FEBRUARY, "rep ann", Touch.DEAL_CLOSED)
        await company.compute(JANUARY, FEBRUARY, "rep cat", Touch.DEAL_CLOSED)
        await company.lose(first)
        await company.compute(JANUARY, JANUARY, "rep ann", Touch.DEAL_CLOSED)
    assert not {"quotas.boards_quotas", "quotas.stints", "quotas.trees", "quotas.credit_sums"} & set(ran)
    assert await numbers(company, "area city") == (None, Decimal(7), None)
    assert await numbers(company, "the organisation") == (Decimal(180_000), Decimal("12.01"), Decimal("0.000067"))
    rows = "select * from attainment where org_id = $1 order by subject_id"
    by_facts = [tuple(row) for row in await company.fetch(rows)]
    await company.compute()
    assert [tuple(row) for row in await company.fetch(rows)] == by_facts


async def test_a_deal_of_another_day_looks_at_everybody(company: Company) -> None:
    """What is expected by now was told for yesterday: as long as the new day has not begun, it is told anew."""
    for name in ("rep ann", "rep bob"):
        await company.set(name, "90000")
    await company.compute()
    tomorrow = replace(company, work=replace(company.work, now=NOW + timedelta(days=1)))
    await tomorrow.win("rep ann", JANUARY, "10")
    await tomorrow.compute(JANUARY, JANUARY, "rep ann", Touch.DEAL_CLOSED)
    ann, team, bob = [await tomorrow.attained(name) for name in ("rep ann", "team all", "rep bob")]
    assert ann
    assert team
    assert bob
    assert (ann["as_of"] - bob["as_of"]).days == (team["as_of"] - bob["as_of"]).days == 1
    assert (ann["expected"], team["expected"]) == (Decimal(47_000), Decimal(94_000))


async def test_the_first_quota_of_a_period_tells_what_everybody_attained(company: Company) -> None:
    await company.win("rep bob", JANUARY, "5")
    await company.set("rep ann", "90000")
    await company.compute(Q1.starts_on, Q1.ends_on - timedelta(days=1), "rep ann")
    assert await numbers(company, "rep bob") == (None, Decimal(5), None)
    assert await numbers(company, "the organisation") == (Decimal(90_000), Decimal(5), Decimal("0.000056"))
