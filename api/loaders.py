"""Fields that are loaded by the column: for all objects of one place in an answer by one call.

The engine makes that call itself. Whoever executes field by field, as graphql-core does, calls a resolver that is
derived from it and collects the objects.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry

from api.along import ALONG, Along
from api.context import Batch, Context, Info
from api.engine import COLUMN
from api.rows import NEEDS, WANTED, Rows, keys_of, wanted

Load = Callable[..., Awaitable[Sequence[Any]]]


def column(
    load: Load, *, description: str, needs: Sequence[str] | None = None, along: Along | None = None, **options: Any
) -> Any:
    """A field of which `load(ctx, parents, **arguments)` gives the values, in the order of the parents.

    async def _team(ctx: Context, reps: Sequence["Rep"], on: On = None) -> list[Team | None]: ...

    team: Team | None = column(_team, description="Its team. Null on days when it is in none.")

    The parameters after the second are the field's arguments, but for `wanted`, which is what the document asks of the
    objects. `needs` names the attributes of the parents that the load looks at. `along` is the same as it
    may come along with the parents.
    """
    _, parents, *arguments = inspect.signature(load).parameters.values()
    chooses = any(parameter.name == WANTED for parameter in arguments)
    arguments = [parameter for parameter in arguments if parameter.name != WANTED]

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        return await info.context.load(_Column(load, arguments), _Parent(root))

    def of_all(parents: Sequence[Any], info: Info, **arguments: Any) -> Sequence[Any] | Awaitable[Sequence[Any]]:
        if along is not None and isinstance(parents, Rows):
            there = parents.along(load, arguments)
            if there is not None:
                return there
        if chooses:
            arguments[WANTED] = wanted(info)
        return load(info.context, parents, **arguments)

    root = parents.replace(name="root", annotation=Any)
    info = inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
    resolve.__signature__ = inspect.Signature([root, info, *arguments])  # type: ignore[attr-defined]
    metadata: dict[str, Any] = {COLUMN: of_all}
    if needs is not None:
        metadata[NEEDS] = needs
    if along is not None:
        metadata[ALONG] = load, along
    return strawberry.field(resolver=resolve, description=description, metadata=metadata, **options)


def loads(batch: Batch[Any, Any], *attributes: str, description: str, **options: Any) -> Any:
    """A field whose value is `batch` of its parent's attribute, or of the tuple of several; None stays None.

    team: Team | None = loads(team_by_id, "team_id", description="The rep's team today.")
    """
    keys = keys_of(*attributes)

    async def load(ctx: Context, parents: Sequence[Any]) -> Sequence[Any]:
        return await ctx.load_each(batch, keys(parents))

    return column(load, description=description, needs=[name.partition(".")[0] for name in attributes], **options)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column with its arguments as a batch load; equal when it loads the same."""

    load: Load
    arguments: Mapping[str, Any]

    def __hash__(self) -> int:
        return hash(self.load)

    async def __call__(self, ctx: Context, parents: "Sequence[_Parent]") -> Sequence[Any]:
        return await self.load(ctx, [parent.value for parent in parents], **self.arguments)


class _Parent:
    """An object as a key: equal to itself alone."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Parent) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)
