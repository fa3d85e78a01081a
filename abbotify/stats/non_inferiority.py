"""Guardrails: is the treatment not worse than the control by more than a margin?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from abbotify.stats.contrast import Estimate, fieller, reasons, satterthwaite, t_quantile

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
    check_one_sided(spec.margin, alpha)
    row = GuardrailResult(arm, spec.metric, spec.margin, spec.unit)
    if control.value is None or treatment.value is None:
        return replace(row, note=reasons(control, treatment))
    worse = -1 if higher_is_better else 1
    loss = worse * (treatment.value - control.value)
    nothing = control.value == treatment.value == 0 == control.variance == treatment.variance
    if spec.unit == PERCENT and not nothing:
        if control.value == 0 or not math.isfinite(treatment.value / control.value):
            return replace(row, note="control is 0: no relative loss")
        loss = 100 * loss / abs(control.value)
    row = replace(row, loss=loss + 0.0)  # a loss of -0 is 0
    if control.variance is None or treatment.variance is None:
        return replace(row, note=reasons(control, treatment))
    if control.variance + treatment.variance <= 0:
        verdict = NON_INFERIOR if loss <= spec.margin else INFERIOR
        return replace(row, verdict=verdict, note="no variance in either arm: no test")
    return _tested(row, control, treatment, alpha, worse)


def check_one_sided(margin: float, alpha: float) -> None:
    """Refuses a margin that is no finite loss, and a level outside (0, .5): `ValueError`."""
    if not 0 <= margin < math.inf:
        raise ValueError(f"the margin must not be negative, got {margin}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"a one-sided alpha must lie between 0 and .5, got {alpha}")


def _tested(
    row: GuardrailResult, control: Estimate, treatment: Estimate, alpha: float, worse: int
) -> GuardrailResult:
    from scipy.special import stdtr

    assert row.loss is not None
    df = satterthwaite(control, treatment)
    critical = t_quantile(df, 2 * alpha)
    limit, distance = _at_margin(row, control, treatment, worse)
    error = math.hypot(math.sqrt(treatment.variance or 0), limit * math.sqrt(control.variance or 0))
    p_value = float(stdtr(df, -distance / error)) if error > 0 else float(distance <= 0)
    if row.unit == METRIC:
        lower, upper = row.loss - critical * error, row.loss + critical * error
    else:
        bounds = _relative_bounds(control, treatment, critical, worse)
        if bounds is None:
            return replace(row, note="control not distinct from 0: no bound of the relative loss")
        lower, upper = bounds
    verdict = INFERIOR if lower > row.margin else UNDECIDED
    if p_value < alpha:
        verdict = NON_INFERIOR
    return replace(row, lower=lower, upper=upper, p_value=p_value, verdict=verdict)


def _at_margin(
    row: GuardrailResult, control: Estimate, treatment: Estimate, worse: int
) -> tuple[float, float]:
    """The ratio of treatment to control at the margin, and how far the loss is from it."""
    assert row.loss is not None
    assert control.value is not None
    assert treatment.value is not None
    if row.unit == METRIC:
        return 1.0, row.margin - row.loss
    limit = 1 + worse * math.copysign(1, control.value) * row.margin / 100
    return limit, worse * (limit * control.value - treatment.value)


def _relative_bounds(
    control: Estimate, treatment: Estimate, critical: float, worse: int
) -> tuple[float, float] | None:
    """Bounds of the loss in per cent of |control|."""
    assert control.value is not None
    assert treatment.value is not None
    variances = control.variance or 0.0, treatment.variance or 0.0
    bounds = fieller(control.value, variances[0], treatment.value, variances[1], critical)
    if bounds is None:
        return None
    sign = worse * math.copysign(1, control.value)
    low, high = sorted(100 * sign * bound for bound in bounds)
    return low, high
