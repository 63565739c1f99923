"""What a person at a terminal meets: one clear line and exit code 1, never a traceback."""

import asyncio
import os
import socket
import sys
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from api.auth import authenticate
from domain.org.model import Role
from settings import Settings
from sql.pool import Database
from tests.conftest import MakeOrg

SECRET = "a secret of more than 32 characters"


async def attain(*arguments: str, **variables: str) -> tuple[int | None, str, str]:
    """Run it with these ATTAIN_ variables and no others; exit code, stdout, stderr."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("ATTAIN_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        env=others | {f"ATTAIN_{name.upper()}": value for name, value in variables.items()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


@pytest.mark.parametrize("command", ["serve", "work"])
async def test_settings_that_are_missing_are_named(command: str) -> None:
    said = "attain: Set ATTAIN_DATABASE_URL and ATTAIN_VALKEY_URL, or run `attain up`, which needs no settings.\n"
    assert await attain(command) == (1, "", said)


async def test_every_setting_at_fault_is_named() -> None:
    code, _, errors = await attain("serve", port="x", jwt_secret="short", log_level="LOUD", sweep_seconds="0")
    assert code == 1
    assert [line.split(":")[1].strip() for line in errors.splitlines()] == [
        "ATTAIN_PORT",
        "ATTAIN_JWT_SECRET",
        "ATTAIN_LOG_LEVEL",
        "ATTAIN_SWEEP_SECONDS",
    ]
    assert "(HS256 secret of development tokens, at least 32 characters)" in errors
    assert "short" not in errors


async def test_a_setting_that_is_misspelt_is_told() -> None:
    code, _, errors = await attain("serve", pool_sze="5", test_pool_size="5", write_access="1")
    assert code == 1
    said, missing = errors.splitlines()
    assert said == "attain: ATTAIN_POOL_SZE is no setting, and has no effect. Is ATTAIN_POOL_SIZE meant?"
    assert missing.startswith("attain: Set ")


async def test_a_port_that_is_taken_is_one_line(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        valkey = "redis://127.0.0.1:1"
        code, _, errors = await attain("serve", database_url=database_url, valkey_url=valkey, port=str(port))
    assert code == 1
    assert errors.startswith("attain: The API cannot listen: Address already in use")
    assert errors.endswith(f"{port})). Choose another --host or --port.\n")


def test_pages_that_may_ask_are_told_apart_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTAIN_CORS_ORIGINS", "https://a.example, https://b.example")
    assert Settings().cors_origins == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize("command", ["serve", "work"])
async def test_a_database_that_was_not_migrated_is_refused(command: str, fresh_database_url: str) -> None:
    code, _, errors = await attain(command, database_url=fresh_database_url, valkey_url="redis://127.0.0.1:1")
    assert code == 1
    assert errors.startswith("attain: The database lacks ")
    assert errors.endswith(" migrations: run `attain migrate`.\n")


@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
async def test_a_database_that_is_away_is_one_line(command: str, database_url: str) -> None:
    away = urlsplit(database_url)._replace(path="/nowhere").geturl()
    code, _, errors = await attain(command, database_url=away, valkey_url="redis://127.0.0.1:1")
    assert code == 1
    assert errors == 'attain: The database cannot be reached: database "nowhere" does not exist\n'


async def test_a_token_speaks_for_a_user(make_org: MakeOrg, db: Database, database_url: str) -> None:
    mine = await make_org(admin_email="token@one.example")
    code, output, errors = await attain(
        "token", "--email", "Token@One.example", database_url=database_url, jwt_secret=SECRET
    )
    assert (code, errors) == (0, "")
    settings = Settings(jwt_secret=SecretStr(SECRET))
    viewer, _ = await authenticate(db, settings, output.strip(), datetime.now(UTC))
    assert (viewer.org_id, viewer.role) == (mine.viewer.org_id, Role.ADMIN)


async def test_a_token_for_one_of_two_organisations_needs_its_id(
    make_org: MakeOrg, db: Database, database_url: str
) -> None:
    first, _ = await make_org(admin_email="token@two.example"), await make_org(admin_email="token@two.example")
    ask = ("token", "--email", "token@two.example")
    said = "attain: token@two.example is an active user of 2 organisations: choose one with --org.\n"
    assert await attain(*ask, database_url=database_url, jwt_secret=SECRET) == (1, "", said)
    org_id = str(first.viewer.org_id)
    code, output, _ = await attain(*ask, "--org", org_id, database_url=database_url, jwt_secret=SECRET)
    viewer, _ = await authenticate(db, Settings(jwt_secret=SecretStr(SECRET)), output.strip(), datetime.now(UTC))
    assert (code, viewer.org_id) == (0, first.viewer.org_id)


async def test_nobody_gets_no_token(database_url: str) -> None:
    said = "attain: No active user has the address nobody@nowhere.example.\n"
    answer = await attain("token", "--email", "nobody@nowhere.example", database_url=database_url, jwt_secret=SECRET)
    assert answer == (1, "", said)
