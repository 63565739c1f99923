import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from dev.services import ServiceError, services

RUN_UNTIL_KILLED = """
import signal, sys
from pathlib import Path
from dev.services import services
with services(Path(sys.argv[1])) as running:
    print(running.valkey_url, flush=True)
    signal.pause()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Closed to others, as a home directory is: Postgres, which is not root, must find its way nevertheless."""
    with TemporaryDirectory() as path:
        Path(path).chmod(0o700)
        yield Path(path)


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_data_survives_a_restart(folder: Path) -> None:
    with services(folder) as running:
        await ask(running.database_url, "create table kept as select 42 as answer")
    assert all(process.poll() == 0 for process in running.processes.values())
    with services(folder) as running:
        assert await ask(running.database_url, "select answer from kept") == 42


def test_servers_of_a_parent_that_was_killed_make_way(folder: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", RUN_UNTIL_KILLED, str(folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as said, socket.socket(socket.AF_UNIX) as client:
        client.connect(said.readline().strip().removeprefix("unix://"))
        client.settimeout(30)
        parent.kill()
        parent.wait()
        assert client.recv(1) == b"", "Valkey hung up"
    with services(folder) as running:
        assert running.processes["Postgres"].poll() is None


def test_a_directory_of_another_version_is_left_alone(folder: Path) -> None:
    with services(folder):
        pass
    (folder / "postgres" / "PG_VERSION").write_text("12\n")
    with (
        pytest.raises(ServiceError, match=r"was written by PostgreSQL 12 and this is \d\d: move it away"),
        services(folder),
    ):
        pass


def test_a_directory_that_is_no_database_is_left_alone(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "letter.txt").write_text("dear")
    with pytest.raises(ServiceError, match="is not a Postgres data directory"), services(folder):
        pass
    assert (folder / "postgres" / "letter.txt").read_text() == "dear"


def test_a_folder_that_cannot_be_written_is_one_clear_error(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot be used: Not a directory"), services(folder / "file" / "data"):
        pass
