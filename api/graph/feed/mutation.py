"""Root fields that change the feed."""

from datetime import date
from decimal import Decimal
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry

from api.auth import writes
from api.context import Context, Info
from api.errors import Payload
from api.graph.feed.types import ActionItem, CoachingRule, items_by_id, rules_by_id
from api.relay import uuid_of
from api.scalars import Ratio
from domain.errors import reject
from domain.feed import actions
from domain.feed.model import ActionItem as Item
from domain.feed.model import Definition, DismissReason, Trigger
from domain.org.model import Scope

_DEFAULT = Definition(Trigger.BELOW_TARGET, "", "")

ItemId = Annotated[strawberry.ID, strawberry.argument(description="The action item.")]
ExpectedVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The version as it was read: StaleVersion when somebody changed it since. Left out, the last wins."
    ),
]


@strawberry.type(description="What became of an item.")
class ActionItemPayload(Payload):
    action_item: ActionItem | None = strawberry.field(
        default=None, description="As it is now. Null when nothing was done, or when it left the viewer's sight."
    )


@strawberry.type(description="The item made.")
class ActionItemCreatePayload(ActionItemPayload):
    pass


@strawberry.type(description="The item, in progress.")
class ActionItemStartPayload(ActionItemPayload):
    pass


@strawberry.type(description="The item, done.")
class ActionItemCompletePayload(ActionItemPayload):
    pass


@strawberry.type(description="The item, dismissed.")
class ActionItemDismissPayload(ActionItemPayload):
    pass


@strawberry.type(description="The item, snoozed.")
class ActionItemSnoozePayload(ActionItemPayload):
    pass


@strawberry.type(description="The item, with its new assignee.")
class ActionItemReassignPayload(ActionItemPayload):
    pass


@strawberry.type(description="The item with what was said.")
class ActionItemCommentPayload(ActionItemPayload):
    pass


@strawberry.type(description="The rule published.")
class CoachingRulePublishPayload(Payload):
    coaching_rule: CoachingRule | None = strawberry.field(
        default=None, description="As it is now. Null when nothing was done."
    )


P = TypeVar("P", bound=ActionItemPayload)


@strawberry.input(description="An action item by hand.")
class ActionItemCreateInput:
    rep_id: strawberry.ID = strawberry.field(description="Whom it is about.")
    title: str = strawberry.field(description="One line, at most 200 characters.")
    body: str = strawberry.field(default="", description="What to do; at most 4,000 characters.")
    assignee_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who is to do it; the rep's manager by default. A rep gives work to itself only."
    )
    kpi_id: strawberry.ID | None = strawberry.field(default=None, description="The KPI that it is about, if about one.")
    due_on: date | None = strawberry.field(default=None, description="Today or later.")
    priority: int = strawberry.field(default=50, description="0 to 100.")


