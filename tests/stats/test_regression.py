"""The regression from centred sums beside numpy's least squares."""

from __future__ import annotations

import numpy as np
import pytest

from abbotify.stats import Moments
from abbotify.stats.regression import linear_mean, linear_ratio, regress, square_root


def table(n: int = 200) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Shape (n, 3): a metric and two covariates that explain a part of it."""
    g = np.random.default_rng(5)
    x = g.standard_normal((n, 2)) @ np.array([[1.0, 0.4], [0.0, 2.0]]) + 30
    return np.column_stack([x @ [0.5, -1.5] + g.standard_normal(n), x])


def test_slopes_and_residuals_are_those_of_least_squares() -> None:
    rows = table()
    design = np.column_stack([np.ones(len(rows)), rows[:, 1:]])
    expected, squares, _, _ = np.linalg.lstsq(design, rows[:, 0], rcond=None)
    fit = regress(linear_mean(Moments.of(rows)))
    assert fit.slopes == pytest.approx(expected[1:], rel=1e-9)
    assert fit.squares == pytest.approx(squares[0], rel=1e-9)
    assert (fit.kept, fit.note) == (2, "")
    centred = rows[:, 1:] - rows[:, 1:].mean(axis=0)
    assert fit.inverse == pytest.approx(np.linalg.inv(centred.T @ centred), rel=1e-9)


def test_a_combination_of_earlier_covariates_is_left_out() -> None:
    rows = table()
    rows = np.column_stack([rows, rows[:, 1] + rows[:, 2], np.full(len(rows), 3.0)])
    fit = regress(linear_mean(Moments.of(rows)))
    assert fit.kept == 2
    assert fit.slopes[2:].tolist() == [0, 0]


def test_a_ratio_moves_with_what_each_user_adds_to_it() -> None:
    rows = np.abs(np.column_stack([table(), table()[::-1, 1]]))
    linear = linear_ratio(Moments.of(rows))
    y, d = rows[:, 0], rows[:, 1]
    terms = (y - y.mean() / d.mean() * d) / d.mean()
    assert linear.comoments[0, 0] == pytest.approx((terms**2).sum(), rel=1e-9)
    assert linear.estimate.value == pytest.approx(y.sum() / d.sum(), rel=1e-12)


def test_the_root_of_a_singular_matrix() -> None:
    matrix = np.array([[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 9.0]])
    root = square_root(matrix)
    assert root @ root.T == pytest.approx(matrix)
    assert root[:, 1].tolist() == [0, 0, 0]
