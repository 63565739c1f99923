"""What holds of the rules for any numbers."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.feed import rules
from domain.feed.model import Reading
from domain.scorecards.model import Kpi
from tests.domain.feed.cases import CALENDAR, LAST, MEETINGS, MONDAY, definition, read, rule, week

ratios = st.decimals(min_value=0, max_value=3, places=3)
values = st.one_of(st.none(), st.decimals(min_value=0, max_value=1000, places=2))


def at(ratio: Decimal) -> Reading | None:
    return read(week(LAST, ratio * 40))


def states(numbers: list[Decimal], opened: bool) -> list[bool]:
    """Whether an item is live after each number."""
    d = definition()
    after = []
    for number in numbers:
        opened = not rules.closes(d, at(number)) if opened else rules.opens(d, at(number))
        after.append(opened)
    return after


@given(st.lists(st.decimals(min_value="0.85", max_value="0.95", places=3)), st.booleans())
def test_noise_between_the_thresholds_never_opens_nor_closes(noise: list[Decimal], opened: bool) -> None:
    assert states(noise, opened) == [opened] * len(noise)


@given(ratios)
def test_no_number_both_opens_and_closes(ratio: Decimal) -> None:
    d = definition()
    assert not (rules.opens(d, at(ratio)) and rules.closes(d, at(ratio)))


@given(st.integers(0, 60), st.integers(0, 365))
def test_nothing_opens_within_the_cooldown(days: int, cooldown: int) -> None:
    closed_on = MONDAY - timedelta(days=days)
    assert rules.cooled(definition(cooldown_days=cooldown), closed_on, MONDAY) == (days >= cooldown)


@st.composite
def candidates(draw: st.DrawFn) -> rules.Candidate:
    number = draw(st.integers(1, 6))
    reading = at(draw(st.decimals(min_value=0, max_value="0.84", places=3)))
    assert reading is not None
    kpi: Kpi = MEETINGS
    made = rule(kpi, draw(st.sampled_from("abcdef")), number)
    return rules.Candidate(UUID(int=number), made, kpi, reading, draw(st.integers(0, 100)), MONDAY)


@given(
    st.lists(candidates(), unique_by=lambda c: c.rule.key),
    st.sets(st.uuids(), max_size=3),
    st.integers(0, 4),
    st.randoms(),
)
def test_a_rep_never_gets_more_than_two(
    offered: list[rules.Candidate], live: set[UUID], opened: int, random: object
) -> None:
    picked = rules.chosen(offered, live, opened)
    assert len(picked) <= max(0, 2 - opened)
    assert len(picked) + len(live) <= max(2, len(live))
    assert len({c.rule.kpi_id for c in picked} | live) == len(picked) + len(live)
    shuffled = list(offered)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert rules.chosen(shuffled, live, opened) == picked


@given(values, values, st.integers(0, 5), st.integers(0, 30), st.integers(0, 6))
def test_a_reading_has_a_value_and_something_to_compare_it_with(
    value: Decimal | None, target: Decimal | None, available: int, sample: int, weekday: int
) -> None:
    found = [week(day, value, target, workdays_available=available, sample=sample) for day in (LAST, MONDAY)]
    reading = read(*found, today=MONDAY + timedelta(days=weekday), min_sample=5)
    if value is None or not target or available < 3 or sample < 5:
        assert reading is None
    elif reading is not None:
        assert reading.reference > 0
        assert reading.reference <= target


@given(ratios, st.decimals(min_value="0.01", max_value=5, places=2), st.integers(0, 40), st.integers(1, 20))
def test_priority_is_0_to_100_and_never_falls_while_time_passes(
    ratio: Decimal, weight: Decimal, days: int, term: int
) -> None:
    due_on = rules.due(CALENDAR, MONDAY, term)

    def on(day: date) -> int:
        return rules.priority(ratio, weight, CALENDAR, MONDAY, due_on, day)

    now, later = on(MONDAY + timedelta(days=days)), on(MONDAY + timedelta(days=days + 1))
    assert 0 <= now <= later <= 100


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_text_renders(template: str, name: str) -> None:
    reading = at(Decimal("0.5"))
    assert reading is not None
    made = rules.Candidate(UUID(int=1), rule(), MEETINGS, reading, 50, MONDAY)
    said = rules.render(template, made, name, "USD")
    assert said == template or "{" in template