@strawberry.input(description="A coaching rule, or the next version of one. What is left out has the default.")
class CoachingRulePublishInput:
    key: str = strawberry.field(description="The organisation's own name for it. A key that exists gets a new version.")
    name: str = strawberry.field(description="What people call it.")
    kpi_id: strawberry.ID = strawberry.field(description="The KPI that it watches; the same in every version.")
    trigger: Trigger = strawberry.field(description="What the KPI is held against.")
    title: str = strawberry.field(
        description="Title of the items. {rep} {kpi} {value} {target} {reference} {ratio} {gap} {sample} {peers} "
        "{weeks} {week} {due} stand for what they say."
    )
    body: str = strawberry.field(description="What to do next, in plain words, with the same placeholders.")
    active: bool = strawberry.field(default=True, description="False retires the rule and dismisses its items.")
    valid_from: date | None = strawberry.field(default=None, description="Today or later; today by default.")
    expected_version: int | None = strawberry.field(
        default=None, description="`newestVersion` as it was read, 0 for a new rule. Left out, the last one wins."
    )
    open_below: Ratio = strawberry.field(
        default=Ratio(_DEFAULT.open_below), description="Open an item below this ratio."
    )
    close_above: Ratio = strawberry.field(
        default=Ratio(_DEFAULT.close_above), description="Close it above this one, which is higher."
    )
    trend_weeks: int = strawberry.field(
        default=_DEFAULT.trend_weeks, description="Of BELOW_OWN_TREND: weeks of the mean, 2 to 52."
    )
    min_peers: int = strawberry.field(
        default=_DEFAULT.min_peers, description="Of BELOW_PEER_MEDIAN: do not judge by fewer, 2 or more."
    )
    min_sample: int = strawberry.field(default=_DEFAULT.min_sample, description="Do not judge fewer facts.")
    shrink_weight: Decimal = strawberry.field(
        default=_DEFAULT.shrink_weight,
        description="Of rates: draw small samples toward the peers' rate as if so many cases more had shown it.",
    )
    min_workdays: int = strawberry.field(
        default=_DEFAULT.min_workdays, description="Do not judge a week with fewer workdays of the rep, 1 to 7."
    )
    ramp_days: int = strawberry.field(default=_DEFAULT.ramp_days, description="Leave new reps alone so many days.")
    running_week_from: Ratio = strawberry.field(
        default=Ratio(_DEFAULT.running_week_from),
        description="Judge the running week once this share of the rep's workdays has gone by; 1 waits for its end.",
    )
    cooldown_days: int = strawberry.field(
        default=_DEFAULT.cooldown_days, description="Open none so many days after one was closed."
    )
    due_workdays: int = strawberry.field(
        default=_DEFAULT.due_workdays, description="Workdays that an item gives, 1 to 60."
    )

    def definition(self) -> Definition:
        """The part that is versioned as a whole."""
        return Definition(
            trigger=self.trigger,
            title=self.title,
            body=self.body,
            open_below=self.open_below,
            close_above=self.close_above,
            trend_weeks=self.trend_weeks,
            min_peers=self.min_peers,
            min_sample=self.min_sample,
            shrink_weight=self.shrink_weight,
            min_workdays=self.min_workdays,
            ramp_days=self.ramp_days,
            running_week_from=self.running_week_from,
            cooldown_days=self.cooldown_days,
            due_workdays=self.due_workdays,
        )


def _given(text: str, type_name: str, *path: str) -> UUID:
    """The uuid of an id. Raises `Rejected` (NOT_FOUND) for what is no id of the type."""
    found = uuid_of(text, type_name)
    if found is None:
        raise reject("NOT_FOUND", f"No {type_name} has this id.", *path)
    return found


async def _shown(ctx: Context, payload: type[P], item: Item) -> P:
    """The item as the viewer sees it after the act."""
    (now,) = await items_by_id(ctx, [item.item_id])
    return payload(action_item=now, user_errors=[])


