"""Documents made from the schema itself, so that a field is asked the day it is added."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from api.schema import schema
from tests.world import ADMIN, MONTH, PAYMASTER, QUARTER, TODAY, World

GRAPH = schema._schema
ROOTS = [root for root in (GRAPH.query_type, GRAPH.mutation_type, GRAPH.subscription_type) if root is not None]
NODES = {node.name for node in GRAPH.get_possible_types(cast("GraphQLInterfaceType", GRAPH.type_map["Node"]))}
OPERATIONS = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}

Ids = Mapping[str, list[str]]
"""Global ids by the names of their types."""

SAMPLES: dict[str, Any] = {
    "ID": "Tm90aGluZzox",
    "String": "x",
    "Int": 1,
    "Boolean": True,
    "Date": TODAY.isoformat(),
    "DateTime": f"{TODAY}T09:30:00Z",
    "Time": "09:00",
    "Decimal": "1",
    "Ratio": "1",
    "CurrencyCode": "USD",
    "JSON": {},
}
"""What is well-formed and names nothing that exists."""

_BY_NAME = {
    "email": "x@harbor.example",
    "currency": "USD",
    "repExternalId": "rae",
    "teamExternalId": "north",
    "territoryExternalId": "east",
    "kind": "CALL",
}
_BY_INPUT: dict[str, list[str]] = {
    "ActivityInput": ["repExternalId", "kind", "occurredAt"],
    "LeadInput": ["repExternalId", "arrivedAt"],
    "DealInput": ["repExternalId", "name", "stage", "status", "amount", "currency", "openedAt"],
    "EstimateDealInput": ["amount"],
    "IncentiveCommissionInput": ["rate"],
    "RepInput": ["name", "hiredOn"],
    "TeamInput": ["name"],
    "TerritoryInput": ["name"],
}
"""What an input needs besides what the schema says that it needs."""

_FACTS = {"Activity": "a-0", "Lead": "l-1", "Deal": "d-1"}
"""The keys of facts that a world has."""

_NAMED = {"assignee": "User", "owner": "Rep"}


def type_named_by(argument: str) -> str:
    """The type whose id an argument takes: `repId` and `repIds` that of a Rep."""
    stem = argument.removesuffix("s").removesuffix("Id").removesuffix("Id")
    return _NAMED.get(stem, stem[:1].upper() + stem[1:])


def sample(kind: GraphQLInputType, name: str, ids: Ids) -> Any:
    """The least that is well-formed: what is required and nothing else. Ids are the first known of their type."""
    if is_non_null_type(kind):
        return sample(kind.of_type, name, ids)
    if is_list_type(kind):
        return [sample(kind.of_type, name, ids)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        if kind.name == "PeriodInput":
            return QUARTER
        wanted = _BY_INPUT.get(kind.name, [])
        fields = {
            key: field for key, field in kind.fields.items() if key in wanted or is_required_input_field(field)
        } or dict([next(iter(kind.fields.items()))] if is_one_of(kind) else [])
        return {key: sample(field.type, key, ids) for key, field in fields.items()}
    scalar = get_named_type(kind).name
    if scalar == "ID":
        return next(iter(ids.get(type_named_by(name), ())), SAMPLES["ID"])
    return _BY_NAME.get(name, SAMPLES[scalar]) if scalar == "String" else SAMPLES[scalar]


def is_one_of(kind: GraphQLInputObjectType) -> bool:
    """Whether exactly one of its fields is given."""
    return kind.is_one_of


def literal(value: Any, kind: GraphQLInputType) -> str:
    """A value as GraphQL writes it."""
    named = get_named_type(kind)
    if isinstance(value, list):
        return f"[{', '.join(literal(one, kind) for one in value)}]"
    if isinstance(named, GraphQLInputObjectType):
        return f"{{{', '.join(f'{key}: {literal(one, named.fields[key].type)}' for key, one in value.items())}}}"
    if isinstance(named, GraphQLEnumType):
        return str(value)
    return json.dumps(value)


def arguments(field: GraphQLField, ids: Ids, page: int) -> str:
    """The required arguments, `first`, and the id of something that is there."""
    given = {
        name: literal(sample(argument.type, name, ids), argument.type)
        for name, argument in field.args.items()
        if is_required_argument(argument)
    }
    if "period" in given and get_named_type(field.type).name == "Statement":
        given["period"] = literal(MONTH, field.args["period"].type)
    fact = _FACTS.get(get_named_type(field.type).name)
    if fact and "source" in field.args:
        given |= {"source": '"crm"', "externalId": f'"{fact}"'}
    if "id" in field.args:
        known = ids.get(get_named_type(field.type).name) or next(iter(ids.values()), [SAMPLES["ID"]])
        given["id"] = f'"{known[0]}"'
    if "first" in field.args:
        given["first"] = str(page)
    return f"({', '.join(f'{name}: {value}' for name, value in given.items())})" if given else ""


def selection(kind: GraphQLOutputType, depth: int, ids: Ids, page: int = 3) -> str:
    """Every field of a type, so many objects deep; of an interface its own fields."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if not hasattr(named, "fields"):
        return "{ __typename }"
    chosen = ["__typename"]
    for name, field in named.fields.items():
        if is_leaf_type(get_named_type(field.type)):
            chosen.append(name + arguments(field, ids, page))
        elif depth > 0:
            # A connection's wrappers are no depth of their own.
            wrapper = get_named_type(field.type).name.endswith(("Connection", "Edge", "PageInfo"))
            inner = selection(field.type, depth if wrapper else depth - 1, ids, page)
            chosen.append(name + arguments(field, ids, page) + inner)
    return f" {{ {' '.join(chosen)} }}"


