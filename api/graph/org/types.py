"""People, teams and territories.

Other areas show their numbers on a rep or a team through a mixin of their own, `api/graph/<area>/on_rep.py`:

    @strawberry.type
    class QuotasOnRep:
        rep_id: strawberry.Private[UUID]
        quotas: list[Quota] = column(_quotas, description="...")

and one name more in the bases of `Rep` here. The mixin never imports this module at the top; types of other areas that
name a rep say `Annotated["Rep", strawberry.lazy("api.graph.org.types")]` and load it by `reps_by_id`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, ClassVar
from uuid import UUID

import strawberry

from api.along import Along, Told
from api.context import Context, Reads, Some, common
from api.engine import Ones
from api.graph.feed.on_rep import FeedOnRep
from api.graph.incentives.on_rep import IncentivesOnRep
from api.graph.quotas.on_subject import QuotasOnRep, QuotasOnTeam, QuotasOnTerritory
from api.graph.scorecards.on_subject import ScorecardsOnRep, ScorecardsOnTeam
from api.loaders import column, loads
from api.relay import Connection, Node, decode_cursor, page, page_size
from api.rows import PLACE, FromRow, Rows, Wanted, keys_of, node_id, one_of
from domain.org.model import RepStatus, Role, Scope
from sql.pool import Record
from sql.queries import Columns, queries

_directory = queries("directory")
_org = queries("org")

On = Annotated[date | None, strawberry.argument(description="As of this day; today in the organisation by default.")]
First = Annotated[int | None, strawberry.argument(description="How many; 50 by default, at most 200.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which the page begins.")]

# Of a rep, a team or a territory, on a day (None is today).
Place = tuple[UUID, date | None]


async def _days(reads: Reads, places: Sequence[Place]) -> list[tuple[UUID, date]]:
    today = await reads.today()
    return [(node_id, day or today) for node_id, day in places]


def _reads(ctx: Context) -> bool:
    """A key that reads deals, say, does not learn who is behind them."""
    return Scope.ORG_READ in ctx.viewer.scopes


async def users_by_id(ctx: Context, ids: Sequence[UUID]) -> "Sequence[User | None]":
    """Users, whomever the viewer sees: they are shown on what it does see. None without org:read."""
    return await ctx.whoever_asks(_stored_users, ids) if _reads(ctx) else [None] * len(ids)


async def _stored_users(reads: Reads, ids: Sequence[UUID]) -> "Ones[User]":
    return Rows(User, await reads.fetch(_directory.users_by_id, ids)).by("user_id", ids)


async def reps_by_id(ctx: Context, ids: Sequence[UUID], columns: Columns | None = None) -> "Sequence[Rep | None]":
    """Reps that the viewer sees today; None for others, and without org:read. With columns, `rep_id` among them."""
    if not _reads(ctx):
        return [None] * len(ids)
    return await ctx.of_seen("reps", ids, await ctx.whoever_asks(Some(_stored_reps, columns), ids))


async def reps_told(ctx: Context) -> Told | None:
    """Whether and which reps come along with what they carry."""
    return Told(seen=await ctx.sight()) if _reads(ctx) else None


async def _stored_reps(reads: Reads, ids: Sequence[UUID], columns: Columns | None) -> "Ones[Rep]":
    return Rows(Rep, await reads.fetch(_directory.reps_by_id.only(columns), ids)).by("rep_id", ids)


async def teams_by_id(ctx: Context, ids: Sequence[UUID]) -> "Sequence[Team | None]":
    """Teams that the viewer sees today; None for others, and without org:read."""
    if not _reads(ctx):
        return [None] * len(ids)
    return await ctx.of_seen("teams", ids, await ctx.whoever_asks(_stored_teams, ids))


async def _stored_teams(reads: Reads, ids: Sequence[UUID]) -> "Ones[Team]":
    return Rows(Team, await reads.fetch(_directory.teams_by_id, ids)).by("team_id", ids)


async def territories_by_id(ctx: Context, ids: Sequence[UUID]) -> "Sequence[Territory | None]":
    """Territories: who has org:read sees them all."""
    if not _reads(ctx):
        return [None] * len(ids)
    return Rows(Territory, await ctx.fetch(_directory.territories_by_id, ids)).by("territory_id", ids)


@common
async def _teams_of_reps(reads: Reads, reps: Sequence[UUID], on: date | None, columns: Columns | None) -> "Ones[Team]":
    """Each rep's team on a day; with columns, `PLACE` among them."""
    rows = await reads.fetch(_directory.teams_of_reps.only(columns), reps, on or await reads.today())
    return Rows(Team, rows).placed(PLACE, len(reps))


