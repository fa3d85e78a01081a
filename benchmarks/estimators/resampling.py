"""Coverage of the intervals that need the users themselves: quantiles and bootstrap."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from abbotify import rng
from abbotify.stats import bootstrap, quantile_effect
from abbotify.studies.validation.characteristics import Characteristic, rate
from benchmarks.estimators.effort import ALPHA, Effort, covers
from benchmarks.estimators.generated_users import SEED, STREAM, Floats, Law, cell

_LIFT: Final = 1.2
_LAW: Final = Law(1.0)


def intervals(effort: Effort) -> Iterator[Characteristic]:
    """Quantiles, then bootstraps."""
    if not effort.findings:
        return
    for quantile in (0.5, 0.95):
        yield from _quantiles(quantile, 500, effort.of(2000))
    yield from _bootstraps(100, 500, effort.of(1000))
    yield from _bootstraps(500, 500, effort.of(600))
    yield from _bootstraps(10_001, 200, effort.of(200))


def _users(name: str, number: int, users: int) -> tuple[Floats, Floats]:
    drawn = rng.normals(SEED, STREAM, cell(name), users, 2, first=number * users)
    values = np.exp(_LAW.s * drawn)
    return values[:, 0], _LIFT * values[:, 1]


def _quantiles(quantile: float, users: int, replications: int) -> Iterator[Characteristic]:
    from scipy.special import ndtri

    control = math.exp(_LAW.s * float(ndtri(quantile)))
    held: Counter[str] = Counter()
    for number in range(replications):
        arms = _users(f"quantile {quantile}", number, users)
        found = quantile_effect(*arms, quantile, ALPHA, number, 2000)
        plain, lift = found.difference, found.lift
        held["quantile"] += covers(plain.lower, plain.upper, (_LIFT - 1) * control)
        held["quantile relative"] += covers(lift.lower, lift.upper, 100 * (_LIFT - 1))
    setting = f"lognormal s = 1.0, {users} users an arm, quantile {quantile}"
    for name, count in held.items():
        yield rate(name, setting, "coverage", count, replications, 1 - ALPHA)


def _bootstraps(users: int, draws: int, replications: int) -> Iterator[Characteristic]:
    held: Counter[str] = Counter()
    method = ""
    for number in range(replications):
        found = bootstrap(*_users(f"bootstrap {users}", number, users), ALPHA, number, draws)
        plain, lift, method = found.difference, found.lift, found.method
        held["bootstrap"] += covers(plain.lower, plain.upper, (_LIFT - 1) * _LAW.mean)
        held["bootstrap relative"] += covers(lift.lower, lift.upper, 100 * (_LIFT - 1))
    setting = f"lognormal s = 1.0, {users} users an arm, {draws} draws, {method}"
    for name, count in held.items():
        yield rate(name, setting, "coverage", count, replications, 1 - ALPHA)
