"""The run folder: swapped in whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbotify.errors import OutputError
from abbotify.outfolder import swapped


def fill(out: Path, text: str) -> None:
    with swapped(out) as folder:
        (folder / "report.json").write_text(text)


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
    assert names(out) == ["report.json"]
    assert (out / "report.json").read_text() == "new"
    assert names(tmp_path / "reports") == ["run"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    fill(tmp_path / "run", "new")
    assert names(tmp_path / "run") == ["report.json"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_run(failure: type[BaseException], tmp_path: Path) -> None:
    fill(tmp_path / "run", "old")
    with pytest.raises(failure):
        fail_halfway(tmp_path / "run", failure)
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "report.json").read_text() == "old"


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("")
    (tmp_path / "file").write_text("")
    for out in ("photos", "file", "file/run"):
        with pytest.raises(OutputError), swapped(tmp_path / out):
            pytest.fail("nothing may be made")
    assert names(tmp_path) == ["file", "photos"]
    assert names(tmp_path / "photos") == ["cat.png"]
