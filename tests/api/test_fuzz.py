"""Schemathesis against the schema: whatever is asked, right or wrong, is answered or refused, and never breaks.

A few examples of each root field in every run; `make fuzz` asks many more.
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.graphql import nodes

from settings import Settings
from tests.api.walk import every_id
from tests.conftest import SCALE, MakeOrg
from tests.served import Served, served
from tests.world import QUARTER, TODAY, World, make_world

SDL = Path(__file__).parents[2] / "schema.graphql"

CODES = {"BAD_REQUEST", "COST_EXCEEDED", "FORBIDDEN"}
"""How the graph may refuse an administrator within its budget."""

LEAKS = re.compile(r"Traceback|File \"/|asyncpg|strawberry|[a-z]+\.py\b|\bselect .* from\b|\$\d|RuntimeError|NoneType")

known_ids: list[str] = []
"""Of everything in the world, filled before anything is asked."""

_FAR = [date.min, date(1, 1, 2), date(1899, 12, 31), date(2009, 12, 31), TODAY, date(2262, 4, 12), date.max]
_days = st.one_of(st.sampled_from(_FAR), st.dates())
_instants = st.builds(
    lambda day, time, offset: f"{day}T{time}{offset}",
    _days,
    st.sampled_from(["00:00:00", "23:59:59.999999", "24:00:00", "12:30:00"]),
    st.sampled_from(["Z", "+14:00", "-12:00", "+23:59", "", "-99:00"]),
)
_decimals = st.one_of(
    st.sampled_from(
        ["9" * 28, "-" + "9" * 28, "9" * 40, "0." + "9" * 40, "1E28", "1E-28", "1e400", "NaN", "-0", "٣", "1_000"]
    ),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
)
_texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "rae", "north", "crm", "d-1", "meetings", "standard", "Ω" * 400, "x" * 10_000, "👩‍👩‍👧‍👦", "%_\\"]
    ),
    st.sampled_from([*QUARTER.values(), "2026-11", "2026", "0001-Q1", "9999-Q4", "9999-12", "2026-13"]),
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.text(max_size=5),
            st.dates().map(str),
        ),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=4,
    ).map(lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()),
)


@st.composite
def _ids(draw: Any) -> str:
    """An id of the world, or one that looks like it."""
    known = draw(st.sampled_from(known_ids))
    name, _, key = base64.urlsafe_b64decode(known + "==").decode().partition(":")
    other = draw(st.one_of(st.just(key), st.text(max_size=8), st.just(key[:-1]), st.just(f"{key}:"), _days.map(str)))
    parts = key.split(":")
    parts[draw(st.integers(0, len(parts) - 1))] = draw(
        st.sampled_from(["", "\0", "-", "REP", "9999-12-31", "0001-01-01", "x"])
    )
    made = draw(st.sampled_from([known, known, f"{name}:{other}", f"{name}:{':'.join(parts)}"]))
    return made if made == known else base64.urlsafe_b64encode(made.encode()).rstrip(b"=").decode()


for scalar, strategy in {
    "ID": st.one_of(_ids(), _texts).map(nodes.String),
    "String": _texts.map(nodes.String),
    "Int": st.one_of(st.integers(-3, 250), st.sampled_from([-(2**31), 2**31 - 1])).map(nodes.Int),
    "Date": _days.map(str).map(nodes.String),
    "DateTime": _instants.map(nodes.String),
    "Time": st.sampled_from(["09:00", "00:00:00", "23:59:59.999999", "24:00", "x"]).map(nodes.String),
    "Decimal": _decimals.map(nodes.String),
    "Ratio": st.one_of(_decimals, st.decimals(0, 1, places=2).map(str)).map(nodes.String),
    "CurrencyCode": st.sampled_from(["USD", "EUR", "XXX", "JPY", "usd"]).map(nodes.String),
    "JSON": st.just("{}").map(nodes.String),
}.items():
    schemathesis.graphql.scalar(scalar, strategy)

GRAPH = schemathesis.graphql.from_path(SDL)
OPERATIONS: list[Any] = [found.ok() for found in GRAPH.get_all_operations() if isinstance(found, Ok)]


@pytest.fixture(scope="session")
async def world(make_org: MakeOrg) -> World:
    made = await make_world(make_org, "Fuzz")
    known_ids.extend(chain.from_iterable((await every_id(made)).values()))
    return made


@pytest.fixture(scope="session")
async def public(test_settings: Settings) -> AsyncIterator[Served]:
    """The whole graph, with a budget that a machine may spend."""
    async with served(test_settings.model_copy(update={"cost_per_minute": 10**9})) as server:
        yield server


@pytest.fixture(scope="session")
def client(public: Served, world: World) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {public.token(world.work)}"}
    with httpx.Client(base_url=public.url, headers=headers, timeout=60) as signed_in:
        yield signed_in


@pytest.mark.fuzz
@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.label for operation in OPERATIONS])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_whatever_is_asked_is_answered_or_refused(
    client: httpx.Client, public: Served, operation: Any, mode: GenerationMode
) -> None:
    @hypothesis.settings(
        max_examples=4 * SCALE,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = client.post("/graphql", json={"query": case.body})
        check(response, case.body)

    ask()


def check(response: httpx.Response, asked: object) -> None:
    """Never a 500 nor its like within the answer, and nothing that tells how it is made."""
    body = response.json()
    errors = body.get("errors", ())
    wrong = [
        error
        for error in errors
        if error["extensions"]["code"] not in CODES
        or error["extensions"]["requestId"] != response.headers["x-request-id"]
        or LEAKS.search(error["message"])
    ]
    if response.status_code >= 500 or wrong or not (errors or body["data"]):
        pytest.fail(f"{asked}\n\n{response.status_code} {wrong or response.text[:2_000]}")
