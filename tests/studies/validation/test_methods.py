"""What methods say of an experiment, against the estimators on the same users."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from abbotify import stats
from abbotify.stats import ArmMoments, Moments
from abbotify.stats.effects import Estimator
from abbotify.studies.validation.methods import (
    AnalysisPlan,
    Key,
    at_any_look,
    experiment_estimates,
    single_tracks,
)
from tests.studies.validation.worlds import made_up


def arms() -> list[ArmMoments]:
    out = []
    for name, table in made_up().items():
        came, values = table.exposed, table.values
        covariates = stats.with_indicator(values["pre_mean_time_per_session"][came])
        mean = np.column_stack([values["mean_time_per_session"][came], covariates])
        parts = ("time", "sessions", "pre_time", "pre_sessions")
        ratio = np.stack([values[part][came] for part in parts], 1)
        metric = "mean_time_per_session"
        adjusted, ratios = Moments.of(mean), Moments.of(ratio)
        out.append(
            ArmMoments(
                name,
                {"time": Moments.of(values["time"][came]), metric: adjusted.leading(1)},
                {metric: ratios.leading(2)},
                {metric: adjusted},
                {metric: ratios},
            )
        )
    return out


def test_every_method_says_what_its_estimator_says() -> None:
    control, treatment = arms()
    found = experiment_estimates([control, treatment], AnalysisPlan(("time",), 0.05), True)
    tables = made_up()
    values = [table.values["time"][table.exposed] for table in tables.values()]
    test = scipy_stats.ttest_ind(values[1], values[0], equal_var=False)
    interval = test.confidence_interval()
    welch = found[Key("welch", "time", "two")]
    assert welch[1:3] == pytest.approx((interval.low, interval.high))
    assert welch.significant == (test.pvalue < 0.05)
    pair = stats.cuped_means([arm.adjusted["mean_time_per_session"] for arm in arms()]).pair(1)
    expected = stats.difference(*pair, 0.05)
    cuped = found[Key("cuped", "mean_time_per_session", "two")]
    assert cuped[:3] == (expected.effect, expected.lower, expected.upper)
    lift = stats.relative(*pair, 0.05)
    fieller = found[Key("cuped_fieller", "mean_time_per_session", "two")]
    assert fieller[:3] == (lift.effect, lift.lower, lift.upper)
    ratios = stats.cuped_ratios(
        [arm.adjusted_ratios["mean_time_per_session"] for arm in arms()]
    ).pair(1)
    expected = stats.difference(*ratios, 0.05)
    assert found[Key("ratio_cuped", "mean_time_per_session", "two")].upper == expected.upper
    alone = found[Key("max_z", "time", "two")]  # of one treatment: the normal test
    assert alone.estimate == welch.estimate
    assert {key.method for key in found} == {
        *("welch", "fieller", "naive_relative", "holm", "max_z", "delta", "delta_fieller"),
        *("cuped", "cuped_fieller", "ratio_cuped", "ratio_cuped_fieller"),
    }


def test_families_are_of_the_estimate_that_decides() -> None:
    success = ("mean_time_per_session", "time")
    experiment = arms()
    cases: list[tuple[Estimator, str]]
    cases = [("mean", "welch"), ("auto", "cuped"), ("cuped", "cuped")]
    for estimator, decides in cases:
        found = experiment_estimates(experiment, AnalysisPlan(success, 0.05, estimator), True)
        first = [found[Key(m, success[0], "two")] for m in (decides, "holm", "max_z")]
        assert first[0][:3] == first[1][:3]
        assert first[2].estimate == first[0].estimate
        # `time` has nothing from before here, so its mean decides under every estimator.
        assert found[Key("holm", "time", "two")][:3] == found[Key("welch", "time", "two")][:3]


def test_single_tracks_are_a_sample_of_zeros_and_ones() -> None:
    users = np.array([[3.0, 10.0], [0.0, 5.0], [7.0, 9.0]])  # skipped, all
    tracks = np.concatenate([np.r_[np.ones(int(y)), np.zeros(int(d - y))] for y, d in users])
    found = single_tracks(Moments.of(users))
    assert found.value == pytest.approx(tracks.mean())
    assert found.variance == pytest.approx(tracks.var() / len(tracks))
    assert found.n == len(tracks)
    assert single_tracks(Moments.of(users[:1])).variance is None


@pytest.mark.parametrize(
    ("looks", "error"), [(1, 0.05), (5, 0.1417), (10, 0.1934), (14, 0.2196), (100, 0.3736)]
)
def test_a_fixed_test_errs_as_often_as_was_computed_in_1969(looks: int, error: float) -> None:
    # Armitage, McPherson, Rowe (1969), table 2, for 5 and 10: .142, .193; 100: .374.
    assert at_any_look(looks, 0.05) == pytest.approx(error, abs=6e-5)
