"""What every test may use: the real data, a browser, and reproducible property tests."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Hypothesis caches character tables even without a database of examples: not in the work tree.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / f"hypothesis-{hypothesis.__version__}")
settings.register_profile("default", derandomize=True, deadline=None, database=None)
settings.load_profile("default")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, named by the environment variable ABBOTIFY_DATA."""
    name = os.environ.get("ABBOTIFY_DATA")
    if not name:
        pytest.skip("needs real data: set ABBOTIFY_DATA to its folder")
    folder = Path(name)
    if not folder.is_dir():
        pytest.skip(f"needs real data: ABBOTIFY_DATA={name} is not a folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium browser's program."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is on PATH")


class Finished(NamedTuple):
    """What a command left behind: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def abbotify(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Finished]:
    """The command line, run in this process."""
    from abbotify import cli

    def command(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["abbotify", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            cli.main()
        code = exited.value.code
        printed = capsys.readouterr()
        return Finished(code if isinstance(code, int) else 1, printed.out, printed.err)

    return command


def small_scenario() -> dict[str, Any]:
    """A scenario, as plain data, that runs in half a second."""
    return {
        "name": "small",
        "world": {
            "catalogue": {"tracks": 300, "artists": 40, "genres": 5, "dims": 8},
            "users": {"count": 100},
        },
        "arrivals": {"sessions": 100},
        "timeline": [{"phase": "experiment", "days": 2}],
        "arms": {"random": {"recommender": "random"}, "sticky": {"recommender": "sticky_artist"}},
        "experiment": {"name": "SMALL", "control": "random"},
    }


@pytest.fixture
def small() -> dict[str, Any]:
    """A scenario, as plain data, that runs in half a second."""
    return small_scenario()
