import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from decimal import Decimal

import asyncpg
import pytest
import structlog

import logs
from settings import Settings
from sql.queries import Query
from tests.conftest import MakeOrg


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    logs.no_longer_about("request_id")
    logs.no_longer_about("org_id")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_json_and_carries_what_the_operation_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_json=True, log_level="INFO"))
    logs.about(request_id="r1", org_id="o1")
    structlog.get_logger("attain.api").info("operation", name="Reps")
    logging.getLogger("asyncpg").warning("slow %s", "query")
    ours, theirs = lines(capsys)
    assert ours | {"timestamp": ""} == {
        "event": "operation",
        "name": "Reps",
        "request_id": "r1",
        "org_id": "o1",
        "level": "info",
        "logger": "attain.api",
        "timestamp": "",
    }
    assert (theirs["event"], theirs["request_id"], theirs["level"]) == ("slow query", "r1", "warning")


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_reaches_a_line(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_json=as_json, log_level="INFO"))
    log = structlog.get_logger("attain.api")
    log.info("a", token="hunter1", authorization="Bearer hunter2")
    logging.getLogger("x").info("b", extra={"token": "hunter0"})
    log.info("key atk_0192_0193_hunter3 refused")
    logging.getLogger("x").error("token eyJhbGciOi.eyJodW50ZXI0.hunter4")
    try:
        raise ConnectionError("cannot reach postgresql://app:hunter5@db/attain")
    except ConnectionError:
        log.exception("failed")
    written = capsys.readouterr().out
    assert "hunter" not in written
    assert "cannot reach postgresql://[secret]@db/attain" in written


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_is_told_without_what_people_sent(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_json=as_json, log_level="INFO"))
    try:
        try:
            Decimal({"hunter1": 1}["hunter2"])
        except KeyError as error:
            raise ValueError("hunter3 is no number") from error
    except ValueError:
        logging.getLogger("asyncpg").exception("failed")
    try:
        None.hunter  # type: ignore[attr-defined]  # noqa: B018
    except AttributeError:
        structlog.get_logger("attain.api").exception("failed")
    written = capsys.readouterr().out
    for telling in ("test_logs.py", "KeyError", "ValueError", "'NoneType' object has no attribute"):
        assert telling in written
    told = [line for line in written.replace("\\n", "\n").splitlines() if "hunter" in line]
    assert [line for line in told if "KeyError" in line or "ValueError:" in line] == []


async def test_lines_of_one_turn_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    class Unbuffered(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    logs.configure(Settings(log_json=True, log_level="INFO"))
    monkeypatch.setattr(sys, "stdout", Unbuffered())
    log = structlog.get_logger("attain.api")
    for turn in (["a", "b"], ["c"]):
        for event in turn:
            log.info(event)
        await asyncio.sleep(0)
        (together,) = written
        assert [json.loads(line)["event"] for line in together.splitlines()] == turn
        written.clear()


async def test_a_statement_that_postgres_refuses_is_told_by_its_code(
    make_org: MakeOrg, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Settings())
    twice = Query(
        "test.twice",
        "insert into app_user (org_id, user_id, email, name, role, created_at)"
        " values ($1, gen_random_uuid(), 'ada@harbor.example', 'Hunter', 'ADMIN', now())",
    )
    work = await make_org()
    try:
        async with work.transaction() as tx:
            await tx.execute(twice)
    except asyncpg.UniqueViolationError:
        structlog.get_logger("attain.api").exception("failed")
    await asyncio.sleep(0)
    (line,) = lines(capsys)
    assert line["exception"].endswith("UniqueViolationError 23505 app_user app_user_email")
    assert "ada@harbor.example'" not in line["exception"]
