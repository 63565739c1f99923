"""The engine answers generated documents as graphql-core does: over made-up answers, and over an organisation."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
    parse,
    print_schema,
    validate,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, nodes
from hypothesis_graphql import queries as documents

from api.context import Context
from api.schema import schema as public
from sql.pool import Record
from sql.queries import Query, queries
from tests.api.engine.generated import varied, with_one_key
from tests.api.engine.same import same
from tests.api.quotas.conftest import NOW, House, house, quota
from tests.conftest import SCALE

__all__ = ["house"]

PRODUCT = public._schema
DAYS = ("2027-01-01", "2027-02-15", "2027-03-31")
SCALARS = {
    "Decimal": st.sampled_from(["0", "1.5", "-3", "100000"]).map(nodes.String),
    "Ratio": st.sampled_from(["0", "0.5", "1"]).map(nodes.String),
    "Date": st.sampled_from(DAYS).map(nodes.String),
    "DateTime": st.sampled_from(["2027-01-01T00:00:00Z", "2027-02-15T12:00:00+02:00"]).map(nodes.String),
    "CurrencyCode": st.sampled_from(["USD", "EUR"]).map(nodes.String),
    "JSON": st.just("{}").map(nodes.String),
}


class Fate:
    """What happens at a place of the answer: by its path, so that whoever executes meets the same."""

    def __init__(self, seed: int, *path: object) -> None:
        digest = hashlib.blake2b(repr((seed, path)).encode(), digest_size=32).digest()
        self._numbers: Iterator[int] = iter(digest)
        self._at = (seed, *path)

    def one_in(self, number: int) -> bool:
        return next(self._numbers) % number == 0

    def choose(self, among: Any) -> Any:
        return among[next(self._numbers) % len(among)]

    def value(self, type_: Any, schema: GraphQLSchema) -> Any:
        """A value of the type: often a good one, sometimes null, an error, or one that comes later."""
        seed, *path = self._at
        if self.one_in(24):
            return None
        if self.one_in(24):
            return ValueError(f"There is nothing at {path}.")
        found = self._good(get_nullable_type(type_), schema, seed, path)
        return _later(found) if self.one_in(4) else found

    def _good(self, type_: Any, schema: GraphQLSchema, seed: Any, path: list[object]) -> Any:
        if isinstance(type_, GraphQLList):
            length = self.choose((0, 1, 1, 2, 3))
            return [Fate(seed, *path, index).value(type_.of_type, schema) for index in range(length)]
        if isinstance(type_, GraphQLEnumType):
            return self.choose(["NEVER_HEARD_OF", *type_.values] if self.one_in(16) else list(type_.values))
        if is_leaf_type(type_):
            good = {"Int": (1, 0, 7), "Float": (0.5, 2), "Boolean": (True, False)}.get(type_.name, ("", "a", 'ü"\n'))
            return self.choose((2**40, {}, "x") if self.one_in(16) else good)
        if is_abstract_type(type_):
            type_ = self.choose(schema.get_possible_types(type_))
        return {"__typename": type_.name}


async def _later(value: Any) -> Any:
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


def made_up() -> GraphQLSchema:
    """The product's schema, whose resolvers make their values up. The context is the seed."""
    schema = build_schema(print_schema(PRODUCT))

    def resolve(_source: object, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        # In any order: the fields of an input object have none.
        told = orjson.dumps(arguments, default=repr, option=orjson.OPT_SORT_KEYS)
        value = Fate(info.context, *info.path.as_list(), told).value(info.return_type, schema)
        if isinstance(value, Exception):
            raise value
        return value

    for type_ in schema.type_map.values():
        if is_object_type(type_) and not type_.name.startswith("__"):
            for definition in type_.fields.values():
                definition.resolve = resolve
    return schema


MADE_UP = made_up()


@pytest.mark.fuzz
@settings(max_examples=40 * SCALE)
@given(document=from_schema(MADE_UP, custom_scalars=SCALARS, allow_x00=False), random=st.randoms(), seed=st.integers(0))
async def test_documents_over_made_up_answers(document: Any, random: Random, seed: int) -> None:
    document = with_one_key(MADE_UP, document)
    assume(not validate(MADE_UP, parse(document)))
    text, variables = varied(MADE_UP, document, random)
    await same(MADE_UP, text, variables, lambda: seed)


@dataclass(slots=True)
class Shaky(Context):
    """A context in which some statements fail."""

    failing: frozenset[str] = frozenset()

    async def fetch(self, query: Query, *args: object) -> list[Record]:
        if query.name in self.failing:
            raise RuntimeError(f"{query.name} failed.")
        return await Context.fetch(self, query, *args)


@pytest.fixture
async def ids(house: House) -> list[str]:
    """Global ids of what the house holds, and one that is none."""
    await house.set(quota("ann", "1000"), quota("bob", "500"))
    await house.win("ann", "600")
    await house.win("bob", "700")
    found = await house.ask(
        """{ reps { nodes { id user { id } team { id } } } kpis { nodes { id } } quotas { nodes { id } }
        attainment(PERIOD) { nodes { id } } organization { id } }"""
    )
    return ["nobody", *dict.fromkeys(_ids(found))]


def _ids(data: Any) -> Iterator[str]:
    for key, value in data.items():
        if key == "id":
            yield value
        for item in value if isinstance(value, list) else [value]:
            yield from _ids(item) if isinstance(item, dict) else ()


STATEMENTS = sorted(
    query.name for area in ("directory", "attainment", "scorecard_read") for query in queries(area).all.values()
)
# Ids are known when the house stands: a document names them by number.
NAMED = SCALARS | {
    "ID": st.integers(0, 30).map("ID<{}>".format).map(nodes.String),
    "String": st.sampled_from(["2027-Q1", "2027-02", "2027", "ann", ""]).map(nodes.String),
}


@pytest.mark.fuzz
@settings(max_examples=15 * SCALE, suppress_health_check=list(HealthCheck))
@given(
    document=documents(PRODUCT, custom_scalars=NAMED),
    random=st.randoms(),
    who=st.sampled_from(["ada", "mo", "ann"]),
    failing=st.just(frozenset()) | st.frozensets(st.sampled_from(STATEMENTS), min_size=1, max_size=3),
)
async def test_documents_over_an_organisation(
    house: House, ids: list[str], document: Any, random: Random, who: str, failing: frozenset[str]
) -> None:
    document = with_one_key(PRODUCT, document)
    assume(not validate(PRODUCT, parse(document)))
    text, variables = varied(PRODUCT, document, random)

    def known(match: re.Match[str]) -> str:
        return ids[int(match[1]) % len(ids)]

    def context() -> Shaky:
        return Shaky(house.work.db, house.viewers[who], NOW, house.settings, "request-1", failing=failing)

    named = re.compile(r"ID<(\d+)>")
    values = orjson.loads(named.sub(known, orjson.dumps(variables).decode()))
    await same(PRODUCT, named.sub(known, text), values, context)
