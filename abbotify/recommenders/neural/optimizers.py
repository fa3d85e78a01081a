"""The optimizers of the bilinear network: how a batch's gradient moves the rows of a table.

Adagrad has one accumulator a row; lazy Adam moves the rows that the batch has touched, dense Adam
every row in every step. A row makes up for the steps that it was not touched in when it is next
read, one by one, so with the same bits: all its steps cost one trip to memory.

Sources: Duchi, Hazan, Singer: Adaptive subgradient methods (2011), with one accumulator a row as
in Mudigere et al.: Software-hardware co-design for DLRM (2022); Kingma, Ba: Adam (2015).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.jit import kernel
from abbotify.vectors import dot

Table = npt.NDArray[np.float32]
Row = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

ADAGRAD_ROWS: Final = 0
LAZY_ADAM: Final = 1
ADAM: Final = 2

_BETA1: Final = 0.9
_BETA2: Final = 0.999
_EPSILON: Final = 1e-8
_EPSILON_ROWS: Final = 1e-10


class Settings(NamedTuple):
    """What does not change within a pass.

    Attributes:
        optimizer: ADAGRAD_ROWS, LAZY_ADAM or ADAM.
        batch: pairs a step; the last one may have fewer.
        rate: learning rate.
        decay: of weights: `decay * weight` is added to the gradient; of touched rows alone for
            the row-wise optimizers.
        with_users: False leaves the users' embeddings out.
    """

    optimizer: int
    batch: int
    rate: float
    decay: float
    with_users: bool


class OptimizerState(NamedTuple):
    """What an optimizer remembers of a table, and the gradient of the batch under way.

    Attributes:
        first: float32 (n, dims), Adam's first moment; (0, 0) for Adagrad.
        second: float32 (n, dims), Adam's second moment; (n, 1), Adagrad's sum.
        steps: int64 (n), the steps of the pass that dense Adam has taken a row; (0) for others.
        slot: int32 (n), the row's place in the gradient, -1 between batches.
        used: int64 (1), how many places are taken.
        touched: int64 (batch), the rows of the places.
        gradient: float32 (batch, dims).
    """

    first: Table
    second: Table
    steps: IntArray
    slot: npt.NDArray[np.int32]
    used: IntArray
    touched: IntArray
    gradient: Table


def initial_state(table: Table, optimizer: int, batch: int) -> OptimizerState:
    """The state before the first batch."""
    rows, dims = table.shape
    adam = optimizer != ADAGRAD_ROWS
    return OptimizerState(
        np.zeros((rows, dims) if adam else (0, 0), np.float32),
        np.zeros((rows, dims if adam else 1), np.float32),
        np.zeros(rows if optimizer == ADAM else 0, np.int64),
        np.full(rows, -1, np.int32),
        np.zeros(1, np.int64),
        np.empty(min(batch, rows), np.int64),
        np.empty((min(batch, rows), dims), np.float32),
    )


@kernel
def gradient_of(state: OptimizerState, row: int) -> Row:
    """The row's place in the gradient of the batch; zeros when it is the first to touch it."""
    if state.slot[row] < 0:
        place = state.used[0]
        state.used[0] = place + 1
        state.slot[row] = place
        state.touched[place] = row
        state.gradient[place, :] = 0.0
    return state.gradient[state.slot[row]]


@kernel
def step(
    table: Table, state: OptimizerState, settings: Settings, number: int, paces: Table
) -> None:
    """Moves a table by the gradient of a batch, and forgets the gradient.

    Args:
        table: changed in place.
        state: of the table, changed in place.
        settings: of the pass.
        number: of the step, counted from 1 over the whole training.
        paces: as `paces_of` gives them.
    """
    if settings.optimizer == ADAM:
        _adam(table, state, settings.decay, paces)
    elif settings.optimizer == LAZY_ADAM:
        _lazy_adam(table, state, settings.rate, settings.decay, number)
    else:
        _adagrad_rows(table, state, settings.rate, settings.decay)
    for slot in range(state.used[0]):
        state.slot[state.touched[slot]] = -1
    state.used[0] = 0


