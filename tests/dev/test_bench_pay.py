"""The bench of pay calculates what it says, and its traces execute again."""

from pathlib import Path

from dev.bench.pay import PLANS, pay


def test_every_plan_is_paid_to_every_rep_in_every_month(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o711)  # Postgres, which is not root, passes through
    year, traces, drafts = pay(tmp_path, 2, 5).tables
    assert [row[:4] for row in year.rows] == [[name, 2, 10, 24] for name, _ in PLANS]
    assert [row[:2] for row in traces.rows] == [["made", 24], ["executed again", 24]]
    assert [row[:4] for row in drafts.rows] == [[name, 2, 10, 13] for name, _ in PLANS]
