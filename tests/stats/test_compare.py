"""The table of effects: order, family, decisions, and None wherever nothing can be said."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from abbotify.stats import EFFECT_COLUMNS, ArmMoments, Effect, Moments, compare

Floats = NDArray[np.float64]
ALPHA = 0.05


def draws(seed: int, shift: float, n: int = 60) -> Floats:
    keys = np.array([seed, 9], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=keys)).normal(5 + shift, 1, n)


def arm(name: str, **values: Floats) -> ArmMoments:
    """An arm whose metrics are means only."""
    return ArmMoments(name, {metric: Moments.of(column) for metric, column in values.items()})


def by_key(rows: tuple[Effect, ...]) -> dict[tuple[str, str, str], Effect]:
    return {(row.arm, row.metric, row.estimand): row for row in rows}


def test_columns_are_the_published_ones() -> None:
    published = (
        *("arm", "metric", "estimand", "n_control", "n_treatment"),
        *("control_mean", "treatment_mean", "effect", "lower", "upper"),
        *("relative_effect", "relative_lower", "relative_upper", "naive_lower", "naive_upper"),
        *("p_value", "p_adjusted", "significant", "note"),
        *("simultaneous_lower", "simultaneous_upper", "p_simultaneous", "variance_reduction"),
    )
    assert published == EFFECT_COLUMNS


def test_order_is_arm_metric_estimand() -> None:
    table = np.stack([draws(1, 0), np.ones(60)], axis=1)
    ratios = {"b": Moments.of(table)}
    means = {"a": Moments.of(draws(2, 0)), "b": Moments.of(draws(3, 0))}
    arms = [ArmMoments(name, means, ratios) for name in ("C", "T2", "T1")]
    rows = compare(arms, ["b", "a"], [], ALPHA)
    assert [(row.arm, row.metric, row.estimand) for row in rows] == [
        *(("T2", "b", "mean"), ("T2", "b", "ratio"), ("T2", "a", "mean")),
        *(("T1", "b", "mean"), ("T1", "b", "ratio"), ("T1", "a", "mean")),
    ]


def test_a_row_is_what_scipy_says() -> None:
    control, treatment = draws(1, 0), draws(2, 0.6, 40)
    (row,) = compare([arm("C", a=control), arm("T", a=treatment)], ["a"], ["a"], ALPHA)
    oracle = ttest_ind(treatment, control, equal_var=False)
    interval = oracle.confidence_interval()
    scale = 100 / control.mean()
    assert (row.n_control, row.n_treatment) == (60, 40)
    assert row.control_mean == pytest.approx(control.mean(), rel=1e-13)
    assert row.treatment_mean == pytest.approx(treatment.mean(), rel=1e-13)
    assert (row.lower, row.upper) == pytest.approx((interval.low, interval.high), rel=1e-11)
    assert row.naive_lower == pytest.approx(scale * interval.low, rel=1e-11)
    assert row.naive_upper == pytest.approx(scale * interval.high, rel=1e-11)
    assert row.relative_effect == pytest.approx(scale * (row.effect or 0), rel=1e-12)
    assert row.p_value == pytest.approx(oracle.pvalue, rel=1e-11)
    assert row.p_adjusted == row.p_value
    assert row.note == ""


def test_holm_over_success_means_and_treatments_only() -> None:
    ratio = {"a": Moments.of(np.stack([draws(1, 0), np.ones(60)], axis=1))}
    arms = [
        ArmMoments(name, {m: Moments.of(draws(seed + i, shift)) for i, m in enumerate("ab")}, ratio)
        for name, seed, shift in (("C", 10, 0.0), ("T1", 20, 0.3), ("T2", 30, 0.4))
    ]
    rows = by_key(compare(arms, ["a", "b"], ["a"], ALPHA))
    family = [rows["T1", "a", "mean"], rows["T2", "a", "mean"]]
    smaller, larger = sorted(family, key=lambda row: row.p_value or 0)
    assert 0 < (smaller.p_value or 0) < 0.5
    assert smaller.p_adjusted == pytest.approx(2 * (smaller.p_value or 0), rel=1e-14)
    assert larger.p_adjusted == max(larger.p_value or 0, smaller.p_adjusted or 0)
    for key, row in rows.items():
        if key[1:] != ("a", "mean"):
            assert row.p_adjusted is None
            assert row.significant == ((row.p_value or 0) < ALPHA)


def test_a_metric_without_variance_leaves_the_family() -> None:
    flat = np.full(60, 3.0)
    control = arm("C", a=draws(1, 0), b=flat)
    treatment = arm("T", a=draws(2, 0.6), b=flat + 1)
    first, second = compare([control, treatment], ["a", "b"], ["a", "b"], ALPHA)
    assert first.p_adjusted == first.p_value
    assert second.effect == 1
    assert second.relative_effect == pytest.approx(100 / 3, rel=1e-14)
    undefined = (second.lower, second.relative_lower, second.naive_lower, second.p_value)
    assert undefined == (None, None, None, None)
    assert second.p_adjusted is second.significant is None
    assert second.note == "no variance in either arm: no test, no interval"


def test_losing_to_holm_is_said() -> None:
    generator = np.random.Generator(np.random.Philox(key=np.array([8, 8], dtype=np.uint64)))
    base = generator.normal(size=100)
    base = 10 + (base - base.mean()) / base.std(ddof=1)
    # Equal variances 1, n = 100: a shift of .3 is t = 2.1213, p = .0351 at 198 degrees of freedom.
    control = arm("C", a=base, b=base)
    rows = compare([control, arm("T", a=base + 0.3, b=base)], ["a", "b"], ["a", "b"], ALPHA)
    assert rows[0].p_value == pytest.approx(0.0351, abs=5e-5)
    assert rows[0].p_adjusted == pytest.approx(2 * (rows[0].p_value or 0))
    assert rows[0].significant is False
    assert rows[0].note == "interval excludes 0, but not significant after Holm"
    (alone,) = compare([control, arm("T", a=base + 0.3)], ["a"], [], ALPHA)
    assert alone.significant is True
    assert alone.note == ""


def test_unbounded_lift_leaves_the_decision_to_the_difference() -> None:
    noise = draws(1, -5)
    (row,) = compare([arm("C", a=noise), arm("T", a=noise + 2)], ["a"], ["a"], ALPHA)
    assert row.significant is True
    assert row.relative_lower is row.relative_upper is None
    assert "unbounded" in row.note


def test_nobody_in_an_arm() -> None:
    (row,) = compare([arm("C", a=draws(1, 0)), arm("T", a=np.empty(0))], ["a"], ["a"], ALPHA)
    assert row.n_treatment == 0
    assert row.treatment_mean is row.effect is row.relative_effect is row.significant is None
    assert row.note == "treatment: no users with the metric defined"


def test_all_zero_metric() -> None:
    zeros = np.zeros(9)
    (row,) = compare([arm("C", a=zeros), arm("T", a=zeros)], ["a"], [], ALPHA)
    assert (row.effect, row.relative_effect, row.significant) == (0, None, None)
    assert (
        row.note
        == "no variance in either arm: no test, no interval; control is 0: no relative effect"
    )


def test_row_is_plain_data_in_the_columns_order() -> None:
    rows = compare([arm("C", a=draws(1, 0)), arm("T", a=draws(2, 0))], ["a"], ["a"], ALPHA)
    row = rows[0].row()
    assert tuple(row) == EFFECT_COLUMNS == tuple(column.name for column in fields(Effect))
    assert {type(value) for value in row.values()} == {str, int, float, bool, type(None)}


def test_only_a_control_gives_no_rows() -> None:
    assert compare([arm("C", a=draws(1, 0))], ["a"], ["a"], ALPHA) == ()


values = st.lists(st.integers(-3, 3).map(float), max_size=6)


@settings(max_examples=60)
@given(values, values, values)
def test_never_nan_nor_infinite_and_always_a_reason(
    control: list[float], first: list[float], second: list[float]
) -> None:
    arms = [
        ArmMoments(
            name,
            {"a": Moments.of(np.array(column))},
            {"a": Moments.of(np.array([column, np.abs(column)]).T.reshape(-1, 2))},
        )
        for name, column in (("C", control), ("T1", first), ("T2", second))
    ]
    for row in compare(arms, ["a"], ["a"], ALPHA):
        numbers = [value for value in row.row().values() if isinstance(value, float)]
        assert all(math.isfinite(number) for number in numbers)
        assert row.note or None not in (row.p_value, row.relative_lower, row.significant)
        assert (row.p_value is None) == (row.significant is None) == (row.lower is None)


@pytest.mark.parametrize(
    ("arms", "metrics", "success", "alpha", "what"),
    [
        ([], ["a"], [], ALPHA, "no arms"),
        (["C", "C"], ["a"], [], ALPHA, "arm given twice"),
        (["C", "T"], ["a", "a"], [], ALPHA, "metric given twice"),
        (["C", "T"], ["a"], ["b"], ALPHA, "success metrics"),
        (["C", "T"], ["a"], [], 5.0, "alpha"),
        (["C", "T"], ["a", "z"], [], ALPHA, "arm C has no moments of z"),
    ],
)
def test_refuses(
    arms: list[str], metrics: list[str], success: list[str], alpha: float, what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        compare([arm(name, a=draws(1, 0)) for name in arms], metrics, success, alpha)


def test_refuses_a_ratio_of_one_arm() -> None:
    control = arm("C", a=draws(1, 0))
    treatment = ArmMoments("T", control.means, {"a": Moments.empty(2)})
    with pytest.raises(ValueError, match="only one of C and T has ratios a"):
        compare([control, treatment], ["a"], [], ALPHA)
