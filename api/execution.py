"""The one seam to whoever executes a prepared operation: the engine, and graphql-core what the engine does not take."""

from collections.abc import Collection, Sequence
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, GraphQLSchema
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
)

from api import metrics
from api.context import Context
from api.documents import Invalid, Prepared
from api.engine import Misfit, Unsupported
from api.live import Selection


class Execution:
    """Executes operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    async def execute(
        self, prepared: Prepared, variables: dict[str, Any], context: Context, root: object = None
    ) -> ExecutionResult:
        """The result with its errors in it. Raises `Invalid` when the variables do not fit.

        For a subscription, `root` is the message: the selection is executed on it.
        """
        try:
            return await prepared.plan.run(variables, context, root)
        except Misfit as misfit:
            raise Invalid(*misfit.errors) from None
        except Unsupported as unsupported:
            metrics.fallbacks.labels(unsupported.reason).inc()
        executor = self._build(prepared, variables, context, root)
        run = execute_root_selection_set if root is None else execute_subscription_event
        result = run(executor)
        return cast("ExecutionResult", await result if executor.is_awaitable(result) else result)

    async def execute_each(
        self, prepared: Prepared, variables: dict[str, Any], context: Context, messages: Sequence[object]
    ) -> list[ExecutionResult]:
        """The results of several messages of a subscription, in their order."""
        if len(messages) > 1 and prepared.plan.reason is None:
            return await prepared.plan.run_each(variables, context, messages)
        return [await self.execute(prepared, variables, context, message) for message in messages]

    async def execute_guarded(
        self, prepared: Prepared, variables: dict[str, Any], context: Context, messages: Sequence[object]
    ) -> list[tuple[ExecutionResult, Collection[Any]]]:
        """The same for whoever passes the guards that each result comes with. Raises the first error of any."""
        return await prepared.plan.run_guarded(variables, context, messages)

    async def select(self, prepared: Prepared, variables: dict[str, Any], context: Context) -> Selection:
        """What a subscription asks to hear. Raises `Invalid` when it may not, or its arguments do not fit."""
        try:
            return cast("Selection", await prepared.plan.source(variables, context))
        except Misfit as misfit:
            raise Invalid(*misfit.errors) from None
        except GraphQLError as error:
            raise Invalid(error) from None
        except Unsupported as unsupported:
            metrics.fallbacks.labels(unsupported.reason).inc()
        executor = self._build(prepared, variables, context, None)
        stream = create_source_event_stream(executor)
        selection = await stream if executor.is_awaitable(stream) else stream
        if isinstance(selection, ExecutionResult):
            raise Invalid(*(selection.errors or ()))
        return cast("Selection", selection)

    def _build(self, prepared: Prepared, variables: dict[str, Any], context: Context, root: object) -> Executor[Any]:
        executor = Executor.build(
            self._schema,
            prepared.document,
            root,
            context,
            variables,
            prepared.name,
        )
        if isinstance(executor, list):
            raise Invalid(*executor)
        return executor
