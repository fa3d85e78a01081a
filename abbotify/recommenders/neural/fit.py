"""The training of the bilinear network."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.recommenders.neural.epochs import met, passes
from abbotify.recommenders.neural.kernels import (
    OptimizerStates,
    Pairs,
    Parameters,
    mean_squared_error,
    train_pass,
)
from abbotify.recommenders.neural.optimizers import (
    ADAGRAD_ROWS,
    ADAM,
    LAZY_ADAM,
    Settings,
    initial_state,
)
from abbotify.recommenders.neural.pairs import embeddings, split, training_pairs
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import Fitted, OnPass, TrainingLog

_OPTIMIZERS: Final = {"adagrad_rows": ADAGRAD_ROWS, "lazy_adam": LAZY_ADAM, "adam": ADAM}


def fit(params: Neural, log: TrainingLog, seed: int, progress: OnPass) -> Fitted:
    """Trains the network on the listened fractions of recommended tracks.

    Args:
        params: its settings.
        log: what it learns from.
        seed: of the dynamics.
        progress: called after each epoch.

    Returns:
        `start`, `track` and, with users, `user`: float32 (n, embedding_size); `seen_start`,
        `seen_track`, `seen_user`: bool (n), which of them the training met (not counting
        held-out pairs).

    Raises:
        UserError: there is nothing to learn from, or the training diverges.
    """
    pairs = training_pairs(log)
    chosen, held = split(log, params.validation_share, seed)
    rows, dims = (log.tracks, log.users, log.tracks), params.embedding_size
    parameters = Parameters(*(embeddings(k, n, dims, seed) for k, n in enumerate(rows)))
    training = _Training(params, pairs, parameters, min(params.batch_size, len(chosen)))
    curve, best = [], parameters
    judge = (lambda: training.error(held)) if len(held) else None
    for epoch, better in passes(params, chosen, seed, training.train, judge):
        curve.append(epoch)
        progress(epoch.number, params.epochs, epoch.loss)
        if better and params.early_stopping is not None:
            best = Parameters(*(table.copy() for table in parameters))
    arrays = {"start": best.start[:, :dims].copy(), "track": best.track[:, :dims].copy()}
    if params.user_embedding:
        arrays["user"] = best.user[:, :dims].copy()
    return Fitted({**arrays, **met(pairs, chosen, log)}, tuple(curve))


class _Training:
    """The embeddings under training, changed in place, and what the optimizer remembers."""

    def __init__(self, params: Neural, pairs: Pairs, parameters: Parameters, batch: int) -> None:
        self.params, self.pairs, self.parameters, self.batch = params, pairs, parameters, batch
        self.optimizer, self.steps = _OPTIMIZERS[params.optimizer], 0
        self.states = OptimizerStates(
            *(initial_state(table, self.optimizer, batch) for table in parameters)
        )

    def train(self, order: npt.NDArray[np.int64], rate: float) -> float:
        decay, with_users = self.params.weight_decay, self.params.user_embedding
        settings = Settings(self.optimizer, self.batch, rate, decay, with_users)
        loss = train_pass(self.pairs, order, self.parameters, self.states, settings, self.steps)
        self.steps += -(-len(order) // self.batch)
        return loss

    def error(self, held: npt.NDArray[np.int64]) -> float:
        return mean_squared_error(self.pairs, held, self.parameters, self.params.user_embedding)