@common
async def manager_of_rep(reads: Reads, places: Sequence[Place]) -> "Sequence[User | None]":
    """Each rep's manager on a day."""
    keys = await _days(reads, places)
    rows = await reads.fetch(_directory.managers_of_reps, *zip(*keys, strict=True))
    found = {(row["of_rep"], row["on_day"]): User.of(row) for row in rows}
    return [found.get(key) for key in keys]


async def territories_of_rep(ctx: Context, places: Sequence[Place]) -> "list[list[Territory]]":
    """The territories that each rep covers on a day, by name."""
    keys = await _days(ctx, places)
    found: dict[tuple[UUID, date], list[Territory]] = {key: [] for key in keys}
    for row in await ctx.fetch(_directory.territories_of_reps, *zip(*keys, strict=True)):
        found[row["of_rep"], row["on_day"]].append(Territory.of(row))
    return [found[key] for key in keys]


async def stays_of_rep(ctx: Context, ids: Sequence[UUID]) -> "list[list[TeamStay]]":
    """Each rep's teams, in order."""
    found: dict[UUID, list[TeamStay]] = {rep_id: [] for rep_id in ids}
    for row in await ctx.fetch(_directory.stays_of_reps, ids):
        stay = TeamStay(team=Team.of(row), starts_on=row["starts_on"], ends_on=row["ends_on"])
        found[row["rep_id"]].append(stay)
    return [found[rep_id] for rep_id in ids]


async def leave_of_rep(ctx: Context, ids: Sequence[UUID]) -> "list[list[Leave]]":
    """Each rep's leave, in order."""
    found: dict[UUID, list[Leave]] = {rep_id: [] for rep_id in ids}
    for row in await ctx.fetch(_org.leave_of, ids):
        leave = Leave(starts_on=row["starts_on"], ends_on=row["ends_on"], reason=row["reason"])
        found[row["rep_id"]].append(leave)
    return [found[rep_id] for rep_id in ids]


async def teams_below(ctx: Context, ids: Sequence[UUID]) -> "list[list[Team]]":
    """The teams right below each, by name, as far as they are seen."""
    found: dict[UUID, list[Team]] = {team_id: [] for team_id in ids}
    for row in await ctx.fetch(_directory.teams_below, ids, await ctx.team_sight()):
        found[row["parent_id"]].append(Team.of(row))
    return [found[team_id] for team_id in ids]


async def members_of_team(
    ctx: Context, keys: "Sequence[tuple[UUID, date | None, int, str | None]]"
) -> "list[Connection[Rep]]":
    """A page of each team's reps on a day: one statement for teams that are asked the same."""
    pages: dict[tuple[UUID, date | None, int, str | None], Connection[Rep]] = {}
    for asked in dict.fromkeys(key[1:] for key in keys):
        on, size, after = asked
        day = on or await ctx.today()
        place = decode_cursor(after, str, UUID) if after is not None else (None, None)
        teams = [key[0] for key in keys if key[1:] == asked]
        sight = await ctx.sight(day)
        rows = await ctx.fetch(_directory.members_page, teams, day, sight, *place, size + 1)
        for team_id in teams:
            own = [row for row in rows if row["of_team"] == team_id]
            pages[team_id, *asked] = page(own, size, after, Rep.of, rep_place, _member_count(ctx, (team_id, on)))
    return [pages[key] for key in keys]


def _member_count(ctx: Context, place: Place) -> Any:
    async def count() -> int:
        return await ctx.load(_members_count, place)

    return count


