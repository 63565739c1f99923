"""Periods as the graph names them."""

from datetime import date

import strawberry

from api.context import Context
from api.enums import describe
from api.errors import bad_request
from domain.calendar import Period as Stretch
from domain.calendar import PeriodKind

describe(
    PeriodKind,
    "The lengths of time that numbers are kept for.",
    WEEK="Seven days from the organisation's first day of the week.",
    MONTH="A fiscal month.",
    QUARTER="A fiscal quarter.",
    YEAR="A fiscal year, named after the calendar year in which it ends.",
)


@strawberry.input(description="The days of a period.")
class DayRangeInput:
    gte: date = strawberry.field(description="Its first day.")
    lt: date = strawberry.field(description="The day after its last.")


@strawberry.input(
    one_of=True,
    description="A week, month, quarter or year of the organisation's fiscal calendar, or the days of one. "
    "`{current: QUARTER}` is the one that today belongs to.",
)
class PeriodInput:
    current: PeriodKind | None = strawberry.field(
        default=strawberry.UNSET,
        description="The one of this kind that is running: today is a day of it, as the organisation's zone and fiscal "
        "calendar have it. A subscription goes over to the next one when that begins.",
    )
    week: date | None = strawberry.field(default=strawberry.UNSET, description="Any of its days.")
    month: str | None = strawberry.field(default=strawberry.UNSET, description='For example "2026-11".')
    quarter: str | None = strawberry.field(default=strawberry.UNSET, description='For example "2026-Q4".')
    year: str | None = strawberry.field(default=strawberry.UNSET, description='For example "2026".')
    range: DayRangeInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="From a day to the day after the last. Where numbers are kept for periods only, it must be one.",
    )


@strawberry.type(description="A week, month, quarter or year.")
class Period:
    kind: PeriodKind = strawberry.field(description="How long it is.")
    key: str = strawberry.field(description='Its name: "2026-11", "2026-Q4", "2026"; of a week its first day.')
    starts_on: date = strawberry.field(description="The first day.")
    ends_on: date = strawberry.field(description="The day after the last.")

    @classmethod
    def of(cls, period: Stretch) -> "Period":
        """As the calendar has it."""
        return cls(kind=period.kind, key=period.key, starts_on=period.starts_on, ends_on=period.ends_on)


async def period_of(ctx: Context, given: PeriodInput) -> Stretch:
    """The period that is meant. Raises a BAD_REQUEST that says how to name one."""
    try:
        return await named_period(ctx, given)
    except ValueError as error:
        raise bad_request(f"{error}.") from None


async def named_period(ctx: Context, given: PeriodInput) -> Stretch:
    """The period that is meant. Raises `ValueError` for a name, or a range, that is no period of the calendar."""
    calendar = await ctx.calendar()
    if given.current:
        return calendar.period(given.current, await ctx.today())
    if given.range:
        for kind in PeriodKind:
            period = calendar.period(kind, given.range.gte)
            if (period.starts_on, period.ends_on) == (given.range.gte, given.range.lt):
                return period
        raise ValueError(
            f"{given.range.gte} to {given.range.lt} is no week, month, quarter or year of the organisation's calendar"
        )
    if given.week:
        return calendar.period(PeriodKind.WEEK, given.week)
    names = ((PeriodKind.MONTH, given.month), (PeriodKind.QUARTER, given.quarter), (PeriodKind.YEAR, given.year))
    for kind, name in names:
        if name:
            return calendar.parse(kind, name)
    raise ValueError("name a current, week, month, quarter, year or range")
