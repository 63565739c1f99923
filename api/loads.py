"""Keys asked for at once, one by one or many, become one call of a batch function."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from api.engine import Guarded, Ones, Repeated

K = TypeVar("K")
V = TypeVar("V")


class Loads(Generic[K, V]):
    """Those of one batch function in one operation: no key twice, and all keys of one turn of the loop together.

    It does not hold the operation, which holds it: what an answer took goes at once, and waits for no collector.
    """

    __slots__ = ("_batch", "_coming", "_done", "_guards", "_next", "_values")

    def __init__(self, batch: Callable[[Any, Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        self._batch = batch
        self._values: dict[K, V] = {}
        self._guards: dict[K, Any] = {}
        self._coming: dict[K, _Call[K, V]] = {}
        self._next: _Call[K, V] | None = None
        self._done: list[_Call[K, V]] = []

    async def values(self, reads: Any, keys: Sequence[K]) -> Sequence[V]:
        """The values of these keys, when they are there. Raises whatever the batch function does.

        As the batch function gave them, where these very keys, in this order, were all that was asked for at once.
        """
        known = self._known()
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            calls = self._calls(reads, missing)
            arrivals = [call.arrival() for call in calls]
            await (arrivals[0] if len(arrivals) == 1 else asyncio.gather(*arrivals))
            if len(calls) == 1 and len(missing) == len(keys) and calls[0].keys == missing:
                return calls[0].values
        found = list(map(self._known().__getitem__, keys))
        return Guarded(found, list(map(self._guards.get, keys))) if self._guards else found

    def _known(self) -> dict[K, V]:
        """All that has come, by key."""
        while self._done:
            call = self._done.pop()
            values = call.values
            if isinstance(values, Guarded):
                self._guards.update(zip(call.keys, values.guards, strict=True))
                values = values.values
            self._values.update(zip(call.keys, values, strict=True))
        return self._values

    def _calls(self, reads: Any, missing: Sequence[K]) -> "list[_Call[K, V]]":
        """The calls that bring these keys, one of them new if need be."""
        coming = self._coming
        calls = list({id(call): call for key in missing if (call := coming.get(key))}.values()) if coming else []
        fresh = [key for key in missing if key not in coming] if coming else missing
        if fresh:
            call = self._next
            if call is None:
                call = self._next = _Call()
                asyncio.get_running_loop().call_soon(self._start, reads)
            call.keys += fresh
            coming.update(dict.fromkeys(fresh, call))
            if call not in calls:
                calls.append(call)
        return calls

    def _start(self, reads: Any) -> None:
        call, self._next = self._next, None
        if call is not None:
            call.task = asyncio.create_task(self._run(reads, call))

    async def _run(self, reads: Any, call: "_Call[K, V]") -> None:
        failure: BaseException | None = None
        try:
            call.values = await self._batch(reads, call.keys)
            if len(call.values) != len(call.keys):
                raise ValueError(f"{self._batch} gave {len(call.values)} values for {len(call.keys)} keys.")
            self._done.append(call)
        except BaseException as error:
            failure = error
        for key in call.keys:
            del self._coming[key]
        call.task = None
        call.arrived(failure)
        if failure is not None and not isinstance(failure, Exception):
            raise failure


class _Call(Generic[K, V]):
    """One call of a batch function. Each who waits has a future of its own: giving up takes nothing from the others."""

    __slots__ = ("_waiting", "keys", "task", "values")
    values: Sequence[V]

    def __init__(self) -> None:
        self.keys: list[K] = []
        self.task: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def arrival(self) -> "asyncio.Future[None]":
        """Done when the call is; raises what it raised."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def arrived(self, failure: BaseException | None) -> None:
        """Wake whoever waits."""
        for future in self._waiting:
            if not future.done():
                if failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(failure)


def repeated(values: Sequence[V], places: Sequence[int | None]) -> Sequence[V | None]:
    """For each place the value there."""
    if isinstance(values, Guarded):
        return values.arranged(
            lambda column: repeated(column, places),
            lambda guards: [None if place is None else guards[place] for place in places],
        )
    if isinstance(values, Ones):
        return Ones(values.table, [None if place is None else values.places[place] for place in places])
    return Repeated(values, places)
