"""Mean over users: an arm's estimate and Welch's comparison, from sums."""

from __future__ import annotations

from abbotify.stats.contrast import Contrast, Estimate, difference
from abbotify.stats.moments import Moments


def mean(moments: Moments) -> Estimate:
    """The mean of one variable with its sampling variance s^2 / n.

    Args:
        moments: k = 1, over the users for whom the metric is defined.

    Raises:
        ValueError: When k is not 1.

    Source: Welch (1947), Biometrika 34: each arm keeps its own variance.
    """
    if len(moments.mean) != 1:
        raise ValueError(f"a mean takes moments of 1 variable, got {len(moments.mean)}")
    if moments.n == 0:
        return Estimate(0, None, None, "no users with the metric defined")
    value = float(moments.mean[0])
    if moments.n == 1:
        return Estimate(1, value, None, "one user: no variance")
    return Estimate(moments.n, value, float(moments.variance[0]) / moments.n)


def welch(control: Moments, treatment: Moments, alpha: float) -> Contrast:
    """Welch's difference of means, treatment minus control, in the metric's units.

    Equals `scipy.stats.ttest_ind(treatment, control, equal_var=False)` with its interval.

    Args:
        control: k = 1.
        treatment: k = 1.
        alpha: Two-sided level; the interval has confidence 1 - alpha.

    Raises:
        ValueError: When k is not 1 or alpha is not strictly between 0 and 1.

    Source: Welch (1947), Biometrika 34.
    """
    return difference(mean(control), mean(treatment), alpha)


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
