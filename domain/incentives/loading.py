"""Loads a `Book`: a fixed number of statements, however many reps and periods it is for."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.calendar import DAY, Calendar, Period, PeriodKind
from domain.incentives.book import Book, Handed
from domain.incentives.codec import from_json
from domain.incentives.components import Spiff
from domain.incentives.inputs import BY_HAND, Carry, Credit, Score, Used
from domain.incentives.known import Cancelled, Payee, PlanBook, Rates, Sold
from domain.incentives.model import Assignment
from domain.incentives.plan import Plan
from domain.incentives.terms import CreditRole, Measure
from domain.incentives.wants import Want, wants
from domain.quotas.model import NO_KPI
from domain.quotas.model import Measure as QuotaMeasure
from domain.quotas.results import load_sums
from domain.quotas.rollup import Board
from sql.pool import Record, Session
from sql.queries import queries

_earnings = queries("earnings")
_incentives = queries("incentives")


# By plan and version. A version is never changed: it is read once.
_read: dict[tuple[UUID, int], Plan] = {}
_MOST = 10_000


def _plan(plan_id: UUID, version: int, document: Any) -> Plan:
    found = _read.get((plan_id, version))
    if found is None:
        if len(_read) >= _MOST:
            _read.clear()
        found = _read[plan_id, version] = from_json(Plan, document)
    return found


async def load_plans(session: Session) -> dict[UUID, PlanBook]:
    """Every plan that was ever published."""
    found: dict[UUID, list[Record]] = defaultdict(list)
    for row in await session.fetch(_earnings.plan_books):
        found[row["plan_id"]].append(row)
    return {
        plan_id: PlanBook(
            plan_id,
            rows[0]["key"],
            tuple((row["version"], _plan(plan_id, row["version"], row["document"])) for row in rows),
            rows[0]["archived_on"],
        )
        for plan_id, rows in found.items()
    }


async def load(
    session: Session,
    calendar: Calendar,
    today: date,
    plans: Mapping[UUID, PlanBook],
    start: Mapping[UUID, date],
    assigned: Sequence[Assignment] | None = None,
) -> Book:
    """Everything to calculate these reps, each from the period of its day on. `assigned` instead of what is stored."""
    reps = list(start)
    if assigned is None:
        rows = await session.fetch(_earnings.assignments, reps)
        assigned = [Assignment(row["plan_id"], row["rep_id"], *row[2:]) for row in rows]
    by_rep: dict[UUID, list[Assignment]] = defaultdict(list)
    for assignment in assigned:
        if assignment.plan_id in plans:
            by_rep[assignment.rep_id].append(assignment)
    used = [plans[plan_id] for plan_id in sorted({a.plan_id for of in by_rep.values() for a in of})]
    first = min((_first_day(calendar, used, day) for day in start.values()), default=today)
    trees = await session.fetch(_earnings.teams_led)
    parents = {row["team_id"]: row["parent_id"] for row in trees}
    payees = {row["rep_id"]: _payee(row, trees, parents) for row in await session.fetch(_earnings.payees, reps)}
    led = sorted({team for payee in payees.values() for team in payee.leads})
    wanted = {want for book in used for _, plan in book.versions for want in wants(plan)}
    kpis = {row["key"]: row["kpi_id"] for row in await session.fetch(_incentives.kpis_by_key)} if _kpis(wanted) else {}
    organization = await session.row(_incentives.organization)
    if organization is None:
        raise LookupError("the organisation is gone")
    return Book(
        calendar=calendar,
        today=today,
        currency=organization["currency"],
        plans=plans,
        payees=payees,
        parents=parents,
        team_keys={row["team_id"]: row["external_id"] for row in trees},
        assignments=by_rep,
        sold=await _sold(session, organization["currency"], reps, wanted, first, _horizon(calendar, used, today)),
        quotas={
            (
                row["subject_id"],
                row["measure"],
                None if row["kpi_id"] == NO_KPI else row["kpi_id"],
                PeriodKind(row["period_kind"]),
                row["starts_on"],
            ): row["quota"]
            for row in await session.fetch(_earnings.quotas, reps, first, led)
        },
        kpis=kpis,
        kpi_sums=await _kpi_sums(session, calendar, kpis, wanted, used, first, today),
        scores=await _scores(session, reps, first),
        rates=await load_rates(session),
        carries=await _carries(session, calendar, by_rep, plans, start),
        cancelled=await _cancelled(session, reps),
        start={rep_id: day for rep_id, day in start.items() if rep_id in payees},
    )


def widened(calendar: Calendar, books: Collection[PlanBook], day: date) -> date:
    """The first day of the longest period of these plans that holds a day."""
    kinds = {book.kind for book in books}
    return min((calendar.period(kind, day).starts_on for kind in kinds), default=day)


def _first_day(calendar: Calendar, books: Collection[PlanBook], day: date) -> date:
    """The first day whose facts can count when these plans are calculated from a day on."""
    days = [widened(calendar, books, day), calendar.period(PeriodKind.YEAR, day).starts_on]
    for book in books:
        for _, plan in book.versions:
            # A SPIFF that goes on after the day counts what it counted before.
            days += [c.starts_on for c in plan.components if isinstance(c, Spiff) and c.ends_on > day]
    return min(days)


def _horizon(calendar: Calendar, books: Collection[PlanBook], today: date) -> date:
    """The first day after every period that runs today: what is dated ahead counts in it too."""
    return max((calendar.period(book.kind, today).ends_on for book in books), default=today + DAY)


def _payee(row: Record, trees: Sequence[Record], parents: Mapping[UUID, UUID | None]) -> Payee:
    stints = tuple(zip(row["teams"], row["team_from"], row["team_to"], strict=True))
    managed = {t["team_id"] for t in trees if t["manager_id"] is not None and t["manager_id"] == row["user_id"]}

    def under(team_id: UUID) -> bool:
        above = parents[team_id]
        while above is not None:
            if above in managed:
                return True
            above = parents[above]
        return False

    leads = tuple(sorted(team for team in managed if not under(team)))
    return Payee(
        row["rep_id"],
        row["external_id"],
        row["name"],
        row["role"],
        row["currency"],
        row["hired_on"],
        row["left_on"],
        stints,
        leads,
    )


async def _sold(
    session: Session, currency: str, reps: Sequence[UUID], wanted: Collection[Want], first: date, end: date
) -> dict[UUID, list[Sold]]:
    """What counts for each rep; what teams sell only where a plan pays for it."""
    for_teams = any(want.role is CreditRole.TEAM for want in wanted)
    led = await session.fetch(_earnings.led, reps) if for_teams else []
    sellers = list({*reps, *(row["seller_id"] for row in led)})
    pairs = [[row[i] for row in led] for i in range(4)]
    found: dict[UUID, list[Sold]] = defaultdict(list)
    for row in await session.fetch(_earnings.credits, reps, sellers, first, end, *pairs, currency):
        found[row["rep_id"]].append(_sale(row, currency))
    return found


def _sale(row: Record, currency: str) -> Sold:
    if row["source"] == "MANUAL":
        key = f"{BY_HAND}{row['source_id']}"
        deal = str(row["deal_id"]) if row["deal_id"] else key
        own = (None, None, None)
    else:
        deal = str(row["deal_id"])
        key = f"{deal}:{row['seller_id']}" + (f":{row['source_id']}" if row["source_id"] else "")
        own = (row["currency"], row["deal_amount"], row["deal_margin"])
    credit = Credit(
        key=key,
        deal=deal,
        day=row["day"],
        currency=currency,
        revenue=row["amount"],
        margin=row["margin"],
        units=row["units"],
        # A credit by hand is no part of a deal: it counts as none.
        share=Decimal(0) if row["share"] is None else row["share"],
        role=CreditRole(row["role"]),
        product=row["product"],
    )
    return Sold(credit, *own)


def _kpis(wanted: Collection[Want]) -> bool:
    return any(want.measure is Measure.KPI for want in wanted)


async def _kpi_sums(
    session: Session,
    calendar: Calendar,
    kpis: Mapping[str, UUID],
    wanted: Collection[Want],
    books: Collection[PlanBook],
    first: date,
    today: date,
) -> dict[tuple[UUID, date, date], dict[UUID, Decimal]]:
    """By KPI and days, what each rep's facts come to: of every period since a day, and of longer ones up to its end."""
    asked = {
        (kpis[want.kpi], want.period, book.kind)
        for book in books
        for _, plan in book.versions
        for want in wants(plan)
        if want.measure is Measure.KPI and want.kpi is not None and want.kpi in kpis
    }
    boards = {}
    for kpi_id, over, kind in asked:
        day = first
        while day <= today:
            period = calendar.period(kind, day)
            day = period.ends_on
            starts_on = calendar.period(over, period.ends_on - DAY).starts_on
            days = (kpi_id, starts_on, period.ends_on)
            boards[days] = Board(QuotaMeasure.KPI, kpi_id, Period(starts_on, period.ends_on, over, ""))
    if not boards:
        return {}
    found: dict[tuple[UUID, date, date], dict[UUID, Decimal]] = {}
    for key, sums in zip(boards, await load_sums(session, list(boards.values())), strict=True):
        by_rep: dict[UUID, Decimal] = defaultdict(Decimal)
        for (rep_id, _), value in sums.reps.items():
            by_rep[rep_id] += value
        found[key] = by_rep
    return found


