"""A CRM's extract, with its dirt, comes in whole or not at all."""

import asyncio
import csv
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from domain.pipeline.importing import Imported, import_files, write_rejected
from domain.pipeline.mapping import BadMapping, plan
from domain.work import Work
from sql.pool import Record
from sql.queries import Query, queries
from tests.conftest import MakeOrg

ROOT = Path(__file__).parents[3]
CRM = Path(__file__).parent / "crm"
MAPPING = ROOT / "dev/examples/crm/mapping.toml"
DEALS = """
    select d.external_id, r.external_id as rep, d.name, d.product, d.status, d.amount, d.opened_day, d.closed_day,
      d.opened_at
    from deal d join rep r using (org_id, rep_id) where d.org_id = $1 order by 1"""
TEAMS = """
    select t.external_id, p.external_id as parent, u.email, count(a.rep_id) as reps
    from team t left join team p on p.org_id = t.org_id and p.team_id = t.parent_id
    left join app_user u on u.org_id = t.org_id and u.user_id = t.manager_id
    left join assignment a on a.org_id = t.org_id and a.team_id = t.team_id
    where t.org_id = $1 group by 1, 2, 3 order by 1"""
EVERYTHING = """
    select xmin::text, 'deal', external_id from deal where org_id = $1
    union all select xmin::text, 'rep', external_id from rep where org_id = $1
    union all select xmin::text, 'team', external_id from team where org_id = $1
    union all select xmin::text, 'user', email from app_user where org_id = $1
    union all select xmin::text, 'mark', mark_id::text from dirty_mark where org_id = $1
    union all select xmin::text, 'event', event_id::text from outbox where org_id = $1 order by 2, 3"""


async def rows(work: Work, text: str) -> list[Record]:
    async with work.db.session(work.viewer.org_id) as session:
        return await session.fetch(Query("test.rows", text))


def counts(results: Sequence[Imported]) -> list[tuple[str, int, int, int, int]]:
    return [(r.file.into, r.created, r.updated, r.unchanged, len(r.rejected)) for r in results]


async def test_an_extract_becomes_teams_reps_and_deals(make_org: MakeOrg) -> None:
    work = await make_org()
    results = await import_files(work, plan(MAPPING), CRM)
    assert counts(results) == [
        ("users", 3, 0, 0, 0),
        ("users", 4, 0, 0, 0),
        ("teams", 2, 0, 0, 0),
        ("teams", 3, 0, 0, 0),
        ("reps", 4, 0, 0, 0),
        ("deals", 6, 0, 0, 6),
    ]
    assert [tuple(row) for row in await rows(work, TEAMS)] == [
        ("North", None, None, 0),
        ("North / Otto Falk", "North", "otto.falk@crm.example", 2),
        ("North / Pia Holt", "North", "pia.holt@crm.example", 1),
        ("South", None, None, 0),
        ("South / Rex Jory", "South", "rex.jory@crm.example", 1),
    ]
    deals = await rows(work, DEALS)
    assert [tuple(row)[:8] for row in deals] == [
        ("A1", "Ines Dorn", "GTXPro for Kappa", "GTX Pro", "WON", Decimal(4514), date(2016, 10, 25), date(2017, 3, 1)),
        (
            "A2",
            "Ines Dorn",
            'GTX Pro for Lumen, "Ltd"\nof Kiel',
            "GTX Pro",
            "LOST",
            Decimal(0),
            date(2017, 2, 3),
            date(2017, 3, 31),
        ),
        ("A3", "Jon Ebbe", "MG Special", "MG Special", "OPEN", Decimal(55), date(2017, 7, 4), None),
        ("A4", "Jon Ebbe", "GTXPro", "GTX Pro", "OPEN", Decimal(4800), date(2017, 7, 4), None),
        (
            "A9",
            "Kim Gray",
            "MG Special for Kappa",
            "MG Special",
            "WON",
            Decimal("1055.50"),
            date(2017, 1, 2),
            date(2017, 2, 3),
        ),
        (
            "B3",
            "Lea Iversen",
            "MG Special for Kappa",
            "MG Special",
            "WON",
            Decimal(60),
            date(2017, 2, 3),
            date(2017, 2, 3),
        ),
    ]
    assert deals[0]["opened_at"] == datetime(2016, 10, 25, 4, tzinfo=UTC)  # midnight in New York


