"""A log of botify's and of a run, analysed: numbers by pandas and scipy, files, refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import ttest_ind

from abbotify.analysis import analyze
from abbotify.errors import UserError
from abbotify.eventlog.botify import read_botify
from abbotify.eventlog.parquet import write_events
from abbotify.events import ARM, Events, Labels
from abbotify.metrics.sessions import session_table
from abbotify.metrics.sessions_file import write_sessions
from abbotify.report import Document, read

Lines = list[dict[str, Any]]
METRICS = (
    "time",
    "sessions",
    "mean_request_latency",
    "mean_tracks_per_session",
    "mean_time_per_session",
)


def made(users: int = 120, arms: tuple[str, ...] = ("C", "T1"), seed: int = 5) -> Lines:
    """Users one after the other, three days, every session ended."""
    random = np.random.default_rng(seed)
    lines: Lines = []
    for user in range(users):
        arm = int(random.integers(len(arms)))
        for day in np.sort(random.integers(0, 3, random.integers(1, 5))):
            now = int(day) * 86_400_000 + len(lines)
            length = int(random.geometric(0.2 - 0.05 * arm))
            lines += [
                {
                    "message": "next" if step < length - 1 else "last",
                    "timestamp": now + step,
                    "user": user,
                    "track": int(random.integers(0, 30)),
                    "time": round(float(random.random()), 2),
                    "latency": float(random.lognormal(-6, 1)),
                    "experiments": {"NEURAL": arms[arm]},
                }
                | ({"recommendation": 1} if step < length - 1 else {})
                for step in range(length)
            ]
    return lines


def stored(path: Path, lines: Lines) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def analysed(log: Path, out: Path, **options: Any) -> Document:
    given = {"experiment": "NEURAL", "control": None, "arms": {}} | options
    return analyze([log], out=out, **given)


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
    document = analysed(stored(tmp_path / "log.jsonl", lines), tmp_path / "out")
    users = by_user(lines)
    for metric in METRICS:
        groups = [users.loc[users["arm"] == arm, metric] for arm in ("C", "T1")]
        for arm, values in zip(document.arms, groups, strict=True):
            assert arm.metrics is not None
            found = arm.metrics[metric]
            assert found.n == len(values)
            assert found.mean == pytest.approx(values.mean(), rel=1e-9)
            assert found.variance == pytest.approx(values.var(ddof=1), rel=1e-9)
        row = next(e for e in document.effects if (e.metric, e.estimand) == (metric, "mean"))
        interval = ttest_ind(groups[1], groups[0], equal_var=False).confidence_interval(0.95)
        assert [row.lower, row.upper] == pytest.approx([interval.low, interval.high], rel=1e-9)
        naive = [100 * end / groups[0].mean() for end in interval]
        assert [row.naive_lower, row.naive_upper] == pytest.approx(naive, rel=1e-9)


def test_positions_are_those_of_the_lines(tmp_path: Path) -> None:
    lines = made()
    document = analysed(stored(tmp_path / "log.jsonl", lines), tmp_path / "out")
    rows = pd.DataFrame(lines)
    rows["arm"] = [experiments["NEURAL"] for experiments in rows["experiments"]]
    ended = (rows["message"] == "last").cumsum().shift(fill_value=0)
    rows["step"] = rows.groupby(ended).cumcount()
    for arm in document.arms:
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
    document = analysed(stored(tmp_path / "log.jsonl", made()), tmp_path / "out")
    assert read(tmp_path / "out") == document
    assert len(pd.read_parquet(tmp_path / "out" / "users.parquet").user) == 120


def test_arms_take_the_names_given(tmp_path: Path) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    names = {"C": "random", "T1": "sticky"}
    document = analysed(log, tmp_path / "out", arms=names, control="sticky")
    assert [(arm.name, arm.label, arm.control) for arm in document.arms] == [
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
    document = analysed(stored(tmp_path / "log.jsonl", lines), tmp_path / "out")
    check = next(check for check in document.checks if check.name == "sample_ratio")
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
    document = analysed(log, tmp_path / "out")
    found = {check.name: check for check in document.checks}
    assert found["users_in_two_arms"].details == {"users": 1}
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


def run_folder(folder: Path, lines: Lines) -> Path:
    """The same events as two days of a run's own log: the first before the experiment."""
    events = read_botify(stored(folder / "lines.jsonl", lines), experiment="NEURAL").events
    events = Events(
        **{name: value for name, value in vars(events).items() if name != "arms"},
        arms={ARM: Labels(events.arms[ARM].codes, ("base", "neural", "unused"))},
    )
    (folder / "log").mkdir()
    for day in range(3):
        phase = {"phase": "experiment" if day else "collect", "experiment": "NEURAL"}
        part = events.take(events.day == day)
        write_events(folder / "log" / f"day-{day}.parquet", part, phase | {"control": "base"})
    return folder


