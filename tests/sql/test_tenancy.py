"""Row-level security, the second lock: what holds even if a query forgot its organisation."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from sql.pool import Database, uuid7
from sql.queries import Query
from tests.conftest import MakeOrg

# Not a tenant's: ids of organisations (all, and those with work), and the record of migrations.
SHARED = {"tenant", "org_work", "_pogo_migration", "_pogo_version"}


WRITTEN_ONCE = {
    *("audit_log", "calendar", "quota_version", "scorecard_template_version", "scorecard_template_kpi"),
    *("incentive_plan_version", "incentive_acknowledgement", "manual_credit"),
    *("calculation", "earning", "dispute_event", "payroll_export"),
}


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def tables(owner: asyncpg.Connection) -> set[str]:
    found = await owner.fetch("select tablename from pg_tables where schemaname = 'public'")
    return {row[0] for row in found} - SHARED


async def test_the_application_role_cannot_step_around_row_level_security(owner: asyncpg.Connection) -> None:
    role = await owner.fetchrow("select * from pg_roles where rolname = 'attain_app'")
    assert role is not None
    assert not any(role[f"rol{power}"] for power in ("super", "bypassrls", "createrole", "createdb", "canlogin"))
    assert await owner.fetchval("select count(*) from pg_class where relowner = 'attain_app'::regrole") == 0


async def test_every_table_shows_only_the_organisation_that_the_connection_names(owner: asyncpg.Connection) -> None:
    guarded = await owner.fetch(
        """
        select c.relname from pg_class c join pg_policies p on p.tablename = c.relname
        where c.relrowsecurity and p.permissive = 'PERMISSIVE' and p.cmd = 'ALL' and p.roles = '{attain_app}'
          and p.qual like '(org_id = %current_setting(''attain.org_id''::text, true)%'
        """
    )
    assert {row[0] for row in guarded} == await tables(owner)


async def test_what_is_written_once_the_application_can_neither_change_nor_remove(owner: asyncpg.Connection) -> None:
    for table in WRITTEN_ONCE:
        for act, granted in (("select", True), ("insert", True), ("update", False), ("delete", False)):
            assert await owner.fetchval("select has_table_privilege('attain_app', $1, $2)", table, act) is granted, (
                table
            )


async def test_every_key_starts_with_the_organisation(owner: asyncpg.Connection) -> None:
    starts = await owner.fetch(
        """
        select c.relname from pg_index i join pg_class c on c.oid = i.indrelid
        join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        where i.indisprimary and a.attname = 'org_id' and c.relnamespace = 'public'::regnamespace
        """
    )
    assert {row[0] for row in starts} - SHARED == await tables(owner)


async def test_every_unique_index_starts_with_the_organisation(owner: asyncpg.Connection) -> None:
    loose = await owner.fetch(
        """
        select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid
        join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        where i.indisunique and a.attname <> 'org_id' and c.relname = any($1)
        """,
        list(await tables(owner)),
    )
    assert [row[0] for row in loose] == []


async def test_every_foreign_key_stays_inside_the_organisation(owner: asyncpg.Connection) -> None:
    crossing = await owner.fetch(
        """
        select k.conname from pg_constraint k
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
        where k.contype = 'f' and (a.attname <> 'org_id' or b.attname <> 'org_id')
        """
    )
    assert [row[0] for row in crossing] == []


async def test_no_trigger_sits_on_a_table(owner: asyncpg.Connection) -> None:
    assert await owner.fetchval("select count(*) from pg_trigger where not tgisinternal") == 0


async def test_rows_of_another_organisation_are_neither_seen_nor_written(db: Database) -> None:
    mine, theirs = uuid7(), uuid7()
    add = Query(
        "test.add", "insert into organization (org_id, name, currency, created_at) values ($1, 'A', 'USD', now())"
    )
    count = Query("test.count", "select count(*) from organization where $1::uuid is not null")
    rename = Query("test.rename", "update organization set name = 'Z' where $1::uuid is not null and org_id = $2")
    intrude = Query(
        "test.intrude",
        "insert into team (org_id, team_id, external_id, name, created_at)"
        " select $2, gen_random_uuid(), 'x', 'x', now() where $1::uuid is not null",
    )
    for org in (mine, theirs):
        async with db.session(org) as session:
            await session.execute(add)
    async with db.session(mine) as session:
        assert await session.value(count) == 1
        assert await session.execute(rename, theirs) == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute(intrude, theirs)


async def test_a_connection_that_names_no_organisation_sees_nothing(owner: asyncpg.Connection) -> None:
    await owner.execute(
        "insert into organization (org_id, name, currency, created_at) values ($1, 'B', 'USD', now())", uuid7()
    )
    names = await tables(owner)
    await owner.execute("set role attain_app")
    for name in names:
        assert await owner.fetchval(f'select count(*) from "{name}"') == 0, name  # noqa: S608


async def test_two_organisations_share_a_pool_and_nothing_else(make_org: MakeOrg, db: Database) -> None:
    one, other = await make_org(name="One"), await make_org(name="Other")
    name = Query("test.name", "select string_agg(name, ', ') from organization where $1::uuid is not null")
    for work, expected in ((one, "One"), (other, "Other"), (one, "One")):
        async with db.session(work.viewer.org_id) as session:
            assert await session.value(name) == expected
