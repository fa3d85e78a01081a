"""The table of effects: what a row says, and what is needed of each arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, NamedTuple

from abbotify.stats.contrast import Contrast, Lift, joined_notes
from abbotify.stats.moments import Mergeable, Moments

Estimator = Literal["auto", "mean", "cuped"]
"""Which estimate of a success metric decides: its mean, or that adjusted for the days before."""

MEAN = "mean"
RATIO = "ratio"
CUPED = "cuped"
RATIO_CUPED = "ratio_cuped"
BOOTSTRAP = "bootstrap"

LEAST_USERS: Final = 100  # a decision needs so many in each arm


def deciding_estimand(estimator: Estimator, adjusted: bool) -> str:
    """The estimand that decides on a success metric, fixed before any data are seen.

    Args:
        estimator: as the experiment names it; `auto` adjusts wherever that is possible, since
            both estimate the same effect and the adjusted estimate has the smaller error.
        adjusted: whether the metric has covariates of the days before.
    """
    return CUPED if adjusted and estimator != "mean" else MEAN


@dataclass(frozen=True)
class ArmMoments(Mergeable):
    """All that `compare` needs of one arm.

    Attributes:
        name: The arm.
        means: Metric -> moments, k = 1, of its values over the users where it is defined.
        ratios: Metric -> moments, k = 2, of (numerator, denominator) over exposed users; only
            metrics that are a ratio of sums.
        adjusted: Metric -> moments, k >= 2, of (value, covariates of the days before), over the
            users where it is defined; only metrics that have such days.
        adjusted_ratios: Metric -> moments, k = 4, of (numerator, denominator) and the same of the
            days before, over exposed users.
    """

    name: str
    means: Mapping[str, Moments]
    ratios: Mapping[str, Moments] = field(default_factory=dict)
    adjusted: Mapping[str, Moments] = field(default_factory=dict)
    adjusted_ratios: Mapping[str, Moments] = field(default_factory=dict)


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
        p_adjusted: Holm's, over success metrics (the estimates that decide) and treatments; None
            when exploratory.
        significant: p_adjusted < alpha, or p_value < alpha when exploratory.
        note: Empty, or what a reader has to know.
        simultaneous_lower: Lower end of the interval that holds for all treatments at once, by
            max-z; None with one treatment.
        simultaneous_upper: Upper end.
        p_simultaneous: Adjusted for all treatments likewise.
        variance_reduction: Share of the difference's variance that the adjustment removed.
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
    naive_lower: float | None = None
    naive_upper: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    significant: bool | None = None
    note: str = ""
    simultaneous_lower: float | None = None
    simultaneous_upper: float | None = None
    p_simultaneous: float | None = None
    variance_reduction: float | None = None

    def row(self) -> dict[str, str | int | float | bool | None]:
        """The plain values under `EFFECT_COLUMNS`, in their order, None where undefined."""
        return {name: getattr(self, name) for name in EFFECT_COLUMNS}


def compared(users: tuple[int, int], contrast: Contrast, lift: Lift) -> dict[str, Any]:
    """The columns that all rows of effects have, by name."""
    return {
        "n_control": users[0],
        "n_treatment": users[1],
        "effect": contrast.effect,
        "lower": contrast.lower,
        "upper": contrast.upper,
        "relative_effect": lift.effect,
        "relative_lower": lift.lower,
        "relative_upper": lift.upper,
        "p_value": contrast.p_value,
        "note": joined_notes(contrast.note, lift.note),
    }


EFFECT_COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(Effect))

WELCH: Final = "welch"
FIELLER: Final = "fieller"
NAIVE: Final = "naive_relative"
SESSIONS: Final = "sessions_as_independent"

_NAMES: Final = {
    MEAN: (WELCH, FIELLER),
    RATIO: ("delta", "delta_fieller"),
    BOOTSTRAP: (BOOTSTRAP, f"{BOOTSTRAP}_relative"),
}


class MethodEstimate(NamedTuple):
    """One method's word.

    Attributes:
        method: its name.
        relative: it speaks of per cent of the control, else of the metric's units.
        estimate: None where undefined, as the ends.
        lower: lower end of the interval.
        upper: upper end.
    """

    method: str
    relative: bool
    estimate: float | None
    lower: float | None
    upper: float | None

    @property
    def excludes_zero(self) -> bool | None:
        """Whether the interval does; None without one."""
        if self.lower is None or self.upper is None:
            return None
        return self.lower > 0 or self.upper < 0


def methods_of(estimand: str) -> tuple[str, str]:
    """The names of the methods of an estimand's difference and of its lift."""
    return _NAMES.get(estimand, (estimand, f"{estimand}_fieller"))


def method_estimates(row: Effect) -> Iterator[MethodEstimate]:
    """The difference, the lift, and of means the naive lift."""
    absolute, relative = methods_of(row.estimand)
    yield MethodEstimate(absolute, False, row.effect, row.lower, row.upper)
    yield MethodEstimate(
        relative, True, row.relative_effect, row.relative_lower, row.relative_upper
    )
    if row.estimand == MEAN:
        yield MethodEstimate(NAIVE, True, row.relative_effect, row.naive_lower, row.naive_upper)
