"""What theory says the rates are: closed forms, and integrals of the normal distribution."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from abbotify.stats.multiplicity import largest_below
from abbotify.stats.normal import below

LEAST = 1.959963984540054  # two-sided .05


def naive_coverage(lift: float, share: float, critical: float = LEAST) -> float:
    """Coverage of an interval of the lift that takes the control's mean as known.

    Its variance lacks the factor (1 + lift)^2 on the control's part, where both arms have one
    coefficient of variation.

    Args:
        lift: A fraction.
        share: The treatment's share of the users.
        critical: Of the interval.
    """
    treated, control = (1 + lift) ** 2 / share, 1 / (1 - share)
    used = math.sqrt((treated + control) / (treated + (1 + lift) ** 2 * control))
    return 1 - 2 * below(-critical * used)


def any_of(metrics: int, alpha: float) -> float:
    """The chance that one of so many independent tests at alpha rejects."""
    return -math.expm1(metrics * math.log1p(-alpha))


def any_arm(arms: int) -> float:
    """The same for so many equal arms against one control, which they share (.05, Dunnett)."""
    correlation = np.full((arms, arms), 0.5)
    np.fill_diagonal(correlation, 1.0)
    return 1 - largest_below(correlation)(LEAST)


def clustered(design_effect: float) -> float:
    """What a test that takes dependent units as independent rejects at .05."""
    return 2 * below(-LEAST / math.sqrt(design_effect))


def drift_for(power: float) -> float:
    """The expected z at which a two-sided test at .05 has that power."""

    def excess(drift: float) -> float:
        return below(drift - LEAST) + below(-drift - LEAST) - power

    return float(brentq(excess, 0.0, 10.0))
