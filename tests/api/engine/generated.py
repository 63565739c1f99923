"""Documents drawn from a schema, and made more various than they are drawn: variables, conditions, fragments."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInputObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    parse,
    parse_type,
    print_ast,
    validate,
    visit,
)
from graphql.language import Visitor
from graphql.utilities import value_from_ast_untyped


def varied(schema: GraphQLSchema, text: str, random: Random) -> tuple[str, Mapping[str, Any]]:
    """A document that asks about the same, and its variables. The one given, where the change would not be valid."""
    document = parse(text)
    types = TypeInfo(schema)
    varying = _Varying(types, random)
    changed: DocumentNode = visit(document, TypeInfoVisitor(types, varying))
    (operation,) = changed.definitions
    assert isinstance(operation, OperationDefinitionNode)
    operation = replace(operation, variable_definitions=tuple(varying.definitions))
    changed = parse(print_ast(replace(changed, definitions=(operation, *varying.fragments))))
    return (text, {}) if validate(schema, changed) else (print_ast(changed), varying.values)


def with_one_key(schema: GraphQLSchema, text: str) -> str:
    """The document with one key in each input that takes exactly one, of which who draws documents knows nothing.

    An input without any key stays as it is.
    """
    types = TypeInfo(schema)
    return print_ast(visit(parse(text), TypeInfoVisitor(types, _OneKey(types))))


class _OneKey(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types

    def enter_object_value(self, node: ObjectValueNode, *_: Any) -> ObjectValueNode | None:
        kind = get_named_type(self._types.get_input_type())
        if not isinstance(kind, GraphQLInputObjectType) or not kind.is_one_of:
            return None
        given = [field for field in node.fields if not isinstance(field.value, NullValueNode)]
        return replace(node, fields=tuple(given[:1]))


class _Varying(Visitor):
    def __init__(self, types: TypeInfo, random: Random) -> None:
        super().__init__()
        self._types = types
        self._random = random
        self.definitions: list[VariableDefinitionNode] = []
        self.values: dict[str, Any] = {}
        self.fragments: list[FragmentDefinitionNode] = []

    def _one_in(self, number: int) -> bool:
        return self._random.randrange(number) == 0

    def _variable(self, type_text: str, default: Any = None) -> VariableNode:
        variable = VariableNode(name=_name(f"v{len(self.definitions)}"))
        self.definitions.append(
            VariableDefinitionNode(variable=variable, type=parse_type(type_text), default_value=default, directives=())
        )
        return variable

    def enter_argument(self, node: ArgumentNode, *_: object) -> ArgumentNode | None:
        """Pass it as a variable: given, or by default."""
        expected = self._types.get_input_type()
        if expected is None or self._one_in(3):
            return None
        by_default = self._one_in(3)
        variable = self._variable(str(expected), node.value if by_default else None)
        if not by_default:
            self.values[variable.name.value] = value_from_ast_untyped(node.value)
        return ArgumentNode(name=node.name, value=variable)

    def leave_field(self, node: FieldNode, *_: object) -> FieldNode | None:
        """Put it under a condition."""
        if not self._one_in(12):
            return None
        condition: VariableNode | BooleanValueNode = BooleanValueNode(value=self._one_in(2))
        if self._one_in(2):
            condition = self._variable("Boolean!")
            self.values[condition.name.value] = self._one_in(2)
        name = self._random.choice(["skip", "include"])
        directive = DirectiveNode(name=_name(name), arguments=(ArgumentNode(name=_name("if"), value=condition),))
        return replace(node, directives=(directive,))

    def leave_selection_set(self, node: SelectionSetNode, *_: object) -> SelectionSetNode | None:
        """Select some of it by fragments, and some twice."""
        parent = self._types.get_parent_type()
        if parent is None or not self._one_in(4):
            return None
        on = NamedTypeNode(name=_name(parent.name))
        if self._one_in(2):
            inline = InlineFragmentNode(type_condition=on, directives=(), selection_set=node)
            return SelectionSetNode(selections=(inline, *node.selections) if self._one_in(2) else (inline,))
        name = _name(f"F{len(self.fragments)}")
        self.fragments.append(
            FragmentDefinitionNode(
                name=name, type_condition=on, variable_definitions=(), directives=(), selection_set=node
            )
        )
        return SelectionSetNode(selections=(FragmentSpreadNode(name=name, arguments=(), directives=()),))


def _name(text: str) -> NameNode:
    return NameNode(value=text)
