"""Bands of a table: as wide as all its gates together need."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abbotify.studies.validation.characteristics import (
    Characteristic,
    Validation,
    average,
    banded,
    outside,
    rate,
)
from abbotify.studies.validation.methods import AnalysisPlan


def test_all_gates_share_the_false_alarm() -> None:
    gated = [rate("m", "x", "rate", 50, 1000, 0.05, gated=True) for _ in range(20)]
    rows = banded([*gated, rate("m", "x", "rate", 50, 1000)])
    low, high = stats.binom.ppf([0.00025, 0.99975], 1000, 0.05) / 1000
    assert rows[0].lower == pytest.approx(low)
    assert rows[0].upper == pytest.approx(high)
    assert rows[0].within is True
    assert rows[0].replications == 1000
    interval = stats.binomtest(50, 1000).proportion_ci(0.95)
    assert rows[-1].lower == pytest.approx(interval.low)
    assert rows[-1].upper == pytest.approx(interval.high)
    assert rows[-1].within is None


@pytest.mark.parametrize("hits", [0, 1, 39, 40])
def test_a_rate_without_expectation_has_its_exact_interval(hits: int) -> None:
    row = rate("m", "x", "rate", hits, 40).banded(0.01)
    interval = stats.binomtest(hits, 40).proportion_ci(0.95)
    assert (row.lower, row.upper) == pytest.approx((interval.low, interval.high))


def test_a_bound_has_one_side() -> None:
    low, high = (
        banded([rate("m", "x", "rate", hits, 1000, 0.05, True, at_most=True)])[0]
        for hits in (1, 90)
    )
    assert low.within is True
    assert high.within is False
    assert low.lower == 0


@pytest.mark.parametrize(("expected", "within"), [(1.0, True), (1.5, False), (None, None)])
def test_a_mean_has_the_band_of_its_error(expected: float | None, within: bool | None) -> None:
    values = np.array([0.8, 1.2] * 50)
    (found,) = banded([average("m", "x", "estimate", values, expected, True)])
    level = 0.05 if expected is None else 0.01
    half = stats.norm.isf(level / 2) * values.std(ddof=1) / 10
    middle = 1.0 if expected is None else expected
    assert found.measured == pytest.approx(1.0)
    assert found.lower == pytest.approx(middle - half)
    assert found.upper == pytest.approx(middle + half)
    assert found.within is within


def test_of_nothing_nothing_is_known_and_of_one_value_no_error() -> None:
    nothing = (rate("m", "x", "rate", 0, 0, 0.05, gated=True), average("m", "x", "w", [math.inf]))
    for row in banded(nothing):
        assert (row.measured, row.lower, row.within, row.gated) == (None, None, None, False)
    (one,) = banded([average("m", "x", "width", [math.nan, 2.0], 1.0)])
    assert (one.measured, one.lower, one.within) == (2.0, None, None)


def test_failures_are_gated_rates_that_left_their_bands() -> None:
    rows = banded(
        [
            rate("cuped", "time", "coverage", 95, 100, 0.95, gated=True),
            rate("welch", "time", "coverage", 50, 100, 0.95, gated=True),
            rate("naive_relative", "time", "coverage", 50, 100, 0.95),
        ]
    )
    assert list(outside(rows)) == [rows[1]]
    found = Validation("s", ("a", "b"), AnalysisPlan(("time",), 0.05, "auto"), 100, 50, rows)
    assert (found.gated, found.failures) == (2, [rows[1]])


def test_the_adjusted_estimate_decides_where_there_is_one() -> None:
    rows = tuple(Characteristic(m, "time:b", "coverage", None, 0) for m in ("welch", "cuped"))
    plan, arms = AnalysisPlan(("time",), 0.05, "auto"), ("a", "b", "c")
    found = Validation("s", arms, plan, 100, 50, rows)
    assert found.decides("time:b", "cuped_fieller")
    assert not found.decides("time:b", "welch")
    assert found.decides("time:c", "welch")
    assert not found.decides("sessions:b", "cuped")
