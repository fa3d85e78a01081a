"""Non-inferiority: statsmodels, the interval's end, a contrast of the users themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import t as student
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from abbotify import stats
from abbotify.stats import Estimate, Moments, difference, mean
from abbotify.stats.non_inferiority import (
    INFERIOR,
    METRIC,
    NON_INFERIOR,
    UNDECIDED,
    GuardrailResult,
    GuardrailSpec,
    guardrail,
)

ALPHA = 0.05


def absolute(
    control: Estimate, treatment: Estimate, margin: float, alpha: float, higher: bool = True
) -> GuardrailResult:
    return guardrail(GuardrailSpec("time", margin, METRIC), control, treatment, alpha, higher)


def relative(
    control: Estimate, treatment: Estimate, margin: float, alpha: float, higher: bool = True
) -> GuardrailResult:
    return guardrail(GuardrailSpec("time", margin), control, treatment, alpha, higher)


def tables(key: int, n: tuple[int, int], shift: float) -> tuple[np.ndarray, np.ndarray]:
    philox = np.random.Philox(key=np.array([61, key], dtype=np.uint64))
    draws = np.random.Generator(philox).standard_exponential(sum(n))
    return 4 + draws[: n[0]], 4 + shift + 2 * draws[n[0] :]


@pytest.mark.parametrize("margin", [0.0, 0.4, 1.5])
@pytest.mark.parametrize("shift", [-1.6, -1.0, -0.5])
def test_equals_statsmodels(margin: float, shift: float) -> None:
    control, treatment = tables(1, (60, 45), shift)
    found = absolute(mean(Moments.of(control)), mean(Moments.of(treatment)), margin, ALPHA)
    compared = CompareMeans(DescrStatsW(treatment), DescrStatsW(control))
    _, p_value, _ = compared.ttest_ind("larger", "unequal", value=-margin)
    assert found.p_value == pytest.approx(p_value, rel=1e-10)
    low, _ = compared.tconfint_diff(ALPHA, "larger", "unequal")
    assert found.upper == pytest.approx(-low, rel=1e-10)
    assert (found.verdict == NON_INFERIOR) == (p_value < ALPHA)


def estimates() -> st.SearchStrategy[Estimate]:
    values = st.floats(-100, 100, allow_subnormal=False).filter(lambda v: abs(v) > 1e-3)
    return st.builds(Estimate, st.integers(2, 5000), values, st.floats(1e-6, 20))


@given(estimates(), estimates(), st.floats(0, 50), st.booleans())
def test_decides_as_the_intervals_end_does(
    control: Estimate, treatment: Estimate, margin: float, higher: bool
) -> None:
    found = absolute(control, treatment, margin, ALPHA, higher)
    interval = difference(control, treatment, 2 * ALPHA)
    assert interval.lower is not None
    assert interval.upper is not None
    worst = -interval.lower if higher else interval.upper
    best = -interval.upper if higher else interval.lower
    assert (found.lower, found.upper) == pytest.approx((best, worst), rel=1e-9, abs=1e-9)
    assume(min(abs(worst - margin), abs(best - margin)) > 1e-7)
    expected = NON_INFERIOR if worst < margin else INFERIOR if best > margin else UNDECIDED
    assert found.verdict == expected


@given(estimates(), estimates(), st.floats(0, 90), st.booleans())
def test_relative_decides_as_fiellers_bound_does(
    control: Estimate, treatment: Estimate, margin: float, higher: bool
) -> None:
    found = relative(control, treatment, margin, ALPHA, higher)
    lift = stats.relative(control, treatment, 2 * ALPHA)
    if lift.lower is None or lift.upper is None:
        assert (found.verdict, found.upper, found.p_value) == (None, None, None)
        assert "control" in found.note
        return
    worst = -lift.lower if higher else lift.upper
    best = -lift.upper if higher else lift.lower
    assert (found.lower, found.upper) == pytest.approx((best, worst), rel=1e-9, abs=1e-9)
    assume(min(abs(worst - margin), abs(best - margin)) > 1e-6 * max(1.0, abs(worst), abs(best)))
    assert found.p_value is not None
    assert (found.p_value < ALPHA) == (worst < margin)
    expected = NON_INFERIOR if worst < margin else INFERIOR if best > margin else UNDECIDED
    assert found.verdict == expected


def test_relative_p_value_is_that_of_the_linear_contrast() -> None:
    # T - (1 - .1) C by the users' own numbers, each control user's value times .9.
    control, treatment = tables(2, (400, 400), -1.1)
    found = relative(mean(Moments.of(control)), mean(Moments.of(treatment)), 10, ALPHA)
    scaled = 0.9 * control
    error = np.sqrt(scaled.var(ddof=1) / 400 + treatment.var(ddof=1) / 400)
    df = difference(mean(Moments.of(control)), mean(Moments.of(treatment)), ALPHA).df
    statistic = (treatment.mean() - scaled.mean()) / error
    assert found.p_value == pytest.approx(student.sf(statistic, df), rel=1e-10)


def test_a_margin_of_nothing_is_the_one_sided_test() -> None:
    control, treatment = Estimate(500, 10.0, 0.04), Estimate(500, 10.5, 0.05)
    both = difference(control, treatment, ALPHA).p_value
    assert both is not None
    for found in (
        absolute(control, treatment, 0, ALPHA),
        relative(control, treatment, 0, ALPHA),
    ):
        assert found.p_value == pytest.approx(both / 2, rel=1e-12)


def test_true_loss_of_the_margin_passes_as_often_as_alpha() -> None:
    replications, passed, plain = 2000, 0, 0
    for key in range(replications):
        philox = np.random.Philox(key=np.array([62, key], dtype=np.uint64))
        draws = np.random.Generator(philox).standard_exponential((2, 400))
        control, treatment = (mean(Moments.of(row)) for row in (draws[0], 0.8 * draws[1]))
        passed += relative(control, treatment, 20, ALPHA).verdict == NON_INFERIOR
        plain += absolute(control, treatment, 0.2, ALPHA).verdict == NON_INFERIOR
    low, high = binom.interval(0.999, replications, ALPHA)
    assert low <= passed <= high
    assert low <= plain <= high


def test_undefined_is_none_with_the_reason() -> None:
    some = Estimate(9, 2.0, 0.1)
    nobody, zero = Estimate(0, None, None, "no users"), Estimate(9, 0.0, 0.1)
    for check in (absolute, relative):
        assert check(nobody, some, 1, ALPHA).note == "control: no users"
        assert check(nobody, some, 1, ALPHA).verdict is None
    assert relative(zero, some, 1, ALPHA).note == "control is 0: no relative loss"


@pytest.mark.parametrize(
    ("control", "treatment", "verdict"),
    [(40.0, 40.0, NON_INFERIOR), (40.0, 42.0, NON_INFERIOR), (40.0, 42.5, INFERIOR)],
)
def test_arms_without_variance_are_compared_as_they_are(
    control: float, treatment: float, verdict: str
) -> None:
    pair = (Estimate(9, control, 0.0), Estimate(9, treatment, 0.0))
    for found in (
        absolute(*pair, 2.0, ALPHA, higher=False),
        relative(*pair, 5.0, ALPHA, higher=False),
    ):
        assert (found.verdict, found.p_value, found.upper) == (verdict, None, None)
        assert "no variance" in found.note
    nothing = Estimate(9, 0.0, 0.0)
    assert relative(nothing, nothing, 0, ALPHA).verdict == NON_INFERIOR


@pytest.mark.parametrize(
    ("margin", "alpha", "what"),
    [(-1, 0.05, "margin"), (float("nan"), 0.05, "margin"), (1, 0.5, "alpha"), (1, 0, "alpha")],
)
def test_refuses(margin: float, alpha: float, what: str) -> None:
    some = Estimate(9, 2.0, 0.1)
    for check in (absolute, relative):
        with pytest.raises(ValueError, match=what):
            check(some, some, margin, alpha)
