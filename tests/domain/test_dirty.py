"""Marks say which days are stale, however they came."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.dirty import Days, merged

_START = date(2026, 1, 1)


def _day(offset: int) -> date:
    return _START + timedelta(days=offset)


_stretches = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 9) | st.none()).map(
        lambda s: (_day(s[0]), None if s[1] is None else _day(s[0] + s[1]))
    ),
    max_size=12,
)


def _days(stretches: list[Days]) -> set[date]:
    horizon = _day(100)
    return {start + timedelta(days=i) for start, end in stretches for i in range(((end or horizon) - start).days + 1)}


@given(_stretches)
def test_merging_keeps_every_day_and_leaves_stretches_apart(stretches: list[Days]) -> None:
    joined = merged(stretches)
    assert _days(joined) == _days(stretches)
    for (_, end), (start, _) in pairwise(joined):
        assert end is not None
        assert (start - end).days > 1


@given(_stretches)
def test_the_order_of_marks_does_not_matter(stretches: list[Days]) -> None:
    assert merged(reversed(stretches)) == merged(stretches)
