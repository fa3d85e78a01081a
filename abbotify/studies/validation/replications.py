"""Thousands of experiments, and the estimates of every method in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.eventlog.sessions import FloatArray
from abbotify.progress import Progress
from abbotify.simulation.parallel.executor import open_executor
from abbotify.stats.effects import MEAN, RATIO, Estimator
from abbotify.stats.group_sequential import Spending, obrien_fleming
from abbotify.stats.non_inferiority import GuardrailSpec
from abbotify.studies.validation.methods import Arm, Key, MethodEstimates, experiment_estimates
from abbotify.studies.validation.outcomes import EXPOSED
from abbotify.studies.validation.repeated_looks import RepeatedLooks
from abbotify.studies.validation.sampler import EFFECT, NOTHING, WORLDS, Sampler

_BATCH: Final = 25  # replications of a task
# How often the slow `max_z` runs, by the number of treatments: 4 ms a time for two, 32 ms for
# three, 118 ms for four; not at all with more.
SIMULTANEOUS: Final[Mapping[int, int]] = {2: 2000, 3: 500, 4: 200}


@dataclass(frozen=True, eq=False)
class Trials:
    """The estimates of every method in every experiment.

    Attributes:
        keys: method, metric and treatment of each column.
        values: float64 (replications, 2 worlds, keys, 4): estimate, lower, upper, significant (1 or
            0); NaN where undefined.
        alarms: bool (replications, 2 worlds): the sample ratio check found a mismatch.
        truths: float64 (replications or 1, keys), in the units of the estimates.
    """

    keys: tuple[Key, ...]
    values: FloatArray
    alarms: npt.NDArray[np.bool_]
    truths: FloatArray

    def estimate(self, at: int, world: int = EFFECT) -> FloatArray:
        """The estimates of a column, NaN where undefined."""
        return self.values[:, world, at, 0]

    def width(self, at: int) -> FloatArray:
        """The widths of its intervals."""
        return self.values[:, EFFECT, at, 2] - self.values[:, EFFECT, at, 1]

    def covered(self, at: int) -> FloatArray:
        """1 where its interval holds the truth, 0 where it does not, NaN without one."""
        lower, upper = self.values[:, EFFECT, at, 1], self.values[:, EFFECT, at, 2]
        truth = self.truths[:, at]
        inside = (lower <= truth) & (truth <= upper)
        return np.where(np.isnan(lower) | np.isnan(truth), np.nan, inside)

    def significant(self, at: int, world: int) -> FloatArray:
        """1 where it found a difference, 0 where it did not, NaN where undefined."""
        return self.values[:, world, at, 3]


@dataclass(frozen=True, eq=False)
class ExperimentSpec:
    """The experiments that are drawn, and how they decide.

    Attributes:
        sampler: draws the experiments.
        success: metrics that decide.
        alpha: level.
        rails: what is guarded.
        spending: how repeated looks spend the error.
        estimator: which estimate decides.
    """

    sampler: Sampler
    success: tuple[str, ...]
    alpha: float
    rails: tuple[GuardrailSpec, ...] = ()
    spending: Spending = obrien_fleming
    estimator: Estimator = "mean"

    @cached_property
    def repeated_looks(self) -> RepeatedLooks | None:
        """Repeated looks at the first metric that decides; None without one."""
        if not self.success:
            return None
        return RepeatedLooks.of(
            self.sampler, self.success[0], self.alpha, self.spending, self.estimator
        )


def collect(spec: ExperimentSpec, replications: int, workers: int, progress: Progress) -> Trials:
    """Draws the experiments and runs every method on each.

    Args:
        spec: the experiments.
        replications: how many.
        workers: processes that share them; changes nothing but the time.
        progress: called as experiments are done.
    """
    ranges = [range(replications)[at : at + _BATCH] for at in range(0, replications, _BATCH)]
    batches: list[tuple[Mapping[Key, FloatArray], npt.NDArray[np.bool_]]] = []
    progress("experiments", 0, replications)
    with open_executor(spec, workers, len(ranges)) as executor:
        for batch in executor.each(_batch, ranges):
            batches.append(batch)
            progress("experiments", min(len(batches) * _BATCH, replications), replications)
    keys = tuple(dict.fromkeys(key for columns, _ in batches for key in columns))
    return Trials(
        keys,
        np.concatenate([stacked(columns, keys, len(alarms)) for columns, alarms in batches]),
        np.concatenate([alarms for _, alarms in batches]),
        np.full((1, len(keys)), np.nan),
    )


def stacked(columns: Mapping[Key, FloatArray], keys: Sequence[Key], count: int) -> FloatArray:
    """One array (count, 2 worlds, keys, 4) of the columns of all keys; NaN for those not there."""
    nothing = np.full((count, len(WORLDS), 4), np.nan)
    return np.stack([columns.get(key, nothing) for key in keys], axis=2)


def write_down(
    into: dict[Key, FloatArray],
    count: int,
    place: tuple[int, int],
    key: Key,
    estimates: MethodEstimates,
) -> None:
    """Puts the estimates of (replication, world) into a key's array (count, 2 worlds, 4)."""
    if key not in into:
        into[key] = np.full((count, len(WORLDS), 4), np.nan)
    into[key][place] = [np.nan if value is None else float(value) for value in estimates]


def _batch(
    spec: ExperimentSpec, replications: range
) -> tuple[dict[Key, FloatArray], npt.NDArray[np.bool_]]:
    count, sampler = len(replications), spec.sampler
    sums = sampler.sums(replications)
    columns: dict[Key, FloatArray] = {}
    alarms = np.zeros((count, len(WORLDS)), np.bool_)
    most = SIMULTANEOUS.get(len(sampler.weights) - 1, 0)
    for at, number in enumerate(replications):
        for world in WORLDS:
            arms = list(_arms(sampler, world, sums[at, world]))
            simultaneous = number < most and spec.success[0] in arms[0].means
            deciding = [name for name in spec.success if name in arms[0].means]
            for key, estimates in experiment_estimates(
                arms, deciding, spec.alpha, simultaneous, spec.rails, spec.estimator
            ).items():
                write_down(columns, count, (at, world), key, estimates)
            alarms[at, world] = _alarm(sampler, sums[at, world])
    if spec.repeated_looks is not None:
        for number, key, estimates in spec.repeated_looks.estimates(replications):
            place = number - replications.start, NOTHING
            write_down(columns, count, place, key, estimates)
    return columns, alarms


def _arms(sampler: Sampler, world: int, sums: FloatArray) -> Iterator[Arm]:
    for place, name in enumerate(sampler.outcomes.arms):
        moments = {
            (group.metric, group.estimand): sampler.moments(group, world, place, sums[place])
            for group in sampler.outcomes.groups
            if group.metric != EXPOSED
        }
        yield Arm(
            name,
            {metric: each for (metric, estimand), each in moments.items() if estimand == MEAN},
            {metric: each for (metric, estimand), each in moments.items() if estimand == RATIO},
        )


def _alarm(sampler: Sampler, sums: FloatArray) -> bool:
    counts = [int(count) for count in sums[:, -1]]
    return bool(stats.sample_ratio(counts, sampler.weights).mismatch)
