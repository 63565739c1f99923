"""The feed's enums with their descriptions."""

from enum import StrEnum

from api.enums import describe
from domain.feed.model import Act, DismissReason, Kind, Status, Trigger

describe(
    Kind,
    "Where an action item comes from.",
    name="ActionItemKind",
    COACHING="A coaching rule opened it.",
    MANUAL="Somebody made it by hand.",
    DISPUTE="A rep disputes a statement.",
)
describe(
    Status,
    "Where an action item stands. DONE, DISMISSED and RECOVERED are final.",
    name="ActionItemStatus",
    OPEN="Nobody is at it yet.",
    IN_PROGRESS="Somebody is at it.",
    SNOOZED="Out of sight until `snoozedUntil`.",
    DONE="Completed by somebody; `outcome` says what came of it.",
    DISMISSED="Nothing is to be done; `dismissReason` says why.",
    RECOVERED="Closed by itself, because the KPI recovered; `outcome` has the numbers.",
)
describe(
    Act,
    "What happened to an action item.",
    name="ActionItemEventKind",
    CREATED="It was opened.",
    STARTED="Somebody is at it.",
    COMPLETED="Somebody completed it.",
    DISMISSED="Nothing is to be done.",
    SNOOZED="It was put off until a day.",
    WOKEN="The day came.",
    REASSIGNED="It was given to somebody else.",
    COMMENTED="Somebody said something.",
    RECOVERED="The KPI recovered and the item closed by itself.",
)
describe(
    DismissReason,
    "Why nothing is to be done.",
    NOT_RELEVANT="It does not matter for this rep.",
    WRONG_DATA="The numbers behind it are wrong.",
    ALREADY_HANDLED="It was dealt with elsewhere.",
    BAD_TIMING="Not now; the rule may come again after its cooldown.",
    OTHER="See the comment.",
    REP_LEFT="The rep left. Given by Attain only.",
    RULE_RETIRED="The rule is no longer in force. Given by Attain only.",
)
describe(
    Trigger,
    "What a coaching rule holds a KPI against. The ratio is 1 at par and falls as things get worse.",
    name="CoachingTrigger",
    BELOW_TARGET="The target of the scorecard; in a running week the part of it that was due by now.",
    BELOW_OWN_TREND="The mean of the rep's own last `trendWeeks` weeks.",
    BELOW_PEER_MEDIAN="The median of the reps with the same template and role, over the last complete week.",
)


class ActionItemOrderField(StrEnum):
    """What the feed is ordered by."""

    PRIORITY = "PRIORITY"
    DUE_ON = "DUE_ON"
    CREATED_AT = "CREATED_AT"


class ActionItemGroup(StrEnum):
    """What completion is counted by."""

    ASSIGNEE = "ASSIGNEE"
    REP = "REP"
    RULE = "RULE"
    TEAM = "TEAM"


describe(
    ActionItemOrderField,
    "What the feed is ordered by. Ties go by id.",
    PRIORITY="Urgency, 0 to 100.",
    DUE_ON="The day by which it is to be done; items without one come last in either direction.",
    CREATED_AT="When it was opened.",
)
describe(
    ActionItemGroup,
    "What completion is counted by.",
    ASSIGNEE="Who is to do it.",
    REP="The rep it is about.",
    RULE="The coaching rule that opened it.",
    TEAM="The team in which the rep is today.",
)
