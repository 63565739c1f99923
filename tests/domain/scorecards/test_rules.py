"""Which definition applies, what is refused, how a status follows."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.calendar import PeriodKind
from domain.scorecards import rules
from domain.scorecards.catalog import CATALOG
from domain.scorecards.formula import (
    Count,
    Dated,
    Facts,
    Field,
    Filter,
    Mean,
    Measure,
    Median,
    Product,
    QuotaLeft,
    Ratio,
    Response,
    Sla,
    Sum,
    formula_from_json,
    formula_to_json,
)
from domain.scorecards.model import Definition, Kpi, Line, Measured, Status, Template
from tests.domain.scorecards.test_golden import kpi

D = Decimal
WEEK = date(2026, 11, 16)


def test_the_catalogue_is_sound_and_keeps_its_form_in_json() -> None:
    assert {d.key for d in CATALOG} >= {
        "meetings", "calls", "proposals", "quotes", "win_rate", "sales_cycle", "revenue", "margin", "average_deal",
        "pipeline_coverage", "lead_to_quote_sla", "speed_to_lead",
    }  # fmt: skip
    for definition in CATALOG:
        assert rules.sound_kpi(definition) == []
        assert formula_from_json(formula_to_json(definition.formula)) == definition.formula


def test_a_value_of_any_size_is_published() -> None:
    won = Sum(Facts.CREDIT, Field.AMOUNT, Dated.CLOSED)
    outcome = rules.evaluate(Product(won, Product(won, won)), lambda _: Measured(1, D(10) ** 12))
    assert rules.published(outcome.value) == D(10) ** 36


@pytest.mark.parametrize(
    ("formula", "path"),
    [
        (Count(Facts.DEAL), ("formula", "count", "dated")),
        (Count(Facts.ACTIVITY, Dated.CLOSED), ("formula", "count", "dated")),
        (Count(Facts.ACTIVITY, where=Filter(statuses=("WON",))), ("formula", "count", "where", "statuses")),
        (Count(Facts.DEAL, Dated.OPEN, Filter(statuses=("WON",))), ("formula", "count", "where", "statuses")),
        (Count(Facts.DEAL, Dated.CLOSED, Filter(statuses=("won",))), ("formula", "count", "where", "statuses")),
        (Sum(Facts.ACTIVITY, Field.AMOUNT), ("formula", "sum", "field")),
        (Mean(Facts.LEAD, Field.CYCLE_DAYS), ("formula", "mean", "field")),
        (Median(Facts.DEAL, Field.CYCLE_DAYS, Dated.OPENED), ("formula", "median", "dated")),
        (Sla(Response.QUOTE, 0), ("formula", "sla", "withinMinutes")),
        (QuotaLeft(Measure.REVENUE, PeriodKind.WEEK), ("formula", "quotaLeft", "period")),
        (
            Ratio(Count(Facts.LEAD), Count(Facts.ACTIVITY, where=Filter(channels=("web",)))),
            ("formula", "ratio", "denominator", "count", "where", "channels"),
        ),
    ],
)
def test_a_formula_that_cannot_be_measured_is_refused_at_its_path(formula: object, path: tuple[str, ...]) -> None:
    definition = replace(_definition(), formula=formula)  # type: ignore[arg-type]
    assert path in [problem.path for problem in rules.sound_kpi(definition)]


def test_a_formula_nests_only_so_deep() -> None:
    formula: object = Count(Facts.LEAD)
    for _ in range(5):
        formula = Ratio(formula, Count(Facts.LEAD))  # type: ignore[arg-type]
    assert "TOO_DEEP" in [p.code for p in rules.sound_kpi(replace(_definition(), formula=formula))]  # type: ignore[arg-type]


def test_a_rate_does_not_prorate() -> None:
    rate = next(d for d in CATALOG if d.key == "win_rate")
    assert [p.code for p in rules.sound_kpi(replace(rate, prorated=True))] == ["NOT_PRORATABLE"]


def _definition() -> Definition:
    return next(d for d in CATALOG if d.key == "calls")


def _lines(*keys: str) -> tuple[tuple[Line, ...], dict[UUID, Kpi]]:
    kpis = [kpi(key) for key in keys]
    return tuple(Line(k.kpi_id, D(1), D(10)) for k in kpis), {k.kpi_id: k for k in kpis}


def test_three_to_five_kpis_of_every_category_make_a_scorecard() -> None:
    assert rules.sound_template(*_lines("calls", "win_rate", "revenue")) == []
    assert [p.code for p in rules.sound_template(*_lines("calls", "revenue"))] == ["KPI_COUNT", "CATEGORY_MISSING"]
    six = _lines("calls", "meetings", "quotes", "win_rate", "revenue", "margin")
    assert [p.code for p in rules.sound_template(*six)] == ["KPI_COUNT"]
    (problem,) = rules.sound_template(*_lines("calls", "meetings", "revenue"))
    assert (problem.code, problem.path) == ("CATEGORY_MISSING", ("kpis",))
    assert "QUALITY" in problem.message


def test_a_line_is_refused_with_its_path() -> None:
    lines, kpis = _lines("calls", "win_rate", "revenue")
    unknown = (*lines[:2], replace(lines[2], kpi_id=uuid4()))
    assert [p.path for p in rules.sound_template(unknown, kpis)] == [("kpis", "2", "kpiId")]
    twice = (*lines, lines[0])
    assert [(p.code, p.path) for p in rules.sound_template(twice, kpis)] == [("DUPLICATE", ("kpis", "3", "kpiId"))]
    crossed = (*lines[:2], replace(lines[2], on_track=D("0.7"), at_risk=D("0.8")))
    assert [p.code for p in rules.sound_template(crossed, kpis)] == ["INVALID_THRESHOLDS"]
    weightless = (*lines[:2], replace(lines[2], weight=D(0), weekly_target=D(0)))
    assert [p.path for p in rules.sound_template(weightless, kpis)] == [
        ("kpis", "2", "weight"),
        ("kpis", "2", "weeklyTarget"),
    ]


def _template(version: int = 1, valid_from: date = date(2026, 1, 5), **over: object) -> Template:
    given = {"template_id": uuid4(), "key": "t", "name": "T", "team_id": None, "role": None, "lines": ()} | over
    return Template(version=version, valid_from=valid_from, **given)  # type: ignore[arg-type]


def test_the_nearest_team_goes_before_the_role_and_the_role_before_everybody() -> None:
    team, above = uuid4(), uuid4()
    everybody, role = _template(), _template(role="Advisor")
    of_above, of_team = _template(team_id=above), _template(team_id=team)
    all_of_them = [(of_team,), (everybody,), (of_above,), (role,)]

    def applies(teams: list[UUID], job: str | None, *without: Template) -> Template | None:
        return rules.template_for([t for t in all_of_them if t[0] not in without], WEEK, teams, job)

    assert applies([team, above], "Advisor") is of_team
    assert applies([team, above], "Advisor", of_team) is of_above
    assert applies([uuid4()], "Advisor") is role
    assert applies([], "Assistant") is everybody
    assert applies([], "Assistant", everybody) is None


def test_the_version_published_last_governs_from_its_first_week_on() -> None:
    first = _template()
    second = replace(first, version=2, valid_from=date(2026, 11, 16))
    versions = [(first, second)]
    assert rules.template_for(versions, date(2026, 11, 9), [], None) is first
    assert rules.template_for(versions, date(2026, 11, 16), [], None) is second
    assert rules.template_for(versions, date(2026, 1, 4), [], None) is None


def test_a_kpi_version_defined_later_replaces_what_it_overlaps() -> None:
    first = kpi("calls")
    second = replace(first, version=2, valid_from=date(2026, 11, 16))
    third = replace(first, version=3, valid_from=date(2026, 11, 2))
    assert rules.in_force([first, second, third], date(2026, 11, 23)) is third
    assert rules.in_force([first, second], date(2026, 11, 9)) is first


@pytest.mark.parametrize(
    ("value", "expected"),
    [(D(95), Status.ON_TRACK), (D("94.99"), Status.AT_RISK), (D(80), Status.AT_RISK), (D(79), Status.OFF_TRACK)],
)
def test_a_ratio_on_a_threshold_has_reached_it(value: Decimal, expected: Status) -> None:
    calls = kpi("calls")
    assert rules.status(calls, value, D(100), Line(calls.kpi_id, D(1), D(100))) is expected


def test_no_value_or_nothing_to_do_is_no_data_and_zero_minutes_is_on_track() -> None:
    calls, speed = kpi("calls"), kpi("speed_to_lead")
    line = Line(calls.kpi_id, D(1), D(100))
    assert rules.status(calls, None, D(100), line) is Status.NO_DATA
    assert rules.status(calls, D(5), D(0), line) is Status.NO_DATA
    assert rules.status(speed, D(0), D(60), line) is Status.ON_TRACK


def test_a_scorecard_is_as_good_as_its_weighted_ratio() -> None:
    heavy, light = Line(uuid4(), D(80), D(1)), Line(uuid4(), D(20), D(1), D("0.9"), D("0.5"))
    assert rules.overall([(heavy, D(1)), (light, D("0.7"))]) is Status.ON_TRACK
    assert rules.overall([(heavy, D("0.9")), (light, D("0.7"))]) is Status.AT_RISK
    assert rules.overall([(heavy, D("0.5")), (light, D(1))]) is Status.OFF_TRACK
    assert rules.overall([(heavy, None), (light, D("0.95"))]) is Status.ON_TRACK
    assert rules.overall([(heavy, None)]) is Status.NO_DATA
