"""Operations asked of the schema itself, the way the product asks them.

Every query is asked of graphql-core as well: the documents of all tests are a corpus on which the engine must agree.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    get_operation_ast,
    parse,
    validate,
)

from api.context import Context
from api.schema import schema as public
from settings import Settings
from sql.pool import statements
from tests.api.engine.same import agree, by_engine, by_graphql_core

SETTINGS = Settings()
"""The operator's defaults. Reading them from the environment takes longer than most operations."""


@lru_cache(maxsize=1_000)
def _valid(graph: GraphQLSchema, text: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """The document, and what is wrong with it."""
    document = parse(text)
    return document, validate(graph, document)


async def execute(
    text: str, variables: Mapping[str, Any] | None, context: Context, graph: strawberry.Schema = public
) -> ExecutionResult:
    """The engine's answer. Raises `Unsupported` for what it leaves to graphql-core."""
    document, errors = _valid(graph._schema, text)
    if errors:
        return ExecutionResult(None, errors)
    answer = await by_engine(graph._schema, document, variables or {}, context)
    operation = get_operation_ast(document)
    if operation is not None and operation.operation is OperationType.QUERY:
        counted = statements.set(None)
        try:
            again = replace(context, _loads={})
            agree(answer, await by_graphql_core(graph._schema, document, variables or {}, again))
        finally:
            statements.reset(counted)
    return answer
