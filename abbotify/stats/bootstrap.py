"""Intervals of the difference and the lift by resampling users: a second opinion on formulas."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbotify.stats.contrast import Contrast, Lift, check_alpha
from abbotify.stats.moments import Floats

DRAWS: Final = 2000
LARGEST_BCA: Final = 10_000  # users an arm; BCa's jackknife takes the square of them

_ZERO: Final = "control is 0: no relative effect"
_BATCH: Final = 2**22  # numbers resampled at once

# Shape (2, ...): an arm's sums over users of numerator and denominator, per replicate.
Sums = NDArray[np.float64]


@dataclass(frozen=True)
class Bootstrapped:
    """Bootstrap intervals of one comparison; no p-values.

    Attributes:
        difference: Treatment minus control, in the metric's units.
        lift: The same in per cent of |control|.
        method: "BCa", or "percentile" for more than 10 000 users an arm; empty without intervals.
    """

    difference: Contrast
    lift: Lift
    method: str = ""


def bootstrap(
    control: ArrayLike, treatment: ArrayLike, alpha: float, seed: int, draws: int = DRAWS
) -> Bootstrapped:
    """Bootstrap intervals of the difference and the lift of means or ratios of sums.

    Users are resampled, with all that is theirs, each arm by itself.

    Args:
        control: Shape (n,) for the mean of users' values, or (n, 2), numerator and denominator,
            for the ratio of sums.
        treatment: Shape (m,) or (m, 2).
        alpha: Intervals have confidence 1 - alpha.
        seed: Of the keyed draws.
        draws: Replicates.

    Raises:
        ValueError: On other or unlike shapes, a value that is not finite, or an alpha not strictly
            between 0 and 1.

    Source: Efron (1987), JASA 82, for BCa; Efron (1979), Ann. Statist. 7.
    """
    arms = [_rows(control), _rows(treatment)]
    if np.ndim(control) != np.ndim(treatment):
        raise ValueError("both arms must have values, or both numerators and denominators")
    check_alpha(alpha)
    note = _why_not(arms)
    if note:
        return Bootstrapped(Contrast(None, note=note), Lift(None, note=note))
    small = max(len(arm) for arm in arms) <= LARGEST_BCA
    ends = _bca if small else _percentile
    (lower, upper), (low, high) = ends(arms, alpha, seed, draws)
    effect, lift = (float(value) for value in _effects(*(arm.sum(axis=0) for arm in arms)))
    return Bootstrapped(
        Contrast(effect, lower, upper, note=_unbounded(lower)),
        Lift(lift, low, high, note=_unbounded(low))
        if np.isfinite(lift)
        else Lift(None, note=_ZERO),
        "BCa" if small else "percentile",
    )


def _rows(values: ArrayLike) -> Floats:
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim == 1:
        rows = np.stack([rows, np.ones(len(rows))], axis=1)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise ValueError(f"expected values of shape (n,) or (n, 2), got {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueError("a bootstrap is of finite values: leave undefined ones out")
    return rows


def _why_not(arms: list[Floats]) -> str:
    for name, arm in zip(("control", "treatment"), arms, strict=True):
        if len(arm) < 2:
            return f"{name}: fewer than 2 users to resample"
        if arm[:, 1].sum() == 0:
            return f"{name}: the denominator is 0"
    if all((arm[:, 0] * arm[0, 1] == arm[0, 0] * arm[:, 1]).all() for arm in arms):
        return "no variance in either arm: no interval"
    return ""


def _effects(control: Sums, treatment: Sums) -> Floats:
    """Difference and lift in per cent, shape (2, ...), of sums with the two parts first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        base, level = control[0] / control[1], treatment[0] / treatment[1]
        return np.stack([level - base, 100 * (level - base) / np.abs(base)])


def _bca(
    arms: list[Floats], alpha: float, seed: int, draws: int
) -> tuple[tuple[float | None, float | None], ...]:
    from scipy import stats

    def statistic(control: Any, treatment: Any, axis: int) -> Floats:
        # scipy resamples rows of numbers: here the users' row numbers.
        rows = ((arms[0], control), (arms[1], treatment))
        return _effects(*(np.moveaxis(arm[users].sum(axis=axis - 1), -1, 0) for arm, users in rows))

    largest = max(len(arm) for arm in arms)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # Told by the note instead.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            [np.arange(len(arm)) for arm in arms],
            statistic,
            n_resamples=draws,
            batch=max(1, _BATCH // largest),
            vectorized=True,
            confidence_level=1 - alpha,
            method="BCa",
            rng=_generator(seed),
        ).confidence_interval
    return tuple(_finite(low, high) for low, high in zip(result.low, result.high, strict=True))


def _percentile(
    arms: list[Floats], alpha: float, seed: int, draws: int
) -> tuple[tuple[float | None, float | None], ...]:
    generator = _generator(seed)
    sums = [np.stack([_resampled(arm, generator) for arm in arms]) for _ in range(draws)]
    effects = _effects(*np.moveaxis(np.stack(sums), (1, 2), (0, 1)))
    with np.errstate(invalid="ignore"):
        ends = np.quantile(effects, [alpha / 2, 1 - alpha / 2], axis=1).T
    return tuple(_finite(low, high) for low, high in ends)


def _resampled(arm: Floats, generator: np.random.Generator) -> Floats:
    """Sums of a resampled arm, shape (2,), by how often each user is drawn."""
    times = np.bincount(generator.integers(len(arm), size=len(arm)), minlength=len(arm))
    return (arm * times[:, None]).sum(axis=0)


def _finite(low: float, high: float) -> tuple[float | None, float | None]:
    sound = np.isfinite(low) and np.isfinite(high)
    return (float(low), float(high)) if sound else (None, None)


def _lift(lift: float, lower: float | None, upper: float | None) -> Lift:
    if not np.isfinite(lift):
        return Lift(None, note=_ZERO)
    return Lift(lift, lower, upper, note=_unbounded(lower))


def _unbounded(end: float | None) -> str:
    return "" if end is not None else "resampled arms are all alike, or have no value: no interval"


def _generator(seed: int) -> np.random.Generator:
    from abbotify.rng import Purpose, Stream, generator_seed

    key = generator_seed(seed, Purpose.BOOTSTRAP, Stream.ESTIMATE)
    return np.random.Generator(np.random.Philox(key=key))