async def _members_count(ctx: Context, places: Sequence[Place]) -> list[int]:
    keys = await _days(ctx, places)
    found: dict[tuple[UUID, date], int] = {}
    for day in {day for _, day in keys}:
        teams = [team_id for team_id, other in keys if other == day]
        rows = await ctx.fetch(_directory.members_count, teams, [day] * len(teams), await ctx.sight(day))
        found |= {(row["of_team"], row["on_day"]): row["members"] for row in rows}
    return [found[key] for key in keys]


async def territories_below(ctx: Context, ids: Sequence[UUID]) -> "list[list[Territory]]":
    """The territories right below each, by name."""
    found: dict[UUID, list[Territory]] = {territory_id: [] for territory_id in ids}
    for row in await ctx.fetch(_directory.territories_below, ids):
        found[row["parent_id"]].append(Territory.of(row))
    return [found[territory_id] for territory_id in ids]


async def reps_of_territory(ctx: Context, places: Sequence[Place]) -> "list[list[Rep]]":
    """Who covers each territory on a day, by name, as far as they are seen."""
    keys = await _days(ctx, places)
    found: dict[tuple[UUID, date], list[Rep]] = {key: [] for key in keys}
    for row in await ctx.fetch(_directory.reps_of_territories, *zip(*keys, strict=True), await ctx.sight()):
        found[row["of_territory"], row["on_day"]].append(Rep.of(row))
    return [found[key] for key in keys]


async def _reps(ctx: Context, territories: "Sequence[Territory]", on: On = None) -> "Sequence[list[Rep] | None]":
    return await ctx.load_each(reps_of_territory, [(territory.territory_id, on) for territory in territories])


async def _members(
    ctx: Context, teams: "Sequence[Team]", on: On = None, first: First = None, after: After = None
) -> "Sequence[Connection[Rep] | None]":
    size = page_size(first)
    return await ctx.load_each(members_of_team, [(team.team_id, on, size, after) for team in teams])


async def _status(ctx: Context, reps: "Sequence[Rep]") -> list[RepStatus]:
    today = await ctx.today()
    return [RepStatus.LEFT if rep.left_on and rep.left_on <= today else RepStatus.ACTIVE for rep in reps]


async def _team(ctx: Context, reps: "Sequence[Rep]", on: On = None, wanted: Wanted = None) -> "Sequence[Team | None]":
    return await ctx.load_each(Some(_teams_of_reps, on, Team.columns(wanted, PLACE)), _rep_ids(reps))


async def _day(ctx: Context, on: date | None = None) -> Told:
    return Told([on or await ctx.today()])


_rep_ids = keys_of("rep_id")


async def _manager(ctx: Context, reps: "Sequence[Rep]", on: On = None) -> "Sequence[User | None]":
    return await ctx.load_each(manager_of_rep, [(rep.rep_id, on) for rep in reps])


async def _territories(ctx: Context, reps: "Sequence[Rep]", on: On = None) -> "Sequence[list[Territory] | None]":
    return await ctx.load_each(territories_of_rep, [(rep.rep_id, on) for rep in reps])


def rep_place(row: Record) -> tuple[object, ...]:
    """Where a rep stands in a list by name."""
    return row["name"], row["rep_id"]


@strawberry.type(description="A person who signs in.")
class User(FromRow, Node):
    user_id: strawberry.Private[UUID]
    external_id: str | None = strawberry.field(description="Its key in the system it came from. Null when not given.")
    email: str = strawberry.field(description="The address that its token names.")
    name: str = strawberry.field(description="As others see it.")
    role: Role = strawberry.field(description="What it is to the organisation.")
    active: bool = strawberry.field(description="Whether it may sign in.")
    version: int = strawberry.field(description="Counts its changes, from 1.")

    made: ClassVar = {"id": node_id("User", "user_id"), "role": one_of(Role, "role")}


@strawberry.type(description="A node of the territory tree: a region, an industry, a list of accounts.")
class Territory(FromRow, QuotasOnTerritory, Node):
    territory_id: strawberry.Private[UUID]
    parent_id: strawberry.Private[UUID | None]
    external_id: str = strawberry.field(description="Its key in the system it came from.")
    name: str = strawberry.field(description="What it is called.")
    version: int = strawberry.field(description="Counts its changes, from 1.")
    parent: "Territory | None" = loads(
        territories_by_id, "parent_id", description="The territory right above. Null at the top."
    )
    children: list["Territory"] = loads(
        territories_below, "territory_id", description="The territories right below, by name."
    )

    reps: list["Rep"] = column(
        _reps, needs=["territory_id"], description="The reps who cover it, by name, as far as the viewer sees them."
    )

    made: ClassVar = {"id": node_id("Territory", "territory_id")}


