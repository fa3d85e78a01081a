"""Experiments drawn from stored outcomes: who takes part, in which arm, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.sessions import FloatArray
from abbotify.jit import kernel
from abbotify.rng import Purpose, Stream, bounded, philox, real, seed_word
from abbotify.stats import ArmMoments, Moments
from abbotify.stats.effects import CUPED, MEAN, RATIO, Estimator
from abbotify.stats.means import ROUNDING
from abbotify.stats.moments import Floats
from abbotify.studies.validation.outcomes import Group, Outcomes

NOTHING: Final = 0  # the world in which all arms have the control's outcomes: A/A
EFFECT: Final = 1  # the world in which each arm has its own
WORLDS: Final = (NOTHING, EFFECT)

_STREAM: Final = np.uint64(Stream.ESTIMATE)
_PURPOSE: Final = np.uint64(Purpose.REPLICATION)


@dataclass(frozen=True, eq=False)
class Sampler:
    """Draws experiments.

    Attributes:
        outcomes: what they are drawn from.
        weights: of the arms, on any scale.
        users: of one experiment.
        seed: of the draws.
    """

    outcomes: Outcomes
    weights: tuple[float, ...]
    users: int
    seed: int

    @property
    def expected_users(self) -> tuple[float, ...]:
        """How many users of an experiment each arm gets on average."""
        return tuple(self.users * weight / sum(self.weights) for weight in self.weights)

    def alone(self, metric: str, estimator: Estimator) -> Sampler:
        """Draws the same experiments, of the estimate that decides on a metric alone."""
        adjusted = self.outcomes.deciding(metric, estimator) == CUPED
        return replace(self, outcomes=self.outcomes.alone(metric, adjusted))

    def sums(self, replications: range) -> FloatArray:
        """Sums of products of columns, of some experiments.

        Users are drawn with replacement, each then gets an arm; both worlds have the same users
        in the same arms.

        Returns:
            float64 (replications, 2 worlds, arms, products).
        """
        return self._sums(replications, 1, len(WORLDS))[:, 0]

    def batches(self, replications: range, count: int) -> FloatArray:
        """The sums of the same experiments in A/A, apart for each of so many batches of users.

        Users come in the order in which they are drawn; sizes differ by one at most.

        Returns:
            float64 (replications, batches, arms, products).
        """
        return self._sums(replications, count, 1)[:, :, NOTHING]

    def _sums(self, replications: range, batches: int, worlds: int) -> FloatArray:
        """The sums in the first worlds: (replications, batches, worlds, arms, products)."""
        values, (left, right) = self.outcomes.values, self._products
        sums = np.zeros((len(replications), batches, worlds, len(values), len(left)))
        seed, first = seed_word(self.seed), replications.start
        _add_up(values, left, right, self._edges, self.users, seed, first, sums)
        return sums

    def arms(self, world: int, sums: FloatArray) -> list[ArmMoments]:
        """What estimators need of an experiment.

        Args:
            world: which one.
            sums: float64 (arms, products), of that world.
        """
        return [
            ArmMoments(name, *self._parts(world, place, sums[place]))
            for place, name in enumerate(self.outcomes.arms)
        ]

    def _parts(self, world: int, arm: int, sums: FloatArray) -> Iterator[dict[str, Moments]]:
        """Moments of means and ratios, then of those that have covariates with them."""
        groups = [group for group in self.outcomes.groups if group.variables]
        moments = [self.moments(group, world, arm, sums) for group in groups]
        both = list(zip(groups, moments, strict=True))
        for adjusted in (False, True):
            for estimand in (MEAN, RATIO):
                yield {
                    group.metric: each if adjusted else each.leading(group.own_variables)
                    for group, each in both
                    if group.estimand == estimand and (not adjusted or group.adjusted)
                }

    def moments(self, group: Group, world: int, arm: int, sums: Floats) -> Moments:
        """The moments of one group of variables.

        Args:
            group: of the outcomes.
            world: which one.
            arm: its place.
            sums: float64 (products,), of that world and arm.
        """
        at = self._places[group]
        n = int(sums[at[0, 0]])
        if n == 0:
            return Moments.empty(group.variables)
        first, second = sums[at[0, 1:]], sums[at[1:, 1:]]
        comoments = second - np.outer(first, first) / n
        # Of values that are all equal, and far from their centre, only rounding is left.
        rounding = comoments.diagonal() <= ROUNDING * second.diagonal()
        comoments[rounding] = 0.0
        comoments[:, rounding] = 0.0
        centres = self.outcomes.centres[arm * world, group.columns]
        return Moments(n, centres + first / n, comoments)

    @cached_property
    def _edges(self) -> FloatArray:
        """Where the arms' shares end, but for the last."""
        return np.array([edge / sum(self.weights) for edge in accumulate(self.weights)])[:-1]

    @cached_property
    def _products(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        pairs = [
            (group.start + i, group.start + j)
            for group in self.outcomes.groups
            for i in range(1 + group.variables)
            for j in range(i, 1 + group.variables)
        ]
        left, right = np.array(pairs, np.int64).T
        return np.ascontiguousarray(left), np.ascontiguousarray(right)

    @cached_property
    def _places(self) -> dict[Group, npt.NDArray[np.int64]]:
        """The place of each product, as a symmetric matrix for each group."""
        out, start = {}, 0
        for group in self.outcomes.groups:
            size = 1 + group.variables
            upper = np.triu_indices(size)
            matrix = np.zeros((size, size), np.int64)
            matrix[upper] = start + np.arange(len(upper[0]))
            matrix.T[upper] = matrix[upper]
            out[group], start = matrix, start + len(upper[0])
        return out


@kernel
def _add_up(
    values: FloatArray,
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    edges: FloatArray,
    users: int,
    seed: Any,
    first: int,
    out: FloatArray,
) -> None:
    for replication in range(out.shape[0]):
        number = np.uint64(first + replication)
        for position in range(users):
            row, arm = _drawn(edges, values.shape[1], seed, position, number)
            batch = position * out.shape[1] // users
            for world in range(out.shape[2]):
                user, sums = values[arm * world, row], out[replication, batch, world, arm]
                for product in range(len(left)):
                    sums[product] += user[left[product]] * user[right[product]]


@kernel
def _drawn(edges: FloatArray, pool: int, seed: Any, position: int, number: Any) -> tuple[int, int]:
    """Who comes at a position of an experiment, and into which arm."""
    words = philox(np.uint64(seed), _STREAM, np.uint64(0), np.uint64(position), _PURPOSE, number)
    share, arm = real(words[1]), 0
    while arm < len(edges) and share >= edges[arm]:
        arm += 1
    return bounded(words[0], pool), arm
