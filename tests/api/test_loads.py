"""Loads that several ask for at once: one call of the batch function, and to each the values of its own keys."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from api.context import Common, Context
from tests.api.execute import SETTINGS
from tests.conftest import MakeOrg

ASKED = [
    [[1, 2, 3]],
    [[1, 2, 3], [3, 1, 2]],
    [[1, 2], [3], [3, 2, 1]],
    [[1, 1, 2], [2, 1], [2, 2]],
    [[1], [], [1, 2]],
]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("asked", ASKED)
async def test_each_is_told_of_its_own_keys_in_its_own_order(
    make_org: MakeOrg, asked: list[list[int]], shared: bool
) -> None:
    work = await make_org()
    calls: list[list[int]] = []

    async def batch(_: Any, keys: Sequence[int]) -> Sequence[str]:
        calls.append(list(keys))
        return [f"value of {key}" for key in keys]

    common = Common(work.db, work.viewer.org_id, work.now) if shared else None
    context = Context(work.db, work.viewer, work.now, SETTINGS, "loads", common=common)
    load = context.whoever_asks if shared else context.load_each
    for _ in range(2):
        told = await asyncio.gather(*(load(batch, keys) for keys in asked))
        assert [list(values) for values in told] == [[f"value of {key}" for key in keys] for keys in asked]
    assert [sorted(call) for call in calls] == [sorted({key for keys in asked for key in keys})]
