"""The regression of an arm's metric on covariates, from centred sums."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from abbotify.stats.linear import Linear
from abbotify.stats.moments import Floats
from abbotify.stats.ratio import ROUNDING

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
