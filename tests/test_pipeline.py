"""The whole arrow: what a run writes, recomputed from its log by other means."""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmh3
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from abbotify import pipeline
from abbotify.errors import OutputError, UserError
from abbotify.scenario import load

if TYPE_CHECKING:
    from tests.conftest import Finished

Plain = dict[str, Any]
DAY_MS = 86_400_000

# The columns of the specification, not of the code.
EFFECTS = (
    "arm,metric,estimand,n_control,n_treatment,control_mean,treatment_mean,effect,lower,upper,"
    "relative_effect,relative_lower,relative_upper,naive_lower,naive_upper,p_value,p_adjusted,"
    "significant,note"
)
METRICS = [
    "time",
    "sessions",
    "tracks",
    "mean_time_per_session",
    "mean_tracks_per_session",
    "mean_request_latency",
    "minutes",
    "skip_rate",
    "repeat_rate",
    "artist_diversity",
    "retained",
    "timeouts",
]
RUN = "seeds digests formats abbotify notes days alpha experiment population source"
COUNTERS = "requests fallbacks errors misses timeouts truncated_sessions"
FILES = "effects.csv manifest.json report.html report.json report.md scenario.yaml users.parquet"


def write(path: Path, scenario: Plain) -> Path:
    path.write_text(yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True))
    return path


def play(folder: Path, scenario: Plain) -> Path:
    pipeline.run(load(write(folder / "scenario.yaml", scenario)), folder / "out")
    return folder / "out"


