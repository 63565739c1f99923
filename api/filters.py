"""What the filters and orders of all lists share."""

from datetime import date, datetime
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


@strawberry.input(description="One of several texts, exactly.")
class StringFilter:
    in_: list[str] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Instants from one to another; leave one out for an open end.")
class DateTimeFilter:
    gte: datetime | None = strawberry.field(default=None, description="At this instant or later.")
    lt: datetime | None = strawberry.field(default=None, description="Before this instant.")
