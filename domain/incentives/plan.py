"""An incentive plan as a document: what a version of it says, whoever wrote it and wherever it is stored."""

from dataclasses import dataclass
from datetime import date

from domain.calendar import PeriodKind
from domain.incentives.component import Component
from domain.incentives.terms import Cap, ClawbackWindow, Draw, Eligibility

_EVERYBODY = Eligibility()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The terms of a plan, in force on days in `[starts_on, ends_on)`.

    `period` is how often it pays: months, quarters or years of the organisation's fiscal calendar. `caps` limit all
    components together. `clawback` windows run from the close of a deal; without one, what was paid for a cancelled
    deal is taken back whole. `text` is what payees read and acknowledge.
    """

    name: str
    currency: str
    starts_on: date
    ends_on: date | None = None
    period: PeriodKind = PeriodKind.MONTH
    text: str = ""
    eligibility: Eligibility = _EVERYBODY
    components: tuple[Component, ...]
    caps: tuple[Cap, ...] = ()
    draw: Draw | None = None
    clawback: tuple[ClawbackWindow, ...] = ()
