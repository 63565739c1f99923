"""What never changes once it is stored: read once a process."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

_MOST = 20_000

Load = Callable[[Any, Sequence[Any]], Awaitable[Sequence[Any]]]


class Kept:
    """Versions of definitions, which are added and never edited, by organisation: what one has read is no other's.

    They cannot be out of date, so nothing has to be heard of. When there is too much, what belongs to whoever has not
    asked for longest is forgotten.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[tuple[UUID, Load], dict[Any, Any]] = OrderedDict()

    def known(self, org_id: UUID, load: Load, keys: Iterable[Any]) -> list[Any] | None:
        """What is known already of these keys, if all of it is."""
        known = self._known.get((org_id, load))
        if known is None:
            return None
        self._known.move_to_end((org_id, load))
        found = [known.get(key) for key in keys]
        return None if None in found else found

    async def values(self, org_id: UUID, load: Load, reads: Any, keys: Sequence[Any]) -> list[Any]:
        """What `load(reads, keys)` gives for keys of what exists."""
        known = self._known.setdefault((org_id, load), {})
        self._known.move_to_end((org_id, load))
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            known.update(zip(missing, await load(reads, missing), strict=True))
            while len(self._known) > 1 and sum(map(len, self._known.values())) > self._most:
                self._known.popitem(last=False)
        return [known[key] for key in keys]
