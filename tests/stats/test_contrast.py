"""Fieller's relative lift: solved by hand, a quadratic solved anew, duality with Welch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abbotify.stats import Estimate, difference, fieller, naive_relative, relative

ALPHA = 0.05


def estimates() -> st.SearchStrategy[Estimate]:
    values = st.floats(-100, 100, allow_subnormal=False)
    variances = st.floats(0, 100).filter(lambda v: v == 0 or v > 1e-9)
    return st.builds(Estimate, st.integers(2, 10_000), values, variances)


def test_by_hand() -> None:
    # Mean 10 over mean 5, both of variance 1, z^2 = 3.8416: the ends of the ratio solve
    # (25 - z^2) r^2 - 100 r + (100 - z^2) = 0, so r = (50 -+ sqrt(465.4407)) / 21.1584.
    bounds = fieller(5, 1, 10, 1, 1.96)
    assert bounds is not None
    assert bounds[0] + 1 == pytest.approx(1.343480, abs=5e-7)
    assert bounds[1] + 1 == pytest.approx(3.382775, abs=5e-7)


def test_unbounded_when_the_control_may_be_zero() -> None:
    assert fieller(0.3, 0.04, 1, 0.04, 1.96) is None


@given(
    st.floats(1, 50), st.floats(0.001, 1), st.floats(-50, 50), st.floats(0.001, 9), st.booleans()
)
def test_quadratic_is_the_oracle(
    control: float, control_var: float, treatment: float, treatment_var: float, negative: bool
) -> None:
    # The ends solve (treatment - r control)^2 = z^2 (treatment_var + r^2 control_var).
    control = -control if negative else control
    z = 0.9
    bounds = fieller(control, control_var, treatment, treatment_var, z)
    assert bounds is not None
    roots = np.roots(
        [
            control**2 - z**2 * control_var,
            -2 * control * treatment,
            treatment**2 - z**2 * treatment_var,
        ]
    )
    expected = sorted(float(root) for root in roots.real)
    assert [1 + bound for bound in bounds] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(estimates(), estimates())
def test_interval_excludes_zero_exactly_when_significant(
    control: Estimate, treatment: Estimate
) -> None:
    absolute = difference(control, treatment, ALPHA)
    lift = relative(control, treatment, ALPHA)
    assume(absolute.p_value is not None)
    assert absolute.p_value is not None
    assert absolute.lower is not None
    assert absolute.upper is not None
    assume(abs(absolute.p_value - ALPHA) > 1e-9)
    significant = absolute.p_value < ALPHA
    assert (absolute.lower > 0 or absolute.upper < 0) == significant
    if lift.lower is not None and lift.upper is not None:
        assert (lift.lower > 0 or lift.upper < 0) == significant
        assert lift.effect is not None
        assert absolute.effect is not None
        assert lift.effect * absolute.effect >= 0


@given(estimates(), estimates())
def test_bounded_exactly_when_the_control_is_distinct_from_zero(
    control: Estimate, treatment: Estimate
) -> None:
    absolute = difference(control, treatment, ALPHA)
    assume(absolute.df is not None and control.value != 0)
    assert absolute.df is not None
    assert absolute.statistic is not None
    assert control.value is not None
    assert control.variance is not None
    assert absolute.upper is not None
    assert absolute.effect is not None
    half = absolute.upper - absolute.effect
    error = math.hypot(math.sqrt(control.variance), math.sqrt(treatment.variance or 0))
    root_g = half / error * math.sqrt(control.variance) / abs(control.value)
    assume(abs(root_g - 1) > 1e-6 and abs(control.value) > 1e-9)
    lift = relative(control, treatment, ALPHA)
    assert (lift.lower is not None) == (root_g < 1)
    assert ("unbounded" in lift.note) == (root_g >= 1)


@given(estimates(), estimates(), st.floats(1e-6, 1e6))
def test_units_do_not_matter(control: Estimate, treatment: Estimate, unit: float) -> None:
    lift = relative(control, treatment, ALPHA)
    assume(lift.lower is not None and lift.upper is not None)
    scaled = [
        Estimate(e.n, (e.value or 0) * unit, (e.variance or 0) * unit * unit)
        for e in (control, treatment)
    ]
    other = relative(scaled[0], scaled[1], ALPHA)
    assume(other.lower is not None)
    assert lift.effect == pytest.approx(other.effect, rel=1e-9)


def test_tends_to_the_exact_interval_when_the_control_is_known() -> None:
    control, treatment = Estimate(100, 4.0, 0.0), Estimate(100, 5.0, 0.01)
    absolute = difference(control, treatment, ALPHA)
    lift = relative(control, treatment, ALPHA)
    assert (lift.lower, lift.upper) == pytest.approx(naive_relative(control, absolute), rel=1e-12)


def test_lift_under_a_negative_control_has_the_effects_sign() -> None:
    control, treatment = Estimate(100, -5.0, 0.01), Estimate(100, -4.0, 0.01)
    lift = relative(control, treatment, ALPHA)
    mirrored = relative(Estimate(100, 5.0, 0.01), Estimate(100, 4.0, 0.01), ALPHA)
    assert lift.effect == pytest.approx(20)
    assert lift.lower is not None
    assert mirrored.upper is not None
    assert lift.lower == pytest.approx(-mirrored.upper, rel=1e-15)
    assert lift.lower > 0
    assert "negative" in lift.note
    lower, upper = naive_relative(control, difference(control, treatment, ALPHA))
    assert lower is not None
    assert upper is not None
    assert 0 < lower < 20 < upper


@pytest.mark.parametrize(
    ("control", "treatment", "effect", "note"),
    [
        (Estimate(9, 0.0, 1.0), Estimate(9, 1.0, 1.0), None, "control is 0"),
        (Estimate(9, 5e-324, 0.0), Estimate(9, 1.0, 1.0), None, "control is 0"),
        (Estimate(9, 0.3, 1.0), Estimate(9, 0.6, 1.0), 100.0, "unbounded"),
        (Estimate(9, 1e-305, 0.0), Estimate(9, 2e-305, 1e20), 100.0, "unbounded"),
        (Estimate(9, 2.0, 0.0), Estimate(9, 3.0, 0.0), 50.0, "no variance"),
        (Estimate(1, 2.0, None, "few"), Estimate(9, 3.0, 1.0), 50.0, "control: few"),
        (Estimate(9, 2.0, 1.0), Estimate(0, None, None, "none"), None, "treatment: none"),
    ],
)
def test_undefined_is_none_with_the_reason(
    control: Estimate, treatment: Estimate, effect: float | None, note: str
) -> None:
    lift = relative(control, treatment, ALPHA)
    assert lift.effect == effect
    assert lift.lower is lift.upper is None
    assert note in lift.note
