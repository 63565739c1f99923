"""Figures as people and programs read them."""

from pathlib import Path

import orjson
import pytest
import typer

from dev.bench import commands
from dev.bench.report import Report, Table, distribution

TABLE = Table("Speed", ("what", "n", "ms"), (("one", 1_000, 0.25), ("two", 2, None)), "As measured.")
REPORT = Report("live", {"seconds": 2}, [TABLE], {"date": "2026-11-22"})


def test_percentiles_are_values_that_were_measured() -> None:
    assert distribution([*range(1, 101)]) == [100, 50, 90, 99, 100]
    assert distribution([0.26, 3.0]) == [2, 0.3, 3.0, 3.0, 3.0]
    assert distribution([]) == [0, None, None, None, None]


def test_markdown_and_json_say_the_same(tmp_path: Path) -> None:
    assert TABLE.markdown() == (
        "### Speed\n\n| what | n | ms |\n| --- | --: | --: |\n| one | 1,000 | 0.25 |\n| two | 2 | - |\n\nAs measured."
    )
    REPORT.publish(tmp_path / "r.json", None)
    found = orjson.loads((tmp_path / "r.json").read_bytes())
    assert found["tables"][0]["rows"] == [["one", 1_000, 0.25], ["two", 2, None]]
    assert found["machine"]["date"] in REPORT.markdown()


def test_a_document_keeps_the_last_run_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("Read me.\n<!-- bench live: begin -->\nold\n<!-- bench live: end -->\nThe end.\n")
    for _ in range(2):
        REPORT.publish(None, document)
    text = document.read_text()
    assert text.startswith("Read me.\n<!-- bench live: begin -->\n\n- date: 2026-11-22\n- seconds: 2\n")
    assert text.endswith("As measured.\n\n<!-- bench live: end -->\nThe end.\n")
    assert "old" not in text
    with pytest.raises(ValueError, match="has no <!-- bench other: begin -->"):
        Report("other", {}).publish(None, document)


def test_a_document_without_marks_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    document = tmp_path / "notes.md"
    document.write_text("Nothing of a bench.\n")
    with pytest.raises(typer.Exit) as ended:
        commands.pay(data_dir=tmp_path / "data", write=document)
    assert ended.value.exit_code == 1
    assert not (tmp_path / "data").exists()
