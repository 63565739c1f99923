"""Types of the graph of features: values, inputs, pets, and what decides who may see them."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry import Info
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from api.engine import COLUMN, Gate, Many, Ones, Table

T = TypeVar("T")


@dataclass
class Asked:
    """The context: who asks, and what was called."""

    admin: bool = False
    calls: list[str] = field(default_factory=list)


class OnlyAdmins(Gate):
    def refusal(self, context: Asked) -> Exception | None:
        return None if context.admin else GraphQLError("Only admins.", extensions={"code": "FORBIDDEN"})


class Upper(FieldExtension):
    async def resolve_async(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return str(await next_(source, info, **arguments)).upper()


class IsAdmin(BasePermission):
    message = "You are not an admin."

    async def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return bool(info.context.admin)


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = strawberry.enum_value("blue", description="Like the sea.")


@strawberry.enum
class Size(StrEnum):
    SMALL = "S"
    LARGE = "L"


Even = NewType("Even", int)


def _even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd.")
    return value


@strawberry.input
class Span:
    start: date
    end: date | None = None
    sizes: list[Size] = strawberry.field(default_factory=lambda: [Size.SMALL])


@strawberry.input(one_of=True)
class Which:
    name: strawberry.Maybe[str]
    number: strawberry.Maybe[int]
    span: strawberry.Maybe[Span]


@strawberry.input
class Change:
    name: strawberry.Maybe[str | None]
    count: strawberry.Maybe[int]
    note: str | None = strawberry.UNSET
    inner: "Change | None" = None


@strawberry.interface
class Named:
    name: str

    @strawberry.field
    def shout(self, times: int = 1) -> str:
        return self.name + "!" * times


@strawberry.type
class Leaf:
    text: str | None = None
    must: str = "there"


@strawberry.type
class Dog(Named):
    colour: Colour | None = None
    size: Size = Size.LARGE

    @strawberry.field
    async def barks(self, info: Info) -> list[str]:
        await asyncio.sleep(0)
        return [f"{key}" for key in info.path.as_list()]


async def _owners(parents: Sequence["Cat"], info: Info) -> list[Any]:
    info.context.calls.append(f"owners of {len(parents)}")
    await asyncio.sleep(0)
    gone = ValueError("The owner is gone.")
    return [gone if cat.lives == 0 else None if cat.lives == 1 else Person(cat.name) for cat in parents]


async def _friends(parents: Sequence["Cat"], info: Info, greeting: str = "Hi") -> list[str]:
    return [f"{greeting} {cat.name}" for cat in parents]


async def _down(parents: Sequence["Cat"], info: Info) -> list[int]:
    raise ConnectionError("The database is down.")


def column(load: Callable[..., Awaitable[Any]], **options: Any) -> Any:
    """A field that graphql-core resolves one by one and the engine by the column."""

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        value = (await load([root], info, **arguments))[0]
        if isinstance(value, Exception):
            raise value
        return value

    signature = inspect.signature(load)
    _, info_parameter, *arguments = signature.parameters.values()
    root = info_parameter.replace(name="root", annotation=Any)
    resolve.__signature__ = inspect.Signature([root, info_parameter, *arguments])  # type: ignore[attr-defined]
    return strawberry.field(resolver=resolve, metadata={COLUMN: load}, **options)


class Toys(Table["Toy"]):
    """Toys by their numbers, made when they are looked at."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.kind = Toy
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator["Toy"]:
        return map(Toy, self.numbers)

    def column(self, name: str) -> list[Any]:
        return [getattr(toy, name) for toy in self]

    def take(self, positions: Sequence[int]) -> "Toys":
        return Toys([self.numbers[position] for position in positions])


