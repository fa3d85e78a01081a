"""What things are called in front of people."""

from __future__ import annotations

import pytest

from abbotify.report.text import labels


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mean", "mean of users"),
        ("ratio_cuped", "ratio of sums, CUPED"),
        ("quantile_0.1", "10th percentile"),
        ("quantile_0.5", "median"),
        ("quantile_0.01", "1st percentile"),
        ("quantile_0.22", "22nd percentile"),
        ("quantile_0.93", "93rd percentile"),
        ("quantile_0.11", "11th percentile"),
        ("quantile_0.995", "99.5th percentile"),
        ("quantile_x", "quantile x"),
        ("another_one", "another one"),
    ],
)
def test_estimands(name: str, told: str) -> None:
    assert labels.estimand(name) == told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("welch", "mean of users, Welch"),
        ("delta_fieller", "ratio of sums, Fieller"),
        ("cuped", "mean, CUPED"),
        ("ratio_cuped_fieller", "ratio of sums, CUPED, Fieller"),
        ("sessions_as_independent", "sessions taken as independent"),
    ],
)
def test_methods(name: str, told: str) -> None:
    assert labels.method(name) == told


def test_units() -> None:
    assert labels.unit("mean_request_latency") == "\N{NO-BREAK SPACE}ms"
    assert labels.unit("skip_rate") == labels.unit("unknown") == ""
    assert labels.with_unit("So far", "mean_request_latency") == "So far, ms"
    assert labels.with_unit("So far", "skip_rate") == "So far"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pre_skip_rate", "skip rate before the experiment"),
        ("file", "a file of segments"),
        ("budget", "session budget"),
        ("shoe_size\u202e", "shoe size"),
    ],
)
def test_attributes(name: str, told: str) -> None:
    assert labels.attribute(name) == told
