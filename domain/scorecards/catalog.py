"""The KPIs that every organisation starts with. Their versions are its own to replace by `kpiDefine`."""

from collections.abc import Sequence
from datetime import date

from domain.calendar import PeriodKind
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
    formula_to_json,
)
from domain.scorecards.model import Category, Definition, Direction, Kpi, Unit
from domain.work import Tx, columns
from sql.pool import uuid7
from sql.queries import queries

_scorecards = queries("scorecards")

_WON = Filter(statuses=("WON",))
_CLOSED = Filter(statuses=("WON", "LOST"))

_WIN_RATE = Ratio(Count(Facts.DEAL, Dated.CLOSED, _WON), Count(Facts.DEAL, Dated.CLOSED, _CLOSED))
_COVERAGE = Ratio(Sum(Facts.CREDIT, Field.AMOUNT, Dated.OPEN), QuotaLeft(Measure.REVENUE, PeriodKind.QUARTER))


def _activity(key: str, name: str, kind: str, description: str) -> Definition:
    return Definition(
        key=key,
        name=name,
        description=description,
        category=Category.ACTIVITY,
        unit=Unit.COUNT,
        formula=Count(Facts.ACTIVITY, where=Filter(kinds=(kind,))),
        leading=True,
        prorated=True,
    )


CATALOG: tuple[Definition, ...] = (
    _activity("meetings", "Meetings", "MEETING", "Meetings held in the week."),
    _activity("calls", "Calls", "CALL", "Calls made in the week."),
    _activity("proposals", "Proposals", "PROPOSAL", "Proposals sent in the week."),
    _activity("quotes", "Quotes", "QUOTE", "Quotes sent in the week."),
    Definition(
        key="win_rate",
        name="Win rate",
        description="Deals won of the deals won or lost, by the day they closed, over thirteen weeks.",
        category=Category.QUALITY,
        unit=Unit.RATIO,
        formula=_WIN_RATE,
        window_weeks=13,
    ),
    Definition(
        key="sales_cycle",
        name="Sales cycle",
        description="Median days from opening to close of the deals won over thirteen weeks.",
        category=Category.QUALITY,
        unit=Unit.DAYS,
        formula=Median(Facts.DEAL, Field.CYCLE_DAYS, Dated.CLOSED, _WON),
        direction=Direction.LOWER_IS_BETTER,
        window_weeks=13,
    ),
    Definition(
        key="revenue",
        name="Revenue",
        description="Credited amount of the deals won in the week.",
        category=Category.OUTCOME,
        unit=Unit.MONEY,
        formula=Sum(Facts.CREDIT, Field.AMOUNT, Dated.CLOSED, _WON),
    ),
    Definition(
        key="margin",
        name="Margin",
        description="Credited margin of the deals won in the week.",
        category=Category.OUTCOME,
        unit=Unit.MONEY,
        formula=Sum(Facts.CREDIT, Field.MARGIN, Dated.CLOSED, _WON),
    ),
    Definition(
        key="average_deal",
        name="Average deal",
        description="Mean amount of the deals won over thirteen weeks.",
        category=Category.OUTCOME,
        unit=Unit.MONEY,
        formula=Mean(Facts.DEAL, Field.AMOUNT, Dated.CLOSED, _WON),
        window_weeks=13,
    ),
    Definition(
        key="pipeline_coverage",
        name="Pipeline coverage",
        description="Open pipeline at the end of the week for each unit of the quarter's revenue quota that is left.",
        category=Category.QUALITY,
        unit=Unit.MULTIPLE,
        formula=_COVERAGE,
        leading=True,
    ),
    Definition(
        key="expected_coverage",
        name="Expected coverage",
        description="Pipeline coverage x win rate: the share of the quota left that the open pipeline should bring in.",
        category=Category.QUALITY,
        unit=Unit.RATIO,
        formula=Product(_COVERAGE, _WIN_RATE),
        leading=True,
        window_weeks=13,
    ),
    Definition(
        key="lead_to_quote_sla",
        name="Lead-to-quote SLA",
        description="Share of the leads of four weeks that were quoted within 24 business hours of their arrival.",
        category=Category.QUALITY,
        unit=Unit.RATIO,
        formula=Sla(Response.QUOTE, 24 * 60),
        leading=True,
        window_weeks=4,
    ),
    Definition(
        key="speed_to_lead",
        name="Speed to lead",
        description="Median business minutes from a lead's arrival to the first response, over four weeks.",
        category=Category.QUALITY,
        unit=Unit.MINUTES,
        formula=Median(Facts.LEAD, Field.RESPONSE_MINUTES),
        direction=Direction.LOWER_IS_BETTER,
        leading=True,
        window_weeks=4,
    ),
)


async def install(tx: Tx, valid_from: date) -> None:
    """Give the organisation the built-in KPIs that it does not have yet, in force from a day on."""
    ids = {definition.key: uuid7() for definition in CATALOG}
    added = {row["kpi_id"] for row in await tx.fetch(_scorecards.kpis_add, list(ids.values()), list(ids), tx.now)}
    kpis = [
        Kpi(
            kpi_id=ids[definition.key],
            version=1,
            valid_from=valid_from,
            **{name: getattr(definition, name) for name in Definition.__slots__},
        )
        for definition in CATALOG
        if ids[definition.key] in added
    ]
    await add_versions(tx, kpis)


async def add_versions(tx: Tx, kpis: Sequence[Kpi]) -> None:
    """Store versions of KPIs whose identities exist."""
    rows = [
        (
            kpi.kpi_id,
            kpi.version,
            kpi.valid_from,
            kpi.name,
            kpi.description,
            kpi.category,
            kpi.unit,
            kpi.direction,
            kpi.leading,
            kpi.prorated,
            kpi.window_weeks,
            formula_to_json(kpi.formula),
        )
        for kpi in kpis
    ]
    await tx.execute(_scorecards.kpi_versions_add, *columns(rows, 12), tx.viewer.actor_id, tx.now)
