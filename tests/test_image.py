"""What the Dockerfile puts into an image is whole: no engine builds it here, its own files are laid out and run."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPY = re.compile(r"^COPY (?!--)(?P<sources>.+) (?P<target>\S+)$", re.MULTILINE)


def laid_out(folder: Path) -> None:
    """What the COPY lines of the last stage take from the build's context."""
    last_stage = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    context = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()}
    for copy in COPY.finditer(last_stage):
        for source in copy["sources"].split():
            assert source in context, f".dockerignore keeps {source} out"
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, folder / copy["target"], ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, folder)


def test_the_files_of_the_image_run_without_the_others(tmp_path: Path) -> None:
    laid_out(tmp_path)
    program = "import api.app, workers.main, cli.plans, sys; from cli.__main__ import app; app(['--help'])"
    # Without `site`, which would lead to the source tree.
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{sysconfig.get_path('purelib')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "serve" in ran.stdout
    assert "bench" not in ran.stdout
