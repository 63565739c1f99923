"""What happened, as others hear of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

CHANNEL = "attain:events"
"""Where Valkey carries the wake-up that an organisation's log grew: {"org": hex, "seq": n}."""


class EventKind(StrEnum):
    """What an event is about: `area.noun`. Who may read the area may hear of it."""

    ORG_ORGANIZATION = "org.organization"
    ORG_USER = "org.user"
    ORG_TEAM = "org.team"
    ORG_REP = "org.rep"
    ORG_TERRITORY = "org.territory"
    PIPELINE_DEAL = "pipeline.deal"
    QUOTAS_QUOTA = "quotas.quota"
    QUOTAS_PLAN = "quotas.plan"
    QUOTAS_ATTAINMENT = "quotas.attainment"
    QUOTAS_LEADERBOARD = "quotas.leaderboard"
    SCORECARDS_KPI = "scorecards.kpi"
    SCORECARDS_TEMPLATE = "scorecards.template"
    SCORECARDS_SCORECARD = "scorecards.scorecard"
    INCENTIVES_PLAN = "incentives.plan"
    INCENTIVES_STATEMENT = "incentives.statement"
    INCENTIVES_DISPUTE = "incentives.dispute"
    INCENTIVES_EXPORT = "incentives.export"
    FEED_RULE = "feed.rule"
    FEED_ACTION_ITEM = "feed.action_item"


PAY_KINDS = frozenset({EventKind.INCENTIVES_STATEMENT, EventKind.INCENTIVES_DISPUTE, EventKind.INCENTIVES_EXPORT})
"""Kinds that nobody may hear of altogether who does not see everybody's pay."""


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
