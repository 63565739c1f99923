"""Whom a viewer sees, and what it takes to be shown a value.

A batch load takes out what the viewer may not see by guards, one a value:

    return await ctx.of_seen("reps", ids, await ctx.whoever_asks(_stored_reps, ids))

For a viewer that hides the values whose guards it does not pass. In an execution for many, whose viewer is `Anyone`,
the guards travel with the values: who passes all guards of a message would have got the very same by itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NoReturn, TypeVar
from uuid import UUID

from api.engine import Guarded, Ones
from domain.org.model import READ

V = TypeVar("V")
W = TypeVar("W")

Seen = frozenset[UUID] | None
"""Those of one kind that a viewer sees; None means all."""

Kind = Literal["reps", "teams", "pay"]
"""By what a viewer sees some and not others; `pay` is reps by their pay."""

Sight = Mapping[Kind, Seen]
"""Whom a viewer sees today."""

Guard = tuple[Kind, UUID | None, UUID | None]
"""Who sees somebody of a kind passes, and a user, whomever it sees. Nobody is who only those see who see all."""


class ToldApart(Exception):
    """Something depends on who asks, and nobody does: each viewer has to ask for itself."""


class Anyone:
    """In place of the viewer where one execution is for many, of whom nothing is known but what they share.

    That is a promise: whatever else is asked of it raises `ToldApart`, and is remembered where nobody heeds that.
    """

    def __init__(self, org_id: UUID, scopes: Iterable[str]) -> None:
        self.org_id = org_id
        self.told_apart = False
        self._scopes = READ.intersection(scopes)

    @property
    def scopes(self) -> "Anyone":
        """Of its scopes nobody learns but whether one of `READ` is among them."""
        return self

    def __contains__(self, scope: object) -> bool:
        return scope in self._scopes if scope in READ else self._tell_apart(str(scope))

    def __getattr__(self, name: str) -> NoReturn:
        self._tell_apart(name)

    def _tell_apart(self, what: str) -> NoReturn:
        self.told_apart = True
        raise ToldApart(what)


def in_sight(seen: Seen, one: UUID | None) -> bool:
    """Whether somebody is among those seen."""
    return seen is None or one in seen


def passes(guard: Guard | None, sight: Sight, user_id: UUID | None) -> bool:
    """Whether a viewer may see what is behind a guard, if there is one."""
    if guard is None:
        return True
    kind, one, user = guard
    seen = sight[kind]
    return seen is None or one in seen or (user is not None and user == user_id)


def where(shown: Sequence[bool], values: Sequence[V | None]) -> Sequence[V | None]:
    """None instead of values that are not shown."""
    if isinstance(values, Ones):
        return values.where(shown)
    return [value if show else None for value, show in zip(values, shown, strict=True)]


def each(values: Sequence[V | None], make: Callable[[V], W | None]) -> Sequence[W | None]:
    """What `make` makes of each value, by looking at nothing else; None stays None."""
    if isinstance(values, Guarded):
        return values.arranged(lambda column: each(column, make), lambda guards: guards)
    return [None if value is None else make(value) for value in values]


def merged(columns: Sequence[Sequence[V | None]], length: int) -> Sequence[V | None]:
    """One column of several, of which one at most has a value in each place."""
    if len(columns) == 1:
        return columns[0]
    of_all = list(map(parts, columns))
    found = _overlaid([values for values, _ in of_all], length)
    guards = _overlaid([guards for _, guards in of_all], length)
    return Guarded(found, guards) if any(guards) else found


def _overlaid(columns: Sequence[Sequence[Any]], length: int) -> list[Any]:
    found = [None] * length
    for column in columns:
        for position, value in enumerate(column):
            if value is not None:
                found[position] = value
    return found


def parts(values: Sequence[V]) -> tuple[Sequence[V], Sequence[Any]]:
    """Values and their guards, None for those without."""
    return (values.values, values.guards) if isinstance(values, Guarded) else (values, [None] * len(values))
