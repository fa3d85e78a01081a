"""botify.jsonl: exact lines, in the order of time over days and shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from abbotify.eventlog.botify_writer import LoggedExperiment, parts_of_log, write_botify
from abbotify.eventlog.log import open_log
from abbotify.eventlog.parquet_writer import write_events
from abbotify.eventlog.schema import Events, Labels

NAMES = ("random", "sticky", "neural")
LAYERS = [LoggedExperiment("arm", "NEURAL", ("sticky", "neural"))]


def events(user: int, timestamps: list[int], arm: int, day: int = 0, session: int = 0) -> Events:
    n = len(timestamps)
    return Events(
        timestamp=np.array(timestamps),
        day=np.full(n, day, np.int32),
        user=np.full(n, user),
        session=np.full(n, session, np.int32),
        step=np.arange(n, dtype=np.int32),
        last=np.arange(n) == n - 1,
        track=np.arange(n) + 10,
        time=np.array([1.0, 0.07, 0.29, 0.0][:n]),
        recommendation=np.r_[np.arange(1, n) + 10, -1],
        latency_ms=np.arange(n) * 1001,
        arms={"arm": Labels(np.full(n, arm, np.int16), NAMES)},
    )


def test_lines_are_those_of_botify(tmp_path: Path) -> None:
    write_botify(tmp_path / "log", [events(3, [100, 250], 2), events(1, [100], -1)], LAYERS)
    assert (tmp_path / "log").read_text() == (
        '{"message": "last", "timestamp": 100, "user": 1, "track": 10, "time": 1.0, '
        '"latency": 0.0, "experiments": {}}\n'
        '{"message": "next", "timestamp": 100, "user": 3, "track": 10, "time": 1.0, '
        '"latency": 0.0, "recommendation": 11, "experiments": {"NEURAL": "T1"}}\n'
        '{"message": "last", "timestamp": 250, "user": 3, "track": 11, "time": 0.07, '
        '"latency": 1.001, "experiments": {"NEURAL": "T1"}}\n'
    )


def test_a_session_past_midnight_mixes_with_the_next_day(tmp_path: Path) -> None:
    late, early = events(1, [90, 120], 1), events(2, [100, 110], 2, day=1)
    write_botify(tmp_path / "log", [late, early], LAYERS, rows=1)
    lines = [json.loads(text) for text in (tmp_path / "log").read_text().splitlines()]
    assert [(line["timestamp"], line["user"]) for line in lines] == [
        (90, 1),
        (100, 2),
        (110, 2),
        (120, 1),
    ]


def test_an_arm_of_no_place_in_the_experiment_is_outside(tmp_path: Path) -> None:
    parts = [events(arm, [arm], arm) for arm in range(3)]
    write_botify(tmp_path / "log", parts, LAYERS)
    assert experiments(tmp_path / "log") == [{}, {"NEURAL": "C"}, {"NEURAL": "T1"}]
    write_botify(tmp_path / "log", parts)
    assert experiments(tmp_path / "log") == [{}, {}, {}]


def test_only_the_experiments_days_name_it(tmp_path: Path) -> None:
    # The collect days are served by a mix of recommenders named like the arms.
    write_events(tmp_path / "0.parquet", events(1, [5], 1), {"phase": "collect"})
    write_events(tmp_path / "1.parquet", events(1, [6], 1, 1, 1), {"phase": "experiment"})
    write_botify(tmp_path / "log", parts_of_log(open_log(tmp_path)), LAYERS)
    assert experiments(tmp_path / "log") == [{}, {"NEURAL": "C"}]


def test_layers_are_named_side_by_side(tmp_path: Path) -> None:
    part = events(1, [1, 2], 1)
    other = Labels(np.array([0, -1], np.int16), ("off", "on"))
    layered = Events(**{**vars(part), "arms": {**part.arms, "arm_X": other}})
    layers = [*LAYERS, LoggedExperiment("arm_X", 'quo"ted', ("off", "on"))]
    write_botify(tmp_path / "log", [layered], layers)
    assert experiments(tmp_path / "log") == [{"NEURAL": "C", 'quo"ted': "C"}, {"NEURAL": "C"}]


def test_no_events_make_an_empty_file(tmp_path: Path) -> None:
    write_botify(tmp_path / "log", [])
    assert (tmp_path / "log").read_bytes() == b""


def experiments(path: Path) -> list[dict[str, str]]:
    return [json.loads(line)["experiments"] for line in path.read_text().splitlines()]
