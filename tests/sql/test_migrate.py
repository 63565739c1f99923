from sql.migrate import FOLDER, migrate, pending

ALL = sorted(path.stem for path in FOLDER.glob("*.sql"))


async def test_an_empty_database_gets_every_migration_once(fresh_database_url: str) -> None:
    assert await pending(fresh_database_url) == ALL
    assert await migrate(fresh_database_url) == ALL
    assert await pending(fresh_database_url) == []
    assert await migrate(fresh_database_url) == []
