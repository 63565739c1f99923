"""Setting quotas, proposing and approving them, on Postgres."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from domain.calendar import PeriodKind
from domain.errors import MAX_ITEMS, Rejected
from domain.quotas.actions import quota_plan_approve, quota_plan_propose, quotas_set
from domain.quotas.model import (
    Measure,
    PaceBasis,
    PlanMethod,
    PlanRequest,
    PlanStatus,
    ProrationBasis,
    Subject,
    Terms,
)
from tests.conftest import MakeOrg
from tests.domain.quotas.conftest import CALENDAR, Q1, Company


def paths(rejected: pytest.ExceptionInfo[Rejected]) -> list[tuple[str, str]]:
    return [(problem.code, ".".join(problem.path)) for problem in rejected.value.problems]


async def versions(company: Company) -> list[tuple[int, Decimal]]:
    rows = await company.fetch("select version, amount from quota_version where org_id = $1 order by version")
    return [(row["version"], row["amount"]) for row in rows]


async def test_a_change_is_a_new_version_and_the_same_again_changes_nothing(company: Company) -> None:
    first = await company.set("rep ann", "100")
    again = await company.set("rep ann", "100.00")
    changed = await company.set("rep ann", "120")
    assert (first.version, again.version, changed.version) == (1, 1, 2)
    assert first.quota_id == changed.quota_id
    assert await versions(company) == [(1, Decimal(100)), (2, Decimal(120))]
    assert [event["change"] for event in await company.events("quotas.quota")] == ["CREATED", "UPDATED"]


async def test_everything_a_quota_says_is_stored_and_compared(company: Company) -> None:
    terms = Terms(
        Decimal("100.5"),
        (Decimal("0.2"), Decimal("0.2"), Decimal("0.6")),
        ProrationBasis.MONTHS,
        PaceBasis.SEASONALITY,
        (Decimal(0), Decimal("0.5")),
    )
    first = await company.set("rep ann", "0", terms=terms)
    again = await company.set("rep ann", "0", terms=terms)
    assert first == again
    assert again.terms == terms
    assert again.currency == "USD"
    assert (await company.set("rep ann", "0", terms=replace(terms, ramp=()))).version == 2


async def test_a_set_quota_marks_the_days_of_its_period(company: Company) -> None:
    await company.run("delete from dirty_mark where org_id = $1")
    await company.set("rep ann", "100")
    await company.set("team north", "100")
    marks = await company.fetch(
        "select rep_id, from_day, through_day from dirty_mark where org_id = $1 order by mark_id"
    )
    days = (Q1.starts_on, date(2027, 3, 31))
    assert [tuple(mark) for mark in marks] == [(company.ids["rep ann"], *days), (None, *days)]


async def test_subjects_measures_and_periods_have_quotas_of_their_own(company: Company) -> None:
    year = CALENDAR.parse(PeriodKind.YEAR, "2027")
    quotas = await quotas_set(
        company.work,
        [
            company.item("rep ann", "1"),
            company.item("rep ann", "2", measure=Measure.MARGIN),
            company.item("rep ann", "3", measure=Measure.UNITS),
            company.item("rep ann", "4", period=year),
            company.item("rep bob", "5"),
            company.item("team north", "6"),
            company.item("the organisation", "7"),
        ],
    )
    assert [quota.terms.amount for quota in quotas] == [Decimal(i) for i in range(1, 8)]
    assert [quota.currency for quota in quotas] == ["USD", "USD", None, "USD", "USD", "USD", "USD"]
    assert len({quota.quota_id for quota in quotas}) == 7


async def test_every_bad_item_is_named_by_its_path_and_none_is_stored(company: Company) -> None:
    rate = await company.kpi("rate", {"type": "MEDIAN", "facts": "ACTIVITY", "field": "MINUTES", "dated": "OCCURRED"})
    with pytest.raises(Rejected) as rejected:
        await quotas_set(
            company.work,
            [
                company.item("rep ann", "100"),
                company.item("rep ann", "100", subject_id=uuid4()),
                company.item("rep bob", "-1"),
                company.item("rep ann", "200"),
                company.item("team north", "1", measure=Measure.KPI),
                company.item("team north", "1", measure=Measure.KPI, kpi_id=rate),
                company.item("team south", "1", currency="EUR"),
                company.item("team south", "1", measure=Measure.UNITS, terms=Terms(Decimal(1), (Decimal(1),) * 4)),
                company.item("team south", "1", measure=Measure.MARGIN, note="x" * 2_001),
            ],
        )
    assert paths(rejected) == [
        ("NOT_FOUND", "items.1.subject"),
        ("INVALID", "items.2.amount"),
        ("DUPLICATE", "items.3"),
        ("INVALID", "items.4.kpiId"),
        ("KPI_NOT_ADDITIVE", "items.5.kpiId"),
        ("INVALID", "items.6.currency"),
        ("INVALID", "items.7.seasonality"),
        ("TOO_LONG", "items.8.note"),
    ]
    assert await versions(company) == []
    assert await company.fetch("select from quota where org_id = $1") == []


async def test_an_expected_version_that_is_not_current_is_refused(company: Company) -> None:
    await company.set("rep ann", "100", expected_version=0)
    with pytest.raises(Rejected) as rejected:
        await company.set("rep ann", "110", expected_version=0)
    assert paths(rejected) == [("STALE_VERSION", "items.0.expectedVersion")]
    assert (await company.set("rep ann", "110", expected_version=1)).version == 2


async def test_too_many_items_are_refused(company: Company) -> None:
    with pytest.raises(Rejected) as rejected:
        await quotas_set(company.work, [company.item("rep ann", "1")] * (MAX_ITEMS + 1))
    assert paths(rejected) == [("TOO_MANY", "items")]


async def test_a_rep_of_another_organisation_is_not_found(company: Company, make_org: MakeOrg) -> None:
    other = await make_org()
    with pytest.raises(Rejected) as rejected:
        await quotas_set(other, [company.item("rep ann", "100")])
    assert paths(rejected) == [("NOT_FOUND", "items.0.subject")]


def request(company: Company, **over: object) -> PlanRequest:
    given: dict[str, object] = {
        "name": "Q1",
        "subject": Subject.ORGANIZATION,
        "subject_id": company.work.viewer.org_id,
        "measure": Measure.REVENUE,
        "period": Q1,
        "method": PlanMethod.EVEN,
    }
    return PlanRequest(**(given | over))  # type: ignore[arg-type]


async def test_an_even_plan_sums_to_the_total_with_over_assignment(company: Company) -> None:
    await company.rep("rep cid", None)
    plan = await quota_plan_propose(company.work, request(company, total=Decimal(100)))
    assert [line.amount for line in plan.lines] == [
        Decimal(100),
        Decimal("33.34"),
        Decimal("33.33"),
        Decimal("33.33"),
    ]
    plan = await quota_plan_propose(company.work, request(company, total=Decimal(100), over_assignment=Decimal("0.1")))
    assert plan.lines[0].amount == 100
    assert sum(line.amount for line in plan.lines[1:]) == 110


async def test_a_plan_by_history_follows_what_was_attained_a_full_period(company: Company) -> None:
    await company.rep("rep new", "team north", hired=date(2027, 1, 10))
    await company.win("rep ann", date(2026, 3, 2), "3000")
    await company.win("rep bob", date(2026, 12, 31), "1000")
    await company.win("rep bob", date(2027, 1, 1), "5000")
    plan = await quota_plan_propose(
        company.work, request(company, method=PlanMethod.HISTORY, total=Decimal(6000), history_periods=4)
    )
    assert {line.subject_id: (line.amount, line.history) for line in plan.lines[1:]} == {
        company.ids["rep ann"]: (Decimal(3000), Decimal(750)),
        company.ids["rep bob"]: (Decimal(1000), Decimal(250)),
        company.ids["rep new"]: (Decimal(2000), None),
    }


async def test_what_history_says_is_in_whole_cents(company: Company) -> None:
    await company.win("rep ann", date(2026, 12, 1), "1000")
    await company.win("rep bob", date(2026, 12, 1), "1000")
    plan = await quota_plan_propose(
        company.work, request(company, method=PlanMethod.GROWTH, growth=Decimal("0.1"), history_periods=3)
    )
    assert [str(line.history) for line in plan.lines] == ["666.66", "333.33", "333.33"]


async def test_a_plan_by_growth_lifts_what_a_team_attained(company: Company) -> None:
    await company.win("rep ann", date(2026, 12, 1), "1000")
    team = request(
        company,
        subject=Subject.TEAM,
        subject_id=company.ids["team north"],
        method=PlanMethod.GROWTH,
        growth=Decimal("0.2"),
        history_periods=1,
    )
    plan = await quota_plan_propose(company.work, team)
    assert [(line.subject, line.amount) for line in plan.lines] == [
        (Subject.TEAM, Decimal(1200)),
        (Subject.REP, Decimal(1200)),
    ]


@pytest.mark.parametrize(
    ("over", "problem"),
    [
        ({}, ("INVALID", "input.method.total")),
        ({"total": Decimal(1), "method": PlanMethod.GROWTH}, ("INVALID", "input.method.total")),
        ({"method": PlanMethod.GROWTH}, ("NO_HISTORY", "input.method")),
        ({"total": Decimal(1), "name": " "}, ("BLANK", "input.name")),
        ({"total": Decimal(1), "name": "x" * 201}, ("TOO_LONG", "input.name")),
        ({"total": Decimal(1), "measure": Measure.KPI}, ("INVALID", "input.measure")),
        ({"total": Decimal(1), "over_assignment": Decimal(2)}, ("INVALID", "input.overAssignment")),
        ({"total": Decimal(1), "terms": Terms(Decimal(0), (Decimal(1),))}, ("INVALID", "input.seasonality")),
        ({"total": Decimal(1), "subject": Subject.TEAM, "subject_id": uuid4()}, ("NOT_FOUND", "input.teamId")),
        ({"total": Decimal(1), "period": CALENDAR.parse(PeriodKind.YEAR, "2012")}, ("NO_REPS", "input.period")),
    ],
)
async def test_a_plan_without_what_it_needs_is_refused(
    company: Company, over: dict[str, object], problem: tuple[str, str]
) -> None:
    with pytest.raises(Rejected) as rejected:
        await quota_plan_propose(company.work, request(company, **over))
    assert paths(rejected) == [problem]


async def test_an_approved_plan_sets_all_its_quotas_once(company: Company) -> None:
    plan = await quota_plan_propose(
        company.work, request(company, total=Decimal(100), terms=Terms(Decimal(0), ramp=(Decimal("0.5"),)))
    )
    with pytest.raises(Rejected) as rejected:
        await quota_plan_approve(company.work, plan.plan_id, 7)
    assert paths(rejected) == [("STALE_VERSION", "expectedVersion")]
    assert await versions(company) == []

    approved, quotas = await quota_plan_approve(company.work, plan.plan_id, 1)
    assert approved.status is PlanStatus.APPROVED
    assert approved.lines == plan.lines
    assert [quota.terms.amount for quota in quotas] == [Decimal(100), Decimal(50), Decimal(50)]
    assert {quota.terms.ramp for quota in quotas} == {(Decimal("0.5"),)}

    with pytest.raises(Rejected) as rejected:
        await quota_plan_approve(company.work, plan.plan_id, 2)
    assert paths(rejected) == [("ALREADY_APPROVED", "id")]


async def test_a_plan_that_does_not_exist_is_not_found(company: Company) -> None:
    with pytest.raises(Rejected) as rejected:
        await quota_plan_approve(company.work, uuid4(), 1)
    assert paths(rejected) == [("NOT_FOUND", "id")]
