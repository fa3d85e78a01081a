"""The run folder: swapped in whole, or not at all."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from abbotify.errors import OutputError
from abbotify.outfolder import MARKS, swapped


def fill(out: Path, text: str) -> None:
    with swapped(out) as folder:
        for name in MARKS:
            (folder / name).write_text(text)


def fail_halfway(out: Path, failure: type[BaseException]) -> None:
    with swapped(out) as folder:
        (folder / "half").write_text("")
        raise failure


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "reports" / "run"
    fill(out, "old")
    (out / "left over").write_text("")
    fill(out, "new")
    assert names(out) == sorted(MARKS)
    assert (out / "report.json").read_text() == "new"
    assert names(tmp_path / "reports") == ["run"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    fill(tmp_path / "run", "new")
    assert names(tmp_path / "run") == sorted(MARKS)


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_run(failure: type[BaseException], tmp_path: Path) -> None:
    fill(tmp_path / "run", "old")
    with pytest.raises(failure):
        fail_halfway(tmp_path / "run", failure)
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "report.json").read_text() == "old"


def test_a_report_alone_makes_no_run(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.json").write_text("{}")
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"no effects\.csv"):
        fill(tmp_path / "mine", "new")
    assert names(tmp_path / "mine") == ["report.json", "thesis.tex"]


def test_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    host = platform.node()
    for process in (int(dead.stdout), os.getpid()):
        (tmp_path / f".run.{host}-{process}-0123abcd.tmp").mkdir()
    fill(tmp_path / "run", "new")
    assert names(tmp_path) == [f".run.{host}-{os.getpid()}-0123abcd.tmp", "run"]


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("")
    (tmp_path / "file").write_text("")
    for out in ("photos", "file", "file/run"):
        with pytest.raises(OutputError), swapped(tmp_path / out):
            pytest.fail("nothing may be made")
    assert names(tmp_path) == ["file", "photos"]
    assert names(tmp_path / "photos") == ["cat.png"]
