"""Means and ratios of sums in one form: an estimate that is a mean of one number per user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abbotify.stats.contrast import Estimate
from abbotify.stats.means import mean
from abbotify.stats.moments import Floats, Moments
from abbotify.stats.ratio import ratio_of_sums


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
