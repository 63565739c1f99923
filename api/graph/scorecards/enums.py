"""Enums of KPIs and scorecards."""

from enum import StrEnum

from api.enums import describe
from domain.scorecards.formula import Dated, Facts, Field, Measure, Response
from domain.scorecards.model import Category, Direction, Status, Subject, Unit


class FormulaType(StrEnum):
    """The kinds of a formula."""

    COUNT = "COUNT"
    SUM = "SUM"
    MEAN = "MEAN"
    MEDIAN = "MEDIAN"
    SLA = "SLA"
    QUOTA_LEFT = "QUOTA_LEFT"
    RATIO = "RATIO"
    PRODUCT = "PRODUCT"


describe(
    FormulaType,
    "How a KPI is computed.",
    name="KpiFormulaType",
    COUNT="The number of facts.",
    SUM="The sum of a field; 0 over nothing.",
    MEAN="The mean of a field; null over nothing.",
    MEDIAN="The median of a field; null over nothing.",
    SLA="The share of leads answered in time; what is open and not yet due is left out.",
    QUOTA_LEFT="What is left of the quota of the period at the end of the week; null when nothing is.",
    RATIO="One formula over another; null over nothing.",
    PRODUCT="One formula times another.",
)
describe(
    Category,
    "What a KPI tells of. Every scorecard has one of each.",
    name="KpiCategory",
    ACTIVITY="What one does: meetings, calls.",
    QUALITY="How well one does it: win rate, speed.",
    OUTCOME="What came of it: revenue, margin.",
)
describe(
    Unit,
    "What the values of a KPI count.",
    name="KpiUnit",
    COUNT="Things.",
    MONEY="Units of the organisation's currency.",
    RATIO="A share; 1 is 100 %.",
    DAYS="Calendar days.",
    HOURS="Hours.",
    MINUTES="Minutes; between instants, of business hours.",
    MULTIPLE="Times: 3 is three times as much.",
)
describe(
    Direction,
    "Which way a KPI is better.",
    name="KpiDirection",
    HIGHER_IS_BETTER="More is better; the ratio is value / target.",
    LOWER_IS_BETTER="Less is better; the ratio is target / value.",
)
describe(
    Status,
    "How a value stands to its target.",
    name="KpiStatus",
    ON_TRACK="The ratio has reached the upper threshold.",
    AT_RISK="Between the thresholds.",
    OFF_TRACK="Below the lower threshold.",
    NO_DATA="There is no value, or nothing was to be done that week.",
)
describe(
    Subject,
    "Whose scorecard it is.",
    name="ScorecardSubject",
    REP="A rep's.",
    TEAM="A team's, computed from the facts of whoever was in it on the day.",
)
describe(
    Facts,
    "What a formula reads.",
    name="KpiFacts",
    ACTIVITY="What reps did.",
    LEAD="Who asked, and when they were answered.",
    DEAL="Deals, counted for their owner.",
    CREDIT="Parts of deals, counted for whom they are credited to, in the organisation's currency.",
)
describe(
    Dated,
    "Which day of a fact decides in which week it counts.",
    name="KpiDated",
    OCCURRED="The day of an activity, or of a lead's arrival.",
    OPENED="The day a deal was opened.",
    CLOSED="The day a deal was closed.",
    OPEN="The deal is open at the end of the week, whenever it was opened.",
)
describe(
    Field,
    "The number of a fact that a formula sums or averages.",
    name="KpiField",
    MINUTES="How long an activity took.",
    RESPONSE_MINUTES="Business minutes from a lead's arrival to the first response.",
    QUOTE_MINUTES="Business minutes from a lead's arrival to the quote.",
    AMOUNT="The amount of a deal or credit.",
    MARGIN="The margin of a deal or credit.",
    UNITS="The units of a deal or credit.",
    CYCLE_DAYS="Days from a deal's opening to its close.",
)
describe(
    Response,
    "What stops the SLA clock of a lead.",
    name="LeadResponse",
    FIRST_RESPONSE="The first response.",
    QUOTE="The quote.",
)
describe(
    Measure,
    "What a quota is set in, as far as credits tell it.",
    name="CreditMeasure",
    REVENUE="Amounts.",
    MARGIN="Margins.",
    UNITS="Units.",
)
