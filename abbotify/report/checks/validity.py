"""Checks over what has been estimated: what may make an effect look other than it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from abbotify import stats
from abbotify.metrics.definitions import COLUMNS
from abbotify.report.result import Arm, Check
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED, MEAN
from abbotify.stats.normal import ONE_SIDED, TWO_SIDED, Shape, skew_of_difference
from abbotify.stats.sample_ratio import ALPHA

BALANCE_ALPHA: Final = 0.01  # of all comparisons of the days before together


def balance(arms: Sequence[stats.ArmMoments], success: Sequence[str]) -> Iterator[Check]:
    """Whether the arms were alike before the experiment, in the covariates of success metrics."""
    tests = {
        (treatment.name, f"{_label(metric)}{part}"): p_value
        for treatment in arms[1:]
        for metric in success
        if metric in treatment.adjusted
        for part, p_value in _alike(arms[0].adjusted[metric], treatment.adjusted[metric])
    }
    if not tests:
        return
    p_values = {f"{arm}, {covariate}": p for (arm, covariate), p in tests.items()}
    details = {"p_values": p_values, "alpha": BALANCE_ALPHA}
    adjusted = {key: min(1.0, p * len(tests)) for key, p in tests.items()}
    unlike = {key: p for key, p in adjusted.items() if p < BALANCE_ALPHA}
    if not unlike:
        least = min(adjusted.values())
        summary = (
            "No significant difference between arms before the experiment (least p = "
            f"{least:.3g}, Bonferroni)."
        )
        yield Check("pre_balance", "pass", summary, details)
        return
    listed = "; ".join(
        f"{arm}, {covariate} (p = {p:.2g})" for (arm, covariate), p in unlike.items()
    )
    summary = (
        f"Arms differed before the experiment: {listed}. The split may not be random; CUPED "
        "corrects for such a difference, unadjusted estimates do not."
    )
    yield Check("pre_balance", "warn", summary, details, _arms_of(unlike))


def _arms_of(keys: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(arm for arm, _ in keys))


def _alike(control: stats.Moments, treatment: stats.Moments) -> Iterator[tuple[str, float]]:
    for column in range(1, len(control.mean)):
        one, other = (
            stats.Moments(arm.n, arm.mean[[column]], arm.comoments[[column]][:, [column]])
            for arm in (control, treatment)
        )
        p_value = stats.welch(one, other, 0.05).p_value
        if p_value is not None:
            yield " before" if column == 1 else " without sessions before", p_value


def sign_flips(effects: Sequence[Effect], success: Sequence[str], alpha: float) -> Iterator[Check]:
    """Whether adjusting for the days before flips an effect's sign."""
    rows = {(row.arm, row.metric, row.estimand): row for row in effects if row.metric in success}
    pairs = [
        (rows[arm, metric, MEAN], row) for (arm, metric, kind), row in rows.items() if kind == CUPED
    ]
    if not pairs:
        return
    if all(row.p_value is None for _, row in pairs):
        summary = "Not tested: no success metric could be adjusted by CUPED."
        yield Check("cuped_sign", "info", summary)
        return
    flipped = {
        (row.arm, _label(row.metric)): row
        for raw, row in pairs
        if stats.sign_flip(_contrast(raw), _contrast(row), alpha)
    }
    if not flipped:
        yield Check("cuped_sign", "pass", "CUPED flips no effect's sign.")
        return
    listed = "; ".join(f"{arm}, {metric}" for arm, metric in flipped)
    summary = f"CUPED flips the effect's sign: {listed}. Trust neither estimate."
    yield Check("cuped_sign", "warn", summary, arms=_arms_of(flipped))


def _contrast(row: Effect) -> stats.Contrast:
    return stats.Contrast(row.effect, p_value=row.p_value)


