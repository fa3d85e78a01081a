"""What is compared with peers, and how close it has to be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from abbotify.stats import Contrast, Estimate, Moments
from abbotify.stats.contrast import satterthwaite, t_quantile
from abbotify.stats.moments import Floats

ALPHA = 0.05
AGREED = 1e-9  # relative: what equal definitions may differ by


def assert_agree(ours: Sequence[Any], theirs: Sequence[Any], within: float = AGREED) -> None:
    """The same numbers in the same order."""
    assert len(ours) == len(theirs)
    worst = max(abs(float(a) / float(b) - 1) for a, b in zip(ours, theirs, strict=True))
    assert worst < within, (ours, theirs)


def numbers(found: Contrast) -> tuple[float | None, ...]:
    return found.effect, found.lower, found.upper, found.statistic, found.p_value


def log_delta(control: Estimate, treatment: Estimate) -> tuple[float, float]:
    """The bounds of the lift that the logarithm of the ratio of means gives, as fractions."""
    assert control.value is not None
    assert treatment.value is not None
    logs = [
        Estimate(arm.n, math.log(arm.value or 0), (arm.variance or 0) / (arm.value or 0) ** 2)
        for arm in (control, treatment)
    ]
    half = t_quantile(satterthwaite(*logs), ALPHA) * math.sqrt(sum(a.variance or 0 for a in logs))
    ratio = treatment.value / control.value
    return ratio * math.exp(-half) - 1, ratio * math.exp(half) - 1


def shares(arm: Moments) -> tuple[Floats, Floats]:
    """Metric and covariate, as the weights with which a user's variables move them."""
    if len(arm.mean) == 2:
        return np.array([1.0, 0]), np.array([0, 1.0])
    y, d, y_before, d_before = arm.mean
    return np.array([1, -y / d, 0, 0]) / d, np.array([0, 0, 1, -y_before / d_before]) / d_before


def values(arm: Moments) -> tuple[float, float]:
    if len(arm.mean) == 2:
        return arm.mean[0], arm.mean[1]
    return arm.mean[0] / arm.mean[1], arm.mean[2] / arm.mean[3]


def pooled(arms: Sequence[Moments]) -> tuple[Estimate, Estimate]:
    """Both arms adjusted with one slope, that of all their users together."""
    everybody = reduce(Moments.merge, arms)
    metric, covariate = shares(everybody)
    spread = everybody.covariance
    slope = metric @ spread @ covariate / (covariate @ spread @ covariate)
    before = values(everybody)[1]
    found = []
    for arm in arms:
        value, own = values(arm)
        metric, covariate = shares(arm)
        left = metric - slope * covariate
        found.append(
            Estimate(
                arm.n,
                float(value - slope * (own - before)),
                float(left @ arm.covariance @ left) / arm.n,
            )
        )
    return found[0], found[1]