@strawberry.type(description="A node of the team tree. Its manager sees the reps of it and of the teams below.")
class Team(FromRow, ScorecardsOnTeam, QuotasOnTeam, Node):
    team_id: strawberry.Private[UUID]
    parent_id: strawberry.Private[UUID | None]
    manager_id: strawberry.Private[UUID | None]
    external_id: str = strawberry.field(description="Its key in the system it came from.")
    name: str = strawberry.field(description="What it is called.")
    version: int = strawberry.field(description="Counts its changes, from 1.")
    parent: "Team | None" = loads(
        teams_by_id,
        "parent_id",
        description="The team right above. Null at the top, or when the viewer does not see it.",
    )
    children: list["Team"] = loads(
        teams_below, "team_id", description="The teams right below, by name, as far as the viewer sees them."
    )
    manager: User | None = loads(users_by_id, "manager_id", description="Who manages it. Null when nobody does.")

    members: Connection["Rep"] = column(
        _members,
        needs=["team_id"],
        description="The reps in this very team, by name, as far as the viewer sees them. Those of the teams below are "
        "theirs; `reps(filter: {teamId})` has them all.",
    )

    made: ClassVar = {"id": node_id("Team", "team_id")}


@strawberry.type(description="Days that a rep spends in a team.")
class TeamStay:
    team: Team = strawberry.field(description="The team.")
    starts_on: date = strawberry.field(description="The first day.")
    ends_on: date | None = strawberry.field(description="The first day that it is elsewhere. Null while it stays.")


@strawberry.type(description="Days off of one rep. Weekly targets are prorated by them.")
class Leave:
    starts_on: date = strawberry.field(description="The first day off.")
    ends_on: date = strawberry.field(description="The first day back.")
    reason: str | None = strawberry.field(description="Why, in the organisation's words. Null when not given.")


@strawberry.type(description="Somebody who carries numbers.")
class Rep(FromRow, ScorecardsOnRep, QuotasOnRep, IncentivesOnRep, FeedOnRep, Node):
    rep_id: strawberry.Private[UUID]
    user_id: strawberry.Private[UUID | None]
    external_id: str = strawberry.field(description="Its key in the CRM.")
    name: str = strawberry.field(description="As others see it.")
    email: str | None = strawberry.field(description="Its address. Null when not given.")
    title: str | None = strawberry.field(description="Its job title. Null when not given.")
    role: str | None = strawberry.field(
        description="The job role that scorecard templates are published for, in the organisation's words. "
        "Null when not given."
    )
    hired_on: date = strawberry.field(description="The first day with the organisation.")
    left_on: date | None = strawberry.field(description="The first day on which it is gone. Null while that is open.")
    version: int = strawberry.field(description="Counts its changes, from 1.")
    user: User | None = loads(
        users_by_id, "user_id", description="The user that it signs in as. Null when it does not."
    )
    team_history: list[TeamStay] = loads(stays_of_rep, "rep_id", description="Its teams, in order, without overlap.")
    leave: list[Leave] = loads(leave_of_rep, "rep_id", description="Its days off, in order.")

    status: RepStatus = column(
        _status, needs=["left_on"], description="Whether it still sells, today in the organisation."
    )
    team: Team | None = column(
        _team,
        needs=["rep_id"],
        along=Along(lambda: Team, _directory.team_of_rep, ["rep_id"], _day),
        description="Its team. Null on days when it is in none.",
    )
    manager: User | None = column(
        _manager,
        needs=["rep_id"],
        description="The manager of the nearest team up the tree that has one other than the rep itself. "
        "Null when there is none.",
    )
    territories: list[Territory] = column(
        _territories, needs=["rep_id"], description="The territories that it covers, by name."
    )

    made: ClassVar = {"id": node_id("Rep", "rep_id")}
