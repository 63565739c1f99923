"""Plans as YAML: exact numbers, problems with their lines, and what a new version changes."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from domain.errors import Problem, Rejected
from domain.incentives.changes import changes
from domain.incentives.components import Bonus, Commission
from domain.incentives.document import MAX_LENGTH, dump, parse
from domain.incentives.plan import Plan
from domain.incentives.terms import Draw, Tier, TierMode
from tests.domain.incentives.cases import D, plan
from tests.domain.incentives.test_codec import EVERYTHING

PLAN = """\
key: ae_2027
name: Account executives 2027
currency: EUR
startsOn: 2027-01-01
components:
  - type: COMMISSION
    key: revenue
    tiers:
      - from: 0
        rate: 5 %
      - from: 100_000
        rate: 0.0123456789012
        mode: RETROACTIVE
"""


def refused(text: str) -> list[Problem]:
    with pytest.raises(Rejected) as caught:
        parse(text)
    return list(caught.value.problems)


def test_a_document_is_read_without_losing_a_digit() -> None:
    text = PLAN.replace("0.0123456789012", "0.012345678901")
    first, second = Tier(start=D(0), rate=D("0.05")), Tier(start=D(100_000), rate=D("0.012345678901"))
    tiers = (first, replace(second, mode=TierMode.RETROACTIVE))
    assert parse(text) == (
        "ae_2027",
        Plan(
            name="Account executives 2027",
            currency="EUR",
            starts_on=date(2027, 1, 1),
            components=(Commission(key="revenue", tiers=tiers),),
        ),
    )


def test_a_dumped_plan_reads_as_the_same() -> None:
    odd = replace(EVERYTHING, name="5 %", text="One: two\nThree # four\n\n", ends_on=None)
    assert parse(dump("everything", EVERYTHING)) == ("everything", EVERYTHING)
    assert parse(dump("2027", odd)) == ("2027", odd)


def test_numbers_are_dumped_as_numbers_and_dates_as_dates() -> None:
    text = dump("everything", EVERYTHING)
    assert "startsOn: 2027-01-01\n" in text
    assert "rate: 0.05\n" in text
    assert "amount: 2000\n" in text


@pytest.mark.parametrize(
    ("old", "new", "line", "path"),
    [
        ("rate: 5 %", "rate: five", 10, "components.0.tiers.0.rate"),
        ("rate: 5 %", "rate: 5", 10, "components.0.tiers.0.rate"),
        ("rate: 5 %", "rat: 5 %", 10, "components.0.tiers.0.rat"),
        ("rate: 5 %", "rate: [5]", 10, "components.0.tiers.0.rate"),
        ("from: 100_000", "from: -1", 11, "components.0.tiers.1.from"),
        ("startsOn: 2027-01-01", "startsOn: 2027-02-30", 4, "startsOn"),
        ("startsOn: 2027-01-01", "startsOn: on Monday", 4, "startsOn"),
        ("    key: revenue\n", "", 6, "components.0.key"),
        ("key: ae_2027\n", "", 1, "key"),
        ("key: ae_2027\n", "key: 2027\n", 1, "key"),
        ("key: ae_2027\n", "key: ae_2027\nname: Twice\n", 3, "name"),
        ("currency: EUR", "currency: ECU", 3, "currency"),
    ],
)
def test_a_problem_names_its_line_and_path(old: str, new: str, line: int, path: str) -> None:
    text = PLAN.replace("0.0123456789012", "0.01").replace(old, new)
    problems = refused(text)
    where = {(problem.detail["line"], ".".join(problem.path)) for problem in problems}
    assert (line, path) in where
    assert all(problem.message.startswith(f"line {problem.detail['line']}: ") for problem in problems)


def test_all_problems_are_told_at_once() -> None:
    text = PLAN.replace("EUR", "ECU").replace("100_000", "0")
    assert [(problem.code, problem.detail["line"]) for problem in refused(text)] == [
        ("INVALID", 12),
    ]
    text = text.replace("0.0123456789012", "0.01")
    assert [(problem.code, problem.detail["line"]) for problem in refused(text)] == [
        ("INVALID_CURRENCY", 3),
        ("TIER_OVERLAP", 11),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("- a\n", 1),
        ("key: a\nname: [\n", 3),
        ("key: a\n\tname: b\n", 2),
        ("key: a\n--- \nkey: b\n", 2),
        ("key: &x a\nname: *y\n", 2),
        ("key: a\n? [name]\n: b\n", 2),
    ],
)
def test_what_is_no_plan_at_all_names_the_line(text: str, line: int) -> None:
    (problem,) = refused(text)
    assert (problem.code, problem.detail["line"]) == ("INVALID_YAML", line)


def test_aliases_are_refused_before_they_multiply() -> None:
    bomb = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]" for i in range(30))
    assert {"INVALID_YAML"} <= {problem.code for problem in refused(bomb)}


@pytest.mark.parametrize("number", ["5_", "1__0", "5_ %"])
def test_underscores_stand_between_digits(number: str) -> None:
    (problem,) = refused(PLAN.replace("5 %", number))
    assert (problem.code, problem.detail["line"]) == ("INVALID", 10)


@pytest.mark.parametrize("text", ["x: " + "[" * 50_000, "x" * (MAX_LENGTH + 1), "x: \x01", f"rate: {'9' * 20_000}"])
def test_what_nobody_writes_is_refused_in_words(text: str) -> None:
    assert refused(text)


def test_changes_are_lines_that_one_reads() -> None:
    old = plan(
        Commission(key="c", rate=D("0.10")),
        Bonus(key="b", amount=D(500), at=D(1)),
    )
    new = plan(
        Bonus(key="b", amount=D(750), at=D("1.0")),
        Commission(key="c", tiers=(Tier(start=D(0), rate=D("0.05")),)),
        Bonus(key="late", amount=D(100), at=D("1.2")),
        draw=Draw(amount=D(2_000)),
    )
    assert changes(old, new) == [
        "~ components.b.amount: 500 -> 750",
        "~ components.c.rate: 0.1 -> none",
        "+ components.c.tiers.0: from 0, rate 0.05, mode MARGINAL",
        "+ components.late: type BONUS, key late, measure REVENUE, credits DIRECT, amount 100, at 1.2, by ATTAINMENT",
        "~ draw: none -> amount 2000, recoverable yes, carryForward yes, proration DAYS",
    ]
    same = plan(Commission(key="c", rate=Decimal("0.1")), old.components[1])
    assert changes(old, same) == []
    assert "- components.c: type COMMISSION" in changes(old, plan(old.components[1]))[0]


def test_a_first_version_is_all_added() -> None:
    lines = changes(None, plan(Commission(key="c", rate=D("0.1"))))
    assert "+ name: Plan" in lines
    assert all(line.startswith("+ ") for line in lines)
    assert len(lines) == 5
