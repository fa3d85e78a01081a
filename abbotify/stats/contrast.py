"""One arm's estimate against the control's: difference, relative lift, naive relative interval.

Means and ratios of sums differ only in how an `Estimate` comes about; from there on the
arithmetic is one, and so absolute and relative decisions cannot disagree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

NO_LIFT: Final = "control is 0: no relative effect"
UNBOUNDED: Final = "relative interval unbounded: control not distinct from 0"


@dataclass(frozen=True)
class Estimate:
    """What one arm says of one number.

    Attributes:
        n: Units (users) behind it.
        value: The estimate; None when undefined.
        variance: Sampling variance of the estimate (not of the users), squared units of the
            value; None when undefined. Of the part that is this arm's own, see `common`.
        note: Why value or variance is None, else empty.
        fitted: Parameters fitted to get there; the variance has n - fitted degrees of freedom.
        common: How far standardised errors shared by all arms' estimates move this one, in units
            of the value; empty for estimates that are independent of each other.
    """

    n: int
    value: float | None
    variance: float | None
    note: str = ""
    fitted: int = 1
    common: tuple[float, ...] = ()

    @property
    def total(self) -> float | None:
        """Sampling variance with the part shared by all arms; None when undefined."""
        return None if self.variance is None else self.variance + covariance(self, self)


@dataclass(frozen=True)
class Contrast:
    """Treatment minus control, in the metric's units; None and a note where undefined."""

    effect: float | None
    lower: float | None = None
    upper: float | None = None
    statistic: float | None = None
    df: float | None = None
    p_value: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Lift:
    """Treatment minus control, in per cent of |control|; None and a note where undefined."""

    effect: float | None
    lower: float | None = None
    upper: float | None = None
    note: str = ""


def joined_notes(*notes: str) -> str:
    """The notes on one row, each once; empty ones are left out."""
    return "; ".join(dict.fromkeys(note for note in notes if note))


def covariance(first: Estimate, second: Estimate) -> float:
    """Sampling covariance of two arms' estimates: what their shared errors make of it."""
    return sum((a * b for a, b in zip(first.common, second.common, strict=True)), 0.0)


def difference(control: Estimate, treatment: Estimate, alpha: float) -> Contrast:
    """The two-sided test and the 1 - alpha interval of treatment minus control.

    The interval excludes 0 exactly when p < alpha.

    Raises:
        ValueError: When alpha is not strictly between 0 and 1.

    Source: Welch (1947), Biometrika 34; degrees of freedom by Satterthwaite (1946).
    """
    from scipy.special import stdtr  # 0.15 s, which a worker and a reader of reports spare

    check_alpha(alpha)
    if control.value is None or treatment.value is None:
        return Contrast(None, note=reasons(control, treatment))
    effect = treatment.value - control.value
    if reason := _no_test(control, treatment):
        return Contrast(effect, note=reason)
    df = satterthwaite(control, treatment)
    error = math.sqrt(variance_of_difference(control, treatment))
    p_value = min(1.0, 2 * float(stdtr(df, -abs(effect / error))))
    return symmetric(effect, error, t_quantile(df, alpha), p_value, df)


def symmetric(
    effect: float, error: float, critical: float, p_value: float, df: float | None = None
) -> Contrast:
    """An effect with the interval of so many standard errors around it."""
    half = critical * error
    return Contrast(effect, effect - half, effect + half, effect / error, df, p_value)


def relative(
    control: Estimate, treatment: Estimate, alpha: float, critical: float | None = None
) -> Lift:
    """The lift with its Fieller interval, degrees of freedom as in `difference`.

    A bounded interval excludes 0 exactly when p < alpha in `difference`. The divisor is the
    control's absolute value, so that with a negative control too a lift has its effect's sign.

    Args:
        control: The divisor.
        treatment: The arm compared with it.
        alpha: Two-sided level.
        critical: The critical value of the test, in standard errors, where it is not Student's.

    Raises:
        ValueError: When alpha is not strictly between 0 and 1.

    Source: Fieller (1954), JRSS B 16. The degrees of freedom are Welch's for a ratio of 1 at every
    ratio: that makes both decisions one.
    """
    check_alpha(alpha)
    if control.value is None or treatment.value is None:
        return Lift(None, note=reasons(control, treatment))
    effect = per_cent(treatment.value - control.value, control.value)
    if effect is None:
        return Lift(None, note=reasons(control, treatment) or NO_LIFT)
    if reason := _no_test(control, treatment):
        return Lift(effect, note=reason)
    if critical is None:
        critical = t_quantile(satterthwaite(control, treatment), alpha)
    bounds = _lift_bounds(control, treatment, critical)
    if bounds is None:
        return Lift(effect, note=UNBOUNDED)
    lower, upper = bounds if control.value > 0 else (-bounds[1], -bounds[0])
    note = "" if control.value > 0 else "control is negative: lift relative to its absolute value"
    return Lift(effect, 100 * lower, 100 * upper, note)


def naive_relative(control: Estimate, contrast: Contrast) -> tuple[float | None, float | None]:
    """Both ends of the difference's interval in per cent of |control|.

    It takes the control's value as known, and so is too narrow for a positive lift (coverage .904
    at +50 %, CV 1, equal arms). Kept only to be compared with botify's notebook, whose formula
    it is.
    """
    return per_cent(contrast.lower, control.value), per_cent(contrast.upper, control.value)


