"""A folder of files to spoil, and what a run of it must come to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.hostile.files import Plain, everything, write_files, write_scenario


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files once for a module, whose tests change the scenario alone."""
    folder = tmp_path_factory.mktemp("workspace")
    write_files(folder)
    return folder


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The files for one test, which may change any of them."""
    write_files(tmp_path / "w")
    return tmp_path / "w"


def assert_refused(abbotify: Command, folder: Path, named: tuple[str, ...]) -> str:
    """One line that names what is wrong, and nothing else anywhere; gives the line."""
    before = everything(folder)
    finished = abbotify("run", folder / "s.yaml", "--out", folder / "out")
    assert finished.code == 2, finished
    assert finished.out == ""
    assert finished.err.startswith("abbotify: ")
    assert finished.err.count("\n") == 1
    assert len(finished.err) < 8000
    assert "Traceback" not in finished.err
    assert [word for word in named if word not in finished.err] == [], finished.err
    assert everything(folder) == before
    return finished.err


def report_of(abbotify: Command, folder: Path, scenario: Plain) -> Plain:
    """What a run that must succeed, and without a word, reports: strict JSON."""
    write_scenario(folder, scenario)
    finished = abbotify("run", folder / "s.yaml", "--out", folder / "out")
    assert (finished.code, finished.err) == (0, "")
    text = (folder / "out" / "report.json").read_text()
    result: Plain = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    return result
