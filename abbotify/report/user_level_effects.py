"""What needs the values of all users at once, one metric at a time: quantiles, skewness, segments.

Everything else in a report comes from sums that merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.eventlog.schema import ARM
from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.segments import SegmentBounds, UserSegments, cut
from abbotify.metrics.users import Population, Users
from abbotify.report.result_rows import Segments
from abbotify.stats.effects import BOOTSTRAP, compared
from abbotify.stats.normal import Shape
from abbotify.stats.resampling import Resampled

Rows = npt.NDArray[np.bool_]

QUANTILE: Final = "quantile_"

_SEED: Final = 0  # of resampling: the same users give the same intervals, simulated or from a log


@dataclass(frozen=True)
class UserLevelSpec:
    """Which effects are estimated from the users' values.

    Attributes:
        arms: names, the control first, in the order of the codes.
        metrics: of which quantiles, bootstrap and segments are estimated.
        population: over whom.
        alpha: of the intervals.
        quantiles: strictly between 0 and 1.
        bootstrap: intervals by resampling too.
        segments: of users, or where to cut; None: no effects by segment.
        guarded: metrics of which only the skewness is estimated.
    """

    arms: tuple[str, ...]
    metrics: tuple[str, ...]
    population: Population
    alpha: float
    quantiles: tuple[float, ...] = ()
    bootstrap: bool = False
    segments: UserSegments | SegmentBounds | None = None
    guarded: tuple[str, ...] = ()


@dataclass(frozen=True)
class UserLevelEffects:
    """What the users' values give.

    Attributes:
        effects: rows of quantiles and of the bootstrap.
        shapes: metric -> of each arm's users.
        segments: effects by segment.
    """

    effects: tuple[stats.Effect, ...] = ()
    shapes: Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)
    segments: Segments | None = None


def user_level_effects(users: Users, spec: UserLevelSpec) -> UserLevelEffects:
    """Quantiles, bootstrap, skewness and segments, one pass over the users for each metric."""
    codes = np.where(users.members(spec.population), users.label(ARM).codes, -1)
    segments = _user_segments(users, spec, codes)
    effects: list[stats.Effect] = []
    shapes: dict[str, tuple[Shape, ...]] = {}
    rows: list[stats.SegmentEffect] = []
    tests: list[stats.SegmentTest] = []
    for metric in (*spec.metrics, *spec.guarded):
        values = users.column(metric, spec.population)
        known = np.where(np.isnan(values), -1, codes)
        arms = [values[known == code] for code in range(len(spec.arms))]
        shapes[metric] = tuple(map(Shape.of, arms))
        if metric not in spec.metrics:
            continue
        effects += _metric_effects(metric, arms, spec)
        if segments is not None:
            for by_segment, test in _by_segment(metric, values, known, segments, spec):
                rows += by_segment
                tests.append(test)
    if segments is None:
        return UserLevelEffects(tuple(effects), shapes)
    without = int(np.count_nonzero((codes >= 0) & (segments.codes < 0)))
    by = Segments(segments.by, segments.bounds, without, tuple(rows), tuple(tests))
    return UserLevelEffects(tuple(effects), shapes, by)


def _user_segments(
    users: Users, spec: UserLevelSpec, codes: npt.NDArray[np.int16]
) -> UserSegments | None:
    bounds = spec.segments
    if not isinstance(bounds, SegmentBounds):
        return bounds
    values = bounds.values
    if values is None:
        values = users.column(bounds.by, spec.population)
    return cut(values, bounds, (codes >= 0) & (codes < len(spec.arms)))


def _metric_effects(
    metric: str, arms: Sequence[FloatArray], spec: UserLevelSpec
) -> Iterator[stats.Effect]:
    """The rows of a metric that sums cannot give, treatment by treatment."""
    # All quantiles of zeros and ones are zeros or ones.
    binary = all(((arm == 0) | (arm == 1)).all() for arm in arms)
    for name, treated in zip(spec.arms[1:], arms[1:], strict=True):
        pair = (arms[0], treated)
        for share in () if binary else spec.quantiles:
            quantile = stats.quantile_effect(*pair, share, spec.alpha, _SEED)
            yield _row((name, metric, f"{QUANTILE}{share:g}"), pair, quantile)
        if spec.bootstrap:
            resampled = stats.bootstrap(*pair, spec.alpha, _SEED)
            yield _row((name, metric, BOOTSTRAP), pair, resampled)


def _row(
    key: tuple[str, str, str],
    values: tuple[FloatArray, FloatArray],
    resampled: Resampled,
) -> stats.Effect:
    """An effect, by arm, metric and estimand, that has intervals and no p-value."""
    arm, metric, estimand = key
    return stats.Effect(
        arm=arm,
        metric=metric,
        estimand=estimand,
        control_mean=resampled.control,
        treatment_mean=resampled.treatment,
        **compared((len(values[0]), len(values[1])), resampled.difference, resampled.lift),
    )


def _by_segment(
    metric: str,
    values: FloatArray,
    codes: npt.NDArray[np.int16],
    segments: UserSegments,
    spec: UserLevelSpec,
) -> Iterator[tuple[tuple[stats.SegmentEffect, ...], stats.SegmentTest]]:
    """The effects on a metric by segment, treatment by treatment."""
    means = [
        [
            stats.mean(stats.Moments.of(values[(codes == code) & (segments.codes == segment)]))
            for segment in range(len(segments.names))
        ]
        for code in range(len(spec.arms))
    ]
    for name, treated in zip(spec.arms[1:], means[1:], strict=True):
        pairs = dict(zip(segments.names, zip(means[0], treated, strict=True), strict=True))
        yield stats.heterogeneity(pairs, spec.alpha, name, metric)
