"""What never changes is read once, of each organisation by itself, and not without bound."""

from collections.abc import Sequence
from uuid import uuid4

from api.kept import Kept


class Store:
    """Tells what was asked of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[list[int]] = []


async def _load(store: Store, keys: Sequence[int]) -> list[str]:
    store.asked.append(list(keys))
    return [f"{store.name} {key}" for key in keys]


async def test_each_key_is_read_once_in_an_organisation() -> None:
    kept, org, store = Kept(), uuid4(), Store("a")
    assert await kept.values(org, _load, store, [1, 2, 1]) == ["a 1", "a 2", "a 1"]
    assert await kept.values(org, _load, store, [2, 3]) == ["a 2", "a 3"]
    assert await kept.values(org, _load, store, [3, 1]) == ["a 3", "a 1"]
    assert store.asked == [[1, 2], [3]]


async def test_what_one_organisation_has_read_is_no_others() -> None:
    kept, mine, others = Kept(), Store("mine"), Store("theirs")
    assert await kept.values(uuid4(), _load, mine, [1]) == ["mine 1"]
    assert await kept.values(uuid4(), _load, others, [1]) == ["theirs 1"]


async def test_who_has_not_asked_for_longest_is_forgotten_when_there_is_too_much() -> None:
    kept, first, second, third = Kept(most=4), uuid4(), uuid4(), uuid4()
    store = Store("a")
    for org in (first, second, first, third):
        await kept.values(org, _load, store, [1, 2])
    store.asked.clear()
    for org in (first, third, second):
        await kept.values(org, _load, store, [1, 2])
    assert store.asked == [[1, 2]]
    assert await kept.values(third, _load, store, range(9)) == [f"a {key}" for key in range(9)]


async def test_what_is_known_is_at_hand_as_soon_as_all_of_it_is() -> None:
    kept, org = Kept(), uuid4()
    assert kept.known(org, _load, [1]) is None
    await kept.values(org, _load, Store("a"), [1, 2])
    assert kept.known(org, _load, [2, 1, 2]) == ["a 2", "a 1", "a 2"]
    assert kept.known(org, _load, [1, 3]) is None
    assert kept.known(uuid4(), _load, [1]) is None
