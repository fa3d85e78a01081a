"""Two values for each unit: the same users in two runs, compared user by user.

What users have in common in both runs (who they are, the draws they meet) leaves the difference,
so its error is that of the differences alone, however the two runs depend on each other.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from abbotify.stats.contrast import Contrast, Estimate, check_alpha, difference
from abbotify.stats.means import mean, welch
from abbotify.stats.moments import Floats, Moments

SAME = "the same for every user"


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
    from scipy.special import ndtr, ndtri

    check_alpha(alpha)
    effect = second.value - first.value
    below = math.hypot(second.value - second.lower, first.upper - first.value)
    above = math.hypot(second.upper - second.value, first.value - first.lower)
    facing = below if effect > 0 else above  # the side on which 0 lies
    if facing <= 0:
        return Contrast(effect, note="no variance in either run: no test, no interval")
    statistic = -float(ndtri(alpha / 2)) * effect / facing
    p_value = min(1.0, 2 * float(ndtr(-abs(statistic))))
    return Contrast(effect, effect - below, effect + above, statistic, math.inf, p_value)
