"""What an import can fill: the fields of each kind of item, as text, and the action that takes the items."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any

from domain.org.model import Move, RepItem, Role, TeamItem, Upserted, UserItem, UserKey
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from domain.pipeline.actions import activities_ingest, deals_ingest, leads_ingest
from domain.pipeline.model import ActivityItem, DealItem, DealStatus, Ingested, LeadItem, SplitItem
from domain.work import Work

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


class Kind(Enum):
    """What a text is to become."""

    TEXT = auto()
    INSTANT = auto()
    DAY = auto()
    NUMBER = auto()
    WHOLE = auto()
    FLAG = auto()
    SHARES = auto()  # "ann=0.5; ben=0.5"


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of item: its fields by their names in the graph, those that no row may lack, and what takes the items."""

    fields: Mapping[str, Kind | type[StrEnum]]
    required: Sequence[str]
    make: Callable[[dict[str, Any]], Any]
    take: Callable[[Work, str, Sequence[Any]], Awaitable[Ingested | Upserted]]


def _attributes(values: dict[str, Any]) -> dict[str, Any]:
    return {_HUMP.sub("_", name).lower(): value for name, value in values.items()}


def _team(values: dict[str, Any]) -> TeamItem:
    if "managerEmail" in values:
        values["manager"] = UserKey(email=values.pop("managerEmail"))
    return TeamItem(**_attributes(values))


def _rep(values: dict[str, Any]) -> RepItem:
    if "userEmail" in values:
        values["user"] = UserKey(email=values.pop("userEmail"))
    if "team" in values:
        values["team"] = Move(values["team"])
    return RepItem(**_attributes(values))


def _deal(values: dict[str, Any]) -> DealItem:
    values["splits"] = [SplitItem(rep, share) for rep, share in values.get("splits", ())]
    return DealItem(**_attributes(values))


_FACT = {
    "externalId": Kind.TEXT,
    "repExternalId": Kind.TEXT,
    "sourceUpdatedAt": Kind.INSTANT,
    "deleted": Kind.FLAG,
}

TARGETS: Mapping[str, Target] = {
    "users": Target(
        {"externalId": Kind.TEXT, "email": Kind.TEXT, "name": Kind.TEXT, "role": Role, "active": Kind.FLAG},
        ("email", "name", "role"),
        lambda values: UserItem(**_attributes(values)),
        lambda work, _source, items: users_upsert(work, items),
    ),
    "teams": Target(
        {"externalId": Kind.TEXT, "name": Kind.TEXT, "parent": Kind.TEXT, "managerEmail": Kind.TEXT},
        ("externalId",),
        _team,
        lambda work, _source, items: teams_upsert(work, items),
    ),
    "reps": Target(
        {
            "externalId": Kind.TEXT,
            "name": Kind.TEXT,
            "email": Kind.TEXT,
            "title": Kind.TEXT,
            "role": Kind.TEXT,
            "hiredOn": Kind.DAY,
            "leftOn": Kind.DAY,
            "userEmail": Kind.TEXT,
            "team": Kind.TEXT,
        },
        ("externalId",),
        _rep,
        lambda work, _source, items: reps_upsert(work, items),
    ),
    "activities": Target(
        {
            **_FACT,
            "kind": Kind.TEXT,
            "occurredAt": Kind.INSTANT,
            "outcome": Kind.TEXT,
            "subject": Kind.TEXT,
            "minutes": Kind.WHOLE,
            "dealExternalId": Kind.TEXT,
        },
        ("externalId",),
        lambda values: ActivityItem(**_attributes(values)),
        activities_ingest,
    ),
    "leads": Target(
        {
            **_FACT,
            "arrivedAt": Kind.INSTANT,
            "firstResponseAt": Kind.INSTANT,
            "quotedAt": Kind.INSTANT,
            "channel": Kind.TEXT,
            "company": Kind.TEXT,
        },
        ("externalId",),
        lambda values: LeadItem(**_attributes(values)),
        leads_ingest,
    ),
    "deals": Target(
        {
            **_FACT,
            "name": Kind.TEXT,
            "stage": Kind.TEXT,
            "status": DealStatus,
            "amount": Kind.NUMBER,
            "currency": Kind.TEXT,
            "exchangeRate": Kind.NUMBER,
            "margin": Kind.NUMBER,
            "units": Kind.NUMBER,
            "account": Kind.TEXT,
            "product": Kind.TEXT,
            "territoryExternalId": Kind.TEXT,
            "leadExternalId": Kind.TEXT,
            "openedAt": Kind.INSTANT,
            "closedAt": Kind.INSTANT,
            "expectedCloseOn": Kind.DAY,
            "splits": Kind.SHARES,
        },
        ("externalId",),
        _deal,
        deals_ingest,
    ),
}
"""By the name that a mapping's `into` has."""
