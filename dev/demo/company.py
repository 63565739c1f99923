"""Who the company is: people, teams and territories, drawn from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from domain.org.model import Cover, Leave, Move, RepItem, Role, TeamItem, TerritoryItem, UserItem, UserKey

NAME = "Harbor & Pine Insurance Brokers"
CURRENCY = "USD"
TIME_ZONE = "America/New_York"
SEED = 2026

REGIONS = ("East", "West")
TEAMS = (
    ("construction", "Construction", "East", 12),
    ("healthcare", "Healthcare", "East", 12),
    ("hospitality", "Hospitality & Retail", "East", 11),
    ("small-business-east", "Small Business East", "East", 11),
    ("technology", "Technology", "West", 11),
    ("transportation", "Transportation", "West", 11),
    ("real-estate", "Real Estate", "West", 11),
    ("small-business-west", "Small Business West", "West", 11),
)
TERRITORIES = ("Northeast", "Southeast", "Midwest", "Mountain", "Pacific", "Southwest")
TITLES = ("Associate Advisor", "Advisor", "Senior Advisor")

ADVISOR = "ADVISOR"
"""The job role that the scorecard is for."""

ADMIN_EMAIL = "olivia.grant@harborpine.example"
COMPENSATION_EMAIL = "ruben.adler@harborpine.example"
MANAGER_EMAIL = "marcus.webb@harborpine.example"
"""Leads the team Construction."""

_MANAGERS = (
    "Marcus Webb",
    "Priya Raman",
    "Dana Whitfield",
    "Leo Castellano",
    "Hannah Brooks",
    "Tomas Novak",
    "Grace Okafor",
    "Victor Lindqvist",
)
_DIRECTORS = ("Elena Marsh", "Samuel Ortiz")
_FIRST = (
    "Aaron Abby Adrian Aisha Alan Alice Amara Andre Anika Anton Beth Bianca Boris Carla Cedric Chloe Clara Colin "
    "Daria Dev Diego Edith Emil Erin Esther Fay Felix Fiona Gabe Gina Hugo Ines Iris Ivan Jade Jonas Julia Kai "
    "Kira Lara Liam Lina Luca Maya Mila Nadia Nils Nora Omar Opal Pablo Petra Quinn Rafa Reza Rosa Ruth Said Sara "
    "Seth Sofia Tara Theo Uma"
).split()
_LAST = (
    "Abbott Acosta Barlow Bauer Becker Bishop Blake Calder Chen Cole Costa Cruz Dalton Diaz Doyle Drake Eaton "
    "Egan Ellis Farrow Fisk Flores Frost Gallo Garner Greer Hale Hart Hayes Holt Ito Janssen Joshi Kemp Kerr "
    "Klein Lamb Lang Larsen Lowe Maas Marek Mercer Moss Nash Nolan Odom Osei Pace Park Perez Quist Rao Reyes "
    "Rhodes Rossi Sato Shaw Silva Stone"
).split()


@dataclass(frozen=True, slots=True)
class Advisor:
    """A rep with the traits that the history is drawn from."""

    rep: RepItem
    team: str
    region: str
    hired_on: date
    leave: Sequence[Leave]
    diligence: float
    """Rank in keeping the weekly activity targets, 0 (always) to 1 (never)."""
    win_rate: float
    deal_size: float
    answer_hours: float
    """Median business hours to the first answer to a lead."""


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that is there before the first fact."""

    users: Sequence[UserItem]
    teams: Sequence[TeamItem]
    territories: Sequence[TerritoryItem]
    advisors: Sequence[Advisor]


def email_of(name: str) -> str:
    """first.last of the company."""
    return f"{name.lower().replace(' ', '.')}@harborpine.example"


def company(today: date, weeks: int, seed: int = SEED) -> Company:
    """The company as of today, whose history is `weeks` long."""
    random = Random(seed)
    start = today - timedelta(weeks=weeks)
    managers = [UserItem(email_of(name), name, Role.MANAGER) for name in (*_MANAGERS, *_DIRECTORS)]
    users = [
        UserItem(ADMIN_EMAIL, "Olivia Grant", Role.ADMIN),
        UserItem(COMPENSATION_EMAIL, "Ruben Adler", Role.COMP_ADMIN),
        *managers,
    ]
    teams = [TeamItem("brokerage", "Commercial Lines", parent=None)]
    for region, director in zip(REGIONS, _DIRECTORS, strict=True):
        teams.append(TeamItem(region.lower(), region, parent="brokerage", manager=UserKey(email_of(director))))
    advisors: list[Advisor] = []
    names = _names(random, sum(size for *_, size in TEAMS))
    for (key, name, region, size), manager in zip(TEAMS, _MANAGERS, strict=True):
        teams.append(TeamItem(key, name, parent=region.lower(), manager=UserKey(email_of(manager))))
        for _ in range(size):
            advisors.append(_advisor(random, names[len(advisors)], len(advisors), key, region, start, today))
    users += [UserItem(email_of(n), n, Role.REP) for n in names[: len(advisors)]]
    return Company(users, teams, _territories(advisors, start), advisors)


def _names(random: Random, count: int) -> list[str]:
    firsts = random.sample(_FIRST, len(_FIRST))
    lasts = random.sample(_LAST, len(_LAST))
    # Two different lengths without a common step give every pair once.
    return [f"{firsts[i % len(firsts)]} {lasts[(i * 7 + i // len(firsts)) % len(lasts)]}" for i in range(count)]


def _advisor(random: Random, name: str, number: int, team: str, region: str, start: date, today: date) -> Advisor:
    senior = random.random()
    # One in ten was hired during the history, and ramps.
    hired_on = (
        start + timedelta(days=random.randrange(20, 120))
        if number % 10 == 9
        else start - timedelta(days=random.randrange(120, 2500))
    )
    leave = []
    if random.random() < 0.6:
        begins = start + timedelta(days=random.randrange(10, max(11, (today - start).days)))
        leave = [Leave(begins, begins + timedelta(days=random.choice((3, 5, 7, 9))), "Vacation")]
    rep = RepItem(
        external_id=f"A-{number + 1:03d}",
        name=name,
        hired_on=hired_on,
        email=email_of(name),
        title=TITLES[min(2, int(senior * 3))],
        role=ADVISOR,
        user=UserKey(email_of(name)),
        team=Move(team, hired_on),
        leave=leave,
    )
    return Advisor(
        rep=rep,
        team=team,
        region=region,
        hired_on=hired_on,
        leave=leave,
        diligence=random.random(),
        win_rate=0.16 + 0.22 * random.random() + 0.06 * senior,
        deal_size=0.7 + 0.7 * senior,
        answer_hours=0.4 + 5 * random.random() ** 2,
    )


def _territories(advisors: Sequence[Advisor], start: date) -> list[TerritoryItem]:
    covers: dict[str, list[Cover]] = {name: [] for name in TERRITORIES}
    for i, advisor in enumerate(advisors):
        half = TERRITORIES[:3] if advisor.region == "East" else TERRITORIES[3:]
        covers[half[i % 3]].append(Cover(advisor.rep.external_id, max(start, advisor.hired_on)))
    return [TerritoryItem(name.lower(), name, None, covers[name]) for name in TERRITORIES]


def territory_of(number: int, advisor: Advisor) -> str:
    """The territory that the advisor with this place in the list covers."""
    half = TERRITORIES[:3] if advisor.region == "East" else TERRITORIES[3:]
    return half[number % 3].lower()
