"""A graph with a bit of everything that GraphQL and Strawberry can do, much of it failing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Any

import strawberry
from strawberry import Info
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.schema.config import StrawberryConfig

from tests.api.engine.parts import (
    EVEN,
    Cat,
    Change,
    Colour,
    Deep,
    Dog,
    Even,
    IsAdmin,
    Leaf,
    Named,
    OnlyAdmins,
    Page,
    Pet,
    Scalars,
    Size,
    Span,
    Upper,
    Which,
)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"

    @strawberry.field
    def echo(
        self,
        text: str = "nothing",
        number: int | None = None,
        ratio: float | None = None,
        flag: bool = False,
        id: strawberry.ID | None = None,  # noqa: A002
        colour: Colour = Colour.RED,
        even: Even | None = None,
        many: list[int | None] | None = None,
        when: date | None = None,
    ) -> str:
        return repr((text, number, ratio, flag, id, colour, even, many, when))

    @strawberry.field
    async def span(self, span: Span, more: list[Span] | None = None) -> str:
        return repr((span, more))

    @strawberry.field
    def which(self, which: Which) -> str:
        return repr(which)

    @strawberry.field
    def change(self, change: Change, default: Span | None = None) -> str:
        return repr((change, default))

    @strawberry.field
    def told(root: Any, info: Info) -> str:  # noqa: N805
        return f"{root} {info.field_name} {info.python_name} {len(info.selected_fields)}"

    @strawberry.field
    @staticmethod
    def of_parent(parent: strawberry.Parent[Any], text: str) -> str:
        return f"{parent} {text}"

    @strawberry.field
    def pets(self, dead: bool = False) -> list[Pet]:
        return [
            Dog(name="Rex", colour=Colour.BLUE),
            Cat(name="Tom", lives=0 if dead else 9),
            Dog(name="Ada", size=Size.SMALL),
            Cat(name="Kit", lives=1),
        ]

    @strawberry.field
    async def cats(self, lives: list[int | None]) -> list[Cat | None] | None:
        return [None if one is None else Cat(name=f"Cat {one}", lives=one) for one in lives]

    @strawberry.field
    def same_cat(self) -> list[Cat | None]:
        cat, other = Cat(name="Same", lives=0), Cat(name="Other")
        return [cat, cat, None, other, cat, cat]

    @strawberry.field
    def strict_cats(self, lives: list[int]) -> list[Cat] | None:
        return [Cat(name=f"Cat {one}", lives=one) for one in lives]

    @strawberry.field
    def named(self, which: int = 0) -> Named | None:
        return [Dog(name="Rex"), Cat(name="Tom"), None, Leaf(), object()][which]  # type: ignore[return-value]

    @strawberry.field
    async def all_named(self) -> list[Named | None]:
        return [Dog(name="Rex"), None, Leaf(), Cat(name="Tom")]  # type: ignore[list-item]

    @strawberry.field
    def leaves(self) -> list[Leaf] | None:
        return [Leaf(must=None), Leaf(must=None)]  # type: ignore[arg-type]

    @strawberry.field
    def page(self) -> Page[Leaf]:
        a, b = Leaf(text="a"), Leaf(text="b", must=None)  # type: ignore[arg-type]
        return Page(items=[a], rows=[[a, None, b], None, []])

    @strawberry.field
    def broken_page(self) -> Page[Leaf] | None:
        return Page(items=[Leaf(), Leaf(must=None)], rows=[])  # type: ignore[arg-type]

    @strawberry.field
    def matrix(self, hole: bool = False) -> list[list[int]] | None:
        return [[1, 2], [3, None if hole else 4], []]  # type: ignore[list-item]

    @strawberry.field
    def loose_matrix(self) -> list[list[int | None] | None]:
        return [[1, 2**40], None, [None, "7"]]  # type: ignore[list-item]

    @strawberry.field
    def awaited(self) -> list[str | None]:
        async def late(text: str) -> str:
            await asyncio.sleep(0)
            if text == "bad":
                raise ValueError(text)
            return text

        return ["now", late("later"), late("bad"), ValueError("returned")]  # type: ignore[list-item]

    @strawberry.field
    async def streamed(self, fail: bool = False) -> list[int] | None:
        async def numbers() -> AsyncIterator[int]:
            yield 1
            yield 2
            if fail:
                raise ValueError("The stream broke.")

        return numbers()  # type: ignore[return-value]

    @strawberry.field
    def generated(self, fail: bool = False) -> list[int] | None:
        def numbers() -> Iterator[int]:
            yield 1
            if fail:
                raise ValueError("The generator broke.")

        return numbers()  # type: ignore[return-value]

    @strawberry.field
    def no_list(self) -> list[int] | None:
        return "text"  # type: ignore[return-value]

    @strawberry.field
    def scalars(self) -> "Scalars":
        return Scalars()

    @strawberry.field(extensions=[OnlyAdmins()])
    async def secret(self, number: int = 1) -> str | None:
        return f"secret {number}"

    @strawberry.field(extensions=[Upper()])
    async def loud(self, text: str = "loud") -> str:
        return text

    @strawberry.field(extensions=[Upper(), OnlyAdmins()])
    async def loud_secret(self) -> str | None:
        return "loud secret"

    @strawberry.field(extensions=[OnlyAdmins(), Upper()])
    async def loud_changes(self, info: Info, source: str, changes: list[Change | None] | None = None) -> str | None:
        return repr((source, changes, info.path.key))

    @strawberry.field(permission_classes=[IsAdmin])
    async def permitted(self) -> str | None:
        return "permitted"

    @strawberry.field
    async def fails(self, late: bool = False) -> str | None:
        if late:
            await asyncio.sleep(0)
        raise RuntimeError("It failed.")

    @strawberry.field
    async def must(self, fail: bool = True) -> str:
        if fail:
            raise RuntimeError("It failed and had to be there.")
        return "there"

    @strawberry.field
    def deep(self) -> "Deep | None":
        return Deep()


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def add(self, info: Info, text: str, slow: bool = False) -> str | None:
        if slow:
            await asyncio.sleep(0)
        info.context.calls.append(text)
        return ",".join(info.context.calls)

    @strawberry.mutation
    async def must_add(self, info: Info, text: str) -> str:
        info.context.calls.append(text)
        raise ValueError(f"{text} was not added.")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def pet(self, loud: bool = False) -> AsyncIterator[Pet]:
        yield Dog(name="Rex")

    @strawberry.subscription(extensions=[OnlyAdmins()])
    async def days(self, info: Info, span: Span, note: str | None = None) -> AsyncIterator[str]:
        if span.end is None:
            raise ValueError("A span has an end.")
        return _days(span, note)

    @strawberry.subscription
    def silence(self) -> AsyncIterator[str]:
        return "silence"  # type: ignore[return-value]


async def _days(span: Span, note: str | None) -> AsyncIterator[str]:
    yield f"{span.start} {note}"
    yield f"{span.end} {note}"


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def backwards(value: DirectiveValue[str]) -> str:
    return value[::-1]


schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    directives=[backwards],
    types=[Dog, Cat],
    config=StrawberryConfig(scalar_map={Even: EVEN}),
)
GRAPH = schema._schema
