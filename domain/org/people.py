"""Users and reps: who signs in, who carries numbers, and in which team a rep was on a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import date
from uuid import UUID

from domain.calendar import Calendar, PeriodKind
from domain.dirty import Touch
from domain.errors import Problem, at_most
from domain.org import rules
from domain.org.actions import CALENDAR_FROM, calendar
from domain.org.model import Leave, Move, Rep, RepItem, Role, Stay, Upserted, User, UserItem, UserKey
from domain.org.upsert import Upsert
from domain.unset import Unset, given
from domain.work import Tx, Work, columns
from sql.pool import Record, uuid7
from sql.queries import queries

_org = queries("org")


async def users_upsert(work: Work, items: Sequence[UserItem]) -> Upserted:
    """Store people, found by external id or else by e-mail address; good items are stored, bad ones reported.

    Problems: BLANK, TOO_LONG, INVALID_TEXT, INVALID_EMAIL, DUPLICATE, EMAIL_TAKEN, OWN_ACCOUNT. Raises `Rejected` for
    more than 1,000 items.
    """
    at_most(items)
    upsert: Upsert[User] = Upsert("usersUpsert", "org.user", "User")
    async with work.transaction() as tx:
        await tx.row(_org.organization_lock)
        keys = [UserKey(item.email, item.external_id) for item in items]
        found = [_user(row) for row in await tx.fetch(_org.users_found, *_sought(keys))]
        by_key = {user.external_id: user for user in found if user.external_id is not None}
        # An address that is given up in this call stays taken until the next: rows change in no particular order.
        by_email = {user.email.lower(): user for user in found}
        seen: set[UUID] = set()
        for i, item in enumerate(items):
            problems = [*rules.named(item.name, "name"), *rules.email_address(item.email, "email")]
            if item.external_id is not None:
                problems += rules.key(item.external_id, "externalId")
            holder = by_email.get(item.email.lower())
            old = by_key.get(item.external_id) if item.external_id is not None else None
            if old is None and holder is not None and (item.external_id is None or holder.external_id is None):
                old = holder
            if old is not None and old.user_id in seen:
                problems.append(Problem("DUPLICATE", "An earlier item is the same user.", ()))
            elif holder is not None and holder is not old:
                problems.append(Problem("EMAIL_TAKEN", "Another user has this e-mail address.", ("email",)))
            if old is not None and old.user_id == work.viewer.user_id and (item.role, item.active) != (old.role, True):
                message = "Ask another administrator to change your own role or to deactivate you."
                problems.append(Problem("OWN_ACCOUNT", message, ()))
            if problems:
                upsert.refuse(i, problems)
                continue
            new = User(
                old.user_id if old else uuid7(),
                item.external_id if item.external_id is not None else old.external_id if old else None,
                item.email,
                item.name,
                item.role,
                item.active,
                old.version if old else 1,
            )
            seen.add(new.user_id)
            by_email[new.email.lower()] = new
            if new.external_id is not None:
                by_key[new.external_id] = new
            upsert.store(i, new.user_id, old, new)
        if upsert.rows:
            await tx.execute(_org.users_put, *columns(map(astuple, upsert.rows), 7), tx.now)
        return upsert.tell(tx)


def _user(row: Record) -> User:
    return User(
        row["user_id"], row["external_id"], row["email"], row["name"], Role(row["role"]), row["active"], row["version"]
    )


def _sought(keys: Iterable[UserKey]) -> tuple[list[str], list[str]]:
    """External ids and lower-case addresses to look for."""
    keys = list(keys)
    return (
        [key.external_id for key in keys if key.external_id is not None],
        [key.email.lower() for key in keys if key.email is not None],
    )


class Users:
    """Users by the keys that a list of items names them by."""

    def __init__(self, users: Iterable[User]) -> None:
        self._by_key: dict[str | None, User] = {}
        self._by_email: dict[str | None, User] = {}
        for user in users:
            self._by_key[user.external_id] = user
            self._by_email[user.email.lower()] = user

    @classmethod
    async def load(cls, tx: Tx, keys: Iterable[UserKey | Unset | None]) -> "Users":
        """Those named, in one statement."""
        wanted = [key for key in keys if isinstance(key, UserKey)]
        return cls(map(_user, await tx.fetch(_org.users_found, *_sought(wanted))) if wanted else ())

    def get(self, key: UserKey) -> User | None:
        """The user meant; None when there is none."""
        if key.external_id is not None:
            return self._by_key.get(key.external_id)
        return self._by_email.get(key.email.lower()) if key.email is not None else None


async def reps_upsert(work: Work, items: Sequence[RepItem]) -> Upserted:
    """Store reps, found by external id; good items are stored, bad ones reported.

    A move is effective-dated: it sets the team of the days that it names and leaves the others' alone, so numbers of
    February stay with the team of February. Days whose numbers may change are marked.

    Problems: REQUIRED, BLANK, TOO_LONG, INVALID_TEXT, INVALID_EMAIL, INVALID_RANGE, OVERLAP, DUPLICATE, UNKNOWN_USER,
    USER_TAKEN, UNKNOWN_TEAM, BEFORE_HIRE. Raises `Rejected` for more than 1,000 items.
    """
    at_most(items)
    upsert: Upsert[Rep] = Upsert("repsUpsert", "org.rep", "Rep")
    async with work.transaction() as tx:
        await tx.row(_org.organization_lock)
        time = await calendar(tx)
        today = time.local_day(tx.now)
        book = await _Book.load(tx, items)
        histories: dict[UUID, list[Stay]] = {}
        leaves: dict[UUID, list[Leave]] = {}
        seen: set[str] = set()
        for i, item in enumerate(items):
            old = book.reps.get(item.external_id)
            problems = book.problems(item, old)
            if item.external_id in seen:
                problems.append(Problem("DUPLICATE", "An earlier item is the same rep.", ("externalId",)))
            if problems:
                upsert.refuse(i, problems)
                continue
            new = book.stated(item, old)
            history = book.histories.get(new.rep_id, [])
            moved = history if old is None else rules.rehired(history, old.hired_on, new.hired_on)
            if not isinstance(item.team, Unset):
                team_id = book.teams[item.team.team]
                start = item.team.effective_on
                if start is None:
                    here = any(stay.at == team_id and today in stay for stay in moved)
                    start = new.hired_on if old is None else None if here else max(today, new.hired_on)
                if start is not None:
                    moved = rules.moved(moved, team_id, start, item.team.until)
            leave = book.leave.get(new.rep_id, [])
            off = leave if isinstance(item.leave, Unset) else sorted(item.leave, key=lambda each: each.starts_on)
            also = [name for name, differs in (("team", moved != history), ("leave", off != leave)) if differs]
            seen.add(item.external_id)
            book.linked[new.user_id] = new.rep_id
            upsert.store(i, new.rep_id, old, new, also)
            if moved != history:
                histories[new.rep_id] = moved
            if off != leave:
                leaves[new.rep_id] = off
            _mark(tx, time, old, new, history, moved, leave, off)
        await _save(tx, upsert.rows, histories, leaves)
        return upsert.tell(tx)


async def _save(
    tx: Tx, reps: Sequence[Rep], histories: Mapping[UUID, Sequence[Stay]], leaves: Mapping[UUID, Sequence[Leave]]
) -> None:
    if reps:
        await tx.execute(_org.reps_put, *columns(map(astuple, reps), 10), tx.now)
    if histories:
        rows = [(rep_id, stay.starts_on, stay.ends_on, stay.at) for rep_id in histories for stay in histories[rep_id]]
        await tx.execute(_org.assignments_remove, list(histories))
        await tx.execute(_org.assignments_add, *columns(rows, 4))
    if leaves:
        days = [(rep_id, *astuple(leave)) for rep_id in leaves for leave in leaves[rep_id]]
        await tx.execute(_org.leave_remove, list(leaves))
        await tx.execute(_org.leave_add, *columns(days, 4))


def _mark(
    tx: Tx,
    time: Calendar,
    old: Rep | None,
    new: Rep,
    history: Sequence[Stay],
    moved: Sequence[Stay],
    leave: Sequence[Leave],
    off: Sequence[Leave],
) -> None:
    """Mark the days whose numbers this change may move.

    Who is there, and where, decides a quota's share: days before the change count too, from the fiscal year's first on.
    """

    def stale(rep_id: UUID | None, first: date, through: date | None) -> None:
        if through is None or through >= CALENDAR_FROM:
            year = time.period(PeriodKind.YEAR, max(first, CALENDAR_FROM))
            tx.mark(rep_id, max(year.starts_on, CALENDAR_FROM), through)

    if old is None:
        stale(new.rep_id, new.hired_on, None)
        return
    if (old.role, old.hired_on) != (new.role, new.hired_on):
        stale(new.rep_id, min(old.hired_on, new.hired_on), None)
    if old.user_id != new.user_id:
        # A manager is a user; as a rep it is paid for what its teams sell.
        tx.mark(new.rep_id, max(new.hired_on, CALENDAR_FROM), None, Touch.EARNINGS)
    if old.left_on != new.left_on:
        stale(new.rep_id, min(day for day in (old.left_on, new.left_on) if day is not None), None)
    differing = set(leave) ^ set(off)
    if differing:
        stale(new.rep_id, min(each.starts_on for each in differing), max(each.ends_on for each in differing))
    days = rules.changed_days(history, moved)
    if days is not None:
        # The team that the rep leaves has numbers to give up too, and afterwards nobody knows which it was: everybody.
        stale(None if history else new.rep_id, *days)


class _Book:
    """What is known of the reps that a list means, and of the users and teams that it names."""

    def __init__(self, reps: Iterable[Rep], users: Users, teams: Mapping[str, UUID]) -> None:
        found = list(reps)
        self.reps = {rep.external_id: rep for rep in found}
        self.linked: dict[UUID | None, UUID] = {rep.user_id: rep.rep_id for rep in found}
        self.users = users
        self.teams = teams
        self.histories: dict[UUID, list[Stay]] = {}
        self.leave: dict[UUID, list[Leave]] = {}

    @classmethod
    async def load(cls, tx: Tx, items: Sequence[RepItem]) -> "_Book":
        users = await Users.load(tx, (item.user for item in items))
        linked = [user.user_id for item in items if isinstance(item.user, UserKey) and (user := users.get(item.user))]
        rows = await tx.fetch(_org.reps_found, [item.external_id for item in items], linked)
        names = [item.team.team for item in items if not isinstance(item.team, Unset)]
        teams = {row["external_id"]: row["team_id"] for row in await tx.fetch(_org.teams_named, names)}
        book = cls((Rep(**row) for row in rows), users, teams)
        ids = [row["rep_id"] for row in rows]
        for row in await tx.fetch(_org.assignments_of, ids):
            stay = Stay(row["starts_on"], row["ends_on"], row["team_id"])
            book.histories.setdefault(row["rep_id"], []).append(stay)
        for row in await tx.fetch(_org.leave_of, ids):
            book.leave.setdefault(row["rep_id"], []).append(Leave(row["starts_on"], row["ends_on"], row["reason"]))
        return book

    def stated(self, item: RepItem, old: Rep | None) -> Rep:
        """The rep as the item says, the rest as it was."""
        user = self.users.get(item.user) if isinstance(item.user, UserKey) else None
        base = old or Rep(uuid7(), item.external_id, None, "", None, None, None, date.min, None, 1)
        return replace(
            base,
            user_id=base.user_id if isinstance(item.user, Unset) else user.user_id if user else None,
            name=given(item.name, base.name),
            email=given(item.email, base.email),
            title=given(item.title, base.title),
            role=given(item.role, base.role),
            hired_on=given(item.hired_on, base.hired_on),
            left_on=given(item.left_on, base.left_on),
        )

    def problems(self, item: RepItem, old: Rep | None) -> list[Problem]:
        """Why the item cannot be stored."""
        found = rules.key(item.external_id, "externalId")
        for value, name in ((item.name, "name"), (item.title, "title"), (item.role, "role")):
            if isinstance(value, str):
                found += rules.named(value, name)
        if isinstance(item.email, str):
            found += rules.email_address(item.email, "email")
        if old is None:
            for missing, name in ((item.name, "name"), (item.hired_on, "hiredOn")):
                if isinstance(missing, Unset):
                    found.append(Problem("REQUIRED", f"A new rep needs {name}.", (name,)))
        if found:
            return found
        new = self.stated(item, old)
        if new.left_on is not None and new.left_on < new.hired_on:
            found.append(Problem("INVALID_RANGE", "A rep leaves after the day of hire.", ("leftOn",)))
        if isinstance(item.user, UserKey):
            user = self.users.get(item.user)
            if user is None:
                found.append(Problem("UNKNOWN_USER", "There is no such user.", ("user",)))
            elif self.linked.get(user.user_id, new.rep_id) != new.rep_id:
                found.append(Problem("USER_TAKEN", "Another rep is this user.", ("user",)))
        if not isinstance(item.leave, Unset):
            found += rules.sound_leave(item.leave)
        if not isinstance(item.team, Unset):
            found += self._move_problems(item.team, new)
        return found

    def _move_problems(self, move: Move, new: Rep) -> list[Problem]:
        if move.team not in self.teams:
            return [Problem("UNKNOWN_TEAM", f"There is no team {move.team!r}.", ("team", "externalId"))]
        if move.effective_on is not None and move.effective_on < new.hired_on:
            return [Problem("BEFORE_HIRE", "Nobody is in a team before the day of hire.", ("team", "effectiveOn"))]
        if move.until is not None and (move.effective_on is None or move.until <= move.effective_on):
            message = "A move that ends has a day from which it holds, before its end."
            return [Problem("INVALID_RANGE", message, ("team", "until"))]
        return []
