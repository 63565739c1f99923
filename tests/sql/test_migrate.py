import asyncio
from urllib.parse import urlsplit

import pytest

from sql.migrate import FOLDER, Unreachable, migrate, pending

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
