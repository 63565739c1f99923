"""Enums of the organisation."""

from enum import Enum

import strawberry

from api.enums import describe
from domain.calendar import FiscalPattern
from domain.events import EventKind
from domain.org.model import RepStatus, Role, Scope

describe(
    Role,
    "What a user is to the organisation.",
    ADMIN="Runs the organisation: structure, definitions, keys. Does not decide on pay.",
    COMP_ADMIN="Runs quotas and incentives, and sees everybody's.",
    MANAGER="Coaches the reps of the teams that it manages, and of those below.",
    REP="Sees its own numbers and acts on its own items.",
)

describe(
    Scope,
    "What a viewer may do. A role is a set of scopes; an API key has its own.",
    ORG_READ="Read users, teams, reps, territories and the calendar.",
    ORG_WRITE="Change users, teams, reps, territories and the calendar.",
    PIPELINE_READ="Read activities, leads and deals.",
    PIPELINE_WRITE="Store activities, leads and deals.",
    QUOTAS_READ="Read quotas, attainment and leaderboards.",
    QUOTAS_WRITE="Set quotas, propose and approve quota plans.",
    SCORECARDS_READ="Read KPIs and scorecards.",
    SCORECARDS_WRITE="Define KPIs and publish scorecard templates.",
    INCENTIVES_READ="Read incentive plans and statements.",
    INCENTIVES_WRITE="Publish incentive plans, approve statements, lock periods.",
    FEED_READ="Read action items and coaching rules.",
    FEED_WRITE="Create action items and act on them.",
    FEED_RULES="Publish coaching rules.",
    AUDIT_READ="Read the audit log.",
    KEYS_WRITE="Create and revoke API keys.",
    WEBHOOKS_WRITE="See, create and delete webhooks.",
)

describe(
    EventKind,
    "What a webhook can hear of. The area that it begins with needs the scope to read it.",
    ORG_ORGANIZATION="The organisation or its calendar.",
    ORG_USER="A user.",
    ORG_TEAM="A team.",
    ORG_REP="A rep, also its moves between teams.",
    ORG_TERRITORY="A territory.",
    PIPELINE_DEAL="A deal.",
    QUOTAS_QUOTA="A quota.",
    QUOTAS_PLAN="A proposed plan of quotas.",
    QUOTAS_ATTAINMENT="Somebody's attainment.",
    QUOTAS_LEADERBOARD="A leaderboard.",
    SCORECARDS_KPI="A KPI's definition.",
    SCORECARDS_TEMPLATE="A scorecard template.",
    SCORECARDS_SCORECARD="A scorecard of a week.",
    INCENTIVES_PLAN="An incentive plan.",
    INCENTIVES_STATEMENT="A statement of pay.",
    INCENTIVES_DISPUTE="A dispute about pay.",
    INCENTIVES_EXPORT="A payroll export.",
    FEED_RULE="A coaching rule.",
    FEED_ACTION_ITEM="An action item.",
)

describe(
    RepStatus,
    "Whether a rep still sells.",
    ACTIVE="Is with the organisation, or will be.",
    LEFT="Its day of leaving has come.",
)

describe(
    FiscalPattern,
    "How a fiscal year divides.",
    MONTHS="Into calendar months.",
    WEEKS_445="Into quarters of 13 weeks, as months of 4, 4 and 5.",
    WEEKS_454="Into quarters of 13 weeks, as months of 4, 5 and 4.",
    WEEKS_544="Into quarters of 13 weeks, as months of 5, 4 and 4.",
)


@strawberry.enum(description="A day of the week.")
class Weekday(Enum):
    MONDAY = strawberry.enum_value(1, description="The first day of an ISO week.")
    TUESDAY = strawberry.enum_value(2, description="The second.")
    WEDNESDAY = strawberry.enum_value(3, description="The third.")
    THURSDAY = strawberry.enum_value(4, description="The fourth.")
    FRIDAY = strawberry.enum_value(5, description="The fifth.")
    SATURDAY = strawberry.enum_value(6, description="The sixth.")
    SUNDAY = strawberry.enum_value(7, description="The last.")
