"""Ratio of sums over users (time per session of the arm, not of its mean user)."""

from __future__ import annotations

from abbotify.stats.contrast import Estimate
from abbotify.stats.moments import Moments

# Residuals come from three merged sums, each good to about n_shards * 1e-16 of itself: a smaller
# residual is rounding, as when every request of an arm takes the same 40 ms.
ROUNDING = 1e-13


def ratio_of_sums(moments: Moments) -> Estimate:
    """R = sum(y) / sum(d) with the delta method's sampling variance.

    With residuals e = y - R d, V = n / (n - 1) * sum(e^2) / sum(d)^2. Users, the randomised
    units, are independent; sessions within a user need not be.

    Args:
        moments: k = 2, (numerator y, denominator d) per exposed user; a user without any
            denominator counts as (0, 0).

    Raises:
        ValueError: When k is not 2.

    Source: Deng, Knoblich, Lu (2018), arXiv 1803.06336; in residual form.
    """
    if len(moments.mean) != 2:
        raise ValueError(f"a ratio takes moments of 2 variables, got {len(moments.mean)}")
    if moments.n == 0:
        return Estimate(0, None, None, "no users")
    numerator, denominator = (float(value) for value in moments.mean)
    if denominator == 0:
        return Estimate(moments.n, None, None, "the denominator is 0")
    value = numerator / denominator
    if moments.n == 1:
        return Estimate(1, value, None, "one user: no variance")
    squares = residual_squares(moments, value)
    n = moments.n
    return Estimate(n, value, squares / (n * (n - 1)) / (denominator * denominator))


def residual_squares(moments: Moments, slope: float) -> float:
    """The sum of (y - slope d)^2 for the slope through both means, never negative.

    The residuals' mean is 0 there, so the centred sums are enough. Units of y squared.
    """
    yy, yd, dd = (float(moments.comoments[i, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    squares = yy - 2 * slope * yd + slope * slope * dd
    size = yy + 2 * abs(slope * yd) + slope * slope * dd
    return squares if squares > ROUNDING * size else 0.0
