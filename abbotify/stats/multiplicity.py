"""p-values adjusted for having asked several questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from abbotify.stats import normal
from abbotify.stats.contrast import (
    Contrast,
    Estimate,
    Lift,
    difference,
    relative,
    symmetric,
    variance_of_difference,
)
from abbotify.stats.moments import Floats


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm's adjusted p-values of one family, in the order given.

    Args:
        p_values: One per hypothesis; None where undefined: it leaves the family, which is then
            smaller, and stays None.

    Raises:
        ValueError: On a p-value outside [0, 1].

    Source: Holm (1979), Scand. J. Statist. 6; holds the family-wise error under any dependence.
    """
    return _adjusted(p_values, lambda p: np.maximum.accumulate(p * np.arange(len(p), 0, -1)))


def benjamini_hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Benjamini and Hochberg's adjusted p-values of one family, in the order given.

    Args:
        p_values: One per hypothesis; None where undefined: it leaves the family and stays None.

    Raises:
        ValueError: On a p-value outside [0, 1].

    Source: Benjamini, Hochberg (1995), JRSS B 57; holds the expected share of false ones among
    those found, for independent p-values.
    """
    return _adjusted(
        p_values,
        lambda p: np.minimum.accumulate((p * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1],
    )


def _adjusted(
    p_values: Sequence[float | None], adjust: Callable[[Floats], Floats]
) -> tuple[float | None, ...]:
    """The p-values, adjusted in ascending order; None where undefined."""
    # Not statsmodels' `multipletests`, the oracle in the tests: it imports for 0.6 s.
    defined = [p for p in p_values if p is not None]
    if not all(0 <= p <= 1 for p in defined):
        raise ValueError(f"p-values must lie in [0, 1], got {defined}")
    adjusted = np.empty(len(defined))
    order = np.argsort(defined)
    adjusted[order] = np.minimum(adjust(np.array(defined)[order]), 1.0)
    values = iter(adjusted.tolist())
    return tuple(None if p is None else next(values) for p in p_values)


# Of the probability: critical values are then good to 3e-5. All of `max_z` takes .13 s for 5
# treatments and 1.6 s for 8; at 1e-6 1.6 s and 12 s.
_ACCURACY: Final = 1e-5

Probability = Callable[[float], float]


@dataclass(frozen=True)
class Simultaneous:
    """One metric's comparisons of all treatments with the control, as one family.

    Attributes:
        contrasts: Per treatment, in the order given; `p_value` is adjusted for the others, df is
            None (the limit of many users).
        lifts: The same relative to the control.
        critical: The |z| that the largest of all exceeds with chance alpha; None without a test.
    """

    contrasts: tuple[Contrast, ...]
    lifts: tuple[Lift, ...]
    critical: float | None


def max_z(control: Estimate, treatments: Sequence[Estimate], alpha: float) -> Simultaneous:
    """Simultaneous intervals and adjusted p-values by the distribution of the largest |z|.

    The chance that any of the intervals misses is alpha. Each arm keeps its own variance; the
    comparisons are correlated since they share the control. A treatment without variance or value
    leaves the family.

    Args:
        control: The arm that all are compared with.
        treatments: The others, adjusted by the same model or not at all.
        alpha: Two-sided level of the family.

    Raises:
        ValueError: When alpha is not strictly between 0 and 1.

    Source: Hothorn, Bretz, Westfall (2008), Biometrical Journal 50, with an error of its own for
    each arm as in Herberich, Sikorski, Hothorn (2010), PLoS ONE 5; Dunnett (1955), JASA 50.
    """
    single = [difference(control, treatment, alpha) for treatment in treatments]
    family = [i for i, contrast in enumerate(single) if contrast.p_value is not None]
    contrasts = list(single)
    if not family:
        lifts = (relative(control, treatment, alpha) for treatment in treatments)
        return Simultaneous(tuple(contrasts), tuple(lifts), None)
    covariance = covariance_of_differences(control, [treatments[i] for i in family])
    errors = np.sqrt(covariance.diagonal())
    below = largest_below(covariance / np.outer(errors, errors))
    critical = _critical(below, len(family), alpha)
    for i, error in zip(family, errors.tolist(), strict=True):
        contrasts[i] = _contrast(single[i], error, critical, below, len(family))
    lifts = (relative(control, treatment, alpha, critical) for treatment in treatments)
    return Simultaneous(tuple(contrasts), tuple(lifts), critical)


def covariance_of_differences(control: Estimate, treatments: Sequence[Estimate]) -> Floats:
    """Sampling covariance of treatment minus control, shape (k, k)."""
    shared = np.array([np.subtract(arm.common, control.common) for arm in treatments])
    covariance = (shared[:, None, :] * shared).sum(axis=2) + (control.variance or 0.0)
    variances = [variance_of_difference(control, treatment) for treatment in treatments]
    covariance[np.diag_indices(len(treatments))] = variances
    return covariance


def largest_below(correlation: Floats) -> Probability:
    """The distribution function of the largest |z| of k jointly normal z, good to 1e-5.

    Args:
        correlation: Shape (k, k); may be singular.
    """
    k = len(correlation)

    def below(value: float) -> float:
        from scipy.stats import multivariate_normal  # .4 s, which two arms do without

        return float(
            multivariate_normal.cdf(
                np.full(k, value),
                lower_limit=np.full(k, -value),
                cov=correlation,
                allow_singular=True,
                abseps=_ACCURACY,
                releps=_ACCURACY,
                # The same shifts of the lattice at every call: a function, without noise.
                rng=np.random.Generator(np.random.Philox(key=0)),
            )
        )

    return (lambda value: 1 - _outside(value)) if k == 1 else below


def _contrast(
    single: Contrast, error: float, critical: float, below: Probability, k: int
) -> Contrast:
    assert single.effect is not None
    statistic = single.effect / error
    alone = _outside(statistic)
    # Between one comparison's and Sidak's, which holds whatever the correlation: beyond 1e-5 the
    # difference from 1 has no digits left.
    p_value = min(max(1 - below(abs(statistic)), alone), _sidak(alone, k))
    return symmetric(single.effect, error, critical, p_value)


def _critical(below: Probability, k: int, alpha: float) -> float:
    from scipy.optimize import brentq

    least = normal.quantile(alpha)
    if k == 1:
        return least
    most = normal.quantile(-math.expm1(math.log1p(-alpha) / k))
    # A little wider, for comparisons that are all one, or independent.
    return float(brentq(lambda z: below(z) - (1 - alpha), least - 1e-3, most + 1e-3, xtol=1e-9))


def _outside(statistic: float) -> float:
    return 2 * normal.below(-abs(statistic))


def _sidak(p_value: float, k: int) -> float:
    return 1.0 if p_value >= 1 else -math.expm1(k * math.log1p(-p_value))


def all_pairs(arms: Sequence[Estimate], alpha: float) -> dict[tuple[int, int], Contrast]:
    """Every arm against every other, with simultaneous intervals and adjusted p-values.

    The largest of all |z| is compared with the studentised range of as many independent normal
    variables: exact for arms of equal error, and on the safe side for others.

    Args:
        arms: At least two, of one model.
        alpha: Two-sided level of all pairs together.

    Returns:
        (i, j) with i < j -> arm i minus arm j; without p-value where a pair has no test.

    Raises:
        ValueError: With fewer than two arms, or when alpha is not strictly between 0 and 1.

    Source: Tukey (1953); Kramer (1956), Biometrics 12; for unequal errors Hayter (1984), Ann.
    Statist. 12. With estimated variances and many users (df is None).
    """
    from scipy.stats import studentized_range

    if len(arms) < 2:
        raise ValueError(f"pairs take two arms or more, got {len(arms)}")
    critical = float(studentized_range.ppf(1 - alpha, len(arms), math.inf)) / math.sqrt(2)
    contrasts: dict[tuple[int, int], Contrast] = {}
    for i, j in combinations(range(len(arms)), 2):
        single = difference(arms[j], arms[i], alpha)
        if single.effect is None or single.p_value is None:
            contrasts[i, j] = single
            continue
        error = math.sqrt(variance_of_difference(arms[j], arms[i]))
        z = abs(single.effect / error)
        p = float(studentized_range.sf(z * math.sqrt(2), len(arms), math.inf))
        contrasts[i, j] = symmetric(single.effect, error, critical, min(1.0, max(p, 0.0)))
    return contrasts
