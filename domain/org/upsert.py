"""What became of each item of a list: stored, left as it was, or refused by its path."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from domain.errors import Problem
from domain.events import Change, Event
from domain.org.model import Upserted
from domain.work import Tx


class Versioned(Protocol):
    """A row that counts its changes."""

    @property
    def version(self) -> int: ...


T = TypeVar("T", bound=Versioned)


class Upsert(Generic[T]):
    """Collects, then tells: one event and one line of the audit log for each row that changed."""

    def __init__(self, action: str, kind: str, node_type: str) -> None:
        self._action, self._kind, self._node_type = action, kind, node_type
        self._ids: list[tuple[int, UUID]] = []
        self._problems: list[Problem] = []
        self._told: list[tuple[UUID, Change, list[str]]] = []
        self._unchanged = 0
        self.rows: list[T] = []
        """New and changed rows, with the version that they get."""

    def refuse(self, index: int, problems: Iterable[Problem]) -> None:
        """This item is not stored."""
        self._problems += [replace(problem, path=("items", str(index), *problem.path)) for problem in problems]

    def store(self, index: int, node_id: UUID, old: T | None, new: T, also: Sequence[str] = ()) -> None:
        """This item is stored; `also` names what changed beside the row. Unchanged, it keeps its version."""
        self._ids.append((index, node_id))
        if old is None:
            self.rows.append(new)
            self._told.append((node_id, Change.CREATED, []))
            return
        changed = [f.name for f in fields(new) if getattr(old, f.name) != getattr(new, f.name)]  # type: ignore[arg-type]
        changed += also
        if changed:
            self.rows.append(replace(new, version=old.version + 1))  # type: ignore[type-var]
            self._told.append((node_id, Change.UPDATED, changed))
        else:
            self._unchanged += 1

    def tell(self, tx: Tx) -> Upserted:
        """Record events and audit. Of a rep or a team, those may hear who see it."""
        for node_id, change, changed in self._told:
            rep_id = node_id if self._node_type == "Rep" else None
            team_id = node_id if self._node_type == "Team" else None
            tx.record(Event(self._kind, change, self._node_type, str(node_id), rep_id, team_id))
            tx.audit(self._action, self._node_type, str(node_id), change=change, fields=changed)
        created = sum(change is Change.CREATED for _, change, _ in self._told)
        ids = [node_id for _, node_id in sorted(self._ids)]
        problems = sorted(self._problems, key=lambda problem: int(problem.path[1]))
        return Upserted(ids, created, len(self._told) - created, self._unchanged, problems)
