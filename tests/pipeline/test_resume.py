"""Runs that are killed, interrupted, or out of room, and go on: nothing of the result shows it."""

from __future__ import annotations

import errno
import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abbotify import pipeline
from abbotify.errors import DataError, OutputError, ResumeError
from abbotify.eventlog.parquet_writer import write_events
from abbotify.scenario import load
from abbotify.simulation import checkpoint
from tests.pipeline.interrupted import Attempt, play
from tests.pipeline.playing import Plain, write
from tests.processes import started, wait_until

NEURAL = {"recommender": "neural", "epochs": 2, "fallback": "random"}
COLLECT = {"phase": "collect", "days": 1, "traffic": {"sticky": 1.0}}
TRAIN = {"phase": "train"}
DAYS = {"phase": "experiment", "days": 2, "retrain": "daily"}
EXPERIMENT = {"name": "S", "control": "sticky", "limits": {"fallbacks": 0.9}}
KINDS: dict[str, Plain] = {
    "retraining": {
        "timeline": [
            COLLECT,
            {"phase": "train"},
            {"phase": "experiment", "days": 3, "retrain": "daily"},
        ],
        "arms": {"sticky": {"recommender": "sticky_artist"}, "neural": NEURAL},
        "experiment": EXPERIMENT,
        "shards": 2,
    },
    "queue": {"service": {"replicas": 2, "timeout_ms": 1000}, "truth": True},
    "truth": {
        "timeline": [COLLECT, TRAIN, DAYS | {"training": "own"}],
        "arms": {"sticky": {"recommender": "sticky_artist"}, "neural": NEURAL},
        "experiment": EXPERIMENT,
        "shards": 2,
        "truth": True,
    },
}


def contents(out: Path) -> dict[str, bytes]:
    """All files but those that tell when and how long a run took."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "report.html")
    }


def leave(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_goes_on_to_equal_files(kind: str, small: Plain, tmp_path: Path) -> None:
    scenario = write(tmp_path / "s.yaml", small | KINDS[kind])
    draw = random.Random(kind)
    whole, out = tmp_path / "whole", tmp_path / "out"
    kills = [Attempt(out, draw.random(), resume) for resume in (False, True)]
    play(scenario, [Attempt(whole), *kills, Attempt(out)])
    assert contents(out) == contents(whole)
    assert leave(tmp_path) == ["out", "s.yaml", "whole"]


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_kills_at_any_moment(kind: str, small: Plain, tmp_path: Path) -> None:
    scenario = write(tmp_path / "s.yaml", small | KINDS[kind])
    draw = random.Random(f"{kind}, 34 kills")
    whole = tmp_path / "whole"
    outs = [tmp_path / f"out{number}" for number in range(34)]
    attempts = [each for out in outs for each in (Attempt(out, draw.random(), False), Attempt(out))]
    play(scenario, [Attempt(whole), *attempts])
    expected = contents(whole)
    assert [out.name for out in outs if contents(out) != expected] == []
    assert leave(tmp_path) == sorted([*(out.name for out in outs), "s.yaml", "whole"])


def test_what_workers_have_done_stays_when_their_parent_is_killed(
    small: Plain, tmp_path: Path
) -> None:
    days = [{"phase": "experiment", "days": 300}]
    path = write(
        tmp_path / "s.yaml", small | {"timeline": days, "shards": 12, "log": {"level": "sessions"}}
    )
    out = tmp_path / "out"
    with started(["-m", "abbotify", "run", path, "--out", out, "--workers", 2]) as process:
        outputs = ".out~*/state/output-*.npz"
        wait_until(lambda: any(tmp_path.glob(outputs)) or process.poll() is not None)
        process.kill()
        process.communicate()
    notices: list[str] = []
    pipeline.run(load(path), out, resume=True, notice=notices.append)
    assert "the interrupted run goes on" in notices[0]
    pipeline.run(load(path), tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")
    units = json.loads((out / "manifest.json").read_text())["units"]
    assert any("reused" in unit for unit in units)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture
def interrupt(small: Plain, tmp_path: Path) -> Callable[..., Path]:
    """Plays a scenario up to its report, where it is interrupted; the scenario's file."""

    def made(**changes: Any) -> Path:
        path = write(tmp_path / "s.yaml", small | changes)

        def progress(what: str, done: int, total: int, note: str = "") -> None:
            if what == "report":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            pipeline.run(load(path), tmp_path / "out", progress=progress)
        return path

    return made


def resumed(path: Path, *overrides: str, **options: Any) -> list[str]:
    notices: list[str] = []
    out = path.parent / "out"
    pipeline.run(load(path, overrides), out, resume=True, notice=notices.append, **options)
    return notices


def test_an_interrupted_run_is_kept_and_goes_on(
    interrupt: Callable[..., Path], tmp_path: Path
) -> None:
    path = interrupt(shards=2)
    assert not (tmp_path / "out").exists()
    assert resumed(path) == [
        f"{tmp_path / 'out'}: the interrupted run goes on, finished units of work: 2"
    ]
    assert leave(tmp_path) == ["out", "s.yaml"]
    assert all(
        unit["reused"]
        for unit in json.loads((tmp_path / "out" / "manifest.json").read_text())["units"]
    )


