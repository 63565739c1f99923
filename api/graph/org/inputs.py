"""What mutations of the organisation are told, and how the domain states it."""

from datetime import date, datetime, time

import strawberry
from strawberry import Maybe

from api.graph.org.enums import Weekday
from api.inputs import stated
from domain.calendar import FiscalPattern
from domain.org.model import (
    CalendarChange,
    Cover,
    Holidays,
    Leave,
    Move,
    RepItem,
    Role,
    Scope,
    TeamItem,
    TerritoryItem,
    UserItem,
    UserKey,
)
from domain.unset import Unset


@strawberry.input(one_of=True, description="Names a user by one of the two.")
class UserKeyInput:
    email: Maybe[str] = strawberry.field(description="By its e-mail address, in any case.")
    external_id: Maybe[str] = strawberry.field(description="By its key in the system it came from.")

    def key(self) -> UserKey:
        """As the domain names it."""
        return UserKey(self.email.value if self.email else None, self.external_id.value if self.external_id else None)


def _key(value: UserKeyInput | Unset | None) -> UserKey | Unset | None:
    return value.key() if isinstance(value, UserKeyInput) else value


@strawberry.input(description="All days off of everybody. Replaces what was said before.")
class HolidaysInput:
    dates: list[date] = strawberry.field(default_factory=list, description="Days of the organisation's own.")
    country: str | None = strawberry.field(
        default=None, description="Its public holidays too: ISO 3166 code in upper case, for example DE."
    )
    subdivision: str | None = strawberry.field(default=None, description="And those of a part of it, for example BY.")


@strawberry.input(description="A new version of the calendar. What is left out stays as it is.")
class CalendarInput:
    valid_from: date | None = strawberry.field(
        default=None, description="It holds from this day on, whatever earlier versions say; today by default."
    )
    time_zone: Maybe[str] = strawberry.field(description="IANA name, for example Europe/Berlin.")
    week_starts_on: Maybe[Weekday] = strawberry.field(description="The first day of a week.")
    fiscal_start_month: Maybe[int] = strawberry.field(description="The month in which a fiscal year begins, 1 to 12.")
    fiscal_pattern: Maybe[FiscalPattern] = strawberry.field(description="How a fiscal year divides.")
    workdays: Maybe[list[Weekday]] = strawberry.field(description="The days of a week on which people work.")
    opens_at: Maybe[time] = strawberry.field(description="When business opens, local time.")
    closes_at: Maybe[time] = strawberry.field(description="When business closes, local time.")
    holidays: Maybe[HolidaysInput] = strawberry.field(description="All days off of everybody.")

    def change(self) -> CalendarChange:
        """As the domain states it."""
        week_starts_on, workdays, off = stated(self.week_starts_on), stated(self.workdays), stated(self.holidays)
        return CalendarChange(
            self.valid_from,
            stated(self.time_zone),
            week_starts_on if isinstance(week_starts_on, Unset) else week_starts_on.value,
            stated(self.fiscal_start_month),
            stated(self.fiscal_pattern),
            workdays if isinstance(workdays, Unset) else frozenset(day.value for day in workdays),
            stated(self.opens_at),
            stated(self.closes_at),
            off if isinstance(off, Unset) else Holidays(frozenset(off.dates), off.country, off.subdivision),
        )


@strawberry.input(description="What changes of the organisation. What is left out stays.")
class OrganizationInput:
    name: Maybe[str] = strawberry.field(description="What it is called.")
    managers_see_pay: Maybe[bool] = strawberry.field(description="Whether managers see the pay of the reps below them.")
    several_spiffs: Maybe[bool] = strawberry.field(
        description="Whether a team may have more than one SPIFF in a quarter."
    )
    calendar: Maybe[CalendarInput] = strawberry.field(description="A new version of its calendar.")


@strawberry.input(description="A user as it should be, found by externalId where given, else by e-mail address.")
class UserInput:
    email: str = strawberry.field(description="The address that its token names.")
    name: str = strawberry.field(description="As others see it.")
    role: Role = strawberry.field(description="What it is to the organisation.")
    external_id: str | None = strawberry.field(default=None, description="Its key in the system it comes from.")
    active: bool = strawberry.field(default=True, description="Whether it may sign in.")

    def item(self) -> UserItem:
        """As the domain states it."""
        return UserItem(self.email, self.name, self.role, self.external_id, self.active)


