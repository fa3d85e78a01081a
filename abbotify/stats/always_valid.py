"""Always-valid monitoring: intervals that hold at every look at once, however many there will be.

The price is width: at the planned number of users such an interval is about half as wide again as
a fixed one. In return nobody has to say when looks are taken, or when they end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from abbotify.stats.contrast import (
    Contrast,
    Estimate,
    check_alpha,
    difference,
    symmetric,
    variance_of_difference,
)


@dataclass(frozen=True)
class ValidLook:
    """One look at the effect so far.

    Attributes:
        n: Users of both arms.
        effect: Treatment minus control with its always-valid interval; the p-value is this
            look's.
        p_value: The least p-value of the looks so far, itself valid whenever one stops.
        significant: p_value < alpha: some interval up to now excludes 0.
    """

    n: int
    effect: Contrast
    p_value: float | None
    significant: bool | None


def best_rho(time: float, alpha: float) -> float:
    """The mixture that makes the two-sided bound narrow at that time.

    Args:
        time: Intrinsic time (users, for variance 1) at which the bound is to be narrow.
        alpha: Error; for a one-sided bound twice its error.

    Source: Howard, Ramdas, McAuliffe, Sekhon (2021), Annals of Statistics 49; Waudby-Smith et
    al., arXiv 2103.06476, where 1 / rho is rho squared.
    """
    _check(time, alpha)
    logarithm = -2 * math.log(alpha)
    return time / (logarithm + math.log1p(logarithm))


def two_sided_bound(time: float, rho: float, alpha: float) -> float:
    """What |S| of a Brownian motion S exceeds at any time at all with chance alpha at most.

    Args:
        time: Intrinsic time, positive.
        rho: The mixture's parameter, in units of time.
        alpha: Error over all times.

    Source: Robbins (1970), Annals of Mathematical Statistics 41; Howard et al. (2021).
    """
    _check(time, alpha)
    total = time + rho
    return math.sqrt(total * (math.log(total / rho) - 2 * math.log(alpha)))


def one_sided_bound(time: float, rho: float, alpha: float) -> float:
    """What S of a Brownian motion exceeds at any time at all with chance alpha at most.

    Args:
        time: Intrinsic time, positive.
        rho: The mixture's parameter, best `best_rho(time, 2 * alpha)`.
        alpha: Error over all times.

    Source: Howard et al. (2021), the normal mixture over positive drifts.
    """
    from scipy.optimize import brentq
    from scipy.special import log_ndtr

    _check(time, alpha)
    total = time + rho

    def excess(score: float) -> float:
        tail = float(log_ndtr(score / math.sqrt(total)))
        evidence = 0.5 * math.log(4 * rho / total) + score * score / (2 * total) + tail
        return evidence + math.log(alpha)

    return float(brentq(excess, 0.0, two_sided_bound(time, rho, alpha)))


def always_valid(
    pairs: Sequence[tuple[Estimate, Estimate]], planned_users: float, alpha: float
) -> tuple[ValidLook, ...]:
    """Every look's interval and p-value; over all looks, ever, the error is alpha.

    Half-width sd sqrt(2 (n r + 1) / (n^2 r) log(sqrt(n r + 1) / alpha)) with n users of both
    arms, sd = standard error * sqrt(n), and r = 1 / `best_rho(planned_users, alpha)`. It excludes
    0 exactly when the look's p-value, the inverse of the mixture's likelihood ratio (mSPRT), is
    below alpha. It is asymptotic: the first look needs the users of a normal approximation.

    Args:
        pairs: (control, treatment) at each look, in order, each over all users by then.
        planned_users: Users of both arms at which the interval is to be narrowest.
        alpha: Two-sided error over all looks.

    Raises:
        ValueError: When planned_users is not positive or alpha not strictly between 0 and 1.

    Source: Waudby-Smith et al., arXiv 2103.06476; Johari, Koomen, Pekelis, Walsh (2022),
    Operations Research 70, for the p-value.
    """
    rho = best_rho(planned_users, alpha)
    looks, least = list[ValidLook](), None
    for control, treatment in pairs:
        effect = _interval(control, treatment, rho, alpha)
        if effect.p_value is not None:
            least = effect.p_value if least is None else min(least, effect.p_value)
        n = control.n + treatment.n
        looks.append(ValidLook(n, effect, least, None if least is None else least < alpha))
    return tuple(looks)


def _interval(control: Estimate, treatment: Estimate, rho: float, alpha: float) -> Contrast:
    plain = difference(control, treatment, alpha)
    if plain.effect is None or plain.statistic is None:
        return plain
    n = control.n + treatment.n
    critical = two_sided_bound(n, rho, alpha) / math.sqrt(n)
    evidence = 0.5 * (plain.statistic**2 * n / (n + rho) + math.log(rho / (n + rho)))
    error = math.sqrt(variance_of_difference(control, treatment))
    return symmetric(plain.effect, error, critical, min(1.0, math.exp(-evidence)))


def _check(time: float, alpha: float) -> None:
    if not 0 < time < math.inf:
        raise ValueError(f"time and users must be positive, got {time}")
    check_alpha(alpha)
