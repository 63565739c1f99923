"""How a KPI of a scorecard comes about, computed again from the facts and the versions that it rests on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from domain.calendar import DAY, Calendar
from domain.explain import Fact, Step
from domain.scorecards import rules
from domain.scorecards.definitions import definitions
from domain.scorecards.formula import (
    Count,
    Field,
    Formula,
    Mean,
    Median,
    Product,
    QuotaLeft,
    Ratio,
    Sla,
    Sum,
    leaves,
)
from domain.scorecards.measures import NODE_TYPES, Due, Found, facts, measure, quotas, won_of
from domain.scorecards.model import Kpi, Measured, Subject, Template, Unit
from domain.scorecards.results import due
from domain.scorecards.roster import Roster, roster
from domain.scorecards.touched import Key
from sql.pool import Session

_UNITS = {
    Field.AMOUNT: Unit.MONEY,
    Field.MARGIN: Unit.MONEY,
    Field.UNITS: Unit.COUNT,
    Field.CYCLE_DAYS: Unit.DAYS,
}


class Asked(NamedTuple):
    """A result to explain."""

    subject: Subject
    subject_id: UUID
    week: date
    kpi_id: UUID


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Everything that was measured, with its facts."""

    measured: Mapping[Due, Measured]
    found: Mapping[Due, Sequence[Found]]
    quotas: Mapping[Due, Decimal]


async def explain(
    session: Session, calendar: Calendar, asked: Sequence[Asked], now: datetime, currency: str
) -> dict[Asked, list[Step]]:
    """A tree for each result, from its ratio over value and target down to the facts; computed again, not read back.

    Any number of results takes the same statements. What does not exist (no template, no such KPI on it) is missing.
    """
    people = await roster(session, calendar, await definitions(session))
    wanted: dict[Asked, tuple[Template, Kpi]] = {}
    for each in asked:
        known = people.reps if each.subject is Subject.REP else people.above
        template = people.template(each.subject, each.subject_id, each.week) if each.subject_id in known else None
        kpi = people.definitions.kpi(each.kpi_id, each.week)
        if template and kpi and any(line.kpi_id == each.kpi_id for line in template.lines):
            wanted[each] = (template, kpi)
    dues = {
        due(people.weeks, Key(each.week, each.subject, each.subject_id), kpi, leaf)
        for each, (_, kpi) in wanted.items()
        for leaf in leaves(kpi.formula)
    }
    left = {each for each in dues if isinstance(each.leaf, QuotaLeft)}
    evidence = _Evidence(
        await measure(session, calendar, dues, now),
        await facts(session, {won_of(calendar, each) if each in left else each for each in dues}, now),
        await quotas(session, calendar, left) if left else {},
    )
    return {
        each: list(_Tree(people, each, template, kpi, evidence, currency).steps())
        for each, (template, kpi) in wanted.items()
    }


