"""The whole database in a file, and back on a server that knows nothing of Attain: the same numbers."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from dev.demo.load import load, settle
from dev.services import Services, services
from domain.work import Work
from sql.backup import BackupError, backup, restore
from sql.migrate import Unreachable, migrate, pending
from sql.pool import Database
from tests.test_cli import attain

# ruff: noqa: ASYNC240 a folder of this test alone

# A Friday evening in New York.
NOW = datetime(2026, 11, 21, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Another server, on which there is neither a role nor a table of ours."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o711)  # Postgres, which is not root, passes through
    with services(folder, durable=False) as running:
        yield running


@pytest.fixture
async def plain(elsewhere: Services) -> AsyncIterator[str]:
    """An empty database there, whose owner may create roles and no more, as a managed Postgres has it."""
    superuser = await asyncpg.connect(elsewhere.database_url)
    for statement in ("drop database if exists plain", "drop role if exists attain_app", "drop role if exists plain"):
        await superuser.execute(statement)
    await superuser.execute("create role plain login createrole")
    await superuser.execute("create database plain owner plain")
    address = urlsplit(elsewhere.database_url)
    yield address._replace(netloc=address.netloc.replace("postgres", "plain"), path="/plain").geturl()
    await superuser.close()


NUMBERS = (
    *("scorecard", "kpi_result", "attainment", "credit", "action_item"),
    *("earning", "earning_carry", "statement", "calculation", "payroll_export"),
)
"""Tables of what was computed, of pay and of what payroll was handed among it."""


class Heard:
    """The tables that a progress bar was told of."""

    def __init__(self) -> None:
        self.tables: list[str] = []
        self.total = 0

    def __call__(self, table: str, begun: int, total: int) -> None:
        self.tables.append(table)
        assert begun == len(self.tables)
        self.total = total


async def rows(url: str) -> dict[str, list[str]]:
    """Everything, by table."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        return {
            name: [row[0] for row in await connection.fetch(f'select t::text from "{name}" t order by 1')]  # noqa: S608
            for (name,) in tables
        }
    finally:
        await connection.close()


async def test_the_numbers_after_a_restore_are_those_before_and_a_full_recompute_changes_nothing(
    fresh_database_url: str, plain: str, tmp_path: Path
) -> None:
    await migrate(fresh_database_url)
    db = await Database.open(fresh_database_url)
    company = await load(db, NOW, lambda *_: None, weeks=1)
    await db.close()
    before = await rows(fresh_database_url)
    for table in NUMBERS:
        assert before[table], table

    file, dumped, restored = tmp_path / "attain.backup", Heard(), Heard()
    await backup(fresh_database_url, file, dumped)
    assert file.stat().st_mode & 0o777 == 0o600
    assert await restore(plain, file, restored) == []
    assert set(dumped.tables) == set(restored.tables) == set(before)
    assert dumped.total == restored.total == len(before)

    assert await rows(plain) == before
    assert await pending(plain) == []
    there = await Database.open(plain)
    work = Work.system(there, company.org_id, NOW)
    async with work.transaction() as tx:
        tx.mark(None, date(2026, 1, 1), None)
    await settle(work)
    await there.close()
    assert await rows(plain) == before


async def test_what_is_restored_is_guarded_and_serves(fresh_database_url: str, plain: str, tmp_path: Path) -> None:
    """By the commands, as an operator gives them."""
    await migrate(fresh_database_url)
    file = tmp_path / "file"
    for command, url, said in (
        ("backup", fresh_database_url, f"The database is in {file}.\n"),
        ("restore", plain, f"{file} is restored.\n"),
    ):
        assert await attain(command, str(file), database_url=url) == (0, said, "")
    found = []
    for url in (fresh_database_url, plain):
        connection = await asyncpg.connect(url)
        tables = await connection.fetch(
            """select c.relname, c.relrowsecurity, array(select polname::text from pg_policy where polrelid = c.oid),
            array(select p from unnest(array['select', 'insert', 'update', 'delete', 'truncate']) p
              where has_table_privilege('attain_app', c.oid, p))
            from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by 1"""
        )
        found.append([tuple(row) for row in tables])
        await connection.close()
    assert found[0] == found[1]
    there = await Database.open(plain)
    async with there.session(UUID(int=1)) as session:
        assert session.org_id == UUID(int=1)
    await there.close()


