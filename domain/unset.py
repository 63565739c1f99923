"""An input that was left out, as opposed to one that was given as null."""

from enum import Enum
from typing import Final, Literal, TypeVar

T = TypeVar("T")


class Unset(Enum):
    """The type of `UNSET`, so that `str | None | Unset` says all three."""

    UNSET = "UNSET"


UNSET: Final[Literal[Unset.UNSET]] = Unset.UNSET


def given(value: T | Unset, otherwise: T) -> T:
    """The value, or what holds where it was left out."""
    return otherwise if isinstance(value, Unset) else value
