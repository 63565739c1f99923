import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from dev.services import services
from sql.migrate import FOLDER, Unreachable, migrate, pending
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
