"""Whether a process stays flat is read off the second half of a load."""

import pytest

from dev.bench.memory import Held, growth


@pytest.mark.parametrize(
    ("megabytes", "slope"),
    [
        ([100, 140, 180, 200, 200, 200, 200, 200, 200], 0.0),
        ([100, 102, 104, 106, 108, 110, 112, 114, 116], 2.0),
        ([100, 180, 190, 200, 200, 201, 199, 201, 199], -0.2),
    ],
    ids=["caches that are filled", "a leak", "noise"],
)
def test_growth_is_that_of_the_second_half(megabytes: list[float], slope: float) -> None:
    rows = [Held(minute, 0, 0, api, 50.0) for minute, api in enumerate(megabytes)]
    assert growth(rows, "api") == pytest.approx(slope)
    assert growth(rows, "worker") == 0
