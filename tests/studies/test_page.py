"""A study's files in its folder: whole, or one line that says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbotify.errors import OutputError
from abbotify.studies.page import write


def test_files_are_written_into_a_folder_made_for_them(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "out", {"a.csv": lambda: "x\ny\n", "b.md": lambda: "\N{EN DASH}"})
    assert (tmp_path / "deep" / "out" / "a.csv").read_bytes() == b"x\ny\n"
    assert (tmp_path / "deep" / "out" / "b.md").read_bytes() == "\N{EN DASH}".encode()
    write(tmp_path / "deep" / "out", {"a.csv": lambda: "z"})
    assert {path.name for path in (tmp_path / "deep" / "out").iterdir()} == {"a.csv", "b.md"}
    assert (tmp_path / "deep" / "out" / "a.csv").read_text() == "z"


def test_what_cannot_be_written_is_told_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be written"):
        write(tmp_path / "file", {"a.csv": lambda: ""})
    (tmp_path / "out" / "a.csv").mkdir(parents=True)
    with pytest.raises(OutputError, match="out: cannot be written"):
        write(tmp_path / "out", {"a.csv": lambda: ""})
    with pytest.raises(OutputError, match="other: cannot be written"):
        write(tmp_path / "out", {"a.csv": lambda: ""}, shown=tmp_path / "other")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.csv"]
