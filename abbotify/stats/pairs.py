"""All pairs of arms compared: intervals that hold all at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from abbotify.stats.contrast import Contrast, Estimate, difference, variance_of_difference


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
    found: dict[tuple[int, int], Contrast] = {}
    for i, j in combinations(range(len(arms)), 2):
        single = difference(arms[j], arms[i], alpha)
        if single.effect is None or single.p_value is None:
            found[i, j] = single
            continue
        error = math.sqrt(variance_of_difference(arms[j], arms[i]))
        z = single.effect / error
        p = float(studentized_range.sf(abs(z) * math.sqrt(2), len(arms), math.inf))
        half = critical * error
        low, high = single.effect - half, single.effect + half
        found[i, j] = Contrast(single.effect, low, high, z, None, min(1.0, max(p, 0.0)))
    return found
