"""The commands that a user is told to run exist: their files, extras and libraries."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from abbotify.recommenders import extras
from tests.conftest import ROOT

NAMES = ("als", "lightgcn", "torch")


def declared() -> set[str]:
    """The extras of setup.cfg."""
    file = configparser.ConfigParser()
    file.read(ROOT / "setup.cfg", encoding="utf-8")
    return set(file["options.extras_require"])


class Installed:
    """A distribution that pip has installed from somewhere."""

    requires = metadata.requires("abbotify")

    def __init__(self, url: str | None) -> None:
        self.url = url

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self.url is None else json.dumps({"url": self.url})


@pytest.mark.parametrize("extra", NAMES)
def test_in_a_clone_it_is_the_command_of_the_readme(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    command = shlex.split(extras.install_command(extra))
    assert command == ["pip", "install", "-c", "constraints.txt", "-e", f".[{extra}]"]
    assert (ROOT / "constraints.txt").is_file()
    assert extra in declared()


@pytest.mark.parametrize("extra", NAMES)
def test_elsewhere_it_names_the_clone(
    extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    *_, file, _, target = shlex.split(extras.install_command(extra))
    assert Path(file) == ROOT / "constraints.txt"
    assert target == f"{ROOT}[{extra}]"


def test_installed_from_a_clone_it_names_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "a clone"
    clone.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        (clone / name).touch()
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "a" / "b" / "c" / "extras.py"))
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(clone.as_uri()))
    command = shlex.split(extras.install_command("als"))
    assert command[2:] == ["-c", f"{clone}/constraints.txt", f"{clone}[als]"]


@pytest.mark.parametrize("url", [None, "file:///nowhere", "https://example.org/abbotify.whl"])
@pytest.mark.parametrize("extra", NAMES)
def test_without_a_clone_it_names_the_libraries(
    extra: str, url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "a" / "b" / "c" / "extras.py"))
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(url))
    pip, install, *libraries = shlex.split(extras.install_command(extra))
    assert (pip, install) == ("pip", "install")
    main = {"als": "implicit", "lightgcn": "torch_geometric", "torch": "torch"}[extra]
    assert any(re.match(rf"{main}\b", library) for library in libraries)
    assert not any("abbotify" in library for library in libraries)


def test_every_command_in_the_texts_names_files_and_extras_that_exist() -> None:
    texts = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    commands: list[Any] = []
    for text in texts:
        commands += re.findall(r"pip install [^\n`]+", text.read_text(encoding="utf-8"))
    assert len(commands) > 2
    for command in commands:
        _, _, option, constraints, target = shlex.split(command)
        assert (option, (ROOT / constraints).is_file()) == ("-c", True)
        (extra,) = re.fullmatch(r"\.(?:\[(\w+)\])?", target).groups()  # type: ignore[union-attr]
        assert extra is None or extra in declared()
