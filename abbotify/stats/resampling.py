"""Intervals by resampling users: a second opinion on formulas, and all there is for quantiles."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbotify.stats.contrast import NO_LIFT, UNBOUNDED, Contrast, Lift, check_alpha, per_cent
from abbotify.stats.moments import Floats

DRAWS: Final = 2000
QUANTILE_DRAWS: Final = 10_000
LARGEST_BCA: Final = 10_000  # users an arm; BCa's jackknife takes the square of them

_BATCH: Final = 2**22  # numbers resampled at once

# Shape (2, ...): an arm's sums over users of numerator and denominator, per replicate.
Sums = NDArray[np.float64]
Ends = tuple[float | None, float | None]


@dataclass(frozen=True)
class Resampled:
    """A statistic of both arms compared; intervals only, no p-values.

    Attributes:
        control: The control's, in the metric's units; None where undefined.
        treatment: The treatment's.
        difference: Treatment minus control.
        lift: The same in per cent of |control|.
        method: "BCa", or "percentile" for more than 10 000 users an arm and for quantiles; empty
            without intervals.
    """

    control: float | None
    treatment: float | None
    difference: Contrast
    lift: Lift
    method: str = ""


def bootstrap(
    control: ArrayLike, treatment: ArrayLike, alpha: float, seed: int, draws: int = DRAWS
) -> Resampled:
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
    sums = [arm.sum(axis=0) for arm in arms]
    base, level = (float(y / d) if d else None for y, d in sums)
    note = _why_not_resampled(arms)
    if note or base is None or level is None:
        return Resampled(base, level, Contrast(None, note=note), Lift(None, note=note))
    small = max(len(arm) for arm in arms) <= LARGEST_BCA
    ends = _bca if small else _percentile
    (lower, upper), (low, high) = ends(arms, alpha, seed, draws)
    lift = per_cent(level - base, base)
    return Resampled(
        base,
        level,
        Contrast(level - base, lower, upper, note=_why_no_interval(lower)),
        Lift(None, note=NO_LIFT)
        if lift is None
        else Lift(lift, low, high, note=_why_no_interval(low)),
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


def _why_not_resampled(arms: list[Floats]) -> str:
    for name, arm in zip(("control", "treatment"), arms, strict=True):
        if len(arm) < 2:
            return f"{name}: fewer than 2 users to resample"
        if arm[:, 1].sum() == 0:
            return f"{name}: the denominator is 0"
    if all((arm[:, 0] * arm[0, 1] == arm[0, 0] * arm[:, 1]).all() for arm in arms):
        return "no variance in either arm: no interval"
    return ""


def _why_no_interval(end: float | None) -> str:
    return "" if end is not None else "resampled arms are all alike, or have no value: no interval"


def _effects(control: Sums, treatment: Sums) -> Floats:
    """Difference and lift in per cent, shape (2, ...), of sums with the two parts first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        base, level = control[0] / control[1], treatment[0] / treatment[1]
        return np.stack([level - base, 100 * (level - base) / np.abs(base)])


def _bca(arms: list[Floats], alpha: float, seed: int, draws: int) -> tuple[Ends, ...]:
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


def _percentile(arms: list[Floats], alpha: float, seed: int, draws: int) -> tuple[Ends, ...]:
    generator = _generator(seed)
    sums = [np.stack([_resampled(arm, generator) for arm in arms]) for _ in range(draws)]
    with np.errstate(invalid="ignore"):
        return tuple(_ends(each, alpha) for each in _effects(*np.stack(sums).transpose(1, 2, 0)))


def _resampled(arm: Floats, generator: np.random.Generator) -> Floats:
    """Sums of a resampled arm, shape (2,), by how often each user is drawn."""
    times = np.bincount(generator.integers(len(arm), size=len(arm)), minlength=len(arm))
    return (arm * times[:, None]).sum(axis=0)


def _ends(replicates: Floats, alpha: float) -> Ends:
    return _finite(*np.quantile(replicates, [alpha / 2, 1 - alpha / 2]))


def _finite(low: float, high: float) -> Ends:
    sound = np.isfinite(low) and np.isfinite(high)
    return (float(low), float(high)) if sound else (None, None)


def _generator(seed: int) -> np.random.Generator:
    from abbotify.rng import Purpose, Stream, generator_seed

    key = generator_seed(seed, Purpose.BOOTSTRAP, Stream.ESTIMATE)
    return np.random.Generator(np.random.Philox(key=key))