def skew(
    arms: Sequence[Arm],
    shapes: Mapping[str, Sequence[Shape]],
    guarded: Sequence[str],
) -> Iterator[Check]:
    """Whether skewed metrics in unequal arms make tests reject too often."""
    skewness = {
        (arm.name, metric): skew_of_difference(by_arm[0], by_arm[place])
        for metric, by_arm in shapes.items()
        for place, arm in enumerate(arms)
        if place
    }
    if not skewness:
        return
    if all(shape.variance == 0 for by_arm in shapes.values() for shape in by_arm):
        yield Check("skew", "info", "Not tested: no metric has any variance.")
        return
    names = {(arm, metric): f"{arm}, {_label(metric)}" for arm, metric in skewness}
    details = {
        "skewness_of_difference": {names[key]: value for key, value in skewness.items()},
        "two_sided_limit": TWO_SIDED,
        "one_sided_limit": ONE_SIDED,
    }
    skewed = [
        (arm, metric)
        for (arm, metric), value in skewness.items()
        if value > (ONE_SIDED if metric in guarded else TWO_SIDED)
    ]
    if not skewed:
        yield Check("skew", "pass", "No metric is too skewed for the arms' sizes.", details)
        return
    listed = "; ".join(names[key] for key in skewed)
    summary = (
        f"Skewed values in arms of different size or spread: {listed}. Tests there reject "
        "too often, more on one side than on the other; more users are needed."
    )
    order = [arm.name for arm in arms]
    about = sorted({arm for arm, _ in skewed}, key=order.index)
    yield Check("skew", "warn", summary, details, tuple(about))


def trends(arms: Sequence[Arm]) -> Iterator[Check]:
    """Whether an effect fades with days since first exposure."""
    known = {arm.name: arm.trend for arm in arms if arm.trend is not None}
    if not known:
        return
    tested = {name: trend for name, trend in known.items() if trend.fading is not None}
    details = {
        name: {"per_cent_a_day": trend.slope, "p_value": trend.p_value, "users": trend.users}
        for name, trend in known.items()
    }
    if not tested:
        summary = "Not tested: too few users were observed on all days of the trend."
        yield Check("novelty", "info", summary, details)
        return
    fading = [name for name, trend in tested.items() if trend.fading]
    if not fading:
        summary = "The effect does not fade with days since first exposure."
        yield Check("novelty", "pass", summary, details)
        return
    listed = "; ".join(f"{name}{_slope(tested[name].slope)}" for name in fading)
    summary = f"The effect on listened time fades with days since first exposure: {listed}."
    yield Check("novelty", "warn", summary, details, tuple(fading))


def _slope(points: float | None) -> str:
    """How fast an effect fades; empty where a day without plays leaves it without a lift."""
    return "" if points is None else f" by {points:+.2g} points a day"


def watched_ratio(arms: Sequence[Arm]) -> Iterator[Check]:
    """Whether the arms' sizes fitted their weights at every look."""
    last = next((arm.looks[-1] for arm in arms if arm.looks), None)
    if last is None or last.sample_ratio_p is None:
        return
    if not any(arm.users for arm in arms):
        summary = "Not tested: no users."
        yield Check("sample_ratio_watched", "info", summary)
        return
    p_value = last.sample_ratio_p
    details = {"p_value": p_value, "alpha": ALPHA}
    if p_value >= ALPHA:
        summary = f"Arm sizes match their weights at every look (p = {p_value:.3g})."
        yield Check("sample_ratio_watched", "pass", summary, details)
        return
    summary = (
        f"Arm sizes did not match their weights at some look (p = {p_value:.2g}): "
        "users were lost or moved on some day."
    )
    yield Check("sample_ratio_watched", "fail", summary, details)


def not_watched(success: Sequence[str], known: Collection[str]) -> Iterator[Check]:
    """That no success metric can be watched day by day."""
    if success and not any(name in known for name in success):
        listed = ", ".join(map(_label, success))
        summary = f"Not monitored by day: daily values do not add up to {listed}."
        yield Check("monitoring", "info", summary)


def _label(metric: str) -> str:
    return COLUMNS[metric].label.lower()
