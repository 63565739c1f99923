"""Statements, their lines, and disputes about these."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, NamedTuple
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

import api.graph.incentives.enums  # noqa: F401  describes the enums before the types show them
from api.context import Context, Info, Reads
from api.errors import bad_request
from api.explain import ExplainStep
from api.graph.feed.types import ActionItem, items_by_id
from api.graph.incentives.explained import AmortizedMonth, explained, steps_of
from api.graph.incentives.plans import IncentivePlan, plans_by_id
from api.graph.org.types import After, First, Rep, User, reps_by_id, users_by_id
from api.graph.pipeline.types import Deal, deals_by_id
from api.loaders import loads
from api.periods import Period
from api.relay import KINDS, Connection, Node, decode_cursor, global_id, page, page_size
from api.scalars import Money
from domain.calendar import Calendar, PeriodKind
from domain.incentives.amortization import schedule
from domain.incentives.model import DisputeAct, DisputeStatus, State
from domain.incentives.outcome import LineKind
from sql.pool import Record
from sql.queries import queries

_read = queries("incentive_read")

_LONGEST = 600


class Due(NamedTuple):
    """Names a statement: whose, and for which period."""

    rep_id: UUID
    kind: PeriodKind
    starts_on: date


async def statements_by_id(ctx: Context, ids: Sequence[UUID]) -> "Sequence[Statement | None]":
    """Statements of those whose pay the viewer sees."""
    statements = await ctx.whoever_asks(_stored_statements, ids)
    return await ctx.of_seen("pay", [one.rep_id if one else None for one in statements], statements)


async def _stored_statements(reads: Reads, ids: Sequence[UUID]) -> "list[Statement | None]":
    rows = await reads.fetch(_read.statements_by_ids, list(ids))
    calendar = await reads.calendar()
    found = {row["statement_id"]: Statement.of(row, calendar) for row in rows}
    return [found.get(statement_id) for statement_id in ids]


async def statements_of_reps(ctx: Context, keys: Sequence[Due]) -> "list[Statement | None]":
    """The statement of each rep for a period, as far as the viewer sees its pay."""
    columns = (list(column) for column in zip(*keys, strict=True))
    rows = await ctx.fetch(_read.statements_of_reps, *columns, await ctx.pay_sight())
    calendar = await ctx.calendar()
    found = {(row["rep_id"], row["period_kind"], row["starts_on"]): Statement.of(row, calendar) for row in rows}
    return [found.get((key.rep_id, key.kind, key.starts_on)) for key in keys]


async def lines_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[StatementLine | None]":
    """Lines of statements of those whose pay the viewer sees."""
    rows = await ctx.fetch(_read.lines_by_ids, list(ids), await ctx.pay_sight())
    calendar = await ctx.calendar()
    found = {row["line_id"]: StatementLine.of(row, calendar) for row in rows}
    return [found.get(line_id) for line_id in ids]


async def _lines_of_statement(ctx: Context, ids: Sequence[UUID]) -> list[list[Record]]:
    found: dict[UUID, list[Record]] = defaultdict(list)
    for row in await ctx.fetch(_read.lines_of_statements, list(ids)):
        found[row["statement_id"]].append(row)
    return [found[statement_id] for statement_id in ids]


async def disputes_by_id(ctx: Context, ids: Sequence[UUID]) -> "list[Dispute | None]":
    """Disputes of those whose pay the viewer sees."""
    rows = await ctx.fetch(_read.disputes_page, await ctx.pay_sight(), list(ids), None, None, None, None, len(ids))
    found = {row["dispute_id"]: Dispute.of(row) for row in rows}
    return [found.get(dispute_id) for dispute_id in ids]


async def _disputes_of_line(ctx: Context, ids: Sequence[UUID]) -> "list[list[Dispute]]":
    found: dict[UUID, list[Dispute]] = defaultdict(list)
    for row in await ctx.fetch(_read.disputes_of_lines, list(ids)):
        found[row["line_id"]].append(Dispute.of(row))
    return [found[line_id] for line_id in ids]


async def _events_of_dispute(ctx: Context, ids: Sequence[UUID]) -> "list[list[DisputeEvent]]":
    found: dict[UUID, list[DisputeEvent]] = defaultdict(list)
    for row in await ctx.fetch(_read.events_of_disputes, list(ids)):
        found[row["dispute_id"]].append(DisputeEvent.of(row))
    return [found[dispute_id] for dispute_id in ids]


@strawberry.type(description="Something that happened to a dispute.")
class DisputeEvent:
    actor_id: strawberry.Private[UUID | None]
    line_id: strawberry.Private[UUID | None]
    kind: DisputeAct = strawberry.field(description="What.")
    comment: str = strawberry.field(description="In words.")
    occurred_at: datetime = strawberry.field(description="When.")
    actor: User | None = loads(users_by_id, "actor_id", description="Who. Null when it was not a person.")
    adjustment: "StatementLine | None" = loads(
        lines_by_id, "line_id", description="The adjustment that an accepted dispute led to. Null without one."
    )

    @classmethod
    def of(cls, row: Record) -> "DisputeEvent":
        """From a row of `events_of_disputes`."""
        return cls(
            actor_id=row["actor_id"],
            line_id=row["line_id"],
            kind=DisputeAct(row["kind"]),
            comment=row["comment"],
            occurred_at=row["occurred_at"],
        )


@strawberry.type(description="A rep's doubt about a line of its statement, and what became of it.")
class Dispute(Node):
    dispute_id: strawberry.Private[UUID]
    rep_id: strawberry.Private[UUID]
    statement_id: strawberry.Private[UUID]
    line_id: strawberry.Private[UUID]
    item_id: strawberry.Private[UUID]
    status: DisputeStatus = strawberry.field(description="How it stands.")
    version: int = strawberry.field(description="Counts its changes; pass it as expectedVersion.")
    opened_at: datetime = strawberry.field(description="When it was opened.")
    closed_at: datetime | None = strawberry.field(description="When it was answered or withdrawn. Null while OPEN.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="Whose pay it is about. Null when not seen.")
    statement: "Statement | None" = loads(
        statements_by_id, "statement_id", description="The statement. Null when not seen."
    )
    line: "StatementLine | None" = loads(lines_by_id, "line_id", description="The line. Null when not seen.")
    action_item: ActionItem | None = loads(
        items_by_id, "item_id", description="The item on the feed that asks for an answer. Null when not seen."
    )
    timeline: list[DisputeEvent] = loads(_events_of_dispute, "dispute_id", description="What happened, oldest first.")

    @classmethod
    def of(cls, row: Record) -> "Dispute":
        """From a row of `dispute`."""
        return cls(
            id=global_id("Dispute", row["dispute_id"]),
            dispute_id=row["dispute_id"],
            rep_id=row["rep_id"],
            statement_id=row["statement_id"],
            line_id=row["line_id"],
            item_id=row["item_id"],
            status=DisputeStatus(row["status"]),
            version=row["version"],
            opened_at=row["opened_at"],
            closed_at=row["closed_at"],
        )


@strawberry.type(description="A line of a statement. It is written once; what was wrong is reversed and written anew.")
class StatementLine(Node):
    line_id: strawberry.Private[UUID]
    statement_id: strawberry.Private[UUID]
    plan_id: strawberry.Private[UUID | None]
    deal_id: strawberry.Private[UUID | None]
    reverses_id: strawberry.Private[UUID | None]
    calculation_id: strawberry.Private[UUID | None]
    created_by_id: strawberry.Private[UUID | None]
    key: strawberry.Private[str]
    kind: LineKind = strawberry.field(description="What it is.")
    amount: Money = strawberry.field(description="What it pays, in the payee's currency; negative takes back.")
    base: Decimal | None = strawberry.field(
        description="What was credited for it, as the component measures it. Null where nothing was."
    )
    component: str | None = strawberry.field(description="Key of the plan's component. Null for the plan as a whole.")
    plan_version: int | None = strawberry.field(description="The version of the plan that it follows. Null by hand.")
    origin: Period = strawberry.field(
        description="The period that it is about: an earlier one than the statement's where that was locked."
    )
    reason: str | None = strawberry.field(
        description="Why, in words: of an adjustment, or of the credit by hand that it pays for. Otherwise null."
    )
    reversed: bool = strawberry.field(description="Whether this statement itself takes it back, or it is what does.")
    created_at: datetime = strawberry.field(description="When it was written.")
    plan: IncentivePlan | None = loads(plans_by_id, "plan_id", description="The plan. Null by hand, or when not seen.")
    deal: Deal | None = loads(
        deals_by_id, "deal_id", description="The deal. Null where it is not about one, or not seen."
    )
    reverses: "StatementLine | None" = loads(
        lines_by_id, "reverses_id", description="Of a REVERSAL, the line that it takes back; otherwise null."
    )
    created_by: User | None = loads(users_by_id, "created_by_id", description="Of an ADJUSTMENT, who; otherwise null.")
    statement: "Statement | None" = loads(statements_by_id, "statement_id", description="The statement that it is on.")
    disputes: list[Dispute] = loads(_disputes_of_line, "line_id", description="Doubts about it, the latest first.")

    @strawberry.field(
        description="How it comes about, from the amount down to the deals, by the version that it followed. Empty for "
        "what is by hand. Of a REVERSAL: the line that it takes back."
    )
    async def explain(self, info: Info) -> list[ExplainStep]:
        return await steps_of(info.context, await info.context.load(explained, self.line_id))

    @strawberry.field(
        description="The line with the whole calculation that it was written from: plan, inputs, steps, lines. "
        "`attain explain FILE --verify` executes it again, to the same cent, without a database."
    )
    async def trace(self, info: Info) -> JSON | None:
        found = await info.context.load(explained, self.line_id)
        return None if found is None else JSON(found.document())

    @strawberry.field(description="What it costs month by month, in a straight line from the month of its period.")
    async def amortization(
        self, months: Annotated[int, strawberry.argument(description="Over how many, 1 to 600.")]
    ) -> list[AmortizedMonth]:
        if not 1 <= months <= _LONGEST:
            raise bad_request(f"`months` is between 1 and {_LONGEST}.")
        spread = schedule(self.amount.amount, months, self.amount.currency, self.origin.starts_on)
        return [AmortizedMonth.of(month, self.amount) for month in spread]

    @classmethod
    def of(cls, row: Record, calendar: Calendar) -> "StatementLine":
        """From a row of `earning` with `reversed`."""
        return cls(
            id=global_id("StatementLine", row["line_id"]),
            line_id=row["line_id"],
            statement_id=row["statement_id"],
            plan_id=row["plan_id"],
            deal_id=row["deal_id"],
            reverses_id=row["reverses"],
            calculation_id=row["calculation_id"],
            created_by_id=row["created_by"],
            key=row["key"],
            kind=LineKind(row["kind"]),
            amount=Money(amount=row["amount"], currency=row["currency"]),
            base=row["base"],
            component=row["component"],
            plan_version=row["plan_version"],
            origin=Period.of(calendar.period(PeriodKind(row["period_kind"]), row["origin_starts_on"])),
            reason=row["reason"],
            reversed=row["reversed"],
            created_at=row["created_at"],
        )


@strawberry.type(description="What a rep earned in a period. Live until it is locked.")
class Statement(Node):
    statement_id: strawberry.Private[UUID]
    rep_id: strawberry.Private[UUID]
    approved_by_id: strawberry.Private[UUID | None]
    locked_by_id: strawberry.Private[UUID | None]
    paid_by_id: strawberry.Private[UUID | None]
    period: Period = strawberry.field(description="The period that it pays for.")
    state: State = strawberry.field(description="How far it is.")
    earned: Money = strawberry.field(description="Earned for the period itself.")
    carried: Money = strawberry.field(description="What puts right earlier periods that were locked.")
    adjusted: Money = strawberry.field(description="By hand.")
    drawn: Money = strawberry.field(description="Draws, less what was recovered of them.")
    total: Money = strawberry.field(description="The sum of the four: what is paid.")
    version: int = strawberry.field(description="Counts its changes; pass it as expectedVersion.")
    approved_at: datetime | None = strawberry.field(description="When it was approved. Null while it is estimated.")
    locked_at: datetime | None = strawberry.field(description="When it was locked. Null before.")
    paid_at: datetime | None = strawberry.field(description="When it was paid. Null before.")
    computed_at: datetime = strawberry.field(description="When its numbers became what they are.")
    inputs_through: datetime = strawberry.field(description="The latest change of facts that they include.")
    rep: Rep | None = loads(reps_by_id, "rep_id", description="Who is paid. Null when not seen.")
    approved_by: User | None = loads(users_by_id, "approved_by_id", description="Who approved it. Null before.")
    locked_by: User | None = loads(users_by_id, "locked_by_id", description="Who locked it. Null before.")
    paid_by: User | None = loads(users_by_id, "paid_by_id", description="Who marked it as paid. Null before.")

    @strawberry.field(description="Its lines in the order in which they were written.")
    async def lines(
        self,
        info: Info,
        reversed: Annotated[
            bool, strawberry.argument(description="Also those that were taken back, and what takes them back.")
        ] = False,
        first: First = None,
        after: After = None,
    ) -> Connection[StatementLine]:
        size = page_size(first)
        stored = await info.context.load(_lines_of_statement, self.statement_id)
        calendar = await info.context.calendar()
        rows = left = [row for row in stored if reversed or not row["reversed"]]
        if after is not None:
            (place,) = decode_cursor(after, KINDS[UUID])
            left = [row for row in rows if row["line_id"] > place]

        async def count() -> int:
            return len(rows)

        return page(
            left, size, after, lambda row: StatementLine.of(row, calendar), lambda row: (row["line_id"],), count
        )

    @classmethod
    def of(cls, row: Record, calendar: Calendar) -> "Statement":
        """From a row of `statement`."""

        def of(name: str) -> Money:
            return Money(amount=row[name], currency=row["currency"])

        return cls(
            id=global_id("Statement", row["statement_id"]),
            statement_id=row["statement_id"],
            rep_id=row["rep_id"],
            approved_by_id=row["approved_by"],
            locked_by_id=row["locked_by"],
            paid_by_id=row["paid_by"],
            period=Period.of(calendar.period(PeriodKind(row["period_kind"]), row["starts_on"])),
            state=State(row["state"]),
            earned=of("earned"),
            carried=of("carried"),
            adjusted=of("adjusted"),
            drawn=of("drawn"),
            total=of("total"),
            version=row["version"],
            approved_at=row["approved_at"],
            locked_at=row["locked_at"],
            paid_at=row["paid_at"],
            computed_at=row["computed_at"],
            inputs_through=row["inputs_through"],
        )
