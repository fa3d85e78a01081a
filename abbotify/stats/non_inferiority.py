"""Guardrails: is the treatment not worse than the control by more than a margin?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
class GuardrailSpec:
    """A metric and the largest loss that is tolerated, in per cent of the control or its units."""

    metric: str
    margin: float
    unit: str = PERCENT


@dataclass(frozen=True)
class GuardrailResult:
    """One guardrail of one treatment: is it not worse than the control by more than a margin?

    Loss and bounds say how much worse the treatment is, negative when it is better, in `unit`;
    None where undefined.

    Attributes:
        arm: the treatment.
        metric: its name.
        margin: the largest loss tolerated, in `unit`.
        unit: `PERCENT` of |control|, or `METRIC`: the metric's own.
        loss: how much worse the treatment is.
        lower: one-sided lower bound of the loss, confidence 1 - alpha.
        upper: one-sided upper bound, likewise.
        p_value: of the hypothesis that the loss is the margin or more.
        verdict: `NON_INFERIOR` when p_value < alpha, which is when upper < margin; `INFERIOR`
            when lower > margin; else `UNDECIDED`; None where undefined.
        note: what a reader has to know, else empty. Where neither arm has any variance (a fixed
            latency) the loss is what it is: the verdict then is its comparison with the margin.
    """

    arm: str
    metric: str
    margin: float
    unit: str
    loss: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    verdict: str | None = None
    note: str = ""


def guardrail(
    spec: GuardrailSpec,
    control: Estimate,
    treatment: Estimate,
    alpha: float,
    higher_is_better: bool = True,
    arm: str = "",
) -> GuardrailResult:
    """The one-sided test of a loss against a margin.

    In the metric's units it equals statsmodels' `CompareMeans(...).ttest_ind("larger", "unequal",
    value=-margin)`. In per cent it tests the contrast treatment - (1 -+ margin / 100) control, by
    Welch's degrees of freedom of the plain difference as `contrast.relative` has them: so one end
    of that interval at level 2 alpha decides alike.

    Args:
        spec: The metric and its margin, not negative.
        control: The control's estimate.
        treatment: The treatment's.
        alpha: One-sided level.
        higher_is_better: Whether a fall is the loss, else a rise.
        arm: The treatment's name.

    Raises:
        ValueError: On a negative or infinite margin, or an alpha outside (0, .5).

    Source: Welch (1947), Biometrika 34; Fieller (1954), JRSS B 16; Hauschke, Kieser, Diletti,
    Burke (1999), Statistics in Medicine 18.
    """
    if not 0 <= spec.margin < math.inf:
        raise ValueError(f"the margin must not be negative, got {spec.margin}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"a one-sided alpha must lie between 0 and .5, got {alpha}")
    row = GuardrailResult(arm, spec.metric, spec.margin, spec.unit)
    if control.value is None or treatment.value is None:
        return replace(row, note=_reasons(control, treatment))
    if spec.unit == METRIC:
        fall = control.value - treatment.value
        return _absolute(row, control, treatment, fall if higher_is_better else -fall, alpha)
    if control.value == treatment.value == 0 == control.variance == treatment.variance:
        return _certain(replace(row, loss=0.0), control, treatment)
    if control.value == 0 or not math.isfinite(treatment.value / control.value):
        return replace(row, note="control is 0: no relative loss")
    return _relative(row, control, treatment, alpha, higher_is_better)


def _absolute(
    row: GuardrailResult, control: Estimate, treatment: Estimate, loss: float, alpha: float
) -> GuardrailResult:
    spread = _spread(control, treatment)
    if spread is None:
        return _certain(replace(row, loss=loss), control, treatment)
    error, df = spread
    half = t_quantile(df, 2 * alpha) * error
    p_value = _tail(df, (row.margin - loss) / error)
    return _tested(row, loss, (loss - half, loss + half), p_value, alpha)


def _relative(
    row: GuardrailResult,
    control: Estimate,
    treatment: Estimate,
    alpha: float,
    higher_is_better: bool,
) -> GuardrailResult:
    assert control.value is not None
    assert treatment.value is not None
    # In multiples of the control, whose sign goes: a loss is a fall of `ratio` or a rise.
    worse = -1 if (control.value > 0) == higher_is_better else 1
    loss = 100 * worse * (treatment.value - control.value) / control.value
    spread = _spread(control, treatment)
    if spread is None or control.variance is None or treatment.variance is None:
        return _certain(replace(row, loss=loss), control, treatment)
    df = spread[1]
    limit = 1 + worse * row.margin / 100
    contrast = worse * math.copysign(1, control.value) * (limit * control.value - treatment.value)
    error = math.hypot(math.sqrt(treatment.variance), limit * math.sqrt(control.variance))
    p_value = _tail(df, contrast / error) if error > 0 else float(contrast <= 0)
    quantile = t_quantile(df, 2 * alpha)
    bounds = fieller(control.value, control.variance, treatment.value, treatment.variance, quantile)
    if bounds is None:
        note = "control not distinct from 0: no bound of the relative loss"
        return replace(row, loss=loss, note=note)
    low, high = sorted(100 * worse * bound for bound in bounds)
    return _tested(row, loss, (low, high), p_value, alpha)


def _tested(
    row: GuardrailResult, loss: float, bounds: tuple[float, float], p_value: float, alpha: float
) -> GuardrailResult:
    lower, upper = bounds
    verdict = INFERIOR if lower > row.margin else UNDECIDED
    if p_value < alpha:
        verdict = NON_INFERIOR
    return replace(row, loss=loss, lower=lower, upper=upper, p_value=p_value, verdict=verdict)


def _certain(row: GuardrailResult, control: Estimate, treatment: Estimate) -> GuardrailResult:
    """The verdict on arms without variance; none where variances are unknown."""
    loss = (row.loss or 0.0) + 0.0  # a loss of -0 is 0
    if control.variance is None or treatment.variance is None:
        return replace(row, loss=loss, note=_reasons(control, treatment))
    verdict = NON_INFERIOR if loss <= row.margin else INFERIOR
    note = "no variance in either arm: no test"
    return replace(row, loss=loss, verdict=verdict, note=note)


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


def _reasons(control: Estimate, treatment: Estimate) -> str:
    named = (("control", control), ("treatment", treatment))
    notes = "; ".join(f"{arm}: {estimate.note}" for arm, estimate in named if estimate.note)
    return notes
