"""Objectives of MBOs, as reps were scored in them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import strawberry

from api.context import Context
from api.graph.org.types import User, users_by_id
from api.loaders import loads
from api.scalars import Ratio
from sql.pool import Record
from sql.queries import queries

_read = queries("incentive_read")


class Scored(NamedTuple):
    """Whose objectives, under which plan, in which of its periods."""

    plan_id: UUID
    rep_id: UUID
    starts_on: date


@strawberry.type(description="An objective of an MBO that was set for a rep, or scored.")
class ScoredObjective:
    scored_by_id: strawberry.Private[UUID | None]
    component: str = strawberry.field(description="Key of the plan's component.")
    objective: str = strawberry.field(description="Key of the objective.")
    name: str | None = strawberry.field(description="Of an objective of the rep's own. Null where the plan names it.")
    weight: Decimal | None = strawberry.field(
        description="Relative to the rep's other objectives. Null where the plan says it."
    )
    score: Ratio | None = strawberry.field(description="1 is fully. Null while it is not scored; it counts as 0.")
    note: str | None = strawberry.field(description="Why, in words. Null when nothing was said.")
    scored_at: datetime = strawberry.field(description="When it was set or scored last.")
    scored_by: User | None = loads(users_by_id, "scored_by_id", description="By whom. Null when it was not a person.")

    @classmethod
    def of(cls, row: Record) -> "ScoredObjective":
        """From a row of `objective_score`."""
        return cls(
            scored_by_id=row["scored_by"],
            component=row["component"],
            objective=row["objective"],
            name=row["name"],
            weight=row["weight"],
            score=row["score"],
            note=row["note"],
            scored_at=row["scored_at"],
        )


async def objectives_scored(ctx: Context, asked: Sequence[Scored]) -> list[list[ScoredObjective]]:
    """By component and key."""
    found: dict[Scored, list[ScoredObjective]] = defaultdict(list)
    columns = [list(column) for column in zip(*asked, strict=True)]
    for row in await ctx.fetch(_read.objectives, *columns):
        found[Scored(row["plan_id"], row["rep_id"], row["starts_on"])].append(ScoredObjective.of(row))
    return [found[key] for key in asked]
