"""Known truth: nothing to find in A/A experiments, and a planted effect that is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mmh3
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import yaml
from scipy import stats

from abbotify import pipeline
from abbotify.scenario import load
from abbotify.simulation.assignment import split
from abbotify.stats import moments, welch

Plain = dict[str, Any]
EXPERIMENTS = 200
METRICS = ("time", "sessions", "tracks", "mean_time_per_session", "skip_rate")


def play(folder: Path, scenario: Plain) -> Path:
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False))
    pipeline.run(load(folder / "scenario.yaml"), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The users of one run in which everybody had the same recommender."""
    scenario = {
        "name": "aa",
        "world": {
            "catalogue": {"tracks": 300, "artists": 40, "genres": 5, "dims": 8},
            "users": {"count": 1000},
        },
        "arrivals": {"sessions": 2000},
        "timeline": [{"phase": "experiment", "days": 2}],
        "arms": {"one": {"recommender": "sticky_artist"}, "two": {"recommender": "sticky_artist"}},
        "experiment": {"name": "AA", "control": "one"},
    }
    out = play(tmp_path_factory.mktemp("aa"), scenario)
    users = pd.read_parquet(out / "users.parquet")
    return users[users.exposed]


def values_by_arm(users: pd.DataFrame, name: str, codes: Any) -> list[npt.NDArray[np.float64]]:
    values = users[name].to_numpy(float)
    return [values[(codes == code) & ~np.isnan(values)] for code in (0, 1)]


def p_values(users: pd.DataFrame, name: str, weights: list[float]) -> npt.NDArray[np.float64]:
    """The p-value of each of many experiments on the same users, who did not differ."""
    found = []
    for number in range(EXPERIMENTS):
        codes = split(users.user.to_numpy(), f"AA {number}", weights)
        control, treatment = map(moments.Moments.of, values_by_arm(users, name, codes))
        found.append(welch(control, treatment, 0.05).p_value)
    return np.array(found, float)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("weights", [[1.0, 1.0], [3.0, 1.0]], ids=["equal", "unequal"])
def test_nothing_is_found_where_nothing_is(
    same: pd.DataFrame, name: str, weights: list[float]
) -> None:
    found = p_values(same, name, weights)
    assert stats.kstest(found, "uniform").pvalue > 1e-3
    band = stats.binom.interval(0.999, EXPERIMENTS, 0.05)
    assert band[0] <= (found < 0.05).sum() <= band[1]


def test_experiments_on_the_same_users_are_independent(same: pd.DataFrame) -> None:
    # botify's hash: the arms of one name must not follow from those of another.
    ids = same.user.tolist()
    first, second = (
        np.array([mmh3.hash(str(u), mmh3.hash(name, signed=False), signed=False) % 2 for u in ids])
        for name in ("AA 1", "AA 2")
    )
    table = pd.crosstab(first, second)
    assert stats.chi2_contingency(table.to_numpy()).pvalue > 1e-3


def test_the_arms_of_a_run_do_not_differ(same: pd.DataFrame) -> None:
    one, two = (same[same.arm == arm].mean_time_per_session for arm in ("one", "two"))
    assert stats.ttest_ind(one, two, equal_var=False).pvalue > 1e-3


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenario = {
        "name": "geometric",
        "world": {
            "catalogue": {
                "source": "planted",
                "groups": {"good": 0.8, "better": 0.82},
                "tracks_per_group": 500,
            },
            "users": {"count": 2000, "interests": 1, "bias": 0.0, "sharpness": 1.0},
        },
        "arrivals": {"sessions": 4000, "profile": "flat"},
        "listener": {
            "session_budget": 5,
            "artist_discount_gamma": 1.0,
            "interest_neighbours": 1,
        },
        "timeline": [{"phase": "experiment", "days": 1}],
        "arms": {
            "good": {"recommender": "radio.py:GenreRadio", "genre": "good"},
            "better": {"recommender": "radio.py:GenreRadio", "genre": "better"},
        },
        "experiment": {"name": "GEOMETRIC", "control": "good"},
    }
    folder = tmp_path_factory.mktemp("planted")
    radio = Path(__file__).parents[1] / "recommenders" / "genre_radio.py"
    (folder / "radio.py").write_bytes(radio.read_bytes())
    return play(folder, scenario)


def expected_time(p: float, budget: int = 5) -> float:
    # N - b ~ NegBin(b, 1 - p): N has the mean b / (1 - p), a session lasts 1 + p N.
    return 1 + p * budget / (1 - p)


def test_the_planted_effect_is_found(planted: Path) -> None:
    rows = pd.read_csv(planted / "effects.csv").set_index(["metric", "estimand"])
    row: Any = rows.loc[("mean_time_per_session", "mean")]
    control, treatment = expected_time(0.8), expected_time(0.82)
    truth = treatment - control
    assert row.lower <= truth <= row.upper
    error = (row.upper - row.lower) / (2 * stats.norm.ppf(0.975))
    assert abs(row.effect - truth) < 4 * error
    assert row.relative_lower <= 100 * (treatment / control - 1) <= row.relative_upper
    assert row.significant


def test_the_lengths_of_sessions_are_negative_binomial(planted: Path) -> None:
    log = pd.concat([pd.read_parquet(path) for path in (planted / "log").iterdir()])
    lengths = log.groupby(["user", "session"]).agg(n=("track", "size"), arm=("arm", "first"))
    for arm, p in (("good", 0.8), ("better", 0.82)):
        beyond = lengths.n[lengths.arm == arm].to_numpy() - 1 - 5
        law = stats.nbinom(5, 1 - p)
        edges = [int(law.ppf(q)) for q in np.linspace(0.1, 0.9, 9)]
        counts = np.histogram(beyond, [-0.5, *(e + 0.5 for e in edges), np.inf])[0]
        shares = np.diff([0.0, *law.cdf(edges), 1.0])
        assert stats.chisquare(counts, len(beyond) * shares).pvalue > 1e-3
        # b p / (1 - p)^2 within four standard errors of a variance.
        kurtosis = float(law.stats(moments="k")) + 2
        error = float(law.var()) * np.sqrt(kurtosis / len(beyond))
        assert abs(beyond.var(ddof=1) - 5 * p / (1 - p) ** 2) < 4 * error
