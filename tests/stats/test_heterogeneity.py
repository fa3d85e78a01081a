"""Effects by segment: the saturated regression, Cochran's closed form."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import binom
from statsmodels.formula.api import ols

from abbotify.stats import (
    Estimate,
    Moments,
    benjamini_hochberg,
    difference,
    heterogeneity,
    mean,
    relative,
)

Floats = NDArray[np.float64]
ALPHA = 0.05


def users(key: int, n: int = 600, effects: tuple[float, ...] = (0.0, 0.0, 0.0)) -> pd.DataFrame:
    g = np.random.Generator(np.random.Philox(key=np.array([key, 91], dtype=np.uint64)))
    s = g.integers(len(effects), size=n)
    t = (g.random(n) < 0.4).astype(int)
    y = 3 + s + t * np.array(effects)[s] + (1 + s) * np.exp(0.5 * g.standard_normal(n))
    return pd.DataFrame({"y": y, "T": t, "s": s})


def pairs(table: pd.DataFrame) -> dict[str, tuple[Estimate, Estimate]]:
    def cell(s: int, t: int) -> Estimate:
        return mean(Moments.of(table.y[(table.s == s) & (table["T"] == t)].to_numpy()))

    return {f"s{s}": (cell(s, 0), cell(s, 1)) for s in sorted(set(table.s))}


@pytest.mark.parametrize("effects", [(0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 2.0, -1.0)])
def test_wald_test_of_the_interactions_is_the_oracle(effects: tuple[float, ...]) -> None:
    table = users(1, effects=effects)
    fit = ols("y ~ T * C(s)", table).fit(cov_type="HC2")
    names = [name for name in fit.params.index if name.startswith("T:")]
    contrast = np.array([[float(name == term) for term in fit.params.index] for name in names])
    wald = fit.wald_test(contrast, use_f=False, scalar=True)
    rows, result = heterogeneity(pairs(table), ALPHA)
    assert result.statistic == pytest.approx(float(wald.statistic), rel=1e-9)
    assert result.p_value == pytest.approx(float(wald.pvalue), rel=1e-9)
    assert result.df == len(effects) - 1
    assert rows[0].effect == pytest.approx(fit.params["T"], rel=1e-10)
    control, treatment = pairs(table)["s0"]
    error = math.sqrt((control.variance or 0) + (treatment.variance or 0))
    assert error == pytest.approx(fit.bse["T"], rel=1e-10)


def test_two_segments_are_one_z() -> None:
    # Cochran's Q of two: (d1 - d2)^2 / (v1 + v2) = 3^2 / (4 + 5), by hand.
    zero = Estimate(50, 10.0, 1.0)
    _, result = heterogeneity(
        {"a": (zero, Estimate(50, 15.0, 3.0)), "b": (zero, Estimate(50, 12.0, 4.0))}, ALPHA
    )
    assert result.statistic == pytest.approx(1, rel=1e-14)
    assert result.p_value == pytest.approx(math.erfc(math.sqrt(0.5)), rel=1e-12)


def test_each_segment_is_a_comparison_of_its_own() -> None:
    table = users(2, effects=(0.5, 0.0, 1.0))
    split = pairs(table)
    rows, test = heterogeneity(split, ALPHA, "T1", "time")
    assert [row.segment for row in rows] == ["s0", "s1", "s2"]
    assert (test.arm, test.metric) == ("T1", "time")
    assert {(row.arm, row.metric) for row in rows} == {("T1", "time")}
    for row in rows:
        control, treatment = split[row.segment]
        single, lift = difference(control, treatment, ALPHA), relative(control, treatment, ALPHA)
        assert (row.n_control, row.n_treatment) == (control.n, treatment.n)
        assert (row.effect, row.lower, row.upper) == (single.effect, single.lower, single.upper)
        assert row.p_value == single.p_value
        shown = (row.relative_effect, row.relative_lower, row.relative_upper)
        assert shown == (lift.effect, lift.lower, lift.upper)
    adjusted = benjamini_hochberg([row.p_value for row in rows])
    assert tuple(row.p_adjusted for row in rows) == adjusted


def test_one_effect_is_found_unlike_at_the_promised_rate() -> None:
    replications = 1000
    found = sum(
        (heterogeneity(pairs(users(100 + i, 900, (1.0, 1.0, 1.0))), ALPHA)[1].p_value or 0) < ALPHA
        for i in range(replications)
    )
    low, high = binom.interval(0.999, replications, ALPHA)
    assert low <= found <= high


def test_segments_without_a_variance_are_shown_and_not_tested() -> None:
    arm, nobody = Estimate(50, 10.0, 1.0), Estimate(0, None, None, "no users")
    rows, result = heterogeneity({"a": (arm, arm), "b": (arm, nobody)}, ALPHA)
    assert result.statistic is result.p_value is result.df is None
    assert result.note == "fewer than two segments with a variance: no test"
    assert rows[1].p_adjusted is None
    assert rows[1].note == "treatment: no users"
    _, three = heterogeneity({"a": (arm, arm), "b": (arm, nobody), "c": (arm, arm)}, ALPHA)
    assert (three.statistic, three.df, three.p_value) == (0, 1, 1)
    assert heterogeneity({}, ALPHA)[0] == ()


def test_refuses_wrong_arguments() -> None:
    arm = Estimate(50, 10.0, 1.0, common=(0.5,))
    with pytest.raises(ValueError, match="independent"):
        heterogeneity({"a": (arm, arm)}, ALPHA)
