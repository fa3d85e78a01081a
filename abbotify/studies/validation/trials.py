"""Thousands of experiments, and the estimates of every method in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.eventlog.sessions import FloatArray
from abbotify.progress import Progress
from abbotify.simulation.parallel.executor import open_executor
from abbotify.studies.validation.methods import (
    UNDEFINED,
    AnalysisPlan,
    Key,
    MethodEstimates,
    at_looks,
    experiment_estimates,
)
from abbotify.studies.validation.sampler import EFFECT, NOTHING, Sampler

LOOKS: Final = 14
LOOKED: Final = 2000  # experiments that are looked at: 4 ms each, of which boundaries take most
# How often the slow `max_z` runs, by the number of treatments: 4 ms a time for two, 32 ms for
# three, 118 ms for four; not at all with more.
SIMULTANEOUS: Final[Mapping[int, int]] = {2: 2000, 3: 500, 4: 200}
_BATCH: Final = 25  # replications of a task

Estimates = Mapping[Key, MethodEstimates]


class Experiment(NamedTuple):
    """The estimates of one replication.

    Attributes:
        nothing: in A/A.
        effect: where arms have their effects.
        mismatch: the sample ratio check found one in A/A.
    """

    nothing: Estimates
    effect: Estimates
    mismatch: bool


@dataclass(frozen=True, eq=False)
class Trials:
    """The estimates of every method in every experiment.

    Attributes:
        keys: method, metric and treatment of each column.
        values: float64 (replications, 2 worlds, keys, 4): estimate, lower, upper, significant (1 or
            0); NaN where undefined.
        mismatches: bool (replications,): the sample ratio check found one in A/A.
        truths: float64 (replications or 1, keys), in the units of the estimates.
    """

    keys: tuple[Key, ...]
    values: FloatArray
    mismatches: npt.NDArray[np.bool_]
    truths: FloatArray

    @classmethod
    def of(cls, experiments: Sequence[Experiment]) -> Trials:
        """The trials of some experiments, without truths."""
        keys = tuple(dict.fromkeys(key for each in experiments for key in (*each[0], *each[1])))
        values = [
            [[w.get(key, UNDEFINED) for key in keys] for w in each[:2]] for each in experiments
        ]
        mismatches = np.array([each.mismatch for each in experiments])
        truths = np.full((1, len(keys)), np.nan)
        return cls(keys, np.array(values, np.float64), mismatches, truths)

    @staticmethod
    def concat(parts: Sequence[Trials]) -> Trials:
        """The trials of parts; every method ran in the first one."""
        keys = parts[0].keys
        values = np.full((sum(len(p.values) for p in parts), 2, len(keys), 4), np.nan)
        start = 0
        for part in parts:
            stop = start + len(part.values)
            values[start:stop, :, [keys.index(key) for key in part.keys]] = part.values
            start = stop
        mismatches = np.concatenate([part.mismatches for part in parts])
        return Trials(keys, values, mismatches, parts[0].truths)

    def estimate(self, at: int) -> FloatArray:
        """The estimates of a column, NaN where undefined."""
        return self.values[:, EFFECT, at, 0]

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


def collect(
    sampler: Sampler, plan: AnalysisPlan, replications: int, workers: int, progress: Progress
) -> Trials:
    """Draws experiments and runs every method on each.

    Args:
        sampler: draws the experiments.
        plan: how they are analysed.
        replications: how many.
        workers: processes that share them; changes nothing but the time.
        progress: called as experiments are done.
    """
    tasks = [range(replications)[at : at + _BATCH] for at in range(0, replications, _BATCH)]
    batches: list[Trials] = []
    progress("experiments", 0, replications)
    with open_executor((sampler, plan), workers, len(tasks)) as executor:
        for batch in executor.each(_batch, tasks):
            batches.append(batch)
            progress("experiments", min(len(batches) * _BATCH, replications), replications)
    return Trials.concat(batches)


def _batch(design: tuple[Sampler, AnalysisPlan], numbers: range) -> Trials:
    sampler, plan = design
    most = SIMULTANEOUS.get(len(sampler.weights) - 1, 0)
    looks = dict(look_estimates(sampler, plan, numbers)) if plan.success else {}
    experiments = []
    for number, sums in zip(numbers, sampler.sums(numbers), strict=True):
        nothing, effect = (
            experiment_estimates(sampler.arms(world, sums[world]), plan, number < most)
            for world in (NOTHING, EFFECT)
        )
        counts = [int(count) for count in sums[NOTHING, :, -1]]
        mismatch = bool(stats.sample_ratio(counts, sampler.weights).mismatch)
        experiments.append(Experiment(nothing | looks.get(number, {}), effect, mismatch))
    return Trials.of(experiments)


def look_estimates(
    sampler: Sampler, plan: AnalysisPlan, replications: range
) -> Iterator[tuple[int, dict[Key, MethodEstimates]]]:
    """Whether each method finds a difference at any look at the first `LOOKED` A/A experiments.

    Args:
        sampler: draws them; the first treatment is looked at, in the first metric that decides.
        plan: how experiments are analysed.
        replications: numbers of the experiments.
    """
    numbers = replications[: max(0, LOOKED - replications.start)]
    metric, arm = plan.success[0], sampler.outcomes.arms[1]
    sampler = sampler.alone(metric, plan.estimator)
    sums = sampler.batches(numbers, LOOKS).cumsum(axis=1)  # of all users by each look
    for number, looks in zip(numbers, sums, strict=True):
        arms = (sampler.arms(NOTHING, each) for each in looks)
        estimates = [stats.deciding_estimates(each, metric, plan.estimator) for each in arms]
        results = at_looks([(control, treatment) for control, treatment, *_ in estimates], plan)
        yield (
            number,
            {
                Key(method, metric, arm): UNDEFINED._replace(significant=significant)
                for method, significant in results.items()
            },
        )
