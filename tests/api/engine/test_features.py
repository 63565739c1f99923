"""The engine answers as graphql-core does: one document a feature, and one a way to fail."""

from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, print_ast, separate_operations

from api.engine import Unsupported
from tests.api.engine.features import GRAPH
from tests.api.engine.parts import Asked, Cat, Dog
from tests.api.engine.same import heard, same

DOCUMENTS = {
    name: print_ast(document)
    for name, document in separate_operations(parse(Path(__file__).with_name("features.graphql").read_text())).items()
}
VARIABLES: dict[str, dict[str, Any]] = {
    "Variables": {"n": 2**31 - 1, "r": 1, "i": 12, "c": "BLUE", "e": 8, "m": [1, None]},
    "PlainVariables": {"t": "given", "f": True},
    "NullVariables": {"n": None},
    "VariableInside": {"n": 2},
    "IntTooLarge": {"n": 2**31},
    "OfAnotherType": {"n": "1", "t": 1},
    "NullForWhatMustBe": {"n": None},
    "NullForDefault": {"f": None},
    "NoSuchEnumValue": {"c": "GREEN"},
    "DoesNotParse": {"e": 3},
    "InputVariables": {"s": {"start": "2026-01-01", "end": None}, "d": "2026-03-01"},
    "InputDoesNotFit": {"s": {"end": 1, "no": 2}},
    "OneOf": {"w": {"number": 3}},
    "TwoOfOne": {"w": {"number": 3, "name": "x"}},
    "NullOfOne": {"w": {"number": None}},
    "VariableInOneOf": {"n": 1},
    "AbsentIsNotNull": {"c": {"inner": {"count": 3}, "name": "x"}},
    "ManyInputs": {
        "c": [{"name": None}, {}, None, {"count": 2, "note": "x"}],
        "s": [{"start": "2026-01-01", "sizes": []}, {"start": "2026-01-02", "sizes": ["LARGE", "SMALL"]}],
    },
    "OneOfManyInputsDoesNotFit": {"c": [{"name": "x"}, {"name": 3}, {"inner": {"count": "1"}}]},
    "OneInputOfMany": {"c": {"name": "x"}},
    "UnknownFieldOfInput": {"c": [{"name": "x", "no": 1}]},
    "InputsWithinInputs": {"c": [{"inner": {"inner": {"inner": {"name": None}, "count": 1}}}]},
    "NullWhereOnlyAbsenceIsMeant": {"c": {"count": None}},
    "Conditions": {"yes": True},
    "NothingLeft": {"no": False},
    "NothingAtAll": {"no": False},
    "ColumnArguments": {"g": "Oh"},
    "ArgumentBeforeGate": {"n": None},
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("admin", [False, True])
async def test_answers_are_those_of_graphql_core(name: str, admin: bool) -> None:
    await same(GRAPH, DOCUMENTS[name], VARIABLES.get(name), lambda: Asked(admin))


async def test_what_stands_in_many_places_is_completed_once() -> None:
    asked: list[Asked] = []

    def context() -> Asked:
        asked.append(Asked())
        return asked[-1]

    await same(GRAPH, "{ cats(lives: [9, 3, 1, 7, 3, 9, 2]) { toy { keeper { title } } } }", context=context)
    assert asked[1].calls == ["2 toys of 7", "keepers of 2"]


# What resolves without waiting, where graphql-core leaves nothing to chance.
IN_ORDER = ["Bubbling", "FirstOfSeveral", "ErrorAndNullAbove", "HoleInMatrix", "Scalars", "LeafMustBe"]


@pytest.mark.parametrize("name", IN_ORDER)
async def test_errors_come_in_the_order_of_the_document(name: str) -> None:
    answer = await same(GRAPH, DOCUMENTS[name], context=Asked, in_order=True)
    assert answer.errors


async def test_mutations_run_one_after_the_other() -> None:
    document = 'mutation { a: add(text: "a", slow: true) b: add(text: "b") c: add(text: "c") }'
    answer = await same(GRAPH, document, context=Asked)
    assert answer.data == {"a": "a", "b": "a,b", "c": "a,b,c"}


async def test_nothing_is_written_after_an_error_that_nulls_everything() -> None:
    asked: list[Asked] = []

    def context() -> Asked:
        asked.append(Asked())
        return asked[-1]

    await same(GRAPH, 'mutation { a: add(text: "a") mustAdd(text: "b") c: add(text: "c") }', context=context)
    assert [one.calls for one in asked] == [["a", "b"], ["a", "b"]]


async def test_a_column_is_loaded_by_one_call() -> None:
    asked: list[Asked] = []

    def context() -> Asked:
        asked.append(Asked())
        return asked[-1]

    await same(GRAPH, "{ cats(lives: [9, 8, 7]) { owner { title } } }", context=context)
    assert [one.calls for one in asked] == [["owners of 1"] * 3, ["owners of 3"]]


async def test_events_of_a_subscription_are_run_by_one_plan() -> None:
    document = "subscription ($v: Boolean = false) { pet(loud: $v) { ... on Named { name } ... on Dog { barks } } }"
    for event in (Dog(name="Rex"), Cat(name="Tom"), object(), None):
        await same(GRAPH, document, {}, Asked, root=event)


DAYS = "subscription ($s: Span!, $n: String) { days(span: $s, note: $n) }"


@pytest.mark.parametrize(
    ("document", "variables", "admin", "outcome"),
    [
        ("subscription { pet(loud: true) { __typename } }", {}, False, "Dog("),
        (DAYS, {"s": {"start": "2026-01-01", "end": "2026-01-02"}, "n": "x"}, True, "2026-01-02 x"),
        (DAYS, {"s": {"start": "2026-01-01", "end": "2026-01-02"}}, False, "Only admins."),
        (DAYS, {"s": {"start": "2026-01-01"}}, True, "A span has an end."),
        (DAYS, {"s": {"start": 1}}, True, "Expected a string."),
        ("subscription { silence }", {}, False, "Subscription field must return AsyncIterable."),
    ],
)
async def test_a_subscription_listens_to_what_its_field_says(
    document: str, variables: dict[str, Any], admin: bool, outcome: str
) -> None:
    assert outcome in str(await heard(GRAPH, document, variables, lambda: Asked(admin)))


@pytest.mark.parametrize(
    ("document", "variables", "reason"),
    [
        ("{ __schema { description } }", {}, "introspection"),
        ('{ hello ...F } fragment F on Query { __type(name: "Dog") { name } }', {}, "introspection"),
        ("{ hello @backwards }", {}, "@backwards"),
        ("query ($yes: Boolean = true) { hello @include(if: $yes) }", {"yes": None}, "null condition"),
    ],
)
async def test_what_is_left_to_graphql_core(document: str, variables: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unsupported) as refusal:
        await same(GRAPH, document, variables, Asked)
    assert refusal.value.reason == reason


async def test_schemas_without_strawberry() -> None:
    plain = build_schema(
        """type Query { greet(name: String = "you"): String people: [Person!] any: [Thing] }
        interface Thing { name: String } type Person implements Thing { name: String age: Int! }
        type Dog implements Thing { name: String }"""
    )

    async def people(_info: object) -> list[dict[str, object]]:
        return [{"name": "Ada", "age": 36}, {"name": lambda _info: "Bob", "age": None}]

    root = {
        "greet": lambda _info, name: f"Hello, {name}!",
        "people": people,
        "any": [{"__typename": "Person", "name": "Ada", "age": 1}, {"__typename": "Dog"}, {"__typename": "Cat"}],
    }
    document = '{ greet a: greet(name: "A") people { name age } any { __typename name ... on Person { age } } }'
    answer = await same(plain, document, root=root)
    assert answer.data is not None
    assert answer.data["greet"] == "Hello, you!"
