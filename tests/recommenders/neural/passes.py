"""Pairs to train on, and a few passes over them by the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from abbotify.recommenders.neural.kernels import OptimizerStates, Pairs, Parameters, train_pass
from abbotify.recommenders.neural.optimizers import (
    ADAGRAD_ROWS,
    ADAM,
    LAZY_ADAM,
    Settings,
    initial_state,
)

USERS, TRACKS, DIMS, N = 7, 11, 16, 83
OPTIMIZERS = [ADAGRAD_ROWS, LAZY_ADAM, ADAM]
Tables = list[Any]  # start, user, track


def made(seed: int = 1) -> tuple[Pairs, Parameters]:
    draw = np.random.default_rng(seed)
    row, start, track = (draw.integers(n, size=N) for n in (USERS, TRACKS, TRACKS - 2))
    pairs = Pairs(row, start, track, draw.random(N).astype(np.float32))
    tables = [
        (draw.normal(size=(n, DIMS)) * 0.3).astype(np.float32) for n in (TRACKS, USERS, TRACKS)
    ]
    return pairs, Parameters(*tables)


def passes(
    pairs: Pairs,
    parameters: Parameters,
    optimizer: int,
    batch: int = 20,
    rate: float = 0.05,
    decay: float = 0.0,
    with_users: bool = True,
    count: int = 3,
) -> list[float]:
    """Trains in place; the losses."""
    states = OptimizerStates(*(initial_state(table, optimizer, batch) for table in parameters))
    settings = Settings(optimizer, batch, rate, decay, with_users)
    order, losses, steps = np.arange(N), [], 0
    for _ in range(count):
        losses.append(train_pass(pairs, order, parameters, states, settings, steps))
        steps += -(-N // batch)
    return losses