def quantile_effect(
    control: ArrayLike,
    treatment: ArrayLike,
    quantile: float,
    alpha: float,
    seed: int,
    draws: int = QUANTILE_DRAWS,
) -> Resampled:
    """The difference of a quantile, with the bootstrap's percentile interval without a bootstrap.

    The user who stands at quantile q of a resampled arm of n is the one of rank Binomial(n + 1, q)
    in the arm itself, so that a replicate is one binomial number and not n users. Replicate r of
    an arm depends on the seed and r alone: equal values of different metrics give equal intervals.

    Args:
        control: Shape (n,), the users' defined values, in any order.
        treatment: Shape (m,).
        quantile: Strictly between 0 and 1.
        alpha: The interval has confidence 1 - alpha.
        seed: Of the keyed draws.
        draws: Replicates.

    Raises:
        ValueError: On a quantile or an alpha not strictly between 0 and 1, or on a value that is
            not finite.

    Source: Schultzberg, Ankargren (2022), arXiv 2202.10992.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must lie between 0 and 1, got {quantile}")
    check_alpha(alpha)
    arms = [_sorted(control), _sorted(treatment)]
    base, level = (_quantile(values, quantile) for values in arms)
    note = _why_no_quantile(arms, quantile, alpha)
    if base is None or level is None:
        return Resampled(base, level, Contrast(None, note=note), Lift(None, note=note))
    lift = Lift(per_cent(level - base, base), note=note if base else NO_LIFT)
    if note:
        return Resampled(base, level, Contrast(level - base, note=note), lift)
    controls, treatments = _replicates(arms, quantile, seed, draws)
    if lift.effect is not None:
        lift = Lift(lift.effect, note=UNBOUNDED)
        if np.all(controls > 0) or np.all(controls < 0):
            shares = 100 * (treatments - controls) / np.abs(controls)
            lift = Lift(lift.effect, *_ends(shares, alpha))
    difference = Contrast(level - base, *_ends(treatments - controls, alpha))
    return Resampled(base, level, difference, lift, "percentile")


def _sorted(values: ArrayLike) -> Floats:
    column = np.sort(np.asarray(values, dtype=np.float64))
    if not np.isfinite(column).all():
        raise ValueError("quantiles are of finite values: leave undefined ones out")
    return column


def _quantile(values: Floats, quantile: float) -> float | None:
    # "weibull" stands at rank (n + 1) q, the mean of the replicates' ranks.
    return float(np.quantile(values, quantile, method="weibull")) if len(values) else None


def _why_no_quantile(arms: list[Floats], quantile: float, alpha: float) -> str:
    notes = []
    for name, arm in zip(("control", "treatment"), arms, strict=True):
        # Below the first or above the last user there is nobody to give the interval's end.
        beyond = max(quantile, 1 - quantile) ** (len(arm) + 1)
        if not len(arm):
            notes.append(f"{name}: no users with the metric defined")
        elif beyond > alpha / 2:
            notes.append(f"{name}: too few users for an interval of this quantile")
    return "; ".join(notes)


def _replicates(arms: list[Floats], quantile: float, seed: int, draws: int) -> list[Floats]:
    from abbotify.rng import Purpose, Stream, uniforms

    chances = uniforms(seed, Stream.ESTIMATE, Purpose.QUANTILE, draws, 2).T
    ranks = [_binomial(c, len(arm) + 1, quantile) for c, arm in zip(chances, arms, strict=True)]
    return [arm[np.clip(rank, 1, len(arm)) - 1] for arm, rank in zip(arms, ranks, strict=True)]


def _binomial(chances: Floats, trials: int, share: float) -> NDArray[np.int64]:
    """The quantiles of the binomial distribution, looked up in its distribution function.

    2 ms for 10 000 of them; `scipy.stats`, the oracle, imports for 0.5 s.
    """
    from scipy.special import bdtr

    # Beyond 9 standard deviations lies less than a chance has digits.
    reach = 9 * np.sqrt(trials * share * (1 - share)) + 20
    first = max(0, int(trials * share - reach))
    ranks = np.arange(first, min(trials, int(trials * share + reach)) + 1)
    return first + np.searchsorted(bdtr(ranks, trials, share), chances)
