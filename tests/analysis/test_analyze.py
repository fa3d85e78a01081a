"""A log of botify's and of a run, analysed: numbers by pandas and scipy, files, checks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import ttest_ind

from abbotify.report import read
from tests.analysis.logs import Lines, analysed, made, run_folder, stored
from tests.conftest import small_scenario
from tests.pipeline.playing import play

METRICS = (
    "time",
    "sessions",
    "mean_request_latency",
    "mean_tracks_per_session",
    "mean_time_per_session",
)


def by_user(lines: Lines) -> pd.DataFrame:
    rows = pd.DataFrame(lines)
    rows["arm"] = [experiments["NEURAL"] for experiments in rows["experiments"]]
    rows["last"] = rows["message"] == "last"
    users = rows.groupby(["user", "arm"]).agg(
        sessions=("last", "sum"),
        tracks=("track", "size"),
        time=("time", "sum"),
        latency=("latency", "sum"),
    )
    users["mean_request_latency"] = 1000 * users["latency"] / users["tracks"]
    users["mean_tracks_per_session"] = users["tracks"] / users["sessions"]
    users["mean_time_per_session"] = users["time"] / users["sessions"]
    return users.reset_index()


def test_the_table_of_effects_is_the_notebooks(tmp_path: Path) -> None:
    lines = made()
    result = analysed(stored(tmp_path / "log.jsonl", lines), tmp_path / "out")
    users = by_user(lines)
    for metric in METRICS:
        groups = [users.loc[users["arm"] == arm, metric] for arm in ("C", "T1")]
        for arm, values in zip(result.arms, groups, strict=True):
            assert arm.metrics is not None
            found = arm.metrics[metric]
            assert found.n == len(values)
            assert found.mean == pytest.approx(values.mean(), rel=1e-9)
            assert found.variance == pytest.approx(values.var(ddof=1), rel=1e-9)
        row = next(e for e in result.effects if (e.metric, e.estimand) == (metric, "mean"))
        interval = ttest_ind(groups[1], groups[0], equal_var=False).confidence_interval(0.95)
        assert [row.lower, row.upper] == pytest.approx([interval.low, interval.high], rel=1e-9)
        naive = [100 * end / groups[0].mean() for end in interval]
        assert [row.naive_lower, row.naive_upper] == pytest.approx(naive, rel=1e-9)


def test_positions_are_those_of_the_lines(tmp_path: Path) -> None:
    lines = made()
    result = analysed(stored(tmp_path / "log.jsonl", lines), tmp_path / "out")
    rows = pd.DataFrame(lines)
    rows["arm"] = [experiments["NEURAL"] for experiments in rows["experiments"]]
    ended = (rows["message"] == "last").cumsum().shift(fill_value=0)
    rows["step"] = rows.groupby(ended).cumcount()
    for arm in result.arms:
        heard = rows[rows["arm"] == arm.name].groupby("step")["time"].agg(["size", "mean"])
        heard = heard[(heard.index >= 1) & (heard["size"] >= 50)]
        found = arm.by_position or ()
        assert [(each.step, each.n) for each in found] == list(heard["size"].items())
        assert [each.mean for each in found] == pytest.approx(heard["mean"].tolist(), rel=1e-12)
        assert len(found) >= 2


def test_all_files_are_the_same_bytes_again(tmp_path: Path) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    digests = []
    for _ in range(2):
        analysed(log, tmp_path / "out")
        files = sorted((tmp_path / "out").iterdir())
        digests.append([(f.name, hashlib.sha256(f.read_bytes()).hexdigest()) for f in files])
    assert digests[0] == digests[1]
    assert {name for name, _ in digests[0]} == {
        "effects.csv",
        "report.html",
        "report.json",
        "report.md",
        "users.parquet",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "out"]
    assert str(tmp_path) not in (tmp_path / "out" / "report.json").read_text()


def test_the_document_on_disk_is_the_one_returned(tmp_path: Path) -> None:
    result = analysed(stored(tmp_path / "log.jsonl", made()), tmp_path / "out")
    assert read(tmp_path / "out") == result
    assert len(pd.read_parquet(tmp_path / "out" / "users.parquet").user) == 120


def test_arms_take_the_names_given(tmp_path: Path) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    names = {"C": "random", "T1": "sticky"}
    result = analysed(log, tmp_path / "out", arms=names, control="sticky")
    assert [(arm.name, arm.label, arm.control) for arm in result.arms] == [
        ("sticky", "T1", True),
        ("random", "C", False),
    ]
    kept = pq.read_schema(tmp_path / "out" / "users.parquet").metadata
    assert json.loads(kept[b"arms"]) == {"arm": ["sticky", "random"]}


def test_a_mismatch_of_sizes_fails(tmp_path: Path) -> None:
    template = {"message": "last", "timestamp": 7, "track": 1, "time": 1.0, "latency": 0.01}
    lines: Lines = [
        template | {"user": user, "experiments": {"NEURAL": "C" if user < 600 else "T1"}}
        for user in range(1000)
    ]
    result = analysed(stored(tmp_path / "log.jsonl", lines), tmp_path / "out")
    check = next(check for check in result.checks if check.name == "sample_ratio")
    assert check.status == "fail"
    assert check.details is not None
    assert check.details["counts"] == {"C": 600, "T1": 400}
    # chi-square (100^2 + 100^2) / 500 = 40 with one degree of freedom
    assert check.details["p_value"] == pytest.approx(2.54e-10, rel=1e-2)


def test_a_user_in_two_arms_and_cut_sessions_are_told(tmp_path: Path) -> None:
    lines = made()
    lines[-1] |= {"message": "next", "recommendation": 3}  # user 119 has an open session
    lines[0]["experiments"] = {"NEURAL": "T1"}
    lines[1]["experiments"] = {"NEURAL": "C"}
    log = stored(tmp_path / "log.jsonl", lines)
    log.write_text(log.read_text() + "{broken\n")
    result = analysed(log, tmp_path / "out")
    found = {check.name: check for check in result.checks}
    assert found["users_in_two_arms"].details == {"users": 1, "share": 1 / 120, "limit": 0.01}
    assert found["open_sessions"].details is not None
    assert found["open_sessions"].details["sessions"] == 1
    assert found["broken_lines"].status == "warn"
    assert found["metrics_not_determined"].details is not None
    assert set(found["metrics_not_determined"].details["reasons"]) == {
        "minutes",
        "artist_diversity",
        "timeouts",
        "retained",
    }


def test_a_user_whose_only_session_is_open_is_kept(tmp_path: Path) -> None:
    whole = analysed(stored(tmp_path / "whole.jsonl", made()), tmp_path / "whole")
    lines = made()
    own = [line for line in lines if line["user"] == lines[0]["user"]]
    kept = [line for line in lines if line["user"] != lines[0]["user"]]
    opened = [own[0] | {"message": "next", "recommendation": 3}]
    cut = analysed(stored(tmp_path / "cut.jsonl", [*opened, *kept]), tmp_path / "cut")
    assert [arm.users for arm in cut.arms] == [arm.users for arm in whole.arms]


def test_a_run_is_analysed_by_its_phases(tmp_path: Path) -> None:
    lines = made()
    (tmp_path / "run").mkdir()
    result = analysed(run_folder(tmp_path / "run", lines), tmp_path / "out")
    assert [(a.name, a.label, a.control) for a in result.arms] == [
        ("base", "C", True),
        ("neural", "T1", False),
    ]
    later = by_user([line for line in lines if line["timestamp"] >= 86_400_000 - 1])
    assert [arm.users for arm in result.arms] == later.groupby("arm").size().tolist()
    users = pd.read_parquet(tmp_path / "out" / "users.parquet")
    earlier = by_user([line for line in lines if line["timestamp"] < 86_400_000 - 1])
    assert users.pre_time.sum() == pytest.approx(earlier["time"].sum())
    assert result.run.days == 2


def test_looks_of_a_run_are_those_of_its_log(tmp_path: Path) -> None:
    """Shard by shard from the courses of a run, or in one pass over its log: one adjusted look."""
    run = play(
        tmp_path,
        small_scenario()
        | {
            "name": "watched",
            "world": {
                "catalogue": {"tracks": 100, "artists": 20, "genres": 5, "dims": 8},
                "users": {"count": 150},
            },
            "arrivals": {"sessions": 600},
            "timeline": [
                {"phase": "pre", "days": 2, "recommender": "random"},
                {"phase": "experiment", "days": 4},
            ],
            "arms": {
                "random": {"recommender": "random"},
                "sticky": {"recommender": "sticky_artist"},
            },
            "experiment": {"name": "WATCHED", "control": "random"},
            "metrics": {"success": ["mean_time_per_session"]},
        },
    )
    one = read(run)
    other = analysed(run, tmp_path / "again", experiment="WATCHED")
    assert one.monitored is not None
    assert sum(arm.users for arm in one.arms) == one.monitored.planned_users  # all came
    assert one.monitored == other.monitored
    assert one.monitored.estimand == "cuped"
    first, second = (result.arms[1].looks for result in (one, other))
    assert first is not None
    assert len(first) == 4
    assert first == second
