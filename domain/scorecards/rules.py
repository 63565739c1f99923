"""How KPIs, targets, scores and statuses follow from what was measured. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.calendar import PeriodKind
from domain.errors import Problem
from domain.money import EXACT, LARGEST, to_unit
from domain.org.rules import named
from domain.scorecards.formula import (
    FIELDS,
    Count,
    Dated,
    Facts,
    Field,
    Filter,
    Formula,
    Leaf,
    Mean,
    Measure,
    Median,
    Product,
    QuotaLeft,
    Ratio,
    Sla,
    Sum,
    formula_type,
)
from domain.scorecards.model import (
    Category,
    Definition,
    Direction,
    Employment,
    Kpi,
    Line,
    Measured,
    Outcome,
    Status,
    Template,
)

_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
_CAMEL = {
    "COUNT": "count",
    "SUM": "sum",
    "MEAN": "mean",
    "MEDIAN": "median",
    "SLA": "sla",
    "QUOTA_LEFT": "quotaLeft",
}

_WON_FIELDS = {Measure.REVENUE: Field.AMOUNT, Measure.MARGIN: Field.MARGIN, Measure.UNITS: Field.UNITS}

ONE = Decimal(1)
PLACES = Decimal("0.000001")
"""Results are stored with six decimals at most; statuses are decided before anything is rounded."""

TREND_WEEKS = 4
"""Weeks before, whose mean a trend is measured against."""


def evaluate(formula: Formula, measured: Callable[[Leaf], Measured]) -> Outcome:
    """The value of a formula from what its leaves measured (rules 9, 13 to 15; rows 34, 35, 36, 38)."""
    match formula:
        case Ratio(numerator, denominator):
            top, bottom = evaluate(numerator, measured), evaluate(denominator, measured)
            value = divided(top.value, bottom.value)
            return Outcome(value, top.value, bottom.value, bottom.sample)
        case Product(left, right):
            one, other = evaluate(left, measured), evaluate(right, measured)
            both = one.value is not None and other.value is not None
            value = one.value * other.value if both else None  # type: ignore[operator]
            return Outcome(value, one.value, other.value, min(one.sample, other.sample))
    found = measured(formula)
    match formula:
        case Count():
            return Outcome(Decimal(found.sample), Decimal(found.sample), None, found.sample)
        case Sum():
            total = found.total or Decimal(0)
            return Outcome(total, total, None, found.sample)
        case QuotaLeft():
            return Outcome(found.total, found.total, None, found.sample)
        case Mean() | Sla():
            count = Decimal(found.sample)
            total = found.total or Decimal(0)
            return Outcome(divided(total, count), total, count, found.sample)
        case Median():
            return Outcome(middle(found), None, Decimal(found.sample), found.sample)


def published(value: Decimal | None) -> Decimal | None:
    """`rounded`, where there is a value."""
    return None if value is None else rounded(value)


def rounded(value: Decimal) -> Decimal:
    """Half-up to `PLACES`, without idle zeros behind the point: the same number always looks the same."""
    short = to_unit(value, PLACES).normalize(EXACT)
    return to_unit(short, ONE) if short == short.to_integral_value() else short


def divided(numerator: Decimal | None, denominator: Decimal | None) -> Decimal | None:
    """Null over nothing (rule 9): an empty denominator makes no rate."""
    if numerator is None or denominator is None or denominator <= 0:
        return None
    return numerator / denominator


def middle(measured: Measured) -> Decimal | None:
    """The median from the two facts in the middle (row 35)."""
    if measured.low is None or measured.high is None:
        return None
    return measured.low if measured.low == measured.high else (measured.low + measured.high) / 2


def shrunk_rate(hits: Decimal, trials: Decimal, prior: Decimal, weight: Decimal) -> Decimal | None:
    """A rate over few trials, drawn towards what is usual by `weight` imagined trials (row 43)."""
    return divided(hits + prior * weight, trials + weight)


def won(measure: Measure) -> Sum:
    """What counts towards a quota set in a measure: credits of deals won, on the day they closed."""
    return Sum(Facts.CREDIT, _WON_FIELDS[measure], Dated.CLOSED, Filter(statuses=("WON",)))


def additive(kpi: Kpi) -> bool:
    """Whether a team's value is the sum of its members': counts and sums are, rates and averages are not."""
    return isinstance(kpi.formula, (Count, Sum))


def over_time(kpi: Kpi) -> bool:
    """Whether it adds up over weeks: a flow of facts does, what is open at the end of a week does not."""
    return isinstance(kpi.formula, (Count, Sum)) and kpi.formula.dated is not Dated.OPEN


def target(kpi: Kpi, weekly: Decimal, weeks: Sequence[tuple[int, int]]) -> Decimal:
    """The target of a rep from the weekly one (rule 11; rows 32 and 33).

    `weeks` has the workdays available and the workdays of each week of the KPI's window. Rates and averages keep the
    weekly target whatever the window; a flow is expected once a week; a week without workdays expects nothing of a
    prorated one.
    """
    if not over_time(kpi):
        return weekly
    if not kpi.prorated:
        return weekly * len(weeks)
    return sum((weekly * available / workdays for available, workdays in weeks if workdays), Decimal(0))


def workdays_available(workdays: Iterable[date], rep: Employment) -> int:
    """How many of a week's workdays the rep is there: hired, not gone, not on leave (rule 11)."""
    days = list(workdays)
    # Most weeks are whole: there on the first day and on the last, and never on leave.
    if not days or (not rep.leave and rep.employed(days[0]) and rep.employed(days[-1])):
        return len(days)
    return sum(rep.available(day) for day in days)


