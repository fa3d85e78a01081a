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