def read_log(out: Path) -> pd.DataFrame:
    log = pd.concat([pd.read_parquet(path) for path in sorted((out / "log").glob("*.parquet"))])
    return log.sort_values(["user", "session", "step"]).reset_index(drop=True)


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Its rows, as tuples with names."""
    yield from table.itertuples()


def hashed(user: int, salt: str) -> int:
    return mmh3.hash(str(user), seed=mmh3.hash(salt, signed=False), signed=False)


def rich(small: Plain) -> Plain:
    """A scenario with every kind of day, unequal arms, an arm outside, latency, a log of botify."""
    return small | {
        "timeline": [
            {"phase": "pre", "days": 1, "recommender": "other"},
            {"phase": "collect", "days": 1, "traffic": {"other": 0.5, "sticky": 0.5}},
            {"phase": "experiment", "days": 3},
        ],
        "arrivals": {"sessions": 150},
        "arms": {
            "random": {"recommender": "random", "latency_ms": 10},
            "sticky": {
                "recommender": "sticky_artist",
                "latency_ms": {"distribution": "exponential", "mean": 30},
            },
            "mixed": {"recommender": "sticky_artist_mixed", "weight": 0.5},
            "other": {"recommender": "top_pop", "weight": 0},
        },
        "log": {"level": "events", "botify": True},
    }


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = {
        "name": "rich",
        "world": {
            "catalogue": {"tracks": 300, "artists": 40, "genres": 5, "dims": 8},
            "users": {"count": 100},
        },
        "experiment": {"name": "RICH", "control": "random"},
    }
    return play(tmp_path_factory.mktemp("rich"), rich(small))


@pytest.fixture(scope="module")
def log(run_folder: Path) -> pd.DataFrame:
    return read_log(run_folder)


@pytest.fixture(scope="module")
def users(run_folder: Path) -> pd.DataFrame:
    return pd.read_parquet(run_folder / "users.parquet").set_index("user")


@pytest.fixture(scope="module")
def document(run_folder: Path) -> Plain:
    data: Plain = json.loads((run_folder / "report.json").read_text())
    return data


def per_user(log: pd.DataFrame) -> pd.DataFrame:
    """The notebook's way from a log to users."""
    recommended = log[log.step > 0]
    repeated = log.duplicated(["user", "session", "track"]) & (log.step > 0)
    table = log.groupby("user").agg(time=("time", "sum"), tracks=("track", "size"))
    table["sessions"] = log[["user", "session"]].drop_duplicates().groupby("user").size()
    table["latency"] = log.groupby("user").latency_ms.sum()
    table["recommended"] = recommended.groupby("user").size().reindex(table.index, fill_value=0)
    skips = recommended[recommended.time < 0.3].groupby("user").size()
    table["skips"] = skips.reindex(table.index, fill_value=0)
    table["repeats"] = log[repeated].groupby("user").size().reindex(table.index, fill_value=0)
    table["mean_time_per_session"] = table.time / table.sessions
    table["mean_tracks_per_session"] = table.tracks / table.sessions
    table["mean_request_latency"] = table.latency / table.tracks
    table["skip_rate"] = table.skips / table.recommended
    table["repeat_rate"] = table.repeats / table.recommended
    # A track of unknown length lasts three minutes.
    heard = (log.time * 100).round().astype(int)
    played = ((heard * 180_000 + 50) // 100).groupby(log.user).sum()
    table["minutes"] = played / 60_000
    table["retained"] = (log.groupby("user").day.max() == log.day.max()).astype(float)
    return table


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    for name in expected:
        column = found[name].to_numpy(float)
        np.testing.assert_allclose(column, expected[name].to_numpy(float), rtol=1e-9, err_msg=name)


def test_a_run_leaves_these_files(run_folder: Path) -> None:
    names = {path.name for path in run_folder.iterdir()}
    assert names == {*FILES.split(), "botify.jsonl", "log", "state"}
    assert all(path.suffix == ".parquet" for path in (run_folder / "log").iterdir())


def test_users_are_those_of_the_log(log: pd.DataFrame, users: pd.DataFrame) -> None:
    expected = per_user(log[log.day >= 2])
    assert len(users) == 100
    assert list(users.index[users.exposed]) == list(expected.index)
    assert_same(users[users.exposed], expected)


def test_days_before_are_columns_of_their_own(log: pd.DataFrame, users: pd.DataFrame) -> None:
    expected = per_user(log[log.day < 2]).add_prefix("pre_")
    assert_same(users.loc[expected.index], expected)
    without = users.drop(expected.index)
    assert len(without)
    assert (without[["pre_time", "pre_sessions", "pre_tracks", "pre_minutes"]] == 0).all(axis=None)
    assert without[["pre_mean_time_per_session", "pre_skip_rate"]].isna().all(axis=None)


def test_users_without_sessions_are_listed_with_nulls(users: pd.DataFrame) -> None:
    absent = users[~users.exposed]
    assert len(absent)
    assert absent[METRICS].isna().all(axis=None)
    assert absent.arm.notna().all()


def test_diversity_is_that_of_the_artists(
    run_folder: Path, log: pd.DataFrame, users: pd.DataFrame
) -> None:
    from abbotify.world import load_world

    artist = load_world(load(run_folder / "scenario.yaml")).catalogue.artist
    part = log[log.day >= 2].assign(artist=lambda rows: artist[rows.track])
    sessions = part.groupby(["user", "session"]).artist.agg(["nunique", "size"])
    expected = (sessions["nunique"] / sessions["size"]).groupby("user").mean()
    np.testing.assert_allclose(users.artist_diversity[expected.index], expected, rtol=1e-9)


def test_arms_are_the_hashes(log: pd.DataFrame, users: pd.DataFrame) -> None:
    names = ["random", "sticky", "mixed"]  # weights 1, 1, 0.5

    def arm(user: int) -> str:
        share = hashed(user, "RICH") / 2**32
        return names[int(np.searchsorted([0.4, 0.8], share, side="right"))]

    part = log[log.day >= 2]
    assert (part.arm == part.user.map(arm)).all()
    assert list(users.arm) == [arm(user) for user in users.index]


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


def effects(out: Path) -> list[dict[str, str]]:
    with open(out / "effects.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_effects_are_welch(run_folder: Path, users: pd.DataFrame) -> None:
    rows = {(row["arm"], row["metric"], row["estimand"]): row for row in effects(run_folder)}
    for name in ("time", "sessions", "mean_time_per_session", "skip_rate", "artist_diversity"):
        for arm in ("sticky", "mixed"):
            row = rows[arm, name, "mean"]
            t = users[users.arm == arm][name].dropna()
            c = users[users.arm == "random"][name].dropna()
            result = stats.ttest_ind(t, c, equal_var=False)
            interval = result.confidence_interval(0.95)
            expected = {
                "n_control": len(c),
                "n_treatment": len(t),
                "control_mean": c.mean(),
                "treatment_mean": t.mean(),
                "effect": t.mean() - c.mean(),
                "lower": interval.low,
                "upper": interval.high,
                "relative_effect": 100 * (t.mean() / c.mean() - 1),
                "naive_lower": 100 * interval.low / c.mean(),
                "naive_upper": 100 * interval.high / c.mean(),
                "p_value": result.pvalue,
            }
            for key, value in expected.items():
                assert float(row[key]) == pytest.approx(value, rel=1e-9, abs=1e-12), (name, key)


def test_the_family_is_holm_over_success_and_arms(run_folder: Path) -> None:
    family = [
        row
        for row in effects(run_folder)
        if row["metric"] == "mean_time_per_session" and row["estimand"] == "mean"
    ]
    low, high = sorted(float(row["p_value"]) for row in family)
    adjusted = sorted(float(row["p_adjusted"]) for row in family)
    assert adjusted == pytest.approx([min(1, 2 * low), min(1, max(2 * low, high))], rel=1e-12)
    rest = [row for row in effects(run_folder) if row not in family]
    assert all(row["p_adjusted"] == "" for row in rest)


def test_the_report_has_the_specified_keys(run_folder: Path, document: Plain) -> None:
    assert list(document) == ["scenario", "run", "arms", "effects", "checks"]
    assert set(document["run"]) == set(RUN.split())
    assert document["run"]["formats"] == {"report": 1, "log": 1, "users": 1, "effects": 1}
    arm_keys = (
        "name label recommender control weight users assigned sessions tracks metrics distribution "
        "survival daily top_tracks counters by_position trainings"
    )
    for arm in document["arms"]:
        assert set(arm) == set(arm_keys.split())
        assert set(arm["metrics"]) == set(METRICS)
        assert set(arm["counters"]) == set(COUNTERS.split())
    assert [(arm["name"], arm["label"]) for arm in document["arms"]] == [
        ("random", "C"),
        ("sticky", "T1"),
        ("mixed", "T2"),
    ]
    for row in document["effects"]:
        assert list(row) == EFFECTS.split(",")
    for check in document["checks"]:
        assert set(check) == {"name", "status", "summary", "details"}
        assert check["status"] in {"pass", "warn", "fail", "info"}
    assert (run_folder / "effects.csv").read_text().splitlines()[0] == EFFECTS


def test_effects_are_the_same_in_both_files(run_folder: Path, document: Plain) -> None:
    for line, row in zip(effects(run_folder), document["effects"], strict=True):
        for key, value in row.items():
            if isinstance(value, float):
                assert float(line[key]) == value
            else:
                assert line[key] == ("" if value is None else str(value).lower()) or key == "note"


def test_arms_of_the_report_are_those_of_the_log(
    document: Plain, log: pd.DataFrame, users: pd.DataFrame
) -> None:
    part = log[log.day >= 2]
    for arm in document["arms"]:
        rows, members = part[part.arm == arm["name"]], users[users.arm == arm["name"]]
        assert arm["tracks"] == len(rows) == arm["counters"]["requests"]
        assert arm["sessions"] == (rows.step == 0).sum()
        assert (arm["assigned"], arm["users"]) == (len(members), members.exposed.sum())
        for name, moments in arm["metrics"].items():
            values = members[name].dropna()
            assert moments["n"] == len(values)
            assert moments["mean"] == pytest.approx(values.mean(), rel=1e-9, abs=1e-12)
            assert moments["variance"] == pytest.approx(values.var(), rel=1e-9, abs=1e-12)
        plays = rows.track.value_counts()
        for top in arm["top_tracks"]:
            assert top["plays"] == plays[top["track"]]
            assert top["share"] == pytest.approx(top["plays"] / len(rows))
        assert arm["top_tracks"][0]["plays"] == plays.max()
        assert sum(arm["distribution"]["counts"]) == arm["users"]


def test_nothing_in_the_report_tells_how_it_was_run(run_folder: Path) -> None:
    text = (run_folder / "report.json").read_text()
    unwanted = [str(run_folder), str(Path.home()), os.getcwd(), "simpy", "workers", "/tmp"]
    unwanted += [time.strftime("%Y-%m-%d"), *filter(None, [platform.node()])]
    assert [word for word in unwanted if word in text] == []


def test_the_resolved_scenario_runs_alike(run_folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    pipeline.run(load(run_folder / "scenario.yaml"), again)
    for name in ("report.json", "effects.csv", "users.parquet"):
        assert (again / name).read_bytes() == (run_folder / name).read_bytes()


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


def botify_files(folder: Path, tracks: int = 60) -> Plain:
    nasty = "</script><script>alert(1)</script>|`*<b>& é"
    lines = [
        {"track": t, "artist": f"<i>{t % 7}</i>", "title": f"{nasty}{t}", "pop": 1.0}
        for t in range(tracks)
    ]
    (folder / "tracks.jsonl").write_text("\n".join(map(json.dumps, lines)))
    vectors = np.random.default_rng(1).normal(size=(tracks, 4)).astype(np.float32)
    np.save(folder / "vectors.npy", vectors)
    return {"source": "botify", "tracks": "tracks.jsonl", "embeddings": "vectors.npy"}


def test_titles_stay_text(small: Plain, tmp_path: Path) -> None:
    world = {"catalogue": botify_files(tmp_path), "users": {"count": 100}}
    arms = small["arms"] | {"<img src=x onerror=alert(2)>": {"recommender": "random"}}
    out = play(tmp_path, small | {"world": world, "arms": arms})
    page, text = (out / "report.html").read_text(), (out / "report.md").read_text()
    assert "alert(1)" in page
    for written in (page, text.replace("\\<", "")):  # Markdown escapes by a backslash
        assert "alert(2)" in written
        assert not [tag for tag in ("<script>alert(1)", "<i>3", "<img src=x") if tag in written]
    data = json.loads((out / "report.json").read_text())
    assert "<script>alert(1)" in data["arms"][0]["top_tracks"][0]["title"]


def test_a_run_folder_is_replaced(small: Plain, tmp_path: Path) -> None:
    out = play(tmp_path, small)
    (out / "left over").write_text("from before")
    play(tmp_path, small | {"seeds": {"dynamics": 2}})
    assert not (out / "left over").exists()
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
    command = [sys.executable, "-m", "abbotify", "run", str(path), "--out", str(tmp_path / "out")]
    # Where the tests run in the background interrupts are ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*/log/*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(kill)
    out, err = process.communicate(timeout=30)
    assert out == ""
    assert not (tmp_path / "out").exists()
    if kill == signal.SIGINT:
        assert (process.returncode, err) == (130, "abbotify: interrupted\n")
        assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]


def test_an_undefined_effect_is_a_null_with_its_reason(small: Plain, tmp_path: Path) -> None:
    out = play(tmp_path, small)
    data = json.loads((out / "report.json").read_text(), parse_constant=pytest.fail)
    row = next(row for row in data["effects"] if row["metric"] == "timeouts")
    assert row["p_value"] is None
    assert row["note"]
    assert all(
        not isinstance(value, float) or math.isfinite(value)
        for row in data["effects"]
        for value in row.values()
    )


def test_the_assigned_count_as_zero(small: Plain, tmp_path: Path) -> None:
    out = play(tmp_path, small | {"metrics": {"population": "assigned"}})
    users = pd.read_parquet(out / "users.parquet")
    arm = json.loads((out / "report.json").read_text())["arms"][0]
    members = users[users.arm == "random"]
    assert arm["metrics"]["time"]["n"] == len(members)
    assert arm["metrics"]["time"]["mean"] == pytest.approx(members.time.fillna(0).mean())
    assert arm["metrics"]["mean_time_per_session"]["n"] == members.exposed.sum()


def test_the_command_line_does_the_same(
    abbotify: Callable[..., Finished], run_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cli"
    assert abbotify("run", run_folder / "scenario.yaml", "--out", out).code == 0
    assert (out / "report.json").read_bytes() == (run_folder / "report.json").read_bytes()
