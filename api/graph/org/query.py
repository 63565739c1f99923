"""The organisation looked up."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry

from api.along import asked_of_page
from api.auth import reads
from api.context import Batch, Context, Info
from api.enums import describe
from api.errors import bad_request
from api.filters import DateTimeFilter, OrderDirection, StringFilter
from api.graph.org.organization import AuditEntry, Organization, Viewer, api_keys_by_id, organizations, user_sight
from api.graph.org.types import (
    After,
    First,
    Rep,
    Team,
    Territory,
    User,
    rep_place,
    reps_by_id,
    teams_by_id,
    territories_by_id,
    users_by_id,
)
from api.relay import KINDS, Connection, decode_cursor, nodes_by_uuid, page, page_of, page_size, parse_id, uuid_of
from domain.org.model import RepStatus, Scope
from sql.queries import Query, queries

T = TypeVar("T")

_directory = queries("directory")

_NOBODY = UUID(int=0)
"""Stands for an id that is none: it matches nothing."""

Id = Annotated[strawberry.ID | None, strawberry.argument(description="Its global id.")]
ExternalId = Annotated[str | None, strawberry.argument(description="Its key in the system it came from.")]
Text = Annotated[str | None, strawberry.argument(description="The name contains it, in any case.")]


class RepOrderField(StrEnum):
    """By what reps are ordered."""

    NAME = "NAME"
    HIRED_ON = "HIRED_ON"


describe(RepOrderField, "By what reps are ordered.", NAME="By name.", HIRED_ON="By the day of hire.")

_REPS: dict[tuple[RepOrderField, OrderDirection], Query] = {
    (RepOrderField.NAME, OrderDirection.ASC): _directory.reps_by_name,
    (RepOrderField.NAME, OrderDirection.DESC): _directory.reps_by_name_desc,
    (RepOrderField.HIRED_ON, OrderDirection.ASC): _directory.reps_by_hire,
    (RepOrderField.HIRED_ON, OrderDirection.DESC): _directory.reps_by_hire_desc,
}


@strawberry.input(description="The order of reps; the id breaks ties.")
class RepOrder:
    field: RepOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which end comes first.")


@strawberry.input(description="One of several states.")
class RepStatusFilter:
    in_: list[RepStatus] = strawberry.field(name="in", description="One of these.")


@strawberry.input(description="Which reps; all that is given must hold.")
class RepFilter:
    team_id: strawberry.ID | None = strawberry.field(
        default=None, description="Today in this team, or in one below it."
    )
    status: RepStatusFilter | None = strawberry.field(default=None, description="By whether they still sell, today.")
    role: StringFilter | None = strawberry.field(default=None, description="By job role.")
    text: str | None = strawberry.field(default=None, description="Name or e-mail address contains it, in any case.")


@strawberry.input(description="Which lines of the audit log; all that is given must hold.")
class AuditFilter:
    action: StringFilter | None = strawberry.field(
        default=None, description="By what was done, as mutations are named."
    )
    node_id: strawberry.ID | None = strawberry.field(default=None, description="What was done to this node.")
    occurred_at: DateTimeFilter | None = strawberry.field(default=None, description="By when it was done.")


@strawberry.type
class OrgQuery:
    @strawberry.field(description="Who asks.")
    async def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context)

    @reads(Scope.ORG_READ, "The viewer's organisation. Null when it is gone.")
    async def organization(self, info: Info) -> Organization | None:
        return await info.context.load(organizations, info.context.viewer.org_id)

    @reads(Scope.ORG_READ, "A rep, by one of the two. Null when absent or not seen.")
    async def rep(self, info: Info, id: Id = None, external_id: ExternalId = None) -> Rep | None:
        return await _one(info.context, "Rep", id, external_id, reps_by_id, _rep_by_external_id)

    @reads(Scope.ORG_READ, "Reps that the viewer sees.")
    async def reps(
        self,
        info: Info,
        filter: Annotated[RepFilter | None, strawberry.argument(description="Which ones.")] = None,
        order_by: Annotated[
            RepOrder | None, strawberry.argument(description="In which order; by name when left out.")
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[Rep]:
        ctx, size = info.context, page_size(first)
        wanted = filter or RepFilter()
        order = order_by or RepOrder(field=RepOrderField.NAME)
        by_name = order.field is RepOrderField.NAME
        kind = KINDS[str if by_name else date]
        cursor = decode_cursor(after, kind, UUID) if after is not None else (None, None)
        which = (
            await ctx.sight(),
            wanted.role.in_ if wanted.role else None,
            wanted.text,
            wanted.status.in_ if wanted.status else None,
            await ctx.today(),
            None if wanted.team_id is None else uuid_of(wanted.team_id, "Team") or _NOBODY,
        )
        asked = await asked_of_page(Rep, info, "rep_id", "name" if by_name else "hired_on")
        query = _REPS[order.field, order.direction].only(asked.columns)
        rows = await ctx.fetch(query, *which, *cursor, size + 1, *asked.told)
        place = rep_place if by_name else (lambda row: (row["hired_on"], row["rep_id"]))
        count = _count(ctx, _directory.reps_count, *which)
        return page_of(rows, size, after, asked.rows, place, count)

    @reads(Scope.ORG_READ, "A team, by one of the two. Null when absent or not seen.")
    async def team(self, info: Info, id: Id = None, external_id: ExternalId = None) -> Team | None:
        return await _one(info.context, "Team", id, external_id, teams_by_id, _team_by_external_id)

    @reads(Scope.ORG_READ, "Teams that the viewer sees, by name.")
    async def teams(self, info: Info, text: Text = None, first: First = None, after: After = None) -> Connection[Team]:
        ctx, size = info.context, page_size(first)
        cursor = decode_cursor(after, str, UUID) if after is not None else (None, None)
        which = (await ctx.team_sight(), text)
        rows = await ctx.fetch(_directory.teams_page, *which, *cursor, size + 1)
        count = _count(ctx, _directory.teams_count, *which)
        return page(rows, size, after, Team.of, lambda row: (row["name"], row["team_id"]), count)

    @reads(Scope.ORG_READ, "A territory, by one of the two. Null when absent.")
    async def territory(self, info: Info, id: Id = None, external_id: ExternalId = None) -> Territory | None:
        return await _one(info.context, "Territory", id, external_id, territories_by_id, _territory_by_external_id)

    @reads(Scope.ORG_READ, "Territories, by name.")
    async def territories(
        self, info: Info, text: Text = None, first: First = None, after: After = None
    ) -> Connection[Territory]:
        ctx, size = info.context, page_size(first)
        cursor = decode_cursor(after, str, UUID) if after is not None else (None, None)
        rows = await ctx.fetch(_directory.territories_page, text, *cursor, size + 1)
        count = _count(ctx, _directory.territories_count, text)
        return page(rows, size, after, Territory.of, lambda row: (row["name"], row["territory_id"]), count)

    @reads(Scope.AUDIT_READ, "Who did what, newest first.")
    async def audit_log(
        self,
        info: Info,
        filter: Annotated[AuditFilter | None, strawberry.argument(description="Which lines.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[AuditEntry]:
        ctx, size = info.context, page_size(first)
        wanted = filter or AuditFilter()
        cursor = decode_cursor(after, KINDS[datetime], UUID) if after is not None else (None, None)
        node = (parse_id(wanted.node_id) or ("", "")) if wanted.node_id is not None else (None, None)
        when = wanted.occurred_at or DateTimeFilter()
        which = (wanted.action.in_ if wanted.action else None, *node, when.gte, when.lt)
        rows = await ctx.fetch(_directory.audit_page, *which, *cursor, size + 1)
        count = _count(ctx, _directory.audit_count, *which)
        return page(
            rows,
            size,
            after,
            AuditEntry.of,
            lambda row: (row["occurred_at"], row["audit_id"]),
            count,
        )


def _count(ctx: Context, query: Query, *which: object) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return int(await ctx.value(query, *which))

    return count


async def _one(
    ctx: Context,
    type_name: str,
    id: str | None,
    external_id: str | None,
    by_id: Batch[UUID, T],
    by_external_id: Batch[str, T],
) -> T | None:
    if (id is None) == (external_id is None):
        raise bad_request("Give `id` or `externalId`, and only one of them.")
    if external_id is not None:
        return await ctx.load(by_external_id, external_id)
    key = uuid_of(id or "", type_name)
    return await ctx.load(by_id, key) if key is not None else None


async def _rep_by_external_id(ctx: Context, keys: Sequence[str]) -> list[Rep | None]:
    rows = await ctx.fetch(_directory.reps_by_external_id, keys, await ctx.sight())
    found = {row["external_id"]: Rep.of(row) for row in rows}
    return [found.get(key) for key in keys]


async def _team_by_external_id(ctx: Context, keys: Sequence[str]) -> list[Team | None]:
    rows = await ctx.fetch(_directory.teams_by_external_id, keys, await ctx.team_sight())
    found = {row["external_id"]: Team.of(row) for row in rows}
    return [found.get(key) for key in keys]


async def _territory_by_external_id(ctx: Context, keys: Sequence[str]) -> list[Territory | None]:
    rows = await ctx.fetch(_directory.territories_by_external_id, keys)
    found = {row["external_id"]: Territory.of(row) for row in rows}
    return [found.get(key) for key in keys]


async def _users(ctx: Context, ids: Sequence[UUID]) -> list[User | None]:
    seen = user_sight(ctx)
    return [
        user if seen is None or user_id in seen else None
        for user_id, user in zip(ids, await users_by_id(ctx, ids), strict=True)
    ]


nodes_by_uuid("Organization", Scope.ORG_READ, organizations)
nodes_by_uuid("User", Scope.ORG_READ, _users)
nodes_by_uuid("Rep", Scope.ORG_READ, reps_by_id)
nodes_by_uuid("Team", Scope.ORG_READ, teams_by_id)
nodes_by_uuid("Territory", Scope.ORG_READ, territories_by_id)
nodes_by_uuid("ApiKey", Scope.KEYS_WRITE, api_keys_by_id)
