"""One pass of training the bilinear network: the gradient of each batch, and a step after it.

The prediction is F(start, track, user) = (S[start] + U[user]) . T[track], the loss the mean squared
error of a batch. A batch touches a few thousand rows of tables that have many more, so its gradient
is kept in a compact buffer, one place for each touched row: that is all the memory traffic a batch
needs, and what makes a pass of the row-wise optimizers cheap.

Everything is added in the order of the pairs, on one thread: equal inputs give equal bits, compiled
or not. (Hence the float64: numba and numpy promote a float32 beside a Python float differently, and
raise to whole powers in different ways, which `math.pow` does not.)
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.jit import kernel
from abbotify.recommenders.neural.optimizers import (
    ADAM,
    IntArray,
    OptimizerState,
    Row,
    Settings,
    Table,
    begin_pass,
    catch_up,
    end_pass,
    gradient_of,
    paces_of,
    step,
)
from abbotify.rng import Stream, bounded, philox
from abbotify.vectors import dot

_FIT: Final = Stream.FIT


class Pairs(NamedTuple):
    """Training pairs: int64 rows of users, starts and tracks, float32 listened fractions; (n,)."""

    row: IntArray
    start: IntArray
    track: IntArray
    time: npt.NDArray[np.float32]


class Parameters(NamedTuple):
    """Embeddings, float32 (n, dims padded to a multiple of 16); padding is and stays zero."""

    start: Table
    user: Table
    track: Table


class OptimizerStates(NamedTuple):
    """The optimizer's state of each table."""

    start: OptimizerState
    user: OptimizerState
    track: OptimizerState


@kernel
def shuffle(order: IntArray, seed: int, purpose: int, number: int) -> None:
    """Puts numbers in a keyed random order (Fisher and Yates), the same for a pass's number."""
    for i in range(len(order) - 1, 0, -1):
        j = bounded(philox(seed, _FIT, number, i, purpose, 0)[0], i + 1)
        order[i], order[j] = order[j], order[i]


@kernel
def train_pass(
    pairs: Pairs,
    order: IntArray,
    parameters: Parameters,
    states: OptimizerStates,
    settings: Settings,
    steps: int,
) -> float:
    """One pass over the pairs in an order, a step of the optimizer after each batch.

    Args:
        pairs: all of them.
        order: int64, which of them, in the order of the pass.
        parameters: changed in place.
        states: changed in place.
        settings: of the pass.
        steps: how many were taken before.

    Returns:
        the mean squared error over the pass, each pair before its batch's step.
    """
    total, size, dense = 0.0, settings.batch, settings.optimizer == ADAM
    query = np.empty(parameters.start.shape[1], np.float32)
    paces = paces_of(settings, steps, -(-len(order) // size))
    begin_pass(states.start)
    begin_pass(states.user)
    begin_pass(states.track)
    for number in range(-(-len(order) // size)):
        batch = order[number * size : (number + 1) * size]
        if dense:
            _catch_up(pairs, batch, parameters, states, settings, number, paces)
        total += _add_gradients(pairs, batch, parameters, states, settings.with_users, query)
        steps += 1
        step(parameters.start, states.start, settings, steps, paces)
        step(parameters.track, states.track, settings, steps, paces)
        if settings.with_users:
            step(parameters.user, states.user, settings, steps, paces)
    end_pass(parameters.start, states.start, paces, settings.decay)
    end_pass(parameters.track, states.track, paces, settings.decay)
    if settings.with_users:
        end_pass(parameters.user, states.user, paces, settings.decay)
    return total / max(1, len(order))


@kernel
def _catch_up(
    pairs: Pairs,
    batch: IntArray,
    parameters: Parameters,
    states: OptimizerStates,
    settings: Settings,
    now: int,
    paces: Table,
) -> None:
    """Brings the rows that a batch reads up to the steps taken so far."""
    decay = settings.decay
    for pair in batch:
        catch_up(parameters.start, states.start, pairs.start[pair], now, paces, decay)
        catch_up(parameters.track, states.track, pairs.track[pair], now, paces, decay)
        if settings.with_users:
            catch_up(parameters.user, states.user, pairs.row[pair], now, paces, decay)


@kernel
def _add_gradients(
    pairs: Pairs,
    batch: IntArray,
    parameters: Parameters,
    states: OptimizerStates,
    with_users: bool,
    query: Row,
) -> float:
    """Adds a batch's gradient to the states; the sum of its squared errors."""
    total, dims = 0.0, len(query)
    for pair in batch:
        start, track, user = pairs.start[pair], pairs.track[pair], pairs.row[pair]
        _look_up(parameters, start, user, with_users, query)
        to_track = parameters.track[track]
        error = np.float64(dot(query, to_track) - pairs.time[pair])
        total += error * error
        pull = np.float32(2.0 * error / len(batch))
        of_start = gradient_of(states.start, start)
        of_track = gradient_of(states.track, track)
        for d in range(dims):
            of_start[d] += pull * to_track[d]
            of_track[d] += pull * query[d]
        if with_users:
            of_user = gradient_of(states.user, user)
            for d in range(dims):
                of_user[d] += pull * to_track[d]
    return total


@kernel
def _look_up(parameters: Parameters, start: int, user: int, with_users: bool, query: Row) -> None:
    """Puts start_embedding + user_embedding into `query`."""
    of_start, of_user = parameters.start[start], parameters.user[user]
    if with_users:
        for d in range(len(query)):
            query[d] = of_start[d] + of_user[d]
    else:
        for d in range(len(query)):
            query[d] = of_start[d]


@kernel
def mean_squared_error(
    pairs: Pairs, chosen: IntArray, parameters: Parameters, with_users: bool
) -> float:
    """The mean squared error over some pairs; 0 for none."""
    total = 0.0
    query = np.empty(parameters.start.shape[1], np.float32)
    for pair in chosen:
        _look_up(parameters, pairs.start[pair], pairs.row[pair], with_users, query)
        error = np.float64(dot(query, parameters.track[pairs.track[pair]]) - pairs.time[pair])
        total += error * error
    return total / max(1, len(chosen))
