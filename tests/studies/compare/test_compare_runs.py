"""Run folders compared: user by user, against scipy on their users.parquet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats as scipy_stats

from abbotify import pipeline
from abbotify.errors import DataError, UserError
from abbotify.scenario import load
from abbotify.stats.means import SAME
from abbotify.studies.compare import compare_runs
from abbotify.studies.compare.compare import Comparison

TEXT = """\
world:
  catalogue: {source: synthetic, tracks: 200, artists: 40, genres: 4, dims: 8}
  users: {source: synthetic, count: 300}
arrivals: {sessions: 300}
timeline: [{phase: experiment, days: 2}]
arms:
  random: {recommender: random}
  sticky: {recommender: sticky_artist}
experiment: {name: AB, control: random}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders a and b (another setting), seed (others), more (users), assigned (population)."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "small.yaml").write_text(TEXT)
    for name, changes, seed in (
        ("a", [], 7),
        ("b", ["listener.session_budget=8"], 7),
        ("seed", ["world.users.count=320"], 8),
        ("more", ["world.users.count=320"], 7),
        ("zero", ["metrics.population=assigned", "listener.session_budget=8"], 7),
        ("assigned", ["metrics.population=assigned"], 7),
    ):
        pipeline.run(load(folder / "small.yaml", changes, seed), folder / name)
    return folder


def users(folder: Path, arm: str, population: str = "exposed") -> pd.DataFrame:
    table = pq.read_table(folder / "users.parquet").to_pandas().set_index("user")
    own = table[table["arm"] == arm]
    return own[own["exposed"]] if population == "exposed" else own


def level(found: Comparison, arm: str, metric: str) -> Any:
    return next(one for one in found.levels if (one.arm, one.metric) == (arm, metric))


def effect(found: Comparison, metric: str, estimand: str = "mean") -> Any:
    return next(one for one in found.effects if (one.metric, one.estimand) == (metric, estimand))


@pytest.mark.parametrize("metric", ["time", "mean_time_per_session", "tracks", "skip_rate"])
@pytest.mark.parametrize("arm", ["random", "sticky"])
def test_levels_are_paired(runs: Path, arm: str, metric: str) -> None:
    found = level(compare_runs(runs / "a", runs / "b"), arm, metric)
    columns = {run: users(runs / run, arm)[metric] for run in "ab"}
    both = pd.DataFrame(columns).dropna()  # by user
    expected = scipy_stats.ttest_rel(both["b"], both["a"])
    interval = expected.confidence_interval()
    told = found.difference
    assert found.pairs == len(both)
    assert (told.lower, told.upper) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert (told.statistic, told.p_value) == pytest.approx(
        (expected.statistic, expected.pvalue), rel=1e-8
    )


def test_effects_are_paired(runs: Path) -> None:
    found = effect(compare_runs(runs / "a", runs / "b"), "time")
    change = {
        arm: (users(runs / "b", arm)["time"] - users(runs / "a", arm)["time"]).dropna()
        for arm in ("random", "sticky")
    }
    expected = scipy_stats.ttest_ind(change["sticky"], change["random"], equal_var=False)
    assert found.absolute.p_value == pytest.approx(expected.pvalue, rel=1e-8)
    assert found.absolute.effect == pytest.approx(found.b.effect - found.a.effect)
    moved = found.b.relative_effect - found.a.relative_effect
    assert found.relative.effect == pytest.approx(moved)
    assert found.pairs == sum(map(len, change.values()))


def sizes(runs: Path) -> dict[str, int]:
    return {arm: len(users(runs / "a", arm)) for arm in ("random", "sticky")}


@pytest.mark.parametrize("estimand", ["mean", "ratio"])
def test_relative_effects_agree_with_users_drawn_again(runs: Path, estimand: str) -> None:
    found = effect(compare_runs(runs / "a", runs / "b"), "mean_time_per_session", estimand)
    above, below = ("time", "sessions") if estimand == "ratio" else ("mean_time_per_session", None)
    lifts, draws = [], np.random.default_rng(1)
    rows = {arm: draws.integers(n, size=(1000, n)) for arm, n in sizes(runs).items()}
    for run in "ab":
        means = {}
        for arm, drawn in rows.items():
            table = users(runs / run, arm)
            means[arm] = table[above].to_numpy()[drawn].mean(axis=1)
            if below:
                means[arm] = means[arm] / table[below].to_numpy()[drawn].mean(axis=1)
        lifts.append(100 * means["sticky"] / means["random"])
    moved = lifts[1] - lifts[0]
    half = (found.relative.upper - found.relative.lower) / 2
    assert half == pytest.approx(1.96 * np.std(moved), rel=0.12)  # 1000 draws: 2.2 %, and skew
    assert found.relative.effect == pytest.approx(found.b.relative_effect - found.a.relative_effect)


