"""Whose pay is seen by whom, and who may make keys that see it."""

from datetime import date
from uuid import UUID

import pytest

from domain.errors import Rejected
from domain.incentives.sight import visible_pay
from domain.org.actions import organization_update
from domain.org.keys import api_key_create
from domain.org.model import Scope, Viewer
from domain.work import Work
from tests.domain.incentives.conftest import Company

TODAY = date(2026, 12, 15)


async def seen(work: Work) -> frozenset[UUID] | None:
    async with work.db.session(work.viewer.org_id) as session:
        return await visible_pay(session, work.viewer, TODAY)


async def test_pay_is_seen_by_oneself_and_by_compensation_admins(company: Company) -> None:
    assert await seen(company.as_("ann")) == frozenset({company.reps["ann"]})
    assert await seen(company.as_("cleo")) is None


async def test_an_admin_sees_nobodys_pay(company: Company) -> None:
    assert await seen(company.work) == frozenset()


async def test_a_manager_sees_the_pay_below_only_where_the_organisation_says_so(company: Company) -> None:
    assert await seen(company.as_("mia")) == frozenset({company.reps["mia"]})
    await organization_update(company.work, expected_version=1, managers_see_pay=True)
    assert await seen(company.as_("mia")) == frozenset(company.reps.values())


async def test_a_key_sees_everybodys_pay_with_the_scope_and_nobodys_without(company: Company) -> None:
    org_id = company.work.viewer.org_id
    for scope, expected in ((Scope.INCENTIVES_READ, None), (Scope.ORG_READ, frozenset[UUID]())):
        viewer = Viewer(org_id, frozenset({scope}), key_id=org_id, name="key")
        assert await seen(Work(company.work.db, viewer, company.work.now)) == expected


async def test_only_who_sees_everybodys_pay_makes_a_key_that_does(company: Company) -> None:
    scopes = {Scope.INCENTIVES_READ}
    with pytest.raises(Rejected) as refusal:
        await api_key_create(company.work, name="payroll", scopes=scopes, expires_at=None)
    assert [problem.code for problem in refusal.value.problems] == ["SCOPE_NOT_HELD"]
    await api_key_create(company.as_("cleo"), name="payroll", scopes=scopes, expires_at=None)
    with pytest.raises(Rejected):
        await api_key_create(company.as_("cleo"), name="org", scopes={Scope.ORG_WRITE}, expires_at=None)
