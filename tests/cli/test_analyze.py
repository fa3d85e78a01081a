"""`abbotify analyze`: a run's own log gives the run's results, a broken log gives one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify import pipeline
from abbotify.scenario import load
from tests.conftest import Command, Finished

Plain = dict[str, Any]
# What a log tells alone; days before the experiment are in no arm of botify's lines.
SHARED = (
    "time",
    "sessions",
    "tracks",
    "mean_time_per_session",
    "mean_tracks_per_session",
    "mean_request_latency",
    "skip_rate",
    "repeat_rate",
    "retained",
)
NUMBERS = ("control_mean", "treatment_mean", "effect", "lower", "upper", "p_value")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    scenario = {
        "name": "logged",
        "world": {
            "catalogue": {"tracks": 300, "artists": 40, "genres": 5, "dims": 8},
            "users": {"count": 100},
        },
        "arrivals": {"sessions": 150},
        "timeline": [
            {"phase": "collect", "days": 1, "traffic": {"random": 1.0}},
            {"phase": "experiment", "days": 2},
        ],
        "arms": {
            "random": {"recommender": "random", "latency_ms": 10},
            "sticky": {"recommender": "sticky_artist", "latency_ms": 25},
            "mixed": {"recommender": "sticky_artist_mixed"},
        },
        "experiment": {"name": "LOGGED", "control": "random"},
        "log": {"botify": True},
    }
    (folder / "s.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False))
    pipeline.run(load(folder / "s.yaml"), folder / "out")
    return folder / "out"


def effects(folder: Path) -> dict[tuple[str, str, str], Plain]:
    result = json.loads((folder / "report.json").read_text())
    return {(row["arm"], row["metric"], row["estimand"]): row for row in result["effects"]}


def assert_shared(
    found: Path, expected: Path, metrics: tuple[str, ...] = SHARED, before: bool = True
) -> None:
    results, truth = effects(found), effects(expected)
    shared = [key for key in truth if key[1] in metrics and (before or "cuped" not in key[2])]
    assert len(shared) >= 2 * len(metrics)
    for key in shared:
        assert results[key]["n_control"] == truth[key]["n_control"]
        assert results[key]["n_treatment"] == truth[key]["n_treatment"]
        for name in NUMBERS:
            value = truth[key][name]
            if value is None:
                assert results[key][name] is None, (key, name)
            else:
                assert results[key][name] == pytest.approx(value, rel=1e-12, abs=1e-12), (key, name)


def analyze(abbotify: Command, *logs: Path, out: Path, options: tuple[str, ...] = ()) -> Finished:
    return abbotify("analyze", *logs, "--experiment", "LOGGED", "--out", out, *options)


def test_botify_lines_give_the_results_of_the_run(
    abbotify: Command, run_folder: Path, tmp_path: Path
) -> None:
    names = ("--arms", "C=random,T1=sticky,T2=mixed")
    finished = analyze(abbotify, run_folder / "botify.jsonl", out=tmp_path / "a", options=names)
    assert (finished.code, finished.err) == (0, "")
    assert "Time per session" in finished.out
    # The lines do not say on which day a session was begun, only when its first track ended.
    dayless = tuple(name for name in SHARED if name != "retained")
    assert_shared(tmp_path / "a", run_folder, dayless, before=False)


@pytest.mark.parametrize("part", [".", "log"])
def test_a_run_folder_gives_the_results_of_the_run(
    abbotify: Command, run_folder: Path, tmp_path: Path, part: str
) -> None:
    finished = analyze(abbotify, run_folder / part, out=tmp_path / "a")
    assert (finished.code, finished.err) == (0, "")
    assert_shared(tmp_path / "a", run_folder)


def test_files_one_by_one_are_the_folder(
    abbotify: Command, run_folder: Path, tmp_path: Path
) -> None:
    files = sorted((run_folder / "log").iterdir())
    assert analyze(abbotify, *files, out=tmp_path / "a").code == 0
    assert_shared(tmp_path / "a", run_folder)


def test_another_control_turns_the_effect_round(
    abbotify: Command, run_folder: Path, tmp_path: Path
) -> None:
    assert (
        analyze(abbotify, run_folder, out=tmp_path / "a", options=("--control", "sticky")).code == 0
    )
    turned = effects(tmp_path / "a")["random", "time", "mean"]
    assert turned["effect"] == pytest.approx(
        -effects(run_folder)["sticky", "time", "mean"]["effect"]
    )


def test_nothing_in_the_report_tells_where_the_log_was(
    abbotify: Command, run_folder: Path, tmp_path: Path
) -> None:
    analyze(abbotify, run_folder, out=tmp_path / "a")
    text = (tmp_path / "a" / "report.json").read_text()
    assert str(tmp_path) not in text
    assert str(run_folder) not in text
    assert json.loads(text)["run"]["source"] == "log"


def test_few_broken_lines_are_counted(abbotify: Command, run_folder: Path, tmp_path: Path) -> None:
    lines = (run_folder / "botify.jsonl").read_text().splitlines()
    (tmp_path / "log.jsonl").write_text("\n".join(["{broken", *lines]) + "\n")
    assert analyze(abbotify, tmp_path / "log.jsonl", out=tmp_path / "a").code == 0
    checks = json.loads((tmp_path / "a" / "report.json").read_text())["checks"]
    broken = next(check for check in checks if "broken" in check["name"])
    assert broken["status"] == "warn"
    assert "1" in broken["summary"]


def cut(lines: list[str]) -> bytes:
    return "\n".join(line[: len(line) // 2] for line in lines).encode()


BROKEN: dict[str, Callable[[list[str]], bytes]] = {
    "empty": lambda lines: b"",
    "zeros": lambda lines: bytes(100),
    "noise": lambda lines: bytes(range(256)) * 9,
    "all lines cut": cut,
    "half of the lines": lambda lines: cut(lines[::2]) + b"\n" + "\n".join(lines[1::2]).encode(),
    "an empty object": lambda lines: b"{}\n",
    "a list": lambda lines: b"[]\n",
    "no such experiment": lambda lines: "\n".join(lines).replace("LOGGED", "OTHER").encode(),
    "one arm": lambda lines: "\n".join(x for x in lines if '"C"' in x).encode(),
    "Parquet that is none": lambda lines: b"PAR1" + bytes(100),
    "a huge time": lambda lines: (
        "\n".join(lines).replace('"timestamp": ', '"timestamp": 9' + "0" * 40).encode()
    ),
    "NaN": lambda lines: "\n".join(lines).replace('"time": ', '"time": NaN, "t": ').encode(),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_log_is_told(
    abbotify: Command, run_folder: Path, tmp_path: Path, broken: Callable[[list[str]], bytes]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(broken((run_folder / "botify.jsonl").read_text().splitlines()))
    finished = analyze(abbotify, path, out=tmp_path / "a")
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.startswith("abbotify: ")
    assert finished.err.count("\n") == 1
    assert "log.jsonl" in finished.err
    assert [p.name for p in tmp_path.iterdir()] == ["log.jsonl"]


WRONG = {
    "unknown control": (("--control", "nobody"), "nobody"),
    "unknown arm": (("--arms", "T9=x"), "T9"),
    "two names alike": (("--arms", "random=x,sticky=x"), "arms"),
    "alpha of 0": (("--alpha", "0"), "alpha"),
    "alpha of 1": (("--alpha", "1"), "alpha"),
    "alpha is NaN": (("--alpha", "nan"), "alpha"),
    "skips below 2": (("--skip-below", "2"), "skip_below"),
    "a log that is not there": (("nowhere.jsonl",), "nowhere.jsonl"),
    "two kinds of logs": ((__file__,), "one log"),
}


@pytest.mark.parametrize(("options", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_told(
    abbotify: Command, run_folder: Path, tmp_path: Path, options: tuple[str, ...], named: str
) -> None:
    finished = analyze(abbotify, run_folder, out=tmp_path / "a", options=options)
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.count("\n") == 1
    assert named in finished.err
    assert list(tmp_path.iterdir()) == []
