"""What an operation may be: how deep, how often aliased, how dear. All of it is known before anything is executed.

Cost: every object costs 1, its scalars nothing. A connection's `nodes` and `edges` count `first` times (default 50), a
list of `ids` as often as it is long, any other list of objects ten times. A mutation costs 10 besides.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    visit,
)
from graphql.language import Visitor

from api.errors import bad_request
from api.relay import DEFAULT_PAGE
from settings import Settings

MAX_FRAGMENTS = 100
MAX_REPEATS = 20

SHORT_LIST = 10
MUTATION = 10

Variables = Mapping[str, Any]
Fragments = Mapping[str, FragmentDefinitionNode]


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The document's fragments by name."""
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def check_shape(document: DocumentNode, settings: Settings) -> None:
    """Raise a BAD_REQUEST when the document is deeper or more repetitive than allowed: cheap, before validation."""
    measure = _Shape(fragments_of(document))
    try:
        depth = max((measure.depth(node.selection_set) for node in _operations(document)), default=0)
    except RecursionError:
        depth = settings.max_depth + 1
    if depth > settings.max_depth:
        raise bad_request(f"The document is nested more than {settings.max_depth} fields deep.")
    counts = _Counts()
    visit(document, counts)
    for found, most, what in (
        (counts.aliases, settings.max_aliases, "aliases"),
        (len(measure.fragments), MAX_FRAGMENTS, "fragments"),
        (counts.repeats, MAX_REPEATS, "repetitions of a field or inline fragment in one place"),
    ):
        if found > most:
            raise bad_request(f"The document has {found} {what}; at most {most} are allowed.")


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


class _Counts(Visitor):
    """What makes a document dear to validate, whose rule of overlapping fields compares each pair."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases = 0
        self.repeats = 0

    def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
        fields = [found for found in node.selections if isinstance(found, FieldNode)]
        self.aliases += sum(found.alias is not None for found in fields)
        names = Counter((found.alias or found.name).value for found in fields)
        inline = sum(isinstance(found, InlineFragmentNode) for found in node.selections)
        self.repeats = max(self.repeats, inline, *names.values())


@dataclass(slots=True)
class _Shape:
    """Depth through fragments, each looked at once. Introspection is bounded by a validation rule of its own."""

    fragments: Fragments
    known: dict[str, int] = field(default_factory=dict)

    def depth(self, selections: SelectionSetNode | None) -> int:
        return max((self._depth(node) for node in selections.selections), default=0) if selections else 0

    def _depth(self, node: object) -> int:
        if isinstance(node, FieldNode):
            return 0 if node.name.value.startswith("__") else 1 + self.depth(node.selection_set)
        if isinstance(node, InlineFragmentNode):
            return self.depth(node.selection_set)
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101 the grammar knows no fourth
        name = node.name.value
        if name not in self.known:
            self.known[name] = 0  # a cycle ends here; validation reports it
            fragment = self.fragments.get(name)
            self.known[name] = self.depth(fragment.selection_set) if fragment else 0
        return self.known[name]


@dataclass(frozen=True, slots=True)
class Size:
    """How often something is multiplied: a number, or a variable with its default."""

    value: int
    variable: str | None = None

    def of(self, variables: Variables) -> int:
        given = self.value if self.variable is None else variables.get(self.variable, self.value)
        if isinstance(given, list):
            return len(given)
        return max(0, given) if isinstance(given, int) else self.value


Cost = Callable[[Variables], int]
_ONCE = Size(1)


@dataclass(frozen=True, slots=True)
class _Sum:
    """A constant and the terms that depend on variables. Parts are shared by fragments, so each is summed up once."""

    constant: int
    terms: tuple[tuple[Size, "_Sum"], ...] = ()

    def of(self, variables: Variables) -> int:
        return self._of(variables, {})

    def _of(self, variables: Variables, known: dict[int, int]) -> int:
        total = self.constant
        for size, part in self.terms:
            if id(part) not in known:
                known[id(part)] = part._of(variables, known)
            total += size.of(variables) * known[id(part)]
        return total

    def plus(self, other: "_Sum") -> "_Sum":
        return _Sum(self.constant + other.constant, self.terms + other.terms)

    def times(self, size: Size) -> "_Sum":
        if size == _ONCE or self == _NOTHING:
            return self
        if size.variable is None and not self.terms:
            return _Sum(self.constant * size.value)
        return _Sum(0, ((size, self),))


_NOTHING = _Sum(0)


def cost_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Cost:
    """The cost of a valid operation as a function of its variables; the walk is done once."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        return _NOTHING.of
    defaults: dict[str, object] = {
        node.variable.name.value: node.default_value for node in operation.variable_definitions or ()
    }
    pricing = _Pricing(schema, fragments_of(document), defaults)
    total = pricing.selections(operation.selection_set, root, _ONCE)
    if operation.operation is OperationType.MUTATION:
        total = total.plus(_Sum(MUTATION * len(operation.selection_set.selections)))
    return total.of


