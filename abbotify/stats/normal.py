"""The normal distribution, and what it says of the estimates that a test finds."""

from __future__ import annotations

import math


def density(value: float) -> float:
    """The standard normal density."""
    return math.exp(-value * value / 2) / math.sqrt(2 * math.pi)


def below(value: float) -> float:
    """The standard normal distribution function."""
    from scipy.special import ndtr

    return float(ndtr(value))


def quantile(alpha: float) -> float:
    """What a standard normal number exceeds in absolute value with chance alpha."""
    from scipy.special import ndtri

    return -float(ndtri(alpha / 2))


def sign_and_size_errors(signal: float, alpha: float) -> tuple[float, float]:
    """The type S and type M errors of normal estimates that are significant.

    Args:
        signal: |effect| in standard errors, above 0.
        alpha: two-sided level.

    Returns:
        the share of them with the wrong sign, and the mean of |estimate| / |effect|.

    Source: Gelman, Carlin (2014), Perspectives on Psychological Science 9; by the truncated
    normal distribution's mean.
    """
    z = quantile(alpha)
    right, wrong = below(signal - z), below(-signal - z)
    mass = right + wrong
    size = signal * (right - wrong) + density(z - signal) + density(z + signal)
    return wrong / mass, size / (signal * mass)
