"""What needs the values of all users at once, one metric at a time: quantiles, skewness, segments.

Everything else in a report comes from sums that merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.eventlog.schema import ARM, Labels
from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.segments import SegmentBounds, UserSegments, cut
from abbotify.metrics.users import Population
from abbotify.report.result_rows import SegmentRow, Segments, SegmentTest
from abbotify.stats.effects import BOOTSTRAP
from abbotify.stats.skewness import Shape

Rows = npt.NDArray[np.bool_]

QUANTILE: Final = "quantile_"

_SEED: Final = 0  # of resampling: the same users give the same intervals, simulated or from a log


class Users(Protocol):
    """The users' table, whole or read column by column."""

    def label(self, column: str) -> Labels:
        """The arm of each user."""

    def members(self, population: Population) -> Rows:
        """Who belongs to a population."""

    def column(self, name: str, population: Population) -> FloatArray:
        """A column for a population, NaN where there is no value."""


@dataclass(frozen=True)
class UserLevelSpec:
    """What is asked for.

    Attributes:
        arms: names, the control first, in the order of the codes.
        metrics: those looked at.
        population: over whom.
        alpha: of the intervals.
        quantiles: strictly between 0 and 1.
        bootstrap: intervals by resampling too.
        kinds: how users are told apart; None: not.
        guarded: metrics of which nothing is wanted but their shape.
    """

    arms: tuple[str, ...]
    metrics: tuple[str, ...]
    population: Population
    alpha: float
    quantiles: tuple[float, ...] = ()
    bootstrap: bool = False
    kinds: UserSegments | SegmentBounds | None = None
    guarded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Details:
    """What was found.

    Attributes:
        effects: rows of quantiles and of the bootstrap.
        shapes: metric -> of each arm's users.
        segments: effects by kind of user.
    """

    effects: tuple[stats.Effect, ...] = ()
    shapes: Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)
    segments: Segments | None = None


def user_level_effects(users: Users, wanted: UserLevelSpec) -> Details:
    """Looks at the users once for each metric."""
    codes = np.where(users.members(wanted.population), users.label(ARM).codes, -1)
    kinds = _kinds(users, wanted, codes)
    effects: list[stats.Effect] = []
    shapes: dict[str, tuple[Shape, ...]] = {}
    found: list[tuple[SegmentTest, list[SegmentRow]]] = []
    for metric in (*wanted.metrics, *wanted.guarded):
        values = users.column(metric, wanted.population)
        known = np.where(np.isnan(values), -1, codes)
        arms = [values[known == code] for code in range(len(wanted.arms))]
        shapes[metric] = tuple(map(Shape.of, arms))
        if metric in wanted.metrics:
            effects += _by_value(metric, arms, wanted)
            if kinds is not None:
                found += _by_kind(metric, values, known, kinds, wanted)
    segments = None if kinds is None else _segments(kinds, codes, found)
    return Details(tuple(effects), shapes, segments)


def _kinds(
    users: Users, wanted: UserLevelSpec, codes: npt.NDArray[np.int16]
) -> UserSegments | None:
    how = wanted.kinds
    if not isinstance(how, SegmentBounds):
        return how
    values = users.column(how.by, wanted.population) if how.values is None else how.values
    judged = (codes >= 0) & (codes < len(wanted.arms))
    return cut(values, how, judged)


def _by_value(
    metric: str, arms: Sequence[FloatArray], wanted: UserLevelSpec
) -> Iterator[stats.Effect]:
    """The rows of effects that sums cannot give."""
    # All quantiles of yes and no are yes or no.
    told = not all(((arm == 0) | (arm == 1)).all() for arm in arms)
    for name, treated in zip(wanted.arms[1:], arms[1:], strict=True):
        if told:
            yield from _quantiles(metric, name, arms[0], treated, wanted)
        if wanted.bootstrap:
            yield _resampled(metric, name, arms[0], treated, wanted)


