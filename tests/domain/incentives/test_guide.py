"""The worked examples of docs/incentives.md: a plan in YAML, then a table of cases. Each row is paid as it says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from textwrap import indent

import pytest

from domain.calendar import PeriodKind
from domain.incentives.document import parse
from domain.incentives.inputs import Cancellation, Carry, Credit, Inputs, Score, Standing
from domain.incentives.payout import calculate, calculate_all
from domain.incentives.plan import Plan
from domain.incentives.terms import CreditRole, Measure
from tests.domain.incentives.cases import D, deals, paid, payee

GUIDE = Path(__file__).parents[3] / "docs" / "incentives.md"
HEAD = "key: example\nname: Example\ncurrency: EUR\nstartsOn: 2027-01-01\n"

Row = dict[str, str]


@dataclass(frozen=True)
class Example:
    """A row of a table, the plan above it, and the line at which it stands."""

    text: str
    row: Row
    line: int


def examples() -> Iterator[Example]:
    """The rows of the tables that stand right below a plan; a table that text leads up to is none of them."""
    text, header = "", list[str]()
    lines = enumerate(GUIDE.read_text().splitlines(), 1)
    for number, line in lines:
        if line == "```yaml":
            text, header = "", []
            for _, inner in lines:
                if inner == "```":
                    break
                text += inner + "\n"
        elif line.startswith("|") and text:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not header:
                header = cells
            elif not set(line) <= set("|-"):
                yield Example(text, dict(zip(header, cells, strict=True)), number)
        elif line:
            text, header = "", []


EXAMPLES = list(examples())


def number(text: str) -> Decimal:
    """A number as it is written in the guide: 1,000 or 50 %."""
    digits = text.replace(",", "")
    return D(digits.removesuffix("%").strip()) / 100 if digits.endswith("%") else D(digits or 0)


def sold(text: str) -> list[Decimal]:
    return [number(part) for part in text.split(" + ")] if text else []


def plan_of(text: str) -> Plan:
    """The plan of an example, which may be a list of components alone, or lack what it is not about."""
    if text.startswith("- "):
        text = "components:\n" + indent(text, "  ")
    return parse(text if text.startswith("key:") else HEAD + text)[1]


def units(text: str, who: str, first: int = 1) -> tuple[Credit, ...]:
    one = deals(*[1] * int(text))
    return tuple(replace(c, key=f"{who}{c.key}", day=date(2027, 1, first + i)) for i, c in enumerate(one))


def inputs_of(row: Row) -> Inputs:
    """The payee of a row."""
    inputs = payee(*sold(row.pop("Deals", "")), currency="EUR")
    earlier = deals(*sold(row.pop("Deals before", "")))
    before = [replace(credit, key=f"before-{credit.key}", day=date(2027, 1, 1)) for credit in earlier]
    if before:
        february = replace(inputs.period, starts_on=date(2027, 2, 1), ends_on=date(2027, 3, 1))
        mine = [replace(credit, day=date(2027, 2, 1 + i)) for i, credit in enumerate(inputs.credits)]
        days = ((date(2027, 1, 1), date(2027, 3, 1)),)
        inputs = replace(inputs, period=february, on_plan=days, credits=(*before, *mine))
    if team := row.pop("Deals of the team", ""):
        inputs = replace(inputs, credits=deals(*sold(team), role=CreditRole.TEAM))
    if count := row.pop("Units", ""):
        inputs = replace(inputs, credits=units(count, "d"))
    standings = []
    if quota := row.pop("Quota", ""):
        standings.append(Standing(measure=Measure.REVENUE, period=PeriodKind.MONTH, attained=D(0), quota=number(quota)))
    if quota := row.pop("Quota of the year", ""):
        attained = number(row.pop("Year so far"))
        standings.append(
            Standing(measure=Measure.REVENUE, period=PeriodKind.YEAR, attained=attained, quota=number(quota))
        )
    inputs = replace(inputs, standings=tuple(standings), carry=Carry(owed=number(row.pop("Owed before", "0"))))
    if target := row.pop("Target", ""):
        inputs = replace(inputs, target=number(target))
    if joined := row.pop("On the plan from", ""):
        inputs = replace(
            inputs,
            on_plan=((date.fromisoformat(joined), inputs.period.ends_on),),
            credits=tuple(replace(credit, day=date(2027, 1, 30)) for credit in inputs.credits),
        )
    if text := row.pop("Scores", ""):
        given = re.findall(r"(\w+) ([\d.]+ %)", text)
        scores = (Score(component="goals", objective=objective, score=number(score)) for objective, score in given)
        inputs = replace(inputs, scores=tuple(scores))
    if currency := row.pop("Paid in", ""):
        inputs = replace(inputs, currency=currency, exchange_rate=number(row.pop("Rate")))
    if before_paid := row.pop("Paid before", ""):
        closed, cancelled = (date.fromisoformat(row.pop(name)) for name in ("Closed", "Cancelled"))
        gone = Cancellation(deal="gone", closed_on=closed, cancelled_on=cancelled, paid=number(before_paid))
        inputs = replace(inputs, cancellations=(gone,))
    return inputs


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"line {example.line}" for example in EXAMPLES])
def test_every_example_pays_what_the_guide_says(example: Example) -> None:
    row, terms = dict(example.row), plan_of(example.text)
    if "Units of Ada" in row:
        ada = payee(payee="ada", credits=units(row["Units of Ada"], "a"))
        bo = payee(payee="bo", credits=units(row["Units of Bo"], "b", first=8))
        (_, first), (_, second) = calculate_all(terms, [ada, bo])
        assert (first.payable, second.payable) == (number(row["Paid to Ada"]), number(row["Paid to Bo"]))
        return
    inputs = inputs_of(row)
    result = calculate(terms, inputs)
    assert paid(terms, inputs) == number(row.pop("Paid"))
    if "Lines" in row:
        assert [line.amount for line in result.lines] == [number(part) for part in row.pop("Lines").split("; ")]
    if "Owed after" in row:
        assert result.carry.owed == number(row.pop("Owed after"))
    assert row == {}, "a column that nobody reads"


def test_every_plan_of_the_guide_has_a_table() -> None:
    plans = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(plans) > 20
    assert {example.text for example in EXAMPLES} == set(plans)
