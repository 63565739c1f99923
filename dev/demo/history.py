"""What happened in a week, drawn from the seed: the same week gives the same facts, whenever it is asked for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import ceil
from random import Random
from typing import TypeVar

from dev.demo.company import CURRENCY, Advisor, territory_of
from domain.calendar import DAY, WEEK, Calendar, span
from domain.pipeline.model import ActivityItem, DealItem, DealStatus, LeadItem, SplitItem, StageItem

MEETINGS = 10
PROPOSALS = 4
"""Weekly targets of a full week; an advisor who meets both has met the activity targets."""

_STAGES = ("QUALIFIED", "PROPOSAL", "NEGOTIATION")
_PRODUCTS = (
    ("General Liability", 0.7),
    ("Commercial Property", 1.1),
    ("Workers Compensation", 1.0),
    ("Commercial Auto", 0.8),
    ("Cyber", 0.9),
    ("Professional Liability", 1.3),
)
_ACCOUNTS = (
    "Summit Anchor Beacon Cedar Delta Evergreen Falcon Granite Highland Iron Juniper Keystone Lakeside Meridian".split()
)
_KINDS = "Builders Clinics Foods Freight Holdings Hotels Labs Logistics Motors Partners Properties Systems".split()
_MEAN_DEAL = 11_400

T = TypeVar("T", ActivityItem, LeadItem, DealItem)


@dataclass(slots=True)
class Facts:
    """The facts of some days."""

    activities: list[ActivityItem] = field(default_factory=list)
    leads: list[LeadItem] = field(default_factory=list)
    deals: list[DealItem] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.activities) + len(self.leads) + len(self.deals)


@dataclass(frozen=True, slots=True)
class History:
    """Draws the facts of a company's weeks."""

    advisors: Sequence[Advisor]
    calendar: Calendar
    first_week: date
    seed: int
    _meeting: dict[date, frozenset[int]] = field(default_factory=dict)

    def between(self, after: datetime | None, until: datetime) -> Facts:
        """What the CRM learns after one instant, up to another: activities, leads, and deals opened, moved or closed.

        Without `after`, everything that is known of leads and deals at `until`, and the activities of its week.
        """
        facts = Facts()
        since = after or datetime.min.replace(tzinfo=UTC)
        week = self.calendar.week(self.calendar.local_day(until))
        weeks = sorted({self.calendar.week(self.calendar.local_day(after)), week} if after else {week})
        for number, advisor in enumerate(self.advisors):
            for each in weeks:
                facts.activities += _between(since, until, self._activities(number, advisor, each))
            facts.leads += _between(since, until, self._leads(number, advisor, week, until))
            facts.deals += _between(since, until, self._deals(number, advisor, week, until))
        return facts

    def share_that_meets(self, week: date) -> float:
        """54 % of the advisors at the start, two thirds in the end: the product helps a little each week."""
        return min(0.66, 0.54 + 0.006 * max(0, self._number(week) - 3))

    def _who_meets(self, week: date) -> frozenset[int]:
        """Which advisors meet the activity targets of a week: the diligent ones, and anybody may have an odd week."""
        if week not in self._meeting:
            random = self._random("meets", week)
            there = [n for n, advisor in enumerate(self.advisors) if self._days(advisor, week)]
            ranked = sorted(there, key=lambda n: self.advisors[n].diligence + random.gauss(0, 0.12))
            self._meeting[week] = frozenset(ranked[: round(self.share_that_meets(week) * len(there))])
        return self._meeting[week]

    def _number(self, week: date) -> int:
        """The place of a week in the history; negative before it."""
        return (week - self.first_week).days // 7

    def _days(self, advisor: Advisor, week: date) -> list[date]:
        """The days of the week on which the advisor works."""
        return [
            day
            for day in span(week, week + WEEK)
            if self.calendar.is_workday(day)
            and day >= advisor.hired_on
            and not any(off.starts_on <= day < off.ends_on for off in advisor.leave)
        ]

    def _random(self, what: str, week: date, number: int = 0) -> Random:
        """The same for the same week of the history, whatever today is."""
        return Random(f"{self.seed}:{what}:{self._number(week)}:{number}")

    def _at(self, random: Random, day: date) -> datetime:
        """Some time within business hours."""
        opens, closes = self.calendar.at(day).opening(day)
        return opens + timedelta(seconds=random.randrange(int((closes - opens).total_seconds())))

    def _activities(self, number: int, advisor: Advisor, week: date) -> Iterator[ActivityItem]:
        days = self._days(advisor, week)
        if not days:
            return
        random = self._random("activity", week, number)
        full = sum(self.calendar.is_workday(day) for day in span(week, week + WEEK))
        part = len(days) / full
        if number in self._who_meets(week):
            meetings = ceil(MEETINGS * part) + random.choice((0, 0, 1, 1, 2, 3))
            proposals = ceil(PROPOSALS * part) + random.choice((0, 0, 1, 1, 2))
        else:
            meetings = int(MEETINGS * part * random.uniform(0.35, 0.95))
            proposals = int(PROPOSALS * part * random.uniform(0.3, 1.1))
        counts = {
            "MEETING": meetings,
            "PROPOSAL": proposals,
            "CALL": round(8 * part * random.uniform(0.6, 1.3)),
            "QUOTE": round(3 * part * random.uniform(0.5, 1.5)),
        }
        for kind, count in counts.items():
            for i in range(count):
                day = days[i % len(days)]
                at = self._at(random, day)
                yield ActivityItem(
                    external_id=f"{kind[0]}-{number:03d}-{week:%y%m%d}-{i:02d}",
                    rep_external_id=advisor.rep.external_id,
                    kind=kind,
                    occurred_at=at,
                    outcome="CONNECTED" if kind == "CALL" and random.random() < 0.4 else None,
                    minutes=random.choice((15, 30, 30, 45, 60)) if kind == "MEETING" else None,
                    source_updated_at=at,
                )

    def _leads(self, number: int, advisor: Advisor, week: date, until: datetime) -> Iterator[LeadItem]:
        """Leads of this week and the two before, as they are at `until`."""
        for back in range(3):
            arrived_week = week - back * WEEK
            random = self._random("lead", arrived_week, number)
            for i, day in enumerate(self._days(advisor, arrived_week)):
                if random.random() <= 0.55:
                    yield from self._lead(random, advisor, f"L-{number:03d}-{arrived_week:%y%m%d}-{i}", day, until)

    def _lead(self, random: Random, advisor: Advisor, key: str, day: date, until: datetime) -> Iterator[LeadItem]:
        arrived = self._at(random, day)
        answered = arrived + timedelta(hours=advisor.answer_hours * random.lognormvariate(0, 0.7))
        quoted = answered + timedelta(hours=random.lognormvariate(2.2, 0.8))
        forgotten = random.random() < 0.08
        channel, account = random.choice(("WEB", "REFERRAL", "PARTNER", "PHONE")), _account(random)
        if arrived > until:
            return
        known = [at for at in (answered, quoted) if at <= until and not forgotten]
        yield LeadItem(
            external_id=key,
            rep_external_id=advisor.rep.external_id,
            channel=channel,
            company=account,
            arrived_at=arrived,
            first_response_at=known[0] if known else None,
            quoted_at=known[1] if len(known) > 1 else None,
            source_updated_at=max([arrived, *known]),
        )

    def _deals(self, number: int, advisor: Advisor, week: date, until: datetime) -> Iterator[DealItem]:
        """Deals opened in this week and the nineteen before, as they are at `until`."""
        for back in range(20):
            opened_week = week - back * WEEK
            random = self._random("deal", opened_week, number)
            for i, day in enumerate(self._days(advisor, opened_week)):
                if random.random() <= 0.66:
                    yield from self._deal(
                        random, number, advisor, f"D-{number:03d}-{opened_week:%y%m%d}-{i}", day, until
                    )

    def _deal(
        self, random: Random, number: int, advisor: Advisor, key: str, day: date, until: datetime
    ) -> Iterator[DealItem]:
        opened = self._at(random, day)
        cycle = min(130.0, max(4.0, random.lognormvariate(3.45, 0.45)))
        closes = _snapped(opened + timedelta(days=cycle))
        won = random.random() < advisor.win_rate
        product, factor = random.choice(_PRODUCTS)
        amount = Decimal(round(_MEAN_DEAL * factor * advisor.deal_size * random.lognormvariate(-0.125, 0.5)))
        account = _account(random)
        partner = random.randrange(len(self.advisors)) if random.random() < 0.06 else None
        moves = [opened + (closes - opened) * share for share in (0, 0.3, 0.8)]
        if opened > until:
            return
        closed = closes <= until
        history = [StageItem(stage, at) for stage, at in zip(_STAGES, moves, strict=True) if at <= until]
        if closed:
            history.append(StageItem("CLOSED_WON" if won else "CLOSED_LOST", closes))
        owner = advisor.rep.external_id
        splits: Sequence[SplitItem] = ()
        if partner is not None and partner != number:
            other = self.advisors[partner].rep.external_id
            splits = (SplitItem(owner, Decimal("0.7")), SplitItem(other, Decimal("0.3")))
        yield DealItem(
            external_id=key,
            rep_external_id=owner,
            name=f"{account}: {product}",
            stage=history[-1].stage,
            status=(DealStatus.WON if won else DealStatus.LOST) if closed else DealStatus.OPEN,
            amount=amount,
            currency=CURRENCY,
            margin=(amount * Decimal("0.42")).quantize(Decimal("0.01")),
            units=Decimal(1),
            account=account,
            product=product,
            territory_external_id=territory_of(number, advisor),
            opened_at=opened,
            closed_at=closes if closed else None,
            expected_close_on=(closes + timedelta(days=random.randrange(-9, 10))).date(),
            splits=splits,
            stage_history=history,
            source_updated_at=history[-1].entered_at,
        )


def _between(after: datetime, until: datetime, items: Iterable[T]) -> list[T]:
    """Those told after one instant and not after another."""
    return [item for item in items if item.source_updated_at and after < item.source_updated_at <= until]


def _account(random: Random) -> str:
    return f"{random.choice(_ACCOUNTS)} {random.choice(_KINDS)}"


def _snapped(at: datetime) -> datetime:
    """Moved off the weekend, to the working afternoon."""
    day = at.date()
    while day.isoweekday() > 5:
        day += DAY
    return datetime.combine(day, time(14 + at.hour % 7, at.minute, at.second), UTC)
