"""What may make an effect look other than it is: each a check over what has been estimated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from abbotify import stats
from abbotify.metrics.definitions import COLUMNS
from abbotify.report.result import Arm, Check
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED, MEAN
from abbotify.stats.non_inferiority import GuardrailResult
from abbotify.stats.sample_ratio import ALPHA
from abbotify.stats.skewness import ONE_SIDED, TWO_SIDED, Shape, skew_of_difference

BALANCE_ALPHA: Final = 0.01  # of all comparisons of the days before together


def balance(arms: Sequence[stats.ArmMoments], success: Sequence[str]) -> Iterator[Check]:
    """Whether the arms were alike before the experiment, in the covariates of success metrics."""
    tests: dict[str, float] = {}
    owners: dict[str, str] = {}
    for treatment in arms[1:]:
        for metric in success:
            if metric in treatment.adjusted:
                alike = _alike(arms[0].adjusted[metric], treatment.adjusted[metric])
                for part, p_value in alike:
                    name = f"{treatment.name}, {_label(metric)}{part}"
                    tests[name], owners[name] = p_value, treatment.name
    if not tests:
        return
    adjusted = {name: min(1.0, p * len(tests)) for name, p in tests.items()}
    unlike = {name: p for name, p in adjusted.items() if p < BALANCE_ALPHA}
    details = {"p_values": tests, "alpha": BALANCE_ALPHA}
    if not unlike:
        least = min(adjusted.values())
        summary = f"Arms were alike before the experiment (least p = {least:.3g}, Bonferroni)."
        yield Check("pre_balance", "pass", summary, details)
        return
    told = "; ".join(f"{name} (p = {p:.2g})" for name, p in unlike.items())
    summary = (
        f"Arms differed before the experiment: {told}. The split may not be random; adjusted "
        "estimates take such a difference out, plain ones do not."
    )
    about = tuple(dict.fromkeys(arm for name, arm in owners.items() if name in unlike))
    yield Check("pre_balance", "warn", summary, details, about)


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
    """Whether adjusting for the days before turned an effect round."""
    rows = {(row.arm, row.metric, row.estimand): row for row in effects if row.metric in success}
    pairs = [
        (rows[arm, metric, MEAN], row) for (arm, metric, kind), row in rows.items() if kind == CUPED
    ]
    if not pairs:
        return
    if all(row.p_value is None for _, row in pairs):
        summary = "Not tested: no success metric could be adjusted for the days before."
        yield Check("cuped_sign", "info", summary)
        return
    flipped = [
        adjusted
        for raw, adjusted in pairs
        if stats.sign_flip(_contrast(raw), _contrast(adjusted), alpha)
    ]
    if not flipped:
        summary = "Adjusting for the days before turns no effect round."
        yield Check("cuped_sign", "pass", summary)
        return
    told = "; ".join(f"{row.arm}, {_label(row.metric)}" for row in flipped)
    summary = f"Adjusting for the days before turns the effect round: {told}. Do not trust either."
    about = tuple(dict.fromkeys(row.arm for row in flipped))
    yield Check("cuped_sign", "warn", summary, arms=about)


def _contrast(row: Effect) -> stats.Contrast:
    return stats.Contrast(row.effect, p_value=row.p_value)


def skew(
    arms: Sequence[Arm],
    shapes: Mapping[str, Sequence[Shape]],
    guarded: Sequence[str],
) -> Iterator[Check]:
    """Whether skewed metrics in unequal arms make tests reject too often."""
    found = {
        f"{arm.name}, {_label(metric)}": (skew_of_difference(own[0], own[place]), metric in guarded)
        for metric, own in shapes.items()
        for place, arm in enumerate(arms)
        if place
    }
    if not found:
        return
    if all(shape.variance == 0 for own in shapes.values() for shape in own):
        yield Check("skew", "info", "Not tested: no metric has any variance.")
        return
    details = {
        "skewness_of_difference": {name: value for name, (value, _) in found.items()},
        "two_sided_limit": TWO_SIDED,
        "one_sided_limit": ONE_SIDED,
    }
    skewed = [
        name for name, (value, one) in found.items() if value > (ONE_SIDED if one else TWO_SIDED)
    ]
    if not skewed:
        yield Check("skew", "pass", "No metric is too skewed for the arms' sizes.", details)
        return
    summary = (
        f"Skewed values in arms of unlike size or spread: {'; '.join(skewed)}. Tests there reject "
        "too often, and err on one side more than on the other: more users are needed."
    )
    about = tuple(arm.name for arm in arms if any(n.startswith(f"{arm.name}, ") for n in skewed))
    yield Check("skew", "warn", summary, details, about)


def trends(arms: Sequence[Arm]) -> Iterator[Check]:
    """Whether an effect fades with the days since users first met it."""
    known = {arm.name: arm.trend for arm in arms if arm.trend is not None}
    if not known:
        return
    tested = {name: trend for name, trend in known.items() if trend.fading is not None}
    details = {
        name: {"per_cent_a_day": trend.slope, "p_value": trend.p_value, "users": trend.users}
        for name, trend in known.items()
    }
    if not tested:
        summary = "Not tested: too few users have all days of the trend behind them."
        yield Check("novelty", "info", summary, details)
        return
    fading = [name for name, trend in tested.items() if trend.fading]
    if not fading:
        summary = "The effect does not fade with the days since users first met it."
        yield Check("novelty", "pass", summary, details)
        return
    told = "; ".join(f"{name}{_slope(tested[name].slope)}" for name in fading)
    summary = f"The effect on listened time fades with the days since users first met it: {told}."
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
        summary = "Not tested: nobody came."
        yield Check("sample_ratio_watched", "info", summary)
        return
    p_value = last.sample_ratio_p
    details = {"p_value": p_value, "alpha": ALPHA}
    if p_value >= ALPHA:
        summary = f"At every look the arms had the users of their weights (p = {p_value:.3g})."
        yield Check("sample_ratio_watched", "pass", summary, details)
        return
    summary = (
        f"At some look the arms' numbers of users did not fit their weights (p = {p_value:.2g}): "
        "users were lost or moved on some day."
    )
    yield Check("sample_ratio_watched", "fail", summary, details)


def guardrails(rows: Sequence[GuardrailResult]) -> Iterator[Check]:
    """Guardrails that could not be tested."""
    untested = {f"{row.arm}, {_label(row.metric)}": row.note for row in rows if row.verdict is None}
    if untested:
        told = "; ".join(f"{name} ({why or 'undefined'})" for name, why in untested.items())
        yield Check("guardrails_untested", "warn", f"Guardrails without a test: {told}.")


def not_watched(success: Sequence[str], known: Mapping[str, object]) -> Iterator[Check]:
    """That no success metric can be watched day by day."""
    if success and not any(name in known for name in success):
        told = ", ".join(map(_label, success))
        summary = f"Not watched day by day: days do not add up to {told}."
        yield Check("monitoring", "info", summary)


def _label(metric: str) -> str:
    return COLUMNS[metric].label.lower()