async def test_every_rejected_line_is_written_with_its_number_and_reason(make_org: MakeOrg, tmp_path: Path) -> None:
    work = await make_org()
    results = await import_files(work, plan(MAPPING), CRM)
    (tmp_path / "sales_teams.csv.rejected.csv").write_text("of a former import")
    assert write_rejected(results, plan(MAPPING), CRM, tmp_path) == [tmp_path / "sales_pipeline.csv.rejected.csv"]
    with (tmp_path / "sales_pipeline.csv.rejected.csv").open(newline="") as stream:
        rejected = list(csv.DictReader(stream))
    assert [(row["line"], row["opportunity_id"], row["reason"]) for row in rejected] == [
        ("7", "A5", "openedAt is required."),
        ("8", "A6", "repExternalId: No rep has this externalId."),
        ("9", "A7", "status: the mapping has no value for 'Stalled'"),
        ("10", "A8", "closedAt: '31.2.2017' is not a date as %m/%d/%Y"),
        ("12", "B1", "amount: '1.055,50' is not a number with the decimal mark '.'"),
        ("13", "B2", "the line has 7 cells, the header has 8"),
    ]
    assert not (tmp_path / "sales_teams.csv.rejected.csv").exists()


async def test_the_same_import_again_changes_nothing(make_org: MakeOrg) -> None:
    work = await make_org()
    await import_files(work, plan(MAPPING), CRM)
    before = await rows(work, EVERYTHING)
    assert (
        sum(created + updated for _, created, updated, *_ in counts(await import_files(work, plan(MAPPING), CRM))) == 0
    )
    assert await rows(work, EVERYTHING) == before


async def test_a_dry_run_counts_and_stores_nothing(make_org: MakeOrg) -> None:
    work = await make_org()
    before = await rows(work, EVERYTHING)
    results = await import_files(work, plan(MAPPING), CRM, dry_run=True)
    assert counts(results)[-1] == ("deals", 6, 0, 0, 6)
    assert await rows(work, EVERYTHING) == before


async def test_an_import_that_ends_early_leaves_nothing(make_org: MakeOrg) -> None:
    work = await make_org()
    before = await rows(work, EVERYTHING)

    def stop(position: int, done: int, _total: int) -> None:
        if position == 5 and done:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await import_files(work, plan(MAPPING), CRM, progress=stop)
    assert await rows(work, EVERYTHING) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("source = ", "sauce = "), "Field required"),
        (('"deals"', '"deal"'), "files.5.into"),
        (('stage = "deal_stage"', 'phase = "deal_stage"'), "deals have no field 'phase'"),
        (('externalId = "opportunity_id"', ""), "deals need the field 'externalId'"),
        (("openedAt = { column", 'openedAt = { value = "x", column'), "give one of column, template and value"),
        (('"sales_agent"', '"agent"'), "sales_teams.csv has no column 'agent', which name needs"),
        (("{product} for", "{produce} for"), "sales_pipeline.csv has no column 'produce', which name needs"),
        (('match = "product"', 'match = "item"'), "products.csv has no column 'item', which a lookup needs"),
        (("products.csv", "goods.csv"), "goods.csv cannot be read: No such file or directory."),
        (("[[files]]", "[[files"), "is not TOML"),
        (("source = ", 'encoding = "ascii"\nsource = '), "sales_teams.csv is not ascii at byte"),
        (("source = ", 'time_zone = "Mars/Base"\nsource = '), "'Mars/Base' is not a time zone"),
    ],
)
async def test_a_mapping_that_cannot_be_followed_is_refused_before_anything_is_done(
    make_org: MakeOrg, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    work = await make_org()
    before = await rows(work, EVERYTHING)
    folder = tmp_path / "data"
    shutil.copytree(CRM, folder)
    if "ascii" in message:
        (folder / "sales_teams.csv").write_text("sales_agent,manager,regional_office\nÅsa Öst,Otto Falk,North\n")
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING.read_text().replace(*change))
    with pytest.raises(BadMapping) as refusal:
        await import_files(work, plan(mapping), folder)
    assert message in str(refusal.value)
    assert await rows(work, EVERYTHING) == before


WAITING = Query(
    "test.waiting",
    """select count(*) from pg_locks l join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and not l.granted and d.datname = current_database() and $1::uuid is not null""",
)


async def test_control_c_leaves_nothing_and_the_next_import_does_it_all(
    make_org: MakeOrg, database_url: str, tmp_path: Path
) -> None:
    work = await make_org(admin_email="ian@import.example")
    before = await rows(work, EVERYTHING)
    command = [
        *(sys.executable, "-m", "cli", "import", str(MAPPING), "--data", str(CRM), "--rejects", str(tmp_path)),
        *("--email", "ian@import.example", "--org", str(work.viewer.org_id)),
    ]

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**os.environ, "ATTAIN_DATABASE_URL": database_url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async with work.db.transaction(work.viewer.org_id) as session:
        await session.execute(queries("pipeline").ingest_lock, "deal", "crm")
        # The import stops before its deals, with people and teams in its transaction.
        process = await start()
        async with asyncio.timeout(60):
            while not await session.value(WAITING):
                assert process.returncode is None
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (130, "attain: Interrupted. Nothing was imported.\n")
    assert await rows(work, EVERYTHING) == before
    process = await start()
    output, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    assert "Rejected lines are in" in output.decode()
    assert len(await rows(work, DEALS)) == 6
