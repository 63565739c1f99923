import asyncio
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from pogo_core.error import BadMigrationError

from dev.services import services
from sql.migrate import FOLDER, Blocked, Unreachable, migrate, pending
from sql.pool import Database
from sql.queries import queries

ALL = sorted(path.stem for path in FOLDER.glob("*.sql"))


async def test_an_empty_database_gets_every_migration_once(fresh_database_url: str) -> None:
    assert await pending(fresh_database_url) == ALL
    assert await migrate(fresh_database_url) == ALL
    assert await pending(fresh_database_url) == []
    assert await migrate(fresh_database_url) == []


async def test_a_database_that_cannot_be_reached_is_one_clear_error(database_url: str) -> None:
    no_such_database = urlsplit(database_url)._replace(path="/nowhere").geturl()
    for wrong in (no_such_database, "postgresql://127.0.0.1:1/attain", "postgresql:///x?host=/nowhere", "nonsense"):
        for ask in (migrate, pending):
            with pytest.raises(Unreachable, match=r"\w"):
                await ask(wrong)


async def test_only_one_of_many_processes_that_start_at_once_migrates(fresh_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(fresh_database_url) for _ in range(4)))
    assert sorted(applied) == [[], [], [], ALL]


async def test_a_login_that_is_no_superuser_migrates_and_serves(tmp_path: Path) -> None:
    """As a managed Postgres gives one: it owns the database and may create roles, and no more."""
    with services(tmp_path, durable=False) as running:
        superuser = await asyncpg.connect(running.database_url)
        await superuser.execute("create role plain login createrole")
        await superuser.execute("create database plain owner plain")
        await superuser.close()
        address = urlsplit(running.database_url)
        plain = address._replace(netloc=address.netloc.replace("postgres", "plain"), path="/plain").geturl()
        assert await migrate(plain) == ALL
        db = await Database.open(plain, size=1)
        assert await db.system(queries("live").organizations) == []
        await db.close()


def with_more(folder: Path, *statements: str) -> Path:
    """The migrations, and one more for each statement: 9900_more, 9901_more and so on."""
    shutil.copytree(FOLDER, folder / "migrations")
    last = ALL[-1]
    for number, statement in enumerate(statements, start=9900):
        text = f"-- One more.\n-- depends: {last}\n\n-- migrate: apply\n\n{statement};\n\n-- migrate: rollback\n"
        last = f"{number}_more"
        (folder / "migrations" / f"{last}.sql").write_text(text)
    return folder / "migrations"


async def test_a_long_reader_holds_a_migration_up_for_seconds_and_is_named(
    fresh_database_url: str, tmp_path: Path
) -> None:
    await migrate(fresh_database_url)
    folder = with_more(tmp_path, "alter table team add column motto text")
    told: list[str] = []
    reader = await asyncpg.connect(fresh_database_url, server_settings={"application_name": "report"})
    async with reader.transaction():
        await reader.fetch("select from team")
        with pytest.raises(Blocked, match=r"^9900_more waits for a table that session \d+ \(report\) may hold, \d+ s"):
            await migrate(fresh_database_url, folder=folder, waiting=told.append, lock_seconds=0.05, tries=3)
        assert len(told) == 2
        assert f"session {reader.get_server_pid()} (report)" in told[0]
        # Whoever comes now does not wait: the migration let go.
        other = await asyncpg.connect(fresh_database_url)
        await other.execute("set lock_timeout = '1ms'")
        await other.fetch("select from team")
        await other.close()
    await reader.close()
    assert await migrate(fresh_database_url, folder=folder) == ["9900_more"]


async def test_a_migration_gets_through_once_the_reader_is_done(fresh_database_url: str, tmp_path: Path) -> None:
    await migrate(fresh_database_url)
    folder = with_more(tmp_path, "alter table team add column motto text")
    reader = await asyncpg.connect(fresh_database_url)
    reading = reader.transaction()
    await reading.start()
    await reader.fetch("select from team")
    waits = asyncio.Event()
    migrating = asyncio.create_task(
        migrate(fresh_database_url, folder=folder, waiting=lambda _: waits.set(), lock_seconds=0.05, tries=1000)
    )
    await waits.wait()
    await reading.rollback()
    assert await migrating == ["9900_more"]
    await reader.close()


async def test_a_migration_that_fails_is_not_tried_again(fresh_database_url: str, tmp_path: Path) -> None:
    folder = with_more(tmp_path, "alter table nowhere add column motto text")
    with pytest.raises(BadMigrationError, match="9900_more"):
        await migrate(fresh_database_url, folder=folder)
    assert await pending(fresh_database_url) == []


@pytest.mark.parametrize("name", [name for name in ALL if "_post_" not in name])
def test_what_the_previous_release_uses_goes_in_a_post_migration_alone(name: str) -> None:
    text = re.sub(r"--.*", "", (FOLDER / f"{name}.sql").read_text(encoding="utf-8").lower())
    assert (
        re.findall(r"\b(drop (?:table|column|view)|rename|set not null|alter column \w+ (?:set data )?type)\b", text)
        == []
    )
