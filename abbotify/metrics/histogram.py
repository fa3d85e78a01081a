"""Bins of a metric over users, common to all arms."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_BINS: Final = 60
_SHOWN: Final = 0.995  # share of the users in bins of equal width; the last bin holds the rest


def edges(values: Floats) -> tuple[float, ...]:
    """The edges of a histogram: equal bins up to the 99.5th percentile, then one for the rest.

    Args:
        values: float64 (n,), finite, at least one; those of all arms together.

    Returns:
        ascending edges, every value between the first and the last.

    Source: Freedman, Diaconis (1981) for the width, 2 IQR / n^(1/3).
    """
    low, high, top = values.min(), np.quantile(values, _SHOWN), values.max()
    if not high > low:
        high = top
    smallest = 1e-9 * max(1.0, abs(low), abs(top))  # narrower bins would fall together
    if high - low <= MOST_BINS * smallest:
        margin = 0.5 * max(1.0, abs(low))
        return (float(low - margin), float(top + margin))
    quartiles = np.quantile(values, (0.25, 0.75))
    width = 2 * (quartiles[1] - quartiles[0]) / len(values) ** (1 / 3)
    bins = MOST_BINS - 1 if width <= 0 else min(MOST_BINS - 1, int(np.ceil((high - low) / width)))
    inner = np.linspace(low, high, bins + 1).tolist()
    return (*inner, float(top)) if top - high > smallest else (*inner[:-1], float(top))


def counts(values: Floats, bins: tuple[float, ...]) -> tuple[int, ...]:
    """How many values lie in each bin; the last one includes its upper edge."""
    numbers: npt.NDArray[Any] = np.histogram(values, bins)[0]
    return tuple(numbers.tolist())