async def test_a_database_that_is_not_empty_is_left_as_it_is(fresh_database_url: str, tmp_path: Path) -> None:
    await migrate(fresh_database_url)
    file = tmp_path / "file"
    await backup(fresh_database_url, file, Heard())
    before = await rows(fresh_database_url)
    with pytest.raises(BackupError, match="not empty"):
        await restore(fresh_database_url, file, Heard())
    assert await rows(fresh_database_url) == before


async def test_what_cannot_be_done_is_one_sentence(
    fresh_database_url: str, plain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, broken = tmp_path / "there", tmp_path / "broken"
    there.write_text("mine")
    with pytest.raises(BackupError, match="exists already"):
        await backup(fresh_database_url, there, Heard())
    assert there.read_text() == "mine"
    with pytest.raises(BackupError, match=r"cannot be written: No such file or directory\."):
        await backup(fresh_database_url, tmp_path / "nowhere" / "file", Heard())
    with pytest.raises(Unreachable):
        await backup("postgresql://127.0.0.1:1/attain", tmp_path / "file", Heard())
    with pytest.raises(BackupError, match="is not there"):
        await restore(plain, tmp_path / "file", Heard())
    with pytest.raises(BackupError, match="pg_restore: input file"):
        await restore(plain, there, Heard())
    await backup(fresh_database_url, broken, Heard())
    with pytest.raises(BackupError, match="not a backup of Attain"):
        await restore(plain, broken, Heard())
    monkeypatch.setattr("sql.backup._programs", lambda _: iter(["/nowhere/pg_dump"]))
    with pytest.raises(BackupError, match=r"pg_dump \d+ or newer is missing: install PostgreSQL's client programs"):
        await backup(fresh_database_url, tmp_path / "file", Heard())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "there"]


@pytest.mark.parametrize(("user", "more"), [("postgres:s%2F1", ""), ("postgres", "password=s%2F1")])
async def test_the_password_is_no_argument_of_a_program(
    user: str, more: str, fresh_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody on the machine can read those."""
    program, told = tmp_path / "pg_dump", tmp_path / "told"
    program.write_text(
        f"""#!/bin/sh
        [ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99.0" && exit
        printf '%s\\n' "$PGPASSWORD" "$@" > {told}; exit 1
        """
    )
    program.chmod(0o755)
    monkeypatch.setattr("sql.backup._programs", lambda _: iter([str(program)]))
    assert fresh_database_url.startswith("postgresql://postgres@")
    url = fresh_database_url.replace("postgres@", f"{user}@")
    if more:
        url += ("&" if urlsplit(url).query else "?") + more
    with pytest.raises(BackupError, match="failed without a reason"):
        await backup(url, tmp_path / "file", Heard())
    password, *arguments = told.read_text().splitlines()
    assert (password, arguments[-1]) == ("s/1", fresh_database_url)


async def test_a_backup_that_breaks_off_restores_nothing(fresh_database_url: str, plain: str, tmp_path: Path) -> None:
    await migrate(fresh_database_url)
    file = tmp_path / "file"
    await backup(fresh_database_url, file, Heard())
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(BackupError):
        await restore(plain, file, Heard())
    assert await rows(plain) == {}


async def test_an_interrupt_leaves_no_half_made_file(fresh_database_url: str, tmp_path: Path) -> None:
    await migrate(fresh_database_url)
    # Nobody can read this table for now: the backup waits for it.
    holder = await asyncpg.connect(fresh_database_url)
    watcher = await asyncpg.connect(fresh_database_url)
    async with holder.transaction():
        await holder.execute("lock table audit_log in access exclusive mode")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "backup", str(tmp_path / "file")),
            env=os.environ | {"ATTAIN_DATABASE_URL": fresh_database_url},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            while not await watcher.fetchval(
                "select exists (select from pg_locks where not granted and relation = 'audit_log'::regclass)"
            ):
                pass
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (130, b"attain: Interrupted. Nothing was done.\n")
    assert list(tmp_path.iterdir()) == []
    assert await watcher.fetchval("select count(*) from pg_stat_activity where application_name = 'pg_dump'") == 0
    for connection in (holder, watcher):
        await connection.close()