def whole(root: GraphQLObjectType, name: str, ids: Ids, depth: int = 2) -> str:
    """The operation that asks a root field for all that it shows."""
    field = root.fields[name]
    given = arguments(field, ids, 200 if name == "changes" else 5)
    return f"{OPERATIONS[root.name]} {{ {name}{given}{selection(field.type, depth, ids)} }}"


def objects(answer: object) -> Iterator[dict[str, Any]]:
    """Every object of an answer."""
    if isinstance(answer, dict):
        yield answer
        answer = list(answer.values())
    if isinstance(answer, list):
        for one in answer:
            yield from objects(one)


def ids_in(answer: object) -> dict[str, list[str]]:
    """The global ids in an answer, by type, each once and in order."""
    found: dict[str, dict[str, None]] = {}
    for shown in objects(answer):
        if "id" in shown and shown.get("__typename") in NODES:
            found.setdefault(shown["__typename"], {})[shown["id"]] = None
    return {name: list(ids) for name, ids in found.items()}


async def every_id(world: World) -> dict[str, list[str]]:
    """The ids of all that the queries show of a world, by type."""
    query = GRAPH.query_type
    assert query is not None
    found: dict[str, list[str]] = {}
    asked = set()
    for who in (ADMIN, PAYMASTER, ADMIN, PAYMASTER):  # the second time what has ids in it that the first time found
        for name in query.fields:
            document = whole(query, name, found)
            if (who, document) in asked:
                continue
            asked.add((who, document))
            for kind, ids in ids_in(await world.run(document, who)).items():
                found[kind] = list(dict.fromkeys([*found.get(kind, ()), *ids]))
    return found


@dataclass(frozen=True)
class Hole:
    """A place in the arguments of a root field that takes a scalar; all else is the least that is well-formed."""

    root: GraphQLObjectType
    name: str
    path: str
    scalar: str
    document: str
    fill: Callable[[Any], dict[str, Any]]
    """The variables with a value in this place."""

    def __str__(self) -> str:
        return f"{self.root.name}.{self.name} {self.path}"


def holes(ids: Ids, *roots: str) -> Iterator[Hole]:
    """Every place of these roots (all by default) that takes a scalar, however deep in the inputs."""
    for root in ROOTS:
        for name, field in root.fields.items() if root.name in (roots or OPERATIONS) else ():
            for argument, definition in field.args.items():
                needed = {
                    other: given
                    for other, given in field.args.items()
                    if other == argument or is_required_argument(given)
                }
                declared = ", ".join(f"${other}: {given.type}" for other, given in needed.items())
                passed = ", ".join(f"{other}: ${other}" for other in needed)
                shown = selection(field.type, 0, ids, 2)
                document = f"{OPERATIONS[root.name]} ({declared}) {{ {name}({passed}){shown} }}"
                rest = {other: sample(given.type, other, ids) for other, given in needed.items()}
                for path, scalar, fill in _inner(definition.type, argument, ids, ()):
                    yield Hole(root, name, path, scalar, document, partial(_keyed, rest, argument, fill))


Fill = Callable[[Any], Any]


def _listed(fill: Fill, value: object) -> list[Any]:
    return [fill(value)]


def _keyed(base: Mapping[str, Any], key: str, fill: Fill, value: object) -> dict[str, Any]:
    return {**base, key: fill(value)}


def _itself(value: object) -> object:
    return value


def _inner(kind: GraphQLInputType, path: str, ids: Ids, within: tuple[str, ...]) -> Iterator[tuple[str, str, Fill]]:
    if is_non_null_type(kind):
        yield from _inner(kind.of_type, path, ids, within)
    elif is_list_type(kind):
        for inner, scalar, fill in _inner(kind.of_type, path, ids, within):
            yield inner, scalar, partial(_listed, fill)
    elif isinstance(kind, GraphQLInputObjectType):
        if kind.name in within:  # a formula of formulas: one is as good as two
            return
        for key, field in kind.fields.items():
            base = {} if is_one_of(kind) else sample(kind, path.rpartition(".")[2], ids)
            for inner, scalar, fill in _inner(field.type, f"{path}.{key}", ids, (*within, kind.name)):
                yield inner, scalar, partial(_keyed, base, key, fill)
    elif not isinstance(kind, GraphQLEnumType):
        yield path, get_named_type(kind).name, _itself
