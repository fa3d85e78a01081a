"""Guardrails: is the treatment not worse than the control by more than a margin?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from abbotify.stats.contrast import Estimate, fieller, satterthwaite, t_quantile

PERCENT: Final = "percent"
"""A unit: per cent of the control."""

METRIC: Final = "metric"
"""A unit: that of the metric."""

NON_INFERIOR: Final = "non-inferior"
INFERIOR: Final = "inferior"
UNDECIDED: Final = "undecided"


@dataclass(frozen=True)
class Guardrail:
    """The verdict on one metric.

    Bounds are of the loss: how much worse the treatment is, negative when it is better, in the
    margin's units (the metric's, or per cent of |control|).

    Attributes:
        loss: Estimated loss; None where undefined.
        margin: The largest loss that is tolerated.
        lower: One-sided lower bound of the loss, confidence 1 - alpha; None where undefined.
        upper: One-sided upper bound, likewise.
        p_value: Of the hypothesis that the loss is the margin or more.
        verdict: `NON_INFERIOR` when p_value < alpha, which is when upper < margin; `INFERIOR`
            when lower > margin; else `UNDECIDED`; None where undefined.
        note: What a reader has to know, else empty. Where neither arm has any variance (a fixed
            latency) the loss is what it is: the verdict then is its comparison with the margin.
    """

    loss: float | None
    margin: float
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    verdict: str | None = None
    note: str = ""


def guardrail(
    control: Estimate,
    treatment: Estimate,
    margin: float,
    alpha: float,
    higher_is_better: bool = True,
) -> Guardrail:
    """The one-sided test against a margin in the metric's units.

    Equals statsmodels' `CompareMeans(...).ttest_ind("larger", "unequal", value=-margin)`.

    Args:
        control: The control's estimate.
        treatment: The treatment's.
        margin: The largest loss tolerated, not negative.
        alpha: One-sided level.
        higher_is_better: Whether a fall is the loss, else a rise.

    Raises:
        ValueError: On a negative or infinite margin, or an alpha outside (0, .5).

    Source: Welch (1947), Biometrika 34.
    """
    _check(margin, alpha)
    if control.value is None or treatment.value is None:
        return Guardrail(None, margin, note=_reasons(control, treatment))
    fall = control.value - treatment.value
    loss = fall if higher_is_better else -fall
    spread = _spread(control, treatment)
    if spread is None:
        return _certain(loss, margin, control, treatment)
    error, df = spread
    half = t_quantile(df, 2 * alpha) * error
    p_value = _tail(df, (margin - loss) / error)
    return _judged(Guardrail(loss, margin, loss - half, loss + half, p_value), alpha)


def relative_guardrail(
    control: Estimate,
    treatment: Estimate,
    margin: float,
    alpha: float,
    higher_is_better: bool = True,
) -> Guardrail:
    """The one-sided test against a margin in per cent of |control|.

    Tests the contrast treatment - (1 -+ margin / 100) control, by Welch's degrees of freedom of
    the plain difference as `contrast.relative` has them: so one end of that interval at level
    2 alpha decides alike.

    Args:
        control: The control's estimate.
        treatment: The treatment's.
        margin: The largest loss tolerated, per cent, not negative.
        alpha: One-sided level.
        higher_is_better: Whether a fall is the loss, else a rise.

    Raises:
        ValueError: On a negative or infinite margin, or an alpha outside (0, .5).

    Source: Fieller (1954), JRSS B 16; Hauschke, Kieser, Diletti, Burke (1999), Statistics in
    Medicine 18.
    """
    _check(margin, alpha)
    if control.value is None or treatment.value is None:
        return Guardrail(None, margin, note=_reasons(control, treatment))
    if control.value == treatment.value == 0 == control.variance == treatment.variance:
        return _certain(0.0, margin, control, treatment)
    if control.value == 0 or not math.isfinite(treatment.value / control.value):
        return Guardrail(None, margin, note="control is 0: no relative loss")
    # In multiples of the control, whose sign goes: a loss is a fall of `ratio` or a rise.
    worse = -1 if (control.value > 0) == higher_is_better else 1
    loss = 100 * worse * (treatment.value - control.value) / control.value
    spread = _spread(control, treatment)
    if spread is None or control.variance is None or treatment.variance is None:
        return _certain(loss, margin, control, treatment)
    df = spread[1]
    limit = 1 + worse * margin / 100
    contrast = worse * math.copysign(1, control.value) * (limit * control.value - treatment.value)
    error = math.hypot(math.sqrt(treatment.variance), limit * math.sqrt(control.variance))
    p_value = _tail(df, contrast / error) if error > 0 else float(contrast <= 0)
    quantile = t_quantile(df, 2 * alpha)
    bounds = fieller(control.value, control.variance, treatment.value, treatment.variance, quantile)
    if bounds is None:
        note = "control not distinct from 0: no bound of the relative loss"
        return Guardrail(loss, margin, note=note)
    ends = sorted(100 * worse * bound for bound in bounds)
    return _judged(Guardrail(loss, margin, ends[0], ends[1], p_value), alpha)


def _judged(found: Guardrail, alpha: float) -> Guardrail:
    verdict = UNDECIDED
    if found.p_value is not None and found.p_value < alpha:
        verdict = NON_INFERIOR
    elif found.lower is not None and found.lower > found.margin:
        verdict = INFERIOR
    return Guardrail(
        found.loss, found.margin, found.lower, found.upper, found.p_value, verdict, found.note
    )


def _certain(loss: float, margin: float, control: Estimate, treatment: Estimate) -> Guardrail:
    """The verdict on arms without variance; none where variances are unknown."""
    loss += 0.0  # a loss of -0 is 0
    reasons = _reasons(control, treatment)
    if control.variance is None or treatment.variance is None:
        return Guardrail(loss, margin, note=reasons)
    verdict = NON_INFERIOR if loss <= margin else INFERIOR
    return Guardrail(loss, margin, verdict=verdict, note="no variance in either arm: no test")


def _spread(control: Estimate, treatment: Estimate) -> tuple[float, float] | None:
    """Standard error and degrees of freedom of the difference; None without variance."""
    if control.variance is None or treatment.variance is None:
        return None
    variance = control.variance + treatment.variance
    if variance <= 0:
        return None
    df = satterthwaite(control, treatment)
    return math.sqrt(variance), df


def _tail(df: float, statistic: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(df, -statistic))


def _check(margin: float, alpha: float) -> None:
    if not 0 <= margin < math.inf:
        raise ValueError(f"the margin must not be negative, got {margin}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"a one-sided alpha must lie between 0 and .5, got {alpha}")


def _reasons(control: Estimate, treatment: Estimate) -> str:
    named = (("control", control), ("treatment", treatment))
    notes = "; ".join(f"{arm}: {estimate.note}" for arm, estimate in named if estimate.note)
    return notes


@dataclass(frozen=True)
class GuardrailSpec:
    """A metric and the largest loss that is tolerated, in per cent of the control or its units."""

    metric: str
    margin: float
    unit: str = PERCENT
