"""The steps that a calculation leaves behind: every number with the operation and the numbers that it follows from."""

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum, auto

from domain.incentives.facts import Counted, attainment
from domain.incentives.inputs import Standing
from domain.incentives.outcome import Stage, Step
from domain.incentives.terms import Gate, Measure, Scale
from domain.incentives.tiers import Bracket, Schedule
from domain.money import plain

ZERO = Decimal(0)


class Detail(Enum):
    """How much a calculation tells: what each component comes to, as one line; a line for each deal; every step too.
    The amounts are the same.
    """

    TOTALS = auto()
    LINES = auto()
    STEPS = auto()


class Trail:
    """The steps in order; none are kept where nobody asked. A step is referred to by `@` and its id."""

    def __init__(self, detail: Detail) -> None:
        self.kept = detail is Detail.STEPS
        self.by_deal = detail is not Detail.TOTALS
        self.steps: list[Step] = []

    def step(
        self, stage: Stage, name: str, label: str, op: str, args: Iterable[Decimal | str], value: Decimal | None
    ) -> str:
        """Keep a step. Returns how later ones refer to it."""
        if self.kept:
            self.steps.append(Step(name, stage, label, op, tuple(args), value))
        return "@" + name

    def base(self, key: str, measure: Measure, kpi: str | None, found: Counted) -> None:
        """What a component counts, credit by credit."""
        if measure is Measure.KPI:
            self.step(Stage.CREDIT, f"{key}/base", f"Value of {kpi}", "given", (), found.value)
            return
        terms = [self.step(Stage.CREDIT, f"{key}/before", "Before this period", "given", (), found.before)]
        for credit, value in found.credits:
            name, label = f"{key}/credit/{credit.key}", f"Deal {credit.deal}, closed on {credit.day}"
            if credit.by_hand:
                label = f"Credited by hand for {credit.day}"
            amount = {Measure.REVENUE: credit.revenue, Measure.MARGIN: credit.margin}.get(measure)
            if amount is None:
                terms.append(self.step(Stage.CREDIT, name, label, "given", (), value))
            else:
                terms.append(self.step(Stage.CREDIT, name, label, "product", (amount, credit.exchange_rate), value))
        self.step(Stage.CREDIT, f"{key}/base", "Credited", "sum", terms, found.base)

    def quota(self, key: str, period: str, quota: Decimal | None, base: Decimal) -> None:
        """The quota and the attainment of it."""
        of = self.step(Stage.ATTAINMENT, f"{key}/quota", f"Quota of the {period.lower()}", "given", (), quota)
        if quota:
            args, ratio = (f"@{key}/base", of), attainment(base, quota)
            self.step(Stage.ATTAINMENT, f"{key}/attainment", "Attainment", "ratio", args, ratio)

    def pieces(
        self, stage: Stage, name: str, label: str, pieces: Iterable[tuple[Decimal, Decimal]], value: Decimal
    ) -> str:
        """Widths times rates."""
        return self.step(stage, name, label, "pieces", (number for piece in pieces for number in piece), value)

    def rates(self, key: str, of: str, base: Decimal, schedule: Schedule) -> str:
        """The brackets of `of` (the base, or what it was before), their sum, and what a threshold leaves of it."""
        if not self.kept:
            return ""
        source = f"@{key}/{of}"
        terms = self._brackets(Stage.RATE, f"{key}/{of}/tier", source, base, schedule.brackets)
        rated = sum((bracket.amount(base) for bracket in schedule.brackets), ZERO)
        whole = self.step(Stage.RATE, f"{key}/{of}/rated", "At these rates", "sum", terms, rated)
        if schedule.cliff is not None:
            args = (whole, source, schedule.cliff)
            label = "The threshold is reached" if schedule.reached else "The threshold is not reached"
            whole = self.step(Stage.THRESHOLD, f"{key}/{of}/due", label, "cliff", args, schedule.due(base))
        if schedule.floor is not None:
            below, at = f"{key}/{of}/below", min(schedule.floor, base)
            low = self.step(Stage.THRESHOLD, below, "Below the threshold", "min", (source, schedule.floor), at)
            terms = self._brackets(Stage.THRESHOLD, f"{below}/tier", low, at, schedule.brackets)
            unpaid = sum((bracket.amount(at) for bracket in schedule.brackets), ZERO)
            taken = self.step(Stage.THRESHOLD, f"{below}/rated", "Unpaid", "sum", terms, unpaid)
            due, label = f"{key}/{of}/due", "Above the threshold"
            whole = self.step(Stage.THRESHOLD, due, label, "difference", (whole, taken), schedule.due(base))
        return whole

    def gate(self, key: str, gate: Gate, standing: Standing | None, *, is_open: bool) -> None:
        """What a gate asked for, and whether it is open (1) or not (0)."""
        label = "The gate is open" if is_open else "The gate is closed"
        if standing is None or (gate.by is Scale.ATTAINMENT and not standing.quota):
            self.step(Stage.ATTAINMENT, key, f"{label}: there is nothing to attain", "given", (), ZERO)
            return
        goal = gate.at_least * (standing.quota or ZERO) if gate.by is Scale.ATTAINMENT else gate.at_least
        self.step(Stage.ATTAINMENT, key, label, "reached", (standing.attained, goal), Decimal(is_open))

    def _brackets(self, stage: Stage, name: str, source: str, base: Decimal, found: Iterable[Bracket]) -> list[str]:
        terms = []
        for i, bracket in enumerate(found):
            args: list[Decimal | str] = [source, bracket.rate, bracket.start]
            label = f"{plain(bracket.rate)} from {plain(bracket.start)}"
            if bracket.end is not None:
                args.append(bracket.end)
                label += f" to {plain(bracket.end)}"
            terms.append(self.step(stage, f"{name}/{i}", label, "bracket", args, bracket.amount(base)))
        return terms
