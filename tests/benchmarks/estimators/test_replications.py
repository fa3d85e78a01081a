"""Bands of a table: as wide as all its gates together need."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.estimators.replications import (
    FULL,
    SMALL,
    Trial,
    averaged,
    characterise,
    covers,
    hits,
)


def test_all_gates_share_the_false_alarm() -> None:
    trials = [Trial("m", "x", "rate", 50, 1000, 0.05, gated=True) for _ in range(20)]
    rows = characterise([*trials, Trial("m", "x", "rate", 50, 1000)])
    low, high = stats.binom.ppf([0.00025, 0.99975], 1000, 0.05) / 1000
    assert rows[0].found.lower == pytest.approx(low)
    assert rows[0].found.upper == pytest.approx(high)
    assert rows[0].found.within is True
    assert rows[0].replications == 1000
    interval = stats.binomtest(50, 1000).proportion_ci(0.95)
    assert rows[-1].found.lower == pytest.approx(interval.low)
    assert rows[-1].found.upper == pytest.approx(interval.high)
    assert rows[-1].found.within is None


def test_a_bound_has_one_side() -> None:
    low, high = (
        characterise([Trial("m", "x", "rate", value, 1000, 0.05, True, at_most=True)])[0].found
        for value in (1, 90)
    )
    assert low.within is True
    assert high.within is False
    assert low.lower == 0


@pytest.mark.parametrize(("expected", "within"), [(1.0, True), (1.5, False), (None, None)])
def test_a_mean_has_the_band_of_its_error(expected: float | None, within: bool | None) -> None:
    values = np.array([0.8, 1.2] * 50)
    found = characterise([averaged("m", "x", "estimate", values, expected, True)])[0].found
    level = 0.05 if expected is None else 0.01
    half = stats.norm.isf(level / 2) * values.std(ddof=1) / 10
    middle = 1.0 if expected is None else expected
    assert found.measured == pytest.approx(1.0)
    assert found.lower == pytest.approx(middle - half)
    assert found.upper == pytest.approx(middle + half)
    assert found.within is within


def test_what_is_undefined_is_neither_found_nor_wrong() -> None:
    assert hits([0.01, None, 0.05, 0.2]) == 1
    assert covers(None, None, 3.0)
    assert covers(1.0, 3.0, 3.0)
    assert not covers(1.0, 2.9, 3.0)


def test_a_small_calibration_is_a_part_of_the_full_one() -> None:
    assert FULL.of(2000) == 2000
    assert 1 < SMALL.of(2000) < 2000
    assert SMALL.of(1) == 1
