"""Novelty: does an effect fade, or grow, with the days since a user first met it?

One aggregate per arm carries everything: moments of the users' values by day since exposure. They
know how the days of one user hang together, which a regression over daily effects does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from abbotify.stats.contrast import Contrast, Estimate, Lift, difference, relative
from abbotify.stats.moments import Floats, Moments


@dataclass(frozen=True)
class Novelty:
    """The effect by day since exposure, and its trend.

    Attributes:
        days: Treatment minus control on each day.
        lifts: The same in per cent of |control|.
        trend: Slope of the effect, units of the metric per day.
        relative_trend: Slope of the lift, per cent per day (100 x the slope of the logarithm of
            treatment / control): 0 for a constant lift over a control that itself changes. None
            where a day's mean is not positive.
        fading: Whether the lift significantly moves towards 0, from the sign that its mean over
            all days has; None without a relative trend: an absolute effect falls with the
            control's own mean, as it does where everybody comes on day 0 and few come later.
    """

    days: tuple[Contrast, ...]
    lifts: tuple[Lift, ...]
    trend: Contrast
    relative_trend: Contrast
    fading: bool | None


def novelty(control: Moments, treatment: Moments, alpha: float) -> Novelty:
    """Daily effects and the tests of their trend.

    Args:
        control: k variables, the user's value on day 0, ..., k - 1 since the first exposure; only
            users who have all k days behind them, a day without sessions counting as 0.
        treatment: Likewise.
        alpha: Two-sided level of each test and interval.

    Raises:
        ValueError: On fewer than two days, arms with unlike numbers of days, or a wrong alpha.

    Source: each user's least-squares slope, compared by Welch (1947); relative: delta method.
    """
    k = len(control.mean)
    if k < 2 or len(treatment.mean) != k:
        both = f"{k} and {len(treatment.mean)}"
        raise ValueError(f"a trend takes two days or more, as many in both arms, got {both}")
    arms = (control, treatment)
    daily = [(combined(control, day), combined(treatment, day)) for day in np.eye(k)]
    slope = _slope_weights(k)
    trend = difference(combined(control, slope), combined(treatment, slope), alpha)
    logs = [_log_slope(arm, slope) for arm in arms]
    relative_trend = difference(logs[0], logs[1], alpha)
    overall = [combined(arm, np.full(k, 1 / k)).value or 0.0 for arm in arms]
    return Novelty(
        tuple(difference(control, treatment, alpha) for control, treatment in daily),
        tuple(relative(control, treatment, alpha) for control, treatment in daily),
        trend,
        relative_trend,
        _fading(overall[1] - overall[0], relative_trend, alpha),
    )


def combined(moments: Moments, weights: Sequence[float] | Floats) -> Estimate:
    """The mean over users of a weighted sum of their variables.

    Exactly what `mean` gives for that sum: a week's mean, a slope, a single day.

    Args:
        moments: k variables.
        weights: Shape (k,).
    """
    if moments.n == 0:
        return Estimate(0, None, None, "no users with all days behind them")
    row = np.asarray(weights, dtype=np.float64)
    value = float((row * moments.mean).sum())
    if moments.n == 1:
        return Estimate(1, value, None, "one user: no variance")
    squares = float((np.outer(row, row) * moments.comoments).sum())
    return Estimate(moments.n, value, max(0.0, squares) / (moments.n - 1) / moments.n)


def _slope_weights(days: int) -> Floats:
    """Weights whose sum with a line's values is its slope per day."""
    centred = np.arange(days) - (days - 1) / 2
    return centred / (centred * centred).sum()


def _log_slope(moments: Moments, slope: Floats) -> Estimate:
    """The slope of 100 log(mean of the day), its variance by the delta method."""
    if moments.n and not (moments.mean > 0).all():
        return Estimate(moments.n, None, None, "a day's mean is not positive")
    weights = 100 * slope / np.where(moments.mean > 0, moments.mean, 1.0)
    estimate = combined(moments, weights)
    if estimate.value is None:
        return estimate
    return replace(estimate, value=100 * float((slope * np.log(moments.mean)).sum()))


def _fading(overall: float, trend: Contrast, alpha: float) -> bool | None:
    if trend.effect is None or trend.p_value is None:
        return None
    return trend.p_value < alpha and trend.effect * overall < 0
