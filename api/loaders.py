"""Fields that are one batch load: declared, so that whoever executes the graph can see it."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import strawberry

from api.context import Batch, Info


def loads(batch: Batch[Any, Any], *attributes: str, description: str, **options: Any) -> Any:
    """A field whose value is `batch` of its parent's attribute, or of the tuple of several; None stays None.

    team: Team | None = loads(team_by_id, "team_id", description="The rep's team today.")
    """
    key: Callable[[Any], Any] = attrgetter(*attributes)

    async def resolve(root: Any, info: Info) -> Any:
        wanted = key(root)
        return None if wanted is None else await info.context.load(batch, wanted)

    return strawberry.field(resolver=resolve, description=description, metadata={"batch": batch, "key": key}, **options)
