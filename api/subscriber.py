"""One client of a subscription: what it is sent at once, and what waits for it while it is slow."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from api.push import begin
from domain.org.model import Viewer


class Revoked(Exception):
    """The subscriber is not, or no longer, the viewer that it was."""


class Message(NamedTuple):
    """An encoded result, and the event that it is about; GAP and SNAPSHOT stand for all up to theirs."""

    seq: int
    payload: bytes


Write = Callable[[Message], Coroutine[Any, Any, None]]
"""Sends a message to one client; while it waits, the client is slow."""

Push = Callable[[Sequence[Message]], int]
"""Sends messages to one client at once, and says how many: the others are to be written."""


def never_at_once(_messages: Sequence[Message]) -> int:
    """Of a transport that has no such way."""
    return 0


class Subscriber:
    """One client. What comes while it is slow waits in a bounded queue. `seq`: the last event that it knows of.

    `ended` has the reason once there is nothing more to send: `Revoked`, or what writing raised.
    """

    __slots__ = ("_limit", "_push", "_queue", "_slow", "_write", "ended", "seq", "viewer")

    def __init__(self, viewer: Viewer, seq: int, limit: int, write: Write, push: Push = never_at_once) -> None:
        self.viewer = viewer
        self.seq = seq
        self.ended: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._limit = limit
        self._write = write
        self._push = push
        self._slow: asyncio.Task[None] | None = None
        self._queue: deque[Message] | None = None  # there are thousands of them, and few are slow

    def put(self, messages: Sequence[Message]) -> bool:
        """Send messages, but none that the client has already. False: the queue was full and is now empty."""
        if messages[0].seq <= self.seq:
            messages = [message for message in messages if message.seq > self.seq]
            if not messages:
                return True
        self.seq = messages[-1].seq
        for message in self._left(messages):
            if self._queue and len(self._queue) >= self._limit:
                self._queue.clear()
                return False
            self._write_or_queue(message)
        return True

    def gap(self, message: Message) -> None:
        """Send a GAP in place of all that waits."""
        self.seq = max(self.seq, message.seq)
        if self._queue:
            self._queue.clear()
        for left in self._left([message]):
            self._write_or_queue(left)

    def revoke(self) -> None:
        """End the subscription."""
        self._end(Revoked())

    def stop(self) -> None:
        """The client is gone."""
        self._end(Revoked())
        if self._slow is not None:
            self._slow.cancel()

    def _left(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Those that could not be sent at once."""
        if self._queue is not None or self.ended.done():
            return messages
        try:
            return messages[self._push(messages) :]
        except Exception as error:
            self._end(error)
            return ()

    def _write_or_queue(self, message: Message) -> None:
        if self.ended.done():
            return
        if self._queue is not None:
            self._queue.append(message)
            return
        try:
            rest = begin(self._write(message))
        except Exception as error:
            self._end(error)
        else:
            if rest is not None:
                self._queue = deque()
                self._slow = asyncio.create_task(self._catch_up(rest, self._queue))

    async def _catch_up(self, rest: Awaitable[None], queue: deque[Message]) -> None:
        try:
            await rest
            while queue:
                await self._write(queue.popleft())
        except Exception as error:
            self._end(error)
        finally:
            self._slow = self._queue = None

    def _end(self, reason: Exception) -> None:
        if self._queue:
            self._queue.clear()
        if not self.ended.done():
            self.ended.set_result(reason)
