"""A team has at most one SPIFF in a quarter."""

from datetime import date

from domain.calendar import Calendar, CalendarVersion
from domain.incentives.components import Spiff
from domain.incentives.plan import Plan
from domain.incentives.spiffs import Run, collisions, runs
from domain.incentives.terms import Eligibility
from tests.domain.incentives.cases import D, plan

CALENDAR = Calendar((CalendarVersion(1, date(2020, 1, 1), "UTC"),))
BELOW = {"emea": ("dach", "nordics")}


def with_spiff(starts_on: date, ends_on: date, *teams: str) -> Plan:
    component = Spiff(key="s", starts_on=starts_on, ends_on=ends_on, per_unit=D(1))
    return plan(component, eligibility=Eligibility(teams=teams))


def meets(one: Plan, other: Plan) -> bool:
    return bool(collisions(runs("one", one, BELOW), runs("other", other, BELOW), CALENDAR))


FEBRUARY = (date(2027, 2, 1), date(2027, 3, 1))
MARCH = (date(2027, 3, 10), date(2027, 4, 1))
SPRING = (date(2027, 3, 31), date(2027, 6, 1))
APRIL = (date(2027, 4, 1), date(2027, 5, 1))


def test_two_in_a_quarter_collide_even_on_different_days() -> None:
    assert meets(with_spiff(*FEBRUARY, "dach"), with_spiff(*MARCH, "dach"))
    assert meets(with_spiff(*FEBRUARY, "dach"), with_spiff(*SPRING, "dach"))
    assert not meets(with_spiff(*FEBRUARY, "dach"), with_spiff(*APRIL, "dach"))
    assert not meets(with_spiff(*MARCH, "dach"), with_spiff(*APRIL, "dach"))


def test_teams_collide_with_those_below_and_with_a_spiff_for_everybody() -> None:
    assert meets(with_spiff(*FEBRUARY, "emea"), with_spiff(*MARCH, "nordics"))
    assert meets(with_spiff(*FEBRUARY), with_spiff(*MARCH, "nordics"))
    assert not meets(with_spiff(*FEBRUARY, "dach"), with_spiff(*MARCH, "nordics"))


def test_two_of_the_same_plan_collide() -> None:
    one = Run("p", "a", frozenset(), *FEBRUARY)
    two = Run("p", "b", frozenset(), *MARCH)
    assert collisions([one, two], [], CALENDAR) == [(two, one)]
