"""Difference of quantiles (the slowest 5 % of requests, the median listener) with its interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from abbotify.stats.contrast import Contrast, Lift
from abbotify.stats.moments import Floats

DRAWS: Final = 10_000
_ZERO: Final = "control is 0: no relative effect"


@dataclass(frozen=True)
class QuantileEffect:
    """A quantile of both arms compared; intervals only, no p-value.

    Attributes:
        control: The control's quantile, in the metric's units; None without users.
        treatment: The treatment's.
        difference: Treatment minus control.
        lift: The same in per cent of |control|.
    """

    control: float | None
    treatment: float | None
    difference: Contrast
    lift: Lift


def quantile_effect(
    control: ArrayLike,
    treatment: ArrayLike,
    quantile: float,
    alpha: float,
    seed: int,
    draws: int = DRAWS,
) -> QuantileEffect:
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
    for name, share in (("quantile", quantile), ("alpha", alpha)):
        if not 0 < share < 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {share}")
    arms = [_sorted(control), _sorted(treatment)]
    at = [_quantile(values, quantile) for values in arms]
    reasons = zip(("control", "treatment"), arms, strict=True)
    note = "; ".join(
        f"{name}: {reason}" for name, v in reasons if (reason := _why_not(len(v), quantile, alpha))
    )
    if at[0] is None or at[1] is None:
        return QuantileEffect(at[0], at[1], Contrast(None, note=note), Lift(None, note=note))
    effect, whole = at[1] - at[0], abs(at[0])
    ends: tuple[float, float] | tuple[None, None] = (None, None)
    lift = Lift(100 * effect / whole, note=note) if whole else Lift(None, note=_ZERO)
    if not note:
        ones, others = _replicates(arms, quantile, seed, draws)
        ends = _ends(others - ones, alpha)
        lift = _lift(ones, others, lift, alpha)
    return QuantileEffect(at[0], at[1], Contrast(effect, ends[0], ends[1], note=note), lift)


def _sorted(values: ArrayLike) -> Floats:
    column = np.sort(np.asarray(values, dtype=np.float64))
    if not np.isfinite(column).all():
        raise ValueError("quantiles are of finite values: leave undefined ones out")
    return column


def _quantile(values: Floats, quantile: float) -> float | None:
    # "weibull" stands at rank (n + 1) q, the mean of the replicates' ranks.
    return float(np.quantile(values, quantile, method="weibull")) if len(values) else None


def _why_not(n: int, quantile: float, alpha: float) -> str:
    if n == 0:
        return "no users with the metric defined"
    # Below the first or above the last user there is nobody to give the interval's end.
    beyond = max(quantile ** (n + 1), (1 - quantile) ** (n + 1))
    return "too few users for an interval of this quantile" if beyond > alpha / 2 else ""


def _replicates(
    arms: list[Floats], quantile: float, seed: int, draws: int
) -> tuple[Floats, Floats]:
    from abbotify.rng import Purpose, Stream, uniforms

    uniform = uniforms(seed, Stream.ESTIMATE, Purpose.QUANTILE, draws, 2)
    ranks = (_binomial(uniform[:, i], len(v) + 1, quantile) for i, v in enumerate(arms))
    first, second = (
        values[np.clip(rank.astype(np.int64), 1, len(values)) - 1]
        for values, rank in zip(arms, ranks, strict=True)
    )
    return first, second


def _binomial(chances: Floats, trials: int, share: float) -> Floats:
    """The quantiles of the binomial distribution, looked up in its distribution function.

    2 ms for 10 000 of them; `scipy.stats`, the oracle, imports for 0.5 s.
    """
    from scipy.special import bdtr

    # Beyond 9 standard deviations lies less than a chance has digits.
    reach = 9 * np.sqrt(trials * share * (1 - share)) + 20
    first = max(0, int(trials * share - reach))
    ranks = np.arange(first, min(trials, int(trials * share + reach)) + 1)
    return first + np.searchsorted(bdtr(ranks, trials, share), chances).astype(np.float64)


def _ends(replicates: Floats, alpha: float) -> tuple[float, float]:
    lower, upper = np.quantile(replicates, [alpha / 2, 1 - alpha / 2])
    return float(lower), float(upper)


def _lift(control: Floats, treatment: Floats, lift: Lift, alpha: float) -> Lift:
    if lift.effect is None:
        return lift
    if not (np.all(control > 0) or np.all(control < 0)):
        return replace(lift, note="relative interval unbounded: control not distinct from 0")
    lower, upper = _ends(100 * (treatment - control) / np.abs(control), alpha)
    return replace(lift, lower=lower, upper=upper)
