"""`attain plan apply` and `attain explain`, as somebody at a terminal meets them."""

import asyncio
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from domain.incentives.components import Commission
from domain.incentives.document import dump
from tests.domain.incentives.conftest import Company, company, plan
from tests.test_cli import attain

__all__ = ["company"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A plan that pays 12 % instead of 10 %."""
    path = tmp_path / "plan.yaml"
    path.write_text(dump("ae", plan(Commission(key="commission", rate=Decimal("0.12")))))
    return path


async def apply(company: Company, database_url: str, file: Path, *options: str) -> tuple[int | None, str, str]:
    org = str(company.work.viewer.org_id)
    who = ("--email", "cleo@harbor.example", "--org", org)
    return await attain("plan", "apply", str(file), *who, *options, database_url=database_url)


async def test_a_dry_run_says_what_changes_for_whom_and_stores_nothing(
    company: Company, database_url: str, file: Path
) -> None:
    await company.publish(plan(), "ann", "bob")
    await company.deal("d1", "ann", date(2026, 11, 20), "12000")
    await company.settle()
    code, said, errors = await apply(company, database_url, file, "--dry-run")
    assert (code, errors) == (0, "")
    assert "0.12" in said
    [ann] = [line for line in said.splitlines() if "Ann" in line]
    assert ann.split() == ["Ann", "1,200.00", "1,440.00", "+240.00", "USD"]
    assert "for 1 of 2 reps" in said
    assert "dry run" in said
    versions = await company.fetch("select from incentive_plan_version where org_id = $1")
    assert len(versions) == 1
    code, said, _ = await apply(company, database_url, file, "--yes")
    assert (code, said.splitlines()[-1]) == (0, "Version 2 is in force.")
    await company.settle()
    assert await company.total("ann", date(2026, 11, 1)) == "1440.00"


@pytest.fixture
def wrong(file: Path) -> Path:
    """A component of no kind that there is."""
    file.write_text(file.read_text().replace("COMMISSION", "WISH"))
    return file


async def test_a_plan_that_is_wrong_is_refused_with_its_place(company: Company, database_url: str, wrong: Path) -> None:
    code, said, errors = await apply(company, database_url, wrong, "--yes")
    assert (code, said) == (1, "")
    assert errors.startswith("attain: components.0.type: ")


async def test_a_line_is_exported_and_verified_offline(company: Company, database_url: str, tmp_path: Path) -> None:
    await company.publish(plan(), "ann")
    await company.deal("d1", "ann", date(2026, 11, 20), "12000")
    await company.settle()
    line = str((await company.lines("ann"))[0]["line_id"])
    org = str(company.work.viewer.org_id)
    who = ("--email", "cleo@harbor.example", "--org", org)
    code, written, errors = await attain("explain", line, *who, database_url=database_url)
    assert (code, errors) == (0, "")
    assert await verify(tmp_path / "line.json", written) == (0, "It holds: EARNING", "")
    document = json.loads(written)
    document["trace"]["plan"]["components"][0]["rate"] = "0.2"
    code, _, errors = await verify(tmp_path / "other.json", json.dumps(document))
    assert (code, errors.startswith("attain: It does not hold: ")) == (1, True)


async def verify(path: Path, text: str) -> tuple[int | None, str, str]:
    """Without a database: exit code, the beginning of what is said, errors."""
    await asyncio.to_thread(path.write_text, text)
    code, said, errors = await attain("explain", str(path), "--verify")
    return code, " ".join(said.split()[:3]), errors


async def test_an_admin_reads_nobodys_lines(company: Company, database_url: str) -> None:
    org = str(company.work.viewer.org_id)
    code, _, errors = await attain(
        "explain", org, "--email", "ada@harbor.example", "--org", org, database_url=database_url
    )
    assert (code, errors) == (1, "attain: ada@harbor.example is not a compensation administrator.\n")
