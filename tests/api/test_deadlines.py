"""One timer for all blocks does what a timer for each would do."""

import asyncio
import time

import pytest

from api.deadlines import Deadline

SECONDS = 0.05


async def forever() -> None:
    await asyncio.Event().wait()


async def test_each_block_ends_at_its_own_time() -> None:
    in_time = Deadline(SECONDS)

    async def late() -> float:
        began = time.monotonic()
        with pytest.raises(TimeoutError), in_time():
            await forever()
        return time.monotonic() - began

    first = asyncio.create_task(late())
    with in_time():
        await asyncio.sleep(SECONDS / 2)
    # The timer was set for the first, and the one in the middle has ended before.
    assert min(await asyncio.gather(first, late(), late())) >= SECONDS
    assert await late() >= SECONDS  # nothing was watched any more


async def test_a_block_in_time_leaves_its_task_alone() -> None:
    in_time = Deadline(SECONDS)
    with in_time():
        await asyncio.sleep(0)
    await asyncio.sleep(2 * SECONDS)
    with pytest.raises(KeyError), in_time():
        raise KeyError


async def test_who_is_cancelled_is_not_late() -> None:
    in_time = Deadline(SECONDS)

    async def run() -> None:
        with in_time():
            await forever()

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_late_and_cancelled_meanwhile_is_cancelled() -> None:
    in_time = Deadline(SECONDS)
    cleaning, go_on = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        with in_time():
            try:
                await forever()
            finally:
                cleaning.set()
                await go_on.wait()

    task = asyncio.create_task(run())
    await cleaning.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_inner_of_two_is_told_first() -> None:
    outer, inner = Deadline(10 * SECONDS), Deadline(SECONDS)
    with outer():
        with pytest.raises(TimeoutError), inner():
            await forever()
        await asyncio.sleep(0)