def test_a_pair_is_far_more_precise_than_two_runs(runs: Path) -> None:
    paired = effect(compare_runs(runs / "a", runs / "b"), "time").relative
    shutil.copytree(runs / "b", runs / "alone")
    (runs / "alone" / "users.parquet").unlink()
    found = compare_runs(runs / "a", runs / "alone")
    assert found.basis == "none"
    alone = effect(found, "time")
    apart = np.hypot(*(e.relative_upper - e.relative_lower for e in (alone.a, alone.b)))
    assert paired.upper - paired.lower < apart / 2
    assert alone.relative.lower is None


def test_a_run_beside_itself(runs: Path) -> None:
    found = compare_runs(runs / "a", runs / "a")
    assert found.basis == "paired"
    assert not found.differing
    for row in found.effects:
        assert row.absolute.effect == 0
        if row.estimand in ("mean", "ratio"):  # others are not compared user by user
            assert row.absolute.note == SAME
    assert {one.difference.effect for one in found.levels} == {0.0}


def test_the_assigned_count_as_0_in_sums(runs: Path) -> None:
    found = level(compare_runs(runs / "assigned", runs / "zero"), "sticky", "time")
    tables = [users(runs / run, "sticky", "assigned") for run in ("assigned", "zero")]
    values = [table["time"].where(table["exposed"], 0.0) for table in tables]
    assert found.pairs == len(values[0])
    assert found.difference.effect == pytest.approx(values[1].mean() - values[0].mean())
    assert compare_runs(runs / "a", runs / "zero").basis == "none"


def test_other_users_are_not_paired(runs: Path) -> None:
    assert compare_runs(runs / "a", runs / "seed").basis == "independent"
    found = compare_runs(runs / "a", runs / "more")
    assert found.basis == "none"
    assert "not all users" in found.why


def test_other_controls_are_not_paired(runs: Path) -> None:
    """The third arm's effects are against different arms, so its users are no pair of effects."""
    extra = ["arms.third.recommender=top_pop", "arms.third.size=50"]
    for name, control in (("first", "random"), ("second", "sticky")):
        changes = [*extra, f"experiment.control={control}"]
        pipeline.run(load(runs / "small.yaml", changes, 7), runs / name)
    found = compare_runs(runs / "first", runs / "second")
    row = next(one for one in found.effects if (one.arm, one.metric) == ("third", "time"))
    assert (row.pairs, row.absolute.lower) == (None, None)
    assert row.absolute.effect == pytest.approx(row.b.effect - row.a.effect)  # type: ignore[union-attr,operator]


def broken(runs: Path, out: Path, table: pa.Table | None) -> Path:
    shutil.copytree(runs / "b", out)
    file = out / "users.parquet"
    file.write_bytes(b"no") if table is None else pq.write_table(table, file)
    return out


def test_broken_users_are_told(runs: Path, tmp_path: Path) -> None:
    table = pq.read_table(runs / "b" / "users.parquet")
    for at, (spoiled, what) in enumerate(
        (
            (None, "cannot be read as users"),
            (table.drop(["arm"]), "arm"),
            (table.take(list(range(len(table)))[::-1]), "ascending"),
            (table.set_column(2, "exposed", pa.array(["x"] * len(table))), "exposed"),
            (table.set_column(3, "time", pa.array(["x"] * len(table))), "time"),
            (table.set_column(3, "time", pa.array([np.inf] * len(table))), "finite"),
        )
    ):
        with pytest.raises(DataError, match=what) as told:
            compare_runs(runs / "a", broken(runs, tmp_path / str(at), spoiled))
        assert "users.parquet" in str(told.value)


def test_what_is_no_run_is_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"report\.json.*not a run folder"):
        compare_runs(runs / "a", tmp_path)
    (tmp_path / "report.json").write_text(json.dumps({"scenario": {}}))
    with pytest.raises(UserError, match=r"report\.json"):
        compare_runs(tmp_path, runs / "a")
