"""Sample ratio mismatch: do the arms have the users their weights promise?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abbotify.stats.contrast import check_alpha

ALPHA = 0.001
SMALLEST_EXPECTED = 5.0


@dataclass(frozen=True)
class SampleRatio:
    """Outcome of the check; p_value, statistic and mismatch are None where it cannot be made.

    Attributes:
        counts: Users per arm.
        expected: Users per arm the weights promise, of the same total.
        statistic: Pearson's chi-square, arms - 1 degrees of freedom.
        p_value: Chance of a split at least as far off, were the weights right.
        mismatch: p_value < alpha.
        note: Why the check was not made, else empty.
    """

    counts: tuple[int, ...]
    expected: tuple[float, ...]
    statistic: float | None = None
    p_value: float | None = None
    mismatch: bool | None = None
    note: str = ""


def sample_ratio(
    counts: Sequence[int], weights: Sequence[float], alpha: float = ALPHA
) -> SampleRatio:
    """Pearson's chi-square test of the arms' sizes against their weights.

    Args:
        counts: Users per arm, an arm without users included as 0.
        weights: Positive, on any scale, in the same order.
        alpha: Level; small, because a mismatch voids the whole experiment.

    Raises:
        ValueError: On lengths that differ, a negative count, a weight not above 0 or a wrong alpha.

    Source: Pearson (1900); Fabijan et al. (2019), KDD, for its use; Cochran (1954) for the rule
    that no test is made below 5 expected users.
    """
    # Not `scipy.stats.chisquare`, the oracle in the tests: importing it takes 0.5 s.
    from scipy.special import chdtrc

    _check(counts, weights)
    check_alpha(alpha)
    users = tuple(int(count) for count in counts)
    scale = float(sum(weights))
    expected = tuple(sum(users) * float(weight) / scale for weight in weights)
    skipped = _why_skipped(expected)
    if skipped:
        return SampleRatio(users, expected, note=skipped)
    wanted = np.array(expected)
    statistic = float(((np.array(users) - wanted) ** 2 / wanted).sum())
    p_value = float(chdtrc(len(users) - 1, statistic))
    return SampleRatio(users, expected, statistic, p_value, p_value < alpha)


def _check(counts: Sequence[int], weights: Sequence[float]) -> None:
    if len(counts) != len(weights):
        raise ValueError(f"{len(counts)} counts for {len(weights)} weights")
    if any(count < 0 for count in counts):
        raise ValueError(f"counts must not be negative, got {list(counts)}")
    if not all(0 < weight < float("inf") for weight in weights):
        raise ValueError(f"weights must be positive and finite, got {list(weights)}")


def _why_skipped(expected: Sequence[float]) -> str:
    if len(expected) < 2:
        return "fewer than two arms: nothing to compare"
    if min(expected) < SMALLEST_EXPECTED:
        return "fewer than 5 users expected in an arm: too few to test"
    return ""


# The mixture's weight in users: a prior as wide as the arms' shares of 100 users. The check is
# valid with any; large ones find small mismatches sooner once there are many users.
CONCENTRATION = 100.0


@dataclass(frozen=True)
class SampleRatioLook:
    """One look at the arms' sizes.

    Attributes:
        counts: Users per arm by then.
        log_bayes_factor: Natural logarithm, of "any other weights" against the promised ones.
        p_value: 1 / the largest Bayes factor so far, at most 1; valid whenever one stops.
        mismatch: p_value < alpha: so it stays once found.
    """

    counts: tuple[int, ...]
    log_bayes_factor: float
    p_value: float
    mismatch: bool


def watch_sample_ratio(
    counts: Sequence[Sequence[int]],
    weights: Sequence[float],
    alpha: float = ALPHA,
    concentration: float = CONCENTRATION,
) -> tuple[SampleRatioLook, ...]:
    """The arms' sizes at every look; over all looks, ever, the error is alpha.

    Args:
        counts: At each look the users per arm by then, never falling.
        weights: Positive, on any scale, in the arms' order.
        alpha: Error over all looks.
        concentration: Of the Dirichlet prior around the weights.

    Raises:
        ValueError: On counts that are negative or fall, or what `log_bayes_factor` refuses.

    Source: Lindon, Malek (2022), arXiv 2011.03567; by Ville's inequality.
    """
    check_alpha(alpha)
    looks, largest = list[SampleRatioLook](), 0.0
    before: Sequence[int] = [0] * len(weights)
    for users in counts:
        evidence = log_bayes_factor(users, weights, concentration)
        if any(now < then for now, then in zip(users, before, strict=True)):
            raise ValueError(f"counts must not fall, got {list(users)} after {list(before)}")
        before, largest = users, max(largest, evidence)
        p_value = math.exp(-largest)
        looks.append(SampleRatioLook(tuple(users), evidence, p_value, p_value < alpha))
    return tuple(looks)


def log_bayes_factor(
    counts: Sequence[int], weights: Sequence[float], concentration: float = CONCENTRATION
) -> float:
    """Dirichlet-multinomial against multinomial likelihood, whatever the order users came in.

    Args:
        counts: Users per arm.
        weights: Positive, on any scale, in the arms' order.
        concentration: Of the Dirichlet prior, whose mean is the weights' shares.

    Raises:
        ValueError: On fewer than two arms, lengths that differ, a negative count, or a weight or
            concentration that is not positive and finite.

    Source: Lindon, Malek (2022), arXiv 2011.03567.
    """
    _check(counts, weights)
    if len(weights) < 2:
        raise ValueError("weights of two arms or more are needed")
    if not 0 < concentration < math.inf:
        raise ValueError(f"concentration must be positive and finite, got {concentration}")
    scale = math.fsum(weights)
    total = _rising(concentration, sum(counts))
    parts = [
        _rising(concentration * weight / scale, count) - count * math.log(weight / scale)
        for count, weight in zip(counts, weights, strict=True)
    ]
    return math.fsum(parts) - total


def _rising(start: float, steps: int) -> float:
    """The logarithm of start (start + 1) ... (start + steps - 1)."""
    return math.lgamma(start + steps) - math.lgamma(start)
