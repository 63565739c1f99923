"""Running a coroutine at once, as far as it goes."""

import asyncio

import pytest

from api.push import begin


async def test_what_need_not_wait_is_done_at_once() -> None:
    done = []

    async def inner() -> None:
        done.append("inner")

    async def outer() -> None:
        await inner()
        done.append("outer")

    assert begin(outer()) is None
    assert done == ["inner", "outer"]


async def test_what_has_to_wait_goes_on_in_whoever_awaits_the_rest() -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    passed = []

    async def walk() -> None:
        for number, gate in enumerate(gates):
            await gate.wait()
            passed.append(number)
            await asyncio.sleep(0)

    rest = begin(walk())
    assert rest is not None
    going_on = asyncio.ensure_future(rest)
    for number, gate in enumerate(gates):
        assert passed == [*range(number)]
        gate.set()
        while len(passed) == number:  # noqa: ASYNC110 it runs as soon as this lets it
            await asyncio.sleep(0)
    await going_on
    assert passed == [0, 1]


async def test_a_failure_comes_out_where_it_happens() -> None:
    gate = asyncio.Event()

    async def fail(wait: bool) -> None:
        if wait:
            await gate.wait()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        begin(fail(wait=False))
    rest = begin(fail(wait=True))
    assert rest is not None
    gate.set()
    with pytest.raises(ValueError, match="no"):
        await rest


async def test_a_cancelled_rest_cleans_up_and_may_wait_for_it() -> None:
    never, cleaned = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        try:
            await never.wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    rest = begin(wait())
    assert rest is not None
    task = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned.is_set()
