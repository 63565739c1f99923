"""How long something may take, where much goes on side by side and all of it may take equally long."""

import asyncio
import time
from types import TracebackType


class Deadline:
    """`with deadline(): ...` raises `TimeoutError` when the block takes longer than these seconds.

    As `asyncio.timeout` does, which makes a timer for each block, and that takes longer than all else that is done to
    read a request. Here who began first is late first, so that one timer is enough: for the first.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[_Block, None] = {}  # in the order in which they began
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> "_Block":
        return _Block(self)

    def begin(self, block: "_Block") -> None:
        """Watch it from now on."""
        block.until = time.monotonic() + self._seconds
        self._running[block] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._ring)

    def end(self, block: "_Block") -> None:
        """Watch it no more."""
        self._running.pop(block, None)

    def _ring(self) -> None:
        self._timer = None
        now = time.monotonic()
        for block in list(self._running):
            if block.until > now:
                self._timer = asyncio.get_running_loop().call_later(block.until - now, self._ring)
                return
            del self._running[block]
            block.stop()


class _Block:
    """One block of one task."""

    __slots__ = ("_cancelling", "_deadline", "_late", "_task", "until")
    until: float
    """By `time.monotonic`."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._late = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 only a task can be stopped
        self._task = task
        self._cancelling = task.cancelling()
        self._deadline.begin(self)

    def stop(self) -> None:
        """It is late."""
        self._late = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._deadline.end(self)
        # Unless somebody else cancelled the task too, the end of this block is the end of it.
        if self._late and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
