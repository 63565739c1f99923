"""What the organisation accepts, how its trees hang together, and where a rep was on a day."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.calendar import DAY, CalendarVersion
from domain.errors import Problem
from domain.money import quantum
from domain.org.model import Leave, Stay

Tree = dict[str, str | None]
"""Parents by node, both by external id; a root has None."""

# One @, something on both sides, a dot after it: the address is proved by signing in, not by a pattern.
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s.\x00-\x1f]+")
# Postgres stores no NUL; the others are never meant.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# Addresses of this network stand for those of the old protocol.
_NAT64 = IPv6Network("64:ff9b::/96")
# All that was ever allotted to the public net.
_GLOBAL_UNICAST = IPv6Network("2000::/3")

NAME_LENGTH = 200
TEXT_LENGTH = 2_000


def named(name: str, *path: str) -> list[Problem]:
    """A name, key or title is 1 to 200 characters, not blank, without control characters."""
    if not name.strip():
        return [Problem("BLANK", "This must not be blank.", path)]
    if len(name) > NAME_LENGTH:
        return [Problem("TOO_LONG", f"This has at most {NAME_LENGTH} characters.", path)]
    if _CONTROL.search(name):
        return [Problem("INVALID_TEXT", "Leave out control characters.", path)]
    return []


def key(value: str, *path: str) -> list[Problem]:
    """A key by which others refer to this: a name without blanks around it, since references are read without."""
    if value.strip() != value and value.strip():
        return [Problem("INVALID_TEXT", "Leave out the blanks around it.", path)]
    return named(value, *path)


def prose(text: str, *path: str) -> list[Problem]:
    """A note or a reason, in at most 2,000 characters."""
    if len(text) > TEXT_LENGTH:
        return [Problem("TOO_LONG", f"This has at most {TEXT_LENGTH:,} characters.", path)]
    if "\x00" in text:
        return [Problem("INVALID_TEXT", "Leave out control characters.", path)]
    return []


def email_address(email: str, *path: str) -> list[Problem]:
    """Looks like an e-mail address of at most 254 characters."""
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        return [Problem("INVALID_EMAIL", f"{email[:254]!r} is not an e-mail address.", path)]
    return []


def known_currency(currency: str, *path: str) -> list[Problem]:
    """An ISO 4217 code."""
    try:
        quantum(currency)
    except ValueError as error:
        return [Problem("INVALID_CURRENCY", f"{error}.", path)]
    return []


def sound_calendar(version: CalendarVersion, *path: str) -> list[Problem]:
    """The zone exists, days and months are days and months, business closes after it opens."""
    problems = []
    try:
        ZoneInfo(version.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{version.time_zone!r} is not a time zone; write it as Europe/Berlin."
        problems.append(Problem("INVALID_TIME_ZONE", message, (*path, "timeZone")))
    if not 1 <= version.week_starts_on <= 7:
        problems.append(Problem("OUT_OF_RANGE", "Days of the week are 1 (Monday) to 7.", (*path, "weekStartsOn")))
    if not 1 <= version.fiscal_start_month <= 12:
        problems.append(Problem("OUT_OF_RANGE", "Months are 1 to 12.", (*path, "fiscalStartMonth")))
    if not version.workdays or not version.workdays <= set(range(1, 8)):
        message = "Name at least one workday, from 1 (Monday) to 7."
        problems.append(Problem("OUT_OF_RANGE", message, (*path, "workdays")))
    if version.opens_at >= version.closes_at:
        problems.append(Problem("INVALID_HOURS", "Business closes after it opens.", (*path, "closesAt")))
    return problems


def place(parents: Mapping[str, str | None], wanted: Mapping[str, str | None]) -> tuple[Tree, dict[str, Problem]]:
    """Put nodes of a tree under the parents that they want: all whose wish can be granted, in no particular order.

    `parents` is the tree as it is, `wanted` what is new or moves, both by external id. Returns the tree as it becomes
    and, for each node that stays as it was, why: UNKNOWN_PARENT or CYCLE (every mover on the cycle).
    """
    granted = dict(wanted)
    refused: dict[str, Problem] = {}
    while True:
        tree = {**parents, **granted}
        bad = {
            key: Problem("UNKNOWN_PARENT", f"There is no {parent!r} to be under.", ("parentExternalId",))
            for key, parent in granted.items()
            if parent is not None and parent not in tree
        }
        if not bad:
            loops = _on_cycles(tree)
            message = "This would make it its own ancestor."
            bad = {key: Problem("CYCLE", message, ("parentExternalId",)) for key in granted if key in loops}
        if not bad:
            return tree, refused
        refused |= bad
        for key in bad:
            del granted[key]


def _on_cycles(parents: Mapping[str, str | None]) -> set[str]:
    """The nodes that are their own ancestors."""
    found: set[str] = set()
    done: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in done and at not in path:
            path[at] = None
            at = parents[at]
        if at is not None and at in path:
            walked = list(path)
            found.update(walked[walked.index(at) :])
        done.update(path)
    return found


def closure(parents: Mapping[UUID, UUID | None]) -> list[tuple[UUID, UUID, int]]:
    """Every node with each of its ancestors and how far up it is; a node is its own ancestor at 0."""
    rows = []
    for node in parents:
        at, depth = node, 0
        while True:
            rows.append((node, at, depth))
            parent = parents[at]
            if parent is None:
                break
            at, depth = parent, depth + 1
    return rows


def moved(history: Sequence[Stay], at: UUID, starts_on: date, ends_on: date | None) -> list[Stay]:
    """The history with `[starts_on, ends_on)` spent at a place, whatever was set for those days before.

    Stays never overlap and neighbours at the same place are one stay.
    """
    stays = [Stay(starts_on, ends_on, at)]
    for stay in history:
        if stay.starts_on < starts_on:
            stays.append(replace(stay, ends_on=_earlier(stay.ends_on, starts_on)))
        if ends_on is not None and (stay.ends_on is None or stay.ends_on > ends_on):
            stays.append(replace(stay, starts_on=max(stay.starts_on, ends_on)))
    return merged(stays)


def merged(stays: Iterable[Stay]) -> list[Stay]:
    """In order, with those at the same place that touch or overlap made one."""
    out: list[Stay] = []
    for stay in sorted(stays, key=lambda stay: stay.starts_on):
        last = out[-1] if out else None
        if last is not None and last.at == stay.at and (last.ends_on is None or last.ends_on >= stay.starts_on):
            ends = None if last.ends_on is None or stay.ends_on is None else max(last.ends_on, stay.ends_on)
            out[-1] = replace(last, ends_on=ends)
        else:
            out.append(stay)
    return out


def rehired(history: Sequence[Stay], hired_before: date, hired_on: date) -> list[Stay]:
    """The history after the day of hire moved: nobody is in a team before it, and the first team begins with it."""
    kept = [stay for stay in history if stay.ends_on is None or stay.ends_on > hired_on]
    if kept and (kept[0].starts_on < hired_on or kept[0].starts_on == hired_before):
        kept[0] = replace(kept[0], starts_on=hired_on)
    return kept


def changed_days(old: Sequence[Stay], new: Sequence[Stay]) -> tuple[date, date | None] | None:
    """From the first day to the last (inclusive; None is open) on which two histories differ; None when they do not."""
    edges = sorted({day for stay in (*old, *new) for day in (stay.starts_on, stay.ends_on) if day is not None})
    first, through = None, None
    for day, end in zip(edges, (*edges[1:], None), strict=False):
        if _where(old, day) != _where(new, day):
            first = first or day
            through = None if end is None else end - DAY
    return None if first is None else (first, through)


def _where(history: Sequence[Stay], day: date) -> UUID | None:
    return next((stay.at for stay in history if day in stay), None)


def _earlier(end: date | None, other: date) -> date:
    return other if end is None else min(end, other)


def sound_leave(leave: Sequence[Leave]) -> list[Problem]:
    """Each leave ends after it starts, its reason is no book, and no two overlap."""
    problems = []
    before: date | None = None
    for i, item in sorted(enumerate(leave), key=lambda numbered: numbered[1].starts_on):
        problems += prose(item.reason or "", "leave", str(i), "reason")
        if item.ends_on <= item.starts_on:
            problems.append(Problem("INVALID_RANGE", "Leave ends after it starts.", ("leave", str(i), "endsOn")))
        elif before is not None and item.starts_on < before:
            problems.append(Problem("OVERLAP", "This leave overlaps another.", ("leave", str(i), "startsOn")))
        else:
            before = item.ends_on
    return problems


def public_holidays(country: str, subdivision: str | None, years: range) -> frozenset[date]:
    """Public holidays of an ISO 3166 country, and of a subdivision; `ValueError` for one that is not known."""
    import holidays  # megabytes, for a calendar that is stored once a year

    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=years))
    except NotImplementedError as error:
        raise ValueError(str(error)) from None


def webhook_url(url: str, private: bool, *path: str) -> list[Problem]:
    """An https address of at most 2,000 characters on the public net; `private` allows http and one's own net."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        host = None
    problem = None
    if host is None or len(url) > 2000 or not url.isascii() or _CONTROL.search(url) or " " in url:
        problem = "This is not an address of at most 2,000 characters."
    elif parts.scheme != "https" and not (private and parts.scheme == "http"):
        problem = "A webhook is called by https."
    elif parts.username is not None:
        problem = "Leave out user and password: check the signature instead."
    elif not private and _is_address(host) and not public_address(host):
        problem = "This address is not on the public net."
    return [Problem("INVALID_URL", problem, path)] if problem else []


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def public_address(text: str) -> bool:
    """Whether an IP address is on the public net, also the one that it may stand for."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            within = IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            return public_address(str(within))
        if address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast


def webhook_pause(failures: int, failing: timedelta, status: int | None) -> timedelta | None:
    """How long to wait after so many attempts in vain (5 s, 20 s, 80 s .. 6 h); None: give up.

    It is given up after three days, or when the receiver says 410, gone.
    """
    if status == 410 or failing >= timedelta(days=3):
        return None
    return min(timedelta(seconds=5 * 4 ** min(failures - 1, 10)), timedelta(hours=6))
