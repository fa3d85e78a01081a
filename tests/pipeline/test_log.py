"""The log of a run: its rows, its arms, its botify lines, and how much of it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import hashed
from tests.pipeline.playing import Plain, play, read_log, rows_of


def test_arms_before_the_experiment_are_those_that_served(log: pd.DataFrame) -> None:
    assert set(log.arm[log.day == 0]) == {"other"}
    collected = log[log.day == 1]
    expected = collected.user.map(
        lambda user: ("other", "sticky")[hashed(user, "RICH:collect") % 2]
    )
    assert (collected.arm == expected).all()


def test_rows_are_sessions_from_first_to_last(log: pd.DataFrame) -> None:
    groups = log.groupby(["user", "session"])
    assert (log.step == groups.cumcount()).all()
    assert (log.time[log.step == 0] == 1.0).all()
    last = log.step == groups.step.transform("max")
    assert (log.message == np.where(last, "last", "next")).all()
    assert (log.recommendation.isna() == last).all()
    following = log.track.shift(-1)
    assert (log.recommendation[~last] == following[~last]).all()
    assert (groups.day.nunique() == 1).all()
    numbers = log.drop_duplicates(["user", "session"]).groupby("user").session
    assert (numbers.min() == 0).all()
    assert (numbers.max() + 1 == numbers.size()).all()


def test_the_control_answers_in_ten_ms(log: pd.DataFrame) -> None:
    assert set(log.latency_ms[log.arm == "random"]) == {10}
    assert set(log.latency_ms[log.arm == "other"]) == {0}
    assert log.latency_ms[log.arm == "sticky"].nunique() > 5


def test_botify_lines_are_the_log(run_folder: Path, log: pd.DataFrame) -> None:
    lines = [json.loads(line) for line in (run_folder / "botify.jsonl").read_text().splitlines()]
    rows = log.sort_values(["timestamp", "user", "session", "step"])
    assert len(lines) == len(rows)
    labels = {"random": "C", "sticky": "T1", "mixed": "T2"}
    for line, row in zip(lines, rows_of(rows), strict=True):
        assert (line["timestamp"], line["user"], line["track"]) == (
            row.timestamp,
            row.user,
            row.track,
        )
        assert (line["message"], line["time"]) == (row.message, row.time)
        assert line["latency"] == pytest.approx(row.latency_ms / 1000, rel=1e-12)
        assert ("recommendation" in line) == (row.message == "next")
        if row.day >= 2:
            assert line["experiments"] == {"RICH": labels[row.arm]}
        else:
            assert not line.get("experiments")


def test_users_outside_a_ramp_have_no_arm(small: Plain, tmp_path: Path) -> None:
    experiment = small["experiment"] | {"traffic": [0.3, 0.6]}
    out = play(tmp_path, small | {"experiment": experiment})
    log, users = read_log(out), pd.read_parquet(out / "users.parquet").set_index("user")
    share = {user: hashed(user, "SMALL:traffic") / 2**32 for user in users.index}
    arm = {user: ("random", "sticky")[hashed(user, "SMALL") % 2] for user in users.index}
    for day, limit in ((0, 0.3), (1, 0.6)):
        for row in rows_of(log[log.day == day]):
            admitted = share[row.user] < limit
            assert pd.notna(row.arm) == admitted
            assert not admitted or row.arm == arm[row.user]
    inside = np.array([share[user] < 0.6 for user in users.index])
    assert (users.arm.notna() == inside).all()
    assert not users.exposed[~inside].any()
    seen = set(log.user[log.arm.notna()])
    assert set(users.index[users.exposed]) == seen


def test_layers_have_columns_of_their_own(small: Plain, tmp_path: Path) -> None:
    scenario = {key: value for key, value in small.items() if key != "experiment"}
    scenario["arms"] = small["arms"] | {"top": {"recommender": "top_pop"}}
    scenario["experiments"] = [
        {"name": "ONE", "control": "random", "arms": ["random", "sticky"]},
        {"name": "TWO", "control": "random", "arms": ["random", "top"]},
    ]
    scenario["log"] = {"botify": True}
    out = play(tmp_path, scenario)
    log = read_log(out)
    one = log.user.map(lambda user: ("random", "sticky")[hashed(user, "ONE") % 2])
    two = log.user.map(lambda user: ("random", "top")[hashed(user, "TWO") % 2])
    assert (log.arm == one).all()
    assert (log.arm_ONE == one).all()
    assert (log.arm_TWO == two).all()
    users = pd.read_parquet(out / "users.parquet")
    assert {"arm", "arm_ONE", "arm_TWO"} <= set(users)
    line = json.loads((out / "botify.jsonl").read_text().splitlines()[0])
    assert set(line["experiments"]) == {"ONE", "TWO"}


@pytest.mark.parametrize("level", ["sessions", "users"])
def test_less_log_changes_no_result(small: Plain, tmp_path: Path, level: str) -> None:
    whole = play(tmp_path, small)
    kept = {name: (whole / name).read_bytes() for name in ("effects.csv", "users.parquet")}
    sessions = read_log(whole).groupby(["user", "session"]).time.sum()
    out = play(tmp_path, small | {"log": {"level": level}})
    assert {name: (out / name).read_bytes() for name in kept} == kept
    files = sorted((out / "log").iterdir())
    if level == "users":
        assert files == []
    else:
        table = pd.concat([pd.read_parquet(path) for path in files])
        table = table.set_index(["user", "session"]).sort_index()
        np.testing.assert_allclose(table.time, sessions, rtol=1e-12)
