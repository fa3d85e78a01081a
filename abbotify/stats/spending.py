"""How much of the error may be spent by the time a share of the information is in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Spending: TypeAlias = Callable[[float, float], float]


def obrien_fleming(level: float, fraction: float) -> float:
    """O'Brien and Fleming's kind: next to nothing early, so that the last look loses little.

    2 (1 - Phi(z(level / 2) / sqrt(fraction))): a two-sided alpha of .05 spends level .025 a side.

    Args:
        level: Error of one side, over all looks.
        fraction: Share of the planned information, not negative; from 1 on all is spent.

    Source: Lan, DeMets (1983), Biometrika 70.
    """
    from scipy.special import ndtr, ndtri

    _check(level, fraction)
    if fraction >= 1:
        return level
    if fraction == 0:
        return 0.0
    return 2 * float(ndtr(ndtri(level / 2) / math.sqrt(fraction)))


def pocock(level: float, fraction: float) -> float:
    """Pocock's kind, about the same critical value at every look: level log(1 + (e - 1) fraction).

    Args:
        level: Error of one side, over all looks.
        fraction: Share of the planned information, not negative; from 1 on all is spent.

    Source: Lan, DeMets (1983), Biometrika 70.
    """
    _check(level, fraction)
    return level if fraction >= 1 else level * math.log1p(math.expm1(1) * fraction)


@dataclass(frozen=True)
class PowerSpending:
    """level * fraction ** exponent: 1 is near Pocock's, 3 near O'Brien and Fleming's.

    Source: Kim, DeMets (1987), Biometrika 74.
    """

    exponent: float

    def __post_init__(self) -> None:
        if not 0 < self.exponent < math.inf:
            raise ValueError(f"the exponent must be positive, got {self.exponent}")

    def __call__(self, level: float, fraction: float) -> float:
        """What one side has spent at a share of the information."""
        _check(level, fraction)
        return level if fraction >= 1 else level * fraction**self.exponent


def _check(level: float, fraction: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"the level must lie between 0 and 1, got {level}")
    if not 0 <= fraction < math.inf:
        raise ValueError(f"a fraction of information must not be negative, got {fraction}")