def test_other_workers_and_engines_go_on(interrupt: Callable[..., Path], tmp_path: Path) -> None:
    path = interrupt(shards=2)
    assert "goes on" in resumed(path, engine="simpy", workers=2)[0]


def test_a_finished_run_is_left_as_it_is(small: Plain, tmp_path: Path) -> None:
    path = write(tmp_path / "s.yaml", small)
    assert "nothing to resume" in resumed(path)[0]
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()}
    assert resumed(path) == [
        f"{tmp_path / 'out'} is finished, from equal settings: it is left as it is"
    ]
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()} == before
    with pytest.raises(ResumeError, match=r"out: cannot go on: seeds\.dynamics is 9, it was 31337"):
        resumed(path, "seeds.dynamics=9")


def test_a_run_without_resume_drops_an_interrupted_one(
    interrupt: Callable[..., Path], tmp_path: Path
) -> None:
    path, notices = interrupt(), list[str]()
    pipeline.run(load(path), tmp_path / "out", notice=notices.append)
    assert "an interrupted run is dropped (finished units of work: 1; --resume" in notices[0]
    assert leave(tmp_path) == ["out", "s.yaml"]


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("seeds.dynamics=2", r"seeds\.dynamics is 2, it was 31337"),
        ("world.users.count=101", r"world\.users\.count is 101, it was 100"),
        ("arms.random.latency_ms=3", r"arms\.random\.latency_ms"),
        ("truth=true", "truth is True, it was False"),
    ],
)
def test_another_scenario_is_refused_with_its_key(
    override: str, what: str, interrupt: Callable[..., Path], tmp_path: Path
) -> None:
    path = interrupt()
    with pytest.raises(ResumeError, match=f"out: cannot go on: {what}"):
        resumed(path, override)
    assert "goes on" in resumed(path)[0]


PLUGIN = """
import helper

class Own:
    def __init__(self, params, world):
        pass

    def recommend(self, request):
        return helper.TRACK
"""


def test_other_code_data_and_versions_are_refused(
    interrupt: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text(PLUGIN)
    (tmp_path / "helper.py").write_text("TRACK = 3\n")
    lines = "".join(json.dumps({"user": user, "segment": "all"}) + "\n" for user in range(100))
    (tmp_path / "segments.json").write_text(lines)
    arms = {"random": {"recommender": "random"}, "own": {"recommender": "own.py:Own"}}
    metrics = {"segments": {"file": "segments.json"}}
    path = interrupt(arms=arms, metrics=metrics)
    changes = {
        "own.py": (PLUGIN + "# another\n", r"own\.py:Own has changed"),
        "helper.py": ("TRACK = 4  # another\n", "module helper has changed"),
        "segments.json": (lines.replace("all", "every"), r"segments\.json has changed"),
    }
    for name, (text, what) in changes.items():
        before = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text)
        with pytest.raises(ResumeError, match=what):
            resumed(path)
        (tmp_path / name).write_text(before)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "__version__", "0.0.1")
        with pytest.raises(ResumeError, match=r"versions\.abbotify is 0\.0\.1, it was"):
            resumed(path)
    assert "goes on" in resumed(path)[0]


def test_a_log_that_was_changed_is_refused(interrupt: Callable[..., Path], tmp_path: Path) -> None:
    path = interrupt()
    (left,) = tmp_path.glob(".out~*")
    (log,) = (left / "log").glob("day-0001-*")
    log.write_bytes(b"")
    with pytest.raises(DataError, match=r"day-0001.*not as it was written"):
        resumed(path)


def test_a_full_disk_ends_the_run_and_keeps_what_is_done(
    small: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "s.yaml", small | {"shards": 4})

    def full(file: Path, *rest: Any) -> None:
        if "shard-00002" in file.name:
            raise OSError(errno.ENOSPC, "no room", str(file))
        write_events(file, *rest)

    with monkeypatch.context() as patch:
        patch.setattr("abbotify.simulation.shard.write_events", full)
        with pytest.raises(OutputError, match=r"cannot be written .No space left on device"):
            pipeline.run(load(path), tmp_path / "out")
    assert resumed(path) == [
        f"{tmp_path / 'out'}: the interrupted run goes on, finished units of work: 2"
    ]
    pipeline.run(load(path), tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_run_that_is_under_way_is_no_interrupted_one(small: Plain, tmp_path: Path) -> None:
    path = write(tmp_path / "s.yaml", small)
    notices: list[str] = []

    def progress(what: str, done: int, total: int, note: str = "") -> None:
        if what == "report":
            notices.extend(resumed(path))

    pipeline.run(load(path), tmp_path / "out", progress=progress)
    assert "nothing to resume" in notices[0]
    assert leave(tmp_path) == ["out", "s.yaml"]
