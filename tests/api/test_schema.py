"""The schema as its readers meet it: everything says what it means."""

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

from api.schema import schema

GRAPH = schema._schema


def described() -> Iterator[tuple[str, str | None]]:
    """Every type, field, argument and enum value, with its description."""
    for name, kind in GRAPH.type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", field.description
                for argument_name, argument in field.args.items():
                    yield f"{name}.{field_name}({argument_name}:)", argument.description
        elif isinstance(kind, GraphQLInputObjectType):
            for input_name, input_field in kind.fields.items():
                yield f"{name}.{input_name}", input_field.description
        elif isinstance(kind, GraphQLEnumType):
            for value_name, value in kind.values.items():
                yield f"{name}.{value_name}", value.description
    for directive in GRAPH.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive.description


def test_everything_has_a_description() -> None:
    assert [place for place, description in described() if not description] == []


def test_a_description_is_a_sentence() -> None:
    assert [place for place, text in described() if text and not text.rstrip().endswith((".", "`", ")"))] == []


def test_a_mutation_answers_with_user_errors() -> None:
    mutation = GRAPH.mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        payload = field.type
        assert isinstance(payload, GraphQLObjectType), f"{name} is not nullable: a refusal would take others along"
        assert payload.name == f"{name[0].upper()}{name[1:]}Payload"
        assert "userErrors" in payload.fields
