"""Holm's and Benjamini-Hochberg's adjustments, by hand and as statsmodels has them."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from abbotify.stats import benjamini_hochberg, holm


@pytest.fixture(scope="module", autouse=True)
def little_to_collect() -> None:
    """`multipletests` collects garbage at every call, among all that tests before have loaded."""
    gc.collect()
    gc.freeze()


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


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_step_down_rule_is_the_oracle(p_values: list[float]) -> None:
    assert list(holm(p_values)) == pytest.approx(stepped_down(p_values), rel=1e-12)
    if p_values:
        assert list(holm(p_values)) == multipletests(p_values, method="holm")[1].tolist()


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_refuses_what_is_no_probability(bad: float) -> None:
    with pytest.raises(ValueError, match="lie in"):
        holm([0.1, bad])


# Benjamini and Hochberg (1995), section 4: 15 hypotheses of Neuhaus et al.'s trial.
PUBLISHED = [
    *[0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344],
    *[0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000],
]


def test_published_example_rejects_four_at_5_per_cent() -> None:
    adjusted = benjamini_hochberg(PUBLISHED)
    assert [p is not None and p <= 0.05 for p in adjusted] == [True] * 4 + [False] * 11
    assert sum(p is not None and p <= 0.05 for p in holm(PUBLISHED)) == 3  # as the paper says


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_statsmodels_gives_benjamini_hochberg(p_values: list[float]) -> None:
    theirs = multipletests(p_values, method="fdr_bh")[1].tolist()
    assert list(benjamini_hochberg(p_values)) == pytest.approx(theirs, rel=1e-12)


def test_undefined_leaves_benjamini_hochberg_too() -> None:
    assert benjamini_hochberg([None, 0.02, 0.01, None]) == (None, 0.02, 0.02, None)
    assert benjamini_hochberg([0.01, 0.01, 0.5]) == pytest.approx((0.015, 0.015, 0.5), rel=1e-14)
    assert benjamini_hochberg([]) == ()
    with pytest.raises(ValueError, match="lie in"):
        benjamini_hochberg([1.5])