def ratio(kpi: Kpi, value: Decimal | None, target: Decimal | None) -> Decimal | None:
    """The value to its target; the target to the value where lower is better. 1 is par, more is better, uncapped.

    Null without a value, with a target of 0 (nothing was to be done), and for a value of 0 where lower is better.
    """
    if value is None or target is None or target <= 0:
        return None
    if kpi.direction is Direction.LOWER_IS_BETTER:
        return divided(target, value)
    return value / target


def gap(kpi: Kpi, value: Decimal | None, target: Decimal | None) -> Decimal | None:
    """How far ahead of the target, negative when behind, in the KPI's unit."""
    if value is None or target is None:
        return None
    return target - value if kpi.direction is Direction.LOWER_IS_BETTER else value - target


def status(kpi: Kpi, value: Decimal | None, target: Decimal | None, line: Line) -> Status:
    """Where the ratio falls between the line's thresholds. A value of 0 where lower is better cannot be bettered."""
    if value is not None and target is not None and value <= 0 < target and kpi.direction is Direction.LOWER_IS_BETTER:
        return Status.ON_TRACK
    return _status(ratio(kpi, value, target), line.on_track, line.at_risk)


def _status(ratio: Decimal | None, on_track: Decimal, at_risk: Decimal) -> Status:
    if ratio is None:
        return Status.NO_DATA
    if ratio >= on_track:
        return Status.ON_TRACK
    return Status.AT_RISK if ratio >= at_risk else Status.OFF_TRACK


def trend(value: Decimal | None, before: Sequence[Decimal | None]) -> Decimal | None:
    """Relative change against the mean of the `TREND_WEEKS` weeks before: 0.1 is a tenth up, whichever way is better.

    Weeks without a value are left out. Null with fewer than two of them, or when their mean is not above 0.
    """
    known = [past for past in before if past is not None]
    if value is None or len(known) < 2:
        return None
    usual = sum(known, Decimal(0)) / len(known)
    return None if usual <= 0 else value / usual - 1


def score(weighted: Iterable[tuple[Decimal, Decimal | None]]) -> Decimal | None:
    """100 x the weighted mean of the ratios, uncapped (row 39): 100 is every KPI at par.

    A KPI without a ratio is left out and the others' weights stand for all; null when none has one.
    """
    total = whole = Decimal(0)
    for weight, ratio in weighted:
        if ratio is not None:
            total += weight * ratio
            whole += weight
    return total * 100 / whole if whole else None