def test_a_run_is_analysed_by_its_phases(tmp_path: Path) -> None:
    lines = made()
    (tmp_path / "run").mkdir()
    document = analysed(run_folder(tmp_path / "run", lines), tmp_path / "out")
    assert [(a.name, a.label, a.control) for a in document.arms] == [
        ("base", "C", True),
        ("neural", "T1", False),
    ]
    later = by_user([line for line in lines if line["timestamp"] >= 86_400_000 - 1])
    assert [arm.users for arm in document.arms] == later.groupby("arm").size().tolist()
    users = pd.read_parquet(tmp_path / "out" / "users.parquet")
    earlier = by_user([line for line in lines if line["timestamp"] < 86_400_000 - 1])
    assert users.pre_time.sum() == pytest.approx(earlier["time"].sum())
    assert document.run.days == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"experiment": "OTHER"}, "'OTHER' is no experiment of the log (NEURAL)"),
        ({"control": "T7"}, "control: 'T7' is no arm of the log (C, T1)"),
        ({"arms": {"T2": "x"}}, "arms: 'T2' is no arm of the log (C, T1)"),
        ({"arms": {"C": "x", "T1": "x"}}, "arms: two arms have one name: x, x"),
        ({"alpha": 1.5}, "alpha: 1.5 is not between 0 and 1"),
    ],
)
@pytest.mark.parametrize("form", ["lines", "run"])
def test_what_the_log_does_not_name_is_refused(
    options: dict[str, Any], told: str, form: str, tmp_path: Path
) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    if form == "run":
        (tmp_path / "run").mkdir()
        log = run_folder(tmp_path / "run", made())
        told = told.replace("(C, T1)", "(base, neural, unused)")
        given = {"C": "base", "T1": "neural"}
        arms = options.get("arms", {})
        options = options | {"arms": {given.get(k, k): v for k, v in arms.items()}}
    with pytest.raises(UserError) as caught:
        analysed(log, tmp_path / "out", **options)
    assert told in str(caught.value)
    assert not (tmp_path / "out").exists()


def _empty(path: Path) -> None:
    path.write_text("")


def _broken(path: Path) -> None:
    path.write_text("{\n[]\nnull\n")


def _no_rows(path: Path) -> None:
    events = read_botify(stored(path, made()), experiment="NEURAL").events
    write_events(path, events.take(slice(0)))


def _one_arm(path: Path) -> None:
    stored(path, made(arms=("C",)))


def _no_control(path: Path) -> None:
    stored(path, made(arms=("T1", "T2")))


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (_empty, "the log holds no event"),
        (_no_rows, "the log holds no event of an experiment"),
        (_broken, "3 of 3 lines are broken"),
        (_one_arm, "the log has users in one arm only (C), not in two"),
        (_no_control, "control: the log does not say which arm it is (T1, T2)"),
    ],
)
def test_logs_that_cannot_be_analysed_are_refused(
    write: Callable[[Path], None], told: str, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    write(log)
    with pytest.raises(UserError) as caught:
        analysed(log, tmp_path / "out")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


@pytest.mark.parametrize("given", [".", "log", "log/day-0.parquet"])
def test_a_log_of_sessions_is_refused(given: str, tmp_path: Path) -> None:
    events = read_botify(stored(tmp_path / "lines.jsonl", made()), experiment="NEURAL").events
    file = tmp_path / "run" / "log" / "day-0.parquet"
    file.parent.mkdir(parents=True)
    write_sessions(file, session_table(events), {"phase": "experiment", "experiment": "NEURAL"})
    with pytest.raises(UserError) as caught:
        analysed(tmp_path / "run" / given, tmp_path / "out")
    told = "the log holds sessions, not events: a run with `log.level: events` is needed"
    assert str(caught.value) == f"{file}: {told}"


def test_an_output_that_cannot_be_is_refused_before_the_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    _broken(tmp_path / "log.jsonl")
    with pytest.raises(UserError, match="out: is a file, not a folder"):
        analysed(tmp_path / "log.jsonl", tmp_path / "out")


def test_the_folder_of_the_log_is_not_replaced(tmp_path: Path) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(UserError, match="holds the log itself"):
        analysed(log, tmp_path)
    assert log.exists()
