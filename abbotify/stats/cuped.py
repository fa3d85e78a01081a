"""CUPED: arms' estimates adjusted for what their users were like before the experiment.

Each arm has its own regression on the covariates (Lin's model), and all are read at the covariates
of all arms' users together. Slopes are never pooled: at a 10/90 split with unlike slopes a pooled
one gives a larger error than no adjustment (.382 against .326 raw and .164 here).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from abbotify.stats.contrast import Contrast, Estimate, variance_of_difference
from abbotify.stats.moments import Floats, Moments
from abbotify.stats.regression import (
    Linear,
    Regression,
    linear_mean,
    linear_ratio,
    regress,
    square_root,
)


@dataclass(frozen=True, eq=False)
class Adjusted:
    """Estimates of all arms, adjusted by one model.

    Attributes:
        estimates: Per arm, in the order given; they share the error of the covariates' overall
            mean, which is in their `common`.
        raw: The same without adjustment.
        slopes: Shape (arms, covariates), metric's units per covariate's; 0 where not adjusted.
        notes: Per arm, why it was adjusted less than asked, else empty.
    """

    estimates: tuple[Estimate, ...]
    raw: tuple[Estimate, ...]
    slopes: Floats
    notes: tuple[str, ...]

    def pair(self, treatment: int, control: int = 0) -> tuple[Estimate, Estimate]:
        """Control and treatment, as `difference` and `relative` take them."""
        return self.estimates[control], self.estimates[treatment]

    def reduction(self, treatment: int, control: int = 0) -> float | None:
        """The share of the difference's variance that the adjustment removes; None if undefined.

        About the square of the correlation of metric and covariate; negative when it adds noise.
        """
        pairs = [(arms[control], arms[treatment]) for arms in (self.raw, self.estimates)]
        if any(arm.variance is None for pair in pairs for arm in pair):
            return None
        before, after = (variance_of_difference(*pair) for pair in pairs)
        return 1 - after / before if before > 0 else None


def cuped_means(arms: Sequence[Moments]) -> Adjusted:
    """Means of users, adjusted for covariates from before the experiment.

    The point estimates are those of `ols("y ~ arm * (x - mean(x))")`. An arm's own variance is
    that of its regression at the overall mean of x, which is HC2's to O(n^-3/2). To it comes,
    where slopes differ between arms, the sampling error of that overall mean: HC2 takes the users
    as fixed, but the truth asked for is that of the population they come from.

    Args:
        arms: Moments of (metric, covariate, ...), k >= 1, over the users where the metric is
            defined. A covariate that is undefined for some is 0 there, with an indicator of it as
            a further covariate (`covariates.with_indicator`).

    Raises:
        ValueError: Without arms, or when they differ in k or have none.

    Source: Deng, Xu, Kohavi, Walker (2013), WSDM; Lin (2013), Ann. Appl. Stat. 7, for the model.
    """
    _check(arms)
    if any(len(arm.mean) < 1 for arm in arms):
        raise ValueError("an adjusted mean takes moments of at least 1 variable, got 0")
    return _adjust(arms, linear_mean)


def cuped_ratios(arms: Sequence[Moments]) -> Adjusted:
    """Ratios of sums over users, adjusted for the same ratio before the experiment.

    With residuals e = (y - R d) / mean(d), and likewise of the pre-period, an arm's slope is
    cov(e, e_pre) / var(e_pre), which in the covariance S of the four is b1'S b2 / b2'S b2.

    Args:
        arms: Moments of (numerator, denominator, numerator before, denominator before), k = 4,
            over exposed users; all four are sums, so 0 for a user who was not there. Denominators
            of the experiment itself are no covariates: the treatment moves them.

    Raises:
        ValueError: Without arms, or when k is not 4.

    Source: Deng, Xu, Kohavi, Walker (2013), WSDM, Appendix B; Deng, Knoblich, Lu (2018), arXiv
    1803.06336; with a slope per arm as in Lin (2013).
    """
    _check(arms)
    if any(len(arm.mean) != 4 for arm in arms):
        raise ValueError("an adjusted ratio takes moments of 4 variables")
    return _adjust(arms, linear_ratio)


def sign_flip(raw: Contrast, adjusted: Contrast, alpha: float) -> bool:
    """Whether adjustment turned an effect round that one of the two says is not 0.

    Then the arms differed before the experiment, or the covariate is not from before it. A change
    of sign of two effects that may both be 0 is chance, and is not reported.
    """
    if raw.effect is None or adjusted.effect is None or raw.effect * adjusted.effect >= 0:
        return False
    return any(
        contrast.p_value is not None and contrast.p_value < alpha for contrast in (raw, adjusted)
    )


def _check(arms: Sequence[Moments]) -> None:
    if not arms:
        raise ValueError("no arms to adjust")
    if len({len(arm.mean) for arm in arms}) > 1:
        raise ValueError("arms have different numbers of variables")


def _adjust(moments: Sequence[Moments], linear: Callable[[Moments], Linear]) -> Adjusted:
    arms, everybody = [linear(arm) for arm in moments], linear(reduce(Moments.merge, moments))
    fits = [regress(arm) for arm in arms]
    covariates = everybody.comoments[1:, 1:]
    users = everybody.estimate.n
    root = square_root(covariates / max((users - 1) * users, 1))
    estimates = [
        _estimate(arm, fit, everybody.covariates, root) for arm, fit in zip(arms, fits, strict=True)
    ]
    return Adjusted(
        tuple(estimates),
        tuple(arm.estimate for arm in arms),
        np.stack([fit.slopes for fit in fits]),
        tuple(fit.note for fit in fits),
    )


def _estimate(arm: Linear, fit: Regression, overall: Floats, root: Floats) -> Estimate:
    raw = arm.estimate
    common = tuple(float((column * fit.slopes).sum()) for column in root.T)
    if raw.value is None or raw.variance is None or not fit.kept:
        return replace(raw, common=common)
    off = overall - arm.covariates
    value = raw.value + float((fit.slopes * off).sum())
    # The regression's line is less sure away from the arm's own middle.
    leverage = 1 / raw.n + float((off[:, None] * fit.inverse * off).sum())
    fitted = 1 + fit.kept
    return Estimate(raw.n, value, fit.squares / (raw.n - fitted) * leverage, "", fitted, common)


def with_indicator(values: ArrayLike) -> Floats:
    """A covariate that is undefined (NaN) for some users, as two that are not.

    What stands for the undefined value is arbitrary, since the indicator's slope takes it up: with
    0 or with the mean of the others every adjusted estimate is the same. 0 needs no second pass.

    Args:
        values: Shape (n,).

    Returns:
        Shape (n, 2): the value, or 0 where it is undefined, and 1 where it is, else 0.
    """
    column = np.asarray(values, dtype=np.float64)
    missing = np.isnan(column)
    return np.stack([np.where(missing, 0.0, column), missing.astype(np.float64)]).T


def refuse_later(name: str, stamped: ArrayLike, exposed: ArrayLike) -> None:
    """Refuse a covariate with a value that is not from before the user's first exposure.

    The treatment moves such a value, and adjusting for it takes part of the effect away, or all.

    Args:
        name: The covariate's, for the message.
        stamped: Shape (n,), when the last event behind each user's value was, ms; NaN without.
        exposed: Shape (n,), the user's first exposure, ms; NaN for a user never exposed.

    Raises:
        ValueError: On a value stamped at the first exposure or later.
    """
    last, first = (np.asarray(times, dtype=np.float64) for times in (stamped, exposed))
    late = np.flatnonzero(last >= first)
    if len(late):
        raise ValueError(
            f"covariate {name} has {len(late)} of {len(last)} values that are not from before "
            f"the user's first exposure, the first of them stamped {last[late[0]]:.0f} ms with "
            f"exposure at {first[late[0]]:.0f} ms: the treatment may have moved them"
        )