def overall(lines: Iterable[tuple[Line, Decimal | None]]) -> Status:
    """A scorecard's status: its weighted ratio between the thresholds, weighted alike, of KPIs with a ratio."""
    known = [(line, ratio) for line, ratio in lines if ratio is not None]
    reached = score((line.weight, ratio) for line, ratio in known)
    on_track = score((line.weight, line.on_track) for line, _ in known)
    at_risk = score((line.weight, line.at_risk) for line, _ in known)
    if reached is None or on_track is None or at_risk is None:
        return Status.NO_DATA
    return _status(reached, on_track, at_risk)


def in_force(versions: Iterable[Kpi], week: date) -> Kpi | None:
    """The latest version that is valid for the week: what was defined last governs from its `valid_from` on."""
    return max((v for v in versions if v.valid_from <= week), key=lambda v: v.version, default=None)


def template_for(
    templates: Iterable[Collection[Template]], week: date, teams: Sequence[UUID], role: str | None
) -> Template | None:
    """The template that applies in a week: for the nearest team, else for the role, else for everybody.

    `templates` are each the versions of one template; `teams` are the team and its ancestors, nearest first. Of two for
    the same, the one effective last wins, then the one made last. None: nothing applies.
    """
    best: tuple[tuple[int, date, UUID], Template] | None = None
    for versions in templates:
        found = max((v for v in versions if v.valid_from <= week), key=lambda v: v.version, default=None)
        if found is None:
            continue
        if found.team_id is not None:
            if found.team_id not in teams:
                continue
            near = len(teams) + 1 - teams.index(found.team_id)
        elif found.role is not None:
            if found.role != role:
                continue
            near = 1
        else:
            near = 0
        rank = (near, found.valid_from, found.template_id)
        if best is None or rank > best[0]:
            best = (rank, found)
    return best[1] if best else None


def sound_name(key: str, name: str) -> list[Problem]:
    """A key for programs and a name for people."""
    problems = []
    if not _KEY.fullmatch(key):
        problems.append(Problem("INVALID_KEY", "A key is 1 to 60 of a-z, 0-9 and _, a letter first.", ("key",)))
    return problems + named(name, "name")


def sound_kpi(definition: Definition) -> list[Problem]:
    """What is wrong with a KPI before it is defined; nothing when it can be measured."""
    problems = sound_name(definition.key, definition.name)
    if len(definition.description) > 2000:
        problems.append(Problem("TOO_LONG", "A description has at most 2,000 characters.", ("description",)))
    if not 1 <= definition.window_weeks <= 52:
        problems.append(Problem("OUT_OF_RANGE", "A KPI looks at 1 to 52 weeks.", ("windowWeeks",)))
    flow = isinstance(definition.formula, (Count, Sum)) and definition.formula.dated is not Dated.OPEN
    if definition.prorated and not flow:
        problems.append(
            Problem("NOT_PRORATABLE", "Only counts and sums over the week prorate by workdays.", ("prorated",))
        )
    return problems + _sound_formula(definition.formula, ("formula",), 0)


def _sound_formula(formula: Formula, path: tuple[str, ...], depth: int) -> list[Problem]:
    if depth > 3:
        return [Problem("TOO_DEEP", "Ratios and products nest at most three deep.", path)]
    parts = {
        Ratio: (("ratio", "numerator"), ("ratio", "denominator")),
        Product: (("product", "left"), ("product", "right")),
    }.get(type(formula), ())
    if parts:
        return [p for at in parts for p in _sound_formula(getattr(formula, at[1]), (*path, *at), depth + 1)]
    here = (*path, _CAMEL[formula_type(formula)])
    if isinstance(formula, Sla):
        if not 1 <= formula.within_minutes <= 60 * 24 * 90:
            return [Problem("OUT_OF_RANGE", "An SLA is 1 minute to 90 days.", (*here, "withinMinutes"))]
        return _sound_filter(formula.where, Facts.LEAD, (*here, "where"))
    if isinstance(formula, QuotaLeft):
        if formula.period is PeriodKind.WEEK:
            return [Problem("INVALID_PERIOD", "Name a month, a quarter or a year.", (*here, "period"))]
        return []
    if not isinstance(formula, (Count, Sum, Mean, Median)):
        raise TypeError(formula)
    problems = _sound_filter(formula.where, formula.facts, (*here, "where"))
    of_deals = formula.facts in (Facts.DEAL, Facts.CREDIT)
    if of_deals == (formula.dated is Dated.OCCURRED):
        message = "Deals and credits are dated OPENED, CLOSED or OPEN; activities and leads OCCURRED."
        problems.append(Problem("INVALID_DATED", message, (*here, "dated")))
    if formula.dated is Dated.OPEN and formula.where.statuses:
        message = "What is OPEN at the end of a week has no other status then."
        problems.append(Problem("INVALID_FILTER", message, (*here, "where", "statuses")))
    if not isinstance(formula, Count):
        if formula.field not in FIELDS[formula.facts]:
            message = f"{formula.facts} has {', '.join(sorted(FIELDS[formula.facts]))}."
            problems.append(Problem("INVALID_FIELD", message, (*here, "field")))
        if formula.field is Field.CYCLE_DAYS and formula.dated is not Dated.CLOSED:
            message = "Only closed deals have a length."
            problems.append(Problem("INVALID_DATED", message, (*here, "dated")))
    return problems


