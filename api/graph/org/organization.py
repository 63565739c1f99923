"""The organisation itself, its calendar, its keys, who asks and who did what."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from api.auth import Requires
from api.context import Context, Info
from api.graph.org.enums import Weekday
from api.graph.org.types import After, First, Rep, User, reps_by_id, users_by_id
from api.loaders import loads
from api.relay import Connection, Node, decode_cursor, global_id, load_nodes, page, page_size
from api.scalars import CurrencyCode
from domain.calendar import CalendarVersion, FiscalPattern
from domain.org.model import Role, Scope
from sql.pool import Record
from sql.queries import queries

_directory = queries("directory")
_org = queries("org")


@strawberry.type(name="Calendar", description="The rules of time that hold from a day on: zone, weeks, fiscal year.")
class CalendarRules:
    version: int = strawberry.field(
        description="Counts the organisation's calendars, from 1. A result names the one it used."
    )
    valid_from: date = strawberry.field(description="From this day on, whatever earlier versions say.")
    time_zone: str = strawberry.field(description="IANA name. A fact belongs to the local day on which it occurred.")
    week_starts_on: Weekday = strawberry.field(description="The first day of a week.")
    fiscal_start_month: int = strawberry.field(
        description="The month in which a fiscal year begins, 1 to 12. It is named after the year in which it ends."
    )
    fiscal_pattern: FiscalPattern = strawberry.field(description="How a fiscal year divides.")
    workdays: list[Weekday] = strawberry.field(description="The days of a week on which people work.")
    opens_at: time = strawberry.field(description="When business opens, local time. SLA clocks run in business hours.")
    closes_at: time = strawberry.field(description="When business closes, local time.")
    holidays: list[date] = strawberry.field(description="Days on which nobody works, in order.")

    @classmethod
    def of(cls, version: CalendarVersion) -> "CalendarRules":
        """From the domain's version."""
        return cls(
            version=version.version,
            valid_from=version.valid_from,
            time_zone=version.time_zone,
            week_starts_on=Weekday(version.week_starts_on),
            fiscal_start_month=version.fiscal_start_month,
            fiscal_pattern=version.fiscal_pattern,
            workdays=[Weekday(day) for day in sorted(version.workdays)],
            opens_at=version.opens_at,
            closes_at=version.closes_at,
            holidays=sorted(version.holidays),
        )


@strawberry.type(description="A key by which a program asks. Its secret is shown once, when it is created.")
class ApiKey(Node):
    name: str = strawberry.field(description="What it is for.")
    last_four: str = strawberry.field(description="The end of its secret, to tell keys apart.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was created.")
    expires_at: datetime | None = strawberry.field(description="When it stops to work by itself. Null: never.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked. Null while it is not.")

    @classmethod
    def of(cls, row: Record) -> "ApiKey":
        """From a row of `api_key`."""
        return cls(
            id=global_id("ApiKey", row["key_id"]),
            name=row["name"],
            last_four=row["last_four"],
            scopes=[Scope(scope) for scope in row["scopes"]],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
        )


@strawberry.input(description="One of several roles.")
class RoleFilter:
    in_: list[Role] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which users; all that is given must hold.")
class UserFilter:
    role: RoleFilter | None = strawberry.field(default=None, description="By role.")
    text: str | None = strawberry.field(default=None, description="Name or e-mail address contains it, in any case.")


