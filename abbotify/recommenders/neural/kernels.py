"""One pass of training the bilinear network: gradients of touched rows, three optimizers.

The prediction is F(start, track, user) = (S[start] + U[user]) . T[track], the loss the mean squared
error of a batch. A batch touches a few thousand rows of tables that have many more, so its gradient
is kept in a compact buffer, one slot for each touched row: that is all the memory traffic a batch
needs, and what makes a pass of the row-wise optimizers cheap. Dense Adam moves every row in every
step; a row makes up for the steps that it was not touched in when it is next read, one by one, so
with the same bits: all its steps cost one trip to memory.

Everything is added in the order of the pairs, on one thread: equal inputs give equal bits, compiled
or not. (Hence the float64: numba and numpy promote a float32 beside a Python float differently, and
raise to whole powers in different ways, which `math.pow` does not.)

Sources: Duchi, Hazan, Singer: Adaptive subgradient methods (2011), with one accumulator a row as
in Mudigere et al.: Software-hardware co-design for DLRM (2022); Kingma, Ba: Adam (2015).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.jit import kernel
from abbotify.rng import Stream, bounded, philox
from abbotify.vectors import dot

Table = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Targets = npt.NDArray[np.float32]

ADAGRAD_ROWS: Final = 0
LAZY_ADAM: Final = 1
ADAM: Final = 2

_BETA1: Final = 0.9
_BETA2: Final = 0.999
_EPSILON: Final = 1e-8
_EPSILON_ROWS: Final = 1e-10
_FIT: Final = Stream.FIT


class Pairs(NamedTuple):
    """Training pairs: int64 rows of users, starts and tracks, float32 listened fractions; (n,)."""

    row: IntArray
    start: IntArray
    track: IntArray
    time: Targets


class Parameters(NamedTuple):
    """Embeddings, float32 (n, dims padded to a multiple of 16); padding is and stays zero."""

    start: Table
    user: Table
    track: Table


class Memory(NamedTuple):
    """What an optimizer remembers of a table.

    Attributes:
        first: float32 (n, dims), Adam's first moment; (0, 0) for Adagrad.
        second: float32 (n, dims), Adam's second moment; (n, 1), Adagrad's sum.
        slot: int32 (n), the row's place in the gradient of the batch, -1 between batches.
        touched: int64 (batch), the rows of the slots.
        gradient: float32 (batch, dims).
    """

    first: Table
    second: Table
    slot: npt.NDArray[np.int32]
    touched: IntArray
    gradient: Table


def memory(table: Table, optimizer: int, batch: int) -> Memory:
    """The memory before the first batch."""
    rows, dims = table.shape
    adam = optimizer != ADAGRAD_ROWS
    return Memory(
        np.zeros((rows, dims) if adam else (0, 0), np.float32),
        np.zeros((rows, dims if adam else 1), np.float32),
        np.full(rows, -1, np.int32),
        np.empty(min(batch, rows), np.int64),
        np.empty((min(batch, rows), dims), np.float32),
    )


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
    batch: int,
    parameters: Parameters,
    starts: Memory,
    users: Memory,
    tracks: Memory,
    with_users: bool,
    optimizer: int,
    rate: float,
    decay: float,
    steps: int,
) -> float:
    """One pass over the pairs in an order, a step of the optimizer after each batch.

    Args:
        pairs: all of them.
        order: int64, which of them, in the order of the pass.
        batch: pairs a step; the last one may have fewer.
        parameters: embeddings, changed in place.
        starts: the optimizer's memory of each table, changed in place.
        users: the same.
        tracks: the same.
        with_users: False leaves the users' embeddings out.
        optimizer: ADAGRAD_ROWS, LAZY_ADAM or ADAM.
        rate: learning rate.
        decay: of weights: `decay * weight` is added to the gradient; of touched rows alone
            for the row-wise optimizers.
        steps: how many were taken before.

    Returns:
        the mean squared error over the pass, each pair before its batch's step.
    """
    total = 0.0
    dims = parameters.start.shape[1]
    query = np.empty(dims, np.float32)
    dense = optimizer == ADAM
    paces = _paces(rate, steps, -(-len(order) // batch) if dense else 0)
    starts_at, tracks_at, users_at = (
        np.zeros(len(parameters.start) if dense else 0, np.int64),
        np.zeros(len(parameters.track) if dense else 0, np.int64),
        np.zeros(len(parameters.user) if dense else 0, np.int64),
    )
    for begin in range(0, len(order), batch):
        end = min(len(order), begin + batch)
        if dense:
            now = begin // batch
            for pair in order[begin:end]:
                s, t, u = pairs.start[pair], pairs.track[pair], pairs.row[pair]
                _catch_up(parameters.start, starts, s, starts_at, now, paces, decay)
                _catch_up(parameters.track, tracks, t, tracks_at, now, paces, decay)
                if with_users:
                    _catch_up(parameters.user, users, u, users_at, now, paces, decay)
        n_starts, n_users, n_tracks = 0, 0, 0
        for place in range(begin, end):
            pair = order[place]
            s, t, u = pairs.start[pair], pairs.track[pair], pairs.row[pair]
            from_start, from_user = parameters.start[s], parameters.user[u]
            to_track = parameters.track[t]
            if with_users:
                for d in range(dims):
                    query[d] = from_start[d] + from_user[d]
            else:
                for d in range(dims):
                    query[d] = from_start[d]
            error = dot(query, to_track) - pairs.time[pair]
            total += np.float64(error) * np.float64(error)
            pull = np.float32(2.0 * np.float64(error) / (end - begin))
            n_starts = _slot(starts, s, n_starts)
            n_tracks = _slot(tracks, t, n_tracks)
            add, push = starts.gradient[starts.slot[s]], tracks.gradient[tracks.slot[t]]
            for d in range(dims):
                add[d] += pull * to_track[d]
                push[d] += pull * query[d]
            if with_users:
                n_users = _slot(users, u, n_users)
                own = users.gradient[users.slot[u]]
                for d in range(dims):
                    own[d] += pull * to_track[d]
        steps += 1
        _step(parameters.start, starts, n_starts, optimizer, rate, decay, steps, paces, starts_at)
        _step(parameters.track, tracks, n_tracks, optimizer, rate, decay, steps, paces, tracks_at)
        if with_users:
            _step(parameters.user, users, n_users, optimizer, rate, decay, steps, paces, users_at)
    if dense:
        _catch_up_all(parameters.start, starts, starts_at, paces, decay)
        _catch_up_all(parameters.track, tracks, tracks_at, paces, decay)
        if with_users:
            _catch_up_all(parameters.user, users, users_at, paces, decay)
    return total / max(1, len(order))


@kernel
def mean_squared_error(
    pairs: Pairs, chosen: IntArray, parameters: Parameters, with_users: bool
) -> float:
    """The mean squared error over some pairs; 0 for none."""
    total = 0.0
    query = np.empty(parameters.start.shape[1], np.float32)
    for pair in chosen:
        query[:] = parameters.start[pairs.start[pair]]
        if with_users:
            query += parameters.user[pairs.row[pair]]
        error = np.float64(dot(query, parameters.track[pairs.track[pair]]) - pairs.time[pair])
        total += error * error
    return total / max(1, len(chosen))


@kernel
def _slot(memory: Memory, row: int, used: int) -> int:
    """Gives a row a slot of zeros unless it has one; how many slots are used then."""
    if memory.slot[row] >= 0:
        return used
    memory.slot[row] = used
    memory.touched[used] = row
    memory.gradient[used, :] = 0.0
    return used + 1


@kernel
def _step(
    table: Table,
    memory: Memory,
    used: int,
    optimizer: int,
    rate: float,
    decay: float,
    steps: int,
    paces: Table,
    at: IntArray,
) -> None:
    if optimizer == ADAM:
        _adam(table, memory, used, paces, at, decay)
    elif optimizer == LAZY_ADAM:
        _lazy_adam(table, memory, used, rate, decay, steps)
    else:
        _adagrad_rows(table, memory, used, rate, decay)
    for slot in range(used):
        memory.slot[memory.touched[slot]] = -1


@kernel
def _adagrad_rows(table: Table, memory: Memory, used: int, rate: float, decay: float) -> None:
    weaker = np.float32(decay)
    for slot in range(used):
        row, gradient = memory.touched[slot], memory.gradient[slot]
        weights = table[row]
        for d in range(len(gradient)):
            gradient[d] += weaker * weights[d]
        memory.second[row, 0] += dot(gradient, gradient) / np.float32(len(gradient))
        root = math.sqrt(np.float64(memory.second[row, 0]))
        pace = np.float32(rate / (root + _EPSILON_ROWS))
        for d in range(len(gradient)):
            weights[d] -= pace * gradient[d]


@kernel
def _lazy_adam(
    table: Table, memory: Memory, used: int, rate: float, decay: float, steps: int
) -> None:
    weaker, one, two = np.float32(decay), np.float32(1.0 - _BETA1), np.float32(1.0 - _BETA2)
    small = np.float32(_EPSILON)
    pace = np.float32(
        rate * math.sqrt(1.0 - math.pow(_BETA2, steps)) / (1.0 - math.pow(_BETA1, steps))
    )
    for slot in range(used):
        row, gradient = memory.touched[slot], memory.gradient[slot]
        weights, first, second = table[row], memory.first[row], memory.second[row]
        for d in range(len(gradient)):
            g = gradient[d] + weaker * weights[d]
            first[d] += one * (g - first[d])
            second[d] += two * (g * g - second[d])
            weights[d] -= pace * np.divide(first[d], np.sqrt(second[d]) + small)


@kernel
def _paces(rate: float, steps: int, count: int) -> Table:
    """Adam's two corrections of each of the next steps, float32 (count, 2)."""
    out = np.empty((count, 2), np.float32)
    for i in range(count):
        out[i, 0] = rate / (1.0 - math.pow(_BETA1, steps + 1 + i))
        out[i, 1] = 1.0 / math.sqrt(1.0 - math.pow(_BETA2, steps + 1 + i))
    return out