def _sound_filter(where: Filter, facts: Facts, path: tuple[str, ...]) -> list[Problem]:
    allowed = {
        Facts.ACTIVITY: {"kinds", "outcomes"},
        Facts.LEAD: {"channels"},
        Facts.DEAL: {"statuses", "products"},
        Facts.CREDIT: {"statuses", "products"},
    }[facts]
    problems = []
    for name in Filter.__slots__:
        values: tuple[str, ...] = getattr(where, name)
        if values and name not in allowed:
            problems.append(Problem("INVALID_FILTER", f"{facts} has no {name}.", (*path, name)))
        if len(values) > 50 or any(not value.strip() or len(value) > 200 for value in values):
            message = "A filter lists at most 50 values of 1 to 200 characters."
            problems.append(Problem("INVALID_FILTER", message, (*path, name)))
    if not set(where.statuses) <= {"OPEN", "WON", "LOST"}:
        problems.append(Problem("INVALID_FILTER", "Statuses are OPEN, WON and LOST.", (*path, "statuses")))
    return problems


def sound_template(lines: Sequence[Line], kpis: Mapping[UUID, Kpi]) -> list[Problem]:
    """What keeps a template from being published: 3 to 5 KPIs, each once, one of each category at least.

    `kpis` are the versions in force when the template begins; a line whose KPI is not among them is refused.
    """
    problems = []
    if not 3 <= len(lines) <= 5:
        problems.append(Problem("KPI_COUNT", f"A scorecard has 3 to 5 KPIs, not {len(lines)}.", ("kpis",)))
    seen: set[UUID] = set()
    for i, line in enumerate(lines):
        at = ("kpis", str(i))
        if line.kpi_id not in kpis:
            message = "No KPI with this id is defined by the week in which the template begins."
            problems.append(Problem("NOT_FOUND", message, (*at, "kpiId")))
        elif line.kpi_id in seen:
            problems.append(Problem("DUPLICATE", "A KPI stands once on a scorecard.", (*at, "kpiId")))
        seen.add(line.kpi_id)
        if not 0 < line.weight <= 1000:
            problems.append(Problem("OUT_OF_RANGE", "A weight is above 0 and at most 1,000.", (*at, "weight")))
        if not 0 < line.weekly_target < LARGEST:
            problems.append(Problem("OUT_OF_RANGE", "A weekly target is above 0.", (*at, "weeklyTarget")))
        if not 0 < line.at_risk < line.on_track <= 10:
            message = "Thresholds are 0 < atRisk < onTrack <= 10; 1 is the target."
            problems.append(Problem("INVALID_THRESHOLDS", message, (*at, "onTrack")))
    missing = set(Category) - {kpis[line.kpi_id].category for line in lines if line.kpi_id in kpis}
    if missing and not any(problem.code == "NOT_FOUND" for problem in problems):
        message = f"A scorecard has at least one KPI of each category; none is {', '.join(sorted(missing))}."
        problems.append(Problem("CATEGORY_MISSING", message, ("kpis",)))
    return problems