@dataclass(slots=True)
class _Pricing:
    schema: GraphQLSchema
    fragments: Fragments
    defaults: Mapping[str, object]
    known: dict[tuple[str, Size], _Sum] = field(default_factory=dict)

    def selections(self, selections: SelectionSetNode, parent: object, page: Size) -> _Sum:
        """`page` multiplies the lists right below, when the parent is a connection."""
        total = _NOTHING
        for node in selections.selections:
            if isinstance(node, FieldNode):
                total = total.plus(self._field(node, parent, page))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = self.schema.get_type(condition.name.value) if condition else parent
                total = total.plus(self.selections(node.selection_set, inner, page))
            elif isinstance(node, FragmentSpreadNode):
                total = total.plus(self._fragment(node.name.value, page))
        return total

    def _fragment(self, name: str, page: Size) -> _Sum:
        if (name, page) not in self.known:
            fragment = self.fragments[name]
            on = self.schema.get_type(fragment.type_condition.name.value)
            whole = self.selections(fragment.selection_set, on, page)
            self.known[name, page] = _Sum(0, ((_ONCE, whole),)) if whole.terms else whole
        return self.known[name, page]

    def _field(self, node: FieldNode, parent: object, page: Size) -> _Sum:
        if node.name.value.startswith("__") or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return _NOTHING
        definition = parent.fields[node.name.value]
        named = get_named_type(definition.type)
        if node.selection_set is None or is_leaf_type(named):
            return _NOTHING
        size = self._size(node, definition)
        if named.name.endswith("Connection"):
            return _Sum(1).plus(self.selections(node.selection_set, named, size or Size(DEFAULT_PAGE)))
        one = _Sum(1).plus(self.selections(node.selection_set, named, _ONCE))
        if not _is_list(definition.type):
            return one
        if parent.name.endswith("Connection"):
            return one.times(page)
        return one.times(size or Size(SHORT_LIST))

    def _size(self, node: FieldNode, definition: GraphQLField) -> Size | None:
        """What `first` or `ids` says; None when the field has neither."""
        for name, usual in (("first", DEFAULT_PAGE), ("ids", SHORT_LIST)):
            if name in definition.args:
                given = next((argument.value for argument in node.arguments or () if argument.name.value == name), None)
                return self._value(given, usual)
        return None

    def _value(self, given: object, usual: int) -> Size:
        if isinstance(given, IntValueNode):
            return Size(max(0, int(given.value)))
        if isinstance(given, ListValueNode):
            return Size(len(given.values))
        if isinstance(given, VariableNode):
            default = self._value(self.defaults.get(given.name.value), usual)
            return Size(default.value, given.name.value)
        return Size(usual)


def _is_list(of: GraphQLOutputType) -> bool:
    return is_list_type(get_nullable_type(of))
