"""What a resolver is told of its field."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLResolveInfo
from strawberry import Info
from strawberry.types.field import StrawberryField

from api.engine.places import InField, Place
from api.engine.run import Run

if TYPE_CHECKING:
    from api.engine.fields import Columns, Field


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

    def below(self, *path: str) -> "Iterator[ColumnInfo]":
        """The infos of fields with column resolvers of those objects: those of whose kind one is asked for, and which
        the context lets pass.
        """
        run, place, _, field = self._at
        for one in field.shape.columns(path):
            resolver = cast("Columns", one.resolver)
            if not any(gate.refusal(run.context) for gate in resolver.gates):
                yield ColumnInfo(run, InField(place, one.step), 0, one, resolver.own)

    @property
    def metadata(self) -> Mapping[Any, Any]:
        """That of the field."""
        return self._own.metadata or {}

    def arguments(self) -> dict[str, Any]:
        """Those of a field with a column resolver. Raises what resolving it raises."""
        run, _, _, field = self._at
        return cast("Columns", field.resolver).arguments.of(run, lambda: self)

    @property
    def _raw_info(self) -> GraphQLResolveInfo[Any]:  # type: ignore[override]
        run, place, position, field = self._at
        return field.info(run, place, position)

    @property
    def _field(self) -> StrawberryField:  # type: ignore[override]
        return self._own