class _Tree:
    """One result, told step by step."""

    def __init__(
        self, people: Roster, asked: Asked, template: Template, kpi: Kpi, evidence: _Evidence, currency: str
    ) -> None:
        self.people, self.asked, self.template, self.kpi = people, asked, template, kpi
        self.evidence, self.currency = evidence, currency

    def steps(self) -> Iterator[Step]:
        """The root first."""
        asked, kpi = self.asked, self.kpi
        value = rules.evaluate(kpi.formula, self._measured).value
        target = self.people.target(asked.subject, asked.subject_id, asked.week, self.template, kpi)
        ratio = rules.ratio(kpi, value, target)
        over, under = (target, value) if kpi.direction == "LOWER_IS_BETTER" else (value, target)
        versions = (
            Fact("Kpi", str(kpi.kpi_id), f"{kpi.name}, version {kpi.version}"),
            Fact(
                "ScorecardTemplate",
                str(self.template.template_id),
                f"{self.template.name}, version {self.template.version}",
            ),
        )
        formula = f"{_text(over)} / {_text(under)}" if ratio is not None else "there is no value, or no target"
        yield Step("ratio", None, f"{kpi.name} to target", formula, rules.published(ratio), "RATIO", versions)
        yield from self._formula(kpi.formula, "value", "ratio", kpi.name, self._unit(kpi.unit))
        yield from self._target(target)

    def _measured(self, leaf: "Formula") -> Measured:
        return self.evidence.measured.get(self._due(leaf), Measured())

    def _due(self, leaf: "Formula") -> Due:
        key = Key(self.asked.week, self.asked.subject, self.asked.subject_id)
        return due(self.people.weeks, key, self.kpi, leaf)  # type: ignore[arg-type]

    def _unit(self, unit: Unit) -> str:
        return self.currency if unit is Unit.MONEY else unit.value

    def _formula(self, formula: Formula, name: str, parent: str, label: str, unit: str) -> Iterator[Step]:
        outcome = rules.evaluate(formula, self._measured)
        value = rules.published(outcome.value)
        if isinstance(formula, (Ratio, Product)):
            one, other = outcome.numerator, outcome.denominator
            sign = "/" if isinstance(formula, Ratio) else "x"
            told = f"{_text(one)} {sign} {_text(other)}"
            if value is None:
                told += (
                    ", which is no number: nothing to divide by" if isinstance(formula, Ratio) else ": one is missing"
                )
            yield Step(name, parent, label, told, value, unit)
            parts = (
                (("numerator", formula.numerator), ("denominator", formula.denominator))
                if isinstance(formula, Ratio)
                else (("left", formula.left), ("right", formula.right))
            )
            for part, child in parts:
                yield from self._formula(child, f"{name}.{part}", name, part.title(), self._unit(_unit_of(child)))
            return
        measured = self._due(formula)
        days = f"{measured.since} to {measured.until - DAY}"
        if isinstance(formula, QuotaLeft):
            yield from self._quota_left(formula, measured, name, parent, unit)
            return
        found = _facts(self.evidence.found.get(measured, ()))
        told = {
            Count: f"{outcome.sample} facts",
            Sum: f"sum over {outcome.sample} facts",
            Mean: f"{_text(outcome.numerator)} / {outcome.sample} facts",
            Median: f"median of {outcome.sample} facts",
            Sla: f"{_text(outcome.numerator)} in time / {outcome.sample} that were stopped or ran out",
        }[type(formula)]
        yield Step(name, parent, label, f"{told}, {days}", value, unit, found)

    def _quota_left(self, formula: QuotaLeft, at: Due, name: str, parent: str, unit: str) -> Iterator[Step]:
        won_at = won_of(self.people.weeks.calendar, at)
        quota = self.evidence.quotas.get(at)
        found = _facts(self.evidence.found.get(won_at, ()))
        won = sum((fact.value for fact in found if fact.value is not None), Decimal(0))
        value = rules.published(self._measured(formula).total)
        told = f"{_text(quota)} - {_text(won)}"
        if value is None:
            told = "there is no quota" if quota is None else f"{told}: the quota is made"
        yield Step(name, parent, "Quota left", told, value, unit)
        period = f"{formula.period.lower()} that holds {at.until - DAY}"
        yield Step(f"{name}.quota", name, "Quota", f"{formula.measure} of the {period}", rules.published(quota), unit)
        credited = f"credits of deals won, {won_at.since} to {won_at.until - DAY}"
        yield Step(f"{name}.won", name, "Won", credited, rules.published(won), unit, found)

    def _target(self, target: Decimal) -> Iterator[Step]:
        asked, kpi, people = self.asked, self.kpi, self.people
        weekly = next(line.weekly_target for line in self.template.lines if line.kpi_id == kpi.kpi_id)
        unit = self._unit(kpi.unit)
        if asked.subject is Subject.TEAM and rules.additive(kpi):
            told = "sum of what is asked of the members for their days in the team"
        elif not rules.over_time(kpi):
            told = f"{_text(weekly)}, whatever the week"
        else:
            first = people.weeks.before(asked.week, kpi.window_weeks - 1)
            weeks = [
                people.available(asked.subject, asked.subject_id, w) for w in people.weeks.through(first, asked.week)
            ]
            told = " + ".join(f"{_text(weekly)} x {there} / {all_} workdays" for there, all_ in weeks)
            if not kpi.prorated:
                told = f"{_text(weekly)} x {len(weeks)} weeks"
        yield Step("target", "ratio", "Target", told, rules.published(target), unit)
        if asked.subject is Subject.TEAM and rules.additive(kpi):
            for i, (rep_id, share) in enumerate(people.asked_of(asked.subject_id, asked.week, kpi)):
                fact = Fact("Rep", str(rep_id), "member", rules.published(share))
                yield Step(
                    f"target.{i}", "target", "Member", "its own target there", rules.published(share), unit, (fact,)
                )


def _facts(found: Iterable[Found]) -> tuple[Fact, ...]:
    return tuple(Fact(NODE_TYPES[f.facts], str(f.fact_id), f.label, rules.published(f.value)) for f in found)


def _unit_of(formula: Formula) -> Unit:
    match formula:
        case Ratio() | Product() | Sla():
            return Unit.RATIO
        case Count():
            return Unit.COUNT
        case QuotaLeft(measure, _):
            return Unit.COUNT if measure == "UNITS" else Unit.MONEY
        case Sum() | Mean() | Median():
            return _UNITS.get(formula.field, Unit.MINUTES)


def _text(value: Decimal | None) -> str:
    shown = rules.published(value)
    return "-" if shown is None else f"{shown:f}"
