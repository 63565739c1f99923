"""Documents, parsed and validated once: most clients send the same few again and again."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    parse,
    validate,
    visit,
)
from graphql.language import Visitor

from api.engine import Engine, Plan
from api.errors import Refusal, bad_request
from api.limits import Cost, check_shape, cost_of
from settings import Settings

# Postgres has no text with a zero in it; refused here once instead of in every action.
_ZERO = re.compile(r"\0|\\u(0000|\{0+\})")

# Characters of the documents that are remembered: parsed and planned, they take a hundred times the room.
_ROOM = 1_000_000


class Invalid(Exception):
    """The request cannot be executed: it does not parse or validate, is too large, or its variables do not fit."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Prepared:
    """One operation of a valid document, ready to be executed with any variables.

    `verb` says the kind in words. `root` is its root field, or "several": unlike `name`, a client cannot invent one.
    """

    document: DocumentNode
    kind: OperationType
    verb: str
    name: str | None
    root: str
    key: bytes
    cost: Cost
    after_variable: str | None
    plan: Plan

    def group_key(self, variables: Mapping[str, Any]) -> bytes:
        """The same for clients that ask the same: operation and variables, but not from where they resume."""
        asked = {name: value for name, value in variables.items() if name != self.after_variable}
        return self.key + orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


@dataclass(slots=True)
class _Document:
    node: DocumentNode
    digest: bytes
    operations: dict[str | None, Prepared] = field(default_factory=dict)


class Documents:
    """A bounded cache by text, the least recently used forgotten first."""

    def __init__(self, schema: GraphQLSchema, settings: Settings, room: int = _ROOM) -> None:
        self._schema = schema
        self._engine = Engine(schema)
        self._settings = settings
        self._left = room
        self._known: OrderedDict[str, _Document] = OrderedDict()

    def prepare(self, text: str, operation_name: str | None = None) -> Prepared:
        """The operation of this name, or the only one. Raises `Invalid`, or a BAD_REQUEST for what is no document."""
        document = self._document(text)
        prepared = document.operations.get(operation_name)
        if prepared is None:
            prepared = document.operations[operation_name] = self._operation(document, operation_name)
        return prepared

    def _document(self, text: str) -> _Document:
        document = self._known.get(text)
        if document is not None:
            self._known.move_to_end(text)
            return document
        longest = self._settings.max_document_characters
        if len(text) > longest:
            raise Invalid(bad_request(f"The document has more than {longest} characters: put values into variables."))
        if _ZERO.search(text):
            raise has_zero()
        try:
            node = parse(text, max_tokens=self._settings.max_tokens)
            check_shape(node, self._settings)
        except GraphQLError as error:
            raise Invalid(error) from None
        errors = validate(self._schema, node, max_errors=20)
        if errors:
            raise Invalid(*errors)
        document = _Document(node, hashlib.sha256(text.encode()).digest())
        self._known[text] = document
        self._left -= len(text)
        while self._left < 0:
            forgotten, _ = self._known.popitem(last=False)
            self._left += len(forgotten)
        return document

    def _operation(self, document: _Document, name: str | None) -> Prepared:
        found = [node for node in document.node.definitions if isinstance(node, OperationDefinitionNode)]
        if name is not None:
            found = [node for node in found if node.name and node.name.value == name]
        if not found:
            raise Invalid(
                bad_request("The document has no such operation." if name else "The document has no operation.")
            )
        if len(found) > 1:
            raise Invalid(bad_request("The document has several operations: say which by `operationName`."))
        operation = found[0]
        return Prepared(
            document=document.node,
            kind=operation.operation,
            verb=operation.operation.value,
            name=operation.name.value if operation.name else None,
            root=_root(operation),
            key=document.digest + (name or "").encode() + b"\0",
            cost=cost_of(self._schema, document.node, operation),
            after_variable=_after_variable(document.node, operation),
            plan=self._engine.plan(document.node, operation),
        )


def has_zero() -> Refusal:
    """A text that cannot be stored."""
    return bad_request("A text contains the character U+0000, which cannot be stored.")


def too_dear(requested: int, limit: int) -> Refusal:
    """The operation costs more than any single one may."""
    return Refusal(
        "COST_EXCEEDED",
        f"The operation costs {requested}; at most {limit} is allowed. Ask for fewer or shorter lists.",
        requested=requested,
        limit=limit,
    )


def _root(operation: OperationDefinitionNode) -> str:
    only, *others = operation.selection_set.selections
    return only.name.value if isinstance(only, FieldNode) and not others else "several"


def _after_variable(document: DocumentNode, operation: OperationDefinitionNode) -> str | None:
    """The variable that holds a subscription's `after` and nothing else."""
    root = operation.selection_set.selections[0]
    if operation.operation is not OperationType.SUBSCRIPTION or not isinstance(root, FieldNode):
        return None
    value = next((argument.value for argument in root.arguments or () if argument.name.value == "after"), None)
    if not isinstance(value, VariableNode):
        return None
    uses = _Uses(value.name.value)
    visit(document, uses)
    return value.name.value if uses.count == 2 else None  # its definition and `after`


class _Uses(Visitor):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.count = 0

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.count += node.name.value == self._name
