"""The tree of an attainment leads to its facts."""

from datetime import date
from decimal import Decimal

from domain.explain import Step, root
from domain.quotas.explain import explain
from domain.quotas.model import AttainmentKey, Measure, Subject
from tests.domain.quotas.conftest import CALENDAR, Q1, Company

TODAY = date(2027, 2, 15)


async def tree(company: Company, subject: Subject, name: str) -> dict[str, Step]:
    subject_id = company.ids.get(name, company.work.viewer.org_id)
    key = AttainmentKey(subject, subject_id, Measure.REVENUE, None, Q1.kind, Q1.starts_on)
    async with company.work.transaction() as tx:
        steps = (await explain(tx.session, CALENDAR, Q1.ends_on, [key], TODAY))[key]
    if steps:
        assert root(steps).id == "ratio"
    return {step.id: step for step in steps}


async def test_a_reps_tree_ends_in_its_credits_and_the_version_of_its_quota(company: Company) -> None:
    await company.rep("rep new", "team north", hired=date(2027, 2, 1))
    await company.set("rep new", "80000")
    quota = await company.set("rep new", "90000")
    deals = [await company.win("rep new", date(2027, 2, day), "1000") for day in (3, 9)]
    await company.win("rep ann", date(2027, 2, 3), "5000")
    steps = await tree(company, Subject.REP, "rep new")
    assert steps["ratio"].formula == "2000.00 / 59000.00"
    assert [(fact.node_type, fact.node_key, fact.value) for fact in steps["attained"].facts] == [
        ("Deal", str(deal), Decimal(1000)) for deal in deals
    ]
    assert steps["quota"].formula == "90000 x 59/90, the part carried by DAYS and ramp"
    assert [(fact.node_key, fact.label) for fact in steps["quota"].facts] == [(str(quota.quota_id), "version 2")]
    assert steps["expected"].formula == "59000.00 x 15/59"
    assert steps["expected"].value == Decimal(15_000)
    assert steps["requiredPerWorkday"].formula == "57000.00 / 32 workdays"


async def test_a_teams_tree_adds_up_from_what_is_below(company: Company) -> None:
    await company.set("rep ann", "90000")
    await company.join("rep ann", "team south", date(2027, 2, 1))
    await company.set("team north", "50000")
    await company.win("rep ann", date(2027, 1, 5), "100")
    await company.win("rep ann", date(2027, 2, 5), "200")
    south = await tree(company, Subject.TEAM, "team south")
    assert [(south["quota.0"].label, south["quota.0"].value)] == [("rep ann", Decimal(59_000))]
    assert [(fact.label, fact.value) for fact in south["attained"].facts] == [("rep ann in team south", Decimal(200))]
    for name in ("team all", "the organisation"):
        above = await tree(company, Subject.TEAM if name.startswith("team") else Subject.ORGANIZATION, name)
        below = [step.value for step in above.values() if step.parent == "quota"]
        assert sum(value for value in below if value is not None) == above["quota"].value == Decimal(109_000)
        attained = [fact.value for fact in above["attained"].facts]
        assert sum(value for value in attained if value is not None) == above["attained"].value == Decimal(300)


async def test_without_a_quota_the_tree_gives_the_reason(company: Company) -> None:
    await company.set("rep bob", "100")
    await company.win("rep ann", date(2027, 1, 5), "100")
    steps = await tree(company, Subject.REP, "rep ann")
    assert (steps["ratio"].value, steps["ratio"].formula) == (None, "NO_QUOTA")
    assert (steps["quota"].value, steps["quota"].formula) == (None, "NO_QUOTA")


async def test_what_does_not_exist_has_no_tree(company: Company) -> None:
    await company.set("rep bob", "100")
    assert await tree(company, Subject.REP, "rep ann") == {}
