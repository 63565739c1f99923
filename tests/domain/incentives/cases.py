"""Plans and payees for tests: each builder takes what the test is about and fills in the rest."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from domain.calendar import Period, PeriodKind
from domain.incentives.component import Component
from domain.incentives.inputs import Credit, Inputs, Standing
from domain.incentives.outcome import LineKind, Result
from domain.incentives.payout import calculate
from domain.incentives.plan import Plan
from domain.incentives.terms import CreditRole, Measure
from domain.incentives.trace import traced, verify

D = Decimal
MONTH = Period(date(2027, 1, 1), date(2027, 2, 1), PeriodKind.MONTH, "2027-01")
YEAR = Period(date(2027, 1, 1), date(2028, 1, 1), PeriodKind.YEAR, "2027")


def plan(*components: Component, **terms: Any) -> Plan:
    """A monthly plan in euros."""
    known: dict[str, Any] = {"name": "Plan", "currency": "EUR", "starts_on": date(2027, 1, 1), "components": components}
    known.update(terms)
    return Plan(**known)


def deals(*amounts: Decimal | int | str, role: CreditRole = CreditRole.DIRECT) -> tuple[Credit, ...]:
    """Deals of these amounts, on successive days of January, of one unit each."""
    return tuple(
        Credit(
            key=f"d{i}",
            deal=f"d{i}",
            day=date(2027, 1, 1 + i % 31),
            currency="EUR",
            revenue=D(amount),
            units=D(1),
            role=role,
        )
        for i, amount in enumerate(amounts)
    )


def payee(*amounts: Decimal | int | str, quota: Decimal | int | str | None = None, **facts: Any) -> Inputs:
    """Somebody with these deals, on the plan all month, paid in euros, with this quota of the month."""
    of_month = Standing(measure=Measure.REVENUE, period=PeriodKind.MONTH, attained=D(0), quota=D(quota or 0))
    known: dict[str, Any] = {
        "payee": "rep",
        "currency": "EUR",
        "period": MONTH,
        "longer": (YEAR,),
        "on_plan": ((MONTH.starts_on, MONTH.ends_on),),
        "credits": deals(*amounts),
        "standings": () if quota is None else (of_month,),
    }
    return Inputs(**known | facts)


def paid(terms: Plan, inputs: Inputs) -> Decimal:
    """What is payable, as the calculation, its trace and its lines say alike."""
    result = calculate(terms, inputs)
    with_steps, trace = traced(terms, inputs)
    assert replace(with_steps, steps=()) == result
    assert verify(trace) == result.payable == sum((line.amount for line in result.lines), D(0))
    return result.payable


def amounts(result: Result, kind: LineKind = LineKind.EARNING) -> list[Decimal]:
    """The amounts of lines of a kind."""
    return [line.amount for line in result.lines if line.kind is kind]


def total(values: Iterable[Decimal]) -> Decimal:
    """Their sum."""
    return sum(values, D(0))
