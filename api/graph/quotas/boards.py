"""Leaderboards as nodes: a board is known by its measure and period, and is read when its places are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graph.quotas.query import board_page
from api.graph.quotas.types import LeaderboardEntry
from api.periods import Period
from api.relay import Connection, Node, global_id, node_loader
from domain.calendar import Period as Stretch
from domain.calendar import PeriodKind
from domain.org.model import Scope
from domain.quotas.model import Measure


@dataclass(frozen=True, slots=True)
class Board:
    """What is ranked, among whom, and how much of it is shown."""

    measure: Measure
    kpi: UUID | None
    period: Stretch
    team_id: strawberry.ID | None = None
    first: int | None = None

    @property
    def key(self) -> str:
        """The key of its node: that of the whole organisation's board."""
        return f"{self.measure}:{self.kpi or '-'}:{self.period.kind}:{self.period.starts_on}"


@strawberry.type(description="A leaderboard from its top.")
class Leaderboard(Node):
    board: strawberry.Private[Board]
    measure: Measure = strawberry.field(description="What reps are ranked by.")
    period: Period = strawberry.field(description="For which period.")

    @strawberry.field(description="The places from the first one.")
    async def entries(self, info: Info) -> Connection[LeaderboardEntry]:
        asked = self.board
        return await board_page(info.context, asked.period, asked.measure, asked.kpi, asked.team_id, asked.first, None)

    @classmethod
    def of(cls, board: Board) -> "Leaderboard":
        """As it is asked for."""
        return cls(
            id=global_id("Leaderboard", board.key),
            board=board,
            measure=board.measure,
            period=Period.of(board.period),
        )


@node_loader("Leaderboard", Scope.QUOTAS_READ)
async def _leaderboards(ctx: Context, keys: Sequence[str]) -> list[Node | None]:
    """Every board that can be named is there, if only without places."""
    calendar = await ctx.calendar()
    found: list[Node | None] = []
    for key in keys:
        try:
            measure, kpi, kind, starts_on = key.split(":")
            period = calendar.period(PeriodKind(kind), date.fromisoformat(starts_on))
            board = Board(Measure(measure), None if kpi == "-" else UUID(kpi), period)
        except (ValueError, OverflowError):
            found.append(None)
            continue
        known = board.key == key and (board.kpi is None) == (board.measure is not Measure.KPI)
        found.append(Leaderboard.of(board) if known else None)
    return found