@strawberry.input(description="A team as it should be, found by externalId. What is left out stays.")
class TeamInput:
    external_id: str = strawberry.field(description="Its key in the system it comes from.")
    name: Maybe[str] = strawberry.field(description="What it is called. Needed for a new one.")
    parent_external_id: Maybe[str | None] = strawberry.field(
        description="The team right above, which may come later in the same call. Null: at the top."
    )
    manager: Maybe[UserKeyInput | None] = strawberry.field(
        description="Who manages it: a user of another role than REP. Null: nobody."
    )

    def item(self) -> TeamItem:
        """As the domain states it."""
        return TeamItem(
            self.external_id, stated(self.name), stated(self.parent_external_id), _key(stated(self.manager))
        )


@strawberry.input(
    description="A move into a team. It sets the team of the days that it names and leaves other days alone, so that "
    "numbers of February stay with the team of February."
)
class MoveInput:
    external_id: str = strawberry.field(description="The team's externalId.")
    effective_on: date | None = strawberry.field(
        default=None,
        description="The first day in it. Left out: for a new rep the day of hire, else today, and nothing changes "
        "when it is in the team already.",
    )
    until: date | None = strawberry.field(
        default=None, description="The first day that stays as it was told before. Left out: for good."
    )


@strawberry.input(description="Days off of one rep.")
class LeaveInput:
    starts_on: date = strawberry.field(description="The first day off.")
    ends_on: date = strawberry.field(description="The first day back.")
    reason: str | None = strawberry.field(default=None, description="Why, in the organisation's words.")


@strawberry.input(description="A rep as it should be, found by externalId. What is left out stays.")
class RepInput:
    external_id: str = strawberry.field(description="Its key in the CRM.")
    name: Maybe[str] = strawberry.field(description="As others see it. Needed for a new one.")
    hired_on: Maybe[date] = strawberry.field(description="The first day with the organisation. Needed for a new one.")
    left_on: Maybe[date | None] = strawberry.field(description="The first day on which it is gone. Null: it stays.")
    email: Maybe[str | None] = strawberry.field(description="Its address.")
    title: Maybe[str | None] = strawberry.field(description="Its job title.")
    role: Maybe[str | None] = strawberry.field(description="The job role that scorecard templates are published for.")
    user: Maybe[UserKeyInput | None] = strawberry.field(description="The user that it signs in as. Null: none.")
    team: Maybe[MoveInput] = strawberry.field(description="A move into a team.")
    leave: Maybe[list[LeaveInput]] = strawberry.field(description="All its days off; replaces what was said before.")

    def item(self) -> RepItem:
        """As the domain states it."""
        move, leave = stated(self.team), stated(self.leave)
        return RepItem(
            self.external_id,
            stated(self.name),
            stated(self.hired_on),
            stated(self.left_on),
            stated(self.email),
            stated(self.title),
            stated(self.role),
            _key(stated(self.user)),
            move if isinstance(move, Unset) else Move(move.external_id, move.effective_on, move.until),
            leave if isinstance(leave, Unset) else [Leave(off.starts_on, off.ends_on, off.reason) for off in leave],
        )


@strawberry.input(description="Days on which a rep covers a territory.")
class CoverInput:
    rep_external_id: str = strawberry.field(description="The rep's externalId.")
    starts_on: date = strawberry.field(description="The first day.")
    ends_on: date | None = strawberry.field(default=None, description="The first day not any more. Left out: for good.")


@strawberry.input(description="A territory as it should be, found by externalId. What is left out stays.")
class TerritoryInput:
    external_id: str = strawberry.field(description="Its key in the system it comes from.")
    name: Maybe[str] = strawberry.field(description="What it is called. Needed for a new one.")
    parent_external_id: Maybe[str | None] = strawberry.field(
        description="The territory right above, which may come later in the same call. Null: at the top."
    )
    reps: Maybe[list[CoverInput]] = strawberry.field(
        description="Everybody who covers it, past and to come; replaces what was said before."
    )

    def item(self) -> TerritoryItem:
        """As the domain states it."""
        covers = stated(self.reps)
        return TerritoryItem(
            self.external_id,
            stated(self.name),
            stated(self.parent_external_id),
            covers
            if isinstance(covers, Unset)
            else [Cover(cover.rep_external_id, cover.starts_on, cover.ends_on) for cover in covers],
        )


@strawberry.input(description="A new API key.")
class ApiKeyInput:
    name: str = strawberry.field(description="What it is for.")
    scopes: list[Scope] = strawberry.field(description="What it may do: nothing that its maker may not.")
    expires_at: datetime | None = strawberry.field(default=None, description="When it stops to work. Left out: never.")
