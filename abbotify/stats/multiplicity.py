"""p-values adjusted for having asked several questions."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm's adjusted p-values of one family, in the order given.

    Args:
        p_values: One per hypothesis; None where undefined: it leaves the family, which is then
            smaller, and stays None.

    Raises:
        ValueError: On a p-value outside [0, 1].

    Source: Holm (1979), Scand. J. Statist. 6; holds the family-wise error under any dependence.
    """
    defined = _defined(p_values)
    # By hand: statsmodels' `multipletests`, the oracle in the tests, imports for 0.6 s.
    adjusted: dict[float, float] = {}
    worst = 0.0
    for rank, p in enumerate(sorted(defined)):
        worst = max(worst, min(1.0, (len(defined) - rank) * p))
        adjusted.setdefault(p, worst)  # of equal ones the first is multiplied by most
    return tuple(None if p is None else adjusted[p] for p in p_values)


def benjamini_hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Benjamini and Hochberg's adjusted p-values of one family, in the order given.

    Args:
        p_values: One per hypothesis; None where undefined: it leaves the family and stays None.

    Raises:
        ValueError: On a p-value outside [0, 1].

    Source: Benjamini, Hochberg (1995), JRSS B 57; holds the expected share of false ones among
    those found, for independent p-values.
    """
    defined = _defined(p_values)
    adjusted: dict[float, float] = {}
    least = 1.0
    for rank, p in sorted(enumerate(sorted(defined), start=1), reverse=True):
        least = min(least, p * len(defined) / rank)
        adjusted.setdefault(p, least)  # of equal ones the last is multiplied by least
    return tuple(None if p is None else adjusted[p] for p in p_values)


def _defined(p_values: Sequence[float | None]) -> list[float]:
    defined = [p for p in p_values if p is not None]
    if not all(0 <= p <= 1 for p in defined):
        raise ValueError(f"p-values must lie in [0, 1], got {defined}")
    return defined
