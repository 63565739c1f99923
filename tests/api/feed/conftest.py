"""The feed of the small sales organisation, asked through the whole schema."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.work import Work
from tests.api.conftest import Ask
from tests.domain.feed.conftest import company

__all__ = ["company"]

Answer = Callable[..., Awaitable[Any]]


@pytest.fixture
def answer(ask: Ask) -> Answer:
    """`await answer(work, document, **variables)`: the data; an error fails the test."""

    async def run(work: Work, document: str, **variables: object) -> Any:
        found = await ask(work, document, **variables)
        assert "errors" not in found
        return found["data"]

    return run
