"""The feed of the small sales organisation, asked through the whole schema."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from api.context import Context
from api.schema import schema
from domain.work import Work
from settings import Settings
from tests.domain.feed.conftest import company

__all__ = ["company"]

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def ask() -> Ask:
    """`await ask(work, document, **variables)`: the data, as that viewer; an error fails the test."""

    async def asked(work: Work, document: str, **variables: object) -> Any:
        context = Context(work.db, work.viewer, work.now, Settings(), "test")
        result = await schema.execute(document, variables, context)
        assert result.errors is None
        return result.data

    return asked