@kernel
def _adagrad_rows(table: Table, state: OptimizerState, rate: float, decay: float) -> None:
    weaker = np.float32(decay)
    for slot in range(state.used[0]):
        row, gradient = state.touched[slot], state.gradient[slot]
        weights = table[row]
        for d in range(len(gradient)):
            gradient[d] += weaker * weights[d]
        state.second[row, 0] += dot(gradient, gradient) / np.float32(len(gradient))
        root = math.sqrt(np.float64(state.second[row, 0]))
        pace = np.float32(rate / (root + _EPSILON_ROWS))
        for d in range(len(gradient)):
            weights[d] -= pace * gradient[d]


@kernel
def _lazy_adam(table: Table, state: OptimizerState, rate: float, decay: float, number: int) -> None:
    weaker = np.float32(decay)
    step_first, step_second = np.float32(1.0 - _BETA1), np.float32(1.0 - _BETA2)
    small = np.float32(_EPSILON)
    pace = np.float32(
        rate * math.sqrt(1.0 - math.pow(_BETA2, number)) / (1.0 - math.pow(_BETA1, number))
    )
    for slot in range(state.used[0]):
        row, gradient = state.touched[slot], state.gradient[slot]
        weights, first, second = table[row], state.first[row], state.second[row]
        for d in range(len(gradient)):
            g = gradient[d] + weaker * weights[d]
            first[d] += step_first * (g - first[d])
            second[d] += step_second * (g * g - second[d])
            weights[d] -= pace * np.divide(first[d], np.sqrt(second[d]) + small)


@kernel
def paces_of(settings: Settings, steps: int, count: int) -> Table:
    """Dense Adam's two corrections of each of the next steps: float32 (count, 2).

    Args:
        settings: of the pass.
        steps: how many were taken before.
        count: how many are to come; none for the other optimizers.
    """
    count = count if settings.optimizer == ADAM else 0
    out = np.empty((count, 2), np.float32)
    for i in range(count):
        out[i, 0] = settings.rate / (1.0 - math.pow(_BETA1, steps + 1 + i))
        out[i, 1] = 1.0 / math.sqrt(1.0 - math.pow(_BETA2, steps + 1 + i))
    return out


@kernel
def _adam(table: Table, state: OptimizerState, decay: float, paces: Table) -> None:
    for slot in range(state.used[0]):
        row = state.touched[slot]
        taken = state.steps[row]
        _adam_row(table, state, row, state.gradient[slot], taken, taken + 1, paces, decay)
        state.steps[row] = taken + 1


@kernel
def begin_pass(state: OptimizerState) -> None:
    """Counts the steps of dense Adam from 0."""
    state.steps[:] = 0


@kernel
def catch_up(
    table: Table, state: OptimizerState, row: int, now: int, paces: Table, decay: float
) -> None:
    """Takes dense Adam's steps of a row that its gradient was zero in, up to step `now`."""
    taken = state.steps[row]
    if taken == now:
        return
    # A row that was never touched, as many are in a large table, has nothing to move by.
    if decay != 0.0 or state.first[row].any() or state.second[row].any():
        nothing = np.zeros(table.shape[1], np.float32)
        _adam_row(table, state, row, nothing, taken, now, paces, decay)
    state.steps[row] = now


@kernel
def end_pass(table: Table, state: OptimizerState, paces: Table, decay: float) -> None:
    """Lets every row take the steps that dense Adam still owes it."""
    for row in range(len(state.steps)):
        catch_up(table, state, row, len(paces), paces, decay)


@kernel
def _adam_row(
    table: Table,
    state: OptimizerState,
    row: int,
    gradient: Row,
    begin: int,
    end: int,
    paces: Table,
    decay: float,
) -> None:
    """A row's steps begin .. end - 1 of the pass, all with the same gradient."""
    weaker = np.float32(decay)
    step_first, step_second = np.float32(1.0 - _BETA1), np.float32(1.0 - _BETA2)
    small, weights = np.float32(_EPSILON), table[row]
    first, second = state.first[row], state.second[row]
    for step in range(begin, end):
        faster, longer = paces[step, 0], paces[step, 1]
        for d in range(len(weights)):
            g = gradient[d] + weaker * weights[d]
            first[d] += step_first * (g - first[d])
            second[d] += step_second * (g * g - second[d])
            # Not `/`: it looks for a divisor of zero, and so keeps from vector instructions.
            weights[d] -= faster * np.divide(first[d], np.sqrt(second[d]) * longer + small)