@kernel
def _adam(
    table: Table, memory: Memory, used: int, paces: Table, at: IntArray, decay: float
) -> None:
    for slot in range(used):
        row = memory.touched[slot]
        _adam_row(table, memory, row, memory.gradient[slot], at[row], at[row] + 1, paces, decay)
        at[row] += 1


@kernel
def _catch_up(
    table: Table, memory: Memory, row: int, at: IntArray, now: int, paces: Table, decay: float
) -> None:
    """Takes the steps of a row that its gradient was zero in, up to the pass's step `now`."""
    if at[row] == now:
        return
    # A row that was never touched, as many are in a large table, has nothing to move by.
    if decay != 0.0 or memory.first[row].any() or memory.second[row].any():
        nothing = np.zeros(table.shape[1], np.float32)
        _adam_row(table, memory, row, nothing, at[row], now, paces, decay)
    at[row] = now


@kernel
def _catch_up_all(table: Table, memory: Memory, at: IntArray, paces: Table, decay: float) -> None:
    for row in range(len(table)):
        _catch_up(table, memory, row, at, len(paces), paces, decay)


@kernel
def _adam_row(
    table: Table,
    memory: Memory,
    row: int,
    gradient: Targets,
    begin: int,
    end: int,
    paces: Table,
    decay: float,
) -> None:
    """A row's steps begin .. end - 1 of the pass, all with the same gradient."""
    weaker, one, two = np.float32(decay), np.float32(1.0 - _BETA1), np.float32(1.0 - _BETA2)
    small, weights = np.float32(_EPSILON), table[row]
    first, second = memory.first[row], memory.second[row]
    for step in range(begin, end):
        faster, longer = paces[step, 0], paces[step, 1]
        for d in range(len(weights)):
            g = gradient[d] + weaker * weights[d]
            first[d] += one * (g - first[d])
            second[d] += two * (g * g - second[d])
            # Not `/`: it looks for a divisor of zero, and so keeps from vector instructions.
            weights[d] -= faster * np.divide(first[d], np.sqrt(second[d]) * longer + small)
