"""README's examples run: its commands in a copy of the workspace, its scenarios through `check`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
WORKSPACE = ("scenarios", "recommenders")
FENCE = re.compile(r"^```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """The bodies of the fenced blocks of one language, in order."""
    return [match["body"] for match in FENCE.finditer(text) if match["language"] == language]


def commands(text: str) -> list[str]:
    """The ``abbotify`` commands of the console blocks: not ``make``, ``git``, ``pip``, ``cd``."""
    lines = [
        line
        for block in blocks(text, "console")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ abbotify ")]


def scenarios(text: str) -> list[str]:
    """The YAML blocks that are whole scenarios: those with a ``name``."""
    return [block for block in blocks(text, "yaml") if is_scenario(yaml.safe_load(block))]


def is_scenario(result: object) -> bool:
    return isinstance(result, dict) and "name" in result


TEXT = README.read_text(encoding="utf-8")
COMMANDS = commands(TEXT)
SCENARIOS = scenarios(TEXT)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's workspace, shared: the commands build on each other."""
    folder = tmp_path_factory.mktemp("workspace")
    for name in WORKSPACE:
        shutil.copytree(ROOT / name, folder / name)
    return folder


def run(folder: Path, arguments: list[str]) -> tuple[int, str]:
    """The exit code of ``abbotify`` in a folder, and what it said when it failed."""
    result = subprocess.run(
        [sys.executable, "-m", "abbotify", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = result.returncode != 0 or "Traceback" in result.stderr
    return result.returncode, result.stdout + result.stderr if failed else ""


def test_readme_shows_commands_and_scenarios() -> None:
    assert COMMANDS
    assert SCENARIOS


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(workspace: Path, command: str) -> None:
    assert run(workspace, shlex.split(command, comments=True)[1:]) == (0, "")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario_is_valid(workspace: Path, scenario: str) -> None:
    path = workspace / "scenarios" / "readme.yaml"
    path.write_text(scenario, encoding="utf-8")
    assert run(workspace, ["check", str(path)]) == (0, "")


def test_the_reader_of_examples() -> None:
    text = "```console\n$ make demo\n$ abbotify run \\\n a.yaml\nout\n```\n```yaml\nname: x\n```\n"
    assert [shlex.split(command) for command in commands(text)] == [["abbotify", "run", "a.yaml"]]
    assert scenarios(text + "```yaml\nusers: 3\n```\n") == ["name: x\n"]
