"""What a resolver is told of its field."""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from graphql import GraphQLResolveInfo
from strawberry import Info
from strawberry.types.field import StrawberryField

from api.engine.places import InField, Place
from api.engine.run import Run

if TYPE_CHECKING:
    from api.engine.fields import Columns, Field

T = TypeVar("T")


class ColumnInfo(Info[Any, Any]):
    """Strawberry's info, made when it is looked into."""

    def __init__(
        self, run: Run, place: Place, position: int, field: "Field", strawberry_field: StrawberryField
    ) -> None:
        self._at = (run, place, position, field)
        self._own = strawberry_field

    @property
    def context(self) -> Any:
        return self._at[0].context

    def wanted(self, path: Sequence[str] = ()) -> frozenset[str] | None:
        """The Python names of what is asked of the field's objects, or of those at the end of a path of fields.

        None when they are not of one type of Strawberry's.
        """
        return self._at[3].shape.wanted(tuple(path))

    def below(self, *path: str) -> "Sequence[Field]":
        """The fields with column resolvers of those objects: those of whose kind one is asked for."""
        return self._at[3].below(*path)

    def arguments_of(self, field: "Field") -> dict[str, Any]:
        """Those of such a field. Raises what resolving it raises before anything is loaded."""
        run, place, _, _ = self._at
        resolver = cast("Columns", field.resolver)
        return resolver.given(run, ColumnInfo(run, InField(place, field.step), 0, field, resolver.own))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is made of the document alone, for the field: once for all operations."""
        kept = self._at[3].kept
        if key not in kept:
            kept[key] = make()
        made: T = kept[key]
        return made

    @property
    def _raw_info(self) -> GraphQLResolveInfo[Any]:  # type: ignore[override]
        run, place, position, field = self._at
        return field.info(run, place, position)

    @property
    def _field(self) -> StrawberryField:  # type: ignore[override]
        return self._own
