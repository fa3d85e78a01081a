"""Which files of a folder a command writes, and which are the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbotify.files.replacement import RUN, beside, own_files, replace


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("report.json", True),
        ("log/day-0000-shard-00000.parquet", True),
        ("log/more/day-0000-shard-00000.parquet", False),
        ("log/notes.parquet", False),
        ("models/report.json", False),
    ],
)
def test_a_run_writes_the_paths_of_its_patterns(path: str, written: bool) -> None:
    assert RUN.writes(path) is written


def test_what_no_run_writes_is_the_users_own(tmp_path: Path) -> None:
    for name in ("report.json", "notes.md", "log/plot.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "models").mkdir()  # a folder of the run's, empty or not
    (tmp_path / beside(Path("effects.csv")).name).touch()  # of a killed process
    assert sorted(own_files(tmp_path, RUN)) == ["empty", "log/plot.png", "notes.md"]


def test_the_users_own_files_move_along(tmp_path: Path) -> None:
    old, new = tmp_path / "out", tmp_path / "new"
    for folder, files in ((old, ("report.json", "notes.md")), (new, ("report.json",))):
        folder.mkdir()
        for name in files:
            (folder / name).write_text(folder.name)
    replace(new, old, RUN)
    assert (old / "report.json").read_text() == "new"
    assert (old / "notes.md").read_text() == "out"
    assert (new / "report.json").read_text() == "out"  # for the caller to remove
