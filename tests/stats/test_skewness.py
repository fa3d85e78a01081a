"""The warning about skewed metrics in unequal arms: its arithmetic, and that it comes and stays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from abbotify.stats.normal import (
    ONE_SIDED,
    TWO_SIDED,
    Shape,
    one_sided_error,
    skew_of_difference,
)

Floats = NDArray[np.float64]


def lognormals(key: int, rows: int, n: int, s: float = 1.0) -> Floats:
    generator = np.random.Generator(np.random.Philox(key=np.array([key, n], dtype=np.uint64)))
    return np.exp(s * generator.standard_normal((rows, n)))


def test_a_shape_is_scipys() -> None:
    values = lognormals(1, 1, 50)[0]
    shape = Shape.of(values)
    assert shape.n == 50
    assert shape.variance == pytest.approx(values.var(ddof=1), rel=1e-12)
    assert shape.skewness == pytest.approx(float(stats.skew(values)), rel=1e-12)


@pytest.mark.parametrize("values", [[], [3.0], [0.1, 0.1, 0.1]])
def test_users_who_do_not_differ_have_no_shape(values: list[float]) -> None:
    assert Shape.of(values) == Shape(len(values), 0.0, 0.0)


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [1.0, math.nan]])
def test_a_shape_is_of_one_finite_column(values: list[float]) -> None:
    with pytest.raises(ValueError, match="one column of finite values"):
        Shape.of(values)


def test_huge_values_do_not_overflow() -> None:
    values = np.array([0.0, 1.0, 5.0])
    assert Shape.of(values * 1e150).skewness == pytest.approx(Shape.of(values).skewness, rel=1e-12)


def test_the_difference_has_the_skewness_of_its_cumulants() -> None:
    # Exponential users: third central moment 2 a^3, variance a^2, skewness 2. The cumulants of
    # independent means add up.
    control, treatment = Shape(90, 1.0, 2.0), Shape(10, 4.0, 2.0)
    third = 2 * 8 / 10**2 - 2 * 1 / 90**2
    second = 4 / 10 + 1 / 90
    wanted = third / second**1.5
    assert skew_of_difference(control, treatment) == pytest.approx(wanted, rel=1e-12)
    assert skew_of_difference(treatment, control) == pytest.approx(wanted, rel=1e-12)
    left = [Shape(arm.n, arm.variance, -2.0) for arm in (control, treatment)]
    assert skew_of_difference(*left) == pytest.approx(wanted, rel=1e-12)


def test_equal_arms_cancel() -> None:
    assert skew_of_difference(Shape(70, 3.0, 5.0), Shape(70, 3.0, 4.0)) == 0


def test_where_nothing_varies_nothing_is_skewed() -> None:
    assert skew_of_difference(Shape(0, 0.0, 0.0), Shape(0, 0.0, 0.0)) == 0
    assert skew_of_difference(Shape(5, 0.0, 0.0), Shape(9, 0.0, 0.0)) == 0
    assert skew_of_difference(Shape(0, 0.0, 0.0), Shape(4, 1.0, 2.0)) == pytest.approx(2 / 2)


def test_the_unit_of_the_metric_does_not_matter() -> None:
    values = lognormals(2, 1, 100)[0]
    one, other = (
        skew_of_difference(Shape.of(scale * values[:80]), Shape.of(scale * values[80:]))
        for scale in (1.0, 1e-140)
    )
    assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize(
    ("sizes", "limit", "least", "most"),
    [
        ((90, 10), TWO_SIDED, 0.8, 1.0),  # Welch rejects .12
        ((900, 100), TWO_SIDED, 0.9, 1.0),  # .07
        ((9000, 1000), TWO_SIDED, 0.0, 0.15),  # .054
        ((500, 500), TWO_SIDED, 0.0, 0.08),  # .05
        ((5000, 5000), ONE_SIDED, 0.0, 0.03),  # .05 one-sided
        ((9000, 1000), ONE_SIDED, 0.9, 1.0),  # .07 one-sided
    ],
)
def test_it_warns_where_the_error_is_not_kept(
    sizes: tuple[int, int], limit: float, least: float, most: float
) -> None:
    tables = lognormals(3, 300, sum(sizes))
    warned = [
        skew_of_difference(Shape.of(row[: sizes[0]]), Shape.of(row[sizes[0] :])) > limit
        for row in tables
    ]
    assert least <= np.mean(warned) <= most


def test_one_tail_is_off_as_the_expansion_says() -> None:
    # Exponential users, 900 and 100: skewness of the difference .169.
    generator = np.random.Generator(np.random.Philox(key=np.array([4, 0], dtype=np.uint64)))
    control = generator.standard_exponential((8000, 900))
    treatment = generator.standard_exponential((8000, 100))
    p = stats.ttest_ind(treatment, control, axis=1, equal_var=False, alternative="less").pvalue
    skewness = skew_of_difference(Shape(900, 1.0, 2.0), Shape(100, 1.0, 2.0))
    # Second order: about the square of the skewness over 10; four binomial errors are .0098.
    assert np.mean(p < 0.05) == pytest.approx(one_sided_error(skewness, 0.05), abs=0.01)
    assert np.mean(p > 0.95) == pytest.approx(one_sided_error(-skewness, 0.05), abs=0.01)
    assert one_sided_error(skewness, 0.05) > 0.065
    assert one_sided_error(0.0, 0.05) == 0.05
    assert one_sided_error(-9.0, 0.05) == 0


@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_a_level_is_a_chance(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha must lie"):
        one_sided_error(0.1, alpha)
