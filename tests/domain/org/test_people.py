"""Users and reps: who they are, and where a rep counted on a day."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from domain.errors import Rejected
from domain.org.model import Leave, Move, RepItem, Role, TeamItem, Upserted, UserItem, UserKey
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from domain.work import Work
from tests.conftest import MakeOrg
from tests.domain.org.conftest import ReadState, State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HIRED = date(2026, 1, 5)


def codes(result: Upserted) -> list[tuple[str, str]]:
    return [(problem.code, ".".join(problem.path)) for problem in result.problems]


def history(state: State) -> list[tuple[str, str | None, str]]:
    """Stays as text: from, to, external id of the team."""
    names = {team["team_id"]: team["external_id"] for team in state["team"]}
    return [
        (str(row["starts_on"]), str(row["ends_on"]) if row["ends_on"] else None, names[row["team_id"]])
        for row in sorted(state["assignment"], key=lambda row: row["starts_on"])
    ]


def marks(state: State) -> list[tuple[bool, str, str | None]]:
    """Whether of everybody, from, through."""
    found = [
        (row["rep_id"] is None, str(row["from_day"]), str(row["through_day"]) if row["through_day"] else None)
        for row in state["dirty_mark"]
    ]
    return sorted(found, key=str)


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    work = await make_org(now=NOW)
    await teams_upsert(work, [TeamItem(key, f"Team {key}") for key in ("north", "south", "west")])
    return work


def rep(key: str = "r1", **over: object) -> RepItem:
    return replace(RepItem(key, "Rae Rep", HIRED, team=Move("north")), **over)  # type: ignore[arg-type]


async def test_users_are_found_by_external_id_or_else_by_address(work: Work, state: ReadState) -> None:
    first = await users_upsert(
        work, [UserItem("Bo@example.com", "Bo", Role.MANAGER), UserItem("c@x.io", "Cy", Role.REP, "u3")]
    )
    assert (first.created, first.updated, first.problems) == (2, 0, [])

    again = await users_upsert(
        work, [UserItem("bo@example.com", "Bo B", Role.MANAGER, "u2"), UserItem("cy@x.io", "Cy", Role.REP, "u3")]
    )
    assert (again.ids, again.created, again.updated) == (first.ids, 0, 2)
    users = {row["name"]: row for row in (await state(work))["app_user"]}
    assert (users["Bo B"]["external_id"], users["Bo B"]["email"], users["Bo B"]["version"]) == (
        "u2",
        "bo@example.com",
        2,
    )
    assert (users["Cy"]["email"], users["Cy"]["version"]) == ("cy@x.io", 2)


async def test_users_that_come_again_unchanged_change_nothing(work: Work, state: ReadState) -> None:
    items = [UserItem("bo@example.com", "Bo", Role.MANAGER, "u2")]
    await users_upsert(work, items)
    before = await state(work)
    again = await users_upsert(work, items)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 1)
    assert await state(work) == before


async def test_bad_users_are_reported_by_their_path_and_good_ones_stored(work: Work, state: ReadState) -> None:
    result = await users_upsert(
        work,
        [
            UserItem("nonsense", "", Role.REP),
            UserItem("d@x.io", "Dee", Role.REP, "u1"),
            UserItem("d@x.io", "Dan", Role.REP, "u9"),
            UserItem("d2@x.io", "Dee again", Role.REP, "u1"),
            UserItem(str((await state(work))["app_user"][0]["email"]), "Ada", Role.REP),
        ],
    )
    assert codes(result) == [
        ("BLANK", "items.0.name"),
        ("INVALID_EMAIL", "items.0.email"),
        ("EMAIL_TAKEN", "items.2.email"),
        ("DUPLICATE", "items.3"),
        ("OWN_ACCOUNT", "items.4"),
    ]
    users = (await state(work))["app_user"]
    assert [user["name"] for user in users if user["role"] == "REP"] == ["Dee"]


async def test_a_list_of_more_than_a_thousand_is_refused_whole(work: Work, state: ReadState) -> None:
    before = await state(work)
    with pytest.raises(Rejected) as refusal:
        await reps_upsert(work, [rep(f"r{i}") for i in range(1001)])
    assert [problem.code for problem in refusal.value.problems] == ["TOO_MANY"]
    assert await state(work) == before


async def test_a_rep_who_moved_in_march_counts_where_it_was_in_february(work: Work, state: ReadState) -> None:
    await reps_upsert(work, [rep()])
    assert history(await state(work)) == [("2026-01-05", None, "north")]
    await reps_upsert(work, [rep(team=Move("south", date(2026, 3, 1)))])
    after = await state(work)
    assert history(after) == [("2026-01-05", "2026-03-01", "north"), ("2026-03-01", None, "south")]
    assert marks(after) == [(False, "2026-01-01", None), (True, "2026-01-01", None)]


async def test_a_move_told_late_splits_the_stay_and_leaves_the_rest_alone(work: Work, state: ReadState) -> None:
    await reps_upsert(work, [rep()])
    await reps_upsert(work, [rep(team=Move("west", date(2026, 4, 1), date(2026, 5, 1)))])
    after = await state(work)
    assert history(after) == [
        ("2026-01-05", "2026-04-01", "north"),
        ("2026-04-01", "2026-05-01", "west"),
        ("2026-05-01", None, "north"),
    ]
    assert (True, "2026-01-01", "2026-04-30") in marks(after)
    await reps_upsert(work, [rep(team=Move("north", date(2026, 4, 1), date(2026, 5, 1)))])
    assert history(await state(work)) == [("2026-01-05", None, "north")]


async def test_a_nightly_copy_without_dates_moves_a_rep_only_when_the_team_differs(
    work: Work, state: ReadState
) -> None:
    await reps_upsert(work, [rep()])
    before = await state(work)
    assert (await reps_upsert(work, [rep()])).unchanged == 1
    assert await state(work) == before
    await reps_upsert(work, [rep(team=Move("south"))])
    assert history(await state(work)) == [("2026-01-05", "2026-11-22", "north"), ("2026-11-22", None, "south")]


async def test_what_an_item_leaves_out_stays_and_null_clears(work: Work, state: ReadState) -> None:
    await users_upsert(work, [UserItem("rae@x.io", "Rae", Role.REP)])
    await reps_upsert(work, [rep(email="rae@x.io", title="Advisor", role="AE", user=UserKey("RAE@x.io"))])
    await reps_upsert(work, [RepItem("r1", title=None)])
    (row,) = (await state(work))["rep"]
    assert (row["name"], row["email"], row["title"], row["role"], row["hired_on"]) == (
        "Rae Rep",
        "rae@x.io",
        None,
        "AE",
        HIRED,
    )
    assert row["user_id"] is not None
    assert row["version"] == 2


async def test_leave_and_leaving_mark_the_days_they_touch(work: Work, state: ReadState) -> None:
    await reps_upsert(work, [rep()])
    leave = [Leave(date(2026, 8, 10), date(2026, 8, 15), "Holiday"), Leave(date(2026, 7, 1), date(2026, 7, 2))]
    await reps_upsert(work, [rep(leave=leave)])
    assert (await reps_upsert(work, [rep(leave=leave[::-1])])).unchanged == 1
    await reps_upsert(work, [rep(leave=leave[:1], left_on=date(2026, 10, 1))])
    after = await state(work)
    assert [row["reason"] for row in after["rep_leave"]] == ["Holiday"]
    assert marks(after) == [
        (False, "2026-01-01", "2026-07-02"),
        (False, "2026-01-01", "2026-08-15"),
        (False, "2026-01-01", None),
        (False, "2026-01-01", None),
    ]
    (row,) = after["rep"]
    assert row["left_on"] == date(2026, 10, 1)


async def test_bad_reps_are_reported_by_their_path_and_good_ones_stored(work: Work, state: ReadState) -> None:
    await users_upsert(work, [UserItem("one@x.io", "One", Role.REP)])
    result = await reps_upsert(
        work,
        [
            RepItem("r0"),
            rep("r1", user=UserKey("one@x.io")),
            rep("r2", user=UserKey("one@x.io")),
            rep("r3", user=UserKey(external_id="nobody")),
            rep("r4", team=Move("east")),
            rep("r5", team=Move("north", date(2025, 12, 31))),
            rep("r6", team=Move("north", date(2026, 2, 1), date(2026, 2, 1))),
            rep("r7", left_on=date(2026, 1, 4)),
            rep(
                "r8",
                leave=[Leave(HIRED, HIRED), Leave(HIRED, date(2026, 2, 1)), Leave(date(2026, 1, 31), date(2026, 2, 2))],
            ),
            rep("r1"),
            rep("r9", name="\x00", email="x"),
            rep("r10"),
            rep(" r11"),
            rep("r12", leave=[Leave(HIRED, date(2026, 2, 1), "x" * 2_001)]),
        ],
    )
    assert codes(result) == [
        ("REQUIRED", "items.0.name"),
        ("REQUIRED", "items.0.hiredOn"),
        ("USER_TAKEN", "items.2.user"),
        ("UNKNOWN_USER", "items.3.user"),
        ("UNKNOWN_TEAM", "items.4.team.externalId"),
        ("BEFORE_HIRE", "items.5.team.effectiveOn"),
        ("INVALID_RANGE", "items.6.team.until"),
        ("INVALID_RANGE", "items.7.leftOn"),
        ("INVALID_RANGE", "items.8.leave.0.endsOn"),
        ("OVERLAP", "items.8.leave.2.startsOn"),
        ("DUPLICATE", "items.9.externalId"),
        ("INVALID_TEXT", "items.10.name"),
        ("INVALID_EMAIL", "items.10.email"),
        ("INVALID_TEXT", "items.12.externalId"),
        ("TOO_LONG", "items.13.leave.0.reason"),
    ]
    after = await state(work)
    assert [row["external_id"] for row in after["rep"]] == ["r1", "r10"]
    assert len(result.ids) == 2


async def test_every_change_is_an_event_and_a_line_of_the_audit_log(work: Work, state: ReadState) -> None:
    await reps_upsert(work, [rep(), rep("r2")])
    await reps_upsert(work, [rep(title="Lead"), rep("r2")])
    after = await state(work)
    told = [(row["kind"], row["change"], row["rep_id"]) for row in after["outbox"] if row["node_type"] == "Rep"]
    one, two = (row["rep_id"] for row in after["rep"])
    assert told == [
        ("org.rep", "CREATED", one),
        ("org.rep", "CREATED", two),
        ("org.rep", "UPDATED", one),
    ]
    notes = [(row["action"], row["data"], row["actor"]) for row in after["audit_log"] if row["node_type"] == "Rep"]
    assert notes[-1] == ("repsUpsert", {"change": "UPDATED", "fields": ["title"]}, work.viewer.name)
