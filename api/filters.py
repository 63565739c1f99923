"""What the filters and orders of all lists share."""

from datetime import date
from enum import StrEnum

import strawberry

from api.enums import describe


class OrderDirection(StrEnum):
    """Which end of a list comes first."""

    ASC = "ASC"
    DESC = "DESC"


describe(
    OrderDirection,
    "Which end comes first.",
    ASC="Smallest or earliest first.",
    DESC="Largest or latest first.",
)


@strawberry.input(description="Days from one to another; leave one out for an open end.")
class DateFilter:
    gte: date | None = strawberry.field(default=None, description="On this day or later.")
    lt: date | None = strawberry.field(default=None, description="Before this day.")
