"""What comes along with a page is what its loads would have given. Each answer is compared with graphql-core's, for
which nothing comes along.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.api.quotas.conftest import House, quota

Statements = Callable[[], AbstractContextManager[list[str]]]


async def test_a_page_and_what_is_asked_of_its_rows_is_one_statement(house: House, statements: Statements) -> None:
    await house.set(quota("ann", "100"))
    await house.win("ann", "50")
    document = """{ reps { nodes { name team { name parent { name } } quotas(PERIOD) { amount period { key } }
      scorecard { status results { value } } } }
      attainment(PERIOD) { nodes { ratio rep { status team { name } quotas(PERIOD) { amount } } } } }"""
    with statements() as ran:
        data = await house.ask(document)
    assert sorted(ran) == [
        "attainment.page",
        "directory.reps_by_name",
        "directory.teams_by_id",
        "org.calendar_versions",
    ]
    ann, bob = data["reps"]["nodes"]
    assert ann["team"] == {"name": "North", "parent": {"name": "All"}}
    assert ann["quotas"] == [{"amount": "100", "period": {"key": "2027-Q1"}}]
    assert (bob["name"], bob["quotas"], bob["scorecard"]) == ("Bob", [], None)
    (line,) = data["attainment"]["nodes"]
    assert line == {
        "ratio": "0.5",
        "rep": {"status": "ACTIVE", "team": {"name": "North"}, "quotas": [{"amount": "100"}]},
    }


async def test_a_field_that_is_asked_for_twice_is_loaded_as_each_was_meant(house: House) -> None:
    document = """{ reps { nodes { now: team { name } then: team(on: "2019-01-01") { externalId } } } }"""
    ann, _ = (await house.ask(document))["reps"]["nodes"]
    assert ann == {"now": {"name": "North"}, "then": None}


async def test_lists_of_several_lengths_stay_what_they_are(house: House) -> None:
    await house.set(quota("ann", "100", seasonality=["1", "1", "2"]), quota("bob", "1", ramp=["0.5"]))
    data = await house.ask("{ reps { nodes { quotas(PERIOD) { amount kpiId seasonality ramp } } } }")
    assert [rep["quotas"] for rep in data["reps"]["nodes"]] == [
        [{"amount": "100", "kpiId": None, "seasonality": ["1", "1", "2"], "ramp": []}],
        [{"amount": "1", "kpiId": None, "seasonality": [], "ramp": ["0.5"]}],
    ]


async def test_edges_show_what_nodes_show(house: House) -> None:
    data = await house.ask("{ reps { nodes { team { name } } edges { node { team { name } } } } }")
    assert [edge["node"] for edge in data["reps"]["edges"]] == data["reps"]["nodes"]


async def test_what_cannot_be_asked_is_an_error_of_its_field_alone(house: House) -> None:
    result = await house.run('{ reps(first: 1) { nodes { name quotas(period: {quarter: "2027-Q9"}) { amount } } } }')
    assert result.data == {"reps": {"nodes": [{"name": "Ann", "quotas": None}]}}
    assert result.errors[0].path == ["reps", "nodes", 0, "quotas"]


async def test_whoever_may_not_read_quotas_reads_the_rest(house: House) -> None:
    scopes = house.viewers["ada"].scopes
    object.__setattr__(
        house.viewers["ada"], "scopes", frozenset(scope for scope in scopes if "QUOTAS" not in scope.name)
    )
    result = await house.run("{ reps(first: 1) { nodes { name team { name } quotas(PERIOD) { amount } } } }")
    assert result.data == {"reps": {"nodes": [{"name": "Ann", "team": {"name": "North"}, "quotas": None}]}}
    assert result.errors[0].extensions["code"] == "FORBIDDEN"