async def _toy(parents: Sequence["Cat"], info: Info) -> Sequence["Toy | None"]:
    """Of cats with an odd number of lives one of three, which they share."""
    numbers = [cat.lives % 3 if cat.lives and cat.lives % 2 else None for cat in parents]
    used = sorted({number for number in numbers if number is not None})
    info.context.calls.append(f"{len(used)} toys of {len(parents)}")
    return Ones(Toys(used), [None if number is None else used.index(number) for number in numbers])


async def _toys(parents: Sequence["Cat"], info: Info) -> Sequence[list["Toy"]]:
    """As many as lives."""
    return Many(
        Toys([number for cat in parents for number in range(cat.lives or 0)]), [cat.lives or 0 for cat in parents]
    )


async def _first_toys(parents: Sequence["Cat"], info: Info) -> Sequence["Toy"]:
    return Toys([cat.lives or 0 for cat in parents])


async def _keepers(parents: Sequence["Toy"], info: Info) -> list[Any]:
    info.context.calls.append(f"keepers of {len(parents)}")
    gone = ValueError("Nobody keeps it.")
    return [gone if toy.number == 2 else Person(f"Keeper {toy.number}") for toy in parents]


@strawberry.type
class Toy(Named):
    number: int
    label: str
    broken: str | None

    keeper: "Person | None" = column(_keepers)

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"Toy {number}"
        self.label = None if number == 1 else "small"  # type: ignore[assignment]

    @strawberry.field
    def place(self, info: Info) -> str:
        return str(info.path.as_list())


@strawberry.type
class Cat(Named):
    lives: int | None = 9
    owner: "Person | None" = column(_owners)
    master: "Person" = column(_owners)
    friend: str = column(_friends)
    down: int | None = column(_down)
    toy: Toy | None = column(_toy)
    best_toy: Toy = column(_toy)
    first_toy: Toy | None = column(_first_toys)
    toys: list[Toy] | None = column(_toys)
    each: Named | None = column(_toy)

    @strawberry.field
    def bad_lives(self) -> int:
        if self.lives == 0:
            raise ValueError("It is dead.")
        return self.lives or 0


@strawberry.type
class Person:
    title: str

    def __init__(self, title: str) -> None:
        self.title = title


@strawberry.type
class Page(Generic[T]):
    items: list[T]
    rows: list[list[T | None] | None]


Pet = Annotated[Dog | Cat, strawberry.union("Pet")]


@strawberry.type
class Scalars:
    big: int | None = 2**31
    whole: int | None = 3.0  # type: ignore[assignment]
    text_number: int | None = "12"  # type: ignore[assignment]
    no_number: int | None = "twelve"  # type: ignore[assignment]
    true: int | None = True
    half: float | None = 0.5
    infinite: float | None = float("inf")
    text: str | None = 5  # type: ignore[assignment]
    no_text: str | None = strawberry.field(default_factory=lambda: ["a"])
    id: strawberry.ID | None = 7  # type: ignore[assignment]
    flag: bool | None = 1  # type: ignore[assignment]
    even: Even | None = Even(4)
    odd: Even | None = Even(3)
    price: Decimal | None = Decimal("1.50")
    day: date | None = date(2026, 11, 22)
    colour: Colour | None = Colour.BLUE
    bare_colour: Colour | None = "red"  # type: ignore[assignment]
    no_colour: Colour | None = "green"  # type: ignore[assignment]
    colours: list[Colour | None] = strawberry.field(default_factory=lambda: [Colour.RED, None, Size.SMALL])


@strawberry.type
class Deep:
    @strawberry.field
    def deeper(self) -> "Deep":
        return Deep()

    @strawberry.field
    def soft(self) -> "Deep | None":
        return Deep()

    @strawberry.field
    def text(self) -> str | None:
        raise ValueError("No text.")

    @strawberry.field
    def boom(self, label: str = "boom") -> str:
        raise ValueError(label)

    @strawberry.field
    def fine(self) -> str:
        return "fine"


EVEN = strawberry.scalar(name="Even", serialize=_even, parse_value=lambda value: _even(int(value)))
