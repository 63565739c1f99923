"""People, teams and keys."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a user is to the organisation."""

    ADMIN = "ADMIN"
    COMP_ADMIN = "COMP_ADMIN"
    MANAGER = "MANAGER"
    REP = "REP"


class Scope(StrEnum):
    """What a viewer may do. A role is a set of scopes; an API key names its own."""

    ORG_READ = "org:read"
    ORG_WRITE = "org:write"
    PIPELINE_READ = "pipeline:read"
    PIPELINE_WRITE = "pipeline:write"
    QUOTAS_READ = "quotas:read"
    QUOTAS_WRITE = "quotas:write"
    SCORECARDS_READ = "scorecards:read"
    SCORECARDS_WRITE = "scorecards:write"
    INCENTIVES_READ = "incentives:read"
    INCENTIVES_WRITE = "incentives:write"
    FEED_READ = "feed:read"
    FEED_WRITE = "feed:write"
    FEED_RULES = "feed:rules"
    AUDIT_READ = "audit:read"
    KEYS_WRITE = "keys:write"


_READ = frozenset(scope for scope in Scope if scope.endswith(":read") and scope is not Scope.AUDIT_READ)

SCOPES: dict[Role, frozenset[Scope]] = {
    Role.ADMIN: frozenset(Scope) - {Scope.INCENTIVES_WRITE},
    Role.COMP_ADMIN: _READ
    | {Scope.QUOTAS_WRITE, Scope.INCENTIVES_WRITE, Scope.PIPELINE_WRITE, Scope.FEED_WRITE, Scope.AUDIT_READ},
    Role.MANAGER: _READ | {Scope.FEED_WRITE},
    Role.REP: _READ | {Scope.FEED_WRITE},
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `user_id` is set for a person, `key_id` for an API key, neither for Attain's own workers."""

    org_id: UUID
    scopes: frozenset[Scope]
    role: Role | None = None
    user_id: UUID | None = None
    key_id: UUID | None = None
    rep_id: UUID | None = None
    name: str = ""

    @property
    def actor_id(self) -> UUID | None:
        """The person or key, for the audit log."""
        return self.user_id or self.key_id

    @property
    def sees_everybody(self) -> bool:
        """Admins, compensation admins, API keys and the workers see every rep; others by the team tree."""
        return self.role not in (Role.MANAGER, Role.REP)

    @classmethod
    def system(cls, org_id: UUID) -> "Viewer":
        """Attain itself, at work for an organisation."""
        return cls(org_id, frozenset(Scope), name="attain")


class RepStatus(StrEnum):
    """Whether a rep still sells."""

    ACTIVE = "ACTIVE"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in."""

    user_id: UUID
    external_id: str | None
    email: str
    name: str
    role: Role
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Team:
    """A node of the team tree. Its manager sees the reps of it and of the teams below."""

    team_id: UUID
    external_id: str
    name: str
    parent_id: UUID | None
    manager_id: UUID | None
    version: int


@dataclass(frozen=True, slots=True)
class Rep:
    """Somebody who carries numbers. `left_on` is the first day on which the rep is gone."""

    rep_id: UUID
    external_id: str
    user_id: UUID | None
    name: str
    email: str | None
    title: str | None
    role: str | None
    status: RepStatus
    hired_on: date
    left_on: date | None
    version: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """A rep's team from `starts_on` to `ends_on` (exclusive; None is open)."""

    rep_id: UUID
    team_id: UUID
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A partner's key. The secret is shown once, at creation; its SHA-256 is stored."""

    key_id: UUID
    name: str
    last_four: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
