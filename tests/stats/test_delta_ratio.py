"""Ratio of sums by the delta method, against regressions that must give the same error."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from abbotify.stats import Estimate, Moments, difference, ratio_of_sums, relative

Floats = NDArray[np.float64]


def sessions(users: int, seed: int) -> tuple[NDArray[np.int64], Floats]:
    """Sessions with their user's row and a value correlated within the user."""
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, 5], dtype=np.uint64)))
    counts = 1 + generator.poisson(3, users)
    user = np.repeat(np.arange(users), counts)
    return user, np.exp(generator.normal(0, 0.5, users)[user] + generator.normal(0, 0.7, len(user)))


def per_user(user: NDArray[np.int64], value: Floats) -> Floats:
    return np.stack([np.bincount(user, weights=value), np.bincount(user)], axis=1)


def without_correction(estimate: Estimate) -> float:
    """Variance with ddof 0, which is what the regressions' HC0 uses."""
    assert estimate.variance is not None
    return estimate.variance * (estimate.n - 1) / estimate.n


def test_by_hand() -> None:
    # y = 1, 5, d = 1, 2: R = 2, e = -1, 1, V = 2 / 1 * 2 / 9.
    estimate = ratio_of_sums(Moments.of([[1.0, 1.0], [5.0, 2.0]]))
    assert estimate.value == pytest.approx(2, rel=1e-15)
    assert estimate.variance == pytest.approx(4 / 9, rel=1e-14)


def test_weighted_regression_gives_the_error() -> None:
    table = per_user(*sessions(400, 1))
    estimate = ratio_of_sums(Moments.of(table))
    y, d = table.T
    fit = sm.WLS(y / d, np.ones(len(y)), weights=d).fit(cov_type="HC0")
    assert estimate.value == pytest.approx(fit.params[0], rel=1e-12)
    assert math.sqrt(without_correction(estimate)) == pytest.approx(fit.bse[0], rel=1e-12)


def test_clustered_regression_over_sessions_gives_the_error() -> None:
    (user, value), (other_user, other) = sessions(300, 2), sessions(200, 3)
    control, treatment = (
        ratio_of_sums(Moments.of(per_user(*pair))) for pair in ((user, value), (other_user, other))
    )
    dummy = np.repeat([0.0, 1.0], [len(user), len(other_user)])
    groups = np.concatenate([user, 300 + other_user])
    fit = sm.OLS(np.concatenate([value, other]), sm.add_constant(dummy)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    assert control.value is not None
    assert treatment.value is not None
    error = math.sqrt(without_correction(control) + without_correction(treatment))
    assert treatment.value - control.value == pytest.approx(fit.params[1], rel=1e-12)
    assert error == pytest.approx(fit.bse[1], rel=1e-12)


def test_poisson_regression_gives_the_error_of_the_log_ratio() -> None:
    tables = [per_user(*sessions(300, 4)), per_user(*sessions(200, 5))]
    y, d = np.concatenate(tables).T
    dummy = np.repeat([0.0, 1.0], [300, 200])
    model = sm.GLM(y, sm.add_constant(dummy), family=sm.families.Poisson(), exposure=d)
    fit = model.fit(cov_type="HC0", tol=1e-14)
    squares = 0.0
    for table in tables:
        estimate = ratio_of_sums(Moments.of(table))
        assert estimate.value is not None
        squares += without_correction(estimate) / estimate.value**2
    assert math.sqrt(squares) == pytest.approx(fit.bse[1], rel=1e-12)


def test_difference_and_lift_use_satterthwaites_degrees_of_freedom() -> None:
    moments = [Moments.of(per_user(*sessions(n, n))) for n in (30, 12)]
    control, treatment = (ratio_of_sums(m) for m in moments)
    assert control.variance is not None
    assert treatment.variance is not None
    total = control.variance + treatment.variance
    df = total**2 / (control.variance**2 / 29 + treatment.variance**2 / 11)
    result = difference(control, treatment, 0.05)
    assert result.df == pytest.approx(df, rel=1e-12)
    assert result.p_value is not None
    lift = relative(control, treatment, 0.05)
    assert lift.lower is not None
    assert lift.upper is not None
    assert (lift.lower > 0 or lift.upper < 0) == (result.p_value < 0.05)


def test_denominator_of_one_is_the_mean() -> None:
    values = sessions(50, 6)[1]
    table = np.stack([values, np.ones(len(values))], axis=1)
    estimate = ratio_of_sums(Moments.of(table))
    assert estimate.value == pytest.approx(values.mean(), rel=1e-13)
    assert estimate.variance == pytest.approx(values.var(ddof=1) / len(values), rel=1e-12)


@pytest.mark.parametrize("constant", [40.0, 0.1, 1 / 3, 0.0])
@pytest.mark.parametrize("batch", [1, 50, 3000])
def test_constant_ratio_has_no_variance(constant: float, batch: int) -> None:
    # An arm whose requests all take 40 ms: what is left of the residuals is rounding.
    counts = 1.0 + np.arange(3000) % 17
    table = np.stack([constant * counts, counts], axis=1)
    parts = [Moments.of(table[i : i + batch]) for i in range(0, 3000, batch)]
    estimate = ratio_of_sums(reduce(Moments.merge, parts))
    assert estimate.value == pytest.approx(constant, rel=1e-12)
    assert estimate.variance == 0


def test_one_user_off_by_little_is_not_rounding() -> None:
    counts = 1.0 + np.arange(100_000) % 17
    table = np.stack([40 * counts, counts], axis=1)
    table[3, 0] += 1
    assert (ratio_of_sums(Moments.of(table)).variance or 0) > 0


@pytest.mark.parametrize(
    ("table", "value", "note"),
    [
        (np.empty((0, 2)), None, "no users"),
        (np.zeros((3, 2)), None, "the denominator is 0"),
        (np.array([[3.0, 2.0]]), 1.5, "one user: no variance"),
    ],
)
def test_undefined_is_none_with_the_reason(table: Floats, value: float | None, note: str) -> None:
    estimate = ratio_of_sums(Moments.of(table))
    assert (estimate.value, estimate.variance, estimate.note) == (value, None, note)


def test_refuses_other_than_two_variables() -> None:
    with pytest.raises(ValueError, match="2 variables"):
        ratio_of_sums(Moments.empty(1))
