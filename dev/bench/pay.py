"""`attain bench pay`: a year of deals through the rules of pay, without a database and from one."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

from dev.bench.report import Cell, Report, Table
from dev.bench.simulation import simulation
from domain.calendar import Calendar, CalendarVersion, PeriodKind
from domain.incentives.component import Component
from domain.incentives.components import Bonus, Commission, Spiff
from domain.incentives.inputs import Credit, Inputs, Standing
from domain.incentives.payout import calculate
from domain.incentives.plan import Plan
from domain.incentives.terms import Draw, Measure, Scale, Tier, TierMode
from domain.incentives.trace import traced, verify

T = TypeVar("T")
D = Decimal
FIRST, LAST = date(2026, 1, 1), date(2027, 1, 1)

FLAT = Commission(key="commission", rate=D("0.05"))
TIERS = Commission(
    key="commission",
    by=Scale.ATTAINMENT,
    tiers=(
        Tier(start=D(0), rate=D("0.05")),
        Tier(start=D("0.5"), rate=D("0.08"), mode=TierMode.RETROACTIVE),
        Tier(start=D(1), rate=D("0.12")),
    ),
)
SO_FAR = Commission(key="commission", by=Scale.ATTAINMENT, tiers=TIERS.tiers, cumulative=PeriodKind.YEAR)
SPIFF = Spiff(key="launch", starts_on=date(2026, 4, 1), ends_on=date(2026, 7, 1), per_unit=D(50))

PLANS: Sequence[tuple[str, Sequence[Component]]] = (
    ("a rate", (FLAT,)),
    ("tiers by attainment", (TIERS,)),
    ("tiers over the year so far, bonus, SPIFF, draw", (SO_FAR, Bonus(key="quota", amount=D(1_000), at=D(1)), SPIFF)),
)


def pay(data: Path, reps: int, deals: int) -> Report:
    """Each plan for every rep and month of a year, traces of the last one made and executed again, and each plan as a
    draft that is simulated. What is stored under `data` is kept: a second run starts at once.
    """
    everybody = payees(reps, deals)
    rows: list[list[Cell]] = []
    for name, components in PLANS:
        terms = plan(components)
        seconds = timed(partial(calculate, terms), everybody)
        rows.append([name, reps, reps * deals, len(everybody), round(seconds, 2), round(len(everybody) / seconds)])
    columns = ("plan", "reps", "deals", "calculations", "CPU s", "a second")
    note = "A calculation is a rep's month. What is cumulative looks at all months before, too."
    report = Report("pay", {"reps": reps, "deals of each": deals})
    report.tables.append(Table("A year of pay", columns, rows, note))
    some, terms = everybody[:: max(1, len(everybody) // 500)], plan(PLANS[-1][1])
    told = timed(partial(traced, terms), some)
    traces = [traced(terms, inputs)[1] for inputs in some]
    again = timed(verify, traces)
    rows = [
        ["made", len(some), round(1000 * told / len(some), 2)],
        ["executed again", len(some), round(1000 * again / len(some), 2)],
    ]
    report.tables.append(Table("Traces of the last plan", ("trace", "n", "CPU ms each"), rows))
    report.tables.append(simulation(data, reps, deals, [(name, plan(components)) for name, components in PLANS]))
    return report


def plan(components: Sequence[Component]) -> Plan:
    """A monthly plan, with a draw where there is more than one component."""
    draw = Draw(amount=D(1_000)) if len(components) > 1 else None
    return Plan(name="Bench", currency="EUR", starts_on=FIRST, components=tuple(components), draw=draw)


def payees(reps: int, deals: int) -> list[Inputs]:
    """Every rep in every month, with the deals of the year so far: the same at every run."""
    chance, calendar = random.Random(7), Calendar((CalendarVersion(1, FIRST, "UTC"),))
    year = calendar.period(PeriodKind.YEAR, FIRST)
    months = [calendar.period(PeriodKind.MONTH, date(2026, month, 1)) for month in range(1, 13)]
    standings = tuple(
        Standing(measure=Measure.REVENUE, period=kind, attained=D(0), quota=D(quota))
        for kind, quota in ((PeriodKind.YEAR, 20_000 * deals), (PeriodKind.MONTH, 20_000 * deals // 12))
    )
    found = []
    for rep in range(reps):
        sold = tuple(
            Credit(
                key=f"{rep}-{deal}",
                deal=f"{rep}-{deal}",
                day=FIRST + timedelta(days=chance.randrange(year.days)),
                currency="EUR",
                revenue=D(chance.randrange(100_000, 5_000_000)).scaleb(-2),
                units=D(chance.randrange(1, 9)),
            )
            for deal in range(deals)
        )
        found += [
            Inputs(
                payee=str(rep),
                currency="USD",
                exchange_rate=D("1.22"),
                period=month,
                longer=(year,),
                on_plan=((FIRST, LAST),),
                credits=tuple(credit for credit in sold if credit.day < month.ends_on),
                standings=standings,
            )
            for month in months
        ]
    return found


def timed(work: Callable[[T], object], items: Sequence[T]) -> float:
    """CPU seconds of doing it for each."""
    began = time.process_time()
    for item in items:
        work(item)
    return time.process_time() - began
