"""A new workspace: what it holds, when it is refused, and that it works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from abbotify.cli import workspace
from abbotify.cli.check import describe
from abbotify.errors import OutputError
from abbotify.scenario import load
from abbotify.simulation.prepare import prepare

ROOT = Path(__file__).parents[2]
SHARED = ("scenarios", "recommenders")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.fixture
def made(tmp_path: Path) -> Path:
    workspace.create(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.mark.parametrize("folder", SHARED)
def test_it_equals_the_repositorys(folder: str, made: Path) -> None:
    assert names(made / folder) == names(ROOT / folder)
    for name in names(made / folder):
        assert (made / folder / name).read_bytes() == (ROOT / folder / name).read_bytes(), name


def test_it_returns_what_it_wrote(tmp_path: Path) -> None:
    files = workspace.create(tmp_path / "deep" / "mine")
    assert files == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert tmp_path / "deep" / "mine" / "reports" / ".gitignore" in files


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert workspace.create(tmp_path)


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(OutputError) as caught:
        workspace.create(tmp_path)
    assert str(caught.value) == f"{tmp_path}: exists and is not an empty folder"
    assert names(tmp_path) == ["mine.txt"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious", encoding="utf-8")
    with pytest.raises(OutputError, match="exists and is not an empty folder"):
        workspace.create(tmp_path / "mine")


@pytest.mark.parametrize("name", ["quickstart", "geometric"])
def test_its_scenarios_can_be_run(name: str, made: Path) -> None:
    scenario = load(made / "scenarios" / f"{name}.yaml", ["world.users.count=200"])
    assert f"Scenario  {name}" in describe(prepare(scenario))


@pytest.mark.parametrize("folder", SHARED)
def test_a_wheel_has_the_files_too(folder: str, tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "-q", "build_py", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert names(tmp_path / "abbotify" / "cli" / "templates" / folder) == names(ROOT / folder)