async def _scores(
    session: Session, reps: Sequence[UUID], first: date
) -> dict[tuple[UUID, UUID, date], tuple[Score, ...]]:
    found: dict[tuple[UUID, UUID, date], list[Score]] = defaultdict(list)
    for row in await session.fetch(_earnings.scores, reps, first):
        score = Score(
            component=row["component"],
            objective=row["objective"],
            score=row["score"] or Decimal(0),
            name=row["name"] or "",
            weight=row["weight"] or Decimal(1),
        )
        found[row["rep_id"], row["plan_id"], row["starts_on"]].append(score)
    return {key: tuple(scores) for key, scores in found.items()}


async def load_rates(session: Session) -> Rates:
    """Every rate between currencies."""
    known: dict[tuple[str, str], list[tuple[date, Decimal]]] = defaultdict(list)
    for row in await session.fetch(_incentives.rates):
        known[row["base"], row["into_currency"]].append((row["valid_from"], row["rate"]))
    return Rates(known)


async def _carries(
    session: Session,
    calendar: Calendar,
    assignments: Mapping[UUID, Sequence[Assignment]],
    plans: Mapping[UUID, PlanBook],
    start: Mapping[UUID, date],
) -> dict[tuple[UUID, UUID], Handed]:
    keys = {
        (rep_id, a.plan_id, calendar.period(plans[a.plan_id].kind, start[rep_id]).starts_on)
        for rep_id, of in assignments.items()
        for a in of
    }
    columns = [list(column) for column in zip(*sorted(keys), strict=True)] or [[], [], []]
    found: dict[tuple[UUID, UUID], Handed] = {}
    for row in await session.fetch(_earnings.carries, *columns):
        stored = row["earned"]
        used = tuple(
            Used(component=key or None, amount=Decimal(amount)) for key, amount in sorted(stored["used"].items())
        )
        taken = {key: Decimal(amount) for key, amount in stored["taken"].items()}
        found[row["rep_id"], row["plan_id"]] = (Carry(owed=row["owed"], used=used), taken)
    return found


async def _cancelled(session: Session, reps: Sequence[UUID]) -> dict[tuple[UUID, UUID], list[Cancelled]]:
    found: dict[tuple[UUID, UUID], list[Cancelled]] = defaultdict(list)
    for row in await session.fetch(_earnings.cancellations, reps):
        credits_ = tuple(from_json(Credit, credit) for credit in row["credits"]["of"])
        found[row["rep_id"], row["plan_id"]].append(
            Cancelled(row["deal_id"], row["starts_on"], row["closed_on"], row["cancelled_on"], row["paid"], credits_)
        )
    return found
