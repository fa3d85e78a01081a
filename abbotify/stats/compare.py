"""Every treatment against the control, metric by metric and estimand by estimand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from abbotify.stats.contrast import (
    Estimate,
    check_alpha,
    difference,
    joined_notes,
    naive_relative,
    relative,
)
from abbotify.stats.cuped import Adjusted, cuped_means, cuped_ratios
from abbotify.stats.effects import (
    CUPED,
    MEAN,
    RATIO,
    RATIO_CUPED,
    ArmMoments,
    Effect,
    Estimator,
    compared,
    deciding_estimand,
)
from abbotify.stats.means import mean, ratio_of_sums
from abbotify.stats.multiplicity import Simultaneous, holm, max_z


def compare(
    arms: Sequence[ArmMoments],
    metrics: Sequence[str],
    success: Collection[str],
    alpha: float,
    estimator: Estimator = "mean",
) -> tuple[Effect, ...]:
    """The effects by treatment arm, then metric, then estimand (mean, ratio, both adjusted).

    Args:
        arms: The control first.
        metrics: Names in the order wanted; each has its mean, and its ratio and adjusted
            estimates where the arms have their moments.
        success: Metrics that decide. Their rows by `deciding_estimand` over all treatments form
            Holm's family; all other rows are exploratory, and a row without a p-value leaves the
            family. With several treatments they also have simultaneous intervals.
        alpha: Two-sided level; intervals have confidence 1 - alpha.
        estimator: Which estimate of a success metric decides.

    Raises:
        ValueError: Without arms, on a name given twice, a success metric not compared, an arm
            without a metric the control has, or an alpha outside (0, 1).

    Source: Welch (1947), Fieller (1954), Deng, Knoblich, Lu (2018), Holm (1979), Lin (2013),
    Hothorn, Bretz, Westfall (2008).
    """
    _check(arms, metrics, success, alpha)
    estimated = [each for metric in metrics for each in _estimates(arms, metric)]
    families = [_together(each, success, alpha) for each in estimated]
    rows = [
        _effect(arms[treatment].name, each, treatment, family, alpha)
        for treatment in range(1, len(arms))
        for each, family in zip(estimated, families, strict=True)
    ]
    decides = [
        row.metric in success
        and row.estimand == deciding_estimand(estimator, row.metric in arms[0].adjusted)
        for row in rows
    ]
    return _decide(rows, decides, alpha)


def deciding_estimates(
    arms: Sequence[ArmMoments], metric: str, estimator: Estimator
) -> tuple[Estimate, ...]:
    """Each arm's estimate of a metric by the estimand that decides; one model over all arms."""
    if deciding_estimand(estimator, metric in arms[0].adjusted) == CUPED:
        return cuped_means([arm.adjusted[metric] for arm in arms]).estimates
    return tuple(mean(arm.means[metric]) for arm in arms)


@dataclass(frozen=True)
class _Estimated:
    """One metric by one estimand: the arms' estimates, the control's first."""

    metric: str
    estimand: str
    arms: tuple[Estimate, ...]
    adjusted: Adjusted | None = None


def _check(
    arms: Sequence[ArmMoments], metrics: Sequence[str], success: Collection[str], alpha: float
) -> None:
    if not arms:
        raise ValueError("no arms to compare")
    for what, names in (("arm", [arm.name for arm in arms]), ("metric", list(metrics))):
        if len(set(names)) < len(names):
            raise ValueError(f"{what} given twice in {names}")
    if not set(success) <= set(metrics):
        missing = sorted(set(success) - set(metrics))
        raise ValueError(f"success metrics {missing} are not among those compared")
    check_alpha(alpha)
    for arm in arms:
        _check_arm(arm, arms[0], metrics)


def _check_arm(arm: ArmMoments, control: ArmMoments, metrics: Sequence[str]) -> None:
    parts = ("ratios", "adjusted", "adjusted_ratios")
    for metric in metrics:
        if metric not in arm.means:
            raise ValueError(f"arm {arm.name} has no moments of {metric}")
        for part in parts:
            if (metric in getattr(arm, part)) != (metric in getattr(control, part)):
                raise ValueError(f"only one of {control.name} and {arm.name} has {part} {metric}")


def _estimates(arms: Sequence[ArmMoments], metric: str) -> Iterator[_Estimated]:
    yield _Estimated(metric, MEAN, tuple(mean(arm.means[metric]) for arm in arms))
    if metric in arms[0].ratios:
        yield _Estimated(metric, RATIO, tuple(ratio_of_sums(arm.ratios[metric]) for arm in arms))
    if metric in arms[0].adjusted:
        adjusted = cuped_means([arm.adjusted[metric] for arm in arms])
        yield _Estimated(metric, CUPED, adjusted.estimates, adjusted)
    if metric in arms[0].adjusted_ratios:
        adjusted = cuped_ratios([arm.adjusted_ratios[metric] for arm in arms])
        yield _Estimated(metric, RATIO_CUPED, adjusted.estimates, adjusted)


def _together(estimated: _Estimated, success: Collection[str], alpha: float) -> Simultaneous | None:
    """All treatments of a success metric as one family; None where there is one treatment."""
    # Not for all metrics: the family of eight treatments takes 1.6 s.
    if len(estimated.arms) < 3 or estimated.metric not in success:
        return None
    return max_z(estimated.arms[0], estimated.arms[1:], alpha)


def _effect(
    arm: str, estimated: _Estimated, place: int, family: Simultaneous | None, alpha: float
) -> Effect:
    control, treatment = estimated.arms[0], estimated.arms[place]
    absolute = difference(control, treatment, alpha)
    lift = relative(control, treatment, alpha)
    adjusted = estimated.adjusted
    naive = naive_relative(control, absolute) if adjusted is None else (None, None)
    row = Effect(
        arm=arm,
        metric=estimated.metric,
        estimand=estimated.estimand,
        control_mean=control.value,
        treatment_mean=treatment.value,
        naive_lower=naive[0],
        naive_upper=naive[1],
        **compared((control.n, treatment.n), absolute, lift),
    )
    if family is not None:
        together = family.contrasts[place - 1]
        row = replace(
            row,
            simultaneous_lower=together.lower,
            simultaneous_upper=together.upper,
            p_simultaneous=together.p_value,
        )
    if adjusted is None:
        return row
    names = (("control", 0), ("treatment", place))
    notes = (f"{name}: {adjusted.notes[at]}" for name, at in names if adjusted.notes[at])
    note = joined_notes(row.note, *notes)
    return replace(row, variance_reduction=adjusted.reduction(place), note=note)


def _decide(rows: Sequence[Effect], family: Sequence[bool], alpha: float) -> tuple[Effect, ...]:
    p_values = [row.p_value if inside else None for row, inside in zip(rows, family, strict=True)]
    return tuple(_decided(row, p, alpha) for row, p in zip(rows, holm(p_values), strict=True))


def _decided(row: Effect, p_adjusted: float | None, alpha: float) -> Effect:
    if row.p_value is None:
        return row
    p = row.p_value if p_adjusted is None else p_adjusted
    lost = "interval excludes 0, but not significant after Holm" if row.p_value < alpha <= p else ""
    note = joined_notes(row.note, lost)
    return replace(row, p_adjusted=p_adjusted, significant=p < alpha, note=note)