@strawberry.type(description="The tenant: everything else belongs to one.")
class Organization(Node):
    name: str = strawberry.field(description="What it is called.")
    currency: CurrencyCode = strawberry.field(description="The currency of its quotas, credits and results.")
    managers_see_pay: bool = strawberry.field(description="Whether managers see the pay of the reps below them.")
    several_spiffs: bool = strawberry.field(description="Whether a team may have more than one SPIFF in a quarter.")
    version: int = strawberry.field(description="Pass it as expectedVersion to organizationUpdate.")
    created_at: datetime = strawberry.field(description="When it was created.")

    @strawberry.field(description="The calendar in force today.")
    async def calendar(self, info: Info) -> CalendarRules:
        calendar = await info.context.calendar()
        return CalendarRules.of(calendar.at(calendar.local_day(info.context.now)))

    @strawberry.field(
        description="All versions of its calendar, oldest first. Where two hold, the later version counts."
    )
    async def calendars(self, info: Info) -> list[CalendarRules]:
        return [CalendarRules.of(version) for version in (await info.context.calendar()).versions]

    @strawberry.field(
        description="Its people, by name. Only who sees everybody sees them all; others find themselves.",
    )
    async def users(
        self,
        info: Info,
        filter: Annotated[UserFilter | None, strawberry.argument(description="Which ones.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[User]:
        ctx, size = info.context, page_size(first)
        place = decode_cursor(after, str, UUID) if after is not None else (None, None)
        wanted = filter or UserFilter()
        roles = wanted.role.in_ if wanted.role else None
        which = (user_sight(ctx), roles, wanted.text)
        rows = await ctx.fetch(_directory.users_page, *which, *place, size + 1)

        async def count() -> int:
            return int(await ctx.value(_directory.users_count, *which))

        return page(rows, size, after, User.of, lambda row: (row["name"], row["user_id"]), count)

    @strawberry.field(
        description="Its API keys, newest first, those revoked and expired too.",
        extensions=[Requires(Scope.KEYS_WRITE)],
    )
    async def api_keys(self, info: Info) -> list[ApiKey]:
        return [ApiKey.of(row) for row in await info.context.fetch(_directory.api_keys)]

    @classmethod
    def of(cls, row: Record) -> "Organization":
        """From a row of `organization`."""
        return cls(
            id=global_id("Organization", row["org_id"]),
            name=row["name"],
            currency=CurrencyCode(row["currency"]),
            managers_see_pay=row["managers_see_pay"],
            several_spiffs=row["several_spiffs"],
            version=row["version"],
            created_at=row["created_at"],
        )


async def api_keys_by_id(ctx: Context, ids: Sequence[UUID]) -> list[ApiKey | None]:
    """Keys, whoever asks: those who may see them decide before."""
    found = {row["key_id"]: ApiKey.of(row) for row in await ctx.fetch(_org.api_keys_by_id, ids)}
    return [found.get(key_id) for key_id in ids]


def user_sight(ctx: Context) -> list[UUID] | None:
    """The users that the viewer finds by itself; None means all. Those it works with it meets on reps and teams."""
    if ctx.viewer.sees_everybody:
        return None
    return [ctx.viewer.user_id] if ctx.viewer.user_id else []


async def organizations(ctx: Context, ids: Sequence[UUID]) -> list[Organization | None]:
    """The viewer's own organisation; None for any other, and without org:read."""
    if Scope.ORG_READ not in ctx.viewer.scopes:
        return [None] * len(ids)
    row = await ctx.row(_directory.organization)
    own = Organization.of(row) if row is not None else None
    return [own if org_id == ctx.viewer.org_id else None for org_id in ids]


@strawberry.type(description="Who asks.")
class Viewer:
    user_id: strawberry.Private[UUID | None]
    rep_id: strawberry.Private[UUID | None]
    org_id: strawberry.Private[UUID]
    name: str = strawberry.field(description="The user's name, or the API key's.")
    role: Role | None = strawberry.field(description="The user's role. Null for an API key.")
    scopes: list[Scope] = strawberry.field(description="What the viewer may do.")
    user: User | None = loads(users_by_id, "user_id", description="The user who asks. Null for an API key.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="The rep that the user is. Null when it is none.")
    organization: Organization | None = loads(
        organizations,
        "org_id",
        description="The organisation that the viewer belongs to. Null without the scope org:read.",
    )

    @classmethod
    def of(cls, ctx: Context) -> "Viewer":
        """The viewer of this operation."""
        viewer = ctx.viewer
        return cls(
            user_id=viewer.user_id,
            rep_id=viewer.rep_id,
            org_id=viewer.org_id,
            name=viewer.name,
            role=viewer.role,
            scopes=sorted(viewer.scopes),
        )


async def nodes_by_id(ctx: Context, ids: Sequence[str]) -> list[Any]:
    """Nodes of any types, as the viewer sees them."""
    return await load_nodes(ctx, ids)


@strawberry.type(description="A line of the audit log: who did what.")
class AuditEntry:
    node_id: strawberry.ID | None = strawberry.field(description="What it was done to. Null when that is no one node.")
    occurred_at: datetime = strawberry.field(description="When it was done.")
    action: str = strawberry.field(description="What was done, as the mutation is named.")
    actor: str = strawberry.field(description="The name of who did it then: a user, an API key, or attain itself.")
    data: JSON = strawberry.field(description="What changed; differs by action. Never what somebody is paid.")
    actor_id: strawberry.Private[UUID | None]
    user: User | None = loads(
        users_by_id, "actor_id", description="The user who did it. Null for keys and attain itself."
    )
    node: Node | None = loads(
        nodes_by_id, "node_id", description="What it was done to, as it is now. Null when absent or invisible."
    )

    @classmethod
    def of(cls, row: Record) -> "AuditEntry":
        """From a row of `audit_log`."""
        return cls(
            node_id=global_id(row["node_type"], row["node_key"]) if row["node_type"] else None,
            occurred_at=row["occurred_at"],
            action=row["action"],
            actor=row["actor"],
            data=row["data"],
            actor_id=row["actor_id"],
        )
