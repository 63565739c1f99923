"""Enums of the pipeline."""

from enum import StrEnum

from api.enums import describe
from domain.pipeline.model import DealStatus


class ActivityOrderField(StrEnum):
    """What activities can be ordered by."""

    OCCURRED_AT = "OCCURRED_AT"


class LeadOrderField(StrEnum):
    """What leads can be ordered by."""

    ARRIVED_AT = "ARRIVED_AT"


class DealOrderField(StrEnum):
    """What deals can be ordered by."""

    OPENED_AT = "OPENED_AT"
    CLOSED_AT = "CLOSED_AT"
    AMOUNT = "AMOUNT"


describe(
    DealStatus,
    "Whether a deal is still open, and how it ended.",
    OPEN="Still to be decided.",
    WON="Closed, and sold.",
    LOST="Closed, and not sold.",
)

describe(
    DealOrderField,
    "What deals can be ordered by.",
    OPENED_AT="When it was opened.",
    CLOSED_AT="When it was closed; open deals come after every closed one.",
    AMOUNT="Its amount in the organisation's currency.",
)

describe(ActivityOrderField, "What activities can be ordered by.", OCCURRED_AT="When it was.")
describe(LeadOrderField, "What leads can be ordered by.", ARRIVED_AT="When it came in.")
