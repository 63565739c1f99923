"""How an attainment comes about, computed again from the facts and the versions that it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.calendar import Calendar, Period
from domain.explain import Fact, Step
from domain.money import to_unit
from domain.quotas.model import AttainmentKey, Measure, Quota, QuotaSource, Subject
from domain.quotas.results import load_house, load_quotas, load_sums
from domain.quotas.rollup import Board, House, Line, Sums, Who, attain, parts, path
from domain.quotas.rules import RATIO_UNIT, Shape, smallest_unit
from sql.pool import Session
from sql.queries import queries

_quotas = queries("quotas")

_LONGEST_YEAR = 371


async def explain(
    session: Session, calendar: Calendar, ends_on: date, keys: Sequence[AttainmentKey], today: date
) -> dict[AttainmentKey, list[Step]]:
    """The trees from attainments of one measure and period to their facts; empty where there is no attainment.

    Below the root are the numbers that it shows. What a rep or a territory attained lists its credits; what a team or
    the organisation attained lists what each rep attained for it, and the rep's own attainment lists the credits.
    """
    first = keys[0]
    board = Board(first.measure, first.kpi_id, Period(first.starts_on, ends_on, first.kind, ""))
    house = await load_house(session, [board])
    quotas = (await load_quotas(session, [board]))[0]
    sums = (await load_sums(session, [board]))[0]
    lines = attain(calendar, board, house, quotas, sums, today)
    tree = _Tree(calendar, board, house, {(q.target.subject, q.target.subject_id): q for q in quotas}, lines)
    subjects = [(key.subject, key.subject_id) for key in keys]
    facts = await _facts(session, board, house, subjects)
    return {
        key: [*tree.numbers(who), tree.attained(who, sums, facts[who]), *tree.quota(who, today)] if who in lines else []
        for key, who in zip(keys, subjects, strict=True)
    }


async def _facts(session: Session, board: Board, house: House, subjects: Sequence[Who]) -> dict[Who, tuple[Fact, ...]]:
    """The credits of each rep and territory, or the definition of the KPI that was counted."""
    if board.kpi_id is not None:
        rows = await session.fetch(_quotas.kpi_formulas, [board.kpi_id], [board.period.starts_on])
        return dict.fromkeys(
            subjects, tuple(Fact("Kpi", str(row["kpi_id"]), f"{row['name']}, version {row['version']}") for row in rows)
        )
    found: dict[Who, list[Fact]] = {who: [] for who in subjects}
    reps = [subject_id for subject, subject_id in subjects if subject is Subject.REP]
    asked = {subject_id for subject, subject_id in subjects if subject is Subject.TERRITORY}
    below = [node for node in house.territories if not asked.isdisjoint(path(house.territories, node))]
    if reps or below:
        column, days = board.measure.lower(), (board.period.starts_on, board.period.ends_on)
        for row in await session.fetch(_quotas.credits_won, *days, reps, below):
            label = f"{row['name']}, won on {row['closed_day']}"
            fact = Fact("Deal", str(row["deal_id"]), label, row[column])
            for who in (
                (Subject.REP, row["rep_id"]),
                *((Subject.TERRITORY, node) for node in path(house.territories, row["territory_id"])),
            ):
                if who in found:
                    found[who].append(fact)
    return {who: tuple(facts) for who, facts in found.items()}


class _Tree:
    """One board's lines, told step by step."""

    def __init__(
        self,
        calendar: Calendar,
        board: Board,
        house: House,
        quotas: Mapping[Who, Quota],
        lines: Mapping[Who, Line],
    ) -> None:
        self.shape = Shape(calendar, board.period)
        self.board, self.house, self.quotas, self.lines = board, house, quotas, lines
        self.names = house.names
        self.smallest = smallest_unit(board.measure, house.currency)
        self.unit = house.currency if board.measure in (Measure.REVENUE, Measure.MARGIN) else "COUNT"

    def numbers(self, who: Who) -> Iterator[Step]:
        """The root, and what follows from attained and quota."""
        line, f = self.lines[who], self.lines[who].figures
        reason = f.reason.value if f.reason else "nothing is expected yet"
        share = _text(line.elapsed)
        left = None if f.gap is None else max(Decimal(0), -f.gap)

        def step(name: str, label: str, formula: str, value: Decimal | None, unit: str, parent: str | None) -> Step:
            return Step(name, parent, label, formula if value is not None else reason, value, unit)

        yield step("ratio", "Attainment", f"{f.attained} / {f.quota}", f.ratio, "RATIO", None)
        yield step("gap", "Attained less quota", f"{f.attained} - {f.quota}", f.gap, self.unit, "ratio")
        yield step("expected", "Expected by now", f"{f.quota} x {share}", f.expected, self.unit, "ratio")
        yield step("paceRatio", "Pace", f"{f.attained} / {f.expected}", f.pace_ratio, "RATIO", "ratio")
        yield step("projected", "Projected", f"{f.attained} / ({share})", f.projected, self.unit, "ratio")
        yield step(
            "projectedRatio", "Projected attainment", f"{f.projected} / {f.quota}", f.projected_ratio, "RATIO", "ratio"
        )
        workdays = f"{left} / {line.workdays_left} workdays"
        yield Step(
            "requiredPerWorkday",
            "ratio",
            "Required per workday",
            workdays if f.required_per_workday is not None or f.quota is not None else reason,
            f.required_per_workday,
            self.unit,
        )

    def attained(self, who: Who, sums: Sums, facts: tuple[Fact, ...]) -> Step:
        """What was won, or counted, and by whom."""
        subject, subject_id = who
        if subject in (Subject.TEAM, Subject.ORGANIZATION):
            by_rep: dict[Fact, None] = {}
            for (rep_id, team_id), value in sorted(sums.reps.items(), key=str):
                if subject is Subject.ORGANIZATION or subject_id in path(self.house.teams, team_id):
                    label = f"{self.names[rep_id]} in {self.names[team_id] if team_id else 'no team'}"
                    by_rep[Fact("Attainment", self._key((Subject.REP, rep_id)), label, value)] = None
            facts = (*facts, *by_rep)
        formula = "sum of the KPI's facts" if self.board.kpi_id else "sum of credits of deals won"
        return Step("attained", "ratio", "Attained", formula, self.lines[who].figures.attained, self.unit, facts)

    def quota(self, who: Who, today: date) -> Iterator[Step]:
        """The quota in force, or what it is the sum of."""
        line = self.lines[who]
        value = line.figures.quota
        if line.source is None:
            yield Step("quota", "ratio", "Quota", "NO_QUOTA", None, self.unit)
        elif line.source is QuotaSource.OWN:
            quota = self.quotas[who]
            terms = quota.terms
            formula = f"{terms.amount:f}"
            if who[0] is Subject.REP:
                share = self.shape.carried(terms, self.house.tenures[who[1]])
                formula = f"{terms.amount:f} x {_text(share)}, the part carried by {terms.proration_basis} and ramp"
            fact = Fact("Quota", str(quota.quota_id), f"version {quota.version}", terms.amount)
            yield Step("quota", "ratio", "Quota", formula, value, self.unit, (fact,))
        else:
            yield Step("quota", "ratio", "Quota", "sum of what is below", value, self.unit)
            for i, (label, amount, fact) in enumerate(self._below(who, today)):
                yield Step(f"quota.{i}", "quota", label, fact.label, amount, self.unit, (fact,))

    def _below(self, who: Who, today: date) -> Iterator[tuple[str, Decimal, Fact]]:
        subject, subject_id = who
        tree = Subject.TERRITORY if subject is Subject.TERRITORY else Subject.TEAM
        parents = self.house.territories if subject is Subject.TERRITORY else self.house.teams
        above = None if subject is Subject.ORGANIZATION else subject_id
        for node in sorted((n for n, parent in parents.items() if parent == above), key=str):
            line = self.lines.get((tree, node))
            if line is not None and line.figures.quota is not None:
                fact = Fact("Attainment", self._key((tree, node)), "its own, or the sum of what is below it")
                yield self.names[node], line.figures.quota, fact
        if subject is Subject.TERRITORY:
            return
        for rep_id, tenure in sorted(self.house.tenures.items(), key=str):
            quota = self.quotas.get((Subject.REP, rep_id))
            if quota is not None:
                stints = self.house.stints.get(rep_id, ())
                found = parts(self.shape, quota.terms, rep_id, tenure, stints, today, self.smallest)
                for part in found:
                    if part.team_id == above:
                        fact = Fact("Quota", str(quota.quota_id), f"version {quota.version}, for the days there")
                        yield self.names[rep_id], part.carried[0], fact

    def _key(self, who: Who) -> str:
        period = self.board.period
        return str(AttainmentKey(*who, self.board.measure, self.board.kpi_id, period.kind, period.starts_on))


def _text(share: Fraction | None) -> str:
    """A share as the fraction of days that it is, or as a decimal where it is a mixture."""
    if share is None:
        return "-"
    return str(share) if share.denominator <= _LONGEST_YEAR else str(to_unit(share, RATIO_UNIT))
