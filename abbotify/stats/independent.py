"""The difference of two independent estimates of which only the intervals are known."""

from __future__ import annotations

import math
from typing import NamedTuple

from abbotify.stats.contrast import Contrast


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

    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    effect = second.value - first.value
    below = math.hypot(second.value - second.lower, first.upper - first.value)
    above = math.hypot(second.upper - second.value, first.value - first.lower)
    facing = below if effect > 0 else above  # the side on which 0 lies
    if facing <= 0:
        return Contrast(effect, note="no variance in either run: no test, no interval")
    statistic = -float(ndtri(alpha / 2)) * effect / facing
    p_value = min(1.0, 2 * float(ndtr(-abs(statistic))))
    return Contrast(effect, effect - below, effect + above, statistic, math.inf, p_value)
