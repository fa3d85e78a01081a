"""The table of effects: every treatment against the control, metric by metric."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from abbotify.stats.contrast import Estimate, difference, naive_relative, relative
from abbotify.stats.means import mean
from abbotify.stats.moments import Moments
from abbotify.stats.multiplicity import holm
from abbotify.stats.ratio import ratio_of_sums

MEAN = "mean"
RATIO = "ratio"


@dataclass(frozen=True)
class ArmMoments:
    """All that `compare` needs of one arm.

    Attributes:
        name: The arm.
        means: Metric -> moments, k = 1, of its values over the users where it is defined.
        ratios: Metric -> moments, k = 2, of (numerator, denominator) over exposed users; only
            metrics that are a ratio of sums.
    """

    name: str
    means: Mapping[str, Moments]
    ratios: Mapping[str, Moments] = field(default_factory=dict)

    def merge(self, other: ArmMoments) -> ArmMoments:
        """The moments of both sets of users, this one's first; equal metrics."""
        return ArmMoments(
            self.name,
            {metric: mine.merge(other.means[metric]) for metric, mine in self.means.items()},
            {metric: mine.merge(other.ratios[metric]) for metric, mine in self.ratios.items()},
        )


@dataclass(frozen=True)
class Effect:
    """One row of effects.csv: treatment arm minus control in one metric and estimand.

    Absolute columns are in the metric's units, `relative_*` and `naive_*` in per cent of
    |control_mean|. None is undefined or unbounded, and `note` says why. The intervals are those
    of one comparison; only `p_adjusted` and `significant` know of the others.

    Attributes:
        arm: The treatment arm.
        metric: Metric's name.
        estimand: "mean" (of users' values) or "ratio" (of sums over users); "cuped" and
            "ratio_cuped", the same adjusted for the days before the experiment; "bootstrap", the
            mean with an interval by resampling; "quantile_0.5", ... (of users' values).
        n_control: Users behind the control's value.
        n_treatment: Users behind the treatment's value.
        control_mean: The control's mean or ratio.
        treatment_mean: The treatment's mean or ratio.
        effect: treatment_mean - control_mean.
        lower: Lower end of Welch's interval.
        upper: Upper end.
        relative_effect: 100 * effect / |control_mean|.
        relative_lower: Lower end of Fieller's interval.
        relative_upper: Upper end.
        naive_lower: 100 * lower / |control_mean|, the notebook's.
        naive_upper: 100 * upper / |control_mean|.
        p_value: Two-sided, of this comparison alone.
        p_adjusted: Holm's, over success metrics (means) and treatments; None when exploratory.
        significant: p_adjusted < alpha, or p_value < alpha when exploratory.
        simultaneous_lower: Lower end of the interval that holds for all treatments at once, by
            max-z; None with one treatment.
        simultaneous_upper: Upper end.
        p_simultaneous: Adjusted for all treatments likewise.
        variance_reduction: Share of the difference's variance that the adjustment removed.
        note: Empty, or what a reader has to know.
    """

    arm: str
    metric: str
    estimand: str
    n_control: int
    n_treatment: int
    control_mean: float | None
    treatment_mean: float | None
    effect: float | None
    lower: float | None
    upper: float | None
    relative_effect: float | None
    relative_lower: float | None
    relative_upper: float | None
    naive_lower: float | None
    naive_upper: float | None
    p_value: float | None
    p_adjusted: float | None
    significant: bool | None
    simultaneous_lower: float | None = None
    simultaneous_upper: float | None = None
    p_simultaneous: float | None = None
    variance_reduction: float | None = None
    note: str = ""

    def row(self) -> dict[str, str | int | float | bool | None]:
        """The plain values under `EFFECT_COLUMNS`, in their order, None where undefined."""
        return {name: getattr(self, name) for name in EFFECT_COLUMNS}


EFFECT_COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(Effect))


def compare(
    arms: Sequence[ArmMoments],
    metrics: Sequence[str],
    success: Collection[str],
    alpha: float,
) -> tuple[Effect, ...]:
    """The effects by treatment arm, then metric, then estimand (mean before ratio).

    Args:
        arms: The control first.
        metrics: Names in the order wanted; each has its mean, and its ratio where the arms do.
        success: Metrics that decide. Their means over all treatments form Holm's family; all
            other rows are exploratory, and a row without a p-value leaves the family.
        alpha: Two-sided level; intervals have confidence 1 - alpha.

    Raises:
        ValueError: Without arms, on a name given twice, a success metric not compared, an arm
            without a metric the control has, or an alpha outside (0, 1).

    Source: Welch (1947), Fieller (1954), Deng, Knoblich, Lu (2018), Holm (1979).
    """
    _check(arms, metrics, success, alpha)
    rows = [
        _effect(treatment.name, metric, estimand, control, treated, alpha)
        for treatment in arms[1:]
        for metric in metrics
        for estimand, control, treated in _estimates(arms[0], treatment, metric)
    ]
    family = [row.estimand == MEAN and row.metric in success for row in rows]
    return _decide(rows, family, alpha)


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
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    for arm in arms:
        _check_arm(arm, arms[0], metrics)


def _check_arm(arm: ArmMoments, control: ArmMoments, metrics: Sequence[str]) -> None:
    for metric in metrics:
        if metric not in arm.means:
            raise ValueError(f"arm {arm.name} has no moments of {metric}")
        if (metric in arm.ratios) != (metric in control.ratios):
            raise ValueError(f"only one of {control.name} and {arm.name} has ratio {metric}")


def _estimates(
    control: ArmMoments, treatment: ArmMoments, metric: str
) -> Iterator[tuple[str, Estimate, Estimate]]:
    yield MEAN, mean(control.means[metric]), mean(treatment.means[metric])
    if metric in control.ratios:
        yield RATIO, ratio_of_sums(control.ratios[metric]), ratio_of_sums(treatment.ratios[metric])


def _effect(
    arm: str, metric: str, estimand: str, control: Estimate, treatment: Estimate, alpha: float
) -> Effect:
    absolute = difference(control, treatment, alpha)
    lift = relative(control, treatment, alpha)
    naive = naive_relative(control, absolute)
    notes = dict.fromkeys(note for note in (absolute.note, lift.note) if note)
    return Effect(
        arm=arm,
        metric=metric,
        estimand=estimand,
        n_control=control.n,
        n_treatment=treatment.n,
        control_mean=control.value,
        treatment_mean=treatment.value,
        effect=absolute.effect,
        lower=absolute.lower,
        upper=absolute.upper,
        relative_effect=lift.effect,
        relative_lower=lift.lower,
        relative_upper=lift.upper,
        naive_lower=naive[0],
        naive_upper=naive[1],
        p_value=absolute.p_value,
        p_adjusted=None,
        significant=None,
        note="; ".join(notes),
    )


def _decide(rows: Sequence[Effect], family: Sequence[bool], alpha: float) -> tuple[Effect, ...]:
    p_values = [row.p_value if inside else None for row, inside in zip(rows, family, strict=True)]
    adjusted = holm(p_values)
    return tuple(_decided(row, p, alpha) for row, p in zip(rows, adjusted, strict=True))


def _decided(row: Effect, p_adjusted: float | None, alpha: float) -> Effect:
    if row.p_value is None:
        return row
    p = row.p_value if p_adjusted is None else p_adjusted
    lost = row.p_value < alpha <= p
    notes = [row.note] if row.note else []
    notes += ["interval excludes 0, but not significant after Holm"] if lost else []
    return replace(row, p_adjusted=p_adjusted, significant=p < alpha, note="; ".join(notes))
