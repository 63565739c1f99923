"""Guards of values reach the answers that the values are in, and no others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, OperationDefinitionNode, get_operation_ast, parse
from strawberry import Info

from api.engine import COLUMN, Engine, Guarded, Many, Ones, Plan, Table


@dataclass
class Secret:
    """Context of a run: the numbers that are guarded, by themselves."""

    guarded: frozenset[int]


class Cells(Table["Cell"]):
    """Cells by their numbers."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.kind = Cell
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator["Cell"]:
        return (Cell(number=number) for number in self.numbers)

    def column(self, name: str) -> list[Any]:
        return [getattr(cell, name) for cell in self]

    def take(self, positions: Sequence[int]) -> "Cells":
        return Cells([self.numbers[position] for position in positions])


def half(number: int) -> int | None:
    """Where a cell leads; several lead to the same, and small ones nowhere."""
    return number // 2 if number > 1 else None


def near(number: int) -> list[int]:
    """What a cell has beside it."""
    return [number // 3, number // 3 + 1][: number % 3]


async def _half(parents: Sequence["Cell"], info: Info) -> Any:
    halves = [half(cell.number) for cell in parents]
    there = sorted({one for one in halves if one is not None})
    ones = Ones(Cells(there), [None if one is None else there.index(one) for one in halves])
    return Guarded(ones, [one if one in info.context.guarded else None for one in halves])


async def _near(parents: Sequence["Cell"], info: Info) -> Any:
    lists = [near(cell.number) for cell in parents]
    return Many(Cells([one for some in lists for one in some]), [len(some) for some in lists])


async def _square(parents: Sequence["Cell"], info: Info) -> Any:
    return Guarded([cell.number**2 for cell in parents], [-cell.number for cell in parents])


async def _failing(parents: Sequence["Cell"], info: Info) -> Any:
    raise GraphQLError("Not today.")


async def _curious(parents: Sequence["Cell"], info: Info) -> list[Any]:
    return [value for value in await _square(parents, info)]  # noqa: C416


async def _nothing() -> None: ...


def _column(load: Any) -> Any:
    return strawberry.field(resolver=_nothing, metadata={COLUMN: load})


@strawberry.type
class Cell:
    number: int
    half: "Cell | None" = _column(_half)
    near: "list[Cell]" = _column(_near)
    square: int = _column(_square)
    failing: int | None = _column(_failing)
    curious: int | None = _column(_curious)


@strawberry.type
class Query:
    cell: Cell


ENGINE = Engine(strawberry.Schema(Query)._schema)


def plan(selection: str) -> Plan:
    document = parse(f"{{ cell {{ {selection} }} }}")
    operation = get_operation_ast(document)
    assert isinstance(operation, OperationDefinitionNode)
    return ENGINE.plan(document, operation)


def within(number: int, guarded: frozenset[int]) -> set[int]:
    """The guards below a cell: of its half and of what is near to it, and of the halves of these."""
    beside = near(number)
    halves = {other for one in (number, *beside) if (other := half(one)) is not None}
    after = half(number)
    return (halves & guarded) | {-one for one in (*beside, *(near(after) if after is not None else ()))}


@pytest.mark.parametrize("seed", range(20))
async def test_each_answer_comes_with_the_guards_of_what_it_shows(seed: int) -> None:
    random = Random(seed)
    guarded = frozenset(random.sample(range(60), 20))
    roots = [Query(cell=Cell(number=random.randrange(60))) for _ in range(random.randint(1, 12))]
    asked = plan("near { square half { number } } half { number near { square } }")
    context = Secret(guarded)
    together = await asked.run_guarded({}, context, roots)
    for root, (result, guards) in zip(roots, together, strict=True):
        ((alone, own),) = await asked.run_guarded({}, context, [root])
        assert (result.data, set(guards)) == (alone.data, set(own))
        assert set(guards) == within(root.cell.number, guarded)


async def test_what_goes_wrong_goes_wrong_for_all_of_them() -> None:
    roots = [Query(cell=Cell(number=number)) for number in (1, 2)]
    with pytest.raises(GraphQLError, match="Not today"):
        await plan("number failing").run_guarded({}, Secret(frozenset()), roots)


async def test_nobody_looks_at_values_and_leaves_their_guards_behind() -> None:
    with pytest.raises(GraphQLError, match="without their guards"):
        await plan("curious").run_guarded({}, Secret(frozenset()), [Query(cell=Cell(number=3))])
