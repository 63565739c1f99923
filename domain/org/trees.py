"""Teams and territories: two trees, each stated by external ids in any order."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import date
from typing import Protocol
from uuid import UUID

from domain.dirty import Touch
from domain.errors import Problem, at_most
from domain.org import rules
from domain.org.actions import CALENDAR_FROM
from domain.org.model import Cover, Role, Stay, Team, TeamItem, Territory, TerritoryItem, Upserted, UserKey
from domain.org.people import Users
from domain.org.upsert import Upsert
from domain.unset import Unset, given
from domain.work import Tx, Work, columns
from sql.pool import uuid7
from sql.queries import queries

_org = queries("org")


class _Placed(Protocol):
    """An item of either tree."""

    @property
    def external_id(self) -> str: ...
    @property
    def name(self) -> str | Unset: ...
    @property
    def parent(self) -> str | Unset | None: ...


async def teams_upsert(work: Work, items: Sequence[TeamItem]) -> Upserted:
    """Store teams, found by external id; good items are stored, bad ones reported.

    A parent may come later in the same call. The tree is not effective-dated: a team that moves takes its past along,
    so everybody's numbers are marked.

    Problems: REQUIRED, BLANK, TOO_LONG, INVALID_TEXT, DUPLICATE, UNKNOWN_PARENT, CYCLE, UNKNOWN_USER, NOT_A_MANAGER.
    Raises `Rejected` for more than 1,000 items.
    """
    at_most(items)
    upsert: Upsert[Team] = Upsert("teamsUpsert", "org.team", "Team")
    async with work.transaction() as tx:
        await tx.row(_org.organization_lock)
        teams = {row["external_id"]: Team(**row) for row in await tx.fetch(_org.teams_all)}
        users = await Users.load(tx, (item.manager for item in items))
        problems = _problems(items, teams)
        for i, item in enumerate(items):
            if isinstance(item.manager, UserKey):
                problems[i] += _manager_problems(users, item.manager)
        managers: set[UUID] = set()
        ids, parents = _place(items, problems, {key: (team.team_id, team.parent_id) for key, team in teams.items()})
        for i, item in enumerate(items):
            if problems[i]:
                upsert.refuse(i, problems[i])
                continue
            old = teams.get(item.external_id)
            manager_id = old.manager_id if old else None
            if not isinstance(item.manager, Unset):
                manager = users.get(item.manager) if item.manager else None
                manager_id = manager.user_id if manager else None
            name = given(item.name, old.name if old else "")
            team_id = ids[item.external_id]
            new = Team(team_id, item.external_id, name, parents[team_id], manager_id, old.version if old else 1)
            if old and old.manager_id != manager_id:
                managers |= {user_id for user_id in (old.manager_id, manager_id) if user_id}
            upsert.store(i, team_id, old, new)
        if upsert.rows:
            await tx.execute(_org.teams_put, *columns(map(astuple, upsert.rows), 6), tx.now)
        before = {team.team_id: team.parent_id for team in teams.values()}
        if parents != before:
            await tx.execute(_org.team_ancestors_remove)
            await tx.execute(_org.team_ancestors_add, *columns(rules.closure(parents), 3))
        if any(parents[team_id] != parent_id for team_id, parent_id in before.items()):
            await _mark_everybody(tx)
        for row in await tx.fetch(_org.reps_of_users, list(managers)) if managers else ():
            # Managers are paid for what their teams sell, ever since.
            tx.mark(row["rep_id"], CALENDAR_FROM, None, Touch.EARNINGS)
        return upsert.tell(tx)


async def territories_upsert(work: Work, items: Sequence[TerritoryItem]) -> Upserted:
    """Store territories, found by external id; good items are stored, bad ones reported.

    A parent may come later in the same call. `reps`, where given, replaces the territory's coverage, past and to come.

    Problems: REQUIRED, BLANK, TOO_LONG, INVALID_TEXT, DUPLICATE, UNKNOWN_PARENT, CYCLE, UNKNOWN_REP, INVALID_RANGE.
    Raises `Rejected` for more than 1,000 items.
    """
    at_most(items)
    upsert: Upsert[Territory] = Upsert("territoriesUpsert", "org.territory", "Territory")
    async with work.transaction() as tx:
        await tx.row(_org.organization_lock)
        territories = {row["external_id"]: Territory(**row) for row in await tx.fetch(_org.territories_all)}
        covers = [cover for item in items if not isinstance(item.reps, Unset) for cover in item.reps]
        named = await tx.fetch(_org.reps_named, [cover.rep for cover in covers])
        reps = {row["external_id"]: row["rep_id"] for row in named}
        coverage = await _coverage(
            tx, [territories[i.external_id].territory_id for i in items if i.external_id in territories]
        )
        problems = _problems(items, territories)
        for i, item in enumerate(items):
            if not isinstance(item.reps, Unset):
                problems[i] += _cover_problems(item.reps, reps)
        tree = {key: (each.territory_id, each.parent_id) for key, each in territories.items()}
        ids, parents = _place(items, problems, tree)
        covered: dict[UUID, list[Stay]] = {}
        for i, item in enumerate(items):
            if problems[i]:
                upsert.refuse(i, problems[i])
                continue
            old = territories.get(item.external_id)
            name = given(item.name, old.name if old else "")
            key = ids[item.external_id]
            new = Territory(key, item.external_id, name, parents[key], old.version if old else 1)
            before = coverage.get(key, [])
            after = before if isinstance(item.reps, Unset) else _stays(item.reps, reps)
            if after != before:
                covered[key] = after
            upsert.store(i, key, old, new, ["reps"] if after != before else [])
        if upsert.rows:
            await tx.execute(_org.territories_put, *columns(map(astuple, upsert.rows), 5), tx.now)
        if covered:
            rows = [(key, stay.at, stay.starts_on, stay.ends_on) for key in covered for stay in covered[key]]
            await tx.execute(_org.coverage_remove, list(covered))
            await tx.execute(_org.coverage_add, *columns(rows, 4))
        if any(parents[each.territory_id] != each.parent_id for each in territories.values()):
            await _mark_everybody(tx)
        return upsert.tell(tx)


def _problems(items: Sequence[_Placed], known: Mapping[str, object]) -> list[list[Problem]]:
    """What is wrong with each item by itself, wherever it is put."""
    found: list[list[Problem]] = []
    seen: set[str] = set()
    for item in items:
        problems = rules.key(item.external_id, "externalId")
        if isinstance(item.name, str):
            problems += rules.named(item.name, "name")
        elif item.external_id not in known:
            problems.append(Problem("REQUIRED", "What is new needs a name.", ("name",)))
        if item.external_id in seen:
            problems.append(Problem("DUPLICATE", "An earlier item has this external id.", ("externalId",)))
        seen.add(item.external_id)
        found.append(problems)
    return found


def _place(
    items: Sequence[_Placed], problems: list[list[Problem]], tree: Mapping[str, tuple[UUID, UUID | None]]
) -> tuple[dict[str, UUID], dict[UUID, UUID | None]]:
    """Put the items that are sound into the tree (id and parent's id by external id), and add to the others' problems.

    Returns ids by external id, and every node's parent.
    """
    names = {node_id: key for key, (node_id, _) in tree.items()}
    before = {key: names[parent_id] if parent_id else None for key, (_, parent_id) in tree.items()}
    wanted: dict[str, str | None] = {}
    for item, wrong in zip(items, problems, strict=True):
        if not wrong and not (isinstance(item.parent, Unset) and item.external_id in before):
            wanted[item.external_id] = given(item.parent, None)
    after, refused = rules.place(before, wanted)
    for item, wrong in zip(items, problems, strict=True):
        if not wrong and item.external_id in refused:
            wrong.append(refused[item.external_id])
    ids = {key: tree[key][0] if key in tree else uuid7() for key in after}
    return ids, {ids[key]: ids[parent] if parent is not None else None for key, parent in after.items()}


def _manager_problems(users: Users, key: UserKey) -> list[Problem]:
    user = users.get(key)
    if user is None:
        return [Problem("UNKNOWN_USER", "There is no such user.", ("manager",))]
    if user.role is Role.REP:
        return [Problem("NOT_A_MANAGER", "A user of role REP sees no team; make it a MANAGER first.", ("manager",))]
    return []


async def _coverage(tx: Tx, territory_ids: Sequence[UUID]) -> dict[UUID, list[Stay]]:
    found: dict[UUID, list[Stay]] = {}
    for row in await tx.fetch(_org.coverage_of, territory_ids):
        found.setdefault(row["territory_id"], []).append(Stay(row["starts_on"], row["ends_on"], row["rep_id"]))
    return found


def _cover_problems(covers: Sequence[Cover], reps: Mapping[str, UUID]) -> list[Problem]:
    problems = []
    for i, cover in enumerate(covers):
        if cover.rep not in reps:
            message = f"There is no rep {cover.rep!r}."
            problems.append(Problem("UNKNOWN_REP", message, ("reps", str(i), "repExternalId")))
        if cover.ends_on is not None and cover.ends_on <= cover.starts_on:
            problems.append(Problem("INVALID_RANGE", "Coverage ends after it starts.", ("reps", str(i), "endsOn")))
    return problems


def _stays(covers: Sequence[Cover], reps: Mapping[str, UUID]) -> list[Stay]:
    """Coverage in the order in which it is stored; of one rep, what touches or overlaps is one."""
    by_rep: dict[UUID, list[Stay]] = {}
    for cover in covers:
        by_rep.setdefault(reps[cover.rep], []).append(Stay(cover.starts_on, cover.ends_on, reps[cover.rep]))
    return [stay for rep_id in sorted(by_rep) for stay in rules.merged(by_rep[rep_id])]


async def _mark_everybody(tx: Tx) -> None:
    """The trees are not dated: who moves within takes all its days along."""
    first = await tx.value(_org.assignments_first)
    if isinstance(first, date):
        tx.mark(None, max(first, CALENDAR_FROM), None)
