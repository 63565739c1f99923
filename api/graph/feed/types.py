"""Rules, items and their evidence as the graph shows them."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

import api.graph.feed.enums  # noqa: F401 - describes the enums below
from api.context import Context, Reads, common
from api.graph.feed.evidence import CoachingEvidence
from api.graph.org.types import After, First, Rep, Team, User, reps_by_id, teams_by_id, users_by_id
from api.graph.scorecards.definitions import Kpi, kpis_by_id
from api.loaders import column, loads
from api.relay import KINDS, Connection, Node, decode_cursor, global_id, page, page_size
from api.scalars import Ratio
from api.sight import Guard
from domain.feed import stored
from domain.feed.model import Act, DismissReason, Kind, Status, Trigger
from sql.pool import Record
from sql.queries import queries

_feed = queries("feed")


@common
async def rules_by_id(reads: Reads, ids: Sequence[UUID]) -> "list[CoachingRule | None]":
    """Rules as they are in force today."""
    rows = await reads.fetch(_feed.rules_page, await reads.today(), list(ids), None, None, None, len(ids))
    found = {row["rule_id"]: CoachingRule.of(row) for row in rows}
    return [found.get(rule_id) for rule_id in ids]


async def versions_of_rule(ctx: Context, ids: Sequence[UUID]) -> "list[list[CoachingRuleVersion]]":
    """All versions of rules, the newest first."""
    found: dict[UUID, list[CoachingRuleVersion]] = {rule_id: [] for rule_id in ids}
    for row in await ctx.fetch(_feed.rule_versions, list(ids)):
        found[row["rule_id"]].append(CoachingRuleVersion.of(row))
    return [found[rule_id] for rule_id in ids]


async def items_by_id(ctx: Context, ids: Sequence[UUID]) -> "Sequence[ActionItem | None]":
    """Items that the viewer sees: of the reps in sight, and its own to do."""
    items = await ctx.whoever_asks(_stored_items, ids)
    guards: Iterable[Guard | None] = (("reps", item.rep_id, item.assignee_id) if item else None for item in items)
    return await ctx.shown(["reps"], guards, items)


async def _stored_items(reads: Reads, ids: Sequence[UUID]) -> "list[ActionItem | None]":
    rows = await reads.fetch(_feed.items_by_ids, await reads.today(), list(ids))
    found = {row["item_id"]: ActionItem.of(row) for row in rows}
    return [found.get(item_id) for item_id in ids]


@common
async def _events_of_item(reads: Reads, ids: Sequence[UUID]) -> list[list[Record]]:
    found: dict[UUID, list[Record]] = defaultdict(list)
    for row in await reads.fetch(_feed.events_of_items, list(ids)):
        found[row["item_id"]].append(row)
    return [found[item_id] for item_id in ids]


@strawberry.type(description="A version of a coaching rule: when it opens an item, and what the item says.")
class CoachingRuleVersion:
    version: int = strawberry.field(description="1 is the first.")
    valid_from: date = strawberry.field(description="The first day on which it may be in force.")
    active: bool = strawberry.field(description="False retires the rule.")
    name: str = strawberry.field(description="What the organisation calls it.")
    trigger: Trigger = strawberry.field(description="What the KPI is held against.")
    open_below: Ratio = strawberry.field(description="An item opens below this ratio.")
    close_above: Ratio = strawberry.field(description="It closes by itself above this one; between the two it stays.")
    trend_weeks: int = strawberry.field(description="Weeks that the own trend is the mean of.")
    min_peers: int = strawberry.field(description="Fewer peers than this are no measure.")
    min_sample: int = strawberry.field(description="A value that rests on fewer facts is not judged.")
    shrink_weight: Decimal = strawberry.field(
        description="A rate over few cases is drawn toward that of the peers as if so many cases more had shown it; 0 "
        "takes it as it is."
    )
    min_workdays: int = strawberry.field(description="A week in which the rep had fewer workdays is not judged.")
    ramp_days: int = strawberry.field(description="Days after the hire in which a rep is left alone.")
    running_week_from: Ratio = strawberry.field(
        description="The running week is judged once this share of the rep's workdays has gone by, else the last one."
    )
    cooldown_days: int = strawberry.field(description="Days after an item was closed in which no new one opens.")
    due_workdays: int = strawberry.field(description="Workdays that an item gives.")
    title: str = strawberry.field(description="Title of the items, with placeholders such as {rep}, {value}, {due}.")
    body: str = strawberry.field(description="Body of the items, with the same placeholders.")

    @classmethod
    def of(cls, row: Record) -> "CoachingRuleVersion":
        """From a row of `coaching_rule_version`."""
        rule = stored.rule(row)
        d = rule.definition
        return cls(
            version=rule.version,
            valid_from=rule.valid_from,
            active=rule.active,
            name=rule.name,
            trigger=d.trigger,
            open_below=Ratio(d.open_below),
            close_above=Ratio(d.close_above),
            trend_weeks=d.trend_weeks,
            min_peers=d.min_peers,
            min_sample=d.min_sample,
            shrink_weight=d.shrink_weight,
            min_workdays=d.min_workdays,
            ramp_days=d.ramp_days,
            running_week_from=Ratio(d.running_week_from),
            cooldown_days=d.cooldown_days,
            due_workdays=d.due_workdays,
            title=d.title,
            body=d.body,
        )


@strawberry.type(description="A rule that opens an action item when a KPI of a rep falls too low.")
class CoachingRule(Node):
    rule_id: strawberry.Private[UUID]
    kpi_id: strawberry.Private[UUID]
    key: str = strawberry.field(description="The organisation's own name for it; does not change.")
    current: CoachingRuleVersion = strawberry.field(
        description="The version in force today, or the first to come into force."
    )
    newest_version: int = strawberry.field(description="Pass it as expectedVersion to publish the next one.")
    kpi: Kpi | None = loads(kpis_by_id, "kpi_id", description="The KPI that it watches, as it is defined today.")
    versions: list[CoachingRuleVersion] = loads(
        versions_of_rule, "rule_id", description="Every version, the newest first."
    )

    @classmethod
    def of(cls, row: Record) -> "CoachingRule":
        """From a row of `rules_page`."""
        return cls(
            id=global_id("CoachingRule", row["rule_id"]),
            rule_id=row["rule_id"],
            kpi_id=row["kpi_id"],
            key=row["key"],
            current=CoachingRuleVersion.of(row),
            newest_version=row["newest_version"],
        )


@strawberry.type(description="A line of an action item's timeline.")
class ActionItemEvent:
    actor_id: strawberry.Private[UUID | None]
    to_id: strawberry.Private[UUID | None]
    kind: Act = strawberry.field(description="What happened.")
    occurred_at: datetime = strawberry.field(description="When.")
    comment: str | None = strawberry.field(description="What was said; null when nothing was.")
    dismiss_reason: DismissReason | None = strawberry.field(description="Of DISMISSED; otherwise null.")
    snoozed_until: date | None = strawberry.field(description="Of SNOOZED; otherwise null.")
    actor: User | None = loads(users_by_id, "actor_id", description="Who; null for Attain itself and for API keys.")
    assignee: User | None = loads(users_by_id, "to_id", description="Of REASSIGNED, who has it now; otherwise null.")

    @classmethod
    def of(cls, row: Record) -> "ActionItemEvent":
        """From a row of `action_item_event`."""
        data = row["data"]
        return cls(
            actor_id=row["actor_id"],
            to_id=UUID(data["assigneeId"]) if "assigneeId" in data else None,
            kind=Act(row["kind"]),
            occurred_at=row["occurred_at"],
            comment=row["comment"],
            dismiss_reason=DismissReason(data["reason"]) if "reason" in data else None,
            snoozed_until=date.fromisoformat(data["until"]) if "until" in data else None,
        )


async def _timelines(
    ctx: Context, items: "Sequence[ActionItem]", first: First = None, after: After = None
) -> list[Connection[ActionItemEvent]]:
    size = page_size(first)
    place = decode_cursor(after, KINDS[datetime], KINDS[UUID]) if after is not None else None
    pages = []
    for rows in await ctx.load_each(_events_of_item, [item.item_id for item in items]):
        told = rows or []
        left = [row for row in told if place is None or _event_place(row) > place]
        pages.append(page(left, size, after, ActionItemEvent.of, _event_place, _counted(len(told))))
    return pages


def _event_place(row: Record) -> tuple[object, ...]:
    return row["occurred_at"], row["event_id"]


@strawberry.type(description="Something to do for a rep: a coaching task, or one made by hand.")
class ActionItem(Node):
    item_id: strawberry.Private[UUID]
    rep_id: strawberry.Private[UUID]
    assignee_id: strawberry.Private[UUID | None]
    kpi_id: strawberry.Private[UUID | None]
    rule_id: strawberry.Private[UUID | None]
    stored_evidence: strawberry.Private[Any]
    kind: Kind = strawberry.field(description="Where it comes from.")
    status: Status = strawberry.field(description="Where it stands.")
    title: str = strawberry.field(description="One line.")
    body: str = strawberry.field(description="What to do next, in plain words, with the numbers.")
    priority: int = strawberry.field(
        description="0 to 100. Of a coaching item gap x weight x time: it rises until the day it is due."
    )
    due_on: date | None = strawberry.field(description="The day by which it is to be done; null when there is none.")
    overdue: bool = strawberry.field(description="Not closed, and `dueOn` is past.")
    week: date | None = strawberry.field(description="First day of the week that was judged; null if made by hand.")
    snoozed_until: date | None = strawberry.field(description="The day on which it wakes; null unless SNOOZED.")
    outcome: str | None = strawberry.field(
        description="What came of it, in the words of who closed it; null before, and when nothing was said."
    )
    dismiss_reason: DismissReason | None = strawberry.field(description="Why it was dismissed; null unless DISMISSED.")
    rule_version: int | None = strawberry.field(description="Version of the rule that opened it; null if made by hand.")
    version: int = strawberry.field(description="Pass it as expectedVersion. Comments and priority do not change it.")
    created_at: datetime = strawberry.field(description="When it was opened.")
    updated_at: datetime = strawberry.field(description="When anything about it changed last.")
    closed_at: datetime | None = strawberry.field(description="When it became final; null before.")
    rep: Rep | None = loads(
        reps_by_id, "rep_id", description="Whom it is about; null when the viewer sees only the item."
    )
    assignee: User | None = loads(users_by_id, "assignee_id", description="Who is to do it; null when nobody is.")
    kpi: Kpi | None = loads(
        kpis_by_id, "kpi_id", description="The KPI that it is about, as it is defined today; null when about none."
    )
    rule: CoachingRule | None = loads(
        rules_by_id, "rule_id", description="The rule that opened it; null if made by hand."
    )

    @strawberry.field(description="The numbers that opened it; null if made by hand.")
    def evidence(self) -> CoachingEvidence | None:
        return None if self.stored_evidence is None else CoachingEvidence.of(self.stored_evidence)

    timeline: Connection[ActionItemEvent] = column(_timelines, description="What happened to it, oldest first.")

    @classmethod
    def of(cls, row: Record) -> "ActionItem":
        """From a row of `action_item` with `overdue`."""
        return cls(
            id=global_id("ActionItem", row["item_id"]),
            item_id=row["item_id"],
            rep_id=row["rep_id"],
            assignee_id=row["assignee_id"],
            kpi_id=row["kpi_id"],
            rule_id=row["rule_id"],
            stored_evidence=row["evidence"],
            kind=Kind(row["kind"]),
            status=Status(row["status"]),
            title=row["title"],
            body=row["body"],
            priority=int(row["priority"]),
            due_on=row["due_on"],
            overdue=row["overdue"],
            week=row["week"],
            snoozed_until=row["snoozed_until"],
            outcome=row["outcome"],
            dismiss_reason=DismissReason(row["dismiss_reason"]) if row["dismiss_reason"] else None,
            rule_version=row["rule_version"],
            version=row["version"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            closed_at=row["closed_at"],
        )


@strawberry.type(description="How the work of an assignee, a rep, a rule or a team stands.")
class ActionItemSummary:
    assignee_id: strawberry.Private[UUID | None] = None
    rep_id: strawberry.Private[UUID | None] = None
    rule_id: strawberry.Private[UUID | None] = None
    team_id: strawberry.Private[UUID | None] = None
    open: int = strawberry.field(description="Not closed yet: open, in progress or snoozed.")
    overdue: int = strawberry.field(description="Of those, the ones whose `dueOn` is past.")
    done: int = strawberry.field(description="Completed since the day asked for.")
    dismissed: int = strawberry.field(description="Dismissed since the day asked for.")
    recovered: int = strawberry.field(description="Closed by themselves since the day asked for.")
    median_days_to_done: Decimal | None = strawberry.field(
        description="Median of the days from opening to completion; null when none was completed."
    )
    assignee: User | None = loads(
        users_by_id, "assignee_id", description="Grouped by ASSIGNEE; null for items of nobody, and otherwise."
    )
    rep: Rep | None = loads(reps_by_id, "rep_id", description="Grouped by REP; otherwise null.")
    rule: CoachingRule | None = loads(
        rules_by_id, "rule_id", description="Grouped by RULE; null for items by hand, and otherwise."
    )
    team: Team | None = loads(
        teams_by_id, "team_id", description="Grouped by TEAM; null for reps in no team today, and otherwise."
    )

    @classmethod
    def of(cls, row: Record, grouped_by: str) -> "ActionItemSummary":
        """From a row of `items_summary`; `grouped_by` names the id that the group is: "rep_id"."""
        return cls(
            open=row["open"],
            overdue=row["overdue"],
            done=row["done"],
            dismissed=row["dismissed"],
            recovered=row["recovered"],
            median_days_to_done=row["median_days_to_done"],
            **{grouped_by: row["group_id"]},
        )


def _counted(length: int) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return length

    return count
