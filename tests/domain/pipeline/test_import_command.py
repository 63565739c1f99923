"""`attain organization` and `attain import`, as one types them."""

import asyncio
import os
import sys
from pathlib import Path
from uuid import UUID

import asyncpg

from domain.org.model import Role, UserItem
from domain.org.people import users_upsert
from sql.pool import Database
from sql.queries import queries
from tests.conftest import MakeOrg
from tests.domain.pipeline.test_importing import CRM, MAPPING, ROOT
from tests.sql.test_tenancy import tables


async def attain(database_url: str, *arguments: str) -> tuple[int | None, str, str]:
    """Exit code, output and errors of a command."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        cwd=ROOT,
        env={**os.environ, "ATTAIN_DATABASE_URL": database_url, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_an_organisation_is_made_and_filled(database_url: str, db: Database, tmp_path: Path) -> None:
    code, printed, errors = await attain(
        database_url, "organization", "Shore", "--admin-email", "eve@shore.example", "--admin-name", "Eve"
    )
    assert (code, errors) == (0, "")
    org_id = UUID(printed.strip())
    who = ("--email", "eve@shore.example", "--org", str(org_id))
    code, printed, errors = await attain(
        database_url, "import", str(MAPPING), "--data", str(CRM), "--rejects", str(tmp_path), *who
    )
    assert (code, errors) == (0, "")
    line = next(line for line in printed.splitlines() if line.strip().startswith("sales_pipeline.csv  deals"))
    assert line.split() == ["sales_pipeline.csv", "deals", "12", "6", "0", "0", "0", "6"]
    async with db.session(org_id) as session:
        reps = await session.fetch(queries("pipeline").reps_by_external_id, ["Ines Dorn", "Nobody Known"])
    assert [row["external_id"] for row in reps] == ["Ines Dorn"]


async def test_what_cannot_be_done_is_one_line(database_url: str, make_org: MakeOrg, tmp_path: Path) -> None:
    work = await make_org()
    await users_upsert(work, [UserItem("max@harbor.example", "Max", Role.MANAGER)])
    importing = ("import", str(MAPPING), "--rejects", str(tmp_path), "--org", str(work.viewer.org_id))
    ada, manager = ("--email", "ada@harbor.example"), ("--email", "max@harbor.example")
    for (code, printed, errors), line in zip(
        await asyncio.gather(
            attain(database_url, *importing, "--data", str(CRM), *manager),
            attain(database_url, *importing, "--data", str(tmp_path), *ada),
            attain(database_url, "organization", " ", "--admin-email", "x@y.example", "--admin-name", "X"),
        ),
        [
            "attain: max@harbor.example is not an administrator.\n",
            f"attain: {tmp_path}/sales_pipeline.csv cannot be read: No such file or directory. Nothing was imported.\n",
            "attain: This must not be blank.\n",
        ],
        strict=True,
    ):
        assert (code, printed.strip()) == (1, "")
        assert errors.replace("sales_teams.csv", "sales_pipeline.csv") == line


async def test_an_import_touches_its_own_organisation_and_no_other(
    database_url: str, make_org: MakeOrg, tmp_path: Path
) -> None:
    """Of two with the same administrator, people and files: first one, then the other."""
    here, there = [(await make_org()).viewer.org_id for _ in range(2)]
    files = ("import", str(MAPPING), "--data", str(CRM), "--rejects", str(tmp_path), "--email", "ada@harbor.example")
    owner = await asyncpg.connect(database_url)
    try:
        for into, other in ((here, there), (there, here)):
            into_before, other_before = await rows_of(owner, into), await rows_of(owner, other)
            code, _, errors = await attain(database_url, *files, "--org", str(into))
            assert (code, errors) == (0, "")
            after = await rows_of(owner, into)
            grown = {name for name, rows in after.items() if len(rows) > len(into_before[name])}
            assert grown >= {"app_user", "team", "rep", "assignment", "deal", "outbox", "dirty_mark", "audit_log"}
            assert await rows_of(owner, other) == other_before
    finally:
        await owner.close()


async def rows_of(owner: asyncpg.Connection, org_id: UUID) -> dict[str, list[str]]:
    """All rows of an organisation, by table, as the owner of the database sees them."""
    found = {}
    for name in await tables(owner):
        rows = await owner.fetch(f'select t::text from "{name}" t where org_id = $1 order by 1', org_id)  # noqa: S608
        found[name] = [row[0] for row in rows]
    return found
