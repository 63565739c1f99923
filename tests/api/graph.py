"""A graph small enough to see through: teams by their real actions, and fields that misbehave on purpose."""

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.tools import merge_types

from api.auth import reads, writes
from api.context import Context, Info
from api.errors import InvalidInput, Payload, StaleVersion, user_error
from api.graph.live import LiveQuery, LiveSubscription
from api.live import Logged, live
from api.relay import Connection, Node, NodeQuery, global_id, page, page_size
from api.scalars import CONFIG
from domain.org.model import Scope, TeamItem
from domain.org.trees import teams_upsert
from sql.pool import Record
from sql.queries import Query as Statement

_TEAMS = Statement("test.teams", "select team_id, name from team where org_id = $1 and team_id = any($2::uuid[])")
_ALL_TEAMS = Statement("test.all_teams", "select team_id, name from team where org_id = $1 order by name limit $2")
_SLEEP = Statement("test.sleep", "select pg_sleep($2::float8) from organization where org_id = $1")


class Gate:
    """Lets a test know that an operation is under way, and lets the operation go on when the test says so."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    def shut(self) -> None:
        self.entered.clear()
        self.open.clear()

    async def pass_through(self) -> None:
        self.entered.set()
        await self.open.wait()


gate = Gate()
executed: list[str] = []
"""Names of the nodes that were asked for their name: one entry an execution."""


@strawberry.type(description="A team.")
class Team(Node):
    title: strawberry.Private[str]

    @strawberry.field(description="Its name.")
    async def name(self) -> str:
        executed.append(self.title)
        return self.title

    @strawberry.field(description="Always fails.")
    async def broken(self) -> str | None:
        raise RuntimeError("the secret is 42")


def _team(row: Record) -> Team:
    return Team(id=global_id("Team", row["team_id"]), title=row["name"])


async def _teams_by_id(ctx: Context, keys: Sequence[UUID]) -> list[Team | None]:
    found = {row["team_id"]: _team(row) for row in await ctx.fetch(_TEAMS, keys)}
    return [found.get(key) for key in keys]


async def _all_teams(
    ctx: Context,
    prefix: Annotated[str | None, strawberry.argument(description="Only teams whose name starts so.")] = None,
) -> list[Team]:
    return [_team(row) for row in await ctx.fetch(_ALL_TEAMS, 200) if row["name"].startswith(prefix or "")]


async def _teams_of(ctx: Context, events: Sequence[Logged], prefix: str | None = None) -> list[Team | None]:
    teams = await ctx.load_each(_teams_by_id, [UUID(event.node_key) for event in events])
    if any(team is not None and team.title == "stuck" for team in teams):
        await gate.pass_through()
    return [team if team is not None and team.title.startswith(prefix or "") else None for team in teams]


@strawberry.type
class TeamQuery:
    @strawberry.field(description="Greets.")
    async def hello(self, name: str = "world") -> str:
        return f"Hello, {name}"

    @strawberry.field(description="Who asks.")
    async def me(self, info: Info) -> str:
        return info.context.viewer.name

    @strawberry.field(description="Fails and must not tell why.")
    async def boom(self) -> str:
        raise RuntimeError("the secret is 42")

    @strawberry.field(description="Waits for the test.")
    async def slow(self) -> str:
        await gate.pass_through()
        return "done"

    @strawberry.field(description="Waits in Postgres.")
    async def sleepy(self, info: Info, seconds: float) -> str:
        await info.context.fetch(_SLEEP, seconds)
        return "done"

    @strawberry.field(description="Asks Postgres with a value that fits no column.")
    async def misfit(self, info: Info) -> str:
        await info.context.fetch(_SLEEP, "hunter2")
        return "done"

    @reads(Scope.AUDIT_READ, "Needs a scope that few have.")
    async def secret(self) -> str:
        return "treasure"

    @reads(Scope.ORG_READ, "Teams.")
    async def teams(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[Team]:
        size = page_size(first)
        rows = await info.context.fetch(_ALL_TEAMS, size + 1)

        async def count() -> int:
            return len(rows)

        return page(rows, size, after, _team, lambda row: (row["name"], row["team_id"]), count)


@strawberry.type(description="The answer of teamRename.")
class TeamRenamePayload(Payload):
    count: int | None = strawberry.field(default=None, description="How many were changed.")


@strawberry.type
class TeamMutation:
    @writes(Scope.ORG_WRITE, "Names teams: each name is also the team's external id unless one is given.")
    async def team_rename(
        self, info: Info, name: str, external_id: str | None = None, wait: bool = False, sleep: float = 0
    ) -> TeamRenamePayload:
        if sleep:
            await info.context.fetch(_SLEEP, sleep)
        done = await teams_upsert(info.context.work(), [TeamItem(external_id or name, name)])
        if wait:
            await gate.pass_through()
        problems = [user_error(problem) for problem in done.problems]
        return TeamRenamePayload(user_errors=problems, count=done.created + done.updated)


@strawberry.type
class TeamSubscription:
    team_changed = live("org.team", scope=Scope.ORG_READ, description="Teams.", snapshot=_all_teams, nodes=_teams_of)


Query = merge_types("Query", (NodeQuery, LiveQuery, TeamQuery))
Subscription = merge_types("Subscription", (LiveSubscription, TeamSubscription))

schema = strawberry.Schema(
    query=Query,
    mutation=TeamMutation,
    subscription=Subscription,
    types=[InvalidInput, StaleVersion],
    config=CONFIG,
)
