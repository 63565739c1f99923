"""What is live in the feed."""

from typing import Annotated

import strawberry

from api.context import Context
from api.graph.feed.query import ActionItemFilter, conditions
from api.graph.feed.types import ActionItem
from api.live import Logged, live
from api.relay import MAX_PAGE, uuid_of
from domain.feed.model import LIVE
from domain.org.model import Scope
from sql.queries import queries

_feed = queries("feed")

RepId = Annotated[strawberry.ID | None, strawberry.argument(description="Only items about this rep.")]
AssigneeId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only items that are, or until now were, for this user to do."),
]


async def live_items(ctx: Context, rep_id: RepId = None, assignee_id: AssigneeId = None) -> list[ActionItem]:
    """What is not closed, the most urgent first, at most 200."""
    where = list(await conditions(ctx, ActionItemFilter(rep_id=rep_id, assignee_id=assignee_id)))
    where[3] = sorted(LIVE)
    rows = await ctx.fetch(_feed.items_page, *where, -1, "PRIORITY", None, None, MAX_PAGE)
    return [ActionItem.of(row) for row in rows]


def concerns(event: Logged, rep_id: strawberry.ID | None = None, assignee_id: strawberry.ID | None = None) -> bool:
    """By ids alone."""
    about = rep_id is None or uuid_of(rep_id, "Rep") == event.rep_id
    people = (event.data.get("assignee_id"), event.data.get("from_id"))
    return about and (assignee_id is None or str(uuid_of(assignee_id, "User")) in people)


@strawberry.type
class FeedSubscription:
    action_item_changed = live(
        "feed.action_item",
        scope=Scope.FEED_READ,
        description="Action items as they open, change and close. The snapshot has what is not closed, the most urgent "
        "first, at most 200.",
        snapshot=live_items,
        matches=concerns,
    )
