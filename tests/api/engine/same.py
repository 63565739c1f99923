"""One operation through the engine and through graphql-core, and what must be the same of the two answers."""

import inspect
from collections.abc import AsyncIterable, Callable, Mapping
from typing import Any

import orjson
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
)

from api.engine import Engine, Misfit

Shown = tuple[object, ...]
Path = tuple[str | int, ...]


def shown(error: GraphQLError) -> Shown:
    """Of an error, all that a client or a log gets to see."""
    locations = [(at.line, at.column) for at in error.locations or ()]
    extensions = sorted((error.extensions or {}).items())
    original = error.original_error
    return error.message, locations, error.path, extensions, type(original).__name__, str(original)


def null_above(data: object, path: Path) -> Path:
    """The place on the way to an error where the answer is null."""
    at = data
    for length, key in enumerate(path):
        if at is None:
            return path[:length]
        at = at[key]  # type: ignore[index]
    return path


def settled(result: ExecutionResult) -> tuple[list[Shown], list[Path]]:
    """Errors where they happened, and places that errors from below made null.

    Which of several errors below is told is a matter of timing in graphql-core.
    """
    own: list[Shown] = []
    from_below: set[Path] = set()
    for error in result.errors or ():
        path = tuple(error.path or ())
        null = null_above(result.data, path)
        if null == path:
            own.append(shown(error))
        else:
            from_below.add(null)
    return sorted(own, key=repr), sorted(from_below, key=repr)


async def by_graphql_core(
    schema: GraphQLSchema, document: Any, variables: Mapping[str, Any], context: object, root: object = None
) -> ExecutionResult:
    """As graphql-core answers it."""
    executor: Any = Executor.build(schema, document, root, context, dict(variables))
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    operation = get_operation_ast(document)
    assert operation is not None
    subscribed = operation.operation is OperationType.SUBSCRIPTION
    result: Any = (execute_subscription_event if subscribed else execute_root_selection_set)(executor)
    if executor.is_awaitable(result):
        result = await result
    assert isinstance(result, ExecutionResult)
    return result


async def by_engine(
    schema: GraphQLSchema, document: Any, variables: Mapping[str, Any], context: object, root: object = None
) -> ExecutionResult:
    """As the engine answers it. Raises `Unsupported`."""
    operation = get_operation_ast(document)
    assert isinstance(operation, OperationDefinitionNode)
    plan = Engine(schema).plan(document, operation)
    try:
        return await plan.run(dict(variables), context, root)
    except Misfit as misfit:
        return ExecutionResult(None, misfit.errors)


def agree(answer: ExecutionResult, expected: ExecutionResult) -> None:
    """The same data in the same order, and the same errors."""
    assert orjson.dumps(answer.data, default=str) == orjson.dumps(expected.data, default=str)
    assert settled(answer) == settled(expected)


async def same(
    schema: GraphQLSchema,
    text: str,
    variables: Mapping[str, Any] | None = None,
    context: Callable[[], object] = lambda: None,
    root: object = None,
    in_order: bool = False,
) -> ExecutionResult:
    """The engine's answer, once it is clear that graphql-core gives it too; `in_order`: error by error."""
    document = parse(text)
    assert validate(schema, document) == []
    expected = await by_graphql_core(schema, document, variables or {}, context(), root)
    answer = await by_engine(schema, document, variables or {}, context(), root)
    agree(answer, expected)
    if in_order:
        assert [shown(e) for e in answer.errors or ()] == [shown(e) for e in expected.errors or ()]
    return answer


async def heard(
    schema: GraphQLSchema, text: str, variables: Mapping[str, Any], context: Callable[[], object]
) -> list[object] | list[Shown]:
    """What a subscription listens to by the engine, once it is clear that it is that of graphql-core."""
    document = parse(text)
    assert validate(schema, document) == []
    operation = get_operation_ast(document)
    assert operation is not None
    built: Any = Executor.build(schema, document, None, context(), dict(variables))
    expected: Any = ExecutionResult(None, built) if isinstance(built, list) else create_source_event_stream(built)
    if inspect.isawaitable(expected):
        expected = await expected
    told = [shown(e) for e in expected.errors or ()] if isinstance(expected, ExecutionResult) else await _all(expected)
    try:
        source = await Engine(schema).plan(document, operation).source(dict(variables), context())
        answer = await _all(source)
    except Misfit as misfit:
        answer = [shown(error) for error in misfit.errors]
    except GraphQLError as error:
        answer = [shown(error)]
    assert answer == told
    return answer


async def _all(source: AsyncIterable[object]) -> list[object]:
    return [message async for message in source]
