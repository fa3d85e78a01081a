"""Equal scenario and seeds, equal bytes: whatever the order of files, the workers, the shards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from abbotify import pipeline
from abbotify.scenario import load
from tests.pipeline.playing import read_log

Plain = dict[str, Any]
RESULTS = ("report.json", "effects.csv", "users.parquet")


def play(folder: Path, scenario: Plain, name: str) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    pipeline.run(load(path), folder / name)
    return folder / name


def contents(out: Path, *folders: str) -> dict[str, bytes]:
    """Names and bytes of the results and of the files in some folders."""
    files = [out / name for name in RESULTS]
    files += [path for folder in folders for path in sorted((out / folder).iterdir())]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def differing(a: dict[str, bytes], b: dict[str, bytes]) -> list[str]:
    return [name for name in sorted({*a, *b}) if a.get(name) != b.get(name)]


def busy(small: Plain) -> Plain:
    """Every recommender without a file, drawn latencies, three kinds of days."""
    return small | {
        "timeline": [
            {"phase": "collect", "days": 1, "traffic": {"random": 0.5, "mixed": 0.5}},
            {"phase": "experiment", "days": 2},
        ],
        "arms": {
            "random": {"recommender": "random", "latency_ms": 5},
            "sticky": {
                "recommender": "sticky_artist",
                "latency_ms": {"distribution": "lognormal", "median": 40, "sigma": 1},
            },
            "mixed": {"recommender": "sticky_artist_mixed", "fallback": "top_pop"},
        },
        "log": {"botify": True},
    }


def test_the_same_seed_gives_the_same_bytes(small: Plain, tmp_path: Path) -> None:
    first = play(tmp_path, busy(small), "first")
    second = play(tmp_path, busy(small), "second")
    assert differing(contents(first, "log"), contents(second, "log")) == []
    assert (first / "botify.jsonl").read_bytes() == (second / "botify.jsonl").read_bytes()


def test_another_seed_gives_another_run_in_the_same_world(small: Plain, tmp_path: Path) -> None:
    first = play(tmp_path, busy(small), "first")
    second = play(tmp_path, busy(small) | {"seeds": {"dynamics": 2}}, "second")
    assert set(RESULTS) < set(differing(contents(first, "log"), contents(second, "log")))
    worlds = [
        json.loads((out / "report.json").read_text())["run"]["digests"]["world"]
        for out in (first, second)
    ]
    assert worlds[0] == worlds[1]


def users_file(path: Path, order: list[int]) -> None:
    lines = [
        {"user": 3 * n + 5, "interests": [n, 2 * n + 1, 299 - n], "consume_bias": n % 7 / 2}
        for n in range(100)
    ]
    path.write_text("".join(json.dumps(lines[n]) + "\n" for n in order))


def test_the_order_of_the_users_file_means_nothing(small: Plain, tmp_path: Path) -> None:
    world = {"catalogue": small["world"]["catalogue"]}
    world["users"] = {"source": "botify", "file": "users.jsonl"}
    outs = []
    for name, order in (
        ("up", np.arange(100)),
        ("mixed", np.random.default_rng(1).permutation(100)),
    ):
        users_file(tmp_path / "users.jsonl", order.tolist())
        outs.append(play(tmp_path, small | {"world": world}, name))
    assert differing(contents(outs[0], "log"), contents(outs[1], "log")) == []


def test_workers_change_nothing(small: Plain, tmp_path: Path) -> None:
    one = play(tmp_path, busy(small) | {"shards": 3}, "one")
    command = ("run", tmp_path / "scenario.yaml", "--out", tmp_path / "two", "--workers", "2")
    subprocess.run(
        [sys.executable, "-m", "abbotify", *map(str, command)],
        check=True,
        capture_output=True,
    )
    assert differing(contents(one, "log"), contents(tmp_path / "two", "log")) == []
    assert (one / "botify.jsonl").read_bytes() == (tmp_path / "two" / "botify.jsonl").read_bytes()


@pytest.mark.parametrize("shards", [3, 40])
def test_shards_change_no_session_and_no_effect(small: Plain, tmp_path: Path, shards: int) -> None:
    one = play(tmp_path, busy(small), "one")
    many = play(tmp_path, busy(small) | {"shards": shards}, "many")
    assert len(list((many / "log").iterdir())) == 3 * shards
    pd.testing.assert_frame_equal(read_log(one), read_log(many), check_exact=True)
    effects = [pd.read_csv(out / "effects.csv") for out in (one, many)]
    pd.testing.assert_frame_equal(effects[0], effects[1], rtol=1e-12, atol=1e-12)
    assert (one / "users.parquet").read_bytes() == (many / "users.parquet").read_bytes()
    assert (one / "botify.jsonl").read_bytes() == (many / "botify.jsonl").read_bytes()


def test_the_arm_is_in_no_draw(small: Plain, tmp_path: Path) -> None:
    # A user under another arm starts with the same tracks of the same sessions (day 0).
    small = small | {"timeline": [{"phase": "experiment", "days": 1}]}
    first = read_log(play(tmp_path, small, "first"))
    small["experiment"] = {"name": "ANOTHER SPLIT", "control": "random"}
    second = read_log(play(tmp_path, small, "second"))
    moved = first.drop_duplicates("user").merge(second.drop_duplicates("user"), on="user")
    assert (moved.arm_x != moved.arm_y).sum() > 20
    assert (moved.track_x == moved.track_y).all()
    assert (moved.timestamp_x == moved.timestamp_y).all()
    stayed = moved.user[moved.arm_x == moved.arm_y]
    pd.testing.assert_frame_equal(
        first[first.user.isin(stayed)].reset_index(drop=True),
        second[second.user.isin(stayed)].reset_index(drop=True),
    )
