"""Inputs on their way to the domain: absent is not null."""

from typing import Any

from strawberry import Some

from domain.unset import UNSET


def stated(value: Some[Any] | None) -> Any:
    """What a `strawberry.Maybe` field says: its value (which may be null), or `UNSET` where it was left out."""
    return UNSET if value is None else value.value
