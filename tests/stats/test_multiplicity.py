"""Holm's adjustment, against the step-down rule by hand and as statsmodels has it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from abbotify.stats import holm


def stepped_down(p_values: list[float]) -> list[float]:
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def test_by_hand() -> None:
    # R's documented rule: 4 * .01, 3 * .02, then 2 * .03 = .06 and .04 raised to the running .06.
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx((0.04, 0.06, 0.06, 0.06), rel=1e-14)


def test_undefined_leaves_the_family() -> None:
    assert holm([None, 0.02, None, 0.01]) == (None, 0.02, None, 0.02)
    assert holm([None]) == (None,)
    assert holm([]) == ()


@settings(max_examples=30)  # multipletests collects garbage at every call: 30 ms
@given(st.lists(st.floats(0, 1), max_size=12))
def test_step_down_rule_is_the_oracle(p_values: list[float]) -> None:
    assert list(holm(p_values)) == pytest.approx(stepped_down(p_values), rel=1e-12)
    if p_values:
        assert list(holm(p_values)) == multipletests(p_values, method="holm")[1].tolist()


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_refuses_what_is_no_probability(bad: float) -> None:
    with pytest.raises(ValueError, match="lie in"):
        holm([0.1, bad])
