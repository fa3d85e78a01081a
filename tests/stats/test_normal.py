"""The normal distribution beside scipy's, and the errors of significant estimates by drawing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from abbotify.stats.normal import below, density, quantile, sign_and_size_errors


@pytest.mark.parametrize("value", [-8.0, -1.5, 0.0, 0.3, 2.0])
def test_density_and_distribution_are_scipys(value: float) -> None:
    assert density(value) == pytest.approx(norm.pdf(value), rel=1e-14)
    assert below(value) == pytest.approx(norm.cdf(value), rel=1e-14)


def test_the_quantile_is_two_sided() -> None:
    assert quantile(0.05) == pytest.approx(norm.isf(0.025), rel=1e-14)


def test_sign_and_size_errors_are_those_of_drawn_estimates() -> None:
    estimates = 1.0 + np.random.default_rng(3).standard_normal(400_000)
    significant = estimates[np.abs(estimates) > quantile(0.05)]
    wrong, size = sign_and_size_errors(1.0, 0.05)
    assert np.mean(significant < 0) == pytest.approx(wrong, abs=0.003)
    assert np.abs(significant).mean() == pytest.approx(size, abs=0.01)
