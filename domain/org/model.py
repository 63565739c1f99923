"""People, teams, territories and keys, and the inputs that state them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from domain.calendar import FiscalPattern
from domain.errors import Problem
from domain.unset import UNSET, Unset


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
    WEBHOOKS_WRITE = "webhooks:write"


READ = frozenset(scope for scope in Scope if scope.endswith(":read") and scope is not Scope.AUDIT_READ)
"""The scopes that every role has."""

SCOPES: dict[Role, frozenset[Scope]] = {
    Role.ADMIN: frozenset(Scope) - {Scope.INCENTIVES_WRITE},
    Role.COMP_ADMIN: READ
    | {Scope.QUOTAS_WRITE, Scope.INCENTIVES_WRITE, Scope.PIPELINE_WRITE, Scope.FEED_WRITE, Scope.AUDIT_READ}
    | {Scope.KEYS_WRITE, Scope.WEBHOOKS_WRITE},
    Role.MANAGER: READ | {Scope.FEED_WRITE},
    Role.REP: READ | {Scope.FEED_WRITE},
}

PAY_SCOPES = frozenset({Scope.INCENTIVES_READ, Scope.INCENTIVES_WRITE})
"""What opens everybody's pay to an API key."""


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

    @property
    def sees_all_pay(self) -> bool:
        """Compensation admins, API keys with the scope and the workers see what everybody is paid; admins do not."""
        return self.role in (None, Role.COMP_ADMIN) and Scope.INCENTIVES_READ in self.scopes

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
    hired_on: date
    left_on: date | None
    version: int

    def status(self, day: date) -> RepStatus:
        """What the rep is on a day."""
        return RepStatus.LEFT if self.left_on is not None and self.left_on <= day else RepStatus.ACTIVE


@dataclass(frozen=True, slots=True, order=True)
class Stay:
    """Days that a rep spends in a team, or covers a territory: `[starts_on, ends_on)`; no end is open."""

    starts_on: date
    ends_on: date | None
    at: UUID

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)


@dataclass(frozen=True, slots=True)
class Leave:
    """Days off: `[starts_on, ends_on)`, so `ends_on` is the first day back."""

    starts_on: date
    ends_on: date
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Territory:
    """A node of the territory tree: a region, an industry, a list of accounts."""

    territory_id: UUID
    external_id: str
    name: str
    parent_id: UUID | None
    version: int


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


@dataclass(frozen=True, slots=True)
class Holidays:
    """All days off of everybody: its own, and the public ones of a country (ISO 3166) or of a part of it."""

    dates: frozenset[date] = frozenset()
    country: str | None = None
    subdivision: str | None = None


@dataclass(frozen=True, slots=True)
class CalendarChange:
    """What a new version of the calendar says from `valid_from` on (default today); the rest stays as it was."""

    valid_from: date | None = None
    time_zone: str | Unset = UNSET
    week_starts_on: int | Unset = UNSET
    fiscal_start_month: int | Unset = UNSET
    fiscal_pattern: FiscalPattern | Unset = UNSET
    workdays: frozenset[int] | Unset = UNSET
    opens_at: time | Unset = UNSET
    closes_at: time | Unset = UNSET
    holidays: Holidays | Unset = UNSET


@dataclass(frozen=True, slots=True)
class UserKey:
    """Names a user by one of the two."""

    email: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class UserItem:
    """A user as it should be; found by `external_id` where given, else by e-mail address."""

    email: str
    name: str
    role: Role
    external_id: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class TeamItem:
    """A team as it should be, found by `external_id`. `parent` is another's `external_id`, of this call too."""

    external_id: str
    name: str | Unset = UNSET
    parent: str | Unset | None = UNSET
    manager: UserKey | Unset | None = UNSET


@dataclass(frozen=True, slots=True)
class Move:
    """Into a team for the days `[effective_on, until)`.

    Left out, `effective_on` is today (for a new rep the day of hire) and `until` is open.
    """

    team: str
    effective_on: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class RepItem:
    """A rep as it should be, found by `external_id`. `leave`, where given, is all of it."""

    external_id: str
    name: str | Unset = UNSET
    hired_on: date | Unset = UNSET
    left_on: date | Unset | None = UNSET
    email: str | Unset | None = UNSET
    title: str | Unset | None = UNSET
    role: str | Unset | None = UNSET
    user: UserKey | Unset | None = UNSET
    team: Move | Unset = UNSET
    leave: Sequence[Leave] | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Cover:
    """A rep (by `external_id`) covers a territory on the days `[starts_on, ends_on)`; no end is open."""

    rep: str
    starts_on: date
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class TerritoryItem:
    """A territory as it should be, found by `external_id`. `reps`, where given, is all of its coverage."""

    external_id: str
    name: str | Unset = UNSET
    parent: str | Unset | None = UNSET
    reps: Sequence[Cover] | Unset = UNSET


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of a list: the ids of what is stored now, in the order of the items, and what was refused."""

    ids: Sequence[UUID] = ()
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: Sequence[Problem] = field(default_factory=tuple)
