"""One execution of a plan: what it waits for, and what went wrong."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from graphql import FieldNode, GraphQLError, located_error
from graphql.execution.values import VariableValues

from api.engine.places import Failure, Place
from api.engine.tables import Guarded

if TYPE_CHECKING:
    from api.engine.plan import Plan


class Misfit(Exception):
    """The variables do not fit the operation."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


class Unsupported(Exception):
    """This operation, or these variables, are for graphql-core. `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Bubble:
    """In place of a value: what holds it is null as well."""


BUBBLE = Bubble()


class Unfinished(Protocol):
    """A column whose values are put together in the end."""

    def finish(self) -> list[Any]:
        """The values as they go into the answer, `BUBBLE` among them when `Run.bubbles` says so."""


Column = list[Any] | Unfinished


def finished(column: Column) -> list[Any]:
    """The values of a column."""
    return column if isinstance(column, list) else column.finish()


class Later:
    """A column of values that have to be waited for."""

    __slots__ = ("column",)
    column: Column

    def finish(self) -> list[Any]:
        return finished(self.column)


class Run:
    """The state of one execution."""

    __slots__ = (
        "_all_variables",
        "_waiting",
        "bubbles",
        "context",
        "failures",
        "given",
        "guards",
        "plan",
        "root",
        "variables",
    )

    def __init__(
        self,
        plan: "Plan",
        given: dict[str, Any],
        variables: dict[str, Any],
        context: Any,
        root: Any,
        all_variables: VariableValues | None = None,
    ) -> None:
        self.plan = plan
        self.given = given
        self.variables = variables
        self.context = context
        self.root = root
        self.bubbles = False
        self.failures: list[Failure] = []
        self.guards: dict[int, set[Hashable]] = {}
        self._all_variables = all_variables
        self._waiting: list[tuple[Sequence[Awaitable[Any]], Callable[[list[Any]], None]]] = []

    @property
    def variable_values(self) -> VariableValues:
        """The variables as graphql-core keeps them."""
        if self._all_variables is None:
            self._all_variables = self.plan.variables.all(self.given)
        return self._all_variables

    def fail(
        self, place: Place, position: int, error: Exception, nodes: Sequence[FieldNode], required: bool
    ) -> Bubble | None:
        """Note an error; what stands in place of the value."""
        for steps in place.ways(position):
            self.failures.append(Failure(steps, located_error(error, nodes, [step.key for step in steps])))
        if not required:
            return None
        self.bubbles = True
        return BUBBLE

    def unguarded(self, values: Sequence[Any], place: Place) -> Sequence[Any]:
        """The values themselves; their guards are noted, by the positions of the roots that they are below."""
        if not isinstance(values, Guarded):
            return values
        for position, guard in enumerate(values.guards):
            if guard is not None:
                for root in place.roots(position):
                    self.guards.setdefault(root, set()).add(guard)
        return values.values

    def later(self, awaitables: Sequence[Awaitable[Any]], then: Callable[[list[Any]], None]) -> None:
        """Go on with the results, exceptions among them, once they and all else in this wave are there."""
        self._waiting.append((awaitables, then))

    async def settle(self) -> None:
        """Wait, wave by wave, until nothing is left to wait for."""
        while self._waiting:
            wave, self._waiting = self._waiting, []
            if len(wave) == 1 and len(wave[0][0]) == 1:
                results = [await _outcome(wave[0][0][0])]
            else:
                results = await gather(*(one for awaited, _ in wave for one in awaited), return_exceptions=True)
            at = 0
            for awaited, then in wave:
                mine, at = results[at : at + len(awaited)], at + len(awaited)
                for outcome in mine:
                    if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
                        raise outcome
                then(mine)


async def _outcome(awaited: Awaitable[Any]) -> Any:
    try:
        return await awaited
    except Exception as error:
        return error
