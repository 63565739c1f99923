"""Where a rep was on a day, whatever the order in which moves were told; and trees with their closures."""

import itertools
from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.org import rules
from domain.org.model import Stay

START = date(2026, 1, 1)
SPAN = 40
TEAMS = [UUID(int=i) for i in range(4)]


def day(number: int) -> date:
    return START + timedelta(days=number)


moves = st.lists(
    st.tuples(
        st.sampled_from(TEAMS),
        st.integers(0, SPAN - 1),
        st.one_of(st.none(), st.integers(1, SPAN)),
    ).filter(lambda move: move[2] is None or move[2] > move[1]),
    max_size=12,
)


@given(moves)
def test_each_day_has_the_team_that_was_last_set_for_it_and_no_two_stays_overlap(
    told: list[tuple[UUID, int, int | None]],
) -> None:
    history: list[Stay] = []
    expected: dict[int, UUID] = {}
    for team, first, until in told:
        history = rules.moved(history, team, day(first), None if until is None else day(until))
        expected.update(dict.fromkeys(range(first, SPAN if until is None else until), team))
    for number in range(SPAN):
        stays = [stay.at for stay in history if day(number) in stay]
        assert stays == [expected[number]] if number in expected else stays == []
    for before, after in itertools.pairwise(history):
        assert before.ends_on is not None
        assert before.ends_on <= after.starts_on
        assert before.ends_on < after.starts_on or before.at != after.at


@given(moves, moves)
def test_the_changed_days_hold_every_difference_and_begin_and_end_with_one(
    first: list[tuple[UUID, int, int | None]], more: list[tuple[UUID, int, int | None]]
) -> None:
    def told(moves: list[tuple[UUID, int, int | None]], history: list[Stay]) -> list[Stay]:
        for team, start, until in moves:
            history = rules.moved(history, team, day(start), None if until is None else day(until))
        return history

    def where(history: list[Stay], number: int) -> UUID | None:
        return next((stay.at for stay in history if day(number) in stay), None)

    old = told(first, [])
    new = told(more, old)
    differing = [number for number in range(SPAN + 1) if where(old, number) != where(new, number)]
    days = rules.changed_days(old, new)
    if not differing:
        assert days is None
    else:
        assert days is not None
        assert days[0] == day(differing[0])
        assert days[1] == (None if differing[-1] == SPAN else day(differing[-1]))


def test_a_later_hire_cuts_the_history_and_an_earlier_one_stretches_its_beginning() -> None:
    a, b = TEAMS[0], TEAMS[1]
    history = [Stay(day(0), day(10), a), Stay(day(10), None, b)]
    assert rules.rehired(history, day(0), day(5)) == [Stay(day(5), day(10), a), Stay(day(10), None, b)]
    assert rules.rehired(history, day(0), day(12)) == [Stay(day(12), None, b)]
    assert rules.rehired(history[1:], day(10), day(3)) == [Stay(day(3), None, b)]
    assert rules.rehired(history[1:], day(8), day(3)) == history[1:]


trees = st.integers(1, 12).flatmap(
    lambda size: st.tuples(
        *(st.one_of(st.none(), st.integers(0, number - 1)) if number else st.none() for number in range(size))
    )
)


@given(trees)
def test_the_closure_is_what_walking_up_meets(parents: tuple[int | None, ...]) -> None:
    tree = {UUID(int=i): None if parent is None else UUID(int=parent) for i, parent in enumerate(parents)}
    rows = rules.closure(tree)
    assert len(rows) == len(set(rows))
    by_node = {(node, ancestor): depth for node, ancestor, depth in rows}
    for node, parent in tree.items():
        assert by_node[node, node] == 0
        above = {} if parent is None else {at: depth for (of, at), depth in by_node.items() if of == parent}
        assert {at: depth for (of, at), depth in by_node.items() if of == node and depth} == {
            at: depth + 1 for at, depth in above.items()
        }


keys = st.sampled_from("abcdef")


@given(trees, st.dictionaries(keys, st.one_of(st.none(), st.sampled_from("abcdefgh")), max_size=6))
def test_a_tree_stays_a_tree_whatever_is_wanted_and_who_is_refused_stays(
    parents: tuple[int | None, ...], wanted: dict[str, str | None]
) -> None:
    names = "abcdefghijkl"
    before = {names[i]: None if parent is None else names[parent] for i, parent in enumerate(parents)}
    after, refused = rules.place(before, wanted)
    for node in after:
        seen = set()
        at: str | None = node
        while at is not None:
            assert at not in seen
            seen.add(at)
            at = after[at]
    for node, parent in wanted.items():
        if node in refused:
            assert after.get(node) == before.get(node)
            assert (node in after) == (node in before)
        else:
            assert after[node] == parent
    assert {node: after[node] for node in before if node not in wanted} == {
        node: parent for node, parent in before.items() if node not in wanted
    }


def test_a_cycle_is_refused_whole_and_those_that_hang_from_a_refused_newcomer_with_it() -> None:
    after, refused = rules.place({"a": None, "b": "a"}, {"a": "c", "c": "b", "d": "c", "e": "a"})
    assert after == {"a": None, "b": "a", "e": "a"}
    assert {node: problem.code for node, problem in refused.items()} == {
        "a": "CYCLE",
        "c": "CYCLE",
        "d": "UNKNOWN_PARENT",
    }
