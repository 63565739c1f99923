"""Writing to a client without waiting for it.

A socket that can take more is written to at once, by whoever has something for it: a task for each of thousands of
sockets, and a turn of the loop for each message, cost more than the writing.
"""

import types
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any


def begin(coroutine: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
    """Run it here and now until it has to wait: None when it did not, otherwise what is left of it.

    Raises what it raises. (asyncio's own eager tasks do the same from Python 3.12 on.)
    """
    try:
        waiting_for = coroutine.send(None)
    except StopIteration:
        return None
    return _rest(coroutine, waiting_for)


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, None], waiting_for: Any) -> Generator[Any, Any, None]:
    """Whoever awaits this waits for what the coroutine waits for, and then runs the rest of it."""
    try:
        yield waiting_for
    except BaseException as interruption:
        try:
            waiting_for = coroutine.throw(interruption)
        except StopIteration:
            return
        yield from _rest(coroutine, waiting_for)
        return
    yield from coroutine.__await__()