@strawberry.type
class FeedMutation:
    @writes(
        Scope.FEED_RULES, "Publish a coaching rule, or a new version of it. Live items keep the evidence they have."
    )
    async def coaching_rule_publish(
        self,
        info: Info,
        input: Annotated[CoachingRulePublishInput, strawberry.argument(description="The rule.")],
    ) -> CoachingRulePublishPayload:
        rule = await actions.coaching_rule_publish(
            info.context.work(),
            key=input.key,
            name=input.name,
            kpi_id=_given(input.kpi_id, "Kpi", "input", "kpiId"),
            definition=input.definition(),
            active=input.active,
            valid_from=input.valid_from,
            expected_version=input.expected_version,
        )
        (now,) = await rules_by_id(info.context, [rule.rule_id])
        return CoachingRulePublishPayload(coaching_rule=now, user_errors=[])

    @writes(Scope.FEED_WRITE, "Make an action item by hand, for a rep that the viewer sees.")
    async def action_item_create(
        self,
        info: Info,
        input: Annotated[ActionItemCreateInput, strawberry.argument(description="The item.")],
    ) -> ActionItemCreatePayload:
        item = await actions.action_item_create(
            info.context.work(),
            rep_id=_given(input.rep_id, "Rep", "input", "repId"),
            title=input.title,
            body=input.body,
            assignee_id=_given(input.assignee_id, "User", "input", "assigneeId") if input.assignee_id else None,
            kpi_id=_given(input.kpi_id, "Kpi", "input", "kpiId") if input.kpi_id else None,
            due_on=input.due_on,
            priority=input.priority,
        )
        return await _shown(info.context, ActionItemCreatePayload, item)

    @writes(Scope.FEED_WRITE, "Say that somebody is at it: an open or snoozed item is IN_PROGRESS.")
    async def action_item_start(
        self,
        info: Info,
        id: ItemId,
        expected_version: ExpectedVersion = None,
    ) -> ActionItemStartPayload:
        item_id = _given(id, "ActionItem", "id")
        item = await actions.action_item_start(info.context.work(), item_id, expected_version=expected_version)
        return await _shown(info.context, ActionItemStartPayload, item)

    @writes(Scope.FEED_WRITE, "Say that it is done, and what came of it.")
    async def action_item_complete(
        self,
        info: Info,
        id: ItemId,
        outcome: Annotated[str, strawberry.argument(description="What came of it, at most 4,000 characters.")],
        expected_version: ExpectedVersion = None,
    ) -> ActionItemCompletePayload:
        item_id = _given(id, "ActionItem", "id")
        item = await actions.action_item_complete(
            info.context.work(), item_id, outcome=outcome, expected_version=expected_version
        )
        return await _shown(info.context, ActionItemCompletePayload, item)

    @writes(Scope.FEED_WRITE, "Say that nothing is to be done, and why. The rule rests for its cooldown.")
    async def action_item_dismiss(
        self,
        info: Info,
        id: ItemId,
        reason: Annotated[DismissReason, strawberry.argument(description="Why; OTHER needs a comment.")],
        comment: Annotated[str | None, strawberry.argument(description="In words, at most 4,000 characters.")] = None,
        expected_version: ExpectedVersion = None,
    ) -> ActionItemDismissPayload:
        item_id = _given(id, "ActionItem", "id")
        item = await actions.action_item_dismiss(
            info.context.work(), item_id, reason=reason, comment=comment, expected_version=expected_version
        )
        return await _shown(info.context, ActionItemDismissPayload, item)

    @writes(Scope.FEED_WRITE, "Put it off: it wakes as OPEN on the morning of a day.")
    async def action_item_snooze(
        self,
        info: Info,
        id: ItemId,
        until: Annotated[date, strawberry.argument(description="A day after today, at most a year ahead.")],
        expected_version: ExpectedVersion = None,
    ) -> ActionItemSnoozePayload:
        item_id = _given(id, "ActionItem", "id")
        item = await actions.action_item_snooze(
            info.context.work(), item_id, until=until, expected_version=expected_version
        )
        return await _shown(info.context, ActionItemSnoozePayload, item)

    @writes(Scope.FEED_WRITE, "Give it to another user, who sees it from then on. Not for the rep that it is about.")
    async def action_item_reassign(
        self,
        info: Info,
        id: ItemId,
        assignee_id: Annotated[strawberry.ID, strawberry.argument(description="An active user.")],
        expected_version: ExpectedVersion = None,
    ) -> ActionItemReassignPayload:
        item_id = _given(id, "ActionItem", "id")
        item = await actions.action_item_reassign(
            info.context.work(),
            item_id,
            assignee_id=_given(assignee_id, "User", "assigneeId"),
            expected_version=expected_version,
        )
        return await _shown(info.context, ActionItemReassignPayload, item)

    @writes(Scope.FEED_WRITE, "Say something on the timeline, also of a closed item.")
    async def action_item_comment(
        self,
        info: Info,
        id: ItemId,
        comment: Annotated[str, strawberry.argument(description="At most 4,000 characters.")],
    ) -> ActionItemCommentPayload:
        item = await actions.action_item_comment(info.context.work(), _given(id, "ActionItem", "id"), comment=comment)
        return await _shown(info.context, ActionItemCommentPayload, item)
