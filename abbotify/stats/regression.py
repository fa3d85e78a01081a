"""The regression of an arm's metric on covariates, from centred sums."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from abbotify.stats.contrast import Estimate
from abbotify.stats.means import ROUNDING, mean, ratio_of_sums
from abbotify.stats.moments import Floats, Moments

# What is left of a covariate's variance beside the earlier ones; less is one said twice.
_COLLINEAR: Final = 1e-10


@dataclass(frozen=True, eq=False)
class Regression:
    """Least squares through an arm's means.

    Attributes:
        slopes: Shape (p,); 0 for a covariate that is left out.
        squares: The residuals' sum of squares.
        inverse: Shape (p, p), inverse of the covariates' centred sums; 0 for those left out.
        kept: Number of covariates in use.
        note: Why others are not, else empty.
    """

    slopes: Floats
    squares: float
    inverse: Floats
    kept: int
    note: str = ""


def regress(arm: Linear) -> Regression:
    """The regression of the metric's part on the covariates', by sweeping.

    A covariate that is constant in the arm, or a combination of earlier ones, is left out; all are
    when the metric is constant, or the arm has too few users to leave a degree of freedom.

    Source: Goodnight (1979), A tutorial on the SWEEP operator, The American Statistician 33.
    """
    p = len(arm.covariates)
    swept, kept = arm.comoments.copy(), []
    # A metric without variance has nothing to explain, and slopes of rounding would be divided by
    # variances of rounding.
    varies = arm.comoments[0, 0] > ROUNDING * arm.sizes[0]
    if p and varies and arm.estimate.n >= p + 2:
        for column in range(1, 1 + p):
            # By hand: a library's order of sums may change with its version and threads.
            own = arm.comoments[column, column]
            if own > ROUNDING * arm.sizes[column] and swept[column, column] > _COLLINEAR * own:
                swept = _sweep(swept, column)
                kept.append(column)
    slopes, inverse = np.zeros(p), np.zeros((p, p))
    at = np.array(kept, dtype=int)
    slopes[at - 1] = swept[0, at]
    inverse[np.ix_(at - 1, at - 1)] = -swept[np.ix_(at, at)]
    squares = float(swept[0, 0])
    exact = squares <= ROUNDING * float(arm.sizes[0])
    return Regression(slopes, 0.0 if exact else squares, inverse, len(kept), _note(arm, len(kept)))


def square_root(matrix: Floats) -> Floats:
    """A lower triangular L with L L' = matrix, symmetric and not negative; it may be singular.

    Shape (p, p). A direction without variance is a column of zeros.
    """
    left, root = matrix.copy(), np.zeros_like(matrix)
    for column, own in enumerate(matrix.diagonal()):
        if left[column, column] > _COLLINEAR * own:
            root[:, column] = left[:, column] / math.sqrt(left[column, column])
            left = left - np.outer(root[:, column], root[:, column])
    return root


def _sweep(matrix: Floats, column: int) -> Floats:
    row = matrix[column] / matrix[column, column]
    swept = matrix - np.outer(matrix[:, column], row)
    swept[column] = swept[:, column] = row
    swept[column, column] = -1 / matrix[column, column]
    return swept


def _note(arm: Linear, kept: int) -> str:
    p = len(arm.covariates)
    if kept == p:
        return "" if p else "no pre-period: not adjusted"
    if arm.estimate.n < p + 2:
        return "too few users to adjust"
    if arm.comoments[0, 0] <= ROUNDING * arm.sizes[0]:
        return ""  # the estimate says so
    return "" if kept else "no differences between users before the experiment: not adjusted"


@dataclass(frozen=True, eq=False)
class Linear:
    """One arm's estimate and covariates, each as its value and the users' share in it.

    Attributes:
        estimate: Of the metric, not adjusted.
        covariates: Shape (p,), the arm's values of the covariates; 0 where undefined.
        comoments: Shape (1 + p, 1 + p), centred sums of products of what each user adds to the
            metric's value and to the covariates'; 0 where undefined.
        sizes: Shape (1 + p,), what the diagonal of `comoments` came from by subtraction: a much
            smaller diagonal is rounding.
    """

    estimate: Estimate
    covariates: Floats
    comoments: Floats
    sizes: Floats


def linear_mean(moments: Moments) -> Linear:
    """The mean of the first variable, with the means of the others as covariates.

    Args:
        moments: k = 1 + p.
    """
    first = moments.leading(1)
    return Linear(
        mean(first), moments.mean[1:], moments.comoments, moments.comoments.diagonal().copy()
    )


def linear_ratio(moments: Moments) -> Linear:
    """The ratio of the first two variables' sums, with that of the last two as the covariate.

    Args:
        moments: k = 4, (numerator, denominator) and the same of the covariate.

    Source: Deng, Knoblich, Lu (2018), arXiv 1803.06336: a ratio moves with y - R d.
    """
    first = moments.leading(2)
    weights = np.zeros((2, 4))
    values = np.zeros(2)
    for row, (y, d) in enumerate(((0, 1), (2, 3))):
        divisor = float(moments.mean[d])
        if divisor != 0:
            values[row] = float(moments.mean[y]) / divisor
            weights[row, [y, d]] = 1 / divisor, -values[row] / divisor
    return Linear(
        ratio_of_sums(first),
        values[1:],
        _between(weights, moments.comoments),
        _between(np.abs(weights), np.abs(moments.comoments)).diagonal().copy(),
    )


def _between(weights: Floats, comoments: Floats) -> Floats:
    """Weights comoments weights', symmetric to the last bit, in numpy's order of sums, not BLAS's.

    Shape (rows, rows).
    """
    half = (weights[:, None, :] * comoments).sum(axis=2)
    product = (half[:, None, :] * weights).sum(axis=2)
    return (product + product.T) / 2
