"""Enums of quotas and attainment."""

from api.enums import describe
from domain.quotas.model import (
    Measure,
    PaceBasis,
    PlanMethod,
    PlanStatus,
    ProrationBasis,
    QuotaSource,
    Reason,
    Subject,
)

describe(
    Measure,
    "What a quota counts.",
    REVENUE="Credited amount of won deals, in the organisation's currency, by the local day on which they closed.",
    MARGIN="Credited margin of won deals.",
    UNITS="Credited units of won deals.",
    KPI="A KPI that counts or sums facts over days.",
)

describe(
    Subject,
    "Who carries a quota or an attainment.",
    name="AttainmentGroup",
    REP="A rep.",
    TEAM="A team with the teams below it.",
    TERRITORY="A territory with the territories below it.",
    ORGANIZATION="The whole organisation.",
)

describe(
    ProrationBasis,
    "How much of a quota is carried by a rep who was employed, or in a team, for a part of the period.",
    DAYS="By calendar days.",
    WORKDAYS="By workdays of the calendar, without the rep's leave.",
    MONTHS="By months: a month counts for who is there on its 15th day.",
    NONE="All of it, whoever is there for a day; a team has it where the rep is last.",
)

describe(
    PaceBasis,
    "By which share of the period something is expected by now. The day itself counts as elapsed.",
    DAYS="By calendar days.",
    WORKDAYS="By workdays of the calendar, without the rep's leave.",
    SEASONALITY="As the quota itself is spread: by its seasonal weights and the ramp.",
)

describe(
    Reason,
    "Why numbers of an attainment are null.",
    name="AttainmentReason",
    NO_QUOTA="No quota is set for the subject, nor for anybody below it.",
    QUOTA_ZERO="The quota is 0, or comes to 0 by ramp or proration.",
    NOT_STARTED="The period has not begun: there is no pace yet.",
)

describe(
    QuotaSource,
    "Where an attainment's quota comes from.",
    OWN="Set for the subject itself.",
    ROLL_UP="The sum of what is below: of child teams, and of reps for the days that they were in the team.",
)

describe(
    PlanMethod,
    "How a plan divides quotas among reps.",
    name="QuotaPlanMethod",
    EVEN="The total, the same for each.",
    HISTORY="The total, by what each attained in the last periods.",
    GROWTH="What each attained a period on average, times one plus the growth.",
)

describe(
    PlanStatus,
    "Whether a plan is in force.",
    name="QuotaPlanStatus",
    PROPOSED="It waits for approval and changes nothing yet.",
    APPROVED="Its quotas are set.",
)
