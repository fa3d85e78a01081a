"""The report of a run and its table of effects, recomputed by other means."""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.pipeline.playing import METRICS, Plain, play

# The columns of the specification, not of the code.
EFFECTS = (
    "arm,metric,estimand,n_control,n_treatment,control_mean,treatment_mean,effect,lower,upper,"
    "relative_effect,relative_lower,relative_upper,naive_lower,naive_upper,p_value,p_adjusted,"
    "significant,note,simultaneous_lower,simultaneous_upper,p_simultaneous,variance_reduction"
)
RUN = "seeds digests formats abbotify notes days alpha experiment population estimator source"
COUNTERS = "requests fallbacks errors misses timeouts truncated_sessions"


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
        if row["metric"] == "mean_time_per_session" and row["estimand"] == "cuped"
    ]  # days before the experiment: the adjusted estimate decides
    low, high = sorted(float(row["p_value"]) for row in family)
    adjusted = sorted(float(row["p_adjusted"]) for row in family)
    assert adjusted == pytest.approx([min(1, 2 * low), min(1, max(2 * low, high))], rel=1e-12)
    rest = [row for row in effects(run_folder) if row not in family]
    assert all(row["p_adjusted"] == "" for row in rest)


def test_the_report_has_the_specified_keys(run_folder: Path, result: Plain) -> None:
    first = ["scenario", "run", "arms", "effects", "checks"]
    assert list(result) == [
        *first,
        "guardrails",
        "segments",
        "monitored",
        "truth",
        "pairs",
        "decisions",
    ]
    assert result["truth"] == []
    assert set(result["run"]) == set(RUN.split())
    assert result["run"]["formats"] == {"report": 2, "log": 1, "users": 1, "effects": 1}
    arm_keys = (
        "name label recommender control weight users assigned sessions tracks metrics distribution "
        "survival daily top_tracks counters by_position trainings looks trend retention"
    )
    for arm in result["arms"]:
        assert set(arm) == set(arm_keys.split())
        assert set(arm["metrics"]) == set(METRICS)
        assert set(arm["counters"]) == set(COUNTERS.split())
    assert [(arm["name"], arm["label"]) for arm in result["arms"]] == [
        ("random", "C"),
        ("sticky", "T1"),
        ("mixed", "T2"),
    ]
    for row in result["effects"]:
        assert list(row) == EFFECTS.split(",")
    for check in result["checks"]:
        assert set(check) == {"name", "status", "summary", "details", "arms"}
        assert check["status"] in {"pass", "warn", "fail", "info"}
    assert (run_folder / "effects.csv").read_text().splitlines()[0] == EFFECTS


def test_effects_are_the_same_in_both_files(run_folder: Path, result: Plain) -> None:
    for line, row in zip(effects(run_folder), result["effects"], strict=True):
        for key, value in row.items():
            if isinstance(value, float):
                assert float(line[key]) == value
            else:
                assert line[key] == ("" if value is None else str(value).lower()) or key == "note"


def test_arms_of_the_report_are_those_of_the_log(
    result: Plain, log: pd.DataFrame, users: pd.DataFrame
) -> None:
    part = log[log.day >= 2]
    for arm in result["arms"]:
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
