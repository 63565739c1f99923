"""Teams and territories stated by external ids, in any order; who then sees whom."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from domain.org.model import SCOPES, Cover, Move, RepItem, Role, TeamItem, TerritoryItem, UserItem, UserKey, Viewer
from domain.org.people import reps_upsert, users_upsert
from domain.org.sight import visible_reps, visible_teams
from domain.org.trees import teams_upsert, territories_upsert
from domain.work import Work
from tests.conftest import MakeOrg
from tests.domain.org.conftest import ReadState, State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HIRED = date(2026, 1, 5)


def tree(state: State, table: str = "team") -> dict[str, str | None]:
    """Parents by node, by external id."""
    names = {row[f"{table}_id"]: row["external_id"] for row in state[table]}
    return {row["external_id"]: names.get(row["parent_id"]) for row in state[table]}


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    return await make_org(now=NOW)


async def test_a_tree_is_stored_in_whatever_order_it_comes(work: Work, state: ReadState) -> None:
    result = await teams_upsert(
        work,
        [TeamItem("leaf", "Leaf", "branch"), TeamItem("branch", "Branch", "root"), TeamItem("root", "Root")],
    )
    assert (result.created, result.problems) == (3, [])
    after = await state(work)
    assert tree(after) == {"leaf": "branch", "branch": "root", "root": None}
    names = {row["team_id"]: row["external_id"] for row in after["team"]}
    assert sorted((names[r["team_id"]], names[r["ancestor_id"]], r["depth"]) for r in after["team_ancestor"]) == [
        ("branch", "branch", 0),
        ("branch", "root", 1),
        ("leaf", "branch", 1),
        ("leaf", "leaf", 0),
        ("leaf", "root", 2),
        ("root", "root", 0),
    ]


async def test_a_cycle_is_refused_and_the_tree_stays(work: Work, state: ReadState) -> None:
    await teams_upsert(work, [TeamItem("a", "A"), TeamItem("b", "B", "a")])
    before = await state(work)
    result = await teams_upsert(
        work, [TeamItem("a", parent="b"), TeamItem("b", parent="b"), TeamItem("c", "C", "nowhere")]
    )
    assert [(problem.code, problem.path) for problem in result.problems] == [
        ("CYCLE", ("items", "0", "parentExternalId")),
        ("CYCLE", ("items", "1", "parentExternalId")),
        ("UNKNOWN_PARENT", ("items", "2", "parentExternalId")),
    ]
    assert await state(work) == before


async def test_teams_that_come_again_unchanged_change_nothing(work: Work, state: ReadState) -> None:
    items = [TeamItem("a", "A"), TeamItem("b", "B", "a")]
    await teams_upsert(work, items)
    before = await state(work)
    assert (await teams_upsert(work, [*items[::-1]])).unchanged == 2
    assert (await teams_upsert(work, [TeamItem("b")])).unchanged == 1
    assert await state(work) == before


async def test_a_team_that_moves_takes_its_past_along_so_everybody_is_marked(work: Work, state: ReadState) -> None:
    await teams_upsert(work, [TeamItem("a", "A"), TeamItem("b", "B")])
    await reps_upsert(work, [RepItem("r1", "Rae", HIRED, team=Move("b"))])
    before = len((await state(work))["dirty_mark"])
    await teams_upsert(work, [TeamItem("b", name="Bees")])
    assert len((await state(work))["dirty_mark"]) == before
    await teams_upsert(work, [TeamItem("b", parent="a")])
    marks = (await state(work))["dirty_mark"][before:]
    assert [(mark["rep_id"], mark["from_day"], mark["through_day"]) for mark in marks] == [(None, HIRED, None)]


async def test_a_manager_is_a_user_who_may_manage(work: Work, state: ReadState) -> None:
    await users_upsert(work, [UserItem("m@x.io", "Mo", Role.MANAGER, "m"), UserItem("r@x.io", "Rae", Role.REP)])
    result = await teams_upsert(
        work,
        [
            TeamItem("a", "A", manager=UserKey("M@x.io")),
            TeamItem("b", "B", manager=UserKey(external_id="m")),
            TeamItem("c", "C", manager=UserKey("r@x.io")),
            TeamItem("d", "D", manager=UserKey("nobody@x.io")),
        ],
    )
    assert [(problem.code, problem.path) for problem in result.problems] == [
        ("NOT_A_MANAGER", ("items", "2", "manager")),
        ("UNKNOWN_USER", ("items", "3", "manager")),
    ]
    await teams_upsert(work, [TeamItem("b", manager=None)])
    managers = {row["external_id"]: row["manager_id"] for row in (await state(work))["team"]}
    assert managers["a"] is not None
    assert managers["b"] is None


async def test_a_manager_sees_those_below_on_the_day_and_a_rep_itself(work: Work, state: ReadState) -> None:
    await users_upsert(work, [UserItem("m@x.io", "Mo", Role.MANAGER), UserItem("r@x.io", "Rae", Role.REP)])
    await teams_upsert(
        work,
        [
            TeamItem("top", "Top", manager=UserKey("m@x.io")),
            TeamItem("under", "Under", "top"),
            TeamItem("other", "Other"),
        ],
    )
    await reps_upsert(
        work,
        [
            RepItem("stays", "Sam", HIRED, team=Move("under"), user=UserKey("r@x.io")),
            RepItem("leaves", "Lee", HIRED, team=Move("top")),
            RepItem("apart", "Ann", HIRED, team=Move("other")),
        ],
    )
    await reps_upsert(work, [RepItem("leaves", team=Move("other", date(2026, 3, 1)))])
    rows = await state(work)
    users = {row["email"]: row["user_id"] for row in rows["app_user"]}
    reps = {row["rep_id"]: row["external_id"] for row in rows["rep"]}
    teams = {row["team_id"]: row["external_id"] for row in rows["team"]}
    org_id = work.viewer.org_id
    manager = Viewer(org_id, SCOPES[Role.MANAGER], Role.MANAGER, users["m@x.io"])
    own = next(rep_id for rep_id, key in reps.items() if key == "stays")
    rep = Viewer(org_id, SCOPES[Role.REP], Role.REP, users["r@x.io"], rep_id=own)
    nobody = replace(rep, rep_id=None)

    async with work.db.session(org_id) as session:
        seen = {
            (name, day): sorted(reps[rep_id] for rep_id in await visible_reps(session, viewer, day) or ())
            for name, viewer in (("manager", manager), ("rep", rep), ("nobody", nobody))
            for day in (date(2026, 2, 28), date(2026, 3, 1))
        }
        assert await visible_reps(session, work.viewer, date(2026, 3, 1)) is None
        assert sorted(teams[t] for t in await visible_teams(session, manager, HIRED) or ()) == ["top", "under"]
        assert [teams[t] for t in await visible_teams(session, rep, HIRED) or ()] == ["under"]
        assert await visible_teams(session, nobody, HIRED) == frozenset()
    assert seen == {
        ("manager", date(2026, 2, 28)): ["leaves", "stays"],
        ("manager", date(2026, 3, 1)): ["stays"],
        ("rep", date(2026, 2, 28)): ["stays"],
        ("rep", date(2026, 3, 1)): ["stays"],
        ("nobody", date(2026, 2, 28)): [],
        ("nobody", date(2026, 3, 1)): [],
    }


async def test_coverage_of_a_territory_is_replaced_where_it_is_given(work: Work, state: ReadState) -> None:
    await reps_upsert(work, [RepItem("r1", "Rae", HIRED), RepItem("r2", "Roy", HIRED)])
    covers = [Cover("r1", HIRED, date(2026, 6, 1)), Cover("r1", date(2026, 6, 1)), Cover("r2", HIRED, date(2026, 2, 1))]
    await territories_upsert(work, [TerritoryItem("east", "East", "all", covers), TerritoryItem("all", "All")])
    before = await state(work)
    assert tree(before, "territory") == {"east": "all", "all": None}
    assert [(row["starts_on"], row["ends_on"]) for row in before["territory_assignment"]] == [
        (HIRED, None),
        (HIRED, date(2026, 2, 1)),
    ]
    assert (await territories_upsert(work, [TerritoryItem("east", reps=covers[::-1])])).unchanged == 1
    assert await state(work) == before
    await territories_upsert(work, [TerritoryItem("east", reps=[])])
    after = await state(work)
    assert after["territory_assignment"] == []
    assert [row["version"] for row in after["territory"] if row["external_id"] == "east"] == [2]


async def test_bad_territories_are_reported_by_their_path(work: Work, state: ReadState) -> None:
    before = await state(work)
    result = await territories_upsert(
        work,
        [
            TerritoryItem("a"),
            TerritoryItem("b", "B", reps=[Cover("nobody", HIRED, HIRED)]),
            TerritoryItem("c", "C", "a"),
        ],
    )
    assert [(problem.code, ".".join(problem.path)) for problem in result.problems] == [
        ("REQUIRED", "items.0.name"),
        ("UNKNOWN_REP", "items.1.reps.0.repExternalId"),
        ("INVALID_RANGE", "items.1.reps.0.endsOn"),
        ("UNKNOWN_PARENT", "items.2.parentExternalId"),
    ]
    assert await state(work) == before