def _quantiles(
    metric: str, arm: str, control: FloatArray, treated: FloatArray, wanted: UserLevelSpec
) -> Iterator[stats.Effect]:
    for share in wanted.quantiles:
        found = stats.quantile_effect(control, treated, share, wanted.alpha, _SEED)
        yield _row(
            arm,
            metric,
            f"{QUANTILE}{share:g}",
            (control, treated),
            (found.control, found.treatment),
            found.difference,
            found.lift,
        )


def _resampled(
    metric: str, arm: str, control: FloatArray, treated: FloatArray, wanted: UserLevelSpec
) -> stats.Effect:
    found = stats.bootstrap(control, treated, wanted.alpha, _SEED)
    means = tuple(float(v.mean()) if len(v) else None for v in (control, treated))
    told = (means[0], means[1])
    return _row(arm, metric, BOOTSTRAP, (control, treated), told, found.difference, found.lift)


def _row(
    arm: str,
    metric: str,
    estimand: str,
    values: tuple[FloatArray, FloatArray],
    levels: tuple[float | None, float | None],
    difference: stats.Contrast,
    lift: stats.Lift,
) -> stats.Effect:
    """An effect that has intervals and no p-value."""
    return stats.Effect(
        arm=arm,
        metric=metric,
        estimand=estimand,
        n_control=len(values[0]),
        n_treatment=len(values[1]),
        control_mean=levels[0],
        treatment_mean=levels[1],
        effect=difference.effect,
        lower=difference.lower,
        upper=difference.upper,
        relative_effect=lift.effect,
        relative_lower=lift.lower,
        relative_upper=lift.upper,
        naive_lower=None,
        naive_upper=None,
        p_value=None,
        p_adjusted=None,
        significant=None,
        note="; ".join(dict.fromkeys(note for note in (difference.note, lift.note) if note)),
    )


def _by_kind(
    metric: str,
    values: FloatArray,
    codes: npt.NDArray[np.int16],
    kinds: UserSegments,
    wanted: UserLevelSpec,
) -> Iterator[tuple[SegmentTest, list[SegmentRow]]]:
    """The effects on a metric by kind of user, treatment by treatment."""
    means = [
        [
            stats.mean(stats.Moments.of(values[(codes == code) & (kinds.codes == kind)]))
            for kind in range(len(kinds.names))
        ]
        for code in range(len(wanted.arms))
    ]
    for name, own in zip(wanted.arms[1:], means[1:], strict=True):
        pairs = dict(zip(kinds.names, zip(means[0], own, strict=True), strict=True))
        found = stats.heterogeneity(pairs, wanted.alpha)
        test = SegmentTest(name, metric, found.statistic, found.df, found.p_value, found.note)
        yield test, [_segment(name, metric, row, pairs[row.segment]) for row in found.segments]


def _segment(
    arm: str,
    metric: str,
    found: stats.SegmentEffect,
    pair: tuple[stats.Estimate, stats.Estimate],
) -> SegmentRow:
    one, lift = found.difference, found.lift
    return SegmentRow(
        arm=arm,
        metric=metric,
        segment=found.segment,
        n_control=pair[0].n,
        n_treatment=pair[1].n,
        effect=one.effect,
        lower=one.lower,
        upper=one.upper,
        relative_effect=lift.effect,
        relative_lower=lift.lower,
        relative_upper=lift.upper,
        p_value=one.p_value,
        p_adjusted=found.p_adjusted,
        note="; ".join(dict.fromkeys(note for note in (one.note, lift.note) if note)),
    )


def _segments(
    kinds: UserSegments,
    codes: npt.NDArray[np.int16],
    found: Sequence[tuple[SegmentTest, list[SegmentRow]]],
) -> Segments:
    without = int(np.count_nonzero((codes >= 0) & (kinds.codes < 0)))
    return Segments(
        kinds.by,
        kinds.bounds,
        without,
        tuple(row for _, rows in found for row in rows),
        tuple(test for test, _ in found),
    )
