"""Means and ratios over users, from sums: an arm's estimate, and comparisons of two.

Two arms have different users (Welch). Two runs have the same ones, compared user by user: what they
have in common in both (who they are, the draws they meet) leaves the difference, so its error is
that of the differences alone, however the two runs depend on each other.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from abbotify.stats import normal
from abbotify.stats.contrast import Contrast, Estimate, check_alpha, difference
from abbotify.stats.moments import Floats, Moments

SAME: Final = "the same for every user"


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


def paired(differences: Moments, alpha: float) -> Contrast:
    """The mean difference of pairs with Student's interval and test, in the metric's units.

    Equals `scipy.stats.ttest_rel(second, first)` with its interval.

    Args:
        differences: k = 1, second minus first value, over the users who have both.
        alpha: Two-sided level; the interval has confidence 1 - alpha.

    Raises:
        ValueError: When k is not 1 or alpha is not strictly between 0 and 1.

    Source: Student (1908), Biometrika 6.
    """
    nothing = Estimate(differences.n, 0.0, 0.0)  # a known 0 takes no degree of freedom
    return _noted(difference(nothing, mean(differences), alpha), differences)


def paired_effects(control: Moments, treatment: Moments, alpha: float) -> Contrast:
    """How far a treatment's effect moves from the first run to the second.

    The two arms' users are different ones: Welch's difference of their paired differences.

    Args:
        control: k = 1, second minus first value of the control's users.
        treatment: k = 1, of the treatment's.
        alpha: Two-sided level.

    Raises:
        ValueError: When k is not 1 or alpha is not strictly between 0 and 1.

    Source: Welch (1947), Biometrika 34.
    """
    return _noted(welch(control, treatment, alpha), control, treatment)


def lift_terms(control: Floats, treatment: Floats) -> tuple[Floats, Floats] | None:
    """Values whose difference of means is the lift, and whose spread is its first-order spread.

    Args:
        control: Shape (n,), values of the control's users.
        treatment: Shape (m,), of the treatment's.

    Returns:
        Terms of shape (n,) and (m,), in per cent of |control's mean|; None where that is 0 or an
        arm is empty.

    Source: Deng, Knoblich, Lu (2018), arXiv 1803.06336: the delta method as a linearisation.
    """
    if not (len(control) and len(treatment)):
        return None
    base, level = float(control.mean()), float(treatment.mean())
    if base == 0:
        return None
    moved = (level / base) * (control - base) + base
    return 100 * (moved / abs(base)), 100 * (treatment / abs(base))


def ratio_terms(numerator: Floats, denominator: Floats) -> Floats | None:
    """Values whose mean is a ratio of sums, and whose spread is its first-order spread.

    Args:
        numerator: Shape (n,), of each user.
        denominator: Shape (n,).

    Returns:
        Terms of shape (n,), in units of the ratio; None where the denominators' sum is 0.

    Source: Deng, Knoblich, Lu (2018), arXiv 1803.06336.
    """
    total = float(np.sum(denominator))
    if total == 0:
        return None
    ratio = float(np.sum(numerator)) / total
    return ratio + (numerator - ratio * denominator) / (total / len(denominator))


def _noted(contrast: Contrast, *differences: Moments) -> Contrast:
    """The contrast with a note about pairs where there is no variance."""
    flat = all(d.n > 1 and float(d.variance[0]) == 0 for d in differences)
    if contrast.effect is None or not flat:
        return contrast
    none = all(float(d.mean[0]) == 0 for d in differences)
    return replace(contrast, note=SAME if none else "the same difference for every user")


class Bounded(NamedTuple):
    """An estimate with its interval, which need not lie evenly around it."""

    value: float
    lower: float
    upper: float


def independent(first: Bounded, second: Bounded, alpha: float) -> Contrast:
    """Second minus first with its interval and p-value.

    The variance on each side is recovered from the intervals' ends on that side, so Fieller's
    uneven intervals keep their shape. The interval excludes 0 exactly when p < alpha.

    Args:
        first: with an interval of level 1 - alpha.
        second: likewise, of an estimate independent of the first.
        alpha: Two-sided level.

    Raises:
        ValueError: When alpha is not strictly between 0 and 1.

    Source: Zou and Donner (2008), Statistics in Medicine 27 (MOVER); Newcombe (1998) for shares.
    """
    check_alpha(alpha)
    effect = second.value - first.value
    below = math.hypot(second.value - second.lower, first.upper - first.value)
    above = math.hypot(second.upper - second.value, first.value - first.lower)
    facing = below if effect > 0 else above  # the side on which 0 lies
    if facing <= 0:
        return Contrast(effect, note="no variance in either run: no test, no interval")
    statistic = normal.quantile(alpha) * effect / facing
    p_value = min(1.0, 2 * normal.below(-abs(statistic)))
    return Contrast(effect, effect - below, effect + above, statistic, math.inf, p_value)
