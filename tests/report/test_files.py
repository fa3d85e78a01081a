"""The files of a report, there and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbotify.errors import DataError, OutputError
from abbotify.report import files as render
from abbotify.report.result import Result


def test_writes_four_files_and_reads_back(small: Result, tmp_path: Path) -> None:
    files = render.write(small, tmp_path)
    assert [file.name for file in files] == [
        "report.json",
        "effects.csv",
        "report.md",
        "report.html",
    ]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert render.read(tmp_path) == small


def test_same_bytes_whatever_the_execution(small: Result, tmp_path: Path) -> None:
    runs = ({"execution": {"workers": workers}} for workers in (1, 8))
    first, second = ([f.read_bytes() for f in render.write(small, tmp_path, run)] for run in runs)
    assert first[:3] == second[:3]
    assert first[3] != second[3]
    assert b"\r" not in b"".join(first)


def test_reading_what_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a run folder"):
        render.read(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"{}", b'{"run": {"alpha": NaN}}'])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        render.read(tmp_path)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there(small: Result, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"report\.json"):
        render.write(small, tmp_path / "missing")