def fieller(
    control: float,
    control_variance: float,
    treatment: float,
    treatment_variance: float,
    quantile: float,
) -> tuple[float, float] | None:
    """The bounds of treatment / control - 1 for two independent estimates.

    Args:
        control: The divisor's estimate, in the metric's units, not 0.
        control_variance: Its sampling variance.
        treatment: The dividend's estimate.
        treatment_variance: Its sampling variance.
        quantile: Two-sided critical value (z or t).

    Returns:
        Lower and upper bound as fractions, or None when g = (quantile SE / control)^2 >= 1, where
        the set of ratios not rejected is unbounded, or when a bound exceeds the largest double.

    Source: Fieller (1954), JRSS B 16, solved for the lift, every term divided by the control.
    """
    spread = quantile * math.sqrt(control_variance) / control
    g = spread * spread
    if not g < 1:
        return None
    ratio = treatment / control
    scaled = quantile * math.sqrt(treatment_variance) / control
    # Free of cancellation: both terms of the discriminant are non-negative when g < 1.
    half = math.hypot(scaled * math.sqrt(1 - g), spread * ratio)
    middle = (treatment - control) / control + g
    lower, upper = (middle - half) / (1 - g), (middle + half) / (1 - g)
    return (lower, upper) if math.isfinite(lower) and math.isfinite(upper) else None


def variance_of_difference(control: Estimate, treatment: Estimate) -> float:
    """Sampling variance of treatment minus control, never negative.

    Raises:
        ValueError: When a variance is undefined.
    """
    if control.variance is None or treatment.variance is None:
        raise ValueError("an estimate without variance has no difference with one")
    shared = zip(control.common, treatment.common, strict=True)
    return control.variance + treatment.variance + sum((b - a) ** 2 for a, b in shared)


def satterthwaite(control: Estimate, treatment: Estimate) -> float:
    """Welch's degrees of freedom of the difference, whose variance must not be 0.

    The part shared by all arms comes from all their users, and counts as known: it alone gives
    infinitely many.

    Source: Satterthwaite (1946), Biometrics Bulletin 2, written in shares of the variance.
    """
    total = variance_of_difference(control, treatment)
    arms = ((control.variance or 0.0, control), (treatment.variance or 0.0, treatment))
    shares = ((variance / total, arm.n - arm.fitted) for variance, arm in arms if variance)
    inverse = sum(share * share / df for share, df in shares)
    return 1 / inverse if inverse else math.inf


def welch_df(control: float, n_control: float, treatment: float, n_treatment: float) -> float:
    """Welch's degrees of freedom of the difference of two independent means.

    Args:
        control: Sampling variance of the control's mean; the two must not both be 0.
        n_control: Its users, at least 2.
        treatment: Sampling variance of the treatment's mean.
        n_treatment: Its users, at least 2.

    Source: Satterthwaite (1946), Biometrics Bulletin 2, written in shares of the variance.
    """
    total = control + treatment
    parts = ((control / total, n_control), (treatment / total, n_treatment))
    return 1 / sum(share * share / (n - 1) for share, n in parts)


def t_quantile(df: float, alpha: float) -> float:
    """The two-sided critical value of Student's t: what |t| exceeds with chance alpha.

    `scipy.special` and not `scipy.stats.t`, which calls it: 1 us against 80 us.
    """
    from scipy.special import stdtrit

    return -float(stdtrit(df, alpha / 2))


def _lift_bounds(
    control: Estimate, treatment: Estimate, quantile: float
) -> tuple[float, float] | None:
    """Fieller's bounds of estimates that share errors.

    What is left of the treatment after its regression on the control is independent of it, and
    the slope is a shift of the ratio.
    """
    assert control.value is not None
    assert control.total is not None
    assert treatment.value is not None
    assert treatment.total is not None
    shared = covariance(control, treatment)
    slope = shared / control.total if shared else 0.0
    bounds = fieller(
        control.value,
        control.total,
        treatment.value - slope * control.value,
        max(treatment.total - slope * shared, 0.0),
        quantile,
    )
    return None if bounds is None else (bounds[0] + slope, bounds[1] + slope)


def check_alpha(alpha: float) -> None:
    """Refuses a level that is not strictly between 0 and 1: `ValueError`."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")


def per_cent(part: float | None, whole: float | None) -> float | None:
    """A part in per cent of |whole|; None where that is undefined or beyond any double."""
    if part is None or whole is None or whole == 0:
        return None
    share = 100 * (part / abs(whole))
    return share if math.isfinite(share) else None


def _no_test(control: Estimate, treatment: Estimate) -> str:
    if control.variance is None or treatment.variance is None:
        return reasons(control, treatment)
    none = variance_of_difference(control, treatment) <= 0
    return "no variance in either arm: no test, no interval" if none else ""


def reasons(control: Estimate, treatment: Estimate) -> str:
    """Why estimates are undefined; empty where both are defined."""
    named = (("control", control), ("treatment", treatment))
    return "; ".join(f"{arm}: {estimate.note}" for arm, estimate in named if estimate.note)
