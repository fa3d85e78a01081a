"""What a run leaves in its folder, and what it leaves when it fails."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from abbotify import pipeline
from abbotify.errors import OutputError, UserError
from abbotify.scenario import load
from tests.conftest import Command
from tests.pipeline.playing import Plain, play, write
from tests.processes import started, wait_until

FILES = "effects.csv manifest.json report.html report.json report.md scenario.yaml users.parquet"


def test_a_run_leaves_these_files(run_folder: Path) -> None:
    names = {path.name for path in run_folder.iterdir()}
    assert names == {*FILES.split(), "botify.jsonl", "log"}
    assert all(path.suffix == ".parquet" for path in (run_folder / "log").iterdir())


def test_the_resolved_scenario_runs_alike(run_folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    pipeline.run(load(run_folder / "scenario.yaml"), again)
    for name in ("report.json", "effects.csv", "users.parquet"):
        assert (again / name).read_bytes() == (run_folder / name).read_bytes()


def test_the_command_line_does_the_same(
    abbotify: Command, run_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cli"
    assert abbotify("run", run_folder / "scenario.yaml", "--out", out).code == 0
    assert (out / "report.json").read_bytes() == (run_folder / "report.json").read_bytes()


def test_a_run_folder_is_replaced(small: Plain, tmp_path: Path) -> None:
    out = play(tmp_path, small)
    (out / "left over").write_text("from before")
    (out / "log" / "day-0099-shard-00000.parquet").write_text("of the old run")
    play(tmp_path, small | {"seeds": {"dynamics": 2}})
    assert (out / "left over").read_text() == "from before"
    assert not (out / "log" / "day-0099-shard-00000.parquet").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "scenario.yaml"]


def test_any_other_folder_is_left_alone(small: Plain, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="other things"):
        play(tmp_path, small)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "scenario.yaml"]


FAILING = """
class Failing:
    def __init__(self, params, world):
        pass

    def recommend(self, request):
        raise RuntimeError("no more music")
"""


def test_a_run_that_fails_leaves_nothing(small: Plain, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    arms = small["arms"] | {"bad": {"recommender": "failing.py:Failing", "on_error": "stop"}}
    with pytest.raises(UserError, match="no more music"):
        play(tmp_path, small | {"arms": arms})
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_run_that_fails_keeps_the_one_before(small: Plain, tmp_path: Path) -> None:
    out = play(tmp_path, small)
    before = (out / "report.json").read_bytes()
    (tmp_path / "failing.py").write_text(FAILING)
    arms = small["arms"] | {"bad": {"recommender": "failing.py:Failing", "on_error": "stop"}}
    with pytest.raises(UserError, match="no more music"):
        play(tmp_path, small | {"arms": arms})
    assert (out / "report.json").read_bytes() == before


def test_failures_fall_back_and_are_counted(small: Plain, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    arms = small["arms"] | {"bad": {"recommender": "failing.py:Failing"}}
    out = play(tmp_path, small | {"arms": arms})
    arm = json.loads((out / "report.json").read_text())["arms"][2]
    recommended = arm["tracks"] - arm["sessions"]
    assert arm["counters"]["errors"] == arm["counters"]["fallbacks"] == recommended > 0


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
def test_an_interrupted_run_leaves_no_run_folder(
    small: Plain, tmp_path: Path, kill: signal.Signals
) -> None:
    path = write(tmp_path / "s.yaml", small | {"timeline": [{"phase": "experiment", "days": 3000}]})
    with started(["-m", "abbotify", "run", path, "--out", tmp_path / "out"]) as process:
        wait_until(lambda: files_of_days(tmp_path) or process.poll() is not None)
        process.send_signal(kill)
        out, err = process.communicate()
    assert out == ""
    assert not (tmp_path / "out").exists()
    if kill == signal.SIGINT:
        assert (process.returncode, err) == (130, "abbotify: interrupted\n")
        assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]
    else:
        assert process.returncode == -kill


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_ignored_from_the_start_ends_no_run(
    small: Plain, tmp_path: Path, workers: int
) -> None:
    """As `nohup` and shells in the background have it."""
    path = write(tmp_path / "s.yaml", small | {"timeline": [{"phase": "experiment", "days": 50}]})
    command = ["-m", "abbotify", "run", path, "--out", tmp_path / "out", "--workers", workers]
    ignored = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    with started(command, ignored) as process:
        wait_until(lambda: files_of_days(tmp_path) or process.poll() is not None)
        for number in ignored:
            os.killpg(process.pid, number)
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.endswith("report.html\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "s.yaml"]


def files_of_days(folder: Path) -> bool:
    """Whether a run has begun to write its days."""
    return any(folder.glob(".out~*/log/*.parquet"))
