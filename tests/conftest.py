"""What every test may use: data, a browser, the command line, scenarios, comparisons."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

# Before numpy is imported: two test processes with two threads each spin for each other on two
# cores, and linear algebra then takes ten times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import mmh3
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.processes import left_behind

ROOT = Path(__file__).parents[1]
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
# The files that take longest, begun first: else a process works on one of them alone at the end.
LONGEST = (
    "test_suite.py",
    "test_readme.py",
    "test_limits.py",
    "test_faults.py",
    "test_study.py",
    "test_hostile_logs.py",
    "test_jit.py",
    "test_true_effects.py",
    "test_scenario_values.py",
    "test_reproducible.py",
)
# Folders of tests that look at no chart.
WITHOUT_CHARTS = ("analysis", "cli", "hostile", "pipeline", "recommenders", "simulation")
EMPTY_CHART = '<svg viewBox="0 0 1 1"><metadata></metadata></svg>'
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# Hypothesis caches character tables even without a database of examples: not in the work tree.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / f"hypothesis-{hypothesis.__version__}")
settings.register_profile("default", derandomize=True, deadline=None, database=None)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the files that take longest."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish() -> None:
    """Spares the garbage collector what has been imported: a tenth of a second at every call."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Leaves the charts of pages empty where nobody looks at them: most of a small run's time."""
    if item.path.relative_to(ROOT / "tests").parts[0] not in WITHOUT_CHARTS:
        return (yield)
    with patch("abbotify.report.charts.svg._drawn", return_value=EMPTY_CHART):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Fails the test that leaves a process, which would otherwise fail any later one."""
    try:
        return (yield)
    finally:
        if left := left_behind():
            pytest.fail(f"left without waiting for them: processes {left}", pytrace=False)


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


Command = Callable[..., Finished]


@pytest.fixture
def abbotify(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """The command line, run in this process."""
    from abbotify.cli import commands

    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    threshold = gc.get_threshold()

    def command(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["abbotify", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            commands.main()
        code = exited.value.code
        printed = capsys.readouterr()
        return Finished(code if isinstance(code, int) else 1, printed.out, printed.err)

    yield command
    gc.set_threshold(*threshold)
    for number, handler in handlers.items():
        signal.signal(number, handler)


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


def learning_scenario(
    tracks: int, users: int, sessions: int, arms: Mapping[str, Any], **keys: Any
) -> dict[str, Any]:
    """A scenario, as plain data, that collects for a day and trains; other keys are its own.

    Its control is `sticky`; `random` serves on the first day only.
    """
    catalogue = {"tracks": tracks, "artists": tracks // 5, "genres": 4, "dims": 8}
    return {
        "world": {
            "catalogue": {"source": "synthetic", **catalogue},
            "users": {"source": "synthetic", "count": users},
        },
        "arrivals": {"sessions": sessions},
        "timeline": [
            {"phase": "collect", "days": 1, "traffic": {"random": 0.5, "sticky": 0.5}},
            {"phase": "train"},
            {"phase": "experiment", "days": 1},
        ],
        "arms": {
            "random": {"recommender": "random", "weight": 0},
            "sticky": {"recommender": "sticky_artist"},
            **arms,
        },
        "experiment": {"name": "AB", "control": "sticky"},
        **keys,
    }


def hashed(user: int, salt: str) -> int:
    """The user's hash in an experiment, as botify computes it."""
    return mmh3.hash(str(user), seed=mmh3.hash(salt, signed=False), signed=False)


def assert_same_arrays(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Of the same names, each equal to the bit but for the sign of a zero."""
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def printed(code: str, **environment: str) -> str:
    """What a program prints in a process of its own, in which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def printed_both_ways(code: str) -> tuple[str, str]:
    """What a program prints with its kernels compiled, and with them interpreted."""
    code = f"from abbotify.jit import INTERPRETED\nprint(INTERPRETED)\n{code}"
    compiled, interpreted = (printed(code, NUMBA_DISABLE_JIT=off) for off in ("0", "1"))
    assert (compiled.split()[0], interpreted.split()[0]) == ("False", "True")
    return compiled.partition("\n")[2], interpreted.partition("\n")[2]
