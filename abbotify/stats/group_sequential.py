"""Critical values of repeated looks at one growing experiment, and what such looks lead to.

The score S = z sqrt(t), z the standardised effect and t the share of the planned information, is a
Brownian motion seen at a few times. Its density among the paths that have not yet crossed is
carried from look to look by numerical integration.

Source: Armitage, McPherson, Rowe (1969), JRSS A 132; Lan, DeMets (1983), Biometrika 70.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from abbotify.stats.contrast import check_alpha
from abbotify.stats.normal import below, quantile, reached

Floats: TypeAlias = NDArray[np.float64]
Spending: TypeAlias = Callable[[float, float], float]  # level of a side, fraction -> error spent

# Looks nearer to each other than this share of the information are one look: it bounds the nodes
# needed (about 1 100), and what such a look could spend.
SMALLEST_STEP = 1e-4
_TOO_NEAR = SMALLEST_STEP * (1 - 1e-9)  # .5001 - .5 is a little less than .0001
# Less than this is not spent yet but kept for the next look: beyond 7.6 standard errors sums of
# probabilities no longer tell the tail.
_SPENDABLE = 1e-14
_EXACT = 1e-15  # of a critical value
_REACH = 9.0  # standard deviations of the score within which paths are followed


@dataclass(frozen=True)
class Boundaries:
    """Symmetric critical values of |z|, one per look.

    Attributes:
        fractions: Share of the planned information at each look.
        critical: |z| beyond which the look stops; None where the look may not stop.
        nominal: Two-sided level of that look taken alone; None likewise.
        spent: Chance, without an effect, to have stopped by then; both sides.
    """

    fractions: tuple[float, ...]
    critical: tuple[float | None, ...]
    nominal: tuple[float | None, ...]
    spent: tuple[float, ...]


@dataclass(frozen=True)
class Crossing:
    """What happens under one drift.

    Chances to stop above and below, by look; `information` is the expected share of the planned
    information when monitoring ends, at the look that stops or at the last.
    """

    upper: tuple[float, ...]
    lower: tuple[float, ...]
    information: float


def boundaries(
    fractions: Sequence[float], alpha: float, spending: Spending, final: bool = False
) -> Boundaries:
    """The critical values that spend alpha as planned; each side spends alpha / 2.

    Args:
        fractions: Share of the planned information at each look, increasing by `SMALLEST_STEP` at
            least; beyond 1 nothing is left to spend.
        alpha: Two-sided error over all looks.
        spending: One side's error by share of information.
        final: The last look is the last there will be: it spends what is left, whatever its
            information. Whether it is must not hang on the results.

    Raises:
        ValueError: On fractions that do not increase, or an alpha outside (0, 1).
    """
    _check(fractions, alpha)
    paths = _Paths(fractions, drift=0.0)
    side, critical, spent = 0.0, list[float | None](), list[float]()
    for look, fraction in enumerate(fractions):
        last = final and look == len(fractions) - 1
        allowed = (alpha / 2 if last else spending(alpha / 2, min(1.0, fraction))) - side
        value = paths.critical(allowed) if allowed > _SPENDABLE else None
        side += paths.look(value)[0]
        critical.append(value)
        spent.append(2 * side)
    nominal = [None if value is None else 2 * below(-value) for value in critical]
    return Boundaries(tuple(fractions), tuple(critical), tuple(nominal), tuple(spent))


def crossing_chances(
    fractions: Sequence[float], critical: Sequence[float | None], drift: float = 0.0
) -> Crossing:
    """The chance of each look to stop.

    Args:
        fractions: As in `boundaries`, likewise below.
        critical: |z| beyond which a look stops, None for never.
        drift: Expected z at the planned information: effect / its standard error then.

    Raises:
        ValueError: On fractions that do not increase, or another number of critical values.
    """
    _check(fractions)
    if len(critical) != len(fractions):
        raise ValueError(f"{len(critical)} critical values for {len(fractions)} looks")
    paths = _Paths(fractions, drift)
    stops = [paths.look(value) for value in critical]
    left = 1 - math.fsum(upper + lower for upper, lower in stops)
    information = math.fsum(
        fraction * (upper + lower)
        for fraction, (upper, lower) in zip(fractions, stops, strict=True)
    )
    upper, lower = (tuple(chances) for chances in zip(*stops, strict=True))
    return Crossing(upper, lower, information + left * fractions[-1])


def drift_of_power(
    fractions: Sequence[float], critical: Sequence[float | None], power: float
) -> float:
    """The expected z at the planned information that gives looks their power.

    Fractions and critical values are those of `crossing_chances`; the power is the chance to stop
    on the effect's own side.

    Raises:
        ValueError: As `crossing_chances`; when no look may stop, or power is outside (0, 1).
    """
    if not 0 < power < 1:
        raise ValueError(f"power must lie between 0 and 1, got {power}")
    if all(value is None for value in critical):
        raise ValueError("no look may stop: there is no power")

    def power_at(drift: float) -> float:
        return math.fsum(crossing_chances(fractions, critical, drift).upper)

    drift = reached(power_at, power, 1.0)
    assert drift is not None, "a drift large enough stops every look"
    return drift


def inflation(
    fractions: Sequence[float], critical: Sequence[float | None], power: float, alpha: float
) -> float:
    """How many times the information, so the users, of a fixed test such looks need in all.

    Arguments are those of `drift_of_power`, the last fraction 1; alpha is the two-sided error of
    the looks and of the fixed test.

    Raises:
        ValueError: As `drift_of_power`.

    Source: Jennison, Turnbull (2000), Group sequential methods, 2.3.
    """
    drift = drift_of_power(fractions, critical, power)
    return (drift / (quantile(alpha) - quantile(2 * power))) ** 2


class _Paths:
    """The paths that have not crossed: nodes of the score, and the probability at each."""

    def __init__(self, fractions: Sequence[float], drift: float) -> None:
        self._times = (0.0, *fractions)
        self._drift, self._look = drift, 0
        self._nodes: Floats = np.zeros(1)
        self._mass: Floats = np.ones(1)

    def critical(self, chance: float) -> float:
        """The |z| that the next look exceeds above with that chance."""
        from scipy.optimize import brentq

        if self._stops(0.0)[0] <= chance:
            return 0.0
        return float(
            brentq(lambda value: self._stops(value)[0] - chance, 0.0, 2 * _REACH, xtol=_EXACT)
        )

    def look(self, critical: float | None) -> tuple[float, float]:
        """The chances to stop above and below at the next look, which is then behind."""
        stops = (0.0, 0.0) if critical is None else self._stops(critical)
        self._advance(math.inf if critical is None else critical)
        return stops

    def _stops(self, critical: float) -> tuple[float, float]:
        from scipy.special import ndtr

        before, now = self._times[self._look : self._look + 2]
        spread = math.sqrt(now - before)
        moved = self._nodes + self._drift * (now - before)
        bound = critical * math.sqrt(now)
        upper = float((self._mass * ndtr((moved - bound) / spread)).sum())
        return upper, float((self._mass * ndtr((-bound - moved) / spread)).sum())

    def _advance(self, critical: float) -> None:
        before, now = self._times[self._look : self._look + 2]
        root = math.sqrt(now)
        centre = self._drift * now
        lower = max(-critical * root, centre - _REACH * root)
        upper = min(critical * root, centre + _REACH * root)
        spread = math.sqrt(now - before)
        half = max(0.0, upper - lower) / 2
        points, weights = _legendre(self._points(half))
        nodes = lower + half * (1 + points)
        moved = self._nodes + self._drift * (now - before)
        kernel = np.exp(-0.5 * ((nodes[:, None] - moved) / spread) ** 2)
        density = (kernel * self._mass).sum(axis=1) / (spread * math.sqrt(2 * math.pi))
        self._nodes, self._mass = nodes, half * weights * density
        self._look += 1

    def _points(self, half: float) -> int:
        """Nodes to resolve both what came (this step's spread) and the next step's kernel.

        Their distance in the middle is pi half / n, here .7 of the narrower spread: the error is
        then exp(-2 pi^2 / .7^2), beyond the last digit.
        """
        steps = [b - a for a, b in pairwise(self._times[self._look : self._look + 3])]
        return 32 * math.ceil((24 + 4.5 * half / math.sqrt(min(steps))) / 32)


@lru_cache(maxsize=64)
def _legendre(points: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return nodes, weights


def _check(fractions: Sequence[float], alpha: float = 0.5) -> None:
    if not fractions:
        raise ValueError("no looks")
    if not all(b - a > _TOO_NEAR for a, b in pairwise((0.0, *fractions))):
        raise ValueError(f"information must grow by {SMALLEST_STEP} at least, got {fractions}")
    if not all(math.isfinite(fraction) for fraction in fractions):
        raise ValueError(f"fractions of information must be finite, got {fractions}")
    check_alpha(alpha)


def obrien_fleming(level: float, fraction: float) -> float:
    """O'Brien and Fleming's kind: next to nothing early, so that the last look loses little.

    2 (1 - Phi(z(level / 2) / sqrt(fraction))): a two-sided alpha of .05 spends level .025 a side.

    Source: Lan, DeMets (1983), Biometrika 70.
    """
    _check_spending(level, fraction)
    if fraction >= 1:
        return level
    return 2 * below(-quantile(level) / math.sqrt(fraction)) if fraction else 0.0


def pocock(level: float, fraction: float) -> float:
    """Pocock's kind, about the same critical value at every look: level log(1 + (e - 1) fraction).

    Source: Lan, DeMets (1983), Biometrika 70.
    """
    _check_spending(level, fraction)
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
        _check_spending(level, fraction)
        return level if fraction >= 1 else level * fraction**self.exponent


def _check_spending(level: float, fraction: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"the level must lie between 0 and 1, got {level}")
    if not 0 <= fraction < math.inf:
        raise ValueError(f"a fraction of information must not be negative, got {fraction}")
