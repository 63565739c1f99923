"""What happened, as others hear of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

CHANNEL = "attain:events"
"""Where Valkey carries the wake-up that an organisation's log grew: {"org": hex, "seq": n}."""


class Change(StrEnum):
    """What became of the node."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one node, written to the outbox in the transaction that made it.

    `kind` is `area.noun` (`feed.action_item`). `node_type` and `node_key` make the node's global id. Who may hear of
    it: with `rep_id`, those who see the rep; with `team_id`, those who see the team; with neither, the organisation.
    Of `incentives`, those who see the rep's pay; of a payroll export, those who see everybody's.
    `data["heard_by"]` may name users who hear of it besides. The rest of `data` is what a subscription filters by
    (`{"week": "2026-11-16"}`), never the node itself.
    """

    kind: str
    change: Change
    node_type: str
    node_key: str
    rep_id: UUID | None = None
    team_id: UUID | None = None
    data: Mapping[str, object] = field(default_factory=dict)


def tells_pay(kind: str, rep_id: UUID | None) -> bool:
    """Whether only those may hear of an event who see pay: the rep's, or without a rep everybody's.

    The query `live.log_visible` says the same.
    """
    return kind == "incentives.export" or (kind.startswith("incentives.") and rep_id is not None)
