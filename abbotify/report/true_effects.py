"""What every method says of an effect beside the effect itself, which a simulation knows.

The true effect is that of everybody under the treatment against everybody under the control,
averaged over the users whom the run has exposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from abbotify.metrics.aggregates import Form, Truth
from abbotify.stats import Effect, Moments
from abbotify.stats.contrast import difference, joined_notes
from abbotify.stats.effects import (
    BOOTSTRAP,
    CUPED,
    MEAN,
    RATIO,
    RATIO_CUPED,
    SESSIONS,
    MethodEstimate,
    method_estimates,
)
from abbotify.stats.means import mean
from abbotify.stats.non_inferiority import METRIC, PERCENT

Unit = Literal["metric", "percent"]

# What a t-test over sessions is about: the one ratio whose denominator counts sessions of equal
# weight and whose numerator is kept session by session.
SESSION_METRIC: Final = "mean_time_per_session"


@dataclass(frozen=True)
class TruthRow:
    """One method's estimate of one effect, and the truth.

    Attributes:
        arm: the treatment.
        metric: its name.
        form: `total`: everybody under the arm, which learns from everybody; `equal_data`: the
            arm learns from as many users as it had in the run.
        method: `welch`, `fieller`, `naive_relative` for means over users; `delta`,
            `delta_fieller` for ratios of sums; a further estimand's own name, with `_fieller`
            for its relative interval; `sessions_as_independent`.
        unit: of all numbers below: the metric's, or per cent of the control.
        estimate: of the method; None where undefined, as all below.
        lower: lower end of its interval.
        upper: upper end.
        truth: the true effect.
        bias: estimate - truth.
        covered: whether the interval holds the truth.
        note: what a reader has to know.
    """

    arm: str
    metric: str
    form: Form
    method: str
    unit: Unit
    estimate: float | None
    lower: float | None
    upper: float | None
    truth: float | None
    bias: float | None
    covered: bool | None
    note: str = ""


# Those whose truth is a mean or a ratio of sums; that of a quantile is another one.
_ESTIMANDS: Final = (MEAN, RATIO, CUPED, RATIO_CUPED, BOOTSTRAP)


def truth_rows(
    effects: Sequence[Effect],
    truths: Sequence[Truth],
    sessions: Mapping[str, Moments],
    control: str,
    alpha: float,
) -> tuple[TruthRow, ...]:
    """The rows by form, then as the effects are ordered.

    Args:
        effects: of the run.
        truths: in each form.
        sessions: arm -> moments of the time of its sessions, the control's among them.
        control: its name.
        alpha: two-sided level of the intervals.
    """
    return tuple(
        row
        for truth in truths
        for effect in effects
        if effect.metric in truth.arms[effect.arm].means and effect.estimand in _ESTIMANDS
        for row in _rows(effect, truth, sessions, control, alpha)
    )


def _rows(
    effect: Effect, truth: Truth, sessions: Mapping[str, Moments], control: str, alpha: float
) -> Iterator[TruthRow]:
    joint = truth.arms[effect.arm]
    of_ratio = effect.estimand == RATIO or effect.estimand.startswith("ratio_")
    pair = joint.ratio(effect.metric) if of_ratio else joint.mean(effect.metric)
    for estimate in method_estimates(effect):
        yield _row(effect, truth, estimate, pair)
    if effect.estimand == RATIO and effect.metric == SESSION_METRIC:
        naive = difference(mean(sessions[control]), mean(sessions[effect.arm]), alpha)
        estimate = MethodEstimate(SESSIONS, False, naive.effect, naive.lower, naive.upper)
        yield _row(effect, truth, estimate, pair)


def _row(
    effect: Effect,
    truth: Truth,
    method: MethodEstimate,
    pair: tuple[float, float] | None,
) -> TruthRow:
    unit: Unit = PERCENT if method.relative else METRIC
    true, (estimate, lower, upper) = _true(pair, unit), method[2:]
    known = true is not None and lower is not None and upper is not None
    missing = "" if pair is not None else "no user has the metric under both arms"
    return TruthRow(
        arm=effect.arm,
        metric=effect.metric,
        form=truth.form,
        method=method.method,
        unit=unit,
        estimate=estimate,
        lower=lower,
        upper=upper,
        truth=true,
        bias=None if true is None or estimate is None else estimate - true,
        covered=lower <= true <= upper if known else None,  # type: ignore[operator]
        note=joined_notes(effect.note, missing, truth.note),
    )


def _true(pair: tuple[float, float] | None, unit: Unit) -> float | None:
    if pair is None:
        return None
    control, treatment = pair
    if unit == METRIC:
        return treatment - control
    return 100 * ((treatment - control) / abs(control)) if control else None
