"""Experiments drawn from stored outcomes: who takes part, in which arm, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.sessions import FloatArray
from abbotify.jit import kernel
from abbotify.rng import Purpose, Stream, bounded, philox, real, seed_word
from abbotify.stats import Moments
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

    def sums(self, replications: range) -> FloatArray:
        """Sums of products of columns, of some experiments.

        Users are drawn with replacement, each then gets an arm; both worlds have the same users
        in the same arms.

        Returns:
            float64 (replications, 2 worlds, arms, products).
        """
        arms, out = len(self.outcomes.arms), (len(replications), len(WORLDS))
        sums = np.zeros((*out, arms, len(self._products[0])))
        seed, first = seed_word(self.seed), replications.start
        _add_up(self.outcomes.values, *self._products, self._edges, self.users, seed, first, sums)
        return sums

    def batches(self, replications: range, count: int) -> FloatArray:
        """The sums of the same experiments in A/A, apart for each of so many batches of users.

        Users come in the order in which they are drawn; sizes differ by one at most.

        Returns:
            float64 (replications, batches, arms, products).
        """
        arms = len(self.outcomes.arms)
        sums = np.zeros((len(replications), count, arms, len(self._products[0])))
        seed, first = seed_word(self.seed), replications.start
        control = self.outcomes.values[NOTHING]
        _add_apart(control, *self._products, self._edges, self.users, seed, first, sums)
        return sums

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
    pool = values.shape[1]
    for replication in range(out.shape[0]):
        number = np.uint64(first + replication)
        for position in range(users):
            row, arm = _drawn(edges, pool, seed, position, number)
            _add(values[0, row], left, right, out[replication, 0, arm])
            _add(values[arm, row], left, right, out[replication, 1, arm])


@kernel
def _add_apart(
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
            row, arm = _drawn(edges, values.shape[0], seed, position, number)
            batch = position * out.shape[1] // users
            _add(values[row], left, right, out[replication, batch, arm])


@kernel
def _drawn(edges: FloatArray, pool: int, seed: Any, position: int, number: Any) -> tuple[int, int]:
    """Who comes at a position of an experiment, and into which arm."""
    words = philox(np.uint64(seed), _STREAM, np.uint64(0), np.uint64(position), _PURPOSE, number)
    share, arm = real(words[1]), 0
    while arm < len(edges) and share >= edges[arm]:
        arm += 1
    return bounded(words[0], pool), arm


@kernel
def _add(
    row: FloatArray,
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    sums: FloatArray,
) -> None:
    for product in range(len(left)):
        sums[product] += row[left[product]] * row[right[product]]


def expected_users(weights: Sequence[float], users: int) -> tuple[float, ...]:
    """How many users of an experiment each arm gets on average."""
    return tuple(users * weight / sum(weights) for weight in weights)
