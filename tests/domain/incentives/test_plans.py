"""Publishing a plan: what it names must be there, prizes keep out of each other's way, and what is published stays."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import asyncpg
import pytest

from domain.errors import Rejected
from domain.incentives.components import Commission, Spiff
from domain.incentives.plan import Plan
from domain.incentives.stored import versions_of
from domain.incentives.terms import Eligibility, Gate, Measure, Scale
from domain.org.actions import organization_update
from sql.queries import Query
from tests.domain.incentives.conftest import DECEMBER, OCTOBER, Company, plan

PRIZE = Spiff(key="prize", starts_on=OCTOBER, ends_on=DECEMBER, per_unit=Decimal(50))


async def refused(company: Company, document: Plan, key: str) -> set[tuple[str, str]]:
    """Codes and paths of what is wrong with a plan that is published."""
    with pytest.raises(Rejected) as refusal:
        await company.publish(document, key=key)
    return {(problem.code, ".".join(problem.path)) for problem in refusal.value.problems}


async def test_what_a_plan_names_must_be_there(company: Company) -> None:
    gate = Gate(at_least=Decimal(9), by=Scale.AMOUNT, measure=Measure.KPI, kpi="charm")
    commission = Commission(key="commission", rate=Decimal("0.1"), gates=(gate,))
    who = Eligibility(teams=("north", "atlantis"), reps=("ann", "nobody"))
    assert await refused(company, plan(commission, eligibility=who, currency="CHF"), "ae") == {
        ("UNKNOWN_MEASURE", "document.components.0.gates.0.kpi"),
        ("UNKNOWN_TEAM", "document.eligibility.teams.1"),
        ("UNKNOWN_REP", "document.eligibility.reps.1"),
        ("NO_RATE", "document.currency"),
    }
    assert await company.fetch("select from incentive_plan_version where org_id = $1") == []


async def test_a_team_has_one_spiff_a_quarter_unless_the_organisation_lifts_that(company: Company) -> None:
    await company.publish(plan(PRIZE, eligibility=Eligibility(teams=("north",))), key="first")
    second = plan(replace(PRIZE, key="other", starts_on=DECEMBER, ends_on=date(2027, 1, 1)))
    assert await refused(company, second, "second") == {("SPIFF_COLLIDES", "document.components.0")}
    later = replace(PRIZE, starts_on=date(2027, 1, 1), ends_on=date(2027, 2, 1))
    assert (await company.publish(plan(later), key="third")).version == 1
    [row] = await company.fetch("select version from organization where org_id = $1")
    await organization_update(company.work, expected_version=row["version"], several_spiffs=True)
    assert (await company.publish(second, key="second")).version == 1


async def test_a_published_version_never_changes(company: Company) -> None:
    first = await company.publish(plan())
    await company.publish(plan(Commission(key="commission", rate=Decimal("0.2"))))
    async with company.work.db.session(company.work.viewer.org_id) as session:
        versions = await versions_of(session, [first.plan_id])
    assert sorted((one.version, one.document.components[0].rate) for one in versions) == [  # type: ignore[attr-defined]
        (1, Decimal("0.1")),
        (2, Decimal("0.2")),
    ]
    for change in ("update incentive_plan_version set version = 9", "delete from incentive_plan_version"):
        async with company.work.db.session(company.work.viewer.org_id) as session:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(Query("test", f"{change} where org_id = $1"))
