"""The domain's enums as the graph shows them, with a description of every value."""

from enum import EnumMeta
from typing import Any

import strawberry


def describe(enum: EnumMeta, description: str, *, name: str | None = None, **values: str) -> None:
    """Show an enum of the domain in the graph; use the class itself in annotations.

    describe(Status, "Where an item stands.", name="ActionItemStatus", OPEN="Nobody is at it yet.", ...)

    Raises `ValueError` when a value has no description, or a description no value.
    """
    shown: Any = strawberry.enum(enum, name=name, description=description)
    definition = shown.__strawberry_definition__
    if {value.name for value in definition.values} != values.keys():
        raise ValueError(f"{definition.name}: describe each of its values, and nothing else")
    for value in definition.values:
        value.description = values[value.name]
