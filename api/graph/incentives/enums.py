"""Enums of incentives."""

from api.enums import describe
from domain.incentives.model import DisputeAct, DisputeStatus, PlanStatus, State
from domain.incentives.outcome import LineKind
from domain.incentives.reconcile import Kind
from domain.incentives.terms import (
    CapScope,
    CreditRole,
    Measure,
    Proration,
    Scale,
    Sharing,
    ThresholdKind,
    TieBreak,
    TierMode,
    WithoutQuota,
)

describe(
    Measure,
    "What is credited.",
    name="IncentiveMeasure",
    REVENUE="The amount of deals won, by the local day on which they closed.",
    MARGIN="Their margin.",
    UNITS="Their units.",
    DEALS="Their number; a split deal counts by its share.",
    KPI="The value of a KPI.",
)
describe(
    CreditRole,
    "Why somebody is credited.",
    DIRECT="For own deals, or a share of them.",
    TEAM="As the manager of the rep who sold, at any depth.",
    OVERLAY="Beside the rep who sold, as a specialist or partner manager.",
)
describe(
    Scale,
    "What an edge counts.",
    name="IncentiveScale",
    AMOUNT="The measure itself.",
    ATTAINMENT="Its ratio to the quota; 1 is all of it.",
)
describe(
    TierMode,
    "What reaching a tier does.",
    MARGINAL="Its rate is paid on what lies above its edge.",
    RETROACTIVE="Its rate is paid on all below its edge as well.",
)
describe(
    TieBreak,
    "Which tier a base exactly on an edge gets.",
    UPPER="The one above.",
    LOWER="The one below.",
)
describe(
    ThresholdKind,
    "What a threshold does.",
    CLIFF="Nothing is paid below; everything from there on.",
    INCREMENTAL="Only what lies above is paid.",
)
describe(
    CapScope,
    "What a cap limits.",
    DEAL="What is paid for each deal.",
    PERIOD="What the payee is paid for a period.",
    PLAN="What the payee was paid since the plan began.",
    BUDGET="What all payees are paid together.",
)
describe(
    Sharing,
    "How a budget is shared that does not suffice.",
    name="BudgetSharing",
    FIRST_COME="In the order in which deals closed.",
    PRO_RATA="In proportion to what each would get.",
)
describe(
    WithoutQuota,
    "What tiers by attainment pay where there is no quota.",
    NOTHING="Nothing.",
    FIRST_TIER="The rate of the first tier.",
)
describe(
    Proration,
    "What becomes of a fixed amount for who is on a plan for a part of the period.",
    name="IncentiveProration",
    DAYS="It shrinks with the calendar days.",
    NONE="It stays whole.",
)
describe(
    PlanStatus,
    "Whether a plan pays.",
    name="IncentivePlanStatus",
    DRAFT="It was never published.",
    PUBLISHED="It pays on the days of its versions.",
    ARCHIVED="It pays no more from a day on.",
)
describe(
    State,
    "How far a statement is.",
    name="StatementState",
    ESTIMATED="It follows the deals as they change.",
    APPROVED="Somebody approved it; when its numbers change it is estimated again.",
    LOCKED="It does not change any more: what would change it is posted to the open period.",
    PAID="It is locked, and was paid.",
)
describe(
    LineKind,
    "What a line of a statement is.",
    name="StatementLineKind",
    EARNING="What a component pays, for a deal or as one amount.",
    TRUE_UP="What a tier reached now adds for deals of earlier periods.",
    CAP="What a cap takes away.",
    DRAW="What a draw adds.",
    RECOVERY="What a recoverable draw gets back.",
    CLAWBACK="What is taken back for a deal cancelled after it was paid.",
    ADJUSTMENT="By hand, with a reason.",
    REVERSAL="Takes back another line, which a later calculation found to be wrong.",
)
describe(
    DisputeStatus,
    "How a dispute stands.",
    OPEN="It waits for an answer.",
    ACCEPTED="The line was wrong.",
    REJECTED="The line is right.",
    WITHDRAWN="The rep takes it back.",
)
describe(
    DisputeAct,
    "What happened to a dispute.",
    name="DisputeEventKind",
    OPENED="The rep doubts the line.",
    COMMENTED="Somebody said something.",
    ACCEPTED="The approver agrees.",
    REJECTED="The approver does not.",
    WITHDRAWN="The rep takes it back.",
)
describe(
    Kind,
    "What does not agree.",
    name="ReconciliationKind",
    UNSETTLED="Facts wait to be computed: ask again in a moment.",
    CREDITS_OF_DEAL="The credits of a deal do not sum to it.",
    LEDGER_OF_CREDITS="The ledger is not what a calculation from the facts comes to.",
    STATEMENT_OF_LINES="A statement is not the sum of its lines.",
    REVERSAL_OF_LINE="A reversal does not take back what its line paid.",
    PAID_TWICE="The same cause holds in two lines.",
    LINE_AFTER_LOCK="A line was written after its statement was locked.",
    STATE_OF_STATEMENT="A statement is not in the state of its period.",
    EXPORT_OF_STATEMENTS="An export does not have what its statements pay.",
)
