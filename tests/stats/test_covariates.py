"""Covariates: undefined values as two columns, and none from after exposure."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abbotify.stats import Moments, cuped_means, difference, refuse_later, with_indicator


def test_undefined_values_become_an_indicator() -> None:
    assert with_indicator([3.0, math.nan, 0.0]).tolist() == [[3, 0], [0, 1], [0, 0]]


def test_values_from_before_exposure_pass() -> None:
    stamps = [10, math.nan, 5, 7]
    with pytest.raises(ValueError, match="time has 1 of 4"):
        refuse_later("time", stamps, [11, 3, math.nan, 7])
    refuse_later("time", stamps, [11, 3, math.nan, 8])  # a moment later, it is before
    refuse_later("time", [], [])


@pytest.mark.parametrize("stamped", [11, 12])
def test_values_of_the_experiment_are_refused_with_the_reason(stamped: float) -> None:
    with pytest.raises(ValueError, match=rf"time has 1 of 2 .* stamped {stamped} ms .* at 11 ms"):
        refuse_later("time", [10, stamped], [11, 11])


def test_what_they_would_do() -> None:
    # The effect is 1, all of it by more sessions: adjusting for these takes it away.
    keys = np.array([1, 51], dtype=np.uint64)
    generator = np.random.Generator(np.random.Philox(key=keys))
    before, noise = generator.standard_normal((2, 4000))
    treated = np.repeat([0.0, 1.0], 2000)
    sessions = before + treated
    time = sessions + 0.1 * noise
    for covariate, low, high in ((before, 0.98, 1.02), (sessions, -0.02, 0.02)):
        table = np.column_stack([time, covariate])
        pair = cuped_means([Moments.of(table[:2000]), Moments.of(table[2000:])]).pair(1)
        effect = difference(*pair, 0.05).effect
        assert effect is not None
        assert low < effect < high
